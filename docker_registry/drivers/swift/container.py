"""The one container: head, get, put, delete and list, with retries.

The only module that calls swiftclient's operations, and the place where a
failure becomes one of the driver's exceptions. Knows object names; knows
nothing of registry paths, large objects or the cache.
"""

import logging
import random
import re
import time

from swiftclient import client

from . import connections
from . import errors

_FIRST_DELAY_SECONDS = 0.2
_CONTENT_RANGE = re.compile(r'bytes (\d+)-(\d+)/(\d+)$')

logger = logging.getLogger(__name__)


class Body(object):

    """What a GET answers: headers, and bytes that are counted.

    Lends from the pool until it is read to the end or closed.

    :ivar etag: ETag without quotes
    :ivar first: offset of its first byte in the object
    :ivar size: number of bytes it has, None where Swift does not say
    :ivar object_size: number of bytes the whole object has, or None
    :ivar md5: MD5 of the bytes in hexadecimal where the answer has all of an
        object that is stored as one, otherwise None
    """

    def __init__(self, pool, connection, action, object_name, headers, body):
        self._pool = pool
        self._connection = connection
        self._action = action
        self._object_name = object_name
        self._body = body
        self._headers = headers
        self._received = 0
        self.etag = headers.get('etag', '').strip('"')
        self.size = self.object_size = None
        if 'content-length' in headers:
            self.size = self.object_size = int(headers['content-length'])
        self.first = 0
        content_range = _CONTENT_RANGE.match(headers.get('content-range', ''))
        if content_range:
            self.first, last, self.object_size = map(
                int, content_range.groups())
            self.size = last - self.first + 1
        # A large object's ETag is not the MD5 of its bytes.
        segmented = ('x-static-large-object' in headers
                     or 'x-object-manifest' in headers)
        self.md5 = self.etag if (
            self.size == self.object_size and not segmented
            and re.match('[0-9a-f]{32}$', self.etag)) else None

    def read(self, size_bytes):
        """Return the next bytes; b'' at the end and only there.

        :raises errors.UnreachableError: the body ends early or the
            connection breaks; the body is then closed
        """
        if self._connection is None:
            return b''
        try:
            chunk = self._body.read(size_bytes)
            self._received += len(chunk)
            if self._received == self.size:
                self._body.read(1)  # nothing, but swiftclient sees the end
        except connections.TRANSPORT_ERRORS as error:
            self.close()
            raise self._broke_off(error)
        except BaseException:  # a greenlet's timeout or end
            self.close()
            raise
        if self._received == self.size or not chunk:
            self.close()
            if self.size not in (None, self._received):
                raise self._broke_off('end of body')
        return chunk

    def close(self):
        """Give the connection back; what has not been read is dropped."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            self._pool.finish(connection, detached=True)

    def _broke_off(self, cause):
        return errors.unreachable(
            '%s, after %d of %s bytes' % (self._action, self._received,
                                          self.size),
            cause, self._object_name, self._headers.get('x-trans-id'))


class Container(object):

    """One container in Swift.

    Every method raises errors.SwiftError, of the subclass that fits:
    ObjectNotFoundError for a 404 and nothing else, UnreachableError where no
    answer comes, AccessDeniedError for a login or right that is missing.
    Requests that may do better the next time are sent again,
    settings.retries times.

    :param settings: Settings
    :param pool: Connections
    """

    def __init__(self, settings, pool):
        self.name = settings.container
        self._settings = settings
        self._pool = pool

    def head(self, object_name):
        """Return the headers of an object, as a dict with lower-case names."""
        return self._request(
            'HEAD', object_name, lambda connection: client.head_object(
                connection.storage_url, connection.grant.token, self.name,
                object_name, http_conn=connection.http))

    def get(self, object_name, first=None, last=None, etag=None):
        """Open an object for reading.

        :param first: offset of the first byte wanted
        :param last: offset of the last byte wanted; one past the object's
            end, or further, means the object's end
        :param etag: answer with this version of the object or not at all
        :returns: Body; read it to the end or close it
        """
        headers = {}
        if first is not None:
            headers['Range'] = 'bytes=%d-%s' % (
                first, '' if last is None else last)
        if etag is not None:
            headers['If-Match'] = '"%s"' % etag
        action = 'GET %s' % object_name

        def open_body(connection):
            answer_headers, body = client.get_object(
                connection.storage_url, connection.grant.token, self.name,
                object_name, http_conn=connection.http, headers=headers,
                # Only tells swiftclient to leave the body unread.
                resp_chunk_size=1)
            return Body(self._pool, connection, action, object_name,
                        answer_headers, body)
        return self._request('GET', object_name, open_body, keeps=True)

    def put(self, object_name, body, size_bytes, etag):
        """Write an object in one request; readers see all of it or nothing.

        The container is made first where it is missing and
        settings.create_container allows it.

        :param body: bytes, or a file that can be rewound
        :param size_bytes: length of the body
        :param etag: MD5 of the body in hexadecimal; Swift compares it
        """
        def send(connection):
            if hasattr(body, 'seek'):
                body.seek(0)
            return client.put_object(
                connection.storage_url, connection.grant.token, self.name,
                object_name, body, content_length=size_bytes, etag=etag,
                content_type='application/octet-stream',
                http_conn=connection.http)
        try:
            self._request('PUT', object_name, send)
        except errors.ObjectNotFoundError:  # that is, the container
            self._create(object_name)
            self._request('PUT', object_name, send)

    def delete(self, object_name):
        """Remove an object."""
        self._request(
            'DELETE', object_name, lambda connection: client.delete_object(
                connection.storage_url, connection.grant.token, self.name,
                object_name, http_conn=connection.http))

    def list(self, prefix, delimiter=None):
        """Yield the names that begin with a prefix, in Swift's order.

        Asks page by page and holds one page at a time.

        :param prefix: what the names begin with; '' is the whole container
        :param delimiter: '/' ends names at the first slash after the prefix:
            what lies below it comes once, as a name that ends in a slash
        """
        marker = ''
        while True:
            page = self._page(prefix, delimiter, marker)
            for entry in page:
                marker = entry.get('name') or entry['subdir']
                yield marker
            if not page:
                return

    def _page(self, prefix, delimiter, marker):
        try:
            return self._request(
                'GET', None, lambda connection: client.get_container(
                    connection.storage_url, connection.grant.token, self.name,
                    prefix=prefix, delimiter=delimiter, marker=marker,
                    http_conn=connection.http))[1]
        except errors.ObjectNotFoundError:  # no container yet: nothing in it
            return []

    def _create(self, object_name):
        if not self._settings.create_container:
            raise errors.SwiftError(
                'PUT %s: there is no container %s; create it or set '
                'swift_create_container: true' % (object_name, self.name),
                object_name=object_name, status=404)
        try:
            self._request(
                'PUT', None, lambda connection: client.put_container(
                    connection.storage_url, connection.grant.token, self.name,
                    http_conn=connection.http))
        except errors.AccessDeniedError as error:
            raise errors.AccessDeniedError(
                'PUT %s: there is no container %s and swift_user may not '
                'create it; have it created, with the right to read and write '
                'for swift_user, or see swift_container'
                % (object_name, self.name), object_name=object_name,
                status=error.status, transaction_id=error.transaction_id)

    def _request(self, verb, object_name, operation, keeps=False):
        """Do one operation on a borrowed connection, again where it helps.

        :param operation: callable that takes a Connection
        :param keeps: whether what it returns goes on using the connection
        """
        action = '%s %s' % (verb, object_name or 'container ' + self.name)
        give_up_at = time.time() + self._settings.timeout
        retries = 0
        renewed = False
        while True:
            connection = None
            try:
                connection = self._pool.borrow()
                return self._attempt(connection, action, object_name,
                                     operation, keeps)
            except errors.SwiftError as error:
                if verb == 'DELETE' and error.status == 404 and retries:
                    return None  # the attempt whose answer was lost did it
                refused = error.status == 401 and connection is not None
                if refused and not renewed:
                    self._pool.renew(connection.grant)
                    renewed = True
                    continue
                if (retries == self._settings.retries
                        or time.time() > give_up_at
                        or not errors.is_transient(error)):
                    raise
                delay = error.retry_after_seconds
                if delay is None:
                    delay = (_FIRST_DELAY_SECONDS * 2 ** retries
                             * random.uniform(0.5, 1.5))
                delay = min(delay, max(0, give_up_at - time.time()))
                logger.warning('%s; trying again in %.1f s', error, delay)
            retries += 1
            time.sleep(delay)

    def _attempt(self, connection, action, object_name, operation, keeps):
        started = time.time()
        kept = False
        try:
            answer = operation(connection)
            kept = keeps
            logger.debug('%s: done in %.3f s', action, time.time() - started)
            return answer
        except client.ClientException as error:
            logger.debug('%s: %s in %.3f s', action, error.http_status,
                         time.time() - started)
            raise errors.from_status(
                action, object_name, error.http_status or None,
                error.transaction_id, error.http_response_headers)
        except connections.TRANSPORT_ERRORS as error:
            raise errors.unreachable(action, error, object_name)
        finally:
            if kept:
                self._pool.detach(connection)
            else:
                self._pool.finish(connection)
