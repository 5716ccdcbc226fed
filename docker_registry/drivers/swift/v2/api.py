"""The v2 API over HTTP: a WSGI application. push_api.py has what writes.

Runs in the legacy registry on Python 2.7 and without it on Python 3. Knows
HTTP and what the specification says of it; knows nothing of Swift.

Source: https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
    and https://distribution.github.io/distribution/spec/api/
"""

import json
import logging
import re

from werkzeug import wrappers

from . import answers
from . import facts
from . import images
from . import layout
from . import manifests
from . import repositories
from .. import compat
from .. import errors
from ..client import counters
from ..objects import ranges

_VERSION = ('Docker-Distribution-Api-Version', 'registry/2.0')
#: How many repositories an answer has, each of which has to be looked at.
_CATALOG_COUNT = 1000
_NOT_A_METHOD = 'not a method of this path'

_SCHEMA1_TYPE = 'application/vnd.docker.distribution.manifest.v1+prettyjws'
_MEDIA_TYPE = re.compile(r'[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+\Z')

_PATH = re.compile(
    r'/v2/(?P<name>.+)/(?:(?P<tags>tags/list)|(?P<uploads>blobs/uploads/?)|'
    r'blobs/uploads/(?P<upload>[^/]+)|(?P<kind>manifests|blobs|referrers)/'
    r'(?P<reference>[^/]+))\Z', re.DOTALL)

logger = logging.getLogger(__name__)


class Application(object):

    """Answers requests below /v2/.

    :param found: repositories.Repositories
    :param redirects: whether clients are sent to Swift for blobs:
        storage_redirect
    :param realm: what clients log in to, text; None where they need not
    :param users: htpasswd.Htpasswd, where they have to
    :param unavailable: callable that returns why no request can be answered
        at all, as text, or None
    :param pushes: push_api.PushApi; None takes no pushes
    :param report: callable that tells an operator of a failure of the
        storage: of the Werkzeug request, the status that its client is told,
        500 or more, and the errors.SwiftError; None logs it
    :param lists: callable that returns the repositories.Repositories to list
        repositories and tags with; None is the same
    """

    def __init__(self, found, redirects=False, realm=None, users=None,
                 unavailable=lambda: None, pushes=None, report=None,
                 lists=None):
        self._repositories = found
        self._redirects = redirects
        self._realm = realm
        self._users = users
        self._unavailable = unavailable
        self._pushes = pushes
        self._report = report or _log
        self._lists = lists or (lambda: found)
        self._answers = counters.Counters()

    @property
    def answers(self):
        """How many answers each status has had, a dict."""
        return self._answers.values()

    def __call__(self, environ, start_response):
        request = wrappers.Request(environ)
        try:
            response = self._answer(request)
        except answers.Refusal as refusal:
            response = answers.refused(refusal)
            if request.method == 'OPTIONS' and 'Allow' in refusal.headers:
                # A browser asks so before it lets a page of another site in.
                response = wrappers.Response(
                    headers={'Allow': refusal.headers['Allow']})
        response.headers.set(*_VERSION)
        # Behind a TLS proxy it would be made one of http://.
        response.autocorrect_location_header = False
        self._answers.add(response.status_code)
        return response(environ, start_response)

    def _answer(self, request):
        reason = self._unavailable()
        if reason:
            raise answers.Refusal(503, 'UNAVAILABLE', reason, errors.later())
        self._authenticate(request)
        try:
            return self._route(request)
        except repositories.UnknownError as error:
            raise answers.Refusal(404, error.code, str(error))
        except images.IncompleteError as error:
            raise answers.Refusal(404, 'MANIFEST_UNKNOWN', str(error))
        except facts.DamagedError as error:
            logger.error('%s %s: %s', request.method,
                         compat.native(request.path), error)
            # A status of which clients show the message.
            raise answers.Refusal(400, 'MANIFEST_INVALID', str(error))
        except errors.SwiftError as error:
            raise self._failed(request, error)

    def _failed(self, request, error):
        # What is not there was there a moment ago.
        status, message, headers = errors.answer_to(
            error, (503, 'Changed while it was read, try again'))
        (self._report if status >= 500 else _log)(request, status, error)
        return answers.Refusal(
            status, 'UNAVAILABLE' if status == 503 else 'UNKNOWN', message,
            headers)

    def _authenticate(self, request):
        if self._users is None:
            return
        try:
            login = request.authorization
        except UnicodeError:  # which Werkzeug before 2 lets through
            login = None
        if login is None or login.username is None or (
                not self._users.is_right(login.username,
                                         login.password or '')):
            raise answers.Refusal(
                401, 'UNAUTHORIZED', 'authentication required',
                {'WWW-Authenticate': 'Basic realm="%s"' % (
                    self._realm.replace('\\', '').replace('"', ''))})

    def _route(self, request):
        path = request.path
        if path in ('/v2', '/v2/'):
            _allow_reading(request)
            return answers.json_of({})
        if path == '/v2/_catalog':
            _allow_reading(request)
            return self._catalog(request)
        match = _PATH.match(path)
        if not match:
            raise answers.Refusal(404, 'UNSUPPORTED',
                                  'there is nothing at this path')
        name = match.group('name')
        if not layout.is_name(name):
            raise answers.Refusal(400, 'NAME_INVALID',
                                  'invalid repository name',
                                  detail={'name': name})
        name = compat.native(name)
        if match.group('tags'):
            _allow_reading(request)
            return self._tags(request, name)
        kind, reference = match.group('kind', 'reference')
        if match.group('uploads'):
            kind = 'uploads'
        elif match.group('upload'):
            kind, reference = 'upload', match.group('upload')
        is_upload = kind in ('uploads', 'upload')
        if self._pushes is not None and kind != 'referrers' and (
                is_upload or request.method not in ('GET', 'HEAD')):
            return self._pushes.answer(request, kind, name, reference)
        _allow_reading(request, _NOT_A_METHOD if self._pushes is not None else
                       'this registry takes no pushes by the v2 API')
        if is_upload:
            raise answers.Refusal(404, 'BLOB_UPLOAD_UNKNOWN',
                                  'this registry takes no pushes')
        answer = {'manifests': self._manifest, 'blobs': self._blob,
                  'referrers': self._referrers}[kind]
        return answer(request, name, reference)

    def _catalog(self, request):
        last, count = _page(request)
        count = min(_CATALOG_COUNT if count is None else count,
                    _CATALOG_COUNT)
        found, more = self._lists().catalog(last, count)
        return _list(request, {'repositories': found}, found, more, count)

    def _tags(self, request, name):
        last, count = _page(request)
        found, more = self._lists().tags(name, last, count)
        return _list(request, {'name': name, 'tags': found}, found, more,
                     count)

    def _manifest(self, request, name, reference):
        if ':' in reference:
            digest = answers.digest_of(reference)
            content = self._repositories.manifest(name, digest)
        else:
            if not layout.is_tag(reference):
                raise answers.Refusal(404, 'MANIFEST_UNKNOWN',
                                      'no tag can have this name',
                                      detail={'tag': reference})
            digest = self._repositories.resolve(name,
                                                compat.native(reference))
            if request.if_none_match.contains_weak(digest):
                return self._unchanged(digest)
            content = self._repositories.read_manifest(name, digest)
        if request.if_none_match.contains_weak(digest):
            return self._unchanged(digest)
        return _content(request, digest, len(content), _media_type(content),
                        lambda: [content])

    def _blob(self, request, name, reference):
        digest = answers.digest_of(reference)
        found = self._repositories
        found.check_blob(name, digest)
        if request.if_none_match.contains_weak(digest):
            return self._unchanged(digest)
        if request.method == 'GET' and self._redirects:
            url = found.blob_url(name, digest)
            if url:
                response = wrappers.Response(status=307)
                response.headers['Location'] = url
                response.headers['Docker-Content-Digest'] = digest
                return response
        kind = 'application/octet-stream'
        header = ranges.header_of(request.method, request.headers,
                                  '"%s"' % digest)
        if request.method == 'GET' and header is None:
            # Its size comes with it.
            reader = found.open_blob(name, digest)
            size_bytes = reader.object_size
            if size_bytes is None:
                size_bytes = found.blob_bytes(name, digest)
            return _content(request, digest, size_bytes, kind, lambda: reader)
        size_bytes = found.blob_bytes(name, digest)
        if request.method == 'HEAD':
            return _content(request, digest, size_bytes, kind, None)
        try:
            wanted = ranges.parse(header, size_bytes)
        except ranges.UnsatisfiableError:
            raise answers.Refusal(
                416, 'RANGE_INVALID', 'no byte of the blob is in the range',
                {'Content-Range': 'bytes */%d' % size_bytes})
        if wanted is None:
            return _content(request, digest, size_bytes, kind,
                            lambda: found.open_blob(name, digest))
        first, last = wanted
        response = _content(
            request, digest, last - first + 1, kind,
            lambda: found.open_blob(name, digest, wanted))
        response.status_code = 206
        response.headers['Content-Range'] = 'bytes %d-%d/%d' % (
            first, last, size_bytes)
        return response

    def _referrers(self, request, name, reference):
        digest = answers.digest_of(reference)
        kind = request.args.get('artifactType')
        found = [each for each in self._repositories.referrers(name, digest)
                 if not kind or each.get('artifactType') == kind]
        response = answers.json_of(
            {'schemaVersion': 2, 'mediaType': manifests.INDEX_TYPE,
             'manifests': found}, manifests.INDEX_TYPE)
        if kind:
            response.headers['OCI-Filters-Applied'] = 'artifactType'
        return response

    @staticmethod
    def _unchanged(digest):
        response = wrappers.Response(status=304)
        _describe(response, digest)
        return response


def _log(request, status, error):
    logger.error('%s %s: %d: %s', request.method,
                 compat.native(request.path), status, error)


def _allow_reading(request, message=_NOT_A_METHOD):
    if request.method not in ('GET', 'HEAD'):
        raise answers.Refusal(405, 'UNSUPPORTED', message,
                              {'Allow': 'GET, HEAD'})


def _page(request):
    """Return after which entry of a list to begin, and how many or None."""
    count = request.args.get('n')
    if count is not None:
        if not re.match(r'[0-9]{1,1000}\Z', count):
            raise answers.Refusal(400, 'PAGINATION_NUMBER_INVALID',
                                  'n is not a number', detail={'n': count})
        count = int(count)
    last = request.args.get('last', '')
    try:
        return compat.native(last), count
    except ValueError:
        return '', count


def _list(request, value, found, more, count):
    response = answers.json_of(value)
    if more and found:
        response.headers['Link'] = '<%s%s?last=%s&n=%d>; rel="next"' % (
            compat.native(request.script_root), compat.native(request.path),
            compat.quote(found[-1], ''), count)
    return response


def _content(request, digest, size_bytes, kind, open_content):
    """Return the answer with a manifest or a blob.

    :param open_content: callable that returns an iterable of bytes
    """
    response = wrappers.Response(
        open_content() if request.method == 'GET' else (),
        direct_passthrough=True, content_type=kind)
    response.headers['Content-Length'] = str(size_bytes)
    if kind == 'application/octet-stream':
        response.headers['Accept-Ranges'] = 'bytes'
    _describe(response, digest)
    return response


def _describe(response, digest):
    response.headers['Docker-Content-Digest'] = digest
    response.headers['ETag'] = '"%s"' % digest


def _media_type(content):
    """Return what a manifest says that it is, or what its fields say."""
    try:
        found = json.loads(content.decode('utf-8'))
    except (ValueError, RuntimeError):
        found = None
    if not isinstance(found, dict):
        return 'application/octet-stream'
    kind = found.get('mediaType')
    if isinstance(kind, compat.TEXT_TYPES) and _MEDIA_TYPE.match(kind):
        return compat.native(kind)
    if found.get('schemaVersion') == 1:
        return _SCHEMA1_TYPE
    return (manifests.INDEX_TYPE if 'manifests' in found
            else manifests.MANIFEST_TYPE)
