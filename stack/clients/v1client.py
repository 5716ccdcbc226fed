"""Pushes and pulls over the v1 API as the docker engine did.

Source: https://github.com/docker/docker-registry, the v1 API's documents, and
the requests of docker 1.5: ping, repository, then for each image from the
base up json, layer (chunked) and checksum, then the tag and the images.
"""

import collections
import contextlib
import hashlib
import http.client
import io
import json
import os
import tarfile
import urllib.error
import urllib.request

from ..servers import processes

_CHUNK_BYTES = 64 * 1024
#: How long a client waits for an answer: longer than any that a busy machine
#: gives. A request may wait for Swift several times, each for swift_timeout.
TIMEOUT_SECONDS = 300

#: An image: id, what its json says (bytes), its layer (bytes).
Image = collections.namedtuple('Image', 'id json layer')
Answer = collections.namedtuple('Answer', 'status headers body')


class RefusedError(Exception):

    """The registry did not answer a request as it should.

    :ivar status: its HTTP status
    :ivar body: its body, bytes
    """

    def __init__(self, request, answer):
        super().__init__('%s: %d %s' % (request, answer.status,
                                        answer.body[:200]))
        self.status = answer.status
        self.body = answer.body


class CorruptError(Exception):

    """What was pulled is not what its checksum says."""


def make_image(parent=None, layer_bytes=65536):
    """Make an image with a new id and one random file in its layer.

    :param parent: Image below it
    :param layer_bytes: size of the file; the layer is a little larger
    """
    image_id = os.urandom(32).hex()
    description = {'id': image_id, 'created': '2015-01-01T00:00:00Z'}
    if parent:
        description['parent'] = parent.id
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode='w') as tar:
        info = tarfile.TarInfo('data/' + image_id[:12])
        info.size = layer_bytes
        tar.addfile(info, io.BytesIO(os.urandom(layer_bytes)))
    return Image(image_id, json.dumps(description).encode(),
                 layer.getvalue())


def checksum(image):
    """Return the checksum that the engine sends after a layer."""
    return 'sha256:' + hashlib.sha256(
        image.json + b'\n' + image.layer).hexdigest()


class V1Client:

    """A client of one registry.

    :param port: the registry's port on loopback
    """

    def __init__(self, port):
        self.port = port

    def request(self, method, path, body=None, headers=None, chunked=False):
        """Send one request on a connection of its own.

        :param body: bytes, or an iterable of bytes if chunked
        :returns: Answer with the whole body
        :raises OSError, http.client.HTTPException: there was no answer, or
            half of one
        """
        with self.open(method, path, body, headers, chunked) as response:
            return Answer(response.status, response.headers, response.read())

    @contextlib.contextmanager
    def open(self, method, path, body=None, headers=None, chunked=False):
        """Send one request as request() does; the body is yet to be read.

        :returns: context manager that gives a http.client.HTTPResponse
        """
        connection = http.client.HTTPConnection(
            processes.HOST, self.port, timeout=TIMEOUT_SECONDS)
        try:
            headers = dict({'User-Agent': 'docker/1.5.0 go/go1.3.3'},
                           **(headers or {}))
            connection.request(method, path, body, headers,
                               encode_chunked=chunked)
            yield connection.getresponse()
        finally:
            connection.close()

    def fetch(self, path):
        """Send a GET; follow a redirect to wherever it leads.

        Nothing of the first request is sent there, as the engine did.

        :returns: Answer with status 200
        :raises RefusedError: either server answered something else
        """
        answer = self.request('GET', path)
        if answer.status == 302:
            try:
                with urllib.request.urlopen(answer.headers['Location'],
                                            timeout=TIMEOUT_SECONDS) as other:
                    return Answer(other.status, other.headers, other.read())
            except urllib.error.HTTPError as error:
                answer = Answer(error.code, error.headers, error.read())
        if answer.status != 200:
            raise RefusedError('GET ' + path, answer)
        return answer

    def expect(self, status, method, path, *arguments, **keywords):
        """Send a request; raise RefusedError unless the status is this."""
        answer = self.request(method, path, *arguments, **keywords)
        if answer.status != status:
            raise RefusedError('%s %s' % (method, path), answer)
        return answer

    def push(self, repository, images, tag='latest'):
        """Push images, the base first, and tag the last one.

        :param repository: such as "library/demo"
        """
        listing = json.dumps([{'id': image.id} for image in images]).encode()
        self.expect(200, 'PUT', '/v1/repositories/%s/' % repository, listing,
                    {'X-Docker-Token': 'true'})
        for image in images:
            if not self.has_image(image.id):
                self.push_image(image)
        self.tag(repository, tag, images[-1].id)
        self.expect(204, 'PUT', '/v1/repositories/%s/images' % repository,
                    listing)

    def has_image(self, image_id):
        """Tell whether an image need not be pushed."""
        return self.request(
            'GET', '/v1/images/%s/json' % image_id).status == 200

    def push_image(self, image):
        """Push one image: json, layer, checksum."""
        self.expect(200, 'PUT', '/v1/images/%s/json' % image.id, image.json)
        self.push_layer(image)
        self.expect(200, 'PUT', '/v1/images/%s/checksum' % image.id, b'', {
            'X-Docker-Checksum-Payload': checksum(image)})

    def push_layer(self, image):
        """Push a layer in chunks, as a stream of unknown length."""
        self.expect(200, 'PUT', '/v1/images/%s/layer' % image.id,
                    self.chunks(image.layer),
                    {'Transfer-Encoding': 'chunked'}, chunked=True)

    def chunks(self, layer):
        """Yield a layer in the parts that it is sent in."""
        for start in range(0, len(layer), _CHUNK_BYTES):
            yield layer[start:start + _CHUNK_BYTES]

    def tag(self, repository, tag, image_id):
        """Let a tag name an image."""
        self.expect(200, 'PUT', '/v1/repositories/%s/tags/%s'
                    % (repository, tag), json.dumps(image_id).encode())

    def tags(self, repository):
        """Return a repository's tags, as a dict from tag to image id."""
        return json.loads(self.expect(
            200, 'GET', '/v1/repositories/%s/tags' % repository).body)

    def pull(self, repository, tag='latest'):
        """Pull what a tag names.

        :returns: list of Image, the base first
        :raises CorruptError: a layer does not fit its checksum
        """
        self.expect(200, 'GET', '/v1/repositories/%s/images' % repository)
        top = self.tags(repository)[tag]
        ancestry = json.loads(self.expect(
            200, 'GET', '/v1/images/%s/ancestry' % top).body)
        return [self.pull_image(image_id) for image_id in reversed(ancestry)]

    def pull_image(self, image_id):
        """Pull one image: json and layer."""
        description = self.get_json(image_id)
        layer = self.get_layer(
            image_id, int(description.headers.get('X-Docker-Size', -1)))
        image = Image(image_id, description.body, layer)
        if checksum(image) not in description.headers.get(
                'X-Docker-Checksum-Payload', ''):
            raise CorruptError('image %s' % image_id)
        return image

    def get_json(self, image_id):
        """Return the Answer that describes an image."""
        return self.expect(200, 'GET', '/v1/images/%s/json' % image_id)

    def get_layer(self, image_id, size):
        """Return an image's layer.

        :param size: its size in bytes as the image's json came with it; -1
            where it did not
        """
        return self.fetch('/v1/images/%s/layer' % image_id).body
