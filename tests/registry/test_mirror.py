"""A mirror (`mirroring:`) whose source breaks off."""

import concurrent.futures
import http.client
import http.server
import json
import threading

import pytest

from stack.clients import v1client
from stack.servers import processes


@pytest.fixture(scope='module')
def image():
    return v1client.make_image(layer_bytes=3000000)


@pytest.fixture(scope='module')
def source(image):
    """A registry with one image; breaks_off says whether it sends all."""
    class Handler(http.server.BaseHTTPRequestHandler):
        breaks_off = True

        def do_GET(self):
            bodies = {
                '/v1/images/%s/layer' % image.id: image.layer,
                '/v1/images/%s/json' % image.id: image.json,
                '/v1/images/%s/ancestry' % image.id: json.dumps(
                    [image.id]).encode()}
            body = bodies.get(self.path)
            self.send_response(404 if body is None else 200)
            body = body or b''
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body[:len(body) // 3] if self.breaks_off
                             else body)

        def log_message(self, *arguments):
            pass
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        server.handler = Handler
        yield server
        server.shutdown()


@pytest.fixture(scope='module')
def server(start_registry, source):
    return start_registry({'swift_segment_size': 800000, 'mirroring': {
        'source': 'http://127.0.0.1:%d' % source.server_address[1],
        'tags_cache_ttl': 3600}})


def test_first_pulls_at_once_leave_one_layer(client, server, source, image,
                                             cluster):
    """Each of them stores the layer, and none waits for another."""
    source.handler.breaks_off = False
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
    for name in found:
        cluster.request('DELETE', '%s/%s' % (container, name))


def test_what_breaks_off_is_not_stored(client, source, image, stored):
    client.push('library/own', [v1client.make_image()])
    path = '/v1/images/%s/' % image.id
    source.handler.breaks_off = True
    for name in ('json', 'ancestry'):
        answer = client.request('GET', path + name)
        assert answer.status == 503
        assert answer.headers['Retry-After']
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        client.request('GET', path + 'layer')
    assert stored('images/' + image.id) == []
    source.handler.breaks_off = False
    for _ in range(2):  # from the source, then from Swift
        for name, body in (('layer', image.layer), ('json', image.json)):
            assert client.expect(200, 'GET', path + name).body == body
    assert any(name.endswith('/layer')
               for name in stored('images/' + image.id))
