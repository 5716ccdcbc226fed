"""Does the same to many things, several at a time, in little memory."""

import collections
from concurrent import futures

#: How many results may wait for the one before them, for each job.
_AHEAD = 4
#: Python 2 heeds ^C while it waits only if that may end by itself.
_LONG_SECONDS = 10 ** 6


class StoppedError(Exception):

    """stop() was called meanwhile."""


class Jobs(object):

    """Threads that are given one thing each at a time.

    :param count: how many there are
    """

    def __init__(self, count):
        self._count = count
        self._executor = futures.ThreadPoolExecutor(count)
        self._stopped = False

    def each(self, function, items):
        """Yield what a function returns for each item, in their order.

        Takes items as it goes, and holds a few for each thread.

        :param function: callable that takes an item; called in a thread, so
            it must not use these Jobs itself
        :param items: iterable
        :raises Exception: the first that the function raises
        """
        waiting = collections.deque()
        try:
            for item in items:
                waiting.append(self._executor.submit(
                    self._call, function, item))
                if len(waiting) >= self._count * _AHEAD:
                    yield waiting.popleft().result(_LONG_SECONDS)
            while waiting:
                yield waiting.popleft().result(_LONG_SECONDS)
        finally:
            for future in waiting:
                future.cancel()

    def results(self, function, keys):
        """Return what a function returns for each of some keys, a dict.

        :param function: as for each(); it is called once for each key
        :param keys: iterable of what can be keys of a dict
        """
        keys = list(collections.OrderedDict.fromkeys(keys))
        return dict(zip(keys, self.each(function, keys)))

    def check(self):
        """Raise StoppedError if stop() was called."""
        if self._stopped:
            raise StoppedError()

    def stop(self):
        """Begin nothing more, and wait for what is under way."""
        self._stopped = True
        self._executor.shutdown()

    def _call(self, function, item):
        self.check()
        return function(item)
