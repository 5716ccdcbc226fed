"""The health extension in the real registry, under gunicorn and gevent."""

import json
import os
import re
import time

import pytest

from stack.clients import v1client
from stack.servers import processes
from stack.servers import registry

_IMAGE = 'a' * 64


@pytest.fixture
def start(start_registry):
    """Start a registry with settings of the health extension."""
    def start_with(settings=None, workers=1, options=(), **health):
        server = start_registry(
            dict({'swift_timeout': 3, 'extensions': {
                'swift_health': health}}, **(settings or {})),
            workers=workers, options=['--max-requests', '0', *options])
        return server, v1client.V1Client(server.port)
    return start_with


def ask(client, path='/_health'):
    answer = client.request('GET', path)
    report = json.loads(answer.body)
    assert (answer.status == 503) == (report['state'] == 'unhealthy')
    assert answer.status in (200, 503)
    return report


def test_health_through_an_outage(cluster, start):
    server, client = start(interval='200ms', threshold=2)
    assert ask(client)['state'] == 'healthy'
    processes.until(lambda: ask(client)['checked'])
    # No container yet: the first push makes it, nothing is wrong.
    assert ask(client)['failures'] == 0
    image = v1client.make_image()
    client.push('library/demo', [image])
    assert client.pull('library/demo') == [image]
    before = ask(client, '/v1/_health')
    assert before['bytes_in'] > len(image.layer)
    assert before['bytes_out'] > len(image.layer)
    assert before['logins'] == 1
    assert before['retries'] == 0
    assert before['pool']['open'] >= 1
    assert before['pool']['waiting'] == 0
    assert 0 < before['latency_seconds'] < 10
    assert re.match(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$', before['since'])
    time.sleep(1)  # times have whole seconds
    cluster.proxy.stop()
    try:
        processes.until(lambda: ask(client)['state'] == 'unhealthy')
        during = ask(client)
        assert during['failures'] >= 2
        assert 'HEAD container' in during['last_error']
        assert during['since'] > before['since']
        assert client.request('GET', '/_ping').status == 200
        assert client.request('GET', '/v1/_ping').status == 200
    finally:
        cluster.proxy.start()
        cluster.proxy.wait()
    processes.until(lambda: ask(client)['state'] == 'healthy')
    assert ask(client)['since'] >= during['since']
    assert client.pull('library/demo') == [image]
    processes.until(lambda: 'can be used again' in server.log())
    log = server.log()
    assert log.count('checks in a row have failed') == 1
    assert log.count('can be used again') == 1
    for text in (log, json.dumps(during)):
        assert server.settings['swift_password'] not in text


def test_metrics(start):
    _, client = start(interval=0.2)
    processes.until(lambda: ask(client)['checked'])
    report = ask(client)
    answer = client.request('GET', '/_metrics')
    assert answer.status == 200
    assert answer.headers['Content-Type'].startswith('text/plain; version=')
    lines = answer.body.decode().splitlines()
    pid = '{pid="%d"}' % report['pid']
    assert 'docker_registry_swift_healthy%s 1.0' % pid in lines
    assert 'docker_registry_swift_logins_total%s 1.0' % pid in lines
    assert '# TYPE docker_registry_swift_logins_total counter' in lines
    assert client.request('GET', '/v1/_metrics').status == 200


@pytest.mark.parametrize('options', [(), ('--preload',)])
def test_each_worker_checks_for_itself(start, options):
    server, client = start(workers=2, options=options, interval='200ms')
    workers = set()

    def all_have_checked():
        report = ask(client)
        if report['checked'] and report['requests'] > 1:
            workers.add(report['pid'])
        return len(workers) == 2
    processes.until(all_have_checked)
    master = server.server.pid
    assert master not in workers
    # Nothing of it was started in their parent.
    assert len(os.listdir('/proc/%d/task' % master)) == 1


def test_enforce(cluster, start):
    _, client = start(interval='200ms', threshold=1, enforce=True)
    path = '/v1/images/%s/json' % _IMAGE
    assert client.request('GET', path).status == 404
    cluster.proxy.stop()
    try:
        processes.until(lambda: ask(client)['state'] == 'unhealthy')
        answer = client.request('GET', path)
        assert answer.status == 503
        assert int(answer.headers['Retry-After']) >= 1
        assert 'cannot be used since' in json.loads(answer.body)['error']
        # Such that need no Swift, too.
        assert client.request('GET', '/v1/users/').status == 503
        for path_without in ('/_ping', '/v1/_ping', '/_metrics',
                             '/v1/_metrics'):
            assert client.request('GET', path_without).status == 200
    finally:
        cluster.proxy.start()
        cluster.proxy.wait()
    processes.until(lambda: client.request('GET', path).status == 404)


def test_not_enforced(start):
    _, client = start(
        {'swift_create_container': False}, interval='200ms', threshold=1)
    # The container is not there, and nobody will make it.
    processes.until(lambda: ask(client)['state'] == 'unhealthy')
    assert 'status 404' in ask(client)['last_error']
    assert client.request('GET', '/v1/users/').status == 200


def test_not_enabled(start):
    _, client = start(enabled=False)
    report = ask(client)
    assert report['state'] == 'unchecked'
    client.request('GET', '/v1/images/%s/json' % _IMAGE)
    assert ask(client)['checked'] is None


def test_wrong_settings_stop_the_registry(directory, cluster):
    server = registry.Registry(str(directory), dict(
        cluster.settings(), extensions={'swift_health': {
            'interval': 'often', 'treshold': 3}}))
    with pytest.raises(processes.ServerError) as caught:
        server.__enter__()
    assert 'extensions: swift_health: interval: neither' in str(caught.value)
    assert 'extensions: swift_health: treshold: unknown' in str(caught.value)


def test_other_storage(directory, tmp_path):
    with registry.Registry(str(directory), {
            'storage': 'local', 'storage_path': str(tmp_path),
            'extensions': {'swift_health': {'interval': 'often'}}}) as server:
        client = v1client.V1Client(server.port)
        image = v1client.make_image()
        client.push('library/demo', [image])
        assert client.pull('library/demo') == [image]
        assert client.request('GET', '/_health').status == 404
