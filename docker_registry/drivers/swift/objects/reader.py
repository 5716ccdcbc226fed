"""Reads an object, and goes on where a connection has broken.

Knows nothing of registry paths.
"""

import hashlib
import logging

from . import hashing
from .. import errors
from .. import names

#: What Swift answers where the first segment that is wanted is not there.
_NO_SEGMENT = 409

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


class Reader(object):

    """Iterates over an object's bytes in chunks.

    Opens the object and reads its first chunk at once, so that one that is not
    there, or does not come, is known before the registry has answered its
    client. When the connection breaks, reading
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
    :param etag: read this version of the object or none; None is the newest
    :param waits: whether to wait for a Swift that does not answer, for as long
        as one request may
    :ivar object_name: name of the object that is read, see _inner()
    :ivar headers: of the answer that opened it, as Body has them
    :ivar etag: that of the object
    :ivar object_size: size of the whole object in bytes, None where unknown
    :ivar position: offset of the byte that comes next
    :raises errors.SwiftError: on opening and on reading
    """

    def __init__(self, container, object_name, chunk_size_bytes,
                 bytes_range=None, resumes=3, etag=None, waits=False):
        self._body = None
        self._container = container
        self.object_name = object_name
        self._chunk_size_bytes = chunk_size_bytes
        self._resumes = self._resumes_left = resumes
        self._waits = waits
        first, last = bytes_range or (None, None)
        body = self._body = self._get(first, last, etag)
        self.headers = body.headers
        self.etag = body.etag
        self.object_size = body.object_size
        self.position = body.first
        if (self.position != (first or 0)
                or body.is_range != (bytes_range is not None)):
            self.close()
            raise _NoRangeError(object_name)
        self._end = None
        if body.size is not None:
            self._end = self.position + body.size
            if bytes_range and body.object_size is not None and (
                    self._end != min(last + 1, body.object_size)):
                self.close()
                raise _NoRangeError(object_name)
        whole = body.size == body.object_size
        self._md5 = _Md5(object_name, body.object_md5 if whole else None)
        self._first_chunk = self._read()

    def __iter__(self):
        return self

    def __next__(self):
        if self._body is None:
            raise StopIteration
        chunk, self._first_chunk = self._first_chunk, None
        if chunk is None:
            chunk = self._read()
        self.position += len(chunk)
        is_last = self.position == self._end or not chunk
        if is_last:
            self.close()
        self.check(chunk, is_last)
        if not chunk:
            raise StopIteration
        return chunk

    next = __next__  # Python 2

    @property
    def bytes_left(self):
        """Number of bytes that are not read yet; 0 where that is unknown."""
        return 0 if self._end is None else self._end - self.position

    def check(self, chunk, is_last):
        """Check the next bytes, which have been read by another request."""
        self._md5.update(chunk)
        if is_last:
            self._md5.check()

    def close(self):
        """Give the connection back, where the rest is not wanted."""
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
                               self.position)
                self._resumes_left -= 1
                self._resume()
            else:
                self._resumes_left = self._resumes
                return chunk

    def _get(self, first, last, etag, wait=None):
        """Ask for a part of the object; return a Body."""
        while True:
            try:
                return self._container.get(self.object_name, first, last,
                                           etag, wait=wait, waits=self._waits)
            except errors.SwiftError as error:
                inner = error.status == _NO_SEGMENT and self._inner(etag)
                if not inner:
                    raise
                self.object_name, etag = inner

    def _inner(self, etag):
        """Return the large object that this one has as its only segment.

        Such are blobs that have their bytes in a v1 layer, and layers that
        have them in a blob. Swift asks for the newest manifest of what a
        client asks for, and for any of what is in it: also for one that a
        storage node has which was away, and whose segments are gone. Asked
        for by its own name it is the newest.

        :param etag: that this object has to have; None is any
        :returns: name and ETag; None where there is no such object
        :raises errors.ObjectNotFoundError: it is gone, and so are the bytes
        """
        if not _is_large(self._container.head(self.object_name)):
            return None
        segments = self._container.read_manifest(self.object_name)
        name, _, inner_etag = segments[0]
        if (len(segments) > 1 or name is None or name.startswith(
                names.SEGMENTS) or etag and etag != hashlib.md5(
                    inner_etag.encode('ascii')).hexdigest()):
            return None
        if not _is_large(self._container.head(name)):
            return None
        return name, inner_etag

    def _resume(self):
        self._body = self._get(self.position, self._end - 1, self.etag,
                               self._body.wait)
        self.etag = self._body.etag
        if (self._body.first != self.position
                or self._body.size != self._end - self.position):
            self.close()
            raise _broken(self.object_name,
                          'cannot be resumed at byte %d' % self.position)


class _Md5(object):

    """Compares what is read with the MD5 that it should have, if known."""

    def __init__(self, object_name, expected):
        self._object_name = object_name
        self._expected = expected
        self._found = hashing.Digest('md5')

    def update(self, chunk):
        if self._expected is not None:
            self._found.update(chunk)

    def check(self):
        if self._expected is not None and (
                self._found.hexdigest() != self._expected):
            raise _broken(self._object_name,
                          'has another MD5 than its ETag says')


def _broken(object_name, reason):
    return errors.BrokenObjectError(
        'GET %s: the answer %s' % (object_name, reason),
        object_name=object_name)


def _is_large(headers):
    return 'x-static-large-object' in headers
