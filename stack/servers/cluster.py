"""Everything twice or three times, as it would be run: a whole site.

    clients -> haproxy -> two registries -> haproxy -> two Swift proxies
                              |                          |        |
                            Redis                    memcached  three nodes
"""

import contextlib
import os

from . import balancer
from . import memcached
from . import processes
from . import redis
from . import registry
from . import swift

#: So that many a layer of a test has several segments.
SEGMENT_SIZE_BYTES = 1024 * 1024


class Cluster:

    """The site, running.

    :param directory: where configuration, data and logs go; on a file system
        with user xattrs
    :ivar memcached, redis, swift: one of each
    :ivar registries: dict from the name that the balancer has for it to
        registry.Registry
    :ivar balancer: the Balancer before the registries
    """

    def __init__(self, directory):
        self._directory = directory
        self._running = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            start, directory = stack.enter_context, self._directory
            self.memcached = start(memcached.Memcached(directory))
            self.redis = start(redis.Redis(directory))
            self.swift = start(swift.Swift(
                os.path.join(directory, 'swift'), nodes=3, proxies=2,
                memcached_port=self.memcached.server.port))
            self.swift.request('PUT', 'registry')
            proxies = start(balancer.Balancer(
                directory, 'balancer-of-proxies',
                {'proxy%d' % number: proxy for number, proxy
                 in enumerate(self.swift.proxies, 1)},
                '/healthcheck', balancer.PROXIES))
            self.registries = {}
            for name in ('registry1', 'registry2'):
                self.registries[name] = start(registry.Registry(
                    directory, self.swift.settings(
                        swift_authurl='http://%s:%d/auth/v1.0' % (
                            processes.HOST, proxies.port),
                        swift_segment_size=SEGMENT_SIZE_BYTES,
                        storage_path='/registry', extensions={
                            'swift_v2': {'enabled': True}}, cache_lru={
                            'host': processes.HOST, 'db': 0, 'password': None,
                            'port': self.redis.server.port}), workers=2))
            self.balancer = start(balancer.Balancer(
                directory, 'balancer-of-registries',
                {name: one.server for name, one in self.registries.items()},
                '/_ping', balancer.REGISTRIES))
            self._running = stack.pop_all()
        return self

    def __exit__(self, *exception):
        self._running.close()

    @property
    def port(self):
        """Where clients find it."""
        return self.balancer.port
