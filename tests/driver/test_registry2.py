"""Configuration files of registry:2, as the registry's own."""

import pytest
import yaml

from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift.config import files
from docker_registry.drivers.swift.config import registry2
from docker_registry.drivers.swift.config import settings
from docker_registry.drivers.swift.monitoring import health
from docker_registry.drivers.swift.v2 import settings as v2_settings

pytestmark = pytest.mark.once

_LEAST = '''
version: 0.1
storage:
  swift: {username: u, password: p, authurl: 'https://k/v3', container: c}
'''


def read(text='', least=_LEAST, **environment):
    document = yaml.safe_load(least)
    for section, value in (yaml.safe_load(text) or {}).items():
        if isinstance(document.get(section), dict):
            document[section].update(value)
        else:
            document[section] = value
    return registry2.Registry2(document, environment)


def problems(*arguments, **keywords):
    with pytest.raises(errors.ConfigError) as caught:
        read(*arguments, **keywords)
    return str(caught.value)


def test_least():
    found = read()
    assert found.http == registry2.defaults()
    assert found.notes == []
    parsed = settings.parse(None, found)
    assert (parsed.root, parsed.container, parsed.user, parsed.password,
            parsed.authurl, parsed.auth_version) == (
                '', 'c', 'u', 'p', 'https://k/v3', 'auto')
    assert v2_settings.parse(found.extensions) == (True, False, False, None,
                                                   None)
    assert not health.parse(found.extensions).enforce
    # As registry:2 does where the container has a key.
    assert found.storage_redirect is True
    assert v2_settings.unguarded(
        v2_settings.parse(found.extensions), found) is None


def test_all_of_swift():
    found = settings.parse(None, read('''
storage:
  swift:
    username: u
    password: 12345
    authurl: https://k/v3
    authversion: 3
    tenantid: 7
    domain: d
    tenantdomainid: e
    region: r
    endpointtype: internal
    insecureskipverify: true
    chunksize: 5242880
    container: c
    prefix: a/b
'''))
    assert (found.password, found.auth_version, found.tenant_id,
            found.user_domain_name, found.project_domain_id,
            found.region_name, found.endpoint_type, found.insecure,
            found.segment_size, found.root) == (
                '12345', '3', '7', 'd', 'e', 'r', 'internal', True, 5242880,
                'a/b')


def test_all_of_http():
    found = read('''
log: {level: warn, accesslog: {disabled: true}}
http:
  addr: '[::1]:443'
  prefix: /images/
  draintimeout: 1m30s
  headers: {X-A: [b, c], X-D: e}
  tls: {certificate: /c.pem, key: /k.pem, clientcas: [/ca.pem],
        minimumtls: tls1.3}
''')
    assert found.http == registry2.Http(
        '::1', 443, 'images', [('X-A', 'b'), ('X-A', 'c'), ('X-D', 'e')],
        '/c.pem', '/k.pem', ['/ca.pem'], 'TLSv1_3', 90, False)
    assert found.loglevel == 'warning'
    assert found.notes == []
    # Go's numbers are nanoseconds; gunicorn's seconds are whole.
    for text, seconds in (('60s', 60), ('1500ms', 2), ('60', 1), ('0', None)):
        grace = read('http: {draintimeout: %s}' % text).http.grace_seconds
        assert (grace, type(grace)) == (seconds, type(seconds))


@pytest.mark.parametrize('prefix, root', [
    ('a', 'a'), ('/a', 'a'), ('//a/b', 'a/b'), ('/', ''), ('""', '')])
def test_prefix(prefix, root):
    found = read(REGISTRY_STORAGE_SWIFT_PREFIX=prefix)
    assert settings.parse(None, found).root == root


def test_health():
    found = read('health: {storagedriver: {enabled: true, interval: 30s, '
                 'threshold: 3}}')
    assert health.parse(found.extensions) == (True, 30, 3, True)
    # Go's numbers are nanoseconds; without a threshold the first one counts.
    found = read('health: {storagedriver: {enabled: true, '
                 'interval: 5000000000}}')
    assert health.parse(found.extensions) == (True, 5, 1, True)
    found = read('health: {storagedriver: {enabled: false, threshold: 9}}')
    assert not health.parse(found.extensions).enforce


def test_what_clients_may_do(tmpdir):
    users = tmpdir.join('htpasswd')
    users.write('bob:$2y$04$r594zOtinmTe4yJqH0Zt9.QgA4MbSBSfBAdafHmSJRLGnA0NU'
                '9ayu\n')
    found = read('''
storage:
  delete: {enabled: true}
  redirect: {disable: true}
  maintenance: {readonly: {enabled: true}}
auth: {htpasswd: {realm: r, path: '%s'}}
''' % users)
    assert found.storage_redirect is False
    parsed = v2_settings.parse(found.extensions)
    assert parsed[1:4] == (True, True, 'r')
    assert parsed.users.is_right('bob', 'password')


def test_variables(tmpdir):
    found = read(
        REGISTRY_STORAGE_SWIFT_CONTAINER='d',
        REGISTRY_STORAGE_SWIFT_PREFIX='e', REGISTRY_HTTP_ADDR=':1',
        REGISTRY_STORAGE_DELETE_ENABLED='true', REGISTRY_LOG_LEVEL='debug',
        REGISTRY_HTTP_HEADERS='{X-A: [b]}', REGISTRY_PORT='tcp://10.0.0.1:5',
        REGISTRY_PORT_5000_TCP_ADDR='10.0.0.1', OTHER='x')
    assert (found.swift_container, found.storage_path, found.loglevel) == (
        'd', 'e', 'debug')
    assert (found.http.port, found.http.headers) == (1, [('X-A', 'b')])
    assert v2_settings.parse(found.extensions).deletes
    assert [note.split(':')[0] for note in found.notes] == [
        '$REGISTRY_PORT', '$REGISTRY_PORT_5000_TCP_ADDR']


def test_variables_alone():
    found = read(
        least='version: 0.1', REGISTRY_STORAGE='swift',
        REGISTRY_STORAGE_SWIFT_USERNAME='u',
        REGISTRY_STORAGE_SWIFT_PASSWORD='p',
        REGISTRY_STORAGE_SWIFT_AUTHURL='https://k/v3',
        REGISTRY_STORAGE_SWIFT_CONTAINER='c')
    assert settings.parse(None, found).container == 'c'


def test_variables_that_reach_into_a_list():
    found = read('http: {tls: {certificate: c, clientcas: [/a]}}',
                 REGISTRY_HTTP_TLS_CLIENTCAS_0='/b')
    assert found.http.client_cas == ['/a']
    note, = found.notes
    assert note.startswith('$REGISTRY_HTTP_TLS_CLIENTCAS_0: reaches into')


def test_a_variable_is_not_shown_when_it_is_wrong():
    assert problems(REGISTRY_STORAGE_SWIFT_PASSWORD='"hush') == (
        '$REGISTRY_STORAGE_SWIFT_PASSWORD is not YAML; put it in quotes')


@pytest.mark.parametrize('text, note', [
    ('storage: {swift: {username: u, password: p, authurl: "https://k/v3", '
     'container: c, rootdirectory: /x}}',
     'storage: swift: rootdirectory: left out'),
    ('storage: {cache: {blobdescriptor: inmemory}}',
     'storage: cache: not needed'),
    ('http: {secret: hush}', 'http: secret: not needed'),
    ('http: {debug: {addr: ":5001"}}', 'http: debug: health is at /_health'),
    ('notifications: {endpoints: [{url: x}]}', 'notifications: nobody'),
    ('health: {tcp: [{addr: x}]}', 'health: tcp: nothing but the storage'),
    ('storage: {maintenance: {uploadpurging: {enabled: true}}}',
     'storage: maintenance: uploadpurging: uploads'),
    ('http: {tls: {certificate: a, ciphersuites: [b]}}',
     'http: tls: ciphersuites'),
    ('http: {adr: ":5000"}', 'http: adr: not understood'),
    ('nothing: {of: this}', 'nothing: not understood')])
def test_what_is_left_out_is_named(text, note):
    found, = read(text).notes
    assert found.startswith(note)
    assert 'hush' not in found


@pytest.mark.parametrize('text, problem', [
    ('version: 0.2', 'version: not 0.1'),
    ('auth: {token: {realm: r}}', 'auth: token: there is no such way'),
    ('auth: silly', 'auth: silly: there is no such way'),
    ('auth: {htpasswd: {realm: r}}', 'auth: htpasswd: path: missing'),
    ('auth: htpasswd', 'auth: htpasswd: realm: missing'),
    ('proxy: {remoteurl: "https://x"}', 'proxy: remoteurl: '),
    ('storage: {s3: {bucket: b}}', 'storage: s3: '),
    ('storage: {redirect: {disable: 1}}', 'storage: redirect: disable: neither'
     ' true nor false'),
    ('http: {addr: x}', 'http: addr: not an address'),
    ('http: {addr: ":0"}', 'http: addr: not an address'),
    ('http: {net: unix}', 'http: net: not tcp'),
    ('http: {headers: [x]}', 'http: headers: not a mapping'),
    ('http: {headers: {X A: [b]}}', 'http: headers: no name of a header: '),
    ('http: {headers: {"X-\u00c4": [b]}}',
     'http: headers: no name of a header: '),
    ('http: x', 'http: not a mapping'),
    ('http: {tls: {key: k}}', 'http: tls: certificate: missing'),
    ('http: {tls: {letsencrypt: {cachefile: x}}}', 'http: tls: letsencrypt'),
    ('http: {tls: {certificate: c, minimumtls: ssl3}}',
     'http: tls: minimumtls: not one of tls1.0'),
    ('http: {draintimeout: soon}', 'http: draintimeout: neither'),
    ('log: {level: loud}', 'log: level: not one of'),
    ('health: {storagedriver: {threshold: x}}',
     'health: storagedriver: threshold: not a whole number')])
def test_what_cannot_be_is_refused(text, problem):
    assert problem in problems(text)


def test_other_storage():
    assert 'storage: not swift' in problems(least='version: 0.1')


@pytest.mark.parametrize('change, problem', [
    ({'prefix': 'a/'}, 'storage: swift: prefix: ends in a slash'),
    ({'authurl': 'ftp://x'}, 'storage: swift: authurl: not a URL'),
    ({'username': None}, 'storage: swift: username: missing'),
    ({'container': 'a/b'}, 'storage: swift: container: a container name'),
    ({'authversion': 4}, 'storage: swift: authversion: not one of')])
def test_settings_are_called_as_the_file_calls_them(change, problem):
    document = yaml.safe_load(_LEAST)
    document['storage']['swift'].update(change)
    with pytest.raises(errors.ConfigError) as caught:
        settings.parse(None, registry2.Registry2(document, {}))
    assert problem in str(caught.value)


def test_files_are_told_apart(tmpdir):
    path = tmpdir.join('config.yml')
    path.write(_LEAST)
    assert isinstance(files.read(str(path), 'dev'), registry2.Registry2)
    path.write('version: {storage: swift}')
    assert files.read(str(path), 'version').storage == 'swift'
    path.write('version')
    with pytest.raises(errors.ConfigError):
        files.read(str(path), 'dev')
