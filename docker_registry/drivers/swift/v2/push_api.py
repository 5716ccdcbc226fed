"""The v2 API over HTTP, as far as it writes.

Bodies are read from the connection as the server gives it: Werkzeug gives
none of those that come in chunks.

Source: as of api.py
"""

import re

from werkzeug import wrappers

from . import answers
from . import images
from . import layout
from . import manifests
from . import pushes
from . import states
from . import store
from . import uploads
from .. import compat

#: The name of an upload and the number of its step, which clients are given
#: in one.
_UPLOAD = re.compile(r'([0-9a-f]{32})(?:\.([0-9]{1,9}))?\Z')
#: The specification has the first alone; clients of old say "bytes".
_RANGE = re.compile(r'(?:bytes[ =])?([0-9]{1,18})-([0-9]{1,18})(?:/.*)?\Z')


def in_container(values, swift_container, found, deletes):
    """Return the PushApi of a container.

    :param values: settings.Settings
    :param swift_container: container.Container
    :param found: repositories.Repositories
    :param deletes: as for PushApi
    """
    v2 = store.Store(values, swift_container)
    return PushApi(
        uploads.Uploads(values, swift_container, v2),
        pushes.Pushes(images.Images(values, swift_container), v2, found),
        deletes)


class PushApi(object):

    """Answers requests that write.

    :param blobs: uploads.Uploads
    :param found: pushes.Pushes
    :param deletes: whether manifests, tags and blobs can be removed
    """

    def __init__(self, blobs, found, deletes):
        self._uploads = blobs
        self._pushes = found
        self._deletes = deletes

    def answer(self, request, kind, name, reference):
        """Answer a request.

        :param request: werkzeug.wrappers.Request
        :param kind: 'manifests', 'blobs', 'uploads' or 'upload'
        :param name: of the repository
        :param reference: tag, digest, or the upload's as it was given; None
            for 'uploads'
        :returns: werkzeug.wrappers.Response
        :raises answers.Refusal: it cannot be done
        """
        methods = {
            'uploads': {'POST': self._start},
            'upload': {'GET': self._status, 'HEAD': self._status,
                       'PATCH': self._append, 'PUT': self._finish,
                       'DELETE': self._cancel},
            'manifests': {'PUT': self._put_manifest,
                          'DELETE': self._remove_manifest},
            'blobs': {'DELETE': self._remove_blob},
        }[kind]
        if request.method not in methods:
            allowed = set(methods)
            if kind in ('manifests', 'blobs'):
                allowed.update(('GET', 'HEAD'))
            raise answers.Refusal(
                405, 'UNSUPPORTED', 'not a method of this path',
                {'Allow': ', '.join(sorted(allowed))})
        try:
            return methods[request.method](request, name, reference)
        except uploads.UnknownUploadError as error:
            raise answers.Refusal(404, 'BLOB_UPLOAD_UNKNOWN', str(error))
        except uploads.OutOfOrderError as error:
            raise _out_of_order(request, name, reference, error)
        except (uploads.DigestError, pushes.DigestError) as error:
            raise answers.Refusal(400, 'DIGEST_INVALID', str(error))
        except manifests.InvalidError as error:
            raise answers.Refusal(400, 'MANIFEST_INVALID', str(error))
        except pushes.MissingError as error:
            raise answers.Refusal(400, 'MANIFEST_BLOB_UNKNOWN', str(error),
                                  detail={'digests': error.digests})

    def _start(self, request, name, reference):
        digest = request.args.get('mount')
        source = request.args.get('from')
        if digest and source and layout.is_digest(digest) and (
                layout.is_name(source)):
            digest = compat.native(digest)
            if self._uploads.mount(name, digest, compat.native(source)):
                return _created(request, name, 'blobs', digest)
        digest = request.args.get('digest')
        if digest is not None:
            digest = answers.digest_of(digest)
            self._uploads.put(name, digest, _Body(request.environ))
            return _created(request, name, 'blobs', digest)
        return _accepted(request, name, uploads.new_name(), 0, 0)

    def _status(self, request, name, reference):
        upload, number = _upload(name, reference)
        state = self._uploads.state(name, upload, number)
        response = _accepted(request, name, upload, state.number,
                             states.size_bytes(state))
        response.status_code = 204
        return response

    def _append(self, request, name, reference):
        upload, number = _upload(name, reference)
        body = _Body(request.environ)
        state = self._uploads.append(name, upload, number, body,
                                     body.start(request))
        return _accepted(request, name, upload, state.number,
                         states.size_bytes(state))

    def _finish(self, request, name, reference):
        upload, number = _upload(name, reference)
        digest = answers.digest_of(request.args.get('digest', ''))
        body = _Body(request.environ)
        self._uploads.finish(name, upload, number, digest, body,
                             body.start(request))
        return _created(request, name, 'blobs', digest)

    def _cancel(self, request, name, reference):
        self._uploads.cancel(name, *_upload(name, reference))
        return wrappers.Response(status=204)

    def _put_manifest(self, request, name, reference):
        tag = digest = None
        if ':' in reference:
            digest = answers.digest_of(reference)
        else:
            tag = _tag(reference)
        content = _Body(request.environ).read_all(manifests.MAX_BYTES)
        found, manifest = self._pushes.put_manifest(
            name, tag, digest, content, _content_type(request))
        response = _created(request, name, 'manifests', found)
        if manifest.subject:
            response.headers['OCI-Subject'] = manifest.subject
        return response

    def _remove_manifest(self, request, name, reference):
        self._check_deletes()
        if ':' in reference:
            self._pushes.remove_manifest(name, answers.digest_of(reference))
        else:
            self._pushes.remove_tag(name, _tag(reference))
        return wrappers.Response(status=202)

    def _remove_blob(self, request, name, reference):
        self._check_deletes()
        self._pushes.remove_blob(name, answers.digest_of(reference))
        return wrappers.Response(status=202)

    def _check_deletes(self):
        if not self._deletes:
            raise answers.Refusal(
                405, 'UNSUPPORTED', 'nothing can be removed from this '
                'registry; see swift_v2: delete: enabled')


class _Body(object):

    """The body of a request.

    Its end is known by its length or by its last chunk; a client that is gone
    before is an error, and never an end.

    :param environ: WSGI environment
    """

    def __init__(self, environ):
        self._input = environ['wsgi.input']
        self._left = None
        self._length = None
        length = environ.get('CONTENT_LENGTH')
        if length:
            if not re.match('[0-9]{1,18}$', length):
                raise answers.Refusal(400, 'SIZE_INVALID',
                                      'Content-Length is not a number')
            self._left = self._length = int(length)
        elif 'chunked' not in environ.get('HTTP_TRANSFER_ENCODING',
                                          '').lower():
            self._left = self._length = 0
        self._expected = None
        self._count = 0

    def start(self, request):
        """Return the offset of the first byte, None where it is not said.

        :raises answers.Refusal: Content-Range is none, or of another length
        """
        value = request.headers.get('Content-Range')
        if value is None:
            return None
        match = _RANGE.match(value)
        if not match or int(match.group(2)) + 1 < int(match.group(1)):
            raise answers.Refusal(416, 'RANGE_INVALID',
                                  'Content-Range is not a range')
        start, end = map(int, match.groups())
        self._expected = end - start + 1
        if self._length not in (None, self._expected):
            raise self._wrong_size()
        return start

    def read(self, size):
        """Return at most so many bytes; b'' at the end alone.

        :raises answers.Refusal: the client is gone, or sends something else
            than it says
        """
        if self._left is not None:
            size = min(size, self._left)
        if not size:
            return b''
        try:
            chunk = self._input.read(size)
        except Exception as error:  # each server has its own
            raise answers.Refusal(400, 'BLOB_UPLOAD_INVALID', 'the body broke '
                                  'off: %s' % type(error).__name__)
        self._count += len(chunk)
        if self._left is not None:
            self._left -= len(chunk)
            if not chunk:
                raise answers.Refusal(400, 'SIZE_INVALID',
                                      'the body ended early')
        elif not chunk and self._expected not in (None, self._count):
            raise self._wrong_size()
        return chunk

    def read_all(self, most):
        """Return all bytes, of a body that has no more than so many."""
        found = []
        while self._count <= most:
            chunk = self.read(most + 1)
            if not chunk:
                return b''.join(found)
            found.append(chunk)
        raise answers.Refusal(413, 'MANIFEST_INVALID', 'more than %d bytes'
                              % most)

    @staticmethod
    def _wrong_size():
        return answers.Refusal(400, 'SIZE_INVALID', 'the body has another '
                               'length than Content-Range says')


def _upload(name, reference):
    """Return an upload's name and the number of its step.

    Whoever says the name alone means one that has bytes: of others there is
    nothing that shows that they were begun.
    """
    match = _UPLOAD.match(reference)
    if not match:
        raise answers.Refusal(404, 'BLOB_UPLOAD_UNKNOWN',
                              'no upload has this name')
    return compat.native(match.group(1)), int(match.group(2) or 1)


def _tag(reference):
    if not layout.is_tag(reference):
        raise answers.Refusal(400, 'TAG_INVALID', 'no tag can have this name',
                              detail={'tag': reference})
    return compat.native(reference)


def _content_type(request):
    found = request.headers.get('Content-Type', '').split(';')[0].strip()
    # What clients send that do not think of it.
    if found in ('', 'application/json', 'application/octet-stream',
                 'application/x-www-form-urlencoded'):
        return None
    return compat.native(found)


def _path(request, name, rest):
    return '%s/v2/%s/%s' % (compat.native(request.script_root), name, rest)


def _created(request, name, kind, digest):
    response = wrappers.Response(status=201)
    response.headers['Location'] = _path(request, name,
                                         '%s/%s' % (kind, digest))
    response.headers['Docker-Content-Digest'] = digest
    return response


def _accepted(request, name, upload, number, size_bytes):
    """Return the answer that tells how far an upload is."""
    response = wrappers.Response(status=202)
    for header, value in _progress(request, name, upload, number,
                                   size_bytes).items():
        response.headers[header] = value
    return response


def _progress(request, name, upload, number, size_bytes):
    return {
        'Location': _path(request, name, 'blobs/uploads/%s.%d' % (
            upload, number)),
        # Both offsets are of bytes that are there; of none too.
        'Range': '0-%d' % max(0, size_bytes - 1),
        'Docker-Upload-UUID': upload}


def _out_of_order(request, name, reference, error):
    upload, _ = _upload(name, reference)
    return answers.Refusal(
        416, 'RANGE_INVALID', str(error), _progress(
            request, name, upload, error.state.number,
            states.size_bytes(error.state)))
