"""When a connection is closed after an answer, and what is read before."""

import io
import socket
import threading

import pytest

from docker_registry.drivers.swift import lingering

_KIB = 1024


class _Response(object):

    """gunicorn's, as far as the application meets it."""

    closes = False

    def force_close(self):
        self.closes = True

    def start_response(self, status, headers, exc_info=None):
        self.status = status


class _Broken(object):

    def read(self, size):
        raise IOError('the chunk has no length')


@pytest.fixture
def connection():
    """Both ends of a connection: the client's, and the server's."""
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def answer(connection, status, body=io.BytesIO(), read=(), **environ):
    """Answer a request; return gunicorn's response and what was written.

    :param read: sizes of what the application reads of the body
    """
    def application(environ, start_response):
        for size in read:
            try:
                environ['wsgi.input'].read(size)
            except IOError:
                pass
        start_response(status, [])
        return [b'an', b'swer']
    response = _Response()
    found = lingering.Lingering(application)(dict({
        'wsgi.input': body, 'gunicorn.socket': connection[1]}, **environ),
        response.start_response)
    assert response.status == status
    return response, found


@pytest.mark.parametrize('status, size, read, closes', [
    ('404 Not Found', 0, [], False),
    ('404 Not Found', 100, [], True),
    ('404 Not Found', 100, [200], False),
    ('404 Not Found', 128 * _KIB, [64 * _KIB], True),
    ('404 Not Found', 128 * _KIB, [64 * _KIB, 64 * _KIB], False),
    ('503 Service Unavailable', 128 * _KIB, [], True),
    ('201 Created', 128 * _KIB, [], False)])
def test_length(connection, status, size, read, closes):
    response, _ = answer(
        connection, status, io.BytesIO(bytes(bytearray(size))), read,
        CONTENT_LENGTH=str(size))
    assert response.closes is closes


@pytest.mark.parametrize('read, closes', [
    ([], True), ([10], True), ([10, 10], False), ([0], True), ([None], False),
    ([-1], False)])
def test_chunks(connection, read, closes):
    response, _ = answer(connection, '400 Bad Request', io.BytesIO(b'1234'),
                         read, HTTP_TRANSFER_ENCODING='chunked')
    assert response.closes is closes


def test_length_that_does_not_count(connection):
    response, _ = answer(connection, '400 Bad Request', io.BytesIO(), [1],
                         HTTP_TRANSFER_ENCODING='chunked',
                         CONTENT_LENGTH='abc')
    assert response.closes is False


@pytest.mark.parametrize('environ', [
    {'HTTP_TRANSFER_ENCODING': 'chunked'}, {'CONTENT_LENGTH': '10'}])
def test_broken_body(connection, environ):
    response, _ = answer(connection, '400 Bad Request', _Broken(), [10],
                         **environ)
    assert response.closes is True


def test_all_that_comes_is_read(connection):
    client, server = connection
    _, found = answer(connection, '404 Not Found', CONTENT_LENGTH='9999999')
    reader = threading.Thread(target=lambda: b''.join(found))
    reader.start()
    client.sendall(bytes(bytearray(9999999)))  # more than sockets hold
    client.shutdown(socket.SHUT_WR)
    reader.join()
    assert server.recv(1) == b''


def test_answer_is_written_before_that(connection):
    _, found = answer(connection, '404 Not Found', CONTENT_LENGTH='9999999')
    # What is empty has gunicorn send the headers.
    assert [next(found) for _ in range(3)] == [b'an', b'swer', b'']


def test_client_that_says_nothing(connection, monkeypatch):
    monkeypatch.setattr(lingering, '_SILENT_SECONDS', 0.1)
    _, found = answer(connection, '404 Not Found', CONTENT_LENGTH='9999999')
    assert b''.join(found) == b'answer'


def test_client_that_never_ends(connection, monkeypatch):
    monkeypatch.setattr(lingering, '_SECONDS', 0.3)
    client, _ = connection
    _, found = answer(connection, '404 Not Found', CONTENT_LENGTH='9999999')
    ended = threading.Event()

    def trickle():
        while not ended.wait(0.01):
            client.send(b'x')
    sender = threading.Thread(target=trickle)
    sender.start()
    try:
        assert b''.join(found) == b'answer'
    finally:
        ended.set()
        sender.join()


def test_client_that_is_gone(connection):
    connection[0].close()
    _, found = answer(connection, '404 Not Found', CONTENT_LENGTH='9999999')
    assert b''.join(found) == b'answer'


def test_answer_is_closed_before_that(connection):
    class Answer(object):
        closed = False

        def __iter__(self):
            return iter([b'answer'])

        def close(self):
            self.closed = True
    made = Answer()

    def application(environ, start_response):
        start_response('404 Not Found', [])
        return made
    connection[0].close()
    found = lingering.Lingering(application)(
        {'wsgi.input': None, 'gunicorn.socket': connection[1],
         'CONTENT_LENGTH': '9999999'}, _Response().start_response)
    assert list(found) == [b'answer', b'']
    assert made.closed is True


def test_another_server():
    environ = {'wsgi.input': io.BytesIO(), 'CONTENT_LENGTH': '9999999'}
    before = dict(environ)

    def application(environ, start_response):
        start_response('404 Not Found', [])
        return [b'answer']
    found = lingering.Lingering(application)(
        environ, lambda status, headers: None)
    assert found == [b'answer']
    assert environ == before
