"""A cache inside the proxy, in memcached's place under the same WSGI key.

Swift's proxy keeps what it knows of accounts and containers there; without
any cache each request asks the storage nodes for both again. One process has
it to itself, so it fits a proxy that is one process.
"""

import time


class MemoryCache:

    """What Swift's middleware calls of swift.common.memcached.MemcacheRing."""

    def __init__(self):
        self._entries = {}

    def set(self, key, value, time=0, **_):
        self._entries[key] = (value, _expiry(time))

    def get(self, key, **_):
        value, expires_at = self._entries.get(key, (None, None))
        return None if expires_at and expires_at < time.time() else value

    def delete(self, key, **_):
        self._entries.pop(key, None)

    def incr(self, key, delta=1, time=0):
        value = max(0, (self.get(key) or 0) + delta)
        self.set(key, value, time)
        return value

    def decr(self, key, delta=1, time=0):
        return self.incr(key, -delta, time)


def _expiry(seconds):
    return time.time() + seconds if seconds else None


def filter_factory(global_conf, **local_conf):
    """Paste's hook: puts one cache into every request's environment."""
    cache = MemoryCache()

    def make(app):
        def middleware(environ, start_response):
            environ['swift.cache'] = cache
            return app(environ, start_response)
        return middleware
    return make
