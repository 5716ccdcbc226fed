"""Gives up dialling sooner than waiting for an answer.

Of requests' pair of timeouts, (connect, read), urllib3 takes the first for
sending a body too: a node that is slow to take an upload would count as one
that cannot be reached.
"""

import requests
from urllib3 import connectionpool


class Dialling(object):

    """How long to wait for a connection.

    :param connect_seconds: how long TCP's and TLS's greetings may take. What
        is given to requests as timeout, one number, is for all that follows.
    """

    def __init__(self, connect_seconds):
        self._pools = {
            'http': _pool(connectionpool.HTTPConnectionPool, connect_seconds),
            'https': _pool(connectionpool.HTTPSConnectionPool,
                           connect_seconds)}

    def prepare(self, session):
        """Have a session of requests connect in this way."""
        for prefix in ('http://', 'https://'):
            session.mount(prefix, _Adapter(self._pools))


class _Adapter(requests.adapters.HTTPAdapter):

    def __init__(self, pools):
        self._pools = pools
        super(_Adapter, self).__init__()

    def init_poolmanager(self, *args, **keywords):
        super(_Adapter, self).init_poolmanager(*args, **keywords)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args, **keywords):
        manager = super(_Adapter, self).proxy_manager_for(*args, **keywords)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _pool(pool, connect_seconds):
    class Connection(pool.ConnectionCls):
        def connect(self):
            timeout_seconds = self.timeout
            self.timeout = min(connect_seconds, timeout_seconds)
            try:
                super(Connection, self).connect()
            finally:
                self.timeout = timeout_seconds
            self.sock.settimeout(timeout_seconds)

    class Pool(pool):
        ConnectionCls = Connection

    Connection.__name__ = pool.ConnectionCls.__name__  # for messages
    Pool.__name__ = pool.__name__
    return Pool
