"""Reads large objects by several requests where a connection is slow.

Knows nothing of registry paths, or of what one request does; see reader.py.
"""

import collections
from concurrent import futures
import contextlib
import functools
import itertools
import logging
import threading
import time

from . import buffers
from . import reader

_MIB = 1024 * 1024
_PIECE_BYTES = 4 * _MIB
#: What is read at a time of a piece.
_READ_BYTES = 128 * 1024
#: And of an object that is read by one request. Each chunk is handed on half a
#: dozen times until the client has it, so that core's 128 KiB take more of the
#: processor; with chunks of twice this size the kernel takes a fifth more.
_CHUNK_BYTES = 256 * 1024
#: What the pieces of all objects that a process reads ahead may take of its
#: memory; an object that finds no room goes on with one request.
_MEMORY_BYTES = 96 * _MIB
#: How much is read by one request before its speed is judged, each time.
_SAMPLE_BYTES = 4 * _MIB
#: What one connection has to bring in a second to be left alone.
_SLOW_BYTES = 32 * _MIB
#: How much must be left for more requests to be worth it.
_WORTHWHILE_BYTES = 16 * _MIB

logger = logging.getLogger(__name__)


#: Of all Readers of a process: v1, v2 and conversions have their own.
_memory = buffers.Memory(_MEMORY_BYTES)


class Readers(object):

    """Opens objects for reading, with one memory for all of a process.

    :param settings: Settings
    :param container: Container
    """

    def __init__(self, settings, container):
        self._settings = settings
        self._container = container
        self._memory = _memory

    def open(self, object_name, bytes_range=None, etag=None):
        """Open an object for reading.

        :param object_name, bytes_range, etag: as for reader.Reader
        :returns: iterator over chunks of bytes, with a close() and an
            object_size, as reader.Reader has them
        :raises errors.SwiftError: the object cannot be opened
        """
        opened = reader.Reader(
            self._container, object_name, _CHUNK_BYTES, bytes_range,
            self._settings.retries, etag, waits=True)
        # Small ones are over before their speed is known; of the end of some
        # dynamic large objects Swift knows nothing.
        if (self._settings.download_concurrency == 1
                or opened.object_size is None
                or opened.bytes_left < _SAMPLE_BYTES + _WORTHWHILE_BYTES):
            return opened

        def open_piece(first, last):
            return reader.Reader(
                self._container, opened.object_name, _READ_BYTES,
                (first, last),
                self._settings.retries, opened.etag, waits=True)
        return _Growing(opened, open_piece, self._memory,
                        self._settings.download_concurrency)


class _Growing(object):

    """Reads by one request, and by several when that one is slow.

    Only the time that is spent waiting for Swift counts: a slow client makes
    no connection slow.

    :param opened: Reader
    :param open_piece: callable of first and last offset that gives a Reader
    :param memory: buffers.Memory for pieces
    :param concurrency: how many requests at a time
    :ivar object_size: size of the whole object in bytes
    """

    def __init__(self, opened, open_piece, memory, concurrency):
        self._source = self._reader = opened
        self.object_size = opened.object_size
        self._open_piece = open_piece
        self._memory = memory
        self._concurrency = concurrency
        self._waited_seconds = 0
        self._sampled_bytes = 0

    def __iter__(self):
        return self

    def __next__(self):
        if self._source is not self._reader:
            return next(self._source)
        started = time.time()
        chunk = next(self._reader)
        self._waited_seconds += max(0, time.time() - started)
        self._sampled_bytes += len(chunk)
        if self._sampled_bytes >= _SAMPLE_BYTES:
            if (self._sampled_bytes < _SLOW_BYTES * self._waited_seconds
                    and self._reader.bytes_left >= _WORTHWHILE_BYTES):
                self._grow()
            self._sampled_bytes = self._waited_seconds = 0
        return chunk

    next = __next__  # Python 2

    def close(self):
        """Give the connections back, where the rest is not wanted."""
        self._source.close()

    __del__ = close

    def _grow(self):
        needed_bytes = (self._concurrency + 1) * _PIECE_BYTES
        if not self._memory.take(needed_bytes):
            return
        logger.debug('GET %s: %.0f MiB/s; going on with %d requests',
                     self._reader.object_name, self._sampled_bytes / float(
                         _MIB) / self._waited_seconds, self._concurrency)
        self._reader.close()
        self._source = ReadAhead(
            self._open_piece, self._reader, self._concurrency,
            # Without a way back to this one: in a circle Python 2 never
            # collects what has a __del__.
            functools.partial(self._memory.give, needed_bytes))


class ReadAhead(object):

    """Iterates over the rest of an object, fetched by several requests.

    Fetches pieces of 4 MiB before they are asked for, and hands them out in
    order; it holds as many in memory as there are requests, and the one that
    is being read. All come from the version of the object that the first
    request found. An abandoned one stops fetching when it is closed or
    collected.

    :param open_piece: callable of first and last offset that gives a Reader
    :param begun: Reader that has read what comes before
    :param concurrency: how many requests at a time
    :param done: called once, when nothing is held any more
    :raises errors.SwiftError: on reading
    """

    def __init__(self, open_piece, begun, concurrency, done):
        self._stopped = threading.Event()
        self._executor = futures.ThreadPoolExecutor(concurrency)
        self._concurrency = concurrency
        self._open_piece = open_piece
        self._check = begun.check
        self._done = done
        self._next = begun.position
        self._end = begun.position + begun.bytes_left
        self._ahead = collections.deque()
        self._fetch()

    def __iter__(self):
        return self

    def __next__(self):
        if not self._ahead:
            self.close()
            raise StopIteration
        try:
            piece = self._ahead.popleft().result()
            self._fetch()
            self._check(piece, not self._ahead)
        except BaseException:
            self.close()
            raise
        return piece

    next = __next__  # Python 2

    def close(self):
        """Stop fetching, where the rest is not wanted."""
        if not self._stopped.is_set():
            self._stopped.set()
            self._done()
        while self._ahead:
            self._ahead.pop().cancel()
        self._executor.shutdown(wait=False)

    __del__ = close

    def _fetch(self):
        while len(self._ahead) < self._concurrency and self._next < self._end:
            first, self._next = self._next, self._next + _PIECE_BYTES
            self._ahead.append(self._executor.submit(
                _fetch, self._open_piece, first,
                min(self._next, self._end) - 1, self._stopped))


# A function, and not a method: a fetch in flight must not keep an abandoned
# reader alive.

def _fetch(open_piece, first, last, stopped):
    if stopped.is_set():
        return b''
    with contextlib.closing(open_piece(first, last)) as piece:
        return b''.join(itertools.takewhile(
            lambda _: not stopped.is_set(), piece))
