"""What each process, and each greenlet in it, has to make for itself.

A worker that was forked off (gunicorn --preload) must not share sockets with
its parent, nor use locks and locals of threads that were made before gevent
patched them.
"""

import os
import threading


class PerProcess(object):

    """One object for each process, made when it is first used.

    :param make: callable that makes it
    """

    def __init__(self, make):
        self._make = make
        self._made = {}

    def get(self):
        """Return that of this process."""
        pid = os.getpid()
        if pid not in self._made:
            # setdefault is atomic: two threads get the same one.
            self._made.setdefault(pid, self._make())
        return self._made[pid]


class PerGreenlet(object):

    """A value for each greenlet or thread.

    :param make: callable that makes the first one
    """

    def __init__(self, make):
        self._make = make
        # One that was made before gevent patched it is one for all greenlets.
        self._local = PerProcess(lambda: threading.local())

    def get(self):
        """Return the value of whoever calls."""
        local = self._local.get()
        if not hasattr(local, 'value'):
            local.value = self._make()
        return local.value

    def set(self, value):
        """Replace the value of whoever calls."""
        self._local.get().value = value
