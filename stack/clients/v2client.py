"""Pulls over the v2 API as docker 20 does, and compares every digest.

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
    :param timeout: seconds without an answer before giving up
    """

    def __init__(self, port, user=None, password=None,
                 user_agent='docker/20.10.24+dfsg1', timeout=120):
        self.port = port
        self._timeout = timeout
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
            processes.HOST, self.port, timeout=self._timeout)
        try:
            connection.request(method, path, body,
                               dict(self._headers, **(headers or {})))
            response = connection.getresponse()
            return v1client.Answer(response.status, response.headers,
                                   response.read())
        finally:
            connection.close()

    def get(self, path, headers=None):
        """Send a GET; follow a redirect to wherever it leads.

        :returns: Answer with status 200
        :raises v1client.RefusedError: either server answered something else
        """
        answer = self.request('GET', path, headers)
        if answer.status == 307:
            try:
                with urllib.request.urlopen(answer.headers['Location'],
                                            timeout=self._timeout) as other:
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

    def push_blob(self, name, content):
        """Push a layer or a config; return what a manifest says of it."""
        answer = self.expect(202, 'POST', '/v2/%s/blobs/uploads/' % name)
        location = urllib.parse.urlsplit(answer.headers['Location'])
        found = digest(content)
        self.expect(201, 'PUT', '%s?%s%sdigest=%s' % (
            location.path, location.query, location.query and '&', found),
            {'Content-Type': 'application/octet-stream'}, content)
        return {'digest': found, 'size': len(content)}

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
