"""One object for each process, or for each greenlet or thread.

A forked worker (gunicorn --preload) must not share sockets with its parent,
nor use locks and thread-locals that were made before gevent patched them.
"""

import os
import threading


class PerProcess(object):

    """Hold one object for each process, made when it is first used.

    :param make: callable without arguments that makes the object
    """

    def __init__(self, make):
        self._make = make
        self._made = {}

    def get(self):
        """Return the object of this process."""
        pid = os.getpid()
        if pid not in self._made:
            # setdefault is atomic: two threads get the same object.
            self._made.setdefault(pid, self._make())
        return self._made[pid]


class PerGreenlet(object):

    """Hold a value for each greenlet or thread.

    :param make: callable without arguments that makes the first value of each
    """

    def __init__(self, make):
        self._make = make
        # Made when it is first used: a threading.local() from before gevent
        # patched it would be the same for all greenlets.
        self._local = PerProcess(lambda: threading.local())

    def get(self):
        """Return the value of the calling greenlet or thread."""
        local = self._local.get()
        if not hasattr(local, 'value'):
            local.value = self._make()
        return local.value

    def set(self, value):
        """Replace the value of the calling greenlet or thread."""
        self._local.get().value = value

    def carry(self, function):
        """Return a function that other greenlets or threads may call.

        While they do, they have the value that the calling one has now.

        :param function: what it calls, with the same arguments
        """
        value = self.get()

        def carried(*arguments):
            before = self.get()
            self.set(value)
            try:
                return function(*arguments)
            finally:
                self.set(before)
        return carried
