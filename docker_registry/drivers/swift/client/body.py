"""Reads the body of an answer to GET, and counts its bytes.

Gives the connection back to the pool; knows nothing of what to do when the
body breaks off.
"""

import re

from . import connections
from . import retry
from . import session
from .. import errors

_CONTENT_RANGE = re.compile(r'bytes (\d+)-(\d+)/(\d+)$')


class Body(object):

    """The answer to a GET: its headers, and its body, which is read in parts.

    It keeps a connection of the pool until it is read to its end, or closed.

    :ivar headers: of the answer, a dict with lower-case names
    :ivar etag: ETag without quotes
    :ivar first: offset of its first byte in the object
    :ivar size: number of bytes it has, None where Swift does not say
    :ivar object_size: number of bytes the whole object has, or None
    :ivar is_range: whether it is a part of the object that was asked for
    :ivar wait: Wait of the request; none of it is left when nothing has come
        for too long
    :ivar object_md5: MD5 of the whole object's bytes in hexadecimal; None for
        large objects, whose ETag is something else
    """

    def __init__(self, pool, connection, action, object_name, headers, body):
        self._pool = pool
        self._connection = connection
        self._storage_url = connection.storage_url
        self._action = action
        self._object_name = object_name
        self._body = body
        self._answer = connection.answer()
        self._started = connection.wait.since
        self.wait = connection.wait
        self._received = 0
        self.headers = headers
        self.etag = headers.get('etag', '').strip('"')
        self.size = self.object_size = None
        if 'content-length' in headers:
            self.size = self.object_size = int(headers['content-length'])
        self.first = 0
        self.is_range = 'content-range' in headers
        content_range = _CONTENT_RANGE.match(headers.get('content-range', ''))
        if content_range:
            self.first, last, self.object_size = map(
                int, content_range.groups())
            self.size = last - self.first + 1
        if 'x-object-manifest' in headers:
            # Swift adds up the first page of the listing, and no more.
            self.object_size = None
        segmented = ('x-static-large-object' in headers
                     or 'x-object-manifest' in headers)
        is_md5 = re.match('[0-9a-f]{32}$', self.etag) and not segmented
        self.object_md5 = self.etag if is_md5 else None

    def read(self, size_bytes):
        """Return the next bytes; b'' at the end and only there.

        :raises errors.UnreachableError: the body ends early or the
            connection breaks; the body is then closed
        """
        if self._connection is None:
            return b''
        self.wait.begin()
        try:
            chunk = self._body.read(size_bytes)
            self.wait.renew()
            self._received += len(chunk)
            if self._received == self.size:
                self._body.read(1)  # nothing, but swiftclient sees the end
        except connections.TRANSPORT_ERRORS as error:
            self.wait.end()
            self.close()
            raise self._broke_off(error)
        except BaseException:  # a greenlet's timeout or end
            self.close()
            raise
        if self._received == self.size or not chunk:
            self.close()
            if self.size not in (None, self._received):
                raise self._broke_off(EOFError('end of body'))
        return chunk

    def close(self):
        """Give the connection back; what has not been read is dropped."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            self._pool.finish(connection)
            self._pool.counters.add('bytes_in', self._received)
            retry.log_answer(self._action, self._answer.status, self._started,
                             self._received, self._answer.transaction_id)

    def _broke_off(self, cause):
        return errors.unreachable(
            '%s%s, after %d of %s bytes' % (
                self._action, session.through_proxy(self._storage_url),
                self._received, self.size),
            cause, self._object_name, self._answer.transaction_id)
