"""Asks at once what the registry asks one after the other, and once.

Swift may be milliseconds away, and the registry waits for each answer before
it asks what it would have asked anyway. What that will be, the request tells
that it serves. Here it is asked for together, and what follows from another
answer is not asked; and a layer that is going to be read is opened instead of
looked for. Each answer is for one request to the registry, which began before
it was asked for. Knows nothing of the registry or of Swift.
"""

import collections

from concurrent import futures

from .. import per_process

#: What came of a question: what it returns, and what it raises instead or
#: None.
_Answer = collections.namedtuple('_Answer', 'value error')


class _Request(object):

    """What one greenlet asks while it serves a request.

    :param remembers: whether an answer is good for as long as it lasts
    :ivar prepare: called before the first question; None for nothing to do
    :ivar answers: dict from (question, path) to an _Answer
    """

    def __init__(self, prepare=None, remembers=False):
        self.prepare = prepare
        self.remembers = remembers
        self.answers = {}


class Ahead(object):

    """Answers for whoever is going to ask for them.

    :param asks: dict from the name of a question to a callable of a path
    :param one_by_one: callable that tells whether no more than one question
        may be asked at once
    """

    def __init__(self, asks, one_by_one):
        self._asks = asks
        self._one_by_one = one_by_one
        self._requests = per_process.PerGreenlet(_Request)

    def begin(self, prepare):
        """Begin a request: what this greenlet asks from now on is remembered.

        :param prepare: callable that may ask, or tell, what is going to be
            asked; called when the first question comes, if any does
        """
        self._requests.set(_Request(prepare, remembers=True))

    def end(self):
        """Forget the request that this greenlet has served."""
        self._requests.set(_Request())

    def answer(self, question, path):
        """Return what the question's callable does, or raise what it does."""
        request = self._requests.get()
        prepare, request.prepare = request.prepare, None
        if prepare is not None:
            prepare()
        answer = request.answers.get((question, path))
        if answer is None:
            try:
                answer = _Answer(self._asks[question](path), None)
            except Exception as error:
                self._remember(question, path, _Answer(None, error))
                raise
            self._remember(question, path, answer)
        if answer.error is not None:
            raise answer.error
        return answer.value

    def at_once(self, *asked):
        """Ask several questions together, for their answers to be remembered.

        But for one that is alone, and while no more than one may be asked:
        those are asked when somebody wants to know.

        :param asked: pairs of a question and a path; in which order they are
            answered must not matter
        """
        answers = self._requests.get().answers
        asked = [one for one in asked if one not in answers]
        if len(asked) < 2 or self._one_by_one():
            return
        with futures.ThreadPoolExecutor(len(asked) - 1) as executor:
            begun = [executor.submit(self._asks[question], path)
                     for question, path in asked[1:]]
            try:
                self.answer(*asked[0])
            except Exception:
                pass  # is remembered
        for one, future in zip(asked[1:], begun):
            error = future.exception()
            answers[one] = _Answer(None if error else future.result(), error)

    def tell(self, question, path, value):
        """Let a question have an answer without being asked."""
        self._remember(question, path, _Answer(value, None))

    def told(self, question, path):
        """Return what a question has been answered; None if nothing yet."""
        answer = self._requests.get().answers.get((question, path))
        return answer and answer.value

    def forget(self, path):
        """Forget what was answered about a path, for it changes."""
        answers = self._requests.get().answers
        for asked in [asked for asked in answers if asked[1] == path]:
            del answers[asked]

    def _remember(self, question, path, answer):
        request = self._requests.get()
        if request.remembers:
            request.answers[question, path] = answer


class _ToWrite(object):

    """What one greenlet need not wait for.

    :ivar path: a path, or None
    :ivar begun: Future of writing it, once that has begun
    """

    def __init__(self, path=None):
        self.path = path
        self.begun = None


class Meanwhile(object):

    """Writes that go on while who is served goes on too."""

    def __init__(self):
        self._own = per_process.PerGreenlet(_ToWrite)

    def expect(self, path):
        """Say that this greenlet need not wait until a path is written.

        :param path: a path; None for nothing
        """
        self._own.set(_ToWrite(path))

    def write(self, path, write):
        """Write a path, or begin to, where that need not be waited for.

        :param write: callable that writes it
        :raises Exception: what it raises; once it has begun, settle() does
        """
        to_write = self._own.get()
        if path != to_write.path:
            write()
            return
        executor = futures.ThreadPoolExecutor(1)
        to_write.begun = executor.submit(write)
        executor.shutdown(wait=False)

    def settle(self):
        """Wait for what this greenlet has begun, for once.

        :raises Exception: what has failed it
        """
        to_write = self._own.get()
        begun, to_write.begun = to_write.begun, None
        if begun is not None:
            begun.result()


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
        self._own = per_process.PerGreenlet(_ToRead)

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
