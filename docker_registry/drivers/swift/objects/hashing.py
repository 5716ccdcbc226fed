"""Computes digests while other greenlets of the worker go on.

Also what else keeps the processor busy, and other clients waiting.

Knows nothing of Swift, of buffers or of readers.
"""

import binascii
import hashlib
import sys
import warnings

from .. import compat

#: As much as is worth a change of threads.
_BATCH_BYTES = 1024 * 1024
#: As much as is worth a turn of Python's lock. A batch would be a copy of it.
LARGE_BYTES = 256 * 1024


class Digest(object):

    """A digest that is updated in order, for one greenlet or thread at a time.

    Swift asks for the MD5 of all it is given, and the registry's clients for
    a SHA-256; each takes as long as sending it. Under gevent a native thread
    does it, while others run: the worker's other clients, and the sending of
    what has been hashed. Where threads are real, the caller's own does it: to
    hand it over takes longer than half of a SHA-256.

    :param name: 'md5', 'sha256' or 'sha512'
    :param begun: a digest to go on with that has update() and hexdigest();
        None begins anew
    """

    def __init__(self, name, begun=None):
        self._name = name
        self._digest = begun
        self._batch = []
        self._batch_bytes = 0
        self._running = None

    def update(self, chunk):
        """Add bytes; they may be hashed later, and must not change."""
        self._batch.append(chunk)
        self._batch_bytes += len(chunk)
        if self._batch_bytes >= _BATCH_BYTES or (
                len(chunk) >= LARGE_BYTES and _threadpool() is None):
            self._wait()
            # Here: gevent's imports are for one thread alone.
            self._digest = self._digest or _new_unlocked(self._name)
            threadpool = _threadpool()
            if threadpool is None:
                self._hash(self._take_batch())
            else:
                self._running = threadpool.spawn(
                    self._hash, self._take_batch()).get

    def hexdigest(self):
        """Return the digest of all bytes so far, in hexadecimal."""
        self.flush()
        return self._digest.hexdigest()

    def flush(self):
        """Wait until all bytes so far have been hashed."""
        self._wait()
        self._hash(self._take_batch())

    def _take_batch(self):
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        return batch

    def _hash(self, batch):
        self._digest = self._digest or hashlib.new(self._name)
        # At once: the lock is queued for each time it has been given up.
        self._digest.update(b''.join(batch))

    def _wait(self):
        # One at a time, so that the order is kept.
        if self._running is not None:
            self._running()
            self._running = None


def beside(function, *arguments):
    """Call what keeps the processor busy; return what it returns.

    Under gevent a native thread does it, while others run. It must neither
    wait for anything nor use what gevent has patched.
    """
    threadpool = _threadpool()
    if threadpool is None:
        return function(*arguments)
    return threadpool.apply(function, arguments)


class _Unlocked(object):

    """What hashlib has, of a library that gives up Python's lock.

    :raises ImportError: the library is not of use
    """

    def __init__(self, name):
        # Not sooner: it takes 60 ms, and small contents do without.
        from cryptography.hazmat import backends
        from cryptography.hazmat.primitives import hashes
        algorithm = {'md5': hashes.MD5, 'sha256': hashes.SHA256,
                     'sha512': hashes.SHA512}[name]
        self._hash = hashes.Hash(algorithm(), backends.default_backend())

    def update(self, content):
        self._hash.update(content)

    def hexdigest(self):
        return binascii.hexlify(self._hash.copy().finalize())


def _find_unlocked():
    """Return what makes digests in whose update() other threads can run.

    Python 2.7's own cannot, and is slow at SHA-256; a Python 2.7 that was
    built beside OpenSSL 3 has nothing else.
    Source: Modules/md5module.c, Modules/sha256module.c and setup.py of 2.7
    """
    if not compat.PY2:
        return hashlib.new
    try:
        import _hashlib  # noqa: F401, OpenSSL's
        return hashlib.new
    except ImportError:
        pass
    try:
        with warnings.catch_warnings():
            # That Python 2 is old, in each worker's log.
            warnings.simplefilter('ignore')
            _Unlocked('md5')
        return _Unlocked
    except ImportError:
        # Compiled beside OpenSSL 3 it installs, and does not load.
        return hashlib.new


#: What _find_unlocked() has found, once it is needed.
_unlocked = []


def _new_unlocked(name):
    if not _unlocked:
        _unlocked.append(_find_unlocked())
    return _unlocked[0](name)


def _threadpool():
    """Return gevent's pool of native threads; None where it is not in use."""
    monkey = sys.modules.get('gevent.monkey')
    if monkey is None or not monkey.is_module_patched('threading'):
        return None
    return sys.modules['gevent'].get_hub().threadpool
