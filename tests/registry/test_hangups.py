"""Clients that hang up are one line each in the log."""

import http.client
import re

import pytest

from stack.clients import v1client
from stack.servers import processes


@pytest.fixture(scope='module')
def server(start_registry):
    return start_registry({'loglevel': 'info'}, workers=1,
                          options=['--max-requests', '0'])


def complaints(server, before):
    """Return what the log says since of clients and errors, once it does."""
    processes.until(lambda: 'hung up' in server.log()[before:])
    # gunicorn is done with that one before it answers another.
    v1client.V1Client(server.port).expect(
        404, 'GET', '/v1/repositories/library/none/tags')
    return [line for line in server.log()[before:].splitlines()
            if re.search('hung up|Traceback|ERROR', line)]


@pytest.mark.parametrize('size', [1000, 3000000, 40 * 1024 * 1024])
@pytest.mark.parametrize('end', [b'', b'ffff\r\n1234', b'xyz'])
def test_push_that_is_aborted(server, client, size, end):
    image = v1client.make_image(layer_bytes=size)
    client.expect(200, 'PUT', '/v1/images/%s/json' % image.id, image.json)
    path = '/v1/images/%s/layer' % image.id
    half = image.layer[:len(image.layer) // 2]
    before = len(server.log())
    connection = http.client.HTTPConnection(processes.HOST, server.port)
    connection.putrequest('PUT', path)
    connection.putheader('Transfer-Encoding', 'chunked')
    connection.endheaders()
    connection.send(b'%x\r\n%s\r\n%s' % (len(half), half, end))
    connection.close()
    line, = complaints(server, before)
    assert 'PUT %s: the client has hung up' % path in line
    assert 'WARNING' in line
    client.push('library/again', [image])
    assert client.pull('library/again') == [image]


def test_pull_that_is_aborted(server, client):
    image = v1client.make_image(layer_bytes=40 * 1024 * 1024)
    client.push('library/aborted', [image])
    before = len(server.log())
    with client.open('GET', '/v1/images/%s/layer' % image.id) as answer:
        assert answer.read(1000) == image.layer[:1000]
    line, = complaints(server, before)
    assert 'a client has hung up' in line
