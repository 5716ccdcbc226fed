"""MD5 of bytes that pass by, reckoned beside what else goes on.

Knows nothing of Swift, of buffers or of readers.
"""

import hashlib
import sys

#: As much as is worth a change of threads.
_BATCH_BYTES = 1024 * 1024


class Md5(object):

    """An MD5 that is updated in order, for one greenlet or thread at a time.

    Swift asks for the MD5 of all it is given, which takes as long as sending
    it. Under gevent a native thread does it, for hashlib lets others run
    meanwhile: the worker's other clients, and the sending of what has been
    hashed. Where threads are real, the caller's own does it.
    """

    def __init__(self):
        self._md5 = hashlib.md5()
        self._batch = []
        self._batch_bytes = 0
        self._running = None

    def update(self, chunk):
        """Add bytes; they may be hashed later, and must not change."""
        self._batch.append(chunk)
        self._batch_bytes += len(chunk)
        if self._batch_bytes >= _BATCH_BYTES:
            batch, self._batch, self._batch_bytes = self._batch, [], 0
            threadpool = _threadpool()
            if threadpool is None:
                self._hash(batch)
            else:
                self._wait()
                self._running = threadpool.spawn(self._hash, batch)

    def hexdigest(self):
        """Return the MD5 of all bytes so far, in hexadecimal."""
        self._wait()
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        self._hash(batch)
        return self._md5.hexdigest()

    def _hash(self, batch):
        for chunk in batch:
            self._md5.update(chunk)

    def _wait(self):
        # One at a time, so that the order is kept.
        if self._running is not None:
            self._running.get()
            self._running = None


def _threadpool():
    """Return gevent's pool of native threads; None where it is not in use."""
    monkey = sys.modules.get('gevent.monkey')
    if monkey is None or not monkey.is_module_patched('threading'):
        return None
    return sys.modules['gevent'].get_hub().threadpool
