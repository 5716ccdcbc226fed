"""What several ask for at the same time is done once."""

from concurrent import futures
import threading

from .. import per_process


class Once(object):

    """Let one greenlet or thread do something, and all get what comes of it.

    Only those get it that ask while it is being done.
    """

    def __init__(self):
        # Made in the process that uses it, see per_process.py.
        self._state = per_process.PerProcess(
            lambda: (threading.Lock(), {}))

    def do(self, key, function):
        """Call a function, or wait for another caller's call.

        :param key: what is to be done; it is done once at a time
        :param function: callable without arguments
        :returns: what the function returns
        :raises Exception: what the function raises
        """
        lock, running = self._state.get()
        with lock:
            future = running.get(key)
            is_mine = future is None
            if is_mine:
                future = running[key] = futures.Future()
        if not is_mine:
            return future.result()
        try:
            result = function()
        except BaseException as error:
            with lock:
                del running[key]
            future.set_exception(error)
            raise
        with lock:
            del running[key]
        future.set_result(result)
        return result
