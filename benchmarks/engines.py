"""Clients that push and pull images: the v1 API, and the v2 API.

Both open a connection for each request, send layers in chunks of 64 KiB one
after the other, and compare what they pull with what they pushed, byte by
byte, which costs less than a digest. Digests that the APIs ask for are made
beforehand, by prepare().

Source: stack/clients/v1client.py, and
https://distribution.github.io/distribution/spec/api/
"""

import hashlib
import http.client
import json
import os
import urllib.parse

from stack.clients import v1client
from stack.servers import processes

from . import images

_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
_REDIRECTS = (302, 307)

#: To docker 1.5 there is no v2 API.
_TODAY = {'User-Agent': 'docker/20.10.24'}


class Engine:

    """What both have in common: one request, and one layer pulled.

    :param port: the registry's
    :ivar timeout_seconds: how long to wait for an answer; registry:2 reads a
        large layer once more before it gives one
    :ivar redirected: how often a registry has sent it elsewhere
    """

    timeout_seconds = 300

    def __init__(self, port):
        self._port = port
        self.redirected = 0

    def prepare(self, image):
        """Return what push() and pull() take; done before time is taken."""
        raise NotImplementedError

    def push(self, prepared):
        """Push an image.

        :raises v1client.RefusedError, OSError, http.client.HTTPException:
            it did not work
        """
        raise NotImplementedError

    def pull(self, prepared):
        """Pull an image and compare every byte of it.

        :raises images.CorruptError: it is another one
        """
        raise NotImplementedError

    def check_tags(self, name, tags):
        """Get the tags of a repository, and compare them.

        :param tags: what they should be, as a dict from tag to image id
        :raises images.CorruptError: they are not
        """
        raise NotImplementedError

    def _ask(self, expected, method, url, body=None, headers=None,
             layer=None):
        """Send one request and read its answer.

        :param expected: the status that it should have
        :param body: bytes, or an iterator over bytes to be sent in chunks
        :param layer: Layer to compare the answer's body with, while reading
        :returns: v1client.Answer; its body is empty where it was a layer
        """
        target = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(
            processes.HOST, target.port or self._port,
            timeout=self.timeout_seconds)
        path = target.path + ('?' + target.query if target.query else '')
        headers = dict({'User-Agent': 'docker/1.5.0 go/go1.3.3'},
                       **(headers or {}))
        chunked = body is not None and not isinstance(body, bytes)
        if chunked:
            headers['Transfer-Encoding'] = 'chunked'
        try:
            connection.request(method, path, body, headers,
                               encode_chunked=chunked)
            response = connection.getresponse()
            if method == 'GET' and response.status in _REDIRECTS:
                self.redirected += 1
                return self._ask(expected, method,
                                 response.headers['Location'], layer=layer)
            if layer and response.status == expected:
                layer.compare(response)
                content = b''
            else:
                content = response.read()
            answer = v1client.Answer(response.status, response.headers,
                                     content)
        finally:
            connection.close()
        if answer.status != expected:
            raise v1client.RefusedError('%s %s' % (method, target.path),
                                        answer)
        return answer


class V1(Engine):

    """Pushes and pulls what docker 1.5 did, as it did."""

    def prepare(self, image):
        prepared, parent = [], None
        for layer in image.layers:
            image_id = os.urandom(32).hex()
            description = {'id': image_id, 'created': '2015-01-01T00:00:00Z'}
            if parent:
                description['parent'] = parent
            description = json.dumps(description).encode()
            prepared.append((image_id, description, layer,
                             'sha256:' + layer.hexdigest(
                                 description + b'\n')))
            parent = image_id
        return image.name, prepared

    def push(self, prepared):
        name, layers = prepared
        repository = '/v1/repositories/%s' % name
        listing = json.dumps([{'id': layer[0]} for layer in layers]).encode()
        self._ask(200, 'PUT', repository + '/', listing,
                  {'X-Docker-Token': 'true'})
        for image_id, description, layer, checksum in layers:
            path = '/v1/images/%s/' % image_id
            self._ask(404, 'GET', path + 'json')
            self._ask(200, 'PUT', path + 'json', description)
            self._ask(200, 'PUT', path + 'layer', layer.chunks())
            self._ask(200, 'PUT', path + 'checksum', b'',
                      {'X-Docker-Checksum-Payload': checksum})
        self._ask(200, 'PUT', repository + '/tags/latest',
                  json.dumps(layers[-1][0]).encode())
        self._ask(204, 'PUT', repository + '/images', listing)

    def pull(self, prepared):
        name, layers = prepared
        repository = '/v1/repositories/%s' % name
        self._ask(200, 'GET', repository + '/images')
        top = json.loads(self._ask(200, 'GET', repository + '/tags').body)[
            'latest']
        ancestry = self._ask(200, 'GET', '/v1/images/%s/ancestry' % top).body
        _same(json.loads(ancestry),
              [image_id for image_id, _, _, _ in reversed(layers)])
        for image_id, description, layer, _ in layers:
            path = '/v1/images/%s/' % image_id
            _same(self._ask(200, 'GET', path + 'json').body, description)
            self._ask(200, 'GET', path + 'layer', layer=layer)

    def check_tags(self, name, tags):
        _same(json.loads(self._ask(
            200, 'GET', '/v1/repositories/%s/tags' % name).body), tags)


class V2(Engine):

    """Pushes and pulls what docker does since 1.10.

    One layer after the other, as v1 does; docker has several under way.
    """

    def prepare(self, image):
        config = json.dumps({'id': os.urandom(32).hex()}).encode()
        config_digest = 'sha256:' + hashlib.sha256(config).hexdigest()
        layers = [('sha256:' + layer.hexdigest(), layer)
                  for layer in image.layers]
        manifest = json.dumps({
            'schemaVersion': 2, 'mediaType': _MANIFEST,
            'config': {
                'mediaType': 'application/vnd.docker.container.image.v1+json',
                'size': len(config), 'digest': config_digest},
            'layers': [{
                'mediaType': 'application/vnd.docker.image.rootfs.diff.tar',
                'size': layer.size, 'digest': digest}
                for digest, layer in layers]}).encode()
        return image.name, layers, (config_digest, config), manifest

    def push(self, prepared):
        name, layers, (config_digest, config), manifest = prepared
        for digest, layer in layers:
            self._push_content(name, digest, layer.chunks())
        self._push_content(name, config_digest, iter([config]))
        self._ask(201, 'PUT', '/v2/%s/manifests/latest' % name, manifest,
                  {'Content-Type': _MANIFEST})

    def pull_manifest(self, prepared):
        """Pull an image's manifest and compare it."""
        name, _, _, manifest = prepared
        _same(self._ask(200, 'GET', '/v2/%s/manifests/latest' % name,
                        headers={'Accept': _MANIFEST}).body, manifest)

    def pull(self, prepared):
        self.pull_manifest(prepared)
        name, layers, (config_digest, config), _ = prepared
        path = '/v2/%s/blobs/' % name
        _same(self._ask(200, 'GET', path + config_digest).body, config)
        for digest, layer in layers:
            self._ask(200, 'GET', path + digest, layer=layer)

    def check_tags(self, name, tags):
        # It has their names alone.
        _same(sorted(json.loads(self._ask(
            200, 'GET', '/v2/%s/tags/list' % name).body)['tags']),
            sorted(tags))

    def _push_content(self, name, digest, chunks):
        self._ask(404, 'HEAD', '/v2/%s/blobs/%s' % (name, digest))
        upload = self._ask(202, 'POST', '/v2/%s/blobs/uploads/' % name, b'')
        upload = self._ask(202, 'PATCH', upload.headers['Location'], chunks, {
            'Content-Type': 'application/octet-stream'})
        location = upload.headers['Location']
        self._ask(201, 'PUT', '%s%sdigest=%s' % (
            location, '&' if '?' in location else '?', digest), b'')


class Converted(Engine):

    """Pushes what docker 1.5 did, and pulls it as docker does today."""

    def __init__(self, port):
        super().__init__(port)
        self._v1 = V1(port)

    def prepare(self, image):
        # The layers of a v2 image are those that a v1 client has pushed.
        return self._v1.prepare(image), [
            ('sha256:' + layer.hexdigest(), layer) for layer in image.layers]

    def push(self, prepared):
        self._v1.push(prepared[0])

    def pull_manifest(self, prepared):
        """Pull an image's manifest and compare it; return what is in it."""
        (name, _), layers = prepared
        found = json.loads(self._ask(
            200, 'GET', '/v2/%s/manifests/latest' % name,
            headers=_TODAY).body)
        _same([layer['digest'] for layer in found['layers']],
              [digest for digest, _ in layers])
        return found

    def pull(self, prepared):
        (name, _), layers = prepared
        found = self.pull_manifest(prepared)
        path = '/v2/%s/blobs/' % name
        self._ask(200, 'GET', path + found['config']['digest'],
                  headers=_TODAY)
        for digest, layer in layers:
            self._ask(200, 'GET', path + digest, headers=_TODAY, layer=layer)


def _same(found, expected):
    if found != expected:
        raise images.CorruptError('%.100r instead of %.100r' % (
            found, expected))
