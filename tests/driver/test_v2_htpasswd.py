# -*- coding: utf-8 -*-
import base64
import io
import os
import subprocess
import sys

import bcrypt
import pytest
from werkzeug import test
from werkzeug import wrappers

from docker_registry import testing
from docker_registry.core import exceptions
from docker_registry.drivers.swift.v2 import api
from docker_registry.drivers.swift.v2 import htpasswd
from docker_registry.drivers.swift.v2 import settings


def line(user, password, prefix=b'2b'):
    return u'%s:%s\n' % (user, bcrypt.hashpw(
        password.encode('utf-8'), bcrypt.gensalt(4, prefix)).decode('ascii'))


@pytest.fixture
def path(tmpdir):
    return str(tmpdir.join('htpasswd'))


def write(path, text, seconds=0):
    with io.open(path, 'w', encoding='utf-8') as stream:
        stream.write(text)
    # However coarse the file system's clock is.
    os.utime(path, (seconds, seconds))


def test_passwords(path):
    # What Apache's own program writes begins with $2y$.
    write(path, u'# users\n\n' + line(u'bob', u'secret')
          + line(u'ann', u'p:w').replace(u'$2b$', u'$2y$')
          + line(u'j\xfcrgen', u'\u2603') + line(u'long', 72 * u'x'))
    users = htpasswd.Htpasswd(path)
    for _ in range(2):
        for user, password in [(u'bob', u'secret'), (u'ann', u'p:w'),
                               (u'j\xfcrgen', u'\u2603'),
                               (u'long', 72 * u'x'), (u'long', 80 * u'x')]:
            assert users.is_right(user, password)
        for user, password in [(u'bob', u'Secret'), (u'bob', u''),
                               (u'', u''), (u'nobody', u'secret'),
                               (u'ann', u'secret'), (u'bob', u'secret\0'),
                               (u'bob', u'\0'), (u'# users', u'')]:
            assert not users.is_right(user, password)


def test_file_that_changes(path):
    write(path, line(u'bob', u'old'))
    users = htpasswd.Htpasswd(path)
    assert users.is_right('bob', 'old')
    write(path, line(u'bob', u'new'), 10)
    assert users.is_right('bob', 'new') and not users.is_right('bob', 'old')
    # Half of a file that is being written lets nobody in, or out.
    write(path, u'bob:$2b$', 20)
    assert users.is_right('bob', 'new') and not users.is_right('bob', 'old')
    os.remove(path)
    assert users.is_right('bob', 'new')
    write(path, line(u'ann', u'new'), 30)
    assert not users.is_right('bob', 'new')


_WRONG = [u'', u'# nobody\n', u'bob:secret\n', u'bob\n', u':$2b$04$\n',
          u'bob:$apr1$x$y\n', u'bob:{SHA}x=\n',
          line(u'bob', u'a').replace(u'$2b$', u'$1$')]


@pytest.mark.parametrize('text', _WRONG)
def test_file_that_is_wrong(path, text):
    write(path, text)
    with pytest.raises(ValueError):
        htpasswd.Htpasswd(path)
    with pytest.raises(exceptions.ConfigError) as caught:
        parse(enabled=True, auth={'htpasswd': {'realm': 'r', 'path': path}})
    assert 'swift_v2: auth: htpasswd: path: %s' % path in str(caught.value)


def parse(**section):
    return settings.parse(testing.Config({'swift_v2': section}))


def test_settings(path):
    assert settings.parse(None).enabled is False
    assert settings.parse({'swift_health': {}}).enabled is False
    assert parse().enabled is False
    assert parse(enabled=None).enabled is False
    assert parse(enabled=True) == (True, False, False, None, None)
    assert parse(enabled=True, readonly={'enabled': True},
                 delete={'enabled': False}).readonly is True
    assert parse(delete={'enabled': True}).deletes is True
    write(path, line(u'bob', u'secret'))
    found = parse(enabled=True, auth={'htpasswd': {'realm': 'the registry',
                                                   'path': path}})
    assert found.realm == 'the registry'
    assert found.users.is_right('bob', 'secret')


@pytest.mark.parametrize('section, problem', [
    ({'enabled': 'yes'}, 'swift_v2: enabled: neither true nor false'),
    ({'enable': True}, 'swift_v2: enable: unknown'),
    ('yes', 'swift_v2: not a mapping'),
    ({'readonly': True}, 'swift_v2: readonly: not a mapping'),
    ({'readonly': {'enable': True}}, 'readonly: enable: unknown'),
    ({'delete': {'enabled': 'yes'}}, 'delete: enabled: neither true'),
    ({'auth': 'htpasswd'}, 'swift_v2: auth: not a mapping'),
    ({'auth': {'token': {}}}, 'swift_v2: auth: token: unknown'),
    ({'auth': {}}, 'swift_v2: auth: htpasswd: missing'),
    ({'auth': {'htpasswd': None}}, 'swift_v2: auth: htpasswd: missing'),
    ({'auth': {'htpasswd': []}}, 'htpasswd: not a mapping'),
    ({'auth': {'htpasswd': {'realm': 'r'}}}, 'htpasswd: path: missing'),
    ({'auth': {'htpasswd': {'path': '/p'}}}, 'htpasswd: realm: missing'),
    ({'auth': {'htpasswd': {'realm': 'a\r\nX: b', 'path': '/p'}}},
     'htpasswd: realm: has letters that HTTP'),
    ({'auth': {'htpasswd': {'realm': u'\u2603', 'path': '/p'}}},
     'htpasswd: realm: has letters that HTTP'),
    ({'auth': {'htpasswd': {'realm': 'r', 'path': '/nowhere', 'x': 1}}},
     'htpasswd: x: unknown'),
    ({'auth': {'htpasswd': {'realm': 'r', 'path': '/nowhere'}}},
     'htpasswd: path: /nowhere: ')])
def test_settings_that_are_wrong(section, problem):
    with pytest.raises(exceptions.ConfigError) as caught:
        settings.parse({'swift_v2': section})
    assert problem in str(caught.value)


def test_without_bcrypt(path, monkeypatch):
    write(path, line(u'bob', u'secret'))
    monkeypatch.setitem(sys.modules, 'bcrypt', None)
    with pytest.raises(exceptions.ConfigError) as caught:
        parse(auth={'htpasswd': {'realm': 'r', 'path': path}})
    assert 'docker-registry-driver-swift[htpasswd]' in str(caught.value)


@pytest.fixture
def client(path):
    write(path, line(u'bob', u'secret') + line(u'j\xfcrgen', u'\u2603'))
    return test.Client(api.Application(
        None, realm='my "registry"\\', users=htpasswd.Htpasswd(path)),
        wrappers.Response)


def login(text):
    return [('Authorization', 'Basic ' + base64.b64encode(
        text.encode('utf-8')).decode('ascii'))]


def test_login(client):
    for text in (u'bob:secret', u'j\xfcrgen:\u2603'):
        assert client.get('/v2/', headers=login(text)).status_code == 200


@pytest.mark.parametrize('headers', [
    [], login(u'bob:wrong'), login(u'bob'), login(u''), login(u':'),
    [('Authorization', 'Basic !')], [('Authorization', 'Bearer a')],
    [('Authorization', 'Token signature=a')], [('Authorization', '')],
    [('Authorization', 'Basic ' + base64.b64encode(b'\xff:\xff').decode())]])
@pytest.mark.parametrize('url', ['/v2/', '/v2/_catalog', '/v2/x/tags/list',
                                 '/v2/x/manifests/latest', '/v2/nothing'])
def test_who_is_not_logged_in_reads_nothing(client, headers, url):
    answer = client.get(url, headers=headers)
    assert answer.status_code == 401
    assert answer.headers['WWW-Authenticate'] == 'Basic realm="my registry"'
    assert b'UNAUTHORIZED' in answer.data


_GEVENT = '''
import gevent.monkey
gevent.monkey.patch_all()
import sys
import bcrypt, gevent
from docker_registry.drivers.swift.v2 import htpasswd

with open(sys.argv[1], 'wb') as users:
    users.write(b'bob:' + bcrypt.hashpw(b'secret', bcrypt.gensalt(10)))
found = htpasswd.Htpasswd(sys.argv[1])
turns = []

def others():
    while True:
        turns.append(1)
        gevent.sleep(0)

other = gevent.spawn(others)
assert found.is_right('bob', 'secret') and not found.is_right('bob', 'wrong')
other.kill()
assert len(turns) > 10, turns
'''


def test_others_have_their_turn_under_gevent(path):
    subprocess.check_output([sys.executable, '-c', _GEVENT, path])
