"""One value of the configuration, checked: what YAML gives -> what is meant.

Pure: no I/O. Each function takes a value and returns it as the driver uses
it, or raises ValueError with what is wrong; the messages never have the
value, which may be a secret. Text is the native str: UTF-8 on Python 2.
"""

import numbers
import re

from ..compat import TEXT_TYPES
from ..compat import encoded
from ..compat import native
from ..compat import urlparse

# 0 is registry:2's word for it.
_AUTH_VERSIONS = {'auto': 'auto', '0': 'auto', '1': '1', '1.0': '1',
                  '2': '2', '2.0': '2', '3': '3', '3.0': '3'}
_CONTROL = re.compile('[\x00-\x1f\x7f]')
_ENDPOINT_TYPES = ('public', 'internal', 'admin')


def text(value):
    """Return text; of a number its digits."""
    # YAML makes an int of a tenant or password of digits; written back it
    # is what was meant, but for octal and the like, which cannot be told. Of
    # `true`, 1.10 or a date the spelling is lost.
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, TEXT_TYPES):
        raise ValueError('YAML reads the value as %s; put it in quotes'
                         % type(value).__name__)
    return native(value)


def secret(value):
    """Return text that can be a password, token or key."""
    value = text(value)
    # Most of all a newline: YAML's `|` leaves one, and no header takes it.
    if _CONTROL.search(value):
        raise ValueError('has a newline or another control character in it')
    return value


def url(value):
    """Return the URL of a service, without a slash at its end."""
    value = text(value)
    try:
        parsed = urlparse(value)
    except ValueError:  # whose text has what may be a password
        raise ValueError('not a URL')
    if parsed.scheme not in ('http', 'https') or not parsed.hostname:
        raise ValueError('not a URL that begins with http:// or https://')
    if '@' in parsed.netloc:
        raise ValueError('has credentials in it, which would reach the logs; '
                         'see swift_user and swift_password')
    if parsed.query or parsed.fragment:
        raise ValueError('has a ? or # in it, which the URL of a service '
                         'has not')
    return value.rstrip('/')


def auth_url(value):
    """Return the URL of a login, without the path of its requests.

    registry:2's documentation has .../v3/auth.
    """
    return re.sub(r'(/v3/auth(/tokens)?|/v2\.0/tokens)$',
                  lambda path: '/' + path.group().split('/')[1], url(value))


def container(value):
    """Return the name of a container."""
    value = text(value)
    if '/' in value or len(encoded(value)) > 256:
        raise ValueError('a container name has no slash and at most 256 bytes')
    if value in ('.', '..') or _CONTROL.search(value):
        raise ValueError('a container name is not . or .., and has no control '
                         'characters')
    return value


def auth_version(value):
    """Return '1', '2', '3' or 'auto'."""
    try:
        return _AUTH_VERSIONS[str(value)]
    except KeyError:
        raise ValueError('not one of 1, 2, 3, auto')


def endpoint_type(value):
    """Return 'public', 'internal' or 'admin'."""
    # publicURL and so on are what python-swiftclient takes.
    kind = re.sub('URL$', '', text(value))
    if kind not in _ENDPOINT_TYPES:
        raise ValueError('not one of %s' % ', '.join(_ENDPOINT_TYPES))
    return kind


def boolean(value):
    """Return True or False."""
    if not isinstance(value, bool):
        raise ValueError('neither true nor false')
    return value


def integer(least, most):
    """Return a function that checks a whole number."""
    def parse(value):
        if not isinstance(value, numbers.Integral) or isinstance(value, bool):
            raise ValueError('not a whole number')
        if not least <= value <= most:
            raise ValueError('not from %d to %d' % (least, most))
        return value
    return parse


def seconds(least, most):
    """Return a function that checks a number of seconds."""
    def parse(value):
        if not isinstance(value, numbers.Real) or isinstance(value, bool):
            raise ValueError('not a number')
        if not least <= value <= most:
            raise ValueError('not from %s to %s' % (least, most))
        return value
    return parse
