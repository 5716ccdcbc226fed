"""Bodies that are sent when Swift asks for them."""

import contextlib
import socket
import threading

import pytest
import relay

from docker_registry.core import exceptions
from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift.client import expect
from docker_registry.drivers.swift.objects import small_object

_CONTINUE = b'HTTP/1.1 100 Continue\r\n\r\n'
_CREATED = (b'HTTP/1.1 201 Created\r\nContent-Length: 0\r\n'
            b'X-Trans-Id: tx0\r\nEtag: %s\r\n\r\n')
_FULL = (b'HTTP/1.1 507 Full\r\nContent-Length: 4\r\nX-Trans-Id: tx0\r\n\r\n'
         b'full')
_ABSENT = (b'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n'
           b'X-Trans-Id: tx0\r\n\r\n')
_TAG = 'repositories/library/demo/tag_latest'
_CONTENT = b'0123456789'
_ETAG = b'781e5e245d69b566979b86e28d23f2c7'  # its MD5


class Connection(object):

    """The server's side of a connection."""

    def __init__(self, accepted):
        accepted.settimeout(10)
        self._accepted = accepted
        self._reader = accepted.makefile('rb')

    def headers(self):
        """Read a request up to its body; return its headers, or None."""
        lines = []
        for line in iter(self._reader.readline, b'\r\n'):
            if not line:
                return None
            lines.append(line.decode('latin-1').strip().lower())
        return lines

    def body(self):
        return self._reader.read(len(_CONTENT))

    def send(self, answer):
        self._accepted.sendall(answer)

    def hang_up(self):
        self._accepted.shutdown(socket.SHUT_RDWR)
        self._reader.close()
        self._accepted.close()


@pytest.fixture
def serve(make_storage):
    """Let a function answer in Swift's place, a connection after the other.

    Within the block there is a storage that asks it. The function must end.
    """
    @contextlib.contextmanager
    def serve(*answer, **settings):
        listening = socket.socket()
        listening.bind(('127.0.0.1', 0))
        listening.listen(5)
        listening.settimeout(10)
        failed = []

        def run():
            try:
                for each in answer:
                    each(Connection(listening.accept()[0]))
            except BaseException as error:
                failed.append(error)
                raise
        storage = make_storage(
            swift_authurl=None, swift_auth_version=None, swift_user=None,
            swift_password=None, swift_auth_token='abc',
            swift_object_storage_url='http://127.0.0.1:%d/v1/AUTH_test' % (
                listening.getsockname()[1]),
            swift_retry_delay=0.02, **settings)
        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield storage
        finally:
            thread.join()
            listening.close()
        assert not failed
    return serve


def write(storage):
    """Write a tag, and not that it has been written."""
    small_object.SmallObjects(storage.settings, storage.container).write(
        'registry/' + _TAG, _CONTENT)


def take(connection):
    """Ask for a body, and take it."""
    assert 'expect: 100-continue' in connection.headers()
    connection.send(_CONTINUE)
    assert connection.body() == _CONTENT
    connection.send(_CREATED % _ETAG)


def test_body_waits(serve):
    def answer(connection):
        assert 'expect: 100-continue' in connection.headers()
        connection._accepted.settimeout(0.2)
        with pytest.raises(socket.timeout):
            connection._accepted.recv(1)
        connection._accepted.settimeout(10)
        connection.send(_CONTINUE)
        assert connection.body() == _CONTENT
        connection.send(_CREATED % _ETAG)
        take(connection)
    with serve(answer) as storage:
        for _ in range(2):
            write(storage)


@pytest.mark.parametrize('retries', [0, 1])
def test_never_asked(serve, retries):
    def hang(connection):
        take(connection)
        assert 'expect: 100-continue' in connection.headers()
        assert connection.body() == b''  # the client has hung up
    with serve(*[hang, take][:retries + 1], swift_timeout=4,
               swift_retries=retries) as storage:
        write(storage)
        if retries:
            write(storage)
        else:
            with pytest.raises(exceptions.UnreachableError) as caught:
                write(storage)
            assert 'before Swift asked for the body' in str(caught.value)


def test_answer_instead(serve):
    def answer(connection):
        assert connection.headers()
        connection.send(_FULL)
        assert connection.body() == b''  # nor another request
    with serve(answer, take) as storage:
        with pytest.raises(errors.SwiftError) as caught:
            write(storage)
        assert caught.value.status == 507
        write(storage)


@pytest.mark.parametrize('sent', [b'', b'HTTP/1.1 100 Con', _CONTINUE])
def test_end_instead(serve, sent):
    def answer(connection):
        assert connection.headers()
        connection.send(sent)
        connection.hang_up()
    with serve(answer, take) as storage:
        write(storage)


def test_asked_late(serve):
    """After the second that a body waits for a server that is not known."""
    def answer(connection):
        assert 'expect: 100-continue' in connection.headers()
        assert connection.body() == _CONTENT
        connection.send(_CONTINUE + _CREATED % _ETAG)
        take(connection)
    with serve(answer) as storage:
        for _ in range(2):
            write(storage)


def expects(request):
    return 'expect' in [name.lower() for name, _ in request.headers]


def puts(faults):
    return [request for request in faults.requests if request.method == 'PUT'
            and request.path.endswith(_TAG)]


def test_server_that_does_not_ask(faulty_storage, faults):
    faults.asks = False
    for content in (b'1', b'2'):
        faulty_storage.put_content(_TAG, content)
        assert faulty_storage.get_content(_TAG) == content
    # It is waited for once.
    assert list(map(expects, puts(faults)))[-2:] == [True, False]


def test_server_that_asks_no_more(serve, monkeypatch):
    monkeypatch.setattr(expect, '_NOT_ASKED', 1)

    def stop_asking(connection):
        take(connection)
        assert 'expect: 100-continue' in connection.headers()
        assert connection.body() == b''  # the client has hung up

    def go_on(connection):
        assert connection.headers()[0].startswith('head ')
        connection.send(_ABSENT)
        assert 'expect: 100-continue' in connection.headers()
        assert connection.body() == _CONTENT
        connection.send(_CREATED % _ETAG)
        assert 'expect: 100-continue' not in connection.headers()
        assert connection.body() == _CONTENT
        connection.send(_CREATED % _ETAG)
    with serve(stop_asking, go_on, swift_timeout=4,
               swift_retries=0) as storage:
        write(storage)
        with pytest.raises(exceptions.UnreachableError):
            write(storage)
        assert not storage.exists(_TAG)
        write(storage)
        write(storage)


def test_server_that_refuses(faulty_storage, faults):
    faults.inject(relay.status(417), 'PUT', _TAG)
    faulty_storage.put_content(_TAG, b'1')
    assert faulty_storage.get_content(_TAG) == b'1'
    assert not expects(puts(faults)[-1])


@pytest.mark.parametrize('path, is_asked', [
    (_TAG, True),
    ('repositories/library/demo/_index_images', True),
    ('repositories/library/demo/taglatest_json', True),
    ('images/abc/_inprogress', True),
    ('images/abc/json', False),
    ('images/abc/ancestry', False),
])
def test_which(faulty_storage, faults, path, is_asked):
    faulty_storage.put_content(path, b'1')
    asked = {expects(request) for request in faults.requests
             if request.method == 'PUT' and request.path.endswith(path)}
    assert asked == {is_asked}


def test_empty(faulty_storage, faults):
    faulty_storage.put_content(_TAG, b'')
    assert faulty_storage.get_content(_TAG) == b''
    assert not any(map(expects, puts(faults)))
