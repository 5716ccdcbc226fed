"""Checks the swift_* keys of the registry's configuration.

parse() makes one Settings of them. keys.py has the table of keys, logins.py
the ways to log in. Everything that is wrong with a configuration is reported
at once, by key, without the values of secrets. No I/O but to look at the files
and directories that it names.
"""

import collections
import io
import os
import re

from . import given
from . import keys
from . import logins
from . import values
from .. import errors
from .. import names

#: What checks a secret, by the name of its key.
_SECRETS = {key.name: key.parse for key in keys.TABLE if key.is_secret}

_Values = collections.namedtuple(
    '_Values', ['root', 'login', 'spelling', 'unset_variables']
    + [key.name[len('swift_'):] for key in keys.TABLE])


class Settings(_Values):

    """The checked configuration of one driver.

    The fields are the keys without `swift_`, and four more: `root` is
    storage_path; `login` is how to log in, a key of logins.LOGINS; `spelling`
    is a dict from keys to what the configuration has in their place: an
    alias, or the file of a secret; `unset_variables` is a dict from keys, as
    the configuration has them, to environment variables that were to give
    their values and do not. `timeout`, `connect_timeout`, `retry_delay` and
    `temp_url_ttl` are in seconds, `segment_size` is in bytes. The
    representation leaves out secrets; secret() gives them.
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
        return getattr(self, field) if path is None else _read_secret(
            path, _SECRETS['swift_' + field])

    def named(self, *names):
        """Return keys as the configuration names them, each once."""
        return list(collections.OrderedDict.fromkeys(
            self.spelling.get(name, name) for name in names))

    def login_keys(self):
        """Return the keys that a login came from, for messages."""
        return self._given(*logins.keys_of(logins.LOGINS[self.login]))

    def service_login_keys(self):
        """Return the keys that the service user's login came from."""
        return self._given(*logins.keys_of(logins.SERVICE_LOGIN))

    def rights_keys(self):
        """Return the keys that say who asks Swift for what."""
        return self._given(*logins.IDENTITY_KEYS) + ['swift_container'] + (
            self._given('swift_object_storage_url'))

    def address_keys(self):
        """Return the keys that say where Swift is.

        An address that the login gives can be replaced.
        """
        replacement = ['swift_object_storage_url']
        if self.object_storage_url or self.login in ('token', 'v1'):
            return replacement
        return ['swift_endpoint_type', 'swift_region_name'] + replacement

    def tls_keys(self):
        """Return the keys of the files that TLS needs."""
        return self._given('swift_cacert', 'swift_cert', 'swift_key')

    def unset_login_variables(self):
        """Return environment variables of a login's keys that are not set.

        :returns: list of '$NAME of KEY'
        """
        names = set(self.named(
            'swift_region_name', 'swift_endpoint_type',
            'swift_object_storage_url',
            *logins.keys_of(logins.LOGINS[self.login])))
        return ['$%s of %s' % (variable, name) for name, variable
                in sorted(self.unset_variables.items()) if name in names]

    def _given(self, *names):
        found = {'swift_' + field: value
                 for field, value in self._asdict().items()}
        return self.named(*[
            name for name in names
            if logins.is_given(found, name) and name != 'swift_authurl'])

    def __repr__(self):
        secrets = [key.name[len('swift_'):] for key in keys.TABLE
                   if key.is_secret]
        return 'Settings(%s)' % ', '.join(
            '%s=%r' % (field, value)
            for field, value in zip(self._fields, self)
            if field not in secrets)


def parse(path, config):
    """Check a configuration and return it as Settings.

    :param path: storage_path as the registry hands it to a driver; None
        means that the configuration has it
    :param config: anything that gives keys as attributes, and None for keys
        that are not set: the registry's Config, or that of core's tests
    :returns: Settings
    :raises errors.ConfigError: names every key that is missing, unknown,
        of the wrong type or out of range, and what to do about it

    Source: docker_registry/lib/config.py (attributes, `_env:` values that
    pass through YAML) and docker_registry/storage/__init__.py (the call)
    """
    configured = given.Given(config)
    problems = configured.unknown_keys()
    found = {}
    for key in keys.TABLE:
        try:
            found[key.name] = configured.value(key)
        except ValueError as error:
            found[key.name] = key.default
            problems.append('%s: %s' % (key.name, error))
    root = getattr(config, 'storage_path', None) if path is None else path
    try:
        root = values.text('' if root is None else root)
        wrong = names.wrong_root(root)
        if wrong:
            raise ValueError('%s: %s' % (wrong, values.quoted(root)))
    except ValueError as error:
        problems.append('storage_path: %s' % error)
    spelling = configured.spelling()
    variables = configured.unset_variables()
    login = logins.choose(found, spelling)
    # What is wrong with a value would come out a second time as missing.
    wrong = [problem.split(':')[0] for problem in problems]
    problems += [
        problem for problem in (logins.problems(found, login)
                                + _other_problems(found))
        if problem.split(':')[0] not in wrong]
    problems = [_in_words_of(spelling, variables, problem)
                for problem in problems]
    if problems:
        raise errors.ConfigError(
            'storage: swift cannot start, the configuration is wrong:\n'
            + '\n'.join('  ' + problem for problem in problems))
    for key in keys.TABLE:
        if key.is_secret and found[key.name + '_file'] is not None:
            spelling[key.name] = key.name + '_file'
    return Settings(root, login, spelling, variables,
                    *[found[key.name] for key in keys.TABLE])


def _in_words_of(spelling, variables, problem):
    """Name keys as the configuration does, and variables that are not set."""
    for name, alias in spelling.items():
        problem = re.sub(r'\b%s\b' % name, alias, problem)
    for name in re.findall(r'\bswift_\w+', problem):
        for named in (name, name + '_file'):
            if named in variables and ': missing' in problem:
                problem += '; $%s is not set' % variables[named]
    return problem


def _other_problems(found):
    problems = []
    directory = found['swift_buffer_directory']
    if directory and not (os.path.isdir(directory)
                          and os.access(directory, os.W_OK | os.X_OK)):
        problems.append('swift_buffer_directory: no directory that can be '
                        'written to: ' + values.quoted(directory))
    if found['swift_key'] and not found['swift_cert']:
        problems.append('swift_cert: missing, the certificate of swift_key')
    for key in keys.TABLE:
        path = key.is_secret and found[key.name + '_file']
        if path and found[key.name] is not None:
            problems.append('%s: give this or %s_file, not both' % (
                key.name, key.name))
        elif path:
            try:
                _read_secret(path, key.parse)
            except (IOError, ValueError) as error:
                problems.append('%s_file: %s' % (key.name, error))
    return problems


def _read_secret(path, parse):
    # Some editors begin a file with a mark.
    with io.open(path, encoding='utf-8-sig') as secret:
        try:
            content = secret.read().rstrip('\r\n')
            content = content and parse(content)
        except ValueError as error:
            raise ValueError('%s: %s' % (path, 'not UTF-8' if isinstance(
                error, UnicodeError) else error))
    if not content:
        raise ValueError('%s is empty' % path)
    return content
