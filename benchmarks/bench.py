"""What a work finds ready: Swift, fresh containers, a network, a log."""

import contextlib
import filecmp
import http.client
import itertools
import json
import os
import re
import urllib.parse

from stack.servers import processes
from stack.servers import redis
from stack.servers import relay

from . import images

_MIB = 1024 * 1024
#: A line of the proxy's log. What its own middleware asks has no client.
_REQUEST = re.compile(r': [0-9.]+ .* (?:GET|HEAD|PUT|POST|DELETE) '
                      r'/(?:v1/|info)')


class Bench:

    """The same for every contestant.

    :param cluster: swift.Swift that all share
    :param directory: where configurations, data and logs go
    :param scale: Scale
    :ivar round: number of the round, from 0
    """

    def __init__(self, cluster, directory, scale):
        self.cluster = cluster
        self.directory = directory
        self.scale = scale
        self.round = 0
        self._containers = itertools.count()

    def in_turn(self, several):
        """Return in which order to do something in this round.

        :param several: sequence; each comes first in some rounds, and after
            others in some
        """
        start = self.round // 2 % len(several)
        order = several[start:] + several[:start]
        return order[::-1] if self.round % 2 else order

    @contextlib.contextmanager
    def container(self, port=None):
        """Make a container, for as long as it is used.

        :param port: of a relay to Swift, to be used instead of Swift's own
        :returns: settings of this driver for it
        """
        name = 'bench%d' % next(self._containers)
        self.cluster.request('PUT', name)  # 0.2.1 makes none
        try:
            yield self.settings(name, port)
        finally:
            self._make_room(name)

    def settings(self, container, port=None):
        """Return settings of this driver for a container."""
        settings = self.cluster.settings(
            storage_path='/registry', swift_container=container)
        if port:
            settings['swift_authurl'] = 'http://%s:%d/auth/v1.0' % (
                processes.HOST, port)
        return settings

    @contextlib.contextmanager
    def serve(self, contestant, network=None, **options):
        """Run a contestant's registry on a fresh container, warmed up.

        :param network: relay.Relay between it and Swift
        :param options: for Contestant.registry()
        :returns: (its engine, its processes.Server)
        """
        with self.container(network and network.port) as settings, \
                self.start(contestant, settings, **options) as started:
            yield started

    @contextlib.contextmanager
    def start(self, contestant, settings, **options):
        """Run a contestant's registry, warmed up.

        :param settings: from container()
        :param options, returns: as for serve()
        """
        with contestant.registry(self.directory, settings,
                                 **options) as running:
            engine = contestant.engine(running.port)
            # A dozen connections and more for each: either worker gets some,
            # and then has imported, logged in and dialled.
            for number in range(2):
                prepared = engine.prepare(images.make(
                    'bench/warm%d' % number, 1, 1024))
                engine.push(prepared)
                engine.pull(prepared)
            yield engine, running.server

    def relay(self, delay_seconds=0, rate_bytes=0):
        """Return a relay to Swift, as a context manager."""
        return relay.Relay(self.directory, self.cluster.proxy.port,
                           delay_seconds, rate_bytes)

    def redis(self):
        """Return an empty Redis, as a context manager."""
        return redis.Redis(self.directory)

    def file(self, name):
        """Return the path of a file that a work keeps something in."""
        return os.path.join(self.directory, name)

    def large_file(self):
        """Return the path of a file of random bytes, a large layer's size."""
        path = self.file('layer')
        if not os.path.exists(path):
            with open(path, 'wb') as layer:
                for _ in range(self.scale.large_mib):
                    layer.write(os.urandom(_MIB))
        return path

    def compare_copy(self):
        """Compare the file 'copy' with the large one, and remove it.

        :raises images.CorruptError: they differ
        """
        copy = self.file('copy')
        same = filecmp.cmp(self.large_file(), copy, False)
        os.remove(copy)
        if not same:
            raise images.CorruptError('what was read is not what was written')

    def requests(self):
        """Return how many requests clients have sent to Swift so far.

        Without logins, which go elsewhere where there is a Keystone; with
        what a registry asks by itself to see whether Swift is well.
        """
        return sum(1 for line in self.cluster.logged().splitlines()
                   if _REQUEST.search(line))

    @contextlib.contextmanager
    def connection(self, port=None):
        """Open one connection to Swift, past any registry.

        :param port: of a relay, instead of Swift's own
        :returns: function of method, path below the account, body and a dict
            of headers, which returns the answer's body
        """
        token = self.cluster.token()
        connection = http.client.HTTPConnection(
            processes.HOST, port or self.cluster.proxy.port, timeout=60)

        def ask(method, path, body=None, headers=None):
            connection.request(method, '/v1/AUTH_test/' + path, body,
                               dict(headers or {}, **{'X-Auth-Token': token}))
            response = connection.getresponse()
            content = response.read()
            if response.status >= 300:
                raise OSError('%s %s: %d' % (method, path, response.status))
            return content
        try:
            yield ask
        finally:
            connection.close()

    def _make_room(self, container):
        """Remove what takes room on the disk; names cost nothing."""
        with self.connection() as ask:
            for entry in json.loads(ask('GET', container + '?format=json')):
                if entry.get('bytes', 0) >= _MIB:
                    try:
                        ask('DELETE', '%s/%s' % (
                            container, urllib.parse.quote(entry['name'])))
                    except OSError:
                        pass  # its registry was still undoing a push
