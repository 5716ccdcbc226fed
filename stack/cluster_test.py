"""make cluster-test: machines fail one after the other, nothing is lost.

While clients push and pull, each fault happens and passes. A client may see
a failure of nothing but the requests that were in flight on a registry or a
worker at the moment it was killed: the balancer's log tells where a request
was, and when.
"""

import collections
import contextlib
import os
import random
import signal
import sys
import time

from . import cluster
from . import processes
from . import workload

#: A process that was killed while it answered clients.
Kill = collections.namedtuple('Kill', 'server at')
#: What happened from began_at on; kills: list of Kill
Event = collections.namedtuple('Event', 'name began_at kills')
#: What is counted of an event.
Row = collections.namedtuple(
    'Row', 'event requests again failures allowed orphans')

_HEAD = '%-30s %9s %9s %9s %9s %9s' % (
    '', 'requests', 'repeated', 'failures', 'in flight', 'orphaned')
_SECONDS_TO_HIT_A_PUSH = 20


@contextlib.contextmanager
def _nothing(site, load, kills):
    yield


@contextlib.contextmanager
def _storage_node(site, load, kills):
    node = list(site.swift.storage[0].values())
    for server in node:
        server.stop(signal.SIGKILL)
    yield
    processes.start_all(node)


@contextlib.contextmanager
def _proxy(site, load, kills):
    site.swift.proxies[0].stop(signal.SIGKILL)
    yield
    processes.start_all(site.swift.proxies[:1])


@contextlib.contextmanager
def _registry(site, load, kills):
    kills.append(Kill('registry1', time.time()))
    site.registries['registry1'].server.stop(signal.SIGKILL)
    yield
    processes.start_all([site.registries['registry1'].server])


@contextlib.contextmanager
def _worker(site, load, kills):
    # A worker that has no push in its hands proves nothing: on to the next.
    give_up_at = time.monotonic() + _SECONDS_TO_HIT_A_PUSH
    failed = len(load.failures)
    while time.monotonic() < give_up_at and not any(
            failure.request.method == 'PUT'
            and failure.request.path.endswith('/layer')
            for failure in load.failures[failed:]):
        kills.append(Kill('registry2', time.time()))
        os.kill(random.choice(site.registries['registry2'].workers()),
                signal.SIGKILL)
        time.sleep(1)
    yield


@contextlib.contextmanager
def _memcached(site, load, kills):
    site.memcached.server.stop()
    processes.start_all([site.memcached.server])
    yield


@contextlib.contextmanager
def _redis(site, load, kills):
    site.redis.server.stop(signal.SIGKILL)
    yield
    processes.start_all([site.redis.server])


_FAULTS = (
    ('before', _nothing),
    ('storage node killed and back', _storage_node),
    ('proxy killed and back', _proxy),
    ('registry killed and back', _registry),
    ('worker killed in mid-push', _worker),
    ('memcached restarted', _memcached),
    ('Redis killed and back', _redis))


class Result:

    """What a run has shown.

    :ivar rows: list of Row
    :ivar totals: dict of what is counted over all: pushed, pulled, corrupt
        or half images, lost images, ...
    :ivar breaches: texts; none where all is as it must be
    """

    def __init__(self):
        self.rows = []
        self.totals = {}
        self.breaches = []

    def __str__(self):
        lines = [_HEAD] + ['%-30s %9d %9d %9d %9d %9d' % row
                           for row in self.rows]
        lines += ['%s: %d' % item for item in self.totals.items()]
        return '\n'.join(lines + ['BREACH: ' + text
                                  for text in self.breaches])


def run(site, seconds, show=lambda line: None, **load):
    """Let everything fail once; return a Result.

    :param site: cluster.Cluster
    :param seconds: how long the clients work, at least
    :param show: called with a line a step
    :param load: as for workload.Workload
    """
    events = []
    half = seconds / len(_FAULTS) / 2
    with workload.Workload(site.port, **load) as clients:
        for name, fault in _FAULTS:
            events.append(Event(name, time.time(), []))
            show(name)
            with fault(site, clients, events[-1].kills):
                time.sleep(half)
            time.sleep(half)
            show('  %d pushed, %d pulled, %d failures' % (
                len(clients.acknowledged), clients.pulled,
                len(clients.failures)))
    ended_at = time.time()
    show('listings and replicas catch up')
    site.swift.catch_up()
    return _judge(site, clients, events, ended_at, show)


def _judge(site, clients, events, ended_at, show):
    result = Result()
    failures, corrupt = list(clients.failures), len(clients.corrupt)
    entries = {entry.request_id: entry for entry in site.balancer.entries()}
    kills = [kill for event in events for kill in event.kills]
    allowed = [failure for failure in failures if _was_in_flight(
        entries.get(failure.request.id), kills)]
    result.breaches += [failure.text for failure in failures
                        if failure not in allowed]
    show('looking for orphans')
    registry = site.registries['registry1']
    orphans = registry.orphans(remove=True)
    left = registry.orphans()

    def in_event(event, end, requests):
        return [request for request in requests
                if event.began_at <= request.began_at < end]
    ends = [event.began_at for event in events[1:]] + [ended_at]
    for event, end in zip(events, ends):
        requests = in_event(event, end, clients.requests)
        mine = [failure for failure in failures
                if in_event(event, end, [failure.request])]
        broken = {image.id for failure in mine for image in failure.images}
        of_event = [name for name in orphans
                    if any(image_id in name for image_id in broken)]
        result.rows.append(Row(
            event.name, len(requests),
            sum(request.again for request in requests), len(mine),
            sum(failure in allowed for failure in mine), len(of_event)))
        if of_event and not event.kills:
            result.breaches.append('%d segments orphaned: %s' % (
                len(of_event), event.name))

    show('pulling all that was acknowledged')
    pushed, pulled = len(clients.acknowledged), clients.pulled
    lost = clients.pull_all()
    show('pushing again what failed')
    half = 0
    again = [failure for failure in failures if failure.images]
    refused = [failure for failure in again
               if not clients.push(failure.pushed, failure.images)
               or not clients.pull(failure.pushed)]
    result.totals = collections.OrderedDict([
        ('pushes acknowledged', pushed), ('pulls, every byte as pushed',
                                          pulled),
        ('corrupt or half images served', corrupt),
        ('images lost after their push was acknowledged', len(lost)),
        ('segments orphaned', len(orphans)),
        ('orphans after their removal', len(left)),
        ('pushes that failed', len(again)),
        ('pushes that failed when repeated', len(refused))])
    result.breaches += clients.corrupt
    return result


def _was_in_flight(entry, kills):
    """Tell whether a request was on a registry when it was killed."""
    return entry is not None and any(
        entry.server == kill.server and entry.termination[0] == 'S'
        and entry.began_at <= kill.at <= entry.began_at + entry.seconds + 0.01
        for kill in kills)
