"""What each process has to make for itself.

A worker that was forked off (gunicorn --preload) must not share sockets with
its parent, nor use locks and locals of threads that were made before gevent
patched them.
"""

import os


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
