"""The swift_* keys of the registry's configuration -> one validated value.

Pure: no I/O. Every key is one row of _TABLE; everything that is wrong with a
configuration is reported at once, by key, without the values of secrets.
"""

import collections
import difflib
import numbers
import sys

from docker_registry.core import exceptions

if sys.version_info[0] < 3:
    from urlparse import urlparse
    _TEXT = (str, unicode)  # noqa: F821
else:
    from urllib.parse import urlparse
    _TEXT = (str,)

_AUTH_VERSIONS = {'1': '1', '1.0': '1', '2': '2', '2.0': '2',
                  '3': '3', '3.0': '3'}


def _text(value):
    # YAML makes an int of a tenant or password of digits; written back it
    # is what was meant, but for octal and the like, which cannot be told. Of
    # `true`, 1.10 or a date the spelling is lost.
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, _TEXT):
        raise ValueError('YAML reads the value as %s; put it in quotes'
                         % type(value).__name__)
    return value


def _url(value):
    value = _text(value)
    parsed = urlparse(value)
    if parsed.scheme not in ('http', 'https') or not parsed.hostname:
        raise ValueError('not a URL that begins with http:// or https://')
    if '@' in parsed.netloc:
        raise ValueError('has credentials in it, which would reach the logs; '
                         'see swift_user and swift_password')
    return value.rstrip('/')


def _container(value):
    value = _text(value)
    if '/' in value or len(value.encode('utf-8')) > 256:
        raise ValueError('a container name has no slash and at most 256 bytes')
    return value


def _auth_version(value):
    try:
        return _AUTH_VERSIONS[str(value)]
    except KeyError:
        raise ValueError('not one of 1, 2, 3')


def _boolean(value):
    if not isinstance(value, bool):
        raise ValueError('neither true nor false')
    return value


def _integer(least, most):
    def parse(value):
        if not isinstance(value, numbers.Integral) or isinstance(value, bool):
            raise ValueError('not a whole number')
        if not least <= value <= most:
            raise ValueError('not from %d to %d' % (least, most))
        return value
    return parse


_Row = collections.namedtuple('_Row', 'key parse default required')


def _row(key, parse, default=None, required=False):
    return _Row(key, parse, default, required)


_TABLE = (
    _row('swift_authurl', _url, required=True),
    _row('swift_auth_version', _auth_version, '2'),
    _row('swift_user', _text, required=True),
    _row('swift_password', _text, required=True),
    _row('swift_tenant_name', _text),
    _row('swift_region_name', _text),
    _row('swift_object_storage_url', _url),
    _row('swift_cacert', _text),
    _row('swift_container', _container, 'dev_container'),
    _row('swift_create_container', _boolean, True),
    _row('swift_segment_size', _integer(1, 5 * 1024 ** 3), 32 * 1024 ** 2),
    _row('swift_upload_concurrency', _integer(1, 64), 4),
    _row('swift_download_concurrency', _integer(1, 64), 1),
    _row('swift_buffer_directory', _text),
    _row('swift_connections', _integer(1, 1000), 32),
    _row('swift_timeout', _integer(1, 3600), 60),
    _row('swift_retries', _integer(0, 10), 3),
)

_Values = collections.namedtuple(
    '_Values', ['root'] + [row.key[len('swift_'):] for row in _TABLE])


class Settings(_Values):

    """What the driver was told, checked.

    The fields are the keys without `swift_`; `root` is storage_path;
    `timeout` is in seconds, `segment_size` in bytes. The representation
    leaves out the password.
    """

    __slots__ = ()

    def __repr__(self):
        return 'Settings(%s)' % ', '.join(
            '%s=%r' % (field, value)
            for field, value in zip(self._fields, self)
            if field != 'password')


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
    values = {}
    for row in _TABLE:
        value = getattr(config, row.key, None)
        if value is None or value == '':
            values[row.key] = row.default
            if row.required:
                problems.append('%s: missing' % row.key)
            continue
        try:
            values[row.key] = row.parse(value)
        except ValueError as error:
            problems.append('%s: %s' % (row.key, error))
    root = getattr(config, 'storage_path', None) if path is None else path
    try:
        root = _text('' if root is None else root)
    except ValueError as error:
        problems.append('storage_path: %s' % error)
    problems += _missing_tenant(values)
    if problems:
        raise exceptions.ConfigError(
            'storage: swift cannot start, the configuration is wrong:\n'
            + '\n'.join('  ' + problem for problem in problems))
    return Settings(root, *[values[row.key] for row in _TABLE])


def _unknown_keys(config):
    # core's test Config has no keys(): there is nothing to look through.
    list_keys = getattr(config, 'keys', None)
    known = [row.key for row in _TABLE]
    problems = []
    for key in sorted(list_keys() if callable(list_keys) else ()):
        if key.startswith('swift_') and key not in known:
            near = difflib.get_close_matches(key, known, 1, 0)[0]
            problems.append('%s: unknown; did you mean %s?' % (key, near))
    return problems


def _missing_tenant(values):
    # swiftclient takes "tenant:user" for both, and so did 0.2.1.
    user = values.get('swift_user') or ''
    if (values.get('swift_auth_version') == '1' or not user or ':' in user
            or values.get('swift_tenant_name')):
        return []
    return ['swift_tenant_name: missing; needed by swift_auth_version 2 and 3']
