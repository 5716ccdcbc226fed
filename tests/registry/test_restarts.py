"""gunicorn replaces workers while clients come; none is dropped."""

import os
import signal
import socket

import pytest

from stack.servers import processes

#: More than a worker accepts at a time.
_CLIENTS = 300
_REPLACED = 4
_REQUEST = b'GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'


def reload(server):
    os.kill(server.server.pid, signal.SIGHUP)


def go_on(server):
    """Do nothing: after 100 requests a worker is replaced by itself."""


@pytest.mark.parametrize('replace, options', [
    (go_on, []), (reload, ['--max-requests', '0'])])
def test_clients_at_once(start_registry, replace, options):
    server = start_registry(workers=1, options=options)

    def have_come():
        clients = [socket.create_connection((processes.HOST, server.port))
                   for _ in range(_CLIENTS)]
        for number, client in enumerate(clients):
            if number == _CLIENTS // 3:
                replace(server)
            client.sendall(_REQUEST)
        for client in clients:
            with client, client.makefile('rb') as answer:
                assert answer.readline() == b'HTTP/1.1 200 OK\r\n'
        return server.log().count('Worker exiting') >= _REPLACED
    processes.until(have_come)
