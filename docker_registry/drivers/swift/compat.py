"""What Python 2 and Python 3 do differently, in one place.

Pure. Text is the native str everywhere in the driver: UTF-8 on Python 2.
"""

import itertools
import os
import re
import sys
import time

PY2 = sys.version_info[0] < 3

if PY2:
    from urllib import quote
    from urllib import quote_plus
    from urllib import unquote as unquote_to_bytes
    from urlparse import urlparse
    from urlparse import urlsplit

    #: The types of text.
    TEXT_TYPES = (str, unicode)  # noqa: F821
    #: The types of whole numbers.
    INTEGER_TYPES = (int, long)  # noqa: F821

    def monotonic():
        """Return seconds by a clock that nobody sets."""
        # times() counts the ticks since the machine was started.
        return os.times()[4]
else:
    from urllib.parse import quote
    from urllib.parse import quote_plus
    from urllib.parse import unquote_to_bytes
    from urllib.parse import urlparse
    from urllib.parse import urlsplit
    TEXT_TYPES = (str,)
    INTEGER_TYPES = (int,)
    monotonic = time.monotonic

__all__ = ['INTEGER_TYPES', 'PY2', 'TEXT_TYPES', 'batched', 'encoded',
           'monotonic', 'native', 'quote', 'quote_plus', 'unquote_to_bytes',
           'urlparse', 'urlsplit']

_SURROGATE = re.compile(b'\xed[\xa0-\xbf]')


def native(value):
    """Return text or UTF-8 as the native str.

    :raises ValueError: there is no such text
    """
    if isinstance(value, str):
        return value
    return value.encode('utf-8') if PY2 else value.decode('utf-8')


def encoded(value):
    """Return a native str as UTF-8.

    :raises ValueError: there is no such text
    """
    if not PY2:
        return value.encode('utf-8')
    value.decode('utf-8')
    if _SURROGATE.search(value):  # Python 2 takes them
        raise ValueError('not UTF-8')
    return value


def batched(iterable, size):
    """Yield lists of so many items; the last may be shorter.

    Source: itertools.batched() of Python 3.12, which gives tuples
    """
    iterator = iter(iterable)
    return iter(lambda: list(itertools.islice(iterator, size)), [])
