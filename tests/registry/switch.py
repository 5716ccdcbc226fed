"""A TCP relay that tells when something passes, and then leads elsewhere."""

import contextlib
import os
import signal
import socket
import threading

from stack.servers import processes

#: Established, and with the other end closed.
#: Source: include/net/tcp_states.h of Linux
_OPEN = ('01', '08')


class Switch:

    """Listens on a free port; what comes goes to a server until it hangs.

    :param server: processes.Server that is asked at first
    :param other: the one that is asked afterwards
    """

    def __init__(self, server, other):
        self._server, self._other = server, other
        self._target = server
        self._part = self._hung_port = None
        self._listening = socket.create_server(('127.0.0.1', 0), backlog=64)
        self._pairs = []
        self._lock = threading.Lock()
        self.port = self._listening.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exception):
        self._listening.close()

    @contextlib.contextmanager
    def hangs_at(self, text):
        """Have the server hang just before bytes reach it that have a text.

        Connections to it are gone then, and new ones lead to the other server.
        After the block the server has gone on, and done what it had.
        """
        self._target, self._part = self._server, text.encode()
        try:
            yield
            assert self._part is None, 'nothing like that has come'
        finally:
            os.killpg(self._server.pid, signal.SIGCONT)
        processes.until(lambda: not self._is_open())

    def _is_open(self):
        """Tell whether the server still has the connection that it hung with.
        """
        ends = '%04X' % self._server.port, '%04X' % self._hung_port
        with open('/proc/net/tcp') as connections:
            return any(
                (local[-4:], other[-4:]) == ends and state in _OPEN
                for _, local, other, state in (
                    line.split()[:4] for line in connections))

    def _accept(self):
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return  # it ends
            with self._lock:
                target = socket.create_connection(
                    ('127.0.0.1', self._target.port))
                self._pairs.append((client, target))
            for source, sink, look in ((client, target, self._look),
                                       (target, client, lambda *_: None)):
                threading.Thread(target=self._copy, daemon=True,
                                 args=(source, sink, look)).start()

    def _copy(self, source, sink, look):
        try:
            while True:
                chunk = source.recv(65536)
                if not chunk:
                    break
                look(source, chunk)
                sink.sendall(chunk)
        except OSError:
            pass  # either has hung up
        for each in (source, sink):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _look(self, client, chunk):
        if not self._part or self._part not in chunk:
            return
        with self._lock:
            self._part = None
            os.killpg(self._server.pid, signal.SIGSTOP)
            self._target = self._other
            for pair in self._pairs:
                if client in pair:
                    self._hung_port = pair[1].getsockname()[1]
                else:
                    for each in pair:
                        try:
                            each.shutdown(socket.SHUT_RDWR)
                        except OSError:
                            pass
