"""Keeps a Redis that is away, hangs or takes no writes from failing requests.

That of the registry's `cache:`, which has the tags of a mirror's source, and
to which each push adds the image for the worker of diffs. The registry sets no
timeout, and goes on without it after a ConnectionError alone.

Source: enqueue_diff() in docker_registry/lib/layers.py, source_lookup_tag() in
    docker_registry/lib/mirroring.py of docker-registry 0.9.1
"""

import contextlib

import redis

from .. import cache
from .. import compat

#: How long it is not asked after a failure.
_PAUSE_SECONDS = 5


def client(redis_conn):
    """Return a client to be used instead of one of the registry's.

    :param redis_conn: the registry's; None where it has none
    """
    if redis_conn is None:
        return None
    return _Client(connection_pool=cache.impatient_pool(redis_conn))


class _Client(redis.StrictRedis):

    """Raises a ConnectionError where it cannot do what it is told to."""

    _away_until = 0

    def execute_command(self, *arguments, **options):
        with self._guarded():
            return super(_Client, self).execute_command(*arguments, **options)

    @contextlib.contextmanager
    def pipeline(self, *arguments, **options):
        with super(_Client, self).pipeline(*arguments, **options) as pipeline:
            with self._guarded():
                yield pipeline

    @contextlib.contextmanager
    def _guarded(self):
        if compat.monotonic() < self._away_until:
            raise redis.exceptions.ConnectionError('it has just failed')
        try:
            yield
        except redis.exceptions.RedisError as error:
            self._away_until = compat.monotonic() + _PAUSE_SECONDS
            raise redis.exceptions.ConnectionError(str(error))
