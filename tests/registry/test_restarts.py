"""gunicorn replaces workers while clients come; none is dropped."""

import os
import signal
import socket
import ssl

import pytest

from stack.servers import front
from stack.servers import processes

#: More than a worker accepts at a time.
_CLIENTS = 300
#: How many workers have to end; some do while nobody comes.
_WORKERS = 4
_REQUEST = b'GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'


def reload(server):
    os.kill(server.server.pid, signal.SIGHUP)


def go_on(server):
    """Do nothing: after 100 requests a worker is replaced by itself."""


def come(server, context, replace):
    """Let clients come at once, and check that each is answered."""
    clients = [socket.create_connection((processes.HOST, server.port))
               for _ in range(_CLIENTS)]
    for number, client in enumerate(clients):
        if number == _CLIENTS // 3:
            replace(server)
        if not context:
            client.sendall(_REQUEST)
    for client in clients:
        if context:
            client = context.wrap_socket(client)
            client.sendall(_REQUEST)
        with client, client.makefile('rb') as answer:
            assert answer.readline() == b'HTTP/1.1 200 OK\r\n'


@pytest.mark.parametrize('has_tls', [False, True], ids=['plain', 'tls'])
@pytest.mark.parametrize('replace, options', [
    (go_on, []), (reload, ['--max-requests', '0'])], ids=['by itself', 'HUP'])
def test_clients_at_once(start_registry, tmp_path, replace, options, has_tls):
    certificate = context = None
    if has_tls:
        front.certificates(str(tmp_path))
        certificate = str(tmp_path / 'server.pem')
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    # Who says nothing for so long is dropped, also during a handshake.
    options = [*options, '--keep-alive', '60']
    server = start_registry(workers=1, options=options,
                            certificate=certificate)
    # Not all who come meet a worker that ends.
    processes.until(lambda: come(server, context, replace)
                    or server.log().count('Worker exiting') >= _WORKERS)
