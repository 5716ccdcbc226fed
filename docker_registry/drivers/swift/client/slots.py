"""Slots that are taken and given back, safe for greenlets that end meanwhile.

Knows nothing of what they are for.
"""

import collections
import threading

from . import breaker


class Slots(object):

    """A number of slots, to be taken and given back.

    What threading.Semaphore is, but for greenlets that gevent ends while they
    give back: that one may then lose the slot, for it waits for a lock first.

    :param count: how many there are
    :ivar waiting: how many wait for one
    """

    def __init__(self, count):
        self.waiting = 0
        self._free = collections.deque([None] * count)
        self._changed = threading.Condition()

    def free(self):
        """Return how many can be taken now."""
        return len(self._free)

    def acquire(self, seconds=0):
        """Take a slot; where all are taken, wait for one.

        :param seconds: for how long to wait
        :returns: whether a slot was taken
        """
        give_up_at = breaker.clock() + seconds
        while True:
            try:
                self._free.pop()
                return True
            except IndexError:
                left = give_up_at - breaker.clock()
                if left <= 0:
                    return False
                with self._changed:
                    if not self._free:
                        self.waiting += 1
                        try:
                            self._changed.wait(left)
                        finally:
                            self.waiting -= 1

    def release(self):
        """Give a slot back."""
        self._free.append(None)  # now it is back, whatever happens
        with self._changed:
            # All: Python 2 counts those among the waiting that have been
            # ended, and the one before may have been ended here.
            self._changed.notify_all()
