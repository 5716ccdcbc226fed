"""Reads, writes, lists and removes the objects of one container.

Knows object names; knows nothing of registry paths, of how layers are cut
into segments, or the cache.
"""

import calendar
import email.utils
import hashlib
import json
import re

from swiftclient import client

from . import answers
from . import body
from . import capabilities
from . import creation
from . import deletion
from . import expect
from . import listing
from . import retry
from . import waiting
from .. import compat
from .. import errors

#: What is larger counts as an upload, which small requests do not wait for.
_SMALL_BYTES = 64 * 1024

_SEGMENT_STATUS = re.compile(br', (40[13]|5\d\d) ')
#: Has Swift ask every replica and answer with the newest. Without it a storage
#: node that was away answers with marks and tags that are gone since, and with
#: layers whose segments are gone. If-Match does not keep it from that: of a
#: layer that was pushed twice both manifests have the same ETag.
#: Source: https://docs.openstack.org/api-ref/object-store/
_NEWEST = {'X-Newest': 'true'}


class Container(object):

    """One container in Swift.

    Every method raises errors.SwiftError, of the subclass that fits:
    ObjectNotFoundError for a 404 and nothing else, UnreachableError where no
    answer comes, AccessDeniedError for a login or right that is missing.
    Requests that may do better the next time are sent again; see retry.py.

    :param settings: Settings
    :param pool: Connections
    :param waits: what the ivar of this name is at first
    :ivar waits: per_process.PerGreenlet: whether requests of this greenlet or
        thread wait for a Swift that does not answer, see retry.py
    """

    def __init__(self, settings, pool, waits=False):
        self.name = settings.container
        self._settings = settings
        self._pool = pool
        self._requests = retry.Requests(settings, pool, waits)
        self.waits = self._requests.waits
        self._creation = creation.Creation(settings, self._requests)
        self._deletion = deletion.Deletion(
            self._requests, self.name, lambda: self._requests.check(
                'HEAD container ' + self.name, self._head),
            self.capabilities)
        self._capabilities = None

    def wait_later(self):
        """Have all requests wait for a Swift that does not answer, once it has
        answered one.
        """
        self._requests.waits_later = True

    def head(self, object_name):
        """Return the headers of an object, as a dict with lower-case names."""
        action = 'HEAD ' + object_name
        return self._requests.send(
            action, object_name, lambda connection: answers.expect_header(
                connection, action, object_name, client.head_object(
                    connection.storage_url, connection.grant.token, self.name,
                    object_name, http_conn=connection.http, headers=_NEWEST),
                answers.OBJECT_HEADER))

    def exists(self, object_name):
        """Tell whether there is an object of this name."""
        try:
            self.head(object_name)
        except errors.ObjectNotFoundError:
            return False
        return True

    def get_size(self, headers):
        """Return the size of an object in bytes, also of a large one.

        :param headers: what head() has answered
        """
        size = int(headers.get('content-length', 0))
        if size or 'x-object-manifest' not in headers:
            return size
        # Of a dynamic large object with more segments than a page of the
        # listing Swift does not give the size.
        container, prefix = headers['x-object-manifest'].split('/', 1)
        return sum(entry['bytes'] for entry in self.list(
            prefix, container=container))

    def get_etag(self, headers):
        """Return the ETag by which get() knows a version of an object.

        :param headers: what head() has answered
        :returns: ETag without quotes; '' where an object with the same ETag
            may have another content
        """
        if 'x-object-manifest' in headers or (
                'x-static-large-object' in headers
                and not self.capabilities().heeds_etags):
            return ''
        return headers.get('etag', '').strip('"')

    def get(self, object_name, first=None, last=None, etag=None, wait=None,
            waits=False):
        """Open an object for reading.

        :param first: offset of the first byte wanted
        :param last: offset of the last byte wanted; one past the object's
            end, or further, means the object's end
        :param etag: ETag that the newest version has to have; None is any
        :param wait: that of the Body which this one goes on with
        :param waits: whether to wait for a Swift that does not answer
        :returns: Body; read it to the end or close it
        :raises errors.ObjectExistsError: it has another ETag
        """
        headers = dict(_NEWEST)
        if first is not None:
            headers['Range'] = 'bytes=%d-%s' % (
                first, '' if last is None else last)
        action = 'GET ' + object_name

        def open_body(connection):
            answer_headers, unread = client.get_object(
                connection.storage_url, connection.grant.token, self.name,
                object_name, http_conn=connection.http, headers=headers,
                # Only tells swiftclient to leave the body unread.
                resp_chunk_size=1)
            answers.expect_header(connection, action, object_name,
                                  answer_headers, answers.OBJECT_HEADER)
            if etag and answer_headers.get('etag', '').strip('"') != etag:
                raise errors.from_status(action, object_name, 412,
                                         connection.answer().transaction_id)
            return body.Body(self._pool, connection, action, object_name,
                             answer_headers, unread)
        return self._requests.send(action, object_name, open_body, keeps=True,
                                   wait=wait, waits=waits)

    def put(self, object_name, content, size_bytes, etag, only_new=False,
            headers=None, when_asked=False):
        """Write an object in one request; readers see all of it or nothing.

        The container is made first where it is missing and
        settings.create_container allows it.

        :param content: bytes, or a file that can be rewound
        :param size_bytes: length of the content
        :param etag: MD5 of the content in hexadecimal; Swift compares it
        :param only_new: do nothing if there is an object of this name
        :param headers: more headers for the object, a dict
        :param when_asked: whether to send the content when Swift asks for it:
            then a proxy that hangs, and goes on later, does not bring it back.
            That takes another round trip
        :raises errors.ObjectExistsError: only_new, and there is
        """
        self._put(object_name, content, size_bytes, etag, only_new, headers,
                  None, when_asked and size_bytes)

    def put_manifest(self, object_name, segments, only_new=False,
                     headers=None):
        """Make a static large object of segments that have been written.

        Swift looks at each segment before it takes the manifest.

        :param segments: list of (object name, size in bytes, MD5)
        :param only_new, headers: as for put()
        """
        manifest = json.dumps([
            {'path': '/%s/%s' % (self.name, name), 'size_bytes': size_bytes,
             'etag': md5} for name, size_bytes, md5 in segments])
        # That of a static large object: of its segments', one after the other.
        etag = hashlib.md5(''.join(
            md5 for _, _, md5 in segments).encode('ascii')).hexdigest()
        self._put(object_name, manifest.encode('ascii'), len(manifest), etag,
                  only_new, headers, 'multipart-manifest=put', True)

    def copy(self, source, object_name, etag, headers=None):
        """Write the content of an object to another, within Swift.

        :param source: name of the object that is copied
        :param object_name: name of the one that is written; it has none of
            the other's metadata
        :param etag: ETag of the version that is meant, without quotes
        :param headers: headers for the object that is written, a dict
        :raises errors.ObjectExistsError: the source is of another version
        """
        self._copy(source, etag, self.name, object_name, 'true', headers)

    def copy_to(self, source, etag, container, object_name, account=None):
        """Write an object with its metadata to another container.

        :param source, etag: as for copy()
        :param container: name of the container, which is there
        :param object_name: name of the object that is written
        :param account: that the container is in; None is that of this one
        :raises errors.ObjectExistsError: the source is of another version
        """
        self._copy(source, etag, container, object_name, None,
                   account and {'Destination-Account': account})

    def _copy(self, source, etag, container, object_name, fresh_metadata,
              headers=None):
        action = 'COPY ' + source

        def send(connection):
            client.copy_object(
                connection.storage_url, connection.grant.token, self.name,
                source, '/%s/%s' % (container, object_name),
                headers=dict(headers or {}, **dict(
                    _NEWEST, **{'If-Match': '"%s"' % etag})),
                fresh_metadata=fresh_metadata, http_conn=connection.http)
            answers.expect_status(connection, action, source, 201)
            answers.expect_header(connection, action, source,
                                  connection.headers(), answers.COPY_HEADER)
        self._requests.send(action, source, send, is_slow=True)

    def get_manifest(self, object_name):
        """Return the names of the segments of a static large object.

        :returns: list of names in this container; [] for other objects
        """
        if 'x-static-large-object' not in self.head(object_name):
            return []
        return [name for name, _, _ in self.read_manifest(object_name)
                if name is not None]

    def read_manifest(self, object_name):
        """Return the segments of what is a static large object.

        :returns: list of (name in this container, size in bytes, ETag); the
            name of one in another container is None
        """
        action = 'GET ' + object_name
        own = '/%s/' % self.name

        def read(connection):
            headers, manifest = client.get_object(
                connection.storage_url, connection.grant.token, self.name,
                object_name, http_conn=connection.http, headers=_NEWEST,
                query_string='multipart-manifest=get')
            answers.expect_header(connection, action, object_name, headers,
                                  answers.OBJECT_HEADER)
            found = []
            try:
                for segment in json.loads(manifest.decode('utf-8')):
                    path = compat.native(segment['name'])
                    found.append((
                        path[len(own):] if path.startswith(own) else None,
                        segment['bytes'], compat.native(segment['hash'])))
            except (KeyError, TypeError, ValueError):
                raise answers.not_swift(connection, action, object_name)
            return found
        return self._requests.send(action, object_name, read)

    def delete(self, object_name):
        """Remove an object; of a large one its manifest alone.

        Where the container brings back older versions they are removed, too.

        :raises errors.ObjectNotFoundError: it is not there, and it was not
            this that removed it: an attempt whose answer was lost
        """
        self._deletion.delete(object_name)

    def delete_all(self, object_names, written_once=False):
        """Remove objects, many in one request where the cluster can do that.

        One that is not there is no failure.

        Tries all before it raises for those that are left, unless Swift does
        not answer: waiting for each of them would take long.

        :param object_names: iterable of names
        :param written_once: whether none has replaced another, so that no
            version before can come back
        :raises errors.SwiftError: the first of the failures
        """
        self._deletion.delete_all(object_names, written_once)

    def list(self, prefix, delimiter=None, container=None):
        """Yield what the listing says of the names that begin with a prefix.

        Asks page by page and holds one page at a time.

        :param prefix: what the names begin with; '' is the whole container
        :param delimiter: '/' ends names at the first slash after the prefix:
            what lies below it comes once, as a name that ends in a slash
        :param container: another container of the account
        :returns: iterator over dicts with at least a name; for an object
            also bytes (its size) and last_modified (UTC, ISO 8601)
        """
        for entry in listing.entries(
                self._requests, container or self.name,
                self.capabilities().page_entries,
                (self._deletion.note_headers if container is None
                 else lambda headers: None),
                prefix, delimiter):
            yield entry

    def directories(self, prefix):
        """Yield the directories that the listing has right below another.

        Not the objects by which other tools mark one, or one without a name.

        :param prefix: of the directory above, ends in a slash
        :returns: iterator over prefixes that end in a slash
        """
        for entry in self.list(prefix, '/'):
            if entry['name'].endswith('/') and (
                    entry['name'][len(prefix):] not in ('', '/')):
                yield entry['name']

    def metadata(self):
        """Return the headers of the container, with lower-case names.

        The user sees the TempURL keys among them only as the account's owner.

        :raises errors.ObjectNotFoundError: it is not there
        """
        def ask(connection):
            self._head(connection)
            # Those that swiftclient gives have every % in them decoded.
            return connection.headers()
        return self._requests.send('HEAD container ' + self.name, None, ask)

    def clock(self):
        """Return what time it is at Swift, as Unix time in seconds.

        :returns: None where Swift does not say
        """
        return date(self.metadata())

    def age(self, object_name):
        """Return how many seconds ago an object was written, to the second.

        Both times are Swift's; 0 where it does not say what time it is.
        """
        headers = self.head(object_name)
        written_at = float(headers[answers.OBJECT_HEADER])
        return (date(headers) or written_at) - written_at

    def post(self, headers):
        """Change metadata of the container; what is not named stays.

        :param headers: a dict
        """
        action = 'POST container ' + self.name

        def send(connection):
            client.post_container(
                connection.storage_url, connection.grant.token, self.name,
                headers, http_conn=connection.http)
            answers.expect_status(connection, action, None, 204)
        self._requests.send(action, None, send)

    def storage_url(self):
        """Return the URL of the account, without a slash at its end."""
        return self._pool.grant().storage_url

    def check(self):
        """Ask Swift, in one request, whether the container can be used.

        A container that will be made with the first push counts as there.

        :raises errors.SwiftError: it cannot be used
        """
        try:
            self._requests.check('HEAD container ' + self.name, self._head)
        except errors.ObjectNotFoundError:
            if not self._settings.create_container:
                raise

    def make(self):
        """Make the container, where it is missing and settings allow it.

        :raises errors.SwiftError: it is missing, and cannot be made
        """
        self._creation.put(lambda: self._requests.send(
            'HEAD container ' + self.name, None, self._head))

    def capabilities(self):
        """Return the cluster's Capabilities; a process asks for them once."""
        if self._capabilities is None:
            self._capabilities = capabilities.ask(self._requests)
        return self._capabilities

    def _head(self, connection):
        self._deletion.note_headers(answers.expect_header(
            connection, 'HEAD container ' + self.name, None,
            client.head_container(
                connection.storage_url, connection.grant.token, self.name,
                http_conn=connection.http), answers.CONTAINER_HEADER))

    def _put(self, object_name, content, size_bytes, etag, only_new, headers,
             query, when_asked):
        action = 'PUT ' + object_name
        headers = dict(headers or {})
        if only_new:
            headers['If-None-Match'] = '*'
        elif when_asked:
            headers.update(expect.HEADERS)

        def send(connection):
            body = content
            if hasattr(content, 'seek'):
                content.seek(0)
                body = waiting.Upload(content, connection.wait,
                                      self._pool.upload_moves)
            answer = {}
            try:
                client.put_object(
                    connection.storage_url, connection.grant.token, self.name,
                    object_name, body, content_length=size_bytes,
                    etag=etag, content_type='application/octet-stream',
                    headers=headers, http_conn=connection.http,
                    query_string=query, response_dict=answer)
            except client.ClientException as error:
                _tell_segments_status(error)
                raise
            if answer['status'] == 202:
                # The clock of the proxy that wrote what is there is ahead of
                # this one's: Swift has kept the other.
                raise errors.from_status(action, object_name, 202)
            answers.expect_status(connection, action, object_name, 201)
            # Of a manifest Swift has compared each segment's, and gives its
            # own: clusters reckon it in several ways.
            found = answer['headers'].get('etag', '').strip('"')
            if not found or found != etag and query is None:
                raise answers.not_swift(connection, action, object_name)
        is_slow = query is not None  # a manifest, each segment is looked at
        try:
            self._creation.put(lambda: self._requests.send(
                action, object_name, send, is_slow=is_slow,
                is_upload=(hasattr(content, 'seek')
                           or size_bytes > _SMALL_BYTES), waits=True))
        except errors.ObjectExistsError as error:
            if only_new:
                raise
            raise errors.version_not_kept(action, self.name, error)


def _tell_segments_status(error):
    """Let a refused manifest have the status that its segments had.

    Swift looks for the segments before it looks at the manifest's own token:
    with one that has ended, or a storage node that does not answer, it says
    400, and the rest in the body.

    :param error: swiftclient's ClientException
    Source: swift/common/middleware/slo.py, handle_multipart_put
    """
    if error.http_status == 400:
        statuses = _SEGMENT_STATUS.findall(error.http_response_content or b'')
        # 401 first: a new token is what everything else needs.
        error.http_status = int(min(statuses or [b'400']))


def date(headers):
    """Return what time it was at Swift when it answered.

    :param headers: of the answer, with lower-case names
    :returns: Unix time in seconds; None where Swift does not say
    """
    parsed = email.utils.parsedate(headers.get('date', ''))
    return None if parsed is None else calendar.timegm(parsed)
