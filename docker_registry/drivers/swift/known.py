"""What a process knows of an image's files and need not ask Swift again.

Knows nothing of Swift; what may be kept, and why it is still true when
several registries write, is said where it is kept, in storage.py.
"""

import collections
import threading
import time


class Known(object):

    """Remembers a number of values, each for a while.

    :param count: how many; the oldest go first
    :param seconds: for how long
    """

    def __init__(self, count, seconds):
        self._count = count
        self._seconds = seconds
        self._entries = collections.OrderedDict()
        # Held for a moment and never while waiting for anything, so that it
        # matters to nobody whether gevent has patched it.
        self._lock = threading.Lock()

    def get(self, path):
        """Return what is known of a path, or None."""
        value, until = self._entries.get(path, (None, 0))
        # A clock that was set back must not make it last.
        return value if 0 < until - time.time() <= self._seconds else None

    def put(self, path, value):
        """Remember a value."""
        with self._lock:
            self._entries.pop(path, None)
            self._entries[path] = value, time.time() + self._seconds
            while len(self._entries) > self._count:
                self._entries.popitem(last=False)

    def drop(self, path):
        """Forget a path, and everything below it."""
        with self._lock:
            for known in [known for known in self._entries
                          if (known + '/').startswith(path.rstrip('/') + '/')]:
                del self._entries[known]
