"""Counts what a process has done.

Knows nothing of what is counted, or of how it is shown.
"""

import threading


class Counters(object):

    """Counters that threads and greenlets may use at the same time.

    :param names: of what has a number from the start, 0; others begin when
        they are first counted
    """

    def __init__(self, *names):
        self._values = dict.fromkeys(names, 0)
        # Held for a moment and never while waiting for anything. Reentrant:
        # while it is held Python may collect an abandoned reader, which counts
        # too.
        self._lock = threading.RLock()

    def add(self, name, count=1):
        """Count something."""
        with self._lock:
            self._values[name] = self._values.get(name, 0) + count

    def values(self):
        """Return all numbers, as a dict."""
        with self._lock:
            return dict(self._values)
