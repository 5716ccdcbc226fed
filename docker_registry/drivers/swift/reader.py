"""Bytes of an object, checked, that resume where they stopped.

Knows nothing of registry paths.
"""

import hashlib
import logging

from . import errors

logger = logging.getLogger(__name__)


class Reader(object):

    """Iterates over an object's bytes in chunks.

    Opens the object at once, so that one that is not there is known before
    the registry has answered its client. When the connection breaks, reading
    goes on where it stopped, from the same version of the object. The last
    chunk of an object that was asked for whole is handed out only after its
    MD5 has been compared with the ETag: a damaged layer reaches the client
    short, never complete.

    An abandoned reader gives its connection back when it is closed or
    collected.

    :param container: Container
    :param object_name: name of the object
    :param chunk_size_bytes: size of the chunks; the last may be smaller
    :param bytes_range: (first, last) offsets wanted, both inclusive; a last
        one beyond the end means the end. None is the whole object.
    :param resumes: how often reading may break off without any progress
    :raises errors.SwiftError: on opening and on reading
    """

    def __init__(self, container, object_name, chunk_size_bytes,
                 bytes_range=None, resumes=3):
        self._body = None
        self._container = container
        self._object_name = object_name
        self._chunk_size_bytes = chunk_size_bytes
        self._resumes = self._resumes_left = resumes
        first, last = bytes_range or (None, None)
        self._body = container.get(object_name, first, last)
        self._etag = self._body.etag
        self._position = self._body.first
        if self._position != (first or 0):
            self.close()
            raise self._broken('begins at byte %d' % self._position)
        self._end = None
        if self._body.size is not None:
            self._end = self._position + self._body.size
        self._expected_md5 = self._body.md5
        self._md5 = hashlib.md5() if self._expected_md5 else None

    def __iter__(self):
        return self

    def __next__(self):
        if self._body is None:
            raise StopIteration
        chunk = self._read()
        self._position += len(chunk)
        if self._md5:
            self._md5.update(chunk)
        if self._position == self._end or not chunk:
            self._check()
        if not chunk:
            self.close()
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
                if not self._resumes_left or self._end is None:
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
            self._object_name, self._position, self._end - 1, self._etag)
        if (self._body.first != self._position
                or self._body.size != self._end - self._position):
            self.close()
            raise self._broken('cannot be resumed at byte %d' % self._position)

    def _check(self):
        if self._md5 and self._md5.hexdigest() != self._expected_md5:
            self.close()
            raise self._broken('has another MD5 than its ETag says')

    def _broken(self, reason):
        return errors.BrokenObjectError(
            'GET %s: the answer %s' % (self._object_name, reason),
            object_name=self._object_name)
