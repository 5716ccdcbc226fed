"""Limits how many requests are in flight at the same time.
"""

import collections
import threading

from . import breaker


class Slots(object):

    """A number of slots, which are taken and given back.

    It does what threading.Semaphore does. That one loses a slot when gevent
    ends a greenlet that gives it back, for it waits for a lock first.

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
