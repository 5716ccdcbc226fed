"""Asks at once what the registry asks one after the other.

Swift may be milliseconds away, and the registry waits for each answer before
it asks what it would have asked anyway. What that will be, the request tells
that it serves. Here it is said beforehand, and asked for together with the
first of it; and a layer that is going to be read is opened instead of looked
for. Each answer is for one request to the registry, which began before it was
asked for, and is used once. Knows nothing of the registry or of Swift.
"""

import threading

from concurrent import futures

from . import per_process


class _Own(object):

    """A value for each greenlet or thread.

    :param make: callable that makes the first one
    """

    def __init__(self, make):
        self._make = make
        # One that was made before gevent patched it is one for all greenlets.
        self._local = per_process.PerProcess(lambda: threading.local())

    def get(self):
        """Return the value of whoever calls."""
        local = self._local.get()
        if not hasattr(local, 'value'):
            local.value = self._make()
        return local.value

    def set(self, value):
        """Replace the value of whoever calls."""
        self._local.get().value = value


class _Expected(object):

    """What one greenlet is going to ask.

    :ivar find: callable that returns the groups
    :ivar groups: those that no question has come of; None before the first
    :ivar begun: dict from (question, path) to a Future
    """

    def __init__(self, find=list):
        self.find = find
        self.groups = None
        self.begun = {}


class Ahead(object):

    """Answers on their way to whoever is going to ask for them.

    :param asks: dict from the name of a question to a callable of a path
    :param one_by_one: callable that tells whether no more than one question
        may be asked at once
    """

    def __init__(self, asks, one_by_one):
        self._asks = asks
        self._one_by_one = one_by_one
        self._own = _Own(_Expected)

    def expect(self, find):
        """Say what this greenlet is going to ask, and forget the rest.

        :param find: callable that returns groups of what may be asked at
            once, lists of (question, path); called when the first question
            comes, if any does. In which order the questions of a group reach
            Swift must not matter.
        """
        self._own.set(_Expected(find))

    def answer(self, question, path):
        """Return what the question's callable does, or raise what it does."""
        asked = question, path
        expected = self._own.get()
        if asked in expected.begun:
            return expected.begun.pop(asked).result()
        if expected.groups is None:
            expected.groups = expected.find()
        for group in expected.groups:
            if asked in group:
                expected.groups.remove(group)
                if not self._one_by_one():
                    self._begin(expected, set(group) - {asked})
                break
        return self._asks[question](path)

    def _begin(self, expected, questions):
        if not questions:
            return
        executor = futures.ThreadPoolExecutor(len(questions))
        for question, path in questions:
            expected.begun[question, path] = executor.submit(
                self._asks[question], path)
        executor.shutdown(wait=False)


class _ToRead(object):

    """What one greenlet is going to read.

    :ivar path: a path, or None
    :ivar reader: of it, once it is open
    """

    def __init__(self, path=None):
        self.path = path
        self.reader = None


class Opened(object):

    """Opens what is going to be read when it is looked for.

    :param open_path: callable of a path, that returns a reader: it has an
        object_size in bytes, and close()
    """

    def __init__(self, open_path):
        self._open_path = open_path
        self._own = _Own(_ToRead)

    def expect(self, path):
        """Say what this greenlet is going to read; close what it has not.

        :param path: a path; None for nothing
        """
        before = self._own.get()
        self._own.set(_ToRead(path))
        if before.reader is not None:
            before.reader.close()

    def open(self, path):
        """Open a path if it is going to be read; return whether it is.

        :raises Exception: what opening it raises
        """
        to_read = self._own.get()
        if path != to_read.path:
            return False
        if to_read.reader is None:
            to_read.reader = self._open_path(path)
        return True

    def size(self, path):
        """Return the size of a path in bytes; None if it is not known."""
        to_read = self._own.get()
        if path == to_read.path and to_read.reader is not None:
            return to_read.reader.object_size
        return None

    def take(self, path):
        """Return the reader of a path, for once; None if there is none."""
        to_read = self._own.get()
        reader = None
        if path == to_read.path:
            reader, to_read.reader = to_read.reader, None
        return reader
