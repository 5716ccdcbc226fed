import os

from prometheus_client import parser

from docker_registry.drivers.swift.monitoring import health
from docker_registry.drivers.swift.monitoring import metrics

_STATISTICS = {'requests': 9, 'retries': 2, 'logins': 1, 'bytes_in': 3,
               'bytes_out': 10 ** 12, 'silent': False,
               'pool': {'open': 5, 'in_use': 3, 'waiting': 7}}


def test_text():
    finding = health.Finding('unhealthy', '2026-01-01T00:00:00Z', None, 0.25,
                             3, 'no answer', '2026-01-01T00:00:00Z')
    text = metrics.text(finding, _STATISTICS).decode('utf-8')
    samples = {}
    for family in parser.text_string_to_metric_families(text):
        assert family.documentation
        for sample in family.samples:
            labels = dict(sample.labels)
            assert labels.pop('pid') == str(os.getpid())
            name = sample.name.replace('docker_registry_swift_', '')
            samples[(name,) + tuple(labels.values())] = (
                family.type, sample.value)
    assert samples == {
        ('healthy',): ('gauge', 0), ('silent',): ('gauge', 0),
        ('check_seconds',): ('gauge', 0.25),
        ('connections', 'in_use'): ('gauge', 3),
        ('connections', 'idle'): ('gauge', 2), ('waiting',): ('gauge', 7),
        ('requests_total',): ('counter', 9),
        ('retries_total',): ('counter', 2), ('logins_total',): ('counter', 1),
        ('received_bytes_total',): ('counter', 3),
        ('sent_bytes_total',): ('counter', 10 ** 12)}
    assert '# TYPE docker_registry_swift_sent_bytes_total counter\n' in text


def test_before_the_first_check():
    finding = health.Finding('healthy', '2026-01-01T00:00:00Z', None, None, 0,
                             None, None)
    assert b'check_seconds' not in metrics.text(finding, _STATISTICS)
