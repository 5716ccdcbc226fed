"""Makes HTTP sessions for many small requests to one host.

Also names the proxy that a request goes through. Knows nothing of Swift.
"""

import os

import requests
from urllib3 import connectionpool

from . import expect
from .. import errors


def through_proxy(url):
    """Return which proxy of the environment a URL is fetched through.

    :returns: text for messages, such as " through the proxy
        http://proxy:3128 (HTTP_PROXY)" without its password; '' where there
        is none
    """
    proxy = requests.utils.select_proxy(
        url, requests.utils.get_environ_proxies(url))
    if not proxy:
        return ''
    scheme = url.split(':')[0].lower()
    variables = [name for name in sorted(os.environ)
                 if name.lower() in (scheme + '_proxy', 'all_proxy')
                 and os.environ[name] == proxy]
    shown = errors.without_credentials(proxy).rsplit('@', 1)[-1]
    return ' through the proxy %s (%s)' % (shown, ', '.join(variables))


class Sessions(object):

    """Makes sessions whose connections have a timeout for being made.

    The pair of timeouts that requests takes, (connect, read), is no help:
    urllib3 uses the first for sending a body too, and a node that is slow to
    take an upload would count as one that cannot be reached.

    :param connect_seconds: how long the handshakes of TCP and TLS may take.
        The timeout of a request, one number, is for all that follows.
    """

    def __init__(self, connect_seconds):
        server = expect.Server()
        self._pools = {
            scheme: _pool(pool, connect_seconds, server) for scheme, pool in (
                ('http', connectionpool.HTTPConnectionPool),
                ('https', connectionpool.HTTPSConnectionPool))}

    def make(self):
        """Return a Session for one host."""
        return Session(self._pools)


class Session(requests.Session):

    """Sends requests to one host faster than a session of requests does.

    For each request, requests looks up proxies, a password in ~/.netrc (of no
    use to Swift) and the pool of its connection, and quotes the URL. That
    takes longer than to send it. Here all requests are to one host, so proxy
    and pool are looked up once, and URLs must be quoted already. Redirects
    are not followed: Swift needs none, and the token would go along.

    :param pools: classes of urllib3's pools, by scheme
    """

    def __init__(self, pools):
        super(Session, self).__init__()
        self.headers = {}
        self._environment = None
        self._adapter = _Adapter(pools)
        for prefix in ('http://', 'https://'):
            self.mount(prefix, self._adapter)  # to be closed with it

    def request(self, method, url, headers=None, data=None, files=None,
                timeout=None, verify=None, cert=None, stream=None):
        """Send a request; takes what swiftclient's HTTPConnection gives.

        :returns: requests.Response
        """
        if self._environment is None:
            self._environment = self.merge_environment_settings(
                url, {}, stream, verify, cert)
        prepared = requests.PreparedRequest()
        prepared.prepare_method(method)
        prepared.url = url
        headers = dict(headers)
        headers.update(self.headers)
        prepared.prepare_headers(headers)
        prepared.prepare_body(data or None, files)
        return self._adapter.send(prepared, timeout=timeout,
                                  **self._environment)


class _Adapter(requests.adapters.HTTPAdapter):

    def __init__(self, pools):
        self._pools = pools
        self._pool = None
        super(_Adapter, self).__init__()

    def init_poolmanager(self, *args, **keywords):
        super(_Adapter, self).init_poolmanager(*args, **keywords)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args, **keywords):
        manager = super(_Adapter, self).proxy_manager_for(*args, **keywords)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def get_connection(self, url, proxies=None):
        # One lookup is enough for one host. Later versions of requests call
        # another method for this.
        if self._pool is None:
            self._pool = super(_Adapter, self).get_connection(url, proxies)
        return self._pool

    def build_response(self, request, raw):
        # Only what swiftclient looks at; the rest takes time.
        response = requests.Response()
        response.status_code = raw.status
        response.reason = raw.reason
        response.headers = raw.headers
        response.raw = raw
        response.request = request
        return response


def _pool(pool, connect_seconds, server):
    class Connection(expect.connection(pool.ConnectionCls, server)):
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
