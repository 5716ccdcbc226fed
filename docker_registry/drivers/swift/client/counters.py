"""What a process has done so far, in numbers.

Knows nothing of what they mean or of who shows them.
"""

import threading


class Counters(object):

    """Numbers that grow, safe for threads and greenlets.

    :param names: what is counted
    """

    def __init__(self, *names):
        self._values = dict.fromkeys(names, 0)
        # Held for a moment and never while waiting for anything. Who holds it
        # may find garbage to collect that counts, too: an abandoned reader.
        self._lock = threading.RLock()

    def add(self, name, count=1):
        """Count something."""
        with self._lock:
            self._values[name] += count

    def values(self):
        """Return all numbers, as a dict."""
        with self._lock:
            return dict(self._values)
