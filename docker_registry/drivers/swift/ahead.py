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


class _Expected(threading.local):

    """What one greenlet or thread expects."""

    find = staticmethod(list)
    groups = None
    begun = {}
    path = reader = None


class Ahead(object):

    """Answers on their way to whoever is going to ask for them.

    :param asks: dict from the name of a question to a callable of a path
    """

    def __init__(self, asks):
        self._asks = asks
        self._expected = _Expected()

    def expect(self, find):
        """Say what this greenlet is going to ask, and forget the rest.

        :param find: callable that returns groups of what may be asked at
            once, lists of (question, path); called when the first question
            comes, if any does. In which order the questions of a group reach
            Swift must not matter.
        """
        self._expected.find = find
        self._expected.groups = None
        self._expected.begun = {}

    def answer(self, question, path):
        """Return what the question's callable does, or raise what it does."""
        asked = question, path
        expected = self._expected
        if asked in expected.begun:
            return expected.begun.pop(asked).result()
        if expected.groups is None:
            expected.groups = expected.find()
        for group in expected.groups:
            if asked in group:
                expected.groups.remove(group)
                self._begin([other for other in group if other != asked])
                break
        return self._asks[question](path)

    def _begin(self, questions):
        executor = futures.ThreadPoolExecutor(len(questions))
        for question, path in questions:
            self._expected.begun[question, path] = executor.submit(
                self._asks[question], path)
        executor.shutdown(wait=False)


class Opened(object):

    """Opens what is going to be read when it is looked for.

    :param open_path: callable of a path, that returns a reader: it has an
        object_size in bytes, and close()
    """

    def __init__(self, open_path):
        self._open_path = open_path
        self._expected = _Expected()

    def expect(self, path):
        """Say what this greenlet is going to read; close what it has not.

        :param path: a path; None for nothing
        """
        self._expected.path = path
        reader, self._expected.reader = self._expected.reader, None
        if reader is not None:
            reader.close()

    def open(self, path):
        """Open a path if it is going to be read; return whether it is.

        :raises Exception: what opening it raises
        """
        if path != self._expected.path:
            return False
        self._expected.reader = self._open_path(path)
        return True

    def size(self, path):
        """Return the size of a path in bytes; None if it is not known."""
        if path == self._expected.path and self._expected.reader:
            return self._expected.reader.object_size
        return None

    def take(self, path):
        """Return the reader of a path, for once; None if there is none."""
        reader = None
        if path == self._expected.path:
            reader, self._expected.reader = self._expected.reader, None
        return reader
