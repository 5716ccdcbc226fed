"""The numbers of one process in Prometheus' text format.

Knows what each number is called; knows nothing of where they come from.
"""

import os

import prometheus_client
from prometheus_client import core

CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST

_PREFIX = 'docker_registry_swift_'

#: key of Storage.statistics() -> name, without _total, and its help.
_COUNTERS = (
    ('requests', 'requests', 'Requests sent to Swift, repeated ones too.'),
    ('retries', 'retries', 'Requests that were sent again.'),
    ('logins', 'logins', 'Logins that were tried.'),
    ('bytes_in', 'received_bytes', 'Bytes of answers read from Swift.'),
    ('bytes_out', 'sent_bytes', 'Bytes of requests that Swift has answered.'),
)


def text(finding, statistics, v2_answers=None):
    """Return the metrics of this process.

    Each has the process id as a label: with several workers, which answer in
    turns, the counters of one are not taken for those of another.

    :param finding: health.Finding
    :param statistics: what Storage.statistics() gives
    :param v2_answers: how many answers of the v2 API each status has had, a
        dict; None where there is no v2 API
    :returns: bytes
    """
    registry = prometheus_client.CollectorRegistry()
    registry.register(_Collector(finding, statistics, v2_answers))
    return prometheus_client.generate_latest(registry)


class _Collector(object):

    def __init__(self, finding, statistics, v2_answers):
        self._finding = finding
        self._statistics = statistics
        self._v2_answers = v2_answers
        self._pid = str(os.getpid())

    def collect(self):
        finding, statistics = self._finding, self._statistics
        yield self._gauge('healthy', 'Whether Swift can be used: 1 or 0.',
                          int(finding.state != 'unhealthy'))
        yield self._gauge('silent', 'Whether Swift is asked once a second '
                          'only, for nothing answers: 1 or 0.',
                          int(statistics['silent']))
        if finding.latency_seconds is not None:
            yield self._gauge('check_seconds', 'How long the last health '
                              'check took.', finding.latency_seconds)
        connections = core.GaugeMetricFamily(
            _PREFIX + 'connections', 'Connections to Swift, by what they do.',
            labels=['pid', 'state'])
        pool = statistics['pool']
        connections.add_metric([self._pid, 'in_use'], pool['in_use'])
        connections.add_metric([self._pid, 'idle'],
                               pool['open'] - pool['in_use'])
        yield connections
        yield self._gauge('waiting', 'Requests that wait for a connection.',
                          pool['waiting'])
        for key, name, documentation in _COUNTERS:
            counter = core.CounterMetricFamily(
                _PREFIX + name, documentation, labels=['pid'])
            counter.add_metric([self._pid], statistics[key])
            yield counter
        if self._v2_answers is not None:
            counter = core.CounterMetricFamily(
                _PREFIX + 'v2_answers', 'Answers of the v2 API.',
                labels=['pid', 'status'])
            for status, count in sorted(self._v2_answers.items()):
                counter.add_metric([self._pid, str(status)], count)
            yield counter

    def _gauge(self, name, documentation, value):
        gauge = core.GaugeMetricFamily(_PREFIX + name, documentation,
                                       labels=['pid'])
        gauge.add_metric([self._pid], value)
        return gauge
