import datetime

from docker_registry.core import exceptions
from docker_registry.drivers.swift import settings
import pytest

_GOOD = {'swift_authurl': 'http://keystone:5000/v3', 'swift_user': 'registry',
         'swift_password': 'geheim', 'swift_tenant_name': 'images'}


class Config(dict):

    """The registry's Config in what matters: keys() and None for unset."""

    def __getattr__(self, key):
        return self.get(key)


def parse(path='/registry', **changes):
    return settings.parse(path, Config(_GOOD, **changes))


def problems(path='/registry', **changes):
    with pytest.raises(exceptions.ConfigError) as caught:
        parse(path, **changes)
    return str(caught.value).splitlines()[1:]


def test_defaults_are_those_of_0_2_1_where_it_had_any():
    found = parse()
    assert found.container == 'dev_container'
    assert found.auth_version == '2'
    assert found.root == '/registry'
    assert found.create_container is True


@pytest.mark.parametrize('value, expected', [
    (1, '1'), (1.0, '1'), ('1', '1'), ('1.0', '1'), (2, '2'), (2.0, '2'),
    ('2.0', '2'), (3, '3'), ('3', '3')])
def test_auth_version_as_yaml_may_give_it(value, expected):
    assert parse(swift_auth_version=value).auth_version == expected


def test_numbers_become_the_text_that_was_meant():
    found = parse(swift_password=12345, swift_tenant_name=678)
    assert (found.password, found.tenant_name) == ('12345', '678')


@pytest.mark.parametrize('value', [True, 1.5, datetime.date(2014, 1, 1)])
def test_text_whose_spelling_yaml_has_lost(value):
    problem, = problems(swift_password=value)
    assert problem.startswith('  swift_password: YAML reads the value as')
    assert 'quotes' in problem
    assert str(value) not in problem


def test_empty_means_not_set():
    assert parse(swift_container='', swift_region_name=None) == parse()


def test_storage_path_of_the_configuration_where_none_is_handed_over():
    assert parse(None, storage_path='/elsewhere').root == '/elsewhere'
    assert parse(None).root == ''


def test_every_problem_is_reported_at_once():
    assert problems(
        swift_authurl='keystone:5000', swift_user=None, swift_retries=11,
        swift_create_container='yes', swift_auth_version=4,
        swift_container='a/b', swift_timeout='60',
        swift_regoin_name='north') == [
            '  swift_regoin_name: unknown; did you mean swift_region_name?',
            '  swift_authurl: not a URL that begins with http:// or https://',
            '  swift_auth_version: not one of 1, 2, 3',
            '  swift_user: missing',
            '  swift_container: a container name has no slash and at most '
            '256 bytes',
            '  swift_create_container: neither true nor false',
            '  swift_timeout: not a whole number',
            '  swift_retries: not from 0 to 10']


def test_nothing_configured():
    with pytest.raises(exceptions.ConfigError) as caught:
        settings.parse(None, None)
    for key in ('swift_authurl', 'swift_user', 'swift_password'):
        assert '%s: missing' % key in str(caught.value)


def test_tenant_is_needed_but_for_v1():
    assert problems(swift_tenant_name=None) == [
        '  swift_tenant_name: missing; needed by swift_auth_version 2 and 3']
    assert parse(swift_tenant_name=None, swift_auth_version=1)
    assert parse(swift_tenant_name=None, swift_user='images:registry')


def test_credentials_in_the_url_are_refused_and_not_shown():
    problem, = problems(swift_authurl='http://me:geheim@keystone:5000/v3')
    assert problem.startswith('  swift_authurl: has credentials in it')
    assert 'geheim' not in problem


def test_password_is_not_shown():
    assert 'geheim' not in repr(parse())
    assert 'registry' in repr(parse())
    assert 'geheim' not in '\n'.join(problems(swift_timeout=0))
