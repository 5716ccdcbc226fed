"""Logging in at a real Keystone, with the keys that 0.2.1 had."""

import pytest

from stack import keystone
from stack import swift
from stack import v1client


@pytest.fixture(scope='module')
def identity(directory):
    with keystone.Keystone(str(directory / 'keystone')) as running:
        yield running


@pytest.fixture(scope='module')
def settings(directory, identity):
    """Settings that work; a Swift that trusts the Keystone is running."""
    with swift.Swift(str(directory / 'with-keystone'), keystone=identity):
        yield {'swift_authurl': identity.url, 'swift_auth_version': 3,
               'swift_user': keystone.USER,
               'swift_password': keystone.PASSWORD,
               'swift_tenant_name': keystone.PROJECT,
               'swift_region_name': keystone.REGIONS[0],
               'swift_container': 'registry', 'swift_retries': 0,
               'storage_path': '/registry'}


def root(url):
    return url[:-len('/v3')]


@pytest.mark.parametrize('changes', [
    lambda url: {},
    lambda url: {'swift_auth_version': 2},
    lambda url: {'swift_auth_version': None},
    lambda url: {'swift_authurl': root(url)},
    lambda url: {'swift_authurl': root(url) + '/', 'swift_auth_version': 2},
    lambda url: {'swift_authurl': root(url) + '/v2.0',
                 'swift_auth_version': 2},
    lambda url: {'swift_user': 'images:registry', 'swift_tenant_name': None},
], ids=['v3', '2 at v3', 'default', 'root', '2 at root', '2 at v2.0',
        'tenant:user'])
def test_keys_of_0_2_1(identity, settings, call_driver, changes):
    changed = dict(settings, **changes(identity.url))
    assert call_driver('registry', changed, [
        ['put_content', 'a', '1'], ['get_content', 'a']]) == ['a', '1']


@pytest.mark.parametrize('changes, kind, text', [
    ({'swift_password': 'wrong'}, 'LoginError', 'swift_password'),
    ({'swift_tenant_name': 'absent'}, 'LoginError',
     'swift_tenant_name'),
    ({'swift_region_name': 'east'}, 'LoginError',
     'east region not found; see swift_region_name'),
    ({'swift_region_name': 'south'}, 'UnreachableError', 'port=9'),
])
def test_what_is_wrong_is_named(settings, call_driver, changes, kind, text):
    answer, = call_driver('registry', dict(settings, **changes),
                          [['exists', 'a']])
    assert answer.startswith(kind + ': ')
    assert text in answer
    assert 'wrong' not in answer


def test_push_and_pull(settings, start_registry):
    server = start_registry(settings)
    client = v1client.V1Client(server.port)
    image = v1client.make_image()
    client.push('library/keystone', [image])
    assert client.pull('library/keystone') == [image]
