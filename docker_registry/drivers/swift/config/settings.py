"""The swift_* keys of the registry's configuration -> one validated value.

keys.py has the table of keys, logins.py the ways to log in. Everything that
is wrong with a configuration is reported at once, by key, without the values
of secrets. No I/O but the reading of files with secrets.
"""

import collections
import io
import re

from docker_registry.core import exceptions

from . import keys
from . import logins
from . import values
from .. import errors
from .. import names

_Values = collections.namedtuple(
    '_Values', ['root', 'login'] + [key.name[len('swift_'):]
                                    for key in keys.TABLE])


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
        return self._given(logins.LOGINS[self.login])

    def service_login_keys(self):
        """Return the keys that the service user's login came from."""
        return self._given(logins.SERVICE_LOGIN)

    def _given(self, login):
        found = {'swift_' + field: value
                 for field, value in self._asdict().items()}
        return [name for name in logins.keys_of(login)
                if logins.is_given(found, name) and name != 'swift_authurl']

    def __repr__(self):
        secrets = [key.name[len('swift_'):] for key in keys.TABLE
                   if key.is_secret]
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
    for key in keys.TABLE:
        try:
            found[key.name] = _value(config, key)
        except ValueError as error:
            found[key.name] = key.default
            problems.append('%s: %s' % (key.name, error))
    root = getattr(config, 'storage_path', None) if path is None else path
    try:
        root = values.text('' if root is None else root)
        names.Names(root).object_name('a')
    except (ValueError, errors.InvalidPathError) as error:
        problems.append('storage_path: %s' % error)
    login = logins.choose(found)
    # What is wrong with a value would come out a second time as missing.
    wrong = [problem.split(':')[0] for problem in problems]
    problems += [
        problem for problem in (logins.problems(found, login)
                                + _other_problems(found))
        if problem.split(':')[0] not in wrong]
    problems = [_spelled(config, problem) for problem in problems]
    if problems:
        raise exceptions.ConfigError(
            'storage: swift cannot start, the configuration is wrong:\n'
            + '\n'.join('  ' + problem for problem in problems))
    return Settings(root, login, *[found[key.name] for key in keys.TABLE])


def _get(config, name):
    try:
        return getattr(config, name, None)
    except exceptions.ConfigError:  # whose text has the value
        raise ValueError('YAML cannot read the value of its variable; put it '
                         'in quotes')


def _is_set(config, name):
    try:
        return _get(config, name) not in (None, '')
    except ValueError:
        return True  # to something that YAML cannot read


def _spelled(config, problem):
    """Name keys as the configuration does, which may have their aliases."""
    for key in keys.TABLE:
        if (key.alias and _is_set(config, key.alias)
                and not _is_set(config, key.name)):
            problem = re.sub(r'\b%s\b' % key.name, key.alias, problem)
    return problem


def _value(config, key):
    given = _get(config, key.name)
    if key.alias:
        other = _get(config, key.alias)
        if other not in (None, ''):
            if given not in (None, ''):
                raise ValueError('the same as %s; give one of them'
                                 % key.alias)
            given = other
    return key.default if given in (None, '') else key.parse(given)


def _unknown_keys(config):
    # core's test Config has no keys(): there is nothing to look through.
    list_keys = getattr(config, 'keys', None)
    known = keys.names()
    problems = []
    for name in sorted(list_keys() if callable(list_keys) else ()):
        if name.startswith('swift_') and name not in known:
            near = keys.meant_by(name)
            problems.append('%s: unknown%s' % (
                name, near and '; did you mean %s?' % near))
    return problems


def _other_problems(found):
    problems = []
    if found['swift_key'] and not found['swift_cert']:
        problems.append('swift_cert: missing, the certificate of swift_key')
    for key in keys.TABLE:
        path = key.is_secret and found[key.name + '_file']
        if path and found[key.name] is not None:
            problems.append('%s: give this or %s_file, not both' % (
                key.name, key.name))
        elif path:
            try:
                _read_secret(path)
            except (IOError, ValueError) as error:
                problems.append('%s_file: %s' % (key.name, error))
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
