"""Temporary URLs, tried at a real Swift."""

import io
import json
import logging
import time

import pytest
import relay
import requests

from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift.compat import native
from docker_registry.drivers.swift.objects import redirect
from docker_registry.drivers.swift.objects import tempurl

_CONTENT = b'a layer'


@pytest.fixture(autouse=True)
def unheard_urls(caplog):
    """Let what the tests themselves ask for be logged without the URL."""
    caplog.set_level(logging.INFO, 'urllib3')


@pytest.fixture
def key(secret_of):
    return secret_of('TempURL')


@pytest.fixture
def set_keys(services, swift_settings):
    """Set the TempURL keys of the test's container, or of its account."""
    login = requests.get(services['settings']['swift_authurl'], headers={
        'X-Auth-User': services['settings']['swift_user'],
        'X-Auth-Key': services['settings']['swift_password']})
    account = login.headers['X-Storage-Url']

    def post(headers, whole_account=False):
        url = account if whole_account else '%s/%s' % (
            account, swift_settings['swift_container'])
        answer = requests.post(url, headers=dict(
            headers, **{'X-Auth-Token': login.headers['X-Auth-Token']}))
        assert answer.status_code == 204

    def set_keys(key, second='', whole_account=False):
        name = 'X-%s-Meta-Temp-URL-Key' % (
            'Account' if whole_account else 'Container')
        post({name: key, name + '-2': second}, whole_account)
    set_keys.post = post
    yield set_keys
    set_keys('', whole_account=True)


@pytest.fixture
def with_layers(make_storage):
    """Build a storage that has a layer in one object and one in segments."""
    def make(**settings):
        storage = make_storage(**settings)
        storage.stream_write('images/1/layer', io.BytesIO(_CONTENT))
        make_storage(swift_segment_size=3).stream_write(
            'images/large/layer', io.BytesIO(_CONTENT))
        return storage
    return make


_PATHS = pytest.mark.parametrize('path', ['images/1/layer',
                                          'images/large/layer'])


@_PATHS
@pytest.mark.parametrize('whole_account', [False, True])
def test_layer_through_a_temporary_url(key, with_layers, set_keys, path,
                                       whole_account):
    storage = with_layers(swift_temp_url_key=key)
    set_keys(key, whole_account=whole_account)
    answer = requests.get(storage.content_redirect_url(path))
    assert (answer.status_code, answer.content) == (200, _CONTENT)


@_PATHS
def test_key_from_the_container(key, with_layers, set_keys, path):
    storage = with_layers()
    set_keys(key)
    url = storage.content_redirect_url(path)
    assert requests.get(url).content == _CONTENT
    assert key not in url


@_PATHS
def test_url_is_good_for_one_path_one_method_and_its_time(key, with_layers,
                                                          set_keys, path):
    storage = with_layers(swift_temp_url_key=key, swift_temp_url_ttl=3)
    set_keys(key)
    url = storage.content_redirect_url(path)
    other = url.replace(path, 'images/other/layer')
    assert requests.get(other).status_code == 401
    for method in ('PUT', 'POST', 'DELETE'):
        assert requests.request(method, url).status_code == 401
    assert requests.get(url).content == _CONTENT
    expires_at = int(url.rpartition('=')[2])
    assert 0 < expires_at - time.time() <= 3
    time.sleep(expires_at - time.time() + 1.1)
    assert requests.get(url).status_code == 401


def test_strongest_digest(key, with_layers, set_keys):
    storage = with_layers(swift_temp_url_key=key)
    set_keys(key)
    url = storage.content_redirect_url('images/1/layer')
    signature = url.split('temp_url_sig=')[1].split('&')[0]
    assert len(signature) == 128  # SHA-512 in hexadecimal


@pytest.mark.parametrize('info, digest', [
    ({'tempurl': {'allowed_digests': ['sha1', 'sha256']}}, 'sha256'),
    ({'tempurl': {}}, 'sha1'),
    ({'tempurl': {'allowed_digests': ['md5']}}, None),
    ({}, None),
])
def test_digest_that_the_cluster_takes(faulty_storage, faults, info, digest):
    faults.inject(relay.answer(json.dumps(dict(info, swift={}))), 'GET',
                  '/info')
    capabilities = faulty_storage._container.capabilities()
    assert capabilities.temp_url_digest == digest


def test_name_that_must_be_quoted(key, with_layers, set_keys):
    storage = with_layers(swift_temp_url_key=key)
    set_keys(key)
    path = u'a b/%2F?\u20ac#/l+yer'
    storage.stream_write(path, io.BytesIO(_CONTENT))
    url = storage.content_redirect_url(path)
    assert requests.get(url).content == _CONTENT


def test_public_url(key, with_layers, set_keys, faults):
    # Clients reach Swift elsewhere; the path that Swift signs is the same.
    public = 'http://localhost:%d' % faults.port
    storage = with_layers(swift_temp_url_key=key, swift_public_url=public)
    set_keys(key)
    url = storage.content_redirect_url('images/1/layer')
    assert url.startswith(public + '/v1/AUTH_test/')
    assert requests.get(url).content == _CONTENT


def test_public_url_with_a_path_of_its_own():
    storage_url = 'http://swift:8080/v1/AUTH_a'
    url = tempurl.object_url(storage_url, 'https://cdn/images', 'c', 'o')
    assert url == 'https://cdn/images/c/o'
    arguments = (storage_url, 'c', 'o', 'key', 'sha256', 1)
    signed = tempurl.sign(url, *arguments)
    plain = tempurl.sign(storage_url + '/c/o', *arguments)
    assert signed.split('?')[1] == plain.split('?')[1]


def test_account_that_no_signature_can_name():
    # Ceph's RADOS Gateway leaves it out of the URL.
    assert tempurl.sign('http://rgw/swift/v1/c/o', 'http://rgw/swift/v1', 'c',
                        'o', 'key', 'sha256', 1) is None


@_PATHS
def test_no_key(with_layers, set_keys, path):
    assert with_layers().content_redirect_url(path) is None


def test_no_object(key, with_layers, set_keys):
    storage = with_layers(swift_temp_url_key=key)
    set_keys(key)
    with pytest.raises(errors.ObjectNotFoundError) as caught:
        storage.content_redirect_url('images/2/layer')
    assert isinstance(caught.value, IOError)


@_PATHS
def test_public_container_needs_no_signature(with_layers, set_keys, path):
    storage = with_layers(swift_public_container=True)
    set_keys.post({'X-Container-Read': '.r:*'})
    url = storage.content_redirect_url(path)
    assert 'temp_url' not in url
    assert requests.get(url).content == _CONTENT


@pytest.mark.parametrize('odd', [u'a%41b-%zz+c d', u'\xe4\u20ac'])
def test_key_of_any_letters(with_layers, secret_of, odd):
    storage = with_layers()
    storage._redirects.set_key(native(secret_of('odd') + odd))
    url = storage.content_redirect_url('images/1/layer')
    assert requests.get(url).content == _CONTENT


def test_key_file_that_is_being_written(key, with_layers, set_keys, tmpdir,
                                        caplog):
    path = tmpdir.join('key')
    path.write(key)
    storage = with_layers(swift_temp_url_key_file=str(path))
    set_keys(key)
    for content in (b'', b'\xff'):
        path.write(content, 'wb')
        assert storage.content_redirect_url('images/1/layer') is None
    path.remove()
    assert storage.content_redirect_url('images/1/layer') is None
    assert 'no redirects: swift_temp_url_key_file' in caplog.text


@_PATHS
def test_rotation_breaks_nothing(with_layers, path, secret_of):
    redirects = with_layers()._redirects
    name = 'registry/' + path
    redirects.set_key(secret_of('first'))
    issued = redirects.url(name)
    # Another registry, which will not ask again for a minute.
    other = with_layers()._redirects
    other.url(name)
    redirects.set_key(secret_of('second'))
    redirects.set_key(secret_of('second'))  # to set it again is no rotation
    for url in (issued, other.url(name), redirects.url(name)):
        assert requests.get(url).content == _CONTENT
    redirects.set_key(secret_of('third'))
    assert requests.get(issued).status_code == 401


def test_key_of_the_container_is_asked_for_once_a_minute(key, with_layers,
                                                         set_keys,
                                                         swift_settings,
                                                         faults, monkeypatch):
    storage = with_layers(swift_object_storage_url='http://127.0.0.1:%d/v1/'
                          'AUTH_test' % faults.port)
    set_keys(key)

    def asked():
        path = '/v1/AUTH_test/' + swift_settings['swift_container']
        return sum(1 for request in faults.requests
                   if (request.method, request.path) == ('HEAD', path))
    for _ in range(3):
        storage.content_redirect_url('images/1/layer')
    assert asked() == 1
    now = time.time()
    monkeypatch.setattr(redirect.time, 'time', lambda: now + 61)
    storage.content_redirect_url('images/1/layer')
    assert asked() == 2
    # It is asked for again also where the clock is set back.
    monkeypatch.setattr(redirect.time, 'time', lambda: now - 3600)
    storage.content_redirect_url('images/1/layer')
    assert asked() == 3
