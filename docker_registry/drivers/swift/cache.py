"""Small contents in Redis, under core's keys.

Used where the registry's `cache_lru` is configured, with core's connection and
key format but without its decorators: those decide at import time whether the
cache is on, take no keyword arguments, and fill Redis before the storage has
the data.

Why what is cached is true although several registries write:

- A write empties the entry first and fills it after Swift has the data; one
  that failed empties it again.
- A reader fills an entry only where there is none: a value that it read
  before somebody else's write does not replace the newer one.
- A reader may fill an entry that somebody has just removed, with what it read
  before; so what readers fill lives for a minute.
- What can still go wrong (two writers of one path whose answers cross, a
  Redis that was away while a value changed) ends with the entry's life, an
  hour.

A Redis that is away or does not answer costs a warning and a second, and then
the request to Swift.
"""

import functools
import logging

import redis

from docker_registry.core import lru

#: How long an entry may be wrong at most.
_WRITTEN_SECONDS = 3600
_READ_SECONDS = 60
_TIMEOUT_SECONDS = 1

logger = logging.getLogger(__name__)


def _tolerant(method):
    @functools.wraps(method)
    def wrapper(*args):
        # The registry calls lru.init() when it likes, perhaps after it has
        # built the driver.
        if lru.redis_conn is None:
            return None
        # core sets none, and a host that is gone does not refuse.
        options = lru.redis_conn.connection_pool.connection_kwargs
        options['socket_timeout'] = _TIMEOUT_SECONDS
        options['socket_connect_timeout'] = _TIMEOUT_SECONDS
        try:
            return method(lru.redis_conn, *args)
        except redis.exceptions.RedisError as error:
            logger.warning('cache_lru: %s: %s', method.__name__, error)
            return None
    return wrapper


@_tolerant
def get(redis_conn, path):
    """Return the cached content of a path as bytes, or None."""
    return redis_conn.get(lru.cache_key(path))


@_tolerant
def put(redis_conn, path, content):
    """Write to the cache what has just been written to Swift."""
    redis_conn.set(lru.cache_key(path), content, ex=_WRITTEN_SECONDS)


@_tolerant
def fill(redis_conn, path, content):
    """Write to the cache what has just been read, if there is no entry."""
    redis_conn.set(lru.cache_key(path), content, ex=_READ_SECONDS, nx=True)


@_tolerant
def drop(redis_conn, *paths):
    """Remove the entries of paths."""
    redis_conn.delete(*[lru.cache_key(path) for path in paths])
