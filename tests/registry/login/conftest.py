"""A real Keystone, a Swift that trusts it, and ways to log in there.

They run once for all tests of this folder.
"""

import collections
import itertools
import re
import time

import pytest

from stack.servers import front
from stack.servers import keystone
from stack.servers import secrets
from stack.servers import swift

_names = ('object%d' % number for number in itertools.count())

#: Who there is: cousin and branch are named as the registry's user and its
#: project are, but are of another domain; the deputy has no role anywhere;
#: the reader is in the registry's project, but no operator of its account.
Cast = collections.namedtuple('Cast', 'user project cousin branch deputy '
                                      'reader stranger elsewhere helper')


@pytest.fixture(scope='session')
def identity(directory):
    with keystone.Keystone(str(directory / 'keystone')) as running:
        yield running


@pytest.fixture(scope='session')
def short_life(identity):
    """Seconds that tokens of the Keystone behind `keystone-short` live.

    Longer where logins take long: those of a busy machine would end before
    they are used.
    """
    started = time.monotonic()
    identity.api.token(identity.user, identity.project)
    return 15 + int(60 * (time.monotonic() - started))


@pytest.fixture(scope='session')
def cluster(directory, identity):
    """In place of the other tests' Swift: one that trusts the Keystone."""
    with swift.Swift(str(directory / 'with-keystone'),
                     keystone=identity) as running:
        yield running


@pytest.fixture(scope='session')
def doors(directory, identity, cluster, short_life):
    """Ways to Keystone and Swift that note who came; in the catalog too."""
    with identity.short_lived(short_life) as short_port, front.Front(
            str(directory / 'front'), {
                'keystone': (identity.server.port, 'none'),
                'keystone-tls': (identity.server.port, 'server'),
                'keystone-certificates': (identity.server.port, 'both'),
                'keystone-short': (short_port, 'none'),
                'public': (cluster.proxy.port, 'none'),
                'internal': (cluster.proxy.port, 'none'),
                'admin': (cluster.proxy.port, 'none'),
                'container-only': (cluster.proxy.port, 'none'),
                'swift-tls': (cluster.proxy.port, 'server'),
                'swift-certificates': (cluster.proxy.port, 'both'),
            }) as running:
        # Nothing listens on the discard port.
        for region, url, prefix, interface in (
                ('doors', running.url('public'), 'AUTH', 'public'),
                ('doors', running.url('internal'), 'AUTH', 'internal'),
                ('doors', running.url('admin'), 'AUTH', 'admin'),
                ('tls', running.url('swift-tls'), 'AUTH', 'public'),
                ('certificates', running.url('swift-certificates'), 'AUTH',
                 'public'),
                ('composite', running.url('public'), 'SERVICE', 'public'),
                ('south', 'http://127.0.0.1:9', 'AUTH', 'public')):
            identity.api.add_object_store(
                region, '%s/v1/%s_%%(tenant_id)s' % (url, prefix), interface)
        yield running


@pytest.fixture(scope='session')
def cast(identity):
    api = identity.api
    domain = api.add_domain('partner')
    people = Cast(
        user=identity.user, project=identity.project,
        cousin=api.add_user(identity.user.name, domain),
        branch=api.add_project(identity.project.name, domain),
        deputy=api.add_user('deputy', domain),
        reader=api.add_user('reader'), stranger=api.add_user('stranger'),
        elsewhere=api.add_project('elsewhere'),
        helper=api.add_user('helper', domain))
    api.assign('member', people.cousin, people.branch)
    api.assign('member', people.user, people.branch)
    api.assign('reader', people.reader, people.project)
    api.assign('member', people.stranger, people.elsewhere)
    api.assign('service', people.helper, people.branch)
    return people


@pytest.fixture
def service_user(cast):
    """Settings of a service user."""
    return {'swift_service_user': cast.helper.name,
            'swift_service_password': cast.helper.password,
            'swift_service_project_name': cast.branch.name,
            'swift_service_user_domain_name': cast.helper.domain.name,
            'swift_service_project_domain_id': cast.branch.domain.id}


@pytest.fixture
def settings(doors, cluster):
    """Settings that work, with the names of a v3 password."""
    return cluster.settings(
        swift_authurl=doors.url('keystone') + '/v3',
        swift_region_name='doors', swift_retries=0, storage_path='/registry',
        loglevel='debug')


@pytest.fixture
def way(settings):
    """Make settings of no login but where it is, and what a test adds."""
    return lambda **login: dict(settings, **dict(dict.fromkeys(
        ['swift_user', 'swift_password', 'swift_tenant_name']), **login))


@pytest.fixture
def works(call_driver, doors):
    """Check that settings lead to an account, through a door."""
    def check(settings, project, door='public', prefix='AUTH_',
              variables=None):
        name = next(_names)
        assert call_driver('registry', settings, [
            ['put_content', name, '1'], ['get_content', name],
            ['list_directory', ''], ['remove', name]],
            variables)[:2] == [name, '1']
        path = '/v1/%s%s/%s/registry/%s' % (
            prefix, project.id, settings['swift_container'], name)
        assert front.Request('PUT', path, '201') in doors.requests(door)
        assert front.Request('GET', path, '200') in doors.requests(door)
    return check


@pytest.fixture
def fails(call_driver):
    """Return the message of the driver's exception, of a kind."""
    def check(settings, kind, *parts, variables=None):
        message, = call_driver('registry', settings, [['exists', 'a']],
                               variables)
        assert re.match(r'\w*%s: ' % kind, str(message))
        for part in parts:
            assert part in message
        assert secrets.PREFIX not in message
        assert not secrets.TOKEN.search(message)
        return message
    return check
