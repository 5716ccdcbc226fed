"""Bytes of an object, checked, that resume where they stopped.

Knows nothing of registry paths.
"""

import collections
import contextlib
import itertools
import logging
import threading

from concurrent import futures

from . import errors
from . import hashing

_PIECE_BYTES = 4 * 1024 * 1024
_READ_BYTES = 128 * 1024

logger = logging.getLogger(__name__)


class _NoRangeError(errors.BrokenObjectError):

    """Swift does not give the part that was asked for.

    Of a dynamic large object it knows no part beyond what the first page of
    its listing has, and gives the whole object instead.
    """

    def __init__(self, object_name):
        super(_NoRangeError, self).__init__(
            'GET %s: the answer is not the range asked for' % object_name,
            object_name=object_name)


def open_object(container, object_name, chunk_size_bytes, bytes_range,
                resumes, concurrency, etag=None):
    """Open an object for reading.

    :param concurrency: how many requests may fetch it at a time
    :param container, object_name, chunk_size_bytes, bytes_range, resumes,
        etag: as for Reader
    :returns: Reader or ReadAhead
    :raises errors.SwiftError: the object cannot be opened
    """
    if concurrency > 1:
        try:
            return ReadAhead(container, object_name, bytes_range, resumes,
                             concurrency, etag)
        except _NoRangeError:
            pass  # all of it in one request may work
    return Reader(container, object_name, chunk_size_bytes, bytes_range,
                  resumes, etag)


class Reader(object):

    """Iterates over an object's bytes in chunks.

    Opens the object at once, so that one that is not there is known before
    the registry has answered its client. When the connection breaks, reading
    goes on where it stopped, from the same version of the object. The last
    chunk of an object that was asked for whole, and is not a large one, is
    handed out only after its MD5 has been compared with the ETag: a damaged
    layer reaches the client short, never complete.

    An abandoned reader gives its connection back when it is closed or
    collected.

    :param container: Container
    :param object_name: name of the object
    :param chunk_size_bytes: size of the chunks; the last may be smaller
    :param bytes_range: (first, last) offsets wanted, both inclusive; a last
        one beyond the end means the end. None is the whole object.
    :param resumes: how often reading may break off without any progress
    :param etag: read this version of the object or none
    :param newest: ask every replica, for one may have missed a change
    :ivar etag: that of the object
    :ivar object_size: size of the whole object in bytes, None where unknown
    :ivar object_md5: MD5 of the whole object, None where unknown
    :raises errors.SwiftError: on opening and on reading
    """

    def __init__(self, container, object_name, chunk_size_bytes,
                 bytes_range=None, resumes=3, etag=None, newest=False):
        self._body = None
        self._container = container
        self._object_name = object_name
        self._chunk_size_bytes = chunk_size_bytes
        self._resumes = self._resumes_left = resumes
        first, last = bytes_range or (None, None)
        body = self._body = container.get(
            object_name, first, last, etag, newest=newest)
        self.etag = body.etag
        self.object_size = body.object_size
        self.object_md5 = body.object_md5
        self._position = body.first
        if (self._position != (first or 0)
                or body.is_range != (bytes_range is not None)):
            self.close()
            raise _NoRangeError(object_name)
        self._end = None
        if body.size is not None:
            self._end = self._position + body.size
        whole = body.size == body.object_size
        self._md5 = _Md5(object_name, body.object_md5 if whole else None)

    def __iter__(self):
        return self

    def __next__(self):
        if self._body is None:
            raise StopIteration
        chunk = self._read()
        self._position += len(chunk)
        self._md5.update(chunk)
        if self._position == self._end or not chunk:
            self.close()
            self._md5.check()
        if not chunk:
            raise StopIteration
        return chunk

    next = __next__  # Python 2

    def close(self):
        """Give the connection back; to be called by whoever stops early."""
        if self._body is not None:
            body, self._body = self._body, None
            body.close()

    __del__ = close

    def _read(self):
        while True:
            try:
                chunk = self._body.read(self._chunk_size_bytes)
            except errors.UnreachableError as error:
                if (not self._resumes_left or self._end is None
                        or self._body.wait.left_seconds <= 0):
                    self.close()
                    raise
                logger.warning('%s; resuming at byte %d', error,
                               self._position)
                self._resumes_left -= 1
                self._resume()
            else:
                self._resumes_left = self._resumes
                return chunk

    def _resume(self):
        self._body = self._container.get(
            self._object_name, self._position, self._end - 1, self.etag,
            wait=self._body.wait)
        if (self._body.first != self._position
                or self._body.size != self._end - self._position):
            self.close()
            raise _broken(self._object_name,
                          'cannot be resumed at byte %d' % self._position)


class ReadAhead(object):

    """Iterates over an object's bytes, fetched by several requests at once.

    For links that hold back each connection. Fetches pieces of 4 MiB ahead of
    whoever reads, and hands them out in order; it holds as many in memory as
    there are requests, and the one that is being read. All come from the
    version of the object that the first one found. The MD5 is checked as in
    Reader. An abandoned one stops fetching when it is closed or collected.

    :param container, object_name, bytes_range, resumes, etag: as for Reader
    :param concurrency: how many requests at a time
    :raises errors.SwiftError: on opening and on reading
    """

    def __init__(self, container, object_name, bytes_range, resumes,
                 concurrency, etag=None):
        self._stopped = threading.Event()
        self._executor = futures.ThreadPoolExecutor(concurrency)
        self._concurrency = concurrency
        self._ahead = collections.deque()

        def open_piece(first, last, etag):
            return Reader(container, object_name, _READ_BYTES, (first, last),
                          resumes, etag)
        self._open_piece = open_piece
        first, last = bytes_range or (0, None)
        try:
            piece_last = first + _PIECE_BYTES - 1
            piece = open_piece(
                first, piece_last if last is None else min(piece_last, last),
                etag)
        except errors.SwiftError as error:
            if error.status != 416 or bytes_range:
                raise
            # No range fits an empty object.
            piece = Reader(container, object_name, _READ_BYTES, etag=etag)
        if piece.object_size is None:
            piece.close()
            raise _NoRangeError(object_name)
        self._etag = piece.etag
        self._end = piece.object_size
        if last is not None:
            self._end = min(self._end, last + 1)
        whole = bytes_range is None
        self._md5 = _Md5(object_name, piece.object_md5 if whole else None)
        self._next = first + _PIECE_BYTES
        self._ahead.append(self._executor.submit(_join, piece, self._stopped))
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
            self._md5.update(piece)
            if not self._ahead:
                self._md5.check()
        except BaseException:
            self.close()
            raise
        return piece

    next = __next__  # Python 2

    def close(self):
        """Stop fetching; to be called by whoever stops reading early."""
        self._stopped.set()
        while self._ahead:
            self._ahead.pop().cancel()
        self._executor.shutdown(wait=False)

    __del__ = close

    def _fetch(self):
        while len(self._ahead) < self._concurrency and self._next < self._end:
            first, self._next = self._next, self._next + _PIECE_BYTES
            self._ahead.append(self._executor.submit(
                _fetch, self._open_piece, first,
                min(self._next, self._end) - 1, self._etag, self._stopped))


class _Md5(object):

    """Compares what is read with the MD5 that it should have, if known."""

    def __init__(self, object_name, expected):
        self._object_name = object_name
        self._expected = expected
        self._found = hashing.Md5()

    def update(self, chunk):
        if self._expected is not None:
            self._found.update(chunk)

    def check(self):
        if self._expected is not None and (
                self._found.hexdigest() != self._expected):
            raise _broken(self._object_name,
                          'has another MD5 than its ETag says')


# Functions, and not methods: a fetch under way must not keep an abandoned
# reader alive.

def _fetch(open_piece, first, last, etag, stopped):
    if stopped.is_set():
        return b''
    return _join(open_piece(first, last, etag), stopped)


def _join(piece, stopped):
    with contextlib.closing(piece):
        return b''.join(itertools.takewhile(
            lambda _: not stopped.is_set(), piece))


def _broken(object_name, reason):
    return errors.BrokenObjectError(
        'GET %s: the answer %s' % (object_name, reason),
        object_name=object_name)
