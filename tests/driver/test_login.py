"""Logins that the stack's Keystone cannot give.

The real Keystone is asked in tests/registry/login/. Here: version 2 of
its API, which no Keystone since 2018 has; a stand-in answers as one did.
"""

import json
import threading

import pytest
import requests

from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift.client import breaker
from docker_registry.drivers.swift.client import login

try:
    from http import server as http_server
except ImportError:  # Python 2
    import BaseHTTPServer as http_server


@pytest.fixture
def keystone_v2(services, secret_of):
    """URL of a Keystone that has v2 alone, and the requests it has seen."""
    swift = services['settings']
    login = requests.get(swift['swift_authurl'], headers={
        'X-Auth-User': swift['swift_user'],
        'X-Auth-Key': swift['swift_password']})
    seen = []

    class Handler(http_server.BaseHTTPRequestHandler):
        #: What is answered instead of the versions: (status, content).
        instead = None
        token = login.headers['X-Auth-Token']
        account_url = login.headers['X-Storage-Url']

        def do_GET(self):
            if self.instead is not None:
                return self.reply(*self.instead)
            return self.reply(300, {'versions': {'values': [{
                'id': 'v2.0', 'status': 'stable', 'links': [{
                    'rel': 'self', 'href': url + '/v2.0/'}]}]}})

        def do_POST(self):
            asked = json.loads(self.rfile.read(
                int(self.headers['Content-Length'])).decode('utf-8'))
            seen.append((self.path, asked['auth']))
            if (asked['auth']['passwordCredentials']['password']
                    != secret_of('user of v2')):
                return self.reply(401, {'error': {
                    'code': 401, 'message': 'Could not authenticate'}})
            return self.reply(200, {'access': {
                'token': {'id': self.token,
                          'expires': '2099-01-01T00:00:00Z'},
                'user': {'id': '1', 'name': 'registry'},
                'serviceCatalog': [{
                    'type': 'object-store', 'name': 'swift', 'endpoints': [{
                        'region': 'north',
                        'publicURL': self.account_url}]}]}})

        def reply(self, status, content):
            body = json.dumps(content).encode('utf-8')
            self.send_response(status)
            self.send_header('Content-Type', 'application/json')
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = http_server.HTTPServer(('127.0.0.1', 0), Handler)
    url = 'http://127.0.0.1:%d' % server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield url, seen, Handler
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize('path', ['', '/v2.0', '/v2.0/'])
@pytest.mark.parametrize('version', [2, None])
def test_keystone_that_has_v2_alone(keystone_v2, make_storage, secret_of,
                                    path, version):
    url, seen, _ = keystone_v2
    storage = make_storage(
        swift_authurl=url + path, swift_auth_version=version,
        swift_user='registry', swift_password=secret_of('user of v2'),
        swift_tenant_name='images', swift_region_name='north')
    storage.put_content('a', b'1')
    assert storage.get_content('a') == b'1'
    (where, asked), = seen
    assert where == '/v2.0/tokens'
    assert asked['tenantName'] == 'images'
    assert asked['passwordCredentials']['username'] == 'registry'


@pytest.mark.parametrize('instead', [
    # Rackspace's, and what stands before others.
    (200, {'versions': {'version': [{'id': 'v2.0', 'status': 'CURRENT'}]}}),
    (200, {'versions': [None]}), (200, []), (200, 'welcome'),
    (403, {'forbidden': {'code': 403, 'message': 'no'}}), (404, {}),
    (401, {})], ids=str)
@pytest.mark.parametrize('path, version', [
    ('/v2.0/', None), ('/v2.0/tokens', None), ('/identity/v2.0', None),
    ('/identity/v2.0', 2), ('/identity', 2)])
def test_v2_that_does_not_tell_its_versions(
        keystone_v2, make_storage, secret_of, instead, path, version):
    url, seen, handler = keystone_v2
    handler.instead = instead
    storage = make_storage(
        swift_authurl=url + path, swift_auth_version=version,
        swift_user='registry', swift_password=secret_of('user of v2'),
        swift_tenant_name='images', swift_region_name='north')
    assert storage.exists('a') is False
    (where, asked), = seen
    assert where == path.rstrip('/').replace('/tokens', '') + '/tokens'
    assert asked['tenantName'] == 'images'


@pytest.mark.parametrize('instead', [
    (200, {'versions': {'version': [{'id': 'v2.0'}]}}), (200, []),
    (404, {})], ids=str)
def test_no_keystone_and_no_v2(keystone_v2, make_storage, secret_of, instead):
    url, seen, handler = keystone_v2
    handler.instead = instead
    storage = make_storage(
        swift_authurl=url, swift_auth_version=None, swift_user='registry',
        swift_password=secret_of('user of v2'), swift_tenant_name='images')
    with pytest.raises(errors.LoginError) as caught:
        storage.exists('a')
    assert 'see swift_authurl, swift_auth_version' in str(caught.value)
    assert seen == []


@pytest.fixture
def refused_by_v2(keystone_v2, make_storage, secret_of):
    """Return why what a login by v2 gives is refused; it may be changed."""
    def refused(**given):
        url, _, handler = keystone_v2
        for name, value in given.items():
            setattr(handler, name, value)
        storage = make_storage(
            swift_authurl=url, swift_auth_version=2, swift_user='registry',
            swift_password=secret_of('user of v2'),
            swift_tenant_name='images')
        with pytest.raises(errors.LoginError) as caught:
            storage.exists('a')
        return str(caught.value)
    return refused


@pytest.mark.parametrize('token', [
    u'geh\xe9im', u'geheim\u20ac', u'\U0001f511', 'ge heim', 'geheim\n', '',
    None, 1, ['geheim']], ids=repr)
def test_token_that_can_be_none(refused_by_v2, token):
    message = refused_by_v2(token=token)
    assert 'what came as the token is none' in message
    assert message.endswith('; see swift_authurl')
    assert 'heim' not in message


@pytest.mark.parametrize('account_url', [
    'swift:8080/v1/AUTH_a', '/v1/AUTH_a', 'ftp://swift/v1/AUTH_a', 'http://',
    '', None])
def test_account_url_that_is_none(refused_by_v2, account_url):
    message = refused_by_v2(account_url=account_url)
    if account_url:
        assert account_url in message
        assert message.endswith('; see swift_object_storage_url')


def test_grant_does_not_show_its_tokens(secret_of):
    grant = login.Grant('http://swift/v1/AUTH_a', secret_of('user'),
                        secret_of('service'))
    assert repr(grant) == "Grant(storage_url='http://swift/v1/AUTH_a')"


def test_password_that_no_header_takes_is_not_shown(make_storage, secret_of):
    storage = make_storage(swift_password=' ' + secret_of('nobody'))
    with pytest.raises(errors.LoginError) as caught:
        storage.exists('a')
    assert secret_of('nobody') not in str(caught.value)


@pytest.mark.parametrize('letter', [u' ', u'\xe9', u'\u20ac'])
def test_token_that_no_header_takes_is_not_shown(make_storage, secret_of,
                                                 tmpdir, letter):
    login = {'swift_authurl': None, 'swift_auth_version': None,
             'swift_user': None, 'swift_password': None,
             'swift_object_storage_url': 'http://127.0.0.1:9/v1/AUTH_a'}
    token = letter + secret_of('nobody')
    path = tmpdir.join('token')
    path.write_binary(token.encode('utf-8'))
    for key, value in (('swift_auth_token', token),
                       ('swift_auth_token_file', str(path))):
        with pytest.raises(errors.ConfigError) as caught:
            make_storage(**dict(login, **{key: value}))
        assert key + ': ' in str(caught.value)
        assert 'this is no token' in str(caught.value)
        assert secret_of('nobody') not in str(caught.value)
    # Somebody writes another one there.
    path.write(secret_of('nobody'))
    storage = make_storage(swift_auth_token_file=str(path), **login)
    path.write_binary(token.encode('utf-8'))
    with pytest.raises(errors.LoginError) as caught:
        storage.exists('a')
    assert 'this is no token; see swift_auth_token_file' in str(caught.value)
    assert secret_of('nobody') not in str(caught.value)


def test_url_that_is_no_keystone(services, make_storage, secret_of):
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/nowhere' % services['port'],
        swift_auth_version=2, swift_user='a', swift_tenant_name='b')
    with pytest.raises(errors.LoginError) as caught:
        storage.exists('a')
    assert 'see swift_authurl, swift_auth_version' in str(caught.value)


def test_keystone_v2_that_refuses(keystone_v2, make_storage, secret_of):
    storage = make_storage(
        swift_authurl=keystone_v2[0], swift_auth_version=2,
        swift_user='registry', swift_password=secret_of('nobody'),
        swift_tenant_name='images')
    with pytest.raises(errors.LoginError) as caught:
        storage.exists('a')
    assert 'see swift_user, swift_password' in str(caught.value)


def test_all_requests_of_a_login_have_one_time(monkeypatch):
    now, timeouts = [100.0], []
    monkeypatch.setattr(breaker, 'clock', lambda: now[0])
    monkeypatch.setattr(
        requests.adapters.HTTPAdapter, 'send',
        lambda *_, **options: timeouts.append(options['timeout']))
    adapter = login._Adapter(5, 10)
    for _ in range(3):
        adapter.send(None)
        now[0] += 6
    assert timeouts == [(5, 10), (4, 4), (0.01, 0.01)]
