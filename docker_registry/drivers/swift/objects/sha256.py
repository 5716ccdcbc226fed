"""SHA-256 that one process begins and another goes on with.

hashlib does not tell how far it is; OpenSSL's does, for all its state is in
the caller's memory. Where OpenSSL cannot be reached is_available() says so.
Safe for any number of greenlets or threads, each with a Sha256 of its own;
update() gives up Python's lock.

Source: include/openssl/sha.h of OpenSSL 1.0, 1.1 and 3
"""

import binascii
import ctypes
import hashlib
import sys

from .. import compat

#: sizeof(SHA256_CTX): eight words of state, two of the length in bits, a
#: block of 64 bytes, and two words that say how full it is.
_STATE_BYTES = 112
#: More than that, should another OpenSSL need it.
_ROOM_BYTES = 512
_DIGEST_BYTES = 32
#: Names of OpenSSL's library, for a Python that was built without it.
_LIBRARIES = ('libcrypto.so.3', 'libcrypto.so.1.1', 'libcrypto.so.1.0.0',
              'libcrypto.so.10', 'libcrypto.dylib')


class Sha256(object):

    """A SHA-256 of bytes that are added one after the other.

    :param state: what state() has returned, text; None begins anew
    :raises ValueError: it is of a machine that has another order of bytes,
        or it is nobody's
    """

    def __init__(self, state=None):
        self._context = ctypes.create_string_buffer(_ROOM_BYTES)
        if state is None:
            _library().SHA256_Init(self._context)
            return
        order, _, value = state.partition(':')
        try:
            content = binascii.unhexlify(value.encode('ascii'))
        except TypeError:  # of Python 2
            content = b''
        if order != sys.byteorder or len(content) != _STATE_BYTES:
            raise ValueError('not the state of a SHA-256 of this machine')
        self._context[:_STATE_BYTES] = content

    def update(self, content):
        """Add bytes."""
        _library().SHA256_Update(self._context, content,
                                 ctypes.c_size_t(len(content)))

    def hexdigest(self):
        """Return the digest of all bytes so far, in hexadecimal."""
        # What ends it changes it.
        context = ctypes.create_string_buffer(self._context.raw, _ROOM_BYTES)
        digest = ctypes.create_string_buffer(_DIGEST_BYTES)
        _library().SHA256_Final(digest, context)
        return compat.native(binascii.hexlify(digest.raw))

    def state(self):
        """Return all that is needed to go on, as text."""
        return '%s:%s' % (sys.byteorder, compat.native(binascii.hexlify(
            self._context.raw[:_STATE_BYTES])))


def is_available():
    """Tell whether there is an OpenSSL whose SHA-256 can be interrupted."""
    return _library() is not None


#: What _find() has found, once it is needed.
_found = []


def _library():
    if not _found:
        _found.append(_find())
    return _found[0]


def _find():
    for name in _names():
        try:
            library = ctypes.CDLL(name)
            for function in (library.SHA256_Init, library.SHA256_Update,
                             library.SHA256_Final):
                function.restype = ctypes.c_int
        except (AttributeError, EnvironmentError):
            continue
        if _works(library):
            return library
    return None


def _names():
    try:
        import _hashlib

        # OpenSSL is found through what is linked with it.
        yield _hashlib.__file__
    except (AttributeError, ImportError):
        pass  # built in, or not there
    for name in _LIBRARIES:
        yield name


def _works(library):
    """Tell whether a library's state can be carried to another place."""
    content = bytes(bytearray(range(100)))
    context = ctypes.create_string_buffer(_ROOM_BYTES)
    library.SHA256_Init(context)
    library.SHA256_Update(context, content, ctypes.c_size_t(len(content)))
    other = ctypes.create_string_buffer(_ROOM_BYTES)
    other[:_STATE_BYTES] = context.raw[:_STATE_BYTES]
    library.SHA256_Update(other, content, ctypes.c_size_t(len(content)))
    digest = ctypes.create_string_buffer(_DIGEST_BYTES)
    library.SHA256_Final(digest, other)
    return digest.raw == hashlib.sha256(content + content).digest()
