"""Which bytes a Range header asks for.

Pure.

Source: RFC 9110, section 14
"""

import re

_RANGE = re.compile(r'bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$', re.IGNORECASE)


class UnsatisfiableError(Exception):

    """The range has no byte of what it is of."""


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
    first, last = match.groups()
    end = size_bytes - 1
    if not first:  # the last so many bytes
        first, last = max(0, size_bytes - int(last)), end
    else:
        first = int(first)
        if last and int(last) < first:
            return None
        # The docker engine resumes with one byte past the end.
        last = min(int(last), end) if last else end
    if first > end:
        raise UnsatisfiableError()
    return first, last
