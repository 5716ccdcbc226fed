"""The one container: head, get, put, delete and list, with retries.

The only module that calls swiftclient's operations. Knows object names; knows
nothing of registry paths, of how layers are cut into segments, or the cache.
"""

import calendar
import email.utils
import itertools
import json
import logging
import re

from swiftclient import client

from . import body
from . import capabilities
from . import connections
from .. import compat
from .. import errors
from . import retry

_SEGMENT_STATUS = re.compile(br', (401|5\d\d) ')
#: Has Swift ask every replica and answer with the newest. Without it a storage
#: node that was away answers with marks and tags that are gone since, and with
#: layers whose segments are.
#: Source: https://docs.openstack.org/api-ref/object-store/
_NEWEST = {'X-Newest': 'true'}

#: With each answer about an object, or about a container.
_OBJECT_HEADER = 'x-timestamp'
_CONTAINER_HEADER = 'x-container-object-count'

#: A proxy that has looked for the container just before it was made may tell
#: others for seconds that it is not there; making it again has that forgotten.
#: Source: swift/proxy/controllers/container.py, clear_info_cache()
_CREATE_ATTEMPTS = 3

logger = logging.getLogger(__name__)


class Container(object):

    """One container in Swift.

    Every method raises errors.SwiftError, of the subclass that fits:
    ObjectNotFoundError for a 404 and nothing else, UnreachableError where no
    answer comes, AccessDeniedError for a login or right that is missing.
    Requests that may do better the next time are sent again; see retry.py.

    :param settings: Settings
    :param pool: Connections
    """

    def __init__(self, settings, pool):
        self.name = settings.container
        self._settings = settings
        self._pool = pool
        self._requests = retry.Requests(settings, pool)
        self._capabilities = None

    def head(self, object_name):
        """Return the headers of an object, as a dict with lower-case names."""
        return self._request(
            'HEAD', object_name, lambda connection: self._of_swift(
                connection, 'HEAD', object_name, client.head_object(
                    connection.storage_url, connection.grant.token, self.name,
                    object_name, http_conn=connection.http, headers=_NEWEST),
                _OBJECT_HEADER))

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
        """Return the ETag of an object without quotes, to get() that version.

        :param headers: what head() has answered
        :returns: '' where it says little of the content, or the cluster does
            not heed it
        """
        if 'x-object-manifest' in headers or (
                'x-static-large-object' in headers
                and not self.capabilities().heeds_etags):
            return ''
        return headers.get('etag', '').strip('"')

    def get(self, object_name, first=None, last=None, etag=None, wait=None):
        """Open an object for reading.

        :param first: offset of the first byte wanted
        :param last: offset of the last byte wanted; one past the object's
            end, or further, means the object's end
        :param etag: answer with this version of the object or not at all;
            None is the newest
        :param wait: that of the Body which this one goes on with
        :returns: Body; read it to the end or close it
        """
        headers = {'If-Match': '"%s"' % etag} if etag else dict(_NEWEST)
        if first is not None:
            headers['Range'] = 'bytes=%d-%s' % (
                first, '' if last is None else last)
        action = self._action('GET', object_name)

        def open_body(connection):
            answer_headers, unread = client.get_object(
                connection.storage_url, connection.grant.token, self.name,
                object_name, http_conn=connection.http, headers=headers,
                # Only tells swiftclient to leave the body unread.
                resp_chunk_size=1)
            self._of_swift(connection, 'GET', object_name, answer_headers,
                           _OBJECT_HEADER)
            return body.Body(self._pool, connection, action, object_name,
                             answer_headers, unread)
        try:
            return self._request('GET', object_name, open_body, keeps=True,
                                 wait=wait)
        except errors.ObjectExistsError:
            # A storage node that was away may have another version.
            headers.update(_NEWEST)
            return self._request('GET', object_name, open_body, keeps=True,
                                 wait=wait)

    def put(self, object_name, content, size_bytes, etag, only_new=False,
            headers=None):
        """Write an object in one request; readers see all of it or nothing.

        The container is made first where it is missing and
        settings.create_container allows it.

        :param content: bytes, or a file that can be rewound
        :param size_bytes: length of the content
        :param etag: MD5 of the content in hexadecimal; Swift compares it
        :param only_new: do nothing if there is an object of this name
        :param headers: more headers for the object, a dict
        :raises errors.ObjectExistsError: only_new, and there is
        """
        self._put(object_name, content, size_bytes, etag, only_new, headers,
                  None)

    def put_manifest(self, object_name, segments, etag, only_new=False,
                     headers=None):
        """Make a static large object of segments that have been written.

        Swift looks at each segment before it takes the manifest.

        :param segments: list of (object name, size in bytes, MD5)
        :param etag: MD5 of the segments' MD5s, one after the other
        :param only_new, headers: as for put()
        """
        manifest = json.dumps([
            {'path': '/%s/%s' % (self.name, name), 'size_bytes': size_bytes,
             'etag': md5} for name, size_bytes, md5 in segments])
        self._put(object_name, manifest.encode('ascii'), len(manifest), etag,
                  only_new, headers, 'multipart-manifest=put')

    def get_manifest(self, object_name):
        """Return the names of the segments of a static large object.

        :returns: list of names in this container; [] for other objects
        """
        if 'x-static-large-object' not in self.head(object_name):
            return []
        _, manifest = self._request(
            'GET', object_name, lambda connection: client.get_object(
                connection.storage_url, connection.grant.token, self.name,
                object_name, http_conn=connection.http, headers=_NEWEST,
                query_string='multipart-manifest=get'))
        own = '/%s/' % self.name
        paths = [compat.native(segment['name'])
                 for segment in json.loads(manifest.decode('utf-8'))]
        return [path[len(own):] for path in paths if path.startswith(own)]

    def delete(self, object_name):
        """Remove an object; of a large one its manifest alone.

        :raises errors.ObjectNotFoundError: it is not there, and it was not
            this that removed it: an attempt whose answer was lost
        """
        unsure = []

        def send(connection):
            try:
                client.delete_object(
                    connection.storage_url, connection.grant.token, self.name,
                    object_name, http_conn=connection.http)
                self._expect(connection, 'DELETE', object_name, 204)
            except errors.SwiftError as error:
                unsure.append(error)
                raise
            except client.ClientException as error:
                if error.http_status == 404 and unsure:
                    return
                if error.http_status == 409:
                    # What is there is of a proxy whose clock is ahead of this
                    # one's. In a moment it is not.
                    error.http_status = 503
                if error.http_status not in (401, 404):
                    unsure.append(error)
                raise
            except connections.TRANSPORT_ERRORS as error:
                unsure.append(error)
                raise
        self._request('DELETE', object_name, send)

    def delete_all(self, object_names):
        """Remove objects, in bulk where the cluster can; absent ones are fine.

        Tries all before it raises for those that are left, but for a Swift
        that does not answer: who waited for each would wait for long.

        :param object_names: iterable of names
        :raises errors.SwiftError: the first of the failures
        """
        at_once = self.capabilities().max_deletes
        names = iter(object_names)
        failure = None
        while True:
            batch = list(itertools.islice(names, at_once or 1))
            if not batch:
                break
            if len(batch) > 1:
                batch = self._delete_in_bulk(batch)
            for name in batch:
                try:
                    self.delete(name)
                except errors.ObjectNotFoundError:
                    pass  # the listing lags behind, or somebody was faster
                except errors.UnreachableError:
                    raise
                except errors.SwiftError as error:
                    failure = failure or error
        if failure:
            raise failure

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
        marker = ''
        limit = self.capabilities().page_entries
        while True:
            try:
                page = self._page(container or self.name, prefix, delimiter,
                                  marker, limit)
            except errors.ObjectExistsError:
                if limit is None:
                    raise
                # More than the cluster gives since its limit was lowered.
                limit = None
                continue
            for entry in page:
                marker = compat.native(entry.get('name') or entry['subdir'])
                yield dict(entry, name=marker)
            if not page or limit and len(page) < limit:
                return

    def metadata(self):
        """Return the headers of the container, with lower-case names.

        The user sees the TempURL keys among them only as the account's owner.

        :raises errors.ObjectNotFoundError: it is not there
        """
        def ask(connection):
            self._head(connection)
            # Those that swiftclient gives have every % in them decoded.
            return connection.headers()
        return self._request('HEAD', None, ask)

    def clock(self):
        """Return what time it is at Swift, as Unix time in seconds.

        :returns: None where Swift does not say
        """
        date = email.utils.parsedate(self.metadata().get('date', ''))
        return None if date is None else calendar.timegm(date)

    def post(self, headers):
        """Change metadata of the container; what is not named stays.

        :param headers: a dict
        """
        def send(connection):
            client.post_container(
                connection.storage_url, connection.grant.token, self.name,
                headers, http_conn=connection.http)
            self._expect(connection, 'POST', None, 204)
        self._request('POST', None, send)

    def storage_url(self):
        """Return the URL of the account, without a slash at its end."""
        return self._pool.storage_url()

    def check(self):
        """Ask Swift whether the container can be used; one request.

        A container that will be made with the first push counts as there.

        :raises errors.SwiftError: it cannot be used
        """
        try:
            self._requests.check('HEAD container ' + self.name, self._head)
        except errors.ObjectNotFoundError:
            if not self._settings.create_container:
                raise

    def capabilities(self):
        """Return the cluster's Capabilities; asks once a process."""
        if self._capabilities is None:
            self._capabilities = self._ask_capabilities()
        return self._capabilities

    def _head(self, connection):
        self._of_swift(connection, 'HEAD', None, client.head_container(
            connection.storage_url, connection.grant.token, self.name,
            http_conn=connection.http), _CONTAINER_HEADER)

    def _put(self, object_name, content, size_bytes, etag, only_new, headers,
             query):
        headers = dict(headers or {})
        if only_new:
            headers['If-None-Match'] = '*'

        def send(connection):
            body = content
            if hasattr(content, 'seek'):
                content.seek(0)
                body = retry.Upload(content, connection.wait)
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
                raise errors.from_status('PUT %s' % object_name, object_name,
                                         202)
            self._expect(connection, 'PUT', object_name, 201)
            # Of a manifest Swift has compared each segment's, and gives its
            # own: clusters reckon it in several ways.
            found = answer['headers'].get('etag', '').strip('"')
            if not found or found != etag and query is None:
                raise self._not_swift(connection, 'PUT', object_name)
        is_slow = query is not None  # a manifest, each segment is looked at
        try:
            for attempts_left in range(_CREATE_ATTEMPTS, -1, -1):
                try:
                    self._request('PUT', object_name, send, is_slow=is_slow)
                    return
                except errors.ObjectNotFoundError as error:
                    self._create(error, attempts_left)
        except errors.AccessDeniedError as error:
            if error.status != 403 or isinstance(error, errors.LoginError):
                raise
            # Swift says no before it looks whether the container is there.
            raise self._no_container(error, 'it must be there, and give '
                                     'swift_user the right to write')

    def _page(self, container, prefix, delimiter, marker, limit):
        def ask(connection):
            try:
                headers, entries = client.get_container(
                    connection.storage_url, connection.grant.token, container,
                    prefix=prefix, delimiter=delimiter, marker=marker,
                    limit=limit, http_conn=connection.http)
            except ValueError:  # neither JSON nor empty
                headers, entries = {}, None
            self._of_swift(connection, 'GET', None, headers,
                           _CONTAINER_HEADER)
            return entries
        try:
            return self._request('GET', None, ask)
        except errors.ObjectNotFoundError:  # no container yet: nothing in it
            return []

    def _delete_in_bulk(self, names):
        """Remove objects in one request; return those that may be left.

        Source: swift/common/middleware/bulk.py: the answer is 200 whatever
        happens; its body tells.
        """
        paths = {client.quote('/%s/%s' % (self.name, name)): name
                 for name in names}
        try:
            _, result = self._request(
                'POST', None, lambda connection: client.post_account(
                    connection.storage_url, connection.grant.token,
                    {'Content-Type': 'text/plain',
                     'Accept': 'application/json'},
                    http_conn=connection.http, query_string='bulk-delete',
                    data='\n'.join(paths)),
                what='%d objects to delete' % len(names))
        except errors.UnreachableError:
            raise
        except errors.SwiftError as error:
            logger.warning('%s; deleting one by one', error)
            return names
        try:
            answer = json.loads(result.decode('utf-8'))
            failed = [path for path, _ in answer['Errors']]
            done = answer['Number Deleted'] + answer['Number Not Found']
            if done + len(failed) == len(names):
                return [paths[path] for path in failed]
        except (KeyError, ValueError):
            pass
        logger.warning('bulk delete has not said what became of each object; '
                       'deleting one by one')
        return names

    def _ask_capabilities(self):
        def ask(connection):
            url = compat.urlparse(connection.storage_url)
            path = re.sub('/v1[^/]*(/[^/]*)?$', '/info', url.path)
            try:
                info = client.get_capabilities(
                    (url._replace(path=path), connection.http[1]))
            except ValueError:  # not JSON
                info = None
            if not isinstance(info, dict):
                raise self._not_swift(connection, 'GET', None, '/info')
            return info
        try:
            info = self._request('GET', None, ask, what='/info')
        except errors.LoginError:
            raise
        except errors.SwiftError as error:
            if error.status is None or errors.is_transient(error):
                raise
            logger.debug('the cluster does not show its /info: %s', error)
            return capabilities.DEFAULT
        return capabilities.parse(info)

    def _create(self, missing, attempts_left):
        """Make the container, which a PUT has not found."""
        if not self._settings.create_container:
            raise self._no_container(missing, 'it may be created by hand, '
                                     'or by swift_create_container: true')
        if not attempts_left:
            raise self._no_container(missing, 'it has been created, and yet '
                                     'is not found')
        try:
            self._request('PUT', None, self._put_container)
        except (errors.AccessDeniedError, errors.ObjectNotFoundError):
            raise self._no_container(missing, 'it is missing, and swift_user '
                                     'may not create it')

    def _put_container(self, connection):
        client.put_container(
            connection.storage_url, connection.grant.token, self.name,
            http_conn=connection.http)
        self._expect(connection, 'PUT', None, 201, 202)

    def _no_container(self, error, reason):
        kind = (errors.AccessDeniedError if error.status == 403
                else errors.SwiftError)
        return kind('PUT %s: cannot write to container %s (see '
                    'swift_container): %s' % (
                        error.object_name, self.name, reason),
                    error.object_name, error.status, error.transaction_id)

    def _request(self, verb, object_name, operation, what=None, **options):
        return self._requests.send(self._action(verb, object_name, what),
                                   object_name, operation, **options)

    def _action(self, verb, object_name, what=None):
        return '%s %s' % (
            verb, what or object_name or 'container ' + self.name)

    def _of_swift(self, connection, verb, object_name, headers, expected):
        """Return the headers of an answer if it is one of Swift's.

        :param expected: name of a header that Swift gives with each
        :raises errors.NotSwiftError: it is not there
        """
        if expected not in headers:
            raise self._not_swift(connection, verb, object_name)
        return headers

    def _expect(self, connection, verb, object_name, *statuses):
        """Raise errors.NotSwiftError unless an answer has one of these.

        Whatever else is a success to HTTP may be a page that knows nothing
        of objects. Source: https://docs.openstack.org/api-ref/object-store/
        """
        if connection.answer().status not in statuses:
            raise self._not_swift(connection, verb, object_name)

    def _not_swift(self, connection, verb, object_name, what=None):
        answer = connection.answer()
        return errors.not_swift(self._action(verb, object_name, what),
                                answer.status, object_name,
                                answer.transaction_id)


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
