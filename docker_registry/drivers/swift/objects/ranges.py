"""Which bytes a Range header asks for.

Pure.

Source: RFC 9110, section 14
"""

import re

_RANGE = re.compile(r'bytes\s*=\s*([0-9]*)\s*-\s*([0-9]*)\s*$',
                    re.IGNORECASE)
#: More than an offset has; Python 3 refuses to read thousands.
_DIGITS = 18


class UnsatisfiableError(Exception):

    """The range has no byte of what it is of."""


def header_of(method, headers, *validators):
    """Return the Range header of a request, None where it does not count.

    :param method: HTTP method; a range is of GET alone
    :param headers: of the request, with a get()
    :param validators: the ETag and Last-Modified that the answer has. With
        If-Range the client wants all of what has others than it knows.

    Source: RFC 9110, sections 13.1.5 and 14.2
    """
    if method != 'GET' or headers.get('If-Range') not in (None,) + validators:
        return None
    return headers.get('Range')


def parse(header, size_bytes):
    """Return which bytes of a layer a Range header asks for.

    Several ranges in one header count as malformed: RFC 9110 allows a server
    to ignore any Range.

    :param header: value of the header, or None
    :param size_bytes: size of the layer or blob
    :returns: (first, last), offsets of bytes, both inclusive; None for the
        whole layer: there is no header, or it is malformed
    :raises UnsatisfiableError: to be answered with 416
    """
    match = _RANGE.match(header or '')
    if not match or match.groups() == ('', ''):
        return None
    first, last = map(_offset, match.groups())
    end = size_bytes - 1
    if first is None:  # the last so many bytes
        first, last = max(0, size_bytes - last), end
    else:
        if last is not None and last < first:
            return None
        # The docker engine resumes with one byte past the end.
        last = end if last is None else min(last, end)
    if first > end:
        raise UnsatisfiableError()
    return first, last


def _offset(digits):
    """Return the number that digits are; None for no digits."""
    if not digits:
        return None
    digits = digits.lstrip('0')
    return int(digits or '0') if len(digits) <= _DIGITS else 10 ** _DIGITS
