"""The only proxy of Swift is away for 20 seconds, at default settings."""

import concurrent.futures
import contextlib
import json
import os
import signal
import time

import pytest

from stack.clients import v1client
from stack.servers import processes
from stack.servers import swift

_AWAY_SECONDS = 20
_MIB = 1024 * 1024


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    """A Swift whose proxy nobody else uses."""
    with swift.Swift(str(tmp_path_factory.mktemp('away') / 'swift')) as one:
        yield one


@pytest.fixture(scope='module')
def server(site, start_registry):
    # Its own health check would find out sooner that Swift is back.
    return start_registry(site.settings(
        swift_container='away', storage_path='/registry',
        extensions={'swift_health': {'enabled': False},
                    'swift_v2': {'enabled': True}}), workers=1,
        options=['--max-requests', '0'])


@contextlib.contextmanager
def stopped(server):
    """Connections are refused."""
    server.stop(signal.SIGKILL)
    try:
        yield
    finally:
        processes.start_all([server])


@contextlib.contextmanager
def frozen_and_killed(server):
    """Connections are made and not answered, and then they break."""
    os.killpg(server.pid, signal.SIGSTOP)
    time.sleep(3)
    with stopped(server):
        yield


def slowly(layer, seconds):
    """Yield a layer in parts that take so long altogether."""
    parts = 8
    size = len(layer) // parts + 1
    for start in range(0, len(layer), size):
        yield layer[start:start + size]
        time.sleep(seconds / parts)


@pytest.mark.parametrize('away', [stopped, frozen_and_killed])
def test_pushes_and_pulls_in_flight_wait(site, server, client, away):
    stored = [v1client.make_image(layer_bytes=size)
              for size in (1000, 30 * _MIB)]
    for number, image in enumerate(stored):
        client.push('library/stored%d' % number, [image])
    pushed = [v1client.make_image(layer_bytes=size)
              for size in (1000, 1000, 60 * _MIB, 60 * _MIB)]

    def push(number):
        image = pushed[number]
        client.push('library/pushed%d' % number, [image])
        return image

    def push_slowly(image):
        client.expect(200, 'PUT', '/v1/images/%s/json' % image.id, image.json)
        client.expect(200, 'PUT', '/v1/images/%s/layer' % image.id,
                      slowly(image.layer, _AWAY_SECONDS + 10),
                      {'Transfer-Encoding': 'chunked'}, chunked=True)
        client.expect(200, 'PUT', '/v1/images/%s/checksum' % image.id, b'', {
            'X-Docker-Checksum-Payload': v1client.checksum(image)})
        return client.pull_image(image.id)

    def pull_slowly(image):
        with client.open('GET', '/v1/images/%s/layer' % image.id) as answer:
            received = [answer.read(100000)]
            time.sleep(2)
            return b''.join(received + [answer.read()])
    slow = v1client.make_image(layer_bytes=60 * _MIB)
    with concurrent.futures.ThreadPoolExecutor(16) as executor:
        in_flight = [executor.submit(push_slowly, slow),
                     executor.submit(pull_slowly, stored[1])]
        time.sleep(1)
        with away(site.proxy):
            pushes = [executor.submit(push, number)
                      for number in range(len(pushed))]
            pulls = [executor.submit(client.pull, 'library/stored%d' % number)
                     for number in range(len(stored))]
            v2_pull = executor.submit(
                client.request, 'GET', '/v2/library/stored0/tags/list', None,
                {'User-Agent': 'docker/20.10.24'})
            time.sleep(_AWAY_SECONDS)
        assert json.loads(v2_pull.result().body)['tags'] == ['latest']
        assert in_flight[0].result() == slow
        assert in_flight[1].result() == stored[1].layer
        for one, image in zip(pushes, pushed):
            assert one.result() == image
        for one, image in zip(pulls, stored):
            assert one.result() == [image]
    for number, image in enumerate(pushed):
        assert client.pull('library/pushed%d' % number) == [image]
    assert 'ERROR' not in server.log()
    assert server.orphans() == []


def test_small_requests_of_others_fail_at_once(site, server, client):
    image = v1client.make_image(layer_bytes=40 * _MIB)
    client.push('library/other', [v1client.make_image()])
    client.expect(200, 'PUT', '/v1/images/%s/json' % image.id, image.json)

    def is_silent():
        return json.loads(client.request('GET', '/_health').body)['silent']
    with concurrent.futures.ThreadPoolExecutor(32) as executor:
        with stopped(site.proxy):
            began_at = time.monotonic()
            push = executor.submit(client.push_layer, image)
            pull = executor.submit(client.tags, 'library/other')
            while not is_silent():
                assert time.monotonic() - began_at < _AWAY_SECONDS
                time.sleep(0.1)
            answers = list(executor.map(
                lambda path: client.request('GET', path),
                ['/v1/repositories/library/other/tags'] * 20))
            for answer in answers:
                assert answer.status == 503
                assert int(answer.headers['Retry-After']) >= 1
            # While those that had begun before wait, and one with a body.
            tag = executor.submit(client.tag, 'library/other', 'new', image.id)
            time.sleep(max(0, began_at + _AWAY_SECONDS - time.monotonic()))
            assert not push.done() and not pull.done() and not tag.done()
        push.result()
        assert 'latest' in pull.result()
        client.expect(200, 'PUT', '/v1/images/%s/checksum' % image.id, b'', {
            'X-Docker-Checksum-Payload': v1client.checksum(image)})
        tag.result()
    assert client.pull('library/other', 'new') == [image]
    assert is_silent() is False


def test_a_cluster_that_stays_away_is_given_up(site, start_registry):
    client = v1client.V1Client(start_registry(site.settings(
        swift_container='away', storage_path='/registry', swift_timeout=5,
        swift_retries=10), workers=1).port)
    with stopped(site.proxy):
        for method, path in (('PUT', 'repositories/library/a/tags/latest'),
                             ('GET', 'images/%s/json' % ('a' * 64))):
            answer = client.request(method, '/v1/' + path, b'"%s"' % (
                b'a' * 64))
            assert answer.status == 503
