"""Pulls and pushes over the v2 API, and compares every digest.

Source: https://github.com/opencontainers/distribution-spec, and distribution/
pull_v2.go of docker 20.10: HEAD and GET of the manifest, then each blob.
"""

import base64
import collections
import hashlib
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request

from . import v1client
from ..servers import processes

_ACCEPT = ', '.join((
    'application/vnd.docker.distribution.manifest.v2+json',
    'application/vnd.docker.distribution.manifest.list.v2+json',
    'application/vnd.oci.image.manifest.v1+json',
    'application/vnd.oci.image.index.v1+json'))

SCHEMA2 = 'application/vnd.docker.distribution.manifest.v2+json'
OCI = 'application/vnd.oci.image.manifest.v1+json'
_CONFIG = 'application/vnd.docker.container.image.v1+json'
_LAYER = 'application/vnd.docker.image.rootfs.diff.tar'

#: How clients push a blob.
ONE_PUT, CHUNKED, WITH_LENGTH = 'one PUT', 'chunked', 'with length'
_CHUNK_BYTES = 32 * 1024

#: An image: digest of its manifest; manifest and config as they came, bytes;
#: the layers, a list of bytes.
Image = collections.namedtuple('Image', 'digest manifest config layers')


def digest(content):
    """Return the digest of bytes."""
    return 'sha256:' + hashlib.sha256(content).hexdigest()


class V2Client:

    """A client of one registry.

    :param port: the registry's port on loopback
    :param user, password: to log in with; None for nobody
    :param user_agent: what it says that it is
    """

    def __init__(self, port, user=None, password=None,
                 user_agent='docker/20.10.24+dfsg1'):
        self.port = port
        self._headers = {'User-Agent': user_agent}
        if user is not None:
            self._headers['Authorization'] = 'Basic ' + base64.b64encode(
                ('%s:%s' % (user, password)).encode()).decode()

    def request(self, method, path, headers=None, body=None):
        """Send one request on a connection of its own.

        :param body: bytes
        :returns: v1client.Answer with the whole body
        :raises OSError, http.client.HTTPException: there was no answer, or
            half of one
        """
        connection = http.client.HTTPConnection(
            processes.HOST, self.port, timeout=v1client.TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body,
                               dict(self._headers, **(headers or {})))
            response = connection.getresponse()
            return v1client.Answer(response.status, response.headers,
                                   self.read(response))
        finally:
            connection.close()

    def read(self, response):
        """Return the whole body of an answer."""
        return response.read()

    def get(self, path, headers=None):
        """Send a GET; follow a redirect to wherever it leads.

        :returns: Answer with status 200
        :raises v1client.RefusedError: either server answered something else
        """
        answer = self.request('GET', path, headers)
        if answer.status == 307:
            try:
                with urllib.request.urlopen(
                        answer.headers['Location'],
                        timeout=v1client.TIMEOUT_SECONDS) as other:
                    return v1client.Answer(other.status, other.headers,
                                           other.read())
            except urllib.error.HTTPError as error:
                answer = v1client.Answer(error.code, error.headers,
                                         error.read())
        if answer.status != 200:
            raise v1client.RefusedError('GET ' + path, answer)
        return answer

    def manifest(self, name, reference='latest'):
        """Return the Answer with a manifest, whose digest is right."""
        path = '/v2/%s/manifests/%s' % (name, reference)
        answer = self.get(path, {'Accept': _ACCEPT})
        found = answer.headers['Docker-Content-Digest']
        if digest(answer.body) != found or ':' in reference and (
                reference != found):
            raise v1client.CorruptError('manifest of %s:%s' % (
                name, reference))
        return answer

    def blob(self, name, blob_digest):
        """Return a blob, whose digest is right."""
        content = self.get('/v2/%s/blobs/%s' % (name, blob_digest)).body
        if digest(content) != blob_digest:
            raise v1client.CorruptError('blob %s of %s' % (blob_digest, name))
        return content

    def pull(self, name, reference='latest'):
        """Pull an Image.

        :raises v1client.CorruptError: something is not what its digest says
        """
        answer = self.manifest(name, reference)
        found = json.loads(answer.body)
        config = self.blob(name, found['config']['digest'])
        layers = [self.blob(name, layer['digest'])
                  for layer in found['layers']]
        for layer, description in zip([config] + layers,
                                      [found['config']] + found['layers']):
            if len(layer) != description['size']:
                raise v1client.CorruptError('size of %s' % description)
        return Image(answer.headers['Docker-Content-Digest'], answer.body,
                     config, layers)

    def start(self, name):
        """Begin an upload; return where its bytes go."""
        return self.expect(202, 'POST', '/v2/%s/blobs/uploads/' % name
                           ).headers['Location']

    def append(self, location, content, headers=None):
        """Add bytes to an upload; return where the next ones go.

        :param content: bytes; or an iterable of bytes, to be sent in chunks
        """
        return self.expect(202, 'PATCH', location, headers, content
                           ).headers['Location']

    def finish(self, location, blob_digest, content=b''):
        """End an upload with its last bytes."""
        answer = self.expect(201, 'PUT', '%s%sdigest=%s' % (
            location, '&' if '?' in location else '?', blob_digest),
            {'Content-Type': 'application/octet-stream'}, content)
        if answer.headers['Docker-Content-Digest'] != blob_digest:
            raise v1client.CorruptError('digest of %s' % location)

    def push_blob(self, name, content, way=ONE_PUT):
        """Push a layer or a config; return what a manifest says of it.

        :param way: ONE_PUT as containerd does, CHUNKED as docker does,
            WITH_LENGTH as podman and skopeo do
        """
        found = digest(content)
        location = _path(self.start(name))
        if way == CHUNKED:
            location = _path(self.append(location, [
                content[start:start + _CHUNK_BYTES]
                for start in range(0, len(content), _CHUNK_BYTES)]))
            content_left = b''
        elif way == WITH_LENGTH:
            location = _path(self.append(location, content, {
                'Content-Type': 'application/octet-stream'}))
            content_left = b''
        else:
            content_left = content
        self.finish(location, found, content_left)
        return {'digest': found, 'size': len(content)}

    def push(self, name, layers, tag='latest', kind=SCHEMA2, way=ONE_PUT,
             config=b'{}'):
        """Push an image of layers, a list of bytes; return the Image."""
        content = json.dumps({
            'schemaVersion': 2, 'mediaType': kind,
            'config': dict(self.push_blob(name, config, way),
                           mediaType=_CONFIG),
            'layers': [dict(self.push_blob(name, layer, way),
                            mediaType=_LAYER) for layer in layers]},
            indent=7).encode()
        return Image(self.push_manifest(name, tag, content, kind), content,
                     config, list(layers))

    def push_manifest(self, name, reference, content, media_type):
        """Push a manifest, bytes; return its digest."""
        self.expect(201, 'PUT', '/v2/%s/manifests/%s' % (name, reference),
                    {'Content-Type': media_type}, content)
        return digest(content)

    def expect(self, status, method, path, headers=None, body=None):
        """Send a request; raise RefusedError unless the status is this."""
        answer = self.request(method, path, headers, body)
        if answer.status != status:
            raise v1client.RefusedError('%s %s' % (method, path), answer)
        return answer

    def tags(self, name):
        """Return the tags of a repository."""
        return json.loads(self.get('/v2/%s/tags/list' % name).body)['tags']

    def catalog(self):
        """Return the names of the repositories."""
        return json.loads(self.get('/v2/_catalog').body)['repositories']


def _path(location):
    """Return where to send a request, of a URL or of a path."""
    url = urllib.parse.urlsplit(location)
    return url.path + ('?' + url.query if url.query else '')
