"""Checks one value of the configuration, and returns it as the driver uses it.

Pure: no I/O. Each function takes what YAML gives, and raises ValueError with
what is wrong. Messages show URLs, without what may be a secret in them, and
names of containers and files; no other value, which may be a secret. Text is
the native str: UTF-8 on Python 2.
"""

import numbers
import re

from .. import compat

# 0 is registry:2's word for it.
_AUTH_VERSIONS = {'auto': 'auto', '0': 'auto', '1': '1', '1.0': '1',
                  '2': '2', '2.0': '2', '3': '3', '3.0': '3'}
_UNITS = {'ms': 0.001, 's': 1, 'm': 60, 'h': 3600}
_DURATION = re.compile(r'(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$')
_PART = re.compile(r'(\d+(?:\.\d+)?)(ms|s|m|h)')
_CONTROL = re.compile('[\x00-\x1f\x7f]')
_TOKEN = re.compile('[!-~]+\\Z')
#: The last are placeholders, as catalogs have them for the account.
_NOT_IN_URL = re.compile(
    r'[^\x21-\x7e]|[\'"<>\\^`{}|]|[,)]$|://.*://|[%$]\(')
_ENDPOINT_TYPES = ('public', 'internal', 'admin')


def text(value):
    """Return text; of a number its digits."""
    # YAML makes an int of a tenant or password of digits; written back it
    # is what was meant, but for octal and the like, which cannot be told. Of
    # `true`, 1.10 or a date the spelling is lost.
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, compat.TEXT_TYPES):
        raise ValueError('YAML reads the value as %s; put it in quotes'
                         % type(value).__name__)
    return compat.native(value)


def secret(value):
    """Return text that can be a password, token or key."""
    value = text(value)
    # Most of all a newline: YAML's `|` leaves one, and no header takes it.
    if _CONTROL.search(value):
        raise ValueError('has a newline or another control character in it')
    return value


def token(value):
    """Return text that can be a token."""
    value = secret(value)
    if not is_token(value):
        raise ValueError('has a blank in it, or a letter that is not ASCII: '
                         'this is no token')
    return value


def is_token(text):
    """Tell whether a header of HTTP can have a text, native, as a token."""
    return bool(_TOKEN.match(text))


def quoted(value):
    """Return text in quotes, for messages; no control characters are left."""
    return "'%s'" % _CONTROL.sub(
        lambda letter: '\\x%02x' % ord(letter.group()), value)


def url(value):
    """Return the URL of a service, without blanks around it or a slash at its
    end, and with no more than one slash between the parts of its path.
    """
    value = text(value)
    try:
        parsed = compat.urlparse(value.strip())
        # A port is looked at only when it is asked for. Where it is too large
        # Python 2 has none.
        if parsed.port is None and re.search(r':\d+$', parsed.netloc):
            raise ValueError
    except ValueError:  # whose text has what may be a password
        raise _wrong_url('not a URL', value)
    if '@' in parsed.netloc:
        raise _wrong_url('has credentials in it, which would reach the logs; '
                         'see swift_user and swift_password', value)
    if parsed.scheme not in ('http', 'https') or not parsed.hostname:
        raise _wrong_url('not a URL that begins with http:// or https://',
                         value)
    if parsed.query or parsed.fragment:
        raise _wrong_url('has a ? or # in it, which the URL of a service has '
                         'not', value)
    if _NOT_IN_URL.search(value.strip()):
        raise _wrong_url('has a blank, a quotation mark, a second URL or '
                         'something else in it that no URL has', value)
    return '%s://%s%s' % (parsed.scheme, parsed.netloc, re.sub(
        '/+', '/', parsed.path).rstrip('/'))


def _wrong_url(problem, value):
    shown = re.sub(r'^(\s*\w+:/*)?.*@', r'\1...@', value, flags=re.DOTALL)
    shown = quoted(re.sub(r'([?#]).*', r'\1...', shown, flags=re.DOTALL))
    # Some letters that are pasted along nobody sees.
    return ValueError('%s: %s' % (problem, compat.native(
        compat.encoded(shown).decode('utf-8').encode(
            'ascii', 'backslashreplace'))))


def auth_url(value):
    """Return the URL of a login, without the path of its requests.

    registry:2's documentation has .../v3/auth. Keystone's own list of
    versions has v3.14, and people write v2 for v2.0.
    """
    checked = re.sub(r'/(v3|v2\.0)/(?!.*/(v3|v2\.0)$).*', r'/\1', url(value))
    return re.sub(r'/v2$', '/v2.0', re.sub(r'/v3\.\d+$', '/v3', checked))


def storage_url(value):
    """Return the URL of an account, or scheme and host of one alone."""
    checked = url(value)
    # A URL of Ceph's RADOS Gateway may end in /swift/v1.
    if re.search(r'/v1(\.0)?/[^/]+/.', compat.urlparse(checked).path):
        raise ValueError('goes on after the account, where it should end; the '
                         'container is swift_container: ' + quoted(value))
    return checked


def public_url(value):
    """Return the URL of an account, or scheme and host of one alone."""
    checked = storage_url(value)
    # It has no account either.
    return re.sub(r'^(\w+://[^/]+)/v1$', r'\1', checked)


def path(value):
    """Return the path of a file or directory, without blanks around it."""
    return text(value).strip()


def container(value):
    """Return the name of a container."""
    value = text(value)
    if '/' in value or len(compat.encoded(value)) > 256:
        raise ValueError('a container name has no slash and at most 256 '
                         'bytes: ' + quoted(value))
    if value != value.strip():
        raise ValueError('a container name that begins or ends with a blank: '
                         + quoted(value))
    if value in ('.', '..') or _CONTROL.search(value):
        raise ValueError('a container name is not . or .., and has no control '
                         'characters: ' + quoted(value))
    return value


def auth_version(value):
    """Return '1', '2', '3' or 'auto'."""
    try:
        return _AUTH_VERSIONS[_word(value).lstrip('v')]
    except KeyError:
        raise ValueError('not one of 1, 2, 3, auto')


def endpoint_type(value):
    """Return 'public', 'internal' or 'admin'."""
    # publicURL and so on are what python-swiftclient takes.
    kind = re.sub('url$', '', _word(text(value)))
    if kind not in _ENDPOINT_TYPES:
        raise ValueError('not one of %s' % ', '.join(_ENDPOINT_TYPES))
    return kind


def _word(value):
    """Return a word as it is compared, however it was written."""
    return str(value).strip().lower()


def boolean(value):
    """Return True or False."""
    if not isinstance(value, bool):
        raise ValueError('neither true nor false')
    return value


def integer(least, most):
    """Return a function that checks a whole number from least to most."""
    def parse(value):
        if not isinstance(value, numbers.Integral) or isinstance(value, bool):
            raise ValueError('not a whole number')
        if not least <= value <= most:
            raise ValueError('not from %d to %d' % (least, most))
        return value
    return parse


def seconds(least, most):
    """Return a function that checks seconds, from least to most."""
    def parse(value):
        if not isinstance(value, numbers.Real) or isinstance(value, bool):
            raise ValueError('not a number')
        if not least <= value <= most:
            raise ValueError('not from %s to %s' % (least, most))
        return value
    return parse


def duration(least, most):
    """Return a function that checks a time span, and returns its seconds.

    :param least, most: in seconds
    """
    def parse(value):
        if isinstance(value, numbers.Real) and not isinstance(value, bool):
            found = value
        elif _DURATION.match(str(value)):
            found = sum(float(number) * _UNITS[unit]
                        for number, unit in _PART.findall(str(value)))
        else:
            raise ValueError('neither a number of seconds nor like 10s, 500ms '
                             'or 1m30s')
        if not least <= found <= most:
            raise ValueError('not from %s to %s' % (
                _span(least), _span(most)))
        return found
    return parse


def _span(seconds):
    """Return a time span as people write it."""
    for unit in ('h', 'm', 's'):
        if seconds >= _UNITS[unit] and not seconds % _UNITS[unit]:
            return '%d%s' % (seconds // _UNITS[unit], unit)
    return '%dms' % (seconds * 1000)
