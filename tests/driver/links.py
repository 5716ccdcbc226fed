"""Links to Swift that are slow, or lead nowhere; for Python 2.7 and 3."""

import contextlib
import socket
import threading
import time

_PIECE_BYTES = 32 * 1024


@contextlib.contextmanager
def nowhere():
    """A port that answers no attempt to connect; its number."""
    listener = socket.socket()
    listener.bind(('127.0.0.1', 0))
    listener.listen(0)
    # The kernel drops what its queue has no room for.
    waiting = [socket.socket() for _ in range(4)]
    try:
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        time.sleep(0.1)
        yield listener.getsockname()[1]
    finally:
        for client in waiting + [listener]:
            client.close()


class Link(object):

    """A link to a port on which bytes take their time.

    :param target_port: where it leads
    :param pause_seconds: how long each 32 KiB takes
    :param breaks_after: bytes of requests, all connections together, after
        which the connection that they came on is closed, once
    :ivar port: where it begins
    """

    def __init__(self, target_port, pause_seconds, breaks_after=None):
        self._target = ('127.0.0.1', target_port)
        self._pause_seconds = pause_seconds
        self._breaks_after = breaks_after
        self._listener = socket.socket()
        # Little is on its way: a sender notices how slow it is.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                  _PIECE_BYTES)
        self._listener.bind(('127.0.0.1', 0))
        self._listener.listen(16)
        self.port = self._listener.getsockname()[1]

    def __enter__(self):
        _start(self._accept)
        return self

    def __exit__(self, *exception):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client = self._listener.accept()[0]
            except (EnvironmentError, socket.error):
                return
            server = socket.create_connection(self._target)
            _start(self._pump, client, server, True)
            _start(self._pump, server, client, False)

    def _pump(self, source, sink, is_request):
        try:
            piece = source.recv(_PIECE_BYTES)
            while piece:
                sink.sendall(piece)
                if is_request and self._breaks_after is not None:
                    self._breaks_after -= len(piece)
                    if self._breaks_after < 0:
                        self._breaks_after = None
                        break
                if len(piece) > 1000:
                    time.sleep(self._pause_seconds)
                piece = source.recv(_PIECE_BYTES)
        except (EnvironmentError, socket.error):
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except (EnvironmentError, socket.error):
                pass


def _start(target, *arguments):
    thread = threading.Thread(target=target, args=arguments)
    thread.daemon = True
    thread.start()
