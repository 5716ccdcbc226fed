"""A real memcached on loopback, for Swift's proxies."""

import getpass
import os
import socket

from . import processes
from .. import environments


class Memcached(processes.Running):

    """One memcached.

    :param directory: where its log goes
    """

    def __init__(self, directory):
        os.makedirs(directory, exist_ok=True)
        binary = environments.program('debian', 'memcached')
        port = processes.free_port()
        self.server = processes.Server(
            'memcached', [binary, '-l', processes.HOST, '-p', port, '-U', 0,
                          '-u', getpass.getuser()],
            port, os.path.join(directory, 'memcached.log'))

    def flush(self):
        """Forget everything."""
        with socket.create_connection((processes.HOST, self.server.port),
                                      5) as connection:
            connection.sendall(b'flush_all\r\n')
            connection.recv(64)
