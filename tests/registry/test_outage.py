"""Swift is away: what clients and operators of the registry see of it."""

import contextlib
import glob
import http.client
import json
import os
import re
import subprocess
import threading
import time

import pytest

from stack import environments
from stack.clients import v1client
from stack.servers import processes
from stack.servers import secrets

_TIMEOUT_SECONDS = 3
#: Slack for a machine that does other things as well.
_SLACK_SECONDS = 10
_IMAGE = 'a' * 64


@contextlib.contextmanager
def stopped(server):
    """Nobody listens: connections are refused."""
    server.stop()
    try:
        yield
    finally:
        server.start()
        server.wait()


@pytest.fixture
def impatient(start_registry):
    """A registry that waits 3 seconds for Swift, and says what it does."""
    return start_registry({'swift_timeout': _TIMEOUT_SECONDS,
                           'loglevel': 'debug'}, workers=1)


def assert_unavailable(answer):
    assert answer.status == 503
    assert int(answer.headers['Retry-After']) >= 1
    assert answer.headers['Content-Type'] == 'application/json'
    error = json.loads(answer.body)['error']
    assert error.startswith('The storage does not answer')


@pytest.mark.parametrize('away', [stopped, processes.frozen])
def test_every_request_is_answered_503_in_time(cluster, impatient,
                                               start_registry, away):
    client = v1client.V1Client(impatient.port)
    image = v1client.make_image()
    # Through another registry: what this one remembers it goes on to answer.
    v1client.V1Client(start_registry({
        'swift_container': impatient.settings['swift_container']}).port).push(
            'private/demo', [image])
    client.expect(200, 'PUT', '/v1/repositories/private/demo/properties',
                  b'{"access": "private"}')
    with away(cluster.proxy):
        for method, path in (
                ('GET', 'repositories/private/demo/properties'),
                ('GET', 'repositories/private/demo/tags'),
                ('GET', 'repositories/private/demo/tags/latest'),
                ('PUT', 'repositories/private/demo/tags/latest'),
                ('GET', 'repositories/private/demo/images'),
                ('DELETE', 'repositories/private/demo/'),
                ('GET', 'images/%s/json' % image.id),
                ('GET', 'images/%s/ancestry' % image.id),
                ('GET', 'images/%s/layer' % image.id),
                ('GET', 'images/%s/layer' % _IMAGE),
                ('PUT', 'images/%s/layer' % _IMAGE)):
            started = time.monotonic()
            answer = client.request(method, '/v1/' + path, b'"%s"'
                                    % image.id.encode())
            assert_unavailable(answer)
            assert time.monotonic() - started < (
                _TIMEOUT_SECONDS + _SLACK_SECONDS)
        assert client.request('GET', '/v1/_ping').status == 200
        # Once a second somebody asks whether Swift is back.
        time.sleep(1.1)
    assert client.pull('private/demo') == [image]
    properties = client.request(
        'GET', '/v1/repositories/private/demo/properties')
    assert json.loads(properties.body) == {'access': 'private'}


def test_login_that_is_away(start_registry):
    # Nothing listens on the discard port.
    server = start_registry({'swift_authurl': 'http://127.0.0.1:9/auth/v1.0',
                             'swift_retries': 0})
    client = v1client.V1Client(server.port)
    assert client.request('GET', '/v1/_ping').status == 200
    for method, path in (('GET', 'images/%s/json' % _IMAGE),
                         ('PUT', 'images/%s/layer' % _IMAGE),
                         ('GET', 'repositories/library/demo/tags')):
        assert_unavailable(client.request(method, '/v1/' + path, b'x'))


def test_a_dead_cluster_is_asked_once_a_second(cluster, start_registry):
    server = start_registry(
        {'swift_timeout': _TIMEOUT_SECONDS,
         'extensions': {'swift_health': {'enabled': False}}}, workers=1,
        options=['--max-requests', '0'])
    client = v1client.V1Client(server.port)
    path = '/v1/repositories/library/demo/tags'

    def statistics():
        return json.loads(client.request('GET', '/_health').body)
    assert client.request('GET', path).status == 404
    with processes.frozen(cluster.proxy):
        def silent():
            assert_unavailable(client.request('GET', path))
            return statistics()['silent']
        processes.until(silent)
        before, started = statistics()['requests'], time.monotonic()
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(
            client.request('GET', path))) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for answer in answers:
            assert_unavailable(answer)
        assert len(answers) == 50
        asked = statistics()['requests'] - before
        assert asked <= time.monotonic() - started + 1
        time.sleep(1.1)
    assert client.request('GET', path).status == 404
    assert statistics()['silent'] is False


@contextlib.contextmanager
def unreadable(directory, name):
    """Swift answers 503 for an object that it goes on listing."""
    files = [path for path in glob.glob(str(
        directory / 'swift' / 'node1/device/objects/*/*/*/*.data'))
        if name in os.getxattr(path, 'user.swift.metadata')]
    moved = [os.path.dirname(path) for path in files]
    for path in moved:
        os.rename(path, path + '-moved')
        os.symlink(path, path)  # there, and leads nowhere
    try:
        assert moved
        yield
    finally:
        for path in moved:
            os.remove(path)
            os.rename(path + '-moved', path)


def test_a_tag_that_cannot_be_read(directory, cluster, impatient):
    client = v1client.V1Client(impatient.port)
    image = v1client.make_image()
    client.push('library/demo', [image])
    client.tag('library/demo', 'broken', image.id)
    path = '/v1/repositories/library/demo/tags'
    with unreadable(directory, b'library/demo/tag_broken'):
        before = len(impatient.log())
        answer = client.request('GET', path)
    with stopped(cluster.proxy):
        pass  # it would leave its object server alone for a minute
    assert_unavailable(answer)
    transaction = re.search(r'\(transaction (tx[\w-]+)\)',
                            json.loads(answer.body)['error']).group(1)
    log = processes.until(lambda: re.search(
        '.*ERROR.*\n', impatient.log()[before:], re.DOTALL)).group()
    # The request has failed once, whatever has failed below it.
    assert log.count('ERROR') == 1
    error, = [line for line in log.splitlines() if 'ERROR' in line]
    assert 'GET %s: 503: ' % path in error
    assert transaction in error
    assert 'WARNING: GET registry/repositories/library/demo/tag_' in log
    assert 'Traceback' not in log
    assert impatient.settings['swift_password'] not in impatient.log()
    assert not re.search('AUTH_z?f?tk', impatient.log())
    assert client.tags('library/demo') == {'latest': image.id,
                                           'broken': image.id}


def test_tags_that_the_listing_has_and_swift_has_not(cluster, impatient):
    client = v1client.V1Client(impatient.port)
    image = v1client.make_image()
    client.push('library/lagging', [image])
    cluster.add_names(impatient.settings['swift_container'],
                      'registry/repositories/library/lagging/tag_gone', 2)
    assert client.tags('library/lagging') == {'latest': image.id}


def test_a_pull_that_breaks_off_is_short(cluster, impatient):
    client = v1client.V1Client(impatient.port)
    image = v1client.make_image(layer_bytes=40 * 1024 * 1024)
    client.push('library/large', [image])
    connection = http.client.HTTPConnection(processes.HOST, impatient.port,
                                            timeout=60)
    connection.request('GET', '/v1/images/%s/layer' % image.id)
    answer = connection.getresponse()
    assert answer.status == 200
    assert int(answer.headers['Content-Length']) == len(image.layer)
    assert answer.read(100000) == image.layer[:100000]
    with stopped(cluster.proxy):
        with pytest.raises((http.client.IncompleteRead, OSError)):
            answer.read()
    connection.close()
    assert client.pull_image(image.id) == image


@pytest.mark.parametrize('away', [stopped, processes.frozen])
def test_a_push_that_breaks_off_is_none(cluster, impatient, away):
    client = v1client.V1Client(impatient.port)
    image = v1client.make_image(layer_bytes=3 * 1024 * 1024)
    client.expect(200, 'PUT', '/v1/images/%s/json' % image.id, image.json)

    with contextlib.ExitStack() as outage:
        def layer():
            yield image.layer[:1024 * 1024]
            outage.enter_context(away(cluster.proxy))
            yield image.layer[1024 * 1024:]
        assert_unavailable(client.request(
            'PUT', '/v1/images/%s/layer' % image.id, layer(),
            {'Transfer-Encoding': 'chunked'}, chunked=True))
        time.sleep(1.1)
    # "Image is being uploaded, retry later"
    assert client.request(
        'GET', '/v1/images/%s/layer' % image.id).status == 400
    client.push('library/again', [image])
    assert client.pull('library/again') == [image]


def test_what_is_not_an_outage(cluster, start_registry):
    server = start_registry({'swift_user': 'test:guest',
                             'swift_password': secrets.of('test:guest')})
    client = v1client.V1Client(server.port)
    # Not the client's rights but the registry's.
    answer = client.request('GET', '/v1/images/%s/json' % _IMAGE)
    assert (answer.status, answer.headers['Retry-After']) == (500, None)
    assert 'The storage has failed' in json.loads(answer.body)['error']
    processes.until(lambda: 'the user may not do this' in server.log())


_ANSWERS = '''
import sys
from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift.registry import extension
# The storage is not swift: nothing has been extended.
assert extension and 'docker_registry.app' not in sys.modules
for error in (errors.from_status('GET a', 'a', status) for status in (
                  400, 401, 403, 404, 408, 409, 412, 413, 416, 422, 429, 500,
                  503, 507)):
    print('%d %d' % (error.status, errors.answer_to(error)[0]))
for error in (errors.TooLargeError('a'), errors.InvalidPathError('a'),
              errors.unreachable('GET a', IOError('secret')),
              errors.NotAskedError('a'),
              errors.AccessDeniedError('a'), errors.BrokenObjectError('a'),
              errors.SwiftError('a', status=404)):
    status, message, _ = errors.answer_to(error)
    assert 'secret' not in message
    print('%s %d' % (type(error).__name__, status))
'''


def test_status_of_each_error(tmp_path):
    config = tmp_path / 'config.yml'
    config.write_text('prod:\n  storage: local\n  storage_path: /tmp\n'
                      '  extensions: {swift_health: {interval: wrong}}\n')
    answers = dict(line.split() for line in subprocess.check_output(
        [environments.build('registry'), '-c', _ANSWERS], text=True,
        env=dict(os.environ, SETTINGS_FLAVOR='prod', LOGLEVEL='error',
                 DOCKER_REGISTRY_CONFIG=str(config))).splitlines())
    assert answers == {
        '400': '500', '401': '500', '403': '500', '404': '404', '408': '503',
        '409': '500', '412': '503', '413': '413', '416': '500', '422': '503',
        '429': '503', '500': '503', '503': '503', '507': '507',
        'TooLargeError': '413', 'InvalidPathError': '400',
        'UnreachableError': '503', 'NotAskedError': '503',
        'AccessDeniedError': '500', 'BrokenObjectError': '500',
        # The container that is missing and may not be made.
        'SwiftError': '500'}
