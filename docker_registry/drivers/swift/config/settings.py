"""The swift_* keys of the registry's configuration -> one validated value.

Every key is one row of _TABLE, every way to log in one row of _LOGINS.
Everything that is wrong with a configuration is reported at once, by key,
without the values of secrets. No I/O but the reading of files with secrets.
"""

import collections
import difflib
import io
import itertools
import re

from docker_registry.core import exceptions

from .. import errors
from .. import names
from . import values

#: alias is another name for the same key; a secret may also stand in a file.
_Row = collections.namedtuple('_Row', 'key parse default alias is_secret')


def _row(key, parse=values.text, default=None, alias=None):
    return _Row(key, parse, default, alias, False)


def _secret(key):
    return [_Row(key, values.secret, None, None, True), _row(key + '_file')]


_TABLE = (
    [_row('swift_authurl', values.auth_url),
     _row('swift_auth_version', values.auth_version, 'auto'),
     _row('swift_user'),
     _row('swift_user_id'),
     _row('swift_user_domain_name'),
     _row('swift_user_domain_id')]
    + _secret('swift_password') +
    [_row('swift_tenant_name', alias='swift_project_name'),
     _row('swift_tenant_id', alias='swift_project_id'),
     _row('swift_project_domain_name'),
     _row('swift_project_domain_id'),
     _row('swift_trust_id'),
     _row('swift_application_credential_id'),
     _row('swift_application_credential_name')]
    + _secret('swift_application_credential_secret')
    + _secret('swift_auth_token') +
    [_row('swift_service_user')]
    + _secret('swift_service_password') +
    [_row('swift_service_project_name'),
     _row('swift_service_user_domain_name'),
     _row('swift_service_user_domain_id'),
     _row('swift_service_project_domain_name'),
     _row('swift_service_project_domain_id'),
     _row('swift_region_name'),
     _row('swift_endpoint_type', values.endpoint_type, 'public'),
     _row('swift_object_storage_url', values.url),
     _row('swift_cacert'),
     _row('swift_cert'),
     _row('swift_key'),
     _row('swift_insecure', values.boolean, False),
     _row('swift_container', values.container, 'dev_container'),
     _row('swift_create_container', values.boolean, True),
     _row('swift_segment_size', values.integer(1, 5 * 1024 ** 3),
          16 * 1024 ** 2),
     _row('swift_upload_concurrency', values.integer(1, 64), 6),
     _row('swift_download_concurrency', values.integer(1, 64), 6),
     _row('swift_buffer_directory'),
     _row('swift_connections', values.integer(1, 1000), 32),
     _row('swift_timeout', values.integer(1, 3600), 60),
     _row('swift_connect_timeout', values.seconds(0.1, 3600), 5),
     _row('swift_retries', values.integer(0, 10), 3),
     _row('swift_retry_delay', values.seconds(0, 60), 0.2)]
    + _secret('swift_temp_url_key') +
    [_row('swift_temp_url_ttl', values.integer(1, 7 * 86400), 1200),
     _row('swift_public_url', values.url),
     _row('swift_public_container', values.boolean, False)]
)

#: Names that other tools have for a key, without underscores and a leading
#: OS_: registry:2's, those of Rackspace's clients and of openrc files.
_ELSEWHERE = {
    'apikey': 'swift_password', 'authaddress': 'swift_authurl',
    'authversion': 'swift_auth_version',
    'identityapiversion': 'swift_auth_version',
    'username': 'swift_user', 'userid': 'swift_user_id',
    'tenant': 'swift_tenant_name', 'tenantname': 'swift_tenant_name',
    'tenantid': 'swift_tenant_id',
    'project': 'swift_project_name', 'projectname': 'swift_project_name',
    'projectid': 'swift_project_id',
    'domain': 'swift_user_domain_name', 'domainname': 'swift_user_domain_name',
    'domainid': 'swift_user_domain_id', 'userdomain': 'swift_user_domain_name',
    'tenantdomain': 'swift_project_domain_name',
    'tenantdomainid': 'swift_project_domain_id',
    'projectdomain': 'swift_project_domain_name',
    'trustid': 'swift_trust_id', 'region': 'swift_region_name',
    'endpointtype': 'swift_endpoint_type', 'interface': 'swift_endpoint_type',
    'insecureskipverify': 'swift_insecure', 'chunksize': 'swift_segment_size',
    'secretkey': 'swift_temp_url_key', 'tempurlkey': 'swift_temp_url_key',
    'storageurl': 'swift_object_storage_url', 'token': 'swift_auth_token',
    'containername': 'swift_container', 'prefix': 'storage_path',
    'rootdirectory': 'storage_path', 'cacertfile': 'swift_cacert',
}

#: What a login needs (of each group one key, and no more) and may have
#: besides; sign is what tells it from the others.
_Login = collections.namedtuple('_Login', 'sign needs takes')

_USER = ('swift_user', 'swift_user_id')
#: None of them is the user's default project, if there is one.
_PROJECT = ('swift_tenant_name', 'swift_tenant_id', 'swift_trust_id')
_USER_DOMAIN = ('swift_user_domain_name', 'swift_user_domain_id')
_PROJECT_DOMAIN = ('swift_project_domain_name', 'swift_project_domain_id')
_LOGINS = {
    'token': _Login(
        'swift_auth_token',
        [('swift_auth_token',), ('swift_object_storage_url',)], ()),
    # A tenant is of no use here; 0.2.1 did not mind one.
    'v1': _Login(
        'swift_auth_version 1',
        [('swift_authurl',), _USER[:1], ('swift_password',)],
        _PROJECT[:2]),
    'password': _Login(
        'swift_password',
        [('swift_authurl',), _USER, ('swift_password',)],
        _PROJECT + _USER_DOMAIN + _PROJECT_DOMAIN),
    'application_credential_id': _Login(
        'swift_application_credential_id',
        [('swift_authurl',), ('swift_application_credential_id',),
         ('swift_application_credential_secret',)], ()),
    'application_credential_name': _Login(
        'swift_application_credential_name',
        [('swift_authurl',), ('swift_application_credential_name',), _USER,
         ('swift_application_credential_secret',)], _USER_DOMAIN),
}
#: A second login beside one at Keystone.
_SERVICE_USER_DOMAIN = ('swift_service_user_domain_name',
                        'swift_service_user_domain_id')
_SERVICE_PROJECT_DOMAIN = ('swift_service_project_domain_name',
                           'swift_service_project_domain_id')
_SERVICE_LOGIN = _Login(
    'swift_service_user',
    [('swift_service_user',), ('swift_service_password',),
     ('swift_service_project_name',)],
    _SERVICE_USER_DOMAIN + _SERVICE_PROJECT_DOMAIN)


def _keys(login):
    return set(login.takes).union(*login.needs)


_LOGIN_KEYS = set().union(*map(_keys, [_SERVICE_LOGIN] + list(
    _LOGINS.values()))) - {'swift_object_storage_url'}

#: (name, id): of both, which every openrc file of Horizon has, the id counts,
#: as it does for the openstack client.
_NAMES_AND_IDS = [
    _USER, _PROJECT[:2], _USER_DOMAIN, _PROJECT_DOMAIN, _SERVICE_USER_DOMAIN,
    _SERVICE_PROJECT_DOMAIN]

#: No more than one of each.
_ALTERNATIVES = [
    _PROJECT[1:], _PROJECT[::2],
] + [(row.key, row.key + '_file') for row in _TABLE if row.is_secret]

_Values = collections.namedtuple(
    '_Values', ['root', 'login'] + [row.key[len('swift_'):] for row in _TABLE])


class Settings(_Values):

    """What the driver was told, checked.

    The fields are the keys without `swift_`. `root` is storage_path; `login`
    is how to log in: 'v1', 'password', 'application_credential_id',
    'application_credential_name' or 'token'. `timeout`,
    `connect_timeout`, `retry_delay` and `temp_url_ttl` are in seconds,
    `segment_size` is in bytes. The representation leaves out
    secrets; secret() gives them.
    """

    __slots__ = ()

    def secret(self, field):
        """Return a secret, from its file if it stands in one.

        The file is read each time: those who rotate a secret write there.

        :param field: name of its field: 'password'
        :returns: text, or None where there is none
        :raises IOError: the file cannot be read
        :raises ValueError: there is nothing in it that could be a secret
        """
        path = getattr(self, field + '_file')
        return getattr(self, field) if path is None else _read_secret(path)

    def login_keys(self):
        """Return the keys that a login came from, for messages."""
        return self._given(_LOGINS[self.login])

    def service_login_keys(self):
        """Return the keys that the service user's login came from."""
        return self._given(_SERVICE_LOGIN)

    def _given(self, login):
        found = {'swift_' + field: value
                 for field, value in self._asdict().items()}
        return [key for key in itertools.chain(*login.needs + [login.takes])
                if _is_given(found, key) and key != 'swift_authurl']

    def __repr__(self):
        secrets = [row.key[len('swift_'):] for row in _TABLE if row.is_secret]
        return 'Settings(%s)' % ', '.join(
            '%s=%r' % (field, value)
            for field, value in zip(self._fields, self)
            if field not in secrets)


def parse(path, config):
    """Check a configuration.

    :param path: storage_path as the registry hands it to a driver; None
        means that the configuration has it
    :param config: anything that gives keys as attributes, and None for keys
        that are not set: the registry's Config, or that of core's tests
    :returns: Settings
    :raises exceptions.ConfigError: names every key that is missing, unknown,
        of the wrong type or out of range, and what to do about it

    Source: docker_registry/lib/config.py (attributes, `_env:` values that
    pass through YAML) and docker_registry/storage/__init__.py (the call)
    """
    problems = _unknown_keys(config)
    found = {}
    for row in _TABLE:
        try:
            found[row.key] = _value(config, row)
        except ValueError as error:
            found[row.key] = row.default
            problems.append('%s: %s' % (row.key, error))
    root = getattr(config, 'storage_path', None) if path is None else path
    try:
        root = values.text('' if root is None else root)
        names.Names(root).object_name('a')
    except (ValueError, errors.InvalidPathError) as error:
        problems.append('storage_path: %s' % error)
    for name, id_ in _NAMES_AND_IDS:
        if found[id_] is not None:
            found[name] = None
    login = _login(found)
    if login == 'password':
        _split_tenant(found)
    # What is wrong with a value would come out a second time as missing.
    wrong = [problem.split(':')[0] for problem in problems]
    problems += [
        problem for problem in (_login_problems(found, login)
                                + _other_problems(found))
        if problem.split(':')[0] not in wrong]
    problems = [_spelled(config, problem) for problem in problems]
    if problems:
        raise exceptions.ConfigError(
            'storage: swift cannot start, the configuration is wrong:\n'
            + '\n'.join('  ' + problem for problem in problems))
    return Settings(root, login, *[found[row.key] for row in _TABLE])


def _get(config, key):
    try:
        return getattr(config, key, None)
    except exceptions.ConfigError:  # whose text has the value
        raise ValueError('YAML cannot read the value of its variable; put it '
                         'in quotes')


def _is_set(config, key):
    try:
        return _get(config, key) not in (None, '')
    except ValueError:
        return True  # to something that YAML cannot read


def _spelled(config, problem):
    """Name keys as the configuration does, which may have their aliases."""
    for row in _TABLE:
        if (row.alias and _is_set(config, row.alias)
                and not _is_set(config, row.key)):
            problem = re.sub(r'\b%s\b' % row.key, row.alias, problem)
    return problem


def _value(config, row):
    given = _get(config, row.key)
    if row.alias:
        other = _get(config, row.alias)
        if other not in (None, ''):
            if given not in (None, ''):
                raise ValueError('the same as %s; give one of them'
                                 % row.alias)
            given = other
    return row.default if given in (None, '') else row.parse(given)


def _unknown_keys(config):
    # core's test Config has no keys(): there is nothing to look through.
    list_keys = getattr(config, 'keys', None)
    known = [key for row in _TABLE for key in (row.key, row.alias) if key]
    problems = []
    for key in sorted(list_keys() if callable(list_keys) else ()):
        if key.startswith('swift_') and key not in known:
            near = _elsewhere(key) or ''.join(
                difflib.get_close_matches(key, known, 1, 0.8))
            problems.append('%s: unknown%s' % (
                key, near and '; did you mean %s?' % near))
    return problems


def _elsewhere(key):
    """Return the key for one of another tool's name, None if unknown."""
    name = key[len('swift_'):].replace('_', '').lower()
    return _ELSEWHERE.get(re.sub('^os', '', name))


def _is_given(found, key):
    return any(found.get(name) is not None for name in (key, key + '_file'))


def _login(found):
    for login, sign in (
            ('token', 'swift_auth_token'),
            ('application_credential_id', 'swift_application_credential_id'),
            ('application_credential_name',
             'swift_application_credential_name')):
        if _is_given(found, sign):
            return login
    version = found['swift_auth_version']
    if version == 'auto' and re.search(r'/v1(\.\d+)?$',
                                       found['swift_authurl'] or ''):
        version = '1'
    return 'v1' if version == '1' else 'password'


def _split_tenant(found):
    # swiftclient takes "tenant:user" for both, and so did 0.2.1.
    user = found['swift_user'] or ''
    if ':' in user and not any(found[key] for key in _PROJECT):
        found['swift_tenant_name'], found['swift_user'] = user.split(':', 1)


def _login_problems(found, name):
    logins = [_LOGINS[name]]
    if name not in ('v1', 'token') and any(
            _is_given(found, key) for key in _keys(_SERVICE_LOGIN)):
        logins.append(_SERVICE_LOGIN)
    problems = []
    for group in itertools.chain(*[login.needs for login in logins]):
        given = [key for key in group if _is_given(found, key)]
        if not given:
            problems.append('%s: missing%s' % (group[0], ''.join(
                ', or ' + key for key in group[1:])))
        elif len(given) > 1:
            problems.append('%s: give this or %s, not both' % tuple(given[:2]))
    if found['swift_auth_version'] == '1' and name != 'v1':
        problems.append('swift_auth_version: 1 has no %s' % logins[0].sign)
    for key in sorted(_LOGIN_KEYS.difference(*map(_keys, logins))):
        if _is_given(found, key):
            problems.append('%s: of no use with %s; leave it out' % (
                key, logins[0].sign))
    return problems


def _other_problems(found):
    problems = ['%s: give this or %s, not both' % group
                for group in _ALTERNATIVES
                if all(found[key] is not None for key in group)]
    if found['swift_key'] and not found['swift_cert']:
        problems.append('swift_cert: missing, the certificate of swift_key')
    for row in _TABLE:
        path = row.is_secret and found[row.key + '_file']
        if path:
            try:
                _read_secret(path)
            except (IOError, ValueError) as error:
                problems.append('%s_file: %s' % (row.key, error))
    return problems


def _read_secret(path):
    with io.open(path, encoding='utf-8') as secret:
        try:
            content = values.secret(secret.read().rstrip('\r\n'))
        except ValueError as error:
            raise ValueError('%s: %s' % (path, 'not UTF-8' if isinstance(
                error, UnicodeError) else error))
    if not content:
        raise ValueError('%s is empty' % path)
    return content
