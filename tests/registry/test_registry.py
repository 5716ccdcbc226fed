"""What users of the registry see."""

import http.server
import itertools
import json
import socket
import threading
import urllib.parse

import pytest

from stack.clients import v1client
from stack.servers import processes

_numbers = itertools.count()


@pytest.fixture
def repository():
    """A repository that nobody else uses."""
    return 'library/repository%d' % next(_numbers)


@pytest.fixture
def image(client, repository):
    """An image that has been pushed."""
    pushed = v1client.make_image(layer_bytes=200000)
    client.push(repository, [pushed])
    return pushed


def status(client, method, path, *arguments):
    return client.request(method, path, *arguments).status


def test_push_and_pull(client, repository):
    base = v1client.make_image(layer_bytes=3000000)
    top = v1client.make_image(base)
    client.push(repository, [base, top])
    assert client.pull(repository) == [base, top]


def test_pushing_again_sends_nothing(client, repository, image):
    client.push(repository, [image], tag='again')
    assert status(client, 'PUT', '/v1/images/%s/json' % image.id,
                  image.json) == 409
    assert client.tags(repository) == {'latest': image.id, 'again': image.id}


def test_files_of_a_layer(client, image):
    listing = client.expect(200, 'GET', '/v1/images/%s/files' % image.id)
    (name, kind, deleted, size, *_), = json.loads(listing.body)
    assert (name, kind, deleted, size) == (
        'data/' + image.id[:12], 'f', False, 200000)


def test_tags(client, repository, image):
    expected = {'latest': image.id}
    for number in range(299):
        expected['v%d' % number] = image.id
        client.tag(repository, 'v%d' % number, image.id)
    assert client.tags(repository) == expected


def test_tag_that_moves_and_goes(client, repository, image, stored):
    other = v1client.make_image()
    client.push(repository, [other], tag='other')
    client.tag(repository, 'latest', other.id)
    assert client.tags(repository)['latest'] == other.id
    path = '/v1/repositories/%s/tags/other' % repository
    client.expect(200, 'DELETE', path)
    assert status(client, 'GET', path) == 404
    assert status(client, 'DELETE', path) == 404
    assert client.tags(repository) == {'latest': other.id}
    assert not [name for name in stored('repositories/' + repository)
                if 'other' in name]


def test_deleting_a_repository(client, repository, image, stored):
    client.tag(repository, 'v1', image.id)
    neighbour = repository + '0'
    client.push(neighbour, [image])
    assert stored('repositories/%s/' % repository)
    path = '/v1/repositories/%s/' % repository
    answer = client.expect(200, 'DELETE', path)
    assert json.loads(answer.body) is True
    assert stored('repositories/%s/' % repository) == []
    assert status(client, 'DELETE', path) == 404
    assert status(client, 'GET', path + 'tags') == 404
    assert client.pull(neighbour) == [image]


def test_what_is_not_there(client):
    absent = 'a' * 64
    for path in ('images/%s/json', 'images/%s/layer', 'images/%s/ancestry',
                 'repositories/library/%s/tags',
                 'repositories/library/%s/images'):
        assert status(client, 'GET', '/v1/' + path % absent) == 404
    assert status(client, 'PUT', '/v1/images/%s/layer' % absent, b'x') == 404


def test_push_again_after_a_broken_push(client, repository):
    image = v1client.make_image()
    json_path = '/v1/images/%s/json' % image.id
    client.expect(200, 'PUT', json_path, image.json)
    client.push_layer(image._replace(layer=image.layer[:1000]))
    # The checksum of what was meant to be sent does not fit.
    assert status(client, 'PUT', '/v1/images/%s/checksum' % image.id, b'', {
        'X-Docker-Checksum-Payload': v1client.checksum(image)}) == 400
    assert status(client, 'GET', json_path) == 400
    assert status(client, 'GET', '/v1/images/%s/layer' % image.id) == 400
    client.push(repository, [image])
    assert client.pull(repository) == [image]


@pytest.mark.parametrize('end', [b'\r\n', b'\r', b'', None])
def test_client_that_vanishes_in_mid_layer(client, server, repository, stored,
                                           end):
    # After a chunk, or within the line that ends it; None: without chunks.
    image = v1client.make_image(layer_bytes=4000000)
    client.expect(200, 'PUT', '/v1/images/%s/json' % image.id, image.json)
    layer_path = '/v1/images/%s/layer' % image.id
    half = image.layer[:2000000]
    with socket.create_connection((processes.HOST, server.port)) as sender:
        if end is not None:
            headers, body = 'Transfer-Encoding: chunked', b'%x\r\n%s%s' % (
                len(half), half, end)
        else:
            headers, body = 'Content-Length: %d' % len(image.layer), half
        sender.sendall(('PUT %s HTTP/1.1\r\nHost: registry\r\n%s\r\n\r\n' % (
            layer_path, headers)).encode() + body)
        # The registry sees the end of the stream; when it hangs up as well,
        # it is through with it.
        sender.shutdown(socket.SHUT_WR)
        sender.settimeout(20)
        while sender.recv(65536):
            pass
    assert 'registry/images/%s/layer' % image.id not in stored('images/')
    assert status(client, 'GET', layer_path) == 400
    assert status(client, 'GET', '/v1/images/%s/json' % image.id) == 400
    assert 'registry/images/%s/_inprogress' % image.id in stored('images/')
    client.push(repository, [image])
    assert client.pull(repository) == [image]


@pytest.fixture(scope='module')
def index():
    """An index that grants nobody access; its port."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = b'{"access": false}'
            self.send_response(200)
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()


def test_layer_of_a_private_repository_is_kept_from_others(
        client, server, start_registry, index, repository, image):
    strict = v1client.V1Client(start_registry(dict(
        server.settings, standalone=False, disable_token_auth=True,
        index_endpoint='http://127.0.0.1:%d' % index)).port)

    def layer():
        return status(strict, 'GET', '/v1/images/%s/layer' % image.id, None, {
            'Authorization': 'Token signature=a,repository="%s",access=read'
            % repository})
    assert layer() == 200
    path = '/v1/repositories/%s/properties' % repository
    client.expect(200, 'PUT', path, b'{"access": "private"}')
    assert layer() == 404
    client.expect(200, 'PUT', path, b'{"access": "public"}')
    assert layer() == 200


def test_private_repository(client, repository, image):
    path = '/v1/repositories/%s/properties' % repository

    def access():
        return json.loads(client.expect(200, 'GET', path).body)['access']
    assert access() == 'public'
    client.expect(200, 'PUT', path, b'{"access": "private"}')
    assert access() == 'private'
    client.expect(200, 'PUT', path, b'{"access": "public"}')
    assert access() == 'public'


@pytest.mark.parametrize('path', [
    'repositories/library/n\xe4me/tags', 'repositories/n\xe4me/x/tags/latest',
    'repositories/library/x/tags/t\xe4g', 'images/\xe4/json'])
@pytest.mark.parametrize('method', ['GET', 'PUT', 'DELETE'])
def test_names_that_are_not_ascii(client, server, method, path):
    path = '/v1/' + urllib.parse.quote(path)
    before = server.log()
    answer = client.request(method, path, b'"%s"' % (b'a' * 64))
    assert answer.status in (400, 405)
    if answer.status == 400:
        assert 'not ASCII' in json.loads(answer.body)['error']
    assert 'Traceback' not in server.log()[len(before):]
