"""Who is refused while it sends a large body reads why."""

import hashlib
import http.client
import json
import os

import pytest

from stack.servers import processes
from stack.servers import serve

#: More than sockets and servers take by themselves.
_BODY_BYTES = 20 * 1024 * 1024
_UPLOAD = '/v2/x/blobs/uploads/' + 32 * 'a'


@pytest.fixture(scope='module')
def server(start_registry):
    return start_registry({'extensions': {'swift_v2': {'enabled': True}}})


@pytest.fixture(scope='module')
def on_python3(server, directory):
    with serve.Serve(str(directory), server.settings) as running:
        yield running


@pytest.fixture(params=['registry', 'serve'])
def any_server(request, server, on_python3):
    return {'registry': server, 'serve': on_python3}[request.param]


@pytest.fixture
def ask(any_server):
    """Send a body whole, and then read; return status, JSON and headers.

    Ask for something else on the same connection then.
    """
    connection = http.client.HTTPConnection(processes.HOST, any_server.port)

    def request(method, path, body=None):
        connection.request(method, path, body)
        with connection.getresponse() as answer:
            status, headers, content = (
                answer.status, answer.headers, answer.read())
        connection.request('GET', '/v2/')
        with connection.getresponse() as answer:
            assert (answer.status, answer.read()) == (200, b'{}\n')
        return status, json.loads(content or '{}'), headers
    yield request
    connection.close()


def in_chunks():
    for _ in range(_BODY_BYTES // 65536):
        yield bytes(65536)


@pytest.mark.parametrize('make_body', [lambda: bytes(_BODY_BYTES), in_chunks],
                         ids=['length', 'chunks'])
@pytest.mark.parametrize('method', ['PATCH', 'PUT'])
def test_upload(ask, method, make_body):
    status, answer, _ = ask(method, _UPLOAD + '?digest=sha256:' + 64 * 'a',
                            make_body())
    assert status == 404
    assert answer['errors'][0]['code'] == 'BLOB_UPLOAD_UNKNOWN'


def test_body_where_none_belongs(ask):
    status, answer, _ = ask('PUT', '/v2/x/tags/list', bytes(_BODY_BYTES))
    assert status == 405
    assert answer['errors'][0]['code'] == 'UNSUPPORTED'


def test_end_that_is_sent_again(ask):
    body = os.urandom(_BODY_BYTES)
    _, _, headers = ask('POST', '/v2/x/blobs/uploads/')
    path = '%s?digest=sha256:%s' % (headers['Location'],
                                    hashlib.sha256(body).hexdigest())
    for _ in range(2):
        # The second time it is there before the body has been read.
        assert ask('PUT', path, body)[0] == 201


@pytest.mark.parametrize('any_server', ['registry'], indirect=True)
def test_layer(ask):
    status, answer, _ = ask('PUT', '/v1/images/%s/layer' % (64 * 'a'),
                            in_chunks())
    assert status == 404
    assert answer == {'error': 'Image not found'}
