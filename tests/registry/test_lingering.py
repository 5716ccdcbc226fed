"""Who is refused while it sends a large body reads why."""

import hashlib
import http.client
import json
import socket
import time

import pytest

from stack.servers import processes
from stack.servers import serve

_MIB = 1024 * 1024
#: More than sockets and servers take by themselves; in pieces.
_PIECES = 20
_UPLOAD = '/v2/x/blobs/uploads/%s?digest=sha256:%s' % (32 * 'a', 64 * 'a')


@pytest.fixture(scope='module')
def server(start_registry):
    return start_registry({'extensions': {'swift_v2': {'enabled': True}}},
                          options=['--max-requests', '0'])


@pytest.fixture(scope='module')
def on_python3(server, directory):
    with serve.Serve(str(directory), server.settings) as running:
        yield running


@pytest.fixture(params=['registry', 'serve'])
def any_server(request, server, on_python3):
    return {'registry': server, 'serve': on_python3}[request.param]


@pytest.fixture
def connection(any_server):
    made = http.client.HTTPConnection(processes.HOST, any_server.port)
    yield made
    made.close()


def ask(connection, method, path, body=None, headers=()):
    """Send a body whole, and then read; return the answer and its content."""
    connection.request(method, path, body, dict(headers))
    answer = connection.getresponse()
    return answer, json.loads(answer.read() or '{}')


def slowly(piece_bytes=_MIB):
    """Give a body for longer than gunicorn 19.1.1 skips it by itself."""
    for _ in range(_PIECES):
        time.sleep(0.15)
        yield bytes(piece_bytes)


@pytest.mark.parametrize('headers', [
    {}, {'Content-Length': str(_PIECES * _MIB)}], ids=['chunks', 'length'])
@pytest.mark.parametrize('method', ['PATCH', 'PUT'])
def test_upload(connection, method, headers):
    answer, content = ask(connection, method, _UPLOAD, slowly(), headers)
    assert answer.status == 404
    assert content['errors'][0]['code'] == 'BLOB_UPLOAD_UNKNOWN'
    assert answer.getheader('Connection') == 'close'


def test_small_body(connection):
    answer, _ = ask(connection, 'PATCH', _UPLOAD, slowly(1000),
                    {'Content-Length': str(_PIECES * 1000)})
    assert answer.status == 404
    assert answer.getheader('Connection') == 'close'


@pytest.mark.parametrize('any_server', ['registry'], indirect=True)
def test_layer(connection):
    answer, content = ask(connection, 'PUT',
                          '/v1/images/%s/layer' % (64 * 'a'), slowly())
    assert (answer.status, content) == (404, {'error': 'Image not found'})
    assert answer.getheader('Connection') == 'close'


def test_connection_goes_on(connection):
    """After a refusal whose request has no body, or has been read."""
    for path, body in ((_UPLOAD, b''), ('/v2/x/manifests/latest', b'{}')):
        answer, _ = ask(connection, 'PUT', path, body)
        assert answer.status in (400, 404)
        assert answer.getheader('Connection') != 'close'


def test_end_that_is_sent_again(connection):
    """The second time the blob is there before the body is looked at."""
    begin, rest = bytes(1000), b''.join(slowly())
    answer, _ = ask(connection, 'POST', '/v2/x/blobs/uploads/')
    answer, _ = ask(connection, 'PATCH', answer.getheader('Location'), begin)
    path = '%s?digest=sha256:%s' % (
        answer.getheader('Location'),
        hashlib.sha256(begin + rest).hexdigest())
    for _ in range(2):
        answer, _ = ask(connection, 'PUT', path, slowly())
        assert answer.status == 201


@pytest.mark.parametrize('is_begun', [False, True])
@pytest.mark.parametrize('chunk', [b'100000\r\nabc', b'5\r\nabcdefgh\r\n',
                                   b'xyz\r\n'])
def test_what_follows_a_broken_body_is_no_request(
        connection, any_server, is_begun, chunk):
    """Whether the body was broken or not looked at."""
    path = _UPLOAD
    if is_begun:
        answer, _ = ask(connection, 'POST', '/v2/x/blobs/uploads/')
        path = answer.getheader('Location')
    with socket.create_connection((processes.HOST, any_server.port)) as raw:
        raw.sendall(b'PATCH %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: '
                    b'chunked\r\n\r\n%s' % (path.encode(), chunk))
        raw.sendall(2 * b'GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n')
        raw.shutdown(socket.SHUT_WR)
        with raw.makefile('rb') as found:
            answers = found.read()
    assert answers.count(b'HTTP/1.1 ') == 1
    assert answers.startswith(b'HTTP/1.1 4')
