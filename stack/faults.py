"""What may fail in a cluster.Cluster, and how it comes back.

Each is a context manager: the fault has happened when it is entered and has
passed when it is left. What is entered gives the list of Kills, which those
who were being answered may have noticed.
"""

import collections
import contextlib
import os
import random
import signal
import time

from .servers import processes

#: A process that clients were connected to was killed. server: what the
#: balancer calls it; began_at, ended_at: when the signal was sent, and when
#: the process was gone, in Unix seconds
Kill = collections.namedtuple('Kill', 'server began_at ended_at')

_SECONDS_TO_HIT_A_PUSH = 20


@contextlib.contextmanager
def nothing(site, load):
    yield []


@contextlib.contextmanager
def storage_node(site, load):
    """Kill one node's account, container and object server."""
    node = list(site.swift.storage[0].values())
    for server in node:
        server.stop(signal.SIGKILL)
    yield []
    processes.start_all(node)


@contextlib.contextmanager
def proxy(site, load):
    site.swift.proxies[0].stop(signal.SIGKILL)
    yield []
    processes.start_all(site.swift.proxies[:1])


@contextlib.contextmanager
def registry(site, load):
    """Kill a registry with all its workers."""
    name, one = next(iter(site.registries.items()))
    # They go on accepting until each is gone.
    workers, began_at = one.workers(), time.time()
    one.server.stop(signal.SIGKILL)
    _wait_until_gone(workers)
    yield [Kill(name, began_at, time.time())]
    processes.start_all([one.server])


@contextlib.contextmanager
def worker(site, load):
    """Kill workers, one after the other, until one had a push in its hands."""
    name, one = list(site.registries.items())[-1]
    kills = []
    give_up_at = time.monotonic() + _SECONDS_TO_HIT_A_PUSH
    before = len(load.failures)
    while time.monotonic() < give_up_at and not any(
            failure.request.method in ('PUT', 'PATCH')
            and ('/blobs/uploads/' in failure.request.path
                 or failure.request.path.endswith('/layer'))
            for failure in load.failures[before:]):
        pid, began_at = random.choice(one.workers()), time.time()
        os.kill(pid, signal.SIGKILL)
        _wait_until_gone([pid])
        kills.append(Kill(name, began_at, time.time()))
        time.sleep(1)
    yield kills  # another has taken its place


@contextlib.contextmanager
def memcached(site, load):
    site.memcached.server.stop()
    yield []
    processes.start_all([site.memcached.server])


@contextlib.contextmanager
def redis(site, load):
    site.redis.server.stop(signal.SIGKILL)
    yield []
    processes.start_all([site.redis.server])


def _wait_until_gone(pids):
    for pid in pids:
        while _is_there(pid):
            time.sleep(0.01)


def _is_there(pid):
    """Tell whether a process is more than an entry that nobody has reaped."""
    try:
        with open('/proc/%d/stat' % pid) as stat:
            return stat.read().rpartition(')')[2].split()[0] not in 'ZX'
    except (FileNotFoundError, ProcessLookupError):
        return False


#: What happens one after the other: its name, and what does it.
ALL = (
    ('nothing yet', nothing),
    ('storage node killed, back', storage_node),
    ('proxy killed, back', proxy),
    ('registry killed, back', registry),
    ('worker killed in mid-push', worker),
    ('memcached stopped, back', memcached),
    ('Redis killed, back', redis))
