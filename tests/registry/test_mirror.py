"""A mirror (`mirroring:`) whose source does not send what it should."""

import concurrent.futures
import gzip
import http.client
import http.server
import json
import threading

import pytest

from stack.clients import v1client
from stack.servers import processes


class _Handler(http.server.BaseHTTPRequestHandler):

    """A registry with the images that it is told of.

    breaks_off says whether it sends all, and framing how a client knows the
    end: by the length, by chunks, or when the connection is closed. What it
    answers may be a page instead, or (hangs_up) nothing.
    """

    images = {}
    breaks_off = hangs_up = compresses = False
    framing = 'length'
    page = None

    def do_GET(self):
        if self.hangs_up:
            return
        body = self._find()
        self.send_response(404 if body is None else 200)
        body = body or b''
        if self.compresses:
            body = gzip.compress(body)
            self.send_header('Content-Encoding', 'gzip')
        if self.framing == 'length':
            self.send_header('Content-Length', str(len(body)))
        elif self.framing == 'chunks':
            self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()
        if self.breaks_off:
            body = body[:len(body) // 3]
        if self.framing == 'chunks':
            body = b'%x\r\n%s\r\n' % (len(body), body)
            if not self.breaks_off:
                body += b'0\r\n\r\n'
        self.wfile.write(body)

    def _find(self):
        if self.page is not None:
            return self.page
        parts = self.path.split('/')
        image = self.images.get(parts[3])
        return image and {
            'layer': image.layer, 'json': image.json,
            'ancestry': json.dumps([image.id]).encode()}.get(parts[4])

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope='module')
def running():
    """The source's address and its handler."""
    class Handler(_Handler):
        pass
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1], Handler
        server.shutdown()


@pytest.fixture
def source(running):
    """The source's handler, as it is at first."""
    handler = running[1]
    for name in ('breaks_off', 'hangs_up', 'compresses', 'framing', 'page'):
        setattr(handler, name, getattr(_Handler, name))
    return handler


@pytest.fixture
def image(source):
    """An image that the source has, and the mirror has not yet."""
    made = v1client.make_image(layer_bytes=3000000)
    source.images = {made.id: made}
    return made


@pytest.fixture(scope='module')
def server(start_registry, running):
    return start_registry({'swift_segment_size': 800000, 'mirroring': {
        'source': 'http://127.0.0.1:%d' % running[0],
        'tags_cache_ttl': 3600}})


@pytest.fixture
def pull(client, image):
    """Pull the image, and compare it."""
    def pull():
        for name, body in (('layer', image.layer), ('json', image.json)):
            assert client.expect(200, 'GET', '/v1/images/%s/%s' % (
                image.id, name)).body == body
        ancestry = client.expect(200, 'GET',
                                 '/v1/images/%s/ancestry' % image.id)
        assert json.loads(ancestry.body) == [image.id]
    return pull


@pytest.fixture
def kept(server, stored, client, image):
    """Tell which files of the image the mirror has stored.

    A client has every byte of a layer before it is stored. Then gunicorn has
    a line about it.
    """
    def kept(requests):
        processes.until(
            lambda: server.log().count('] "GET /v1/images/%s/' % image.id)
            >= requests)
        return {name.rsplit('/', 1)[1]
                for name in stored('images/' + image.id)}
    return kept


def expect_nothing(client, image):
    """What a client is told while the source is broken."""
    for name in ('json', 'ancestry'):
        answer = client.request('GET', '/v1/images/%s/%s' % (image.id, name))
        assert answer.status == 503
        assert answer.headers['Retry-After']
        assert 'error' in json.loads(answer.body)


def test_first_pulls_at_once_leave_one_layer(client, server, image, cluster):
    """Each of them stores the layer, and none waits for another."""
    path = '/v1/images/%s/layer' % image.id
    with concurrent.futures.ThreadPoolExecutor(4) as executor:
        pulled = list(executor.map(
            lambda _: client.expect(200, 'GET', path).body, range(4)))
    assert pulled == [image.layer] * 4
    # A client has every byte before the layer is stored. Then gunicorn has a
    # line about it.
    processes.until(lambda: server.log().count('] "GET %s ' % path) == 4)
    container = server.settings['swift_container']
    found = [name for name in cluster.list(container) if image.id in name]
    assert len(found) == 1 + 4
    assert server.orphans() == []
    assert client.expect(200, 'GET', path).body == image.layer


@pytest.mark.parametrize('framing', ['length', 'chunks'])
@pytest.mark.parametrize('compresses', [False, True])
def test_what_breaks_off_is_not_stored(client, source, image, pull, kept,
                                       framing, compresses):
    client.push('library/own', [v1client.make_image()])
    source.framing = framing
    source.compresses = compresses
    source.breaks_off = True
    expect_nothing(client, image)
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        client.request('GET', '/v1/images/%s/layer' % image.id)
    assert kept(0) == set()
    source.breaks_off = False
    for _ in range(2):  # from the source, then from Swift
        pull()
    assert kept(8) >= {'json', 'ancestry', 'layer'}


def test_layer_whose_end_nobody_knows_is_not_stored(client, source, image,
                                                    pull, kept):
    source.framing = 'close'
    for number in range(1, 3):
        pull()
        assert kept(3 * number) == {'json', 'ancestry'}


def test_json_whose_end_nobody_knows(client, source, image, kept):
    source.framing = 'close'
    source.breaks_off = True
    expect_nothing(client, image)
    assert kept(2) == set()


@pytest.mark.parametrize('page', [
    b'<html>Back soon</html>', b'', b'{"error": "back soon"}', b'[]', b'""',
    b'null', b'{"id": "another"}', b'["another"]'])
def test_page_in_place_of_an_image(client, source, image, pull, kept, page):
    source.page = page
    expect_nothing(client, image)
    assert kept(2) == set()
    source.page = None
    pull()


def test_empty_layer(client, source, image, pull, kept):
    source.page = b''
    assert client.request(
        'GET', '/v1/images/%s/layer' % image.id).status >= 500
    assert kept(0) == set()
    source.page = None
    pull()


def test_source_that_is_away(client, source, image, pull, kept):
    source.hangs_up = True
    expect_nothing(client, image)
    answer = client.request('GET', '/v1/images/%s/layer' % image.id)
    assert (answer.status, 'error' in json.loads(answer.body)) == (503, True)
    assert client.request(
        'GET', '/v1/repositories/library/none/tags').status == 503
    assert kept(3) == set()
    source.hangs_up = False
    pull()
