"""Bytes in the registry's Redis, where its `cache_lru` is configured.

Nothing depends on them. An entry that is missing, damaged or of another
version is absent, and a Redis that is away, hangs or refuses to write is not
used until it is back.

Of core.lru only the address of the server is used: core sets no timeout, and
its decorators fill Redis before the storage has the data.

Source: docker_registry/core/lru.py of docker-registry-core 2.0.3
"""

import hashlib
import logging
import threading
import time

import redis

from docker_registry.core import lru

from . import compat
from . import per_process

#: Of what stands in an entry; to be raised with whatever changes there.
_VERSION = b'1'
_PREFIX = 'docker-registry-driver-swift:'
#: What a Redis that hangs costs each worker, once.
_TIMEOUT_SECONDS = 0.2
_PROBE_SECONDS = 1

logger = logging.getLogger(__name__)


class Cache(object):

    """Keep bytes under the URLs of objects, which no two deployments share.

    :param find_url: callable of a path that returns the URL of its object, or
        None where that is not known yet
    """

    def __init__(self, find_url):
        self._find_url = find_url
        self._servers = per_process.PerProcess(lambda: _Server(lru.redis_conn))

    def get(self, path):
        """Return the bytes that are kept for a path, or None."""
        entry = self._call('get', [path])
        if not entry:
            return None
        content = entry[len(_sealed('', b'')):]
        return content if self._sealed(path, content) == entry else None

    def put(self, path, content, seconds):
        """Keep bytes for a path for a number of seconds."""
        self._call('set', [path], self._sealed(path, content), ex=seconds)

    def drop(self, paths):
        """Remove what is kept for paths."""
        self._call('delete', paths)

    def _sealed(self, path, content):
        return _sealed(self._find_url(path) or '', content)

    def _call(self, command, paths, *arguments, **options):
        # The registry may turn it on after it has built the driver.
        if lru.redis_conn is None:
            return None
        urls = [self._find_url(path) for path in paths]
        if None in urls:
            return None
        keys = [_PREFIX + url for url in urls]
        return self._servers.get().call(command, *(keys + list(arguments)),
                                        **options)


def impatient_pool(redis_conn):
    """Return connections that do not wait long for the server of a client.

    :returns: redis.ConnectionPool
    """
    return redis.ConnectionPool(**dict(
        redis_conn.connection_pool.connection_kwargs,
        socket_timeout=_TIMEOUT_SECONDS,
        socket_connect_timeout=_TIMEOUT_SECONDS))


def _sealed(url, content):
    # With whose it is: under the key of another object it is damaged.
    digest = hashlib.sha256(
        compat.encoded(url) + b' ' + content).hexdigest().encode('ascii')
    return b' '.join([_VERSION, digest, content])


class _Server(object):

    """A Redis that may go and come back.

    The Breaker of Swift lets a request through once a second, which would
    wait. Here a thread finds out whether the server is back.

    :param redis_conn: a client of the same server
    """

    def __init__(self, redis_conn):
        self._redis = redis.StrictRedis(
            connection_pool=impatient_pool(redis_conn))
        self._lock = threading.Lock()
        self._is_away = False

    def call(self, command, *arguments, **options):
        """Return what Redis answers to a command; None while it is away."""
        if self._is_away:
            return None
        try:
            return getattr(self._redis, command)(*arguments, **options)
        except redis.exceptions.RedisError as error:
            # An entry of another type cannot be read, and is written over.
            if command != 'get' or not isinstance(
                    error, redis.exceptions.ResponseError):
                self._leave(error)
            return None

    def _leave(self, error):
        with self._lock:
            if self._is_away:
                return
            self._is_away = True
        logger.warning('cache_lru: Redis is not used until it is back: %s',
                       error)
        watch = threading.Thread(target=self._watch)
        watch.daemon = True
        watch.start()

    def _watch(self):
        while self._is_away:
            time.sleep(_PROBE_SECONDS)
            try:
                # A replica and a full disk answer, and take no write.
                self._redis.set(_PREFIX, b'', ex=1)
            except redis.exceptions.RedisError:
                continue
            logger.warning('cache_lru: Redis is back')
            self._is_away = False
