"""One HTTP request of the registry: its prefetch, its background write, and
the reader it opens early.

Swift may be milliseconds away, and the registry waits for each answer before
it asks the next question, which it would have asked anyway. Which questions
come is known when the request arrives; prefetch.py asks them together, and
leaves out what follows from another answer. A layer that is going to be read
is opened instead of looked for. Each answer is good for this one request,
which began before the answer was asked for.

The extension makes a Request and calls Storage.begin() before the registry
handles it and Storage.end() afterwards. Knows nothing of HTTP or of Swift.
"""

import collections
from concurrent import futures
import logging

from . import prefetch
from .. import errors
from .. import no_request

logger = logging.getLogger(__name__)

#: What came of a question: what it returns, and what it raises instead or
#: None.
_Answer = collections.namedtuple('_Answer', 'value error')


class Request(no_request.NoRequest):

    """Remember answers, and write and open ahead of need, for one request.

    Used by one greenlet or thread. no_request.NoRequest documents what it
    overrides.

    :param endpoint: name of the registry's function, such as
        "get_image_json"
    :param image_id: id of the image that it is about
    :param find_parent: callable that returns the id of the parent that a
        pushed json names, or None
    :param reads: path of the layer that stream_read() is going to be asked
        for from its start, if exists() finds it; None for none
    :param asks_index: whether the registry asks its index after it has begun
        to ask the storage, which may take long
    """

    def __init__(self, endpoint, image_id, find_parent=None, reads=None,
                 asks_index=True):
        no_request.NoRequest.__init__(self)
        self.endpoint = endpoint
        self.image_id = image_id
        self.find_parent = find_parent
        self.reads = reads
        self.asks_index = asks_index
        #: The path that write() writes in the background, or None.
        self.background_path = None
        self._answers = {}
        self._is_prefetched = False
        self._write = None
        self._reader = None

    def prefetch(self, storage):
        # With the first question; a request that asks none costs nothing.
        if not self._is_prefetched:
            self._is_prefetched = True
            prefetch.prefetch(self, storage)

    def ask_together(self, storage, *asked):
        """Ask several questions at the same time and remember the answers.

        Not a single one, and none while Swift is taken for silent, when one
        request a second gets through: those are asked when the registry asks.

        :param asked: pairs of a question and a path; the order in which they
            are answered must not matter
        """
        asked = [one for one in asked if one not in self._answers]
        if len(asked) < 2 or storage.statistics()['silent']:
            return
        with futures.ThreadPoolExecutor(len(asked) - 1) as executor:
            # In those threads the storage has no request; here it has this.
            in_flight = [executor.submit(
                storage.carry(getattr(storage, question)), path)
                         for question, path in asked[1:]]
            question, path = asked[0]
            try:
                getattr(storage, question)(path)
            except Exception:
                pass  # answer() has remembered it
        for one, future in zip(asked[1:], in_flight):
            error = future.exception()
            self._answers[one] = _Answer(
                None if error else future.result(), error)

    def put_answer(self, question, path, value):
        """Remember an answer that follows from something else."""
        self._answers[question, path] = _Answer(value, None)

    def answer(self, question, path, ask):
        answer = self._answers.get((question, path))
        if answer is None:
            try:
                answer = _Answer(ask(path), None)
            except Exception as error:
                self._answers[question, path] = _Answer(None, error)
                raise
            self._answers[question, path] = answer
        if answer.error is not None:
            raise answer.error
        return answer.value

    def answered(self, question, path):
        answer = self._answers.get((question, path))
        return answer and answer.value

    def forget(self, path):
        for asked in [asked for asked in self._answers if asked[1] == path]:
            del self._answers[asked]

    def write(self, path, write):
        if path != self.background_path:
            write()
            return
        executor = futures.ThreadPoolExecutor(1)
        self._write = executor.submit(write)
        executor.shutdown(wait=False)

    def wait_for_write(self):
        write, self._write = self._write, None
        if write is not None:
            write.result()

    def open(self, path, open_path):
        if path != self.reads:
            return False
        if self._reader is None:
            self._reader = open_path(path)
        return True

    def reader(self, path):
        return self._reader if path == self.reads else None

    def take_reader(self, path):
        reader = self.reader(path)
        if reader is not None:
            # The next one opens it again.
            self._reader = None
        return reader

    def end(self):
        try:
            self.wait_for_write()
        except errors.SwiftError as error:
            # The client has been answered with another error already.
            logger.warning('%s', error)
        if self._reader is not None:
            self._reader.close()
