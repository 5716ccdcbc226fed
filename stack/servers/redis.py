"""A real Redis server on loopback, for the registry's cache_lru."""

import os

from . import processes
from .. import environments


class Redis:

    """One Redis server that keeps nothing on disk.

    :param directory: where its log goes
    """

    def __init__(self, directory):
        binary = environments.program('swift', 'redis-server')
        port = processes.free_port()
        self.server = processes.Server(
            'Redis', [binary, '--bind', processes.HOST, '--port', port,
                      '--save', '', '--appendonly', 'no'],
            port, os.path.join(directory, 'redis.log'))

    def __enter__(self):
        processes.start_all([self.server])
        return self

    def __exit__(self, *exception):
        self.server.stop()
