import datetime

import pytest

from docker_registry.core import exceptions
from docker_registry.drivers.swift import compat
from docker_registry.drivers.swift.config import settings

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
    assert found.login == 'password'
    assert found.root == '/registry'
    assert found.create_container is True


@pytest.mark.parametrize('value, expected', [
    (1, '1'), (1.0, '1'), ('1', '1'), ('1.0', '1'), (2, '2'), (2.0, '2'),
    ('2.0', '2'), (3, '3'), ('3', '3'), ('v3', '3'), ('V2.0 ', '2'),
    ('Auto', 'auto')])
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


def test_seconds_may_have_fractions():
    found = parse(swift_connect_timeout=0.5, swift_retry_delay=0)
    assert (found.connect_timeout, found.retry_delay) == (0.5, 0)
    assert parse().connect_timeout == 5
    for value in ('5', True, -1, 10 ** 6, float('nan')):
        problem, = problems(swift_connect_timeout=value)
        assert problem.startswith('  swift_connect_timeout: not ')


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
            '  swift_authurl: not a URL that begins with http:// or https://: '
            "'keystone:5000'",
            '  swift_auth_version: not one of 1, 2, 3, auto',
            '  swift_container: a container name has no slash and at most '
            "256 bytes: 'a/b'",
            '  swift_create_container: neither true nor false',
            '  swift_timeout: not a whole number',
            '  swift_retries: not from 0 to 10',
            '  swift_user: missing, or swift_user_id']


def test_nothing_configured():
    with pytest.raises(exceptions.ConfigError) as caught:
        settings.parse(None, None)
    for key in ('swift_authurl', 'swift_user', 'swift_password'):
        assert '%s: missing' % key in str(caught.value)


def test_tenant_may_be_the_default_of_the_user():
    assert parse(swift_tenant_name=None).login == 'password'
    assert parse(swift_tenant_name=None, swift_auth_version=1).login == 'v1'


def test_tenant_in_the_user():
    found = parse(swift_tenant_name=None, swift_user='images:registry')
    assert (found.tenant_name, found.user) == ('images', 'registry')
    assert parse(swift_user='a:b').user == 'a:b'
    found = parse(swift_user='a:b', swift_auth_version=1,
                  swift_tenant_name=None)
    assert found.user == 'a:b'


_CREDENTIAL = {'swift_user': None, 'swift_password': None,
               'swift_tenant_name': None,
               'swift_application_credential_secret': 'geheim'}
_TOKEN = {'swift_authurl': None, 'swift_user': None, 'swift_password': None,
          'swift_tenant_name': None, 'swift_auth_token': 'geheim',
          'swift_object_storage_url': 'http://swift:8080/v1/AUTH_a'}


@pytest.mark.parametrize('login, changes', [
    ('password', {}),
    ('password', {'swift_auth_version': 2}),
    ('password', {'swift_tenant_name': None, 'swift_trust_id': '1',
                  'swift_user_domain_name': 'd'}),
    ('password', {'swift_user': None, 'swift_user_id': '1',
                  'swift_tenant_name': None, 'swift_project_id': '2'}),
    ('v1', {'swift_auth_version': 1}),
    ('v1', {'swift_authurl': 'http://swift:8080/auth/v1.0'}),
    ('v1', {'swift_authurl': 'http://rgw/auth/v1/'}),
    ('application_credential_id',
     dict(_CREDENTIAL, swift_application_credential_id='1')),
    ('application_credential_name',
     dict(_CREDENTIAL, swift_application_credential_name='n', swift_user='u',
          swift_user_domain_id='d')),
    ('token', _TOKEN),
])
def test_ways_to_log_in(login, changes):
    assert parse(**changes).login == login


@pytest.mark.parametrize('changes, expected', [
    ({'swift_trust_id': '1'},
     'swift_tenant_name: give this or swift_trust_id, not both'),
    ({'swift_trust_id': '1', 'swift_tenant_name': None,
      'swift_project_name': 'images'},
     'swift_project_name: give this or swift_trust_id, not both'),
    ({'swift_project_name': 'images'},
     'swift_tenant_name: the same as swift_project_name; give one of them'),
    ({'swift_auth_version': 1, 'swift_user_domain_name': 'd'},
     'swift_user_domain_name: of no use with swift_auth_version 1; leave it '
     'out'),
    (dict(_CREDENTIAL, swift_application_credential_id='1', swift_user='u'),
     'swift_user: of no use with swift_application_credential_id; leave it '
     'out'),
    (dict(_CREDENTIAL, swift_application_credential_name='1'),
     'swift_user: missing, or swift_user_id'),
    (dict(_TOKEN, swift_object_storage_url=None),
     'swift_object_storage_url: missing'),
    (dict(_TOKEN, swift_password='geheim'),
     'swift_password: of no use with swift_auth_token; leave it out'),
    ({'swift_service_user': 'u', 'swift_service_password': 'geheim'},
     'swift_service_project_name: missing'),
    (dict(_CREDENTIAL, swift_application_credential_id='1',
          swift_auth_version=1),
     'swift_auth_version: 1 has no swift_application_credential_id'),
    ({'swift_auth_version': 1, 'swift_service_user': 'u'},
     'swift_service_user: of no use with swift_auth_version 1; leave it out'),
    ({'swift_key': '/key.pem'},
     'swift_cert: missing, the certificate of swift_key'),
    ({'swift_endpoint_type': 'private'},
     'swift_endpoint_type: not one of public, internal, admin'),
    ({'swift_password': None, 'swift_password_file': '/absent'},
     "swift_password_file: [Errno 2] No such file or directory: '/absent'"),
    ({'swift_password_file': '/absent'},
     'swift_password: give this or swift_password_file, not both'),
])
def test_keys_that_do_not_go_together(changes, expected):
    found = problems(**changes)
    assert found[0] == '  ' + expected
    assert 'geheim' not in '\n'.join(found)


@pytest.mark.parametrize('key, near', [
    ('swift_api_key', 'swift_password'), ('swift_username', 'swift_user'),
    ('swift_secret_key', 'swift_temp_url_key'),
    ('swift_auth_url', 'swift_authurl'),
    ('swift_os_region', 'swift_region_name'),
    ('swift_rootdirectory', 'storage_path'),
    ('swift_container_', 'swift_container'), ('swift_xyzzy', None),
    ('swift_storage_policy', None), ('swift_conections', 'swift_connections'),
    ('swift_auth_type', None), ('swift_service_type', None),
    ('swift_secret', None), ('swift_bucket', 'swift_container'),
    ('swift_st_key', 'swift_password')])
def test_key_that_is_unknown(key, near):
    assert problems(**{key: 'geheim'}) == [
        '  %s: unknown%s' % (key, '; did you mean %s?' % near if near else '')]


def test_of_name_and_id_the_id_counts():
    # Every openrc file of Horizon has both.
    found = parse(swift_tenant_name=None, swift_project_name='images',
                  swift_project_id='1', swift_user_id='2',
                  swift_user_domain_name='d', swift_user_domain_id='3')
    assert (found.tenant_name, found.tenant_id) == (None, '1')
    assert (found.user, found.user_id) == (None, '2')
    assert (found.user_domain_name, found.user_domain_id) == (None, '3')


@pytest.mark.parametrize('given, expected', [
    ('https://k/v3/auth', 'https://k/v3'),
    ('https://k/v3/auth/tokens/', 'https://k/v3'),
    ('https://k/identity/v2.0/tokens', 'https://k/identity/v2.0'),
    ('https://k/v3/users', 'https://k/v3'), ('https://k//v3', 'https://k/v3'),
    ('https://k/v3/auth/catalog', 'https://k/v3'),
    ('https://k/v3.14', 'https://k/v3'), ('https://k/v2/', 'https://k/v2.0'),
    ('https://k/v3/identity/v3', 'https://k/v3/identity/v3'),
    ('\thttps://k/v3 ', 'https://k/v3'),
    ('https://k/auth/v1.0', 'https://k/auth/v1.0'),
    ('https://k/v3', 'https://k/v3')])
def test_path_of_a_request_is_no_part_of_authurl(given, expected):
    assert parse(swift_authurl=given).authurl == expected


@pytest.mark.parametrize('value, shown', [
    (u'https://k/v3\u200b', 'https://k/v3\\u200b'),
    (u'https://k\xe9ystone/v3', 'https://k\\xe9ystone/v3'),
    ('https://k/v3)', 'https://k/v3)'), ('https://k\\v3', 'https://k\\v3'),
    ('https://k/v1/AUTH_%(tenant_id)s', 'https://k/v1/AUTH_%(tenant_id)s'),
    ('https://k/v1/$(project_id)s', 'https://k/v1/$(project_id)s')])
def test_what_is_in_no_url(value, shown):
    for key in ('swift_authurl', 'swift_object_storage_url'):
        problem, = problems(**{key: value})
        assert problem.startswith('  %s: has a blank' % key)
        assert problem.endswith("no URL has: '%s'" % shown)


@pytest.mark.parametrize('value', ['public ', 'PublicURL', 'PUBLIC'])
def test_endpoint_type_however_it_is_written(value):
    assert parse(swift_endpoint_type=value).endpoint_type == 'public'


def test_container_with_a_blank_at_its_end():
    problem, = problems(swift_container='registry ')
    assert problem.endswith("begins or ends with a blank: 'registry '")


def test_login_of_ceph():
    assert parse(swift_authurl='http://k/auth/1.0').login == 'v1'


def test_secret_in_a_file_that_begins_with_a_mark(tmpdir):
    path = tmpdir.join('password')
    path.write_binary(b'\xef\xbb\xbfgeheim\r\n')
    found = parse(swift_password=None, swift_password_file=str(path))
    assert found.secret('password') == 'geheim'


class Environment(Config):

    """As the registry's Config: `_env:NAME` is what the environment has."""

    @property
    def _config(self):
        return dict(self)

    def __getattr__(self, key):
        value = self.get(key)
        if str(value).startswith('_env:'):
            return {'KEY_OF_ENV': 'geheim'}.get(value.split(':')[1], '')
        return value


@pytest.mark.parametrize('changes, expected', [
    ({'swift_user': '_env:OS_USERNAME'},
     'swift_user: missing, or swift_user_id; $OS_USERNAME is not set'),
    ({'swift_user': None, 'swift_user_id': '_env:OS_USER_ID:'},
     'swift_user: missing, or swift_user_id; $OS_USER_ID is not set'),
    ({'swift_authurl': '_env:OS_AUTH_URL'},
     'swift_authurl: missing; $OS_AUTH_URL is not set'),
    ({'swift_password': None, 'swift_password_file': '_env:SECRET'},
     'swift_password: missing; $SECRET is not set')])
def test_variable_that_is_not_set_is_named(changes, expected):
    with pytest.raises(exceptions.ConfigError) as caught:
        settings.parse('/', Environment(_GOOD, **changes))
    assert str(caught.value).splitlines()[1:] == ['  ' + expected]


def test_variables_of_a_login_that_are_not_set():
    found = settings.parse('/', Environment(
        dict(_GOOD, swift_tenant_name=None), swift_password='_env:KEY_OF_ENV',
        swift_project_name='_env:OS_PROJECT_NAME', swift_timeout='_env:T',
        swift_user_domain_name='_env:OS_USER_DOMAIN_NAME'))
    assert found.password == 'geheim'
    assert found.unset_login_variables() == [
        '$OS_PROJECT_NAME of swift_project_name',
        '$OS_USER_DOMAIN_NAME of swift_user_domain_name']
    assert found.named('swift_tenant_name') == ['swift_project_name']


@pytest.mark.parametrize('changes, expected', [
    ({}, ['swift_user', 'swift_password', 'swift_tenant_name']),
    ({'swift_tenant_name': None, 'swift_project_name': 'images'},
     ['swift_user', 'swift_password', 'swift_project_name']),
    ({'swift_tenant_name': None, 'swift_project_name': 'images',
      'swift_project_id': '1', 'swift_user_id': '2'},
     ['swift_user_id', 'swift_password', 'swift_project_id']),
    ({'swift_tenant_name': None, 'swift_user': 'images:registry'},
     ['swift_user', 'swift_password'])])
def test_login_is_named_by_the_keys_that_are_there(changes, expected):
    assert parse(**changes).login_keys() == expected


def test_endpoint_type_as_python_swiftclient_writes_it():
    assert parse(swift_endpoint_type='internalURL').endpoint_type == 'internal'


def test_secret_in_a_file_is_read_when_it_is_needed(tmpdir):
    path = tmpdir.join('password')
    path.write(u'geheim\n'.encode('utf-8'), 'wb')
    found = parse(swift_password=None, swift_password_file=str(path))
    assert found.secret('password') == 'geheim'
    assert 'swift_password' in found.login_keys()[1]
    path.write(u'gehe\xefm'.encode('utf-8'), 'wb')
    assert found.secret('password') == compat.native(u'gehe\xefm')


@pytest.mark.parametrize('secret', ['geheim\n', 'ge\nheim', 'geheim\x00'])
def test_secret_that_no_header_takes(secret, tmpdir):
    assert problems(swift_password=secret) == [
        '  swift_password: has a newline or another control character in it']
    path = tmpdir.join('password')
    path.write(secret)
    if secret != 'geheim\n':  # an editor's, and not meant
        assert problems(swift_password=None, swift_password_file=str(path)
                        ) == ['  swift_password_file: %s: has a newline or '
                              'another control character in it' % path]


def test_secret_that_is_not_utf_8(tmpdir):
    path = tmpdir.join('password')
    path.write(b'geheim\xff', 'wb')
    assert problems(swift_password=None, swift_password_file=str(path)) == [
        '  swift_password_file: %s: not UTF-8' % path]


@pytest.mark.parametrize('broken', [
    'swift_password', 'swift_tenant_name',
    # Another name for the same key.
    'swift_project_name'])
def test_value_that_yaml_cannot_read_is_not_shown(broken):
    class Environment(Config):
        def __getattr__(self, key):
            if key == broken:  # as the registry's Config does
                raise exceptions.ConfigError('`geheim` is not valid')
            return self.get(key)
    with pytest.raises(exceptions.ConfigError) as caught:
        settings.parse('/', Environment(
            {key: value for key, value in _GOOD.items()
             if key != 'swift_tenant_name' or broken != 'swift_project_name'}))
    assert broken + ': YAML cannot read' in str(caught.value)
    assert 'geheim' not in str(caught.value)


@pytest.mark.parametrize('path, shown', [
    ('/a/../b', None), ('/a/./b', None), ('/..', None), ('/.segments', None),
    ('/a\n', '/a\\x0a'), ('a/\t', 'a/\\x09')])
def test_storage_path_that_names_nothing(path, shown):
    problem, = problems(path)
    assert problem.startswith('  storage_path: ')
    assert problem.endswith(": '%s'" % (shown or path))


@pytest.mark.parametrize('container, shown', [
    ('.', None), ('..', None), ('a\nb', 'a\\x0ab'), ('images/', None),
    ('/images', None)])
def test_container_that_cannot_be_one(container, shown):
    problem, = problems(swift_container=container)
    assert problem.startswith('  swift_container: ')
    assert problem.endswith(": '%s'" % (shown or container))


@pytest.mark.parametrize('url', [
    'http://a/?password=geheim', 'http://a/#geheim',
    u'http://me:geheim@a\u2100b/', 'me:geheim@keystone', 'http://a:geheim@b:x',
    'http://a\n?geheim', 'http://me:ge@geheim@keystone', ' http://geheim@b'])
def test_url_that_is_not_of_a_service(url):
    for key in ('swift_authurl', 'swift_object_storage_url',
                'swift_public_url'):
        problem, = problems(**{key: url})
        assert problem.startswith('  %s: ' % key)
        assert 'geheim' not in problem


@pytest.mark.parametrize('url', [
    'keystone', 'keystone:5000/v3', '//keystone:5000/v3', 'http:/keystone/v3',
    'http//keystone/v3', 'ftp://keystone/v3', 'http://keystone:port/v3',
    'http://keystone:500000/v3', 'https://http://keystone/v3', 'http://',
    '"http://keystone/v3"', "'http://keystone/v3'", '<http://keystone/v3>',
    'http://keystone /v3', 'http://keystone/v3 # ours', 'http://[::1/v3'])
def test_url_that_is_refused_is_shown_as_it_was_written(url):
    for key in ('swift_authurl', 'swift_object_storage_url',
                'swift_public_url'):
        problem, = problems(**{key: url})
        assert problem.startswith('  %s: ' % key)
        assert problem.endswith(
            ": '%s'" % (url if '#' not in url else url.split('#')[0] + '#...'))


@pytest.mark.parametrize('url', [
    'http://swift:8080/v1/AUTH_a/images', 'http://swift/v1/AUTH_a/images/',
    'http://rgw/swift/v1/AUTH_a/b/c', 'http://swift/v1.0/AUTH_a/b'])
def test_url_of_a_container_is_none_of_an_account(url):
    for key in ('swift_object_storage_url', 'swift_public_url'):
        problem, = problems(**{key: url})
        assert problem.startswith('  %s: goes on after the account' % key)
        assert problem.endswith("swift_container: '%s'" % url)


@pytest.mark.parametrize('given, expected', [
    (' http://swift:8080/v1/AUTH_a\n', 'http://swift:8080/v1/AUTH_a'),
    ('http://swift:8080/v1/AUTH_a//', 'http://swift:8080/v1/AUTH_a'),
    ('http://swift:8080//v1//AUTH_a', 'http://swift:8080/v1/AUTH_a'),
    ('HTTP://swift:8080/v1/AUTH_a', 'http://swift:8080/v1/AUTH_a'),
    ('http://swift:8080/', 'http://swift:8080'),
    ('http://swift/v1/', 'http://swift/v1'),
    ('http://rgw/swift/v1', 'http://rgw/swift/v1'),
    ('http://cdn/images/v1', 'http://cdn/images/v1')])
def test_url_that_is_put_right(given, expected):
    assert parse(swift_object_storage_url=given
                 ).object_storage_url == expected
    assert parse(swift_public_url=given).public_url == (
        'http://swift' if expected == 'http://swift/v1' else expected)


def test_token_needs_the_account():
    problem, = problems(**dict(
        _TOKEN, swift_object_storage_url='http://swift:8080/'))
    assert problem.startswith('  swift_object_storage_url: names no account')


def test_buffer_directory_that_is_not_there(tmpdir):
    absent = str(tmpdir.join('absent'))
    assert problems(swift_buffer_directory=absent) == [
        "  swift_buffer_directory: no directory that can be written to: '%s'"
        % absent]
    assert parse(swift_buffer_directory=str(tmpdir) + '\n'
                 ).buffer_directory == str(tmpdir)


def test_file_that_has_no_secret(tmpdir):
    path = tmpdir.join('password')
    path.write('\n')
    assert problems(swift_password=None, swift_password_file=str(path)) == [
        '  swift_password_file: %s is empty' % path]


def test_credentials_in_the_url_are_refused_and_not_shown():
    problem, = problems(swift_authurl='http://me:geheim@keystone:5000/v3')
    assert problem.startswith('  swift_authurl: has credentials in it')
    assert 'geheim' not in problem


def test_password_is_not_shown():
    assert 'geheim' not in repr(parse())
    assert 'registry' in repr(parse())
    assert 'geheim' not in '\n'.join(problems(swift_timeout=0))
