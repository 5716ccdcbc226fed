"""make cluster-test: machines fail one after the other, nothing is lost.

While clients push and pull, each fault happens and passes. A client may see
a failure of nothing but the requests that were in flight on a registry or a
worker at the moment it was killed: the balancer's log tells where a request
was, and when.
"""

import collections
import os
import time

from .. import environments
from .. import faults
from ..clients import workload
from ..servers import cluster

_CATCH_UPS = 3

#: What happened from began_at until ended_at; kills: list of faults.Kill
Event = collections.namedtuple('Event', 'name began_at ended_at kills')
#: What is counted of an event. requests: sent by clients; retries: of them,
#: repeated by the client; balancer_retries: those that haproxy sent again;
#: failures: pushes and pulls that failed; allowed: of them, for a request in
#: flight where a process was killed; corrupt: images that were served
#: otherwise than they were pushed; orphans: segments left of these failures
Row = collections.namedtuple(
    'Row', 'event requests retries balancer_retries failures allowed corrupt '
           'orphans')

_COLUMNS = '%-26s %8s %8s %8s %8s %8s %8s %8s'
_HEAD = (_COLUMNS % ('', '', 'repeated', 'repeated', '', 'of these', '', '')
         + '\n' + _COLUMNS % (
             'while clients work:', 'requests', 'by them', 'by hapr.',
             'failures', 'in fl.', 'corrupt', 'orphans'))
#: What is counted over all. limit: how many there may be, None for any
Total = collections.namedtuple('Total', 'what count limit')


class Result:

    """What a run has shown.

    :ivar rows: list of Row
    :ivar totals: list of Total
    :ivar breaches: texts; none where all is as it must be
    """

    def __init__(self):
        self.rows = []
        self.totals = []
        self.breaches = []

    def __str__(self):
        lines = [_HEAD] + [_COLUMNS % row for row in self.rows] + [''] + [
            '%8d  %s' % (total.count, total.what) for total in self.totals]
        return '\n'.join(lines + [''] + [
            'BREACH: ' + text for text in self.breaches])


def cluster_test(directory, options):
    """Run it and print the table; return 0 if nothing was breached."""
    environments.build('registry')  # the one that may be impossible
    began_at = time.monotonic()

    def show(line):
        print('%4d s  %s' % (time.monotonic() - began_at, line), flush=True)
    show('starting Swift with three nodes and two proxies, memcached, Redis, '
         'two registries, two haproxies')
    with cluster.Cluster(os.path.join(directory, 'cluster')) as site:
        result = run(site, options.seconds, show)
    print('\n%s' % result)
    print('FAILED' if result.breaches else 'Nothing was lost.')
    return 1 if result.breaches else 0


def run(site, seconds, show=lambda line: None, **load):
    """Let everything fail once; return a Result.

    :param site: cluster.Cluster
    :param seconds: how long the clients work, at least
    :param show: called with a line of text a step
    :param load: as for workload.Workload
    """
    events = []
    half = seconds / len(faults.ALL) / 2
    with workload.Workload(site.port, **load) as clients:
        for name, fault in faults.ALL:
            show(name)
            began_at = time.time()
            with fault(site, clients) as kills:
                time.sleep(half)
            time.sleep(half)
            events.append(Event(name, began_at, time.time(), kills))
            show('  so far %d pushed, %d pulled, %d failed' % (
                len(clients.acknowledged), clients.pulled,
                len(clients.failures)))
    # Clients end what they are at.
    events[-1] = events[-1]._replace(ended_at=time.time())
    show("Swift's own daemons run")
    site.swift.catch_up()
    return _judge(site, clients, events, show)


def _judge(site, clients, events, show):
    result = Result()
    failures, entries = list(clients.failures), site.balancer.entries()
    pushed, pulled = len(clients.acknowledged), clients.pulled

    show('looking for half images')
    half_images = clients.half_images()
    show('looking for orphans, removing them')
    registry = next(iter(site.registries.values()))
    orphans = registry.orphans(remove=True)
    result.rows = [_count(event, clients, failures, entries, orphans)
                   for event in events]
    left = registry.orphans()
    for _ in range(_CATCH_UPS):
        if left:  # or the listing does not show yet that they are gone
            site.swift.catch_up()
            left = registry.orphans()
    show('pulling all %d images whose push was acknowledged' % pushed)
    lost = clients.pull_all()
    again = [failure for failure in failures if failure.images]
    show('pushing the %d again that failed' % len(again))
    refused = [failure for failure in again
               if not clients.push(failure.pushed, failure.images)
               or not clients.pull(failure.pushed)]

    unexplained = [failure for failure in clients.failures
                   if failure not in failures
                   or not _was_in_flight(failure, entries, events)]
    counted = sum(row.orphans for row in result.rows)
    result.totals = [
        Total('pushes acknowledged', pushed, None),
        Total('pulls with every byte as it was pushed', pulled, None),
        Total('failures that no killed process explains', len(unexplained),
              0),
        Total('corrupt images served', len(clients.corrupt), 0),
        Total('half images served, of pushes that failed', len(half_images),
              0),
        Total('images lost whose push was acknowledged', len(lost), 0),
        Total('pushes that failed again when repeated', len(refused), 0),
        Total('segments orphaned by pushes that were killed', counted, None),
        Total('segments orphaned otherwise', len(orphans) - counted, 0),
        Total('orphans that their removal has left', len(left), 0)]
    result.breaches = [
        '%s: %d' % (total.what, total.count) for total in result.totals
        if total.limit is not None and total.count > total.limit] + [
            '%s; the balancer: %s' % (failure.text, [
                entry for entry in entries
                if entry.request_id == failure.request.id])
            for failure in unexplained + clients.corrupt]
    result.breaches += [
        '%s: it has cut off no push' % row.event
        for row, (_, fault) in zip(result.rows, faults.ALL)
        if fault is faults.worker and not row.allowed]
    return result


def _count(event, clients, failures, entries, orphans):
    """Count what happened in an event; return a Row."""
    def during(at):
        return event.began_at <= at < event.ended_at
    requests = [request for request in clients.requests
                if during(request.began_at)]
    mine = [failure for failure in failures if during(failure.at)]
    broken = [failure for failure in mine if event.kills and failure.images]
    return Row(
        event.name, len(requests), sum(request.again for request in requests),
        sum(during(entry.began_at) and entry.tries.strip('+') != '0'
            for entry in entries if entry.request_id != '-'),
        len(mine),
        sum(_was_in_flight(failure, entries, [event]) for failure in mine),
        sum(during(failure.at) for failure in clients.corrupt),
        sum(any(failure.pushed.api.is_left_of(failure, name)
                for failure in broken) for name in orphans))


def _was_in_flight(failure, entries, events):
    """Tell whether a failure's request was where and when one was killed."""
    return any(
        entry.server == kill.server and entry.termination[0] == 'S'
        and entry.began_at <= kill.ended_at
        # The log has milliseconds.
        and kill.began_at <= entry.began_at + entry.seconds + 0.01
        for entry in entries if entry.request_id == failure.request.id
        for event in events for kill in event.kills)
