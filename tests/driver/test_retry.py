"""How long Swift is waited for, and what is written to the log."""

import io
import logging
import os
import re
import socket
import time

import links
import pytest
import relay
from urllib3 import connection

from docker_registry.core import exceptions
from docker_registry.drivers.swift.client import breaker
from docker_registry.drivers.swift.client import waiting

_LOGIN = '/auth/v1.0'
_MIB = 1024 * 1024
#: Slack for a machine that does other things as well.
_SLACK_SECONDS = 10


@pytest.fixture
def impatient(make_storage, faults):
    """A Storage behind the relay that waits 2 seconds for Swift."""
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_timeout=2)
    storage.put_content('a', b'1' * 1000)
    return storage


@pytest.fixture
def on_link(make_storage, services):
    """Make a Storage whose account is at the end of a Link."""
    make_storage().put_content('a', b'1')  # which makes the container

    def make(link, **changes):
        return make_storage(
            swift_object_storage_url='http://127.0.0.1:%d/v1/AUTH_test'
            % link.port, **changes)
    return make


@pytest.fixture(autouse=True)
def small_send_buffers():
    """Have senders notice at once how slow a link is."""
    options = connection.HTTPConnection.default_socket_options
    options.append((socket.SOL_SOCKET, socket.SO_SNDBUF, 32 * 1024))
    yield
    options.pop()


def given_up_in_time(call, *arguments):
    started = time.time()
    with pytest.raises(exceptions.UnreachableError):
        call(*arguments)
    assert time.time() - started < 2 + _SLACK_SECONDS


@pytest.mark.parametrize('attempts', [1, 2, 4, 11])
def test_attempts_together_fit_into_the_timeout(monkeypatch, attempts):
    now = [0.0]
    monkeypatch.setattr(breaker, 'clock', lambda: now[0])
    wait = waiting.Wait(60, connect_seconds=5)
    for left in range(attempts, 0, -1):
        if not wait.left_seconds:
            break
        wait.allot(is_last=left == 1)
        wait.begin()
        # A connection that is nearly not made, and no answer on it.
        now[0] += min(5, wait.limit_seconds) + wait.limit_seconds
        wait.end()
    assert 50 < now[0] <= 60
    wait.renew()
    wait.allot(is_last=False)
    assert wait.limit_seconds == 30


@pytest.mark.parametrize('method, part', [
    ('HEAD', 'registry/a'), ('GET', _LOGIN)])
def test_silence_is_given_up_in_time(impatient, faults, method, part):
    if part == _LOGIN:
        faults.inject(relay.status(401), 'HEAD', 'registry/a')
    before = faults.count(method, part)
    faults.inject(relay.stall(30), method, part, times=9)
    given_up_in_time(impatient.exists, 'a')
    # Another proxy of the same address might have answered.
    assert faults.count(method, part) >= before + 2


def test_bodies_that_stop_are_given_up_in_time(impatient, faults):
    faults.inject(relay.freeze(5), 'GET', 'registry/a', times=9)
    given_up_in_time(impatient.get_content, 'a')
    # Where it goes on in time, nobody notices.
    before = faults.count('GET', 'registry/a')
    faults._rules = []
    faults.inject(relay.freeze(5), 'GET', 'registry/a')
    assert impatient.get_content('a') == b'1' * 1000
    assert faults.count('GET', 'registry/a') == before + 2


def test_what_comes_renews_the_wait(impatient):
    body = impatient._container.get('registry/a')
    body.wait.pause(1.5)
    body.read(10)
    assert body.wait.left_seconds == 2
    body.close()


def test_connections_that_are_not_made_are_given_up_in_time(make_storage):
    with links.nowhere() as port:
        storage = make_storage(
            swift_object_storage_url='http://127.0.0.1:%d/v1/AUTH_test' % port,
            swift_timeout=2)
        given_up_in_time(storage.exists, 'a')


def test_connect_timeout_of_a_proxy(make_storage, monkeypatch):
    with links.nowhere() as port:
        monkeypatch.setenv('http_proxy', 'http://127.0.0.1:%d' % port)
        monkeypatch.setenv('no_proxy', '')
        storage = make_storage(
            swift_auth_token='a', swift_authurl=None, swift_user=None,
            swift_password=None, swift_auth_version=None,
            swift_object_storage_url='http://swift.example.com/v1/AUTH_test',
            swift_timeout=3600, swift_connect_timeout=0.2, swift_retries=0)
        given_up_in_time(storage.exists, 'a')


def test_connect_timeout(make_storage):
    with links.nowhere() as port:
        storage = make_storage(
            swift_object_storage_url='http://127.0.0.1:%d/v1/AUTH_test' % port,
            swift_timeout=3600, swift_connect_timeout=0.2, swift_retries=1)
        given_up_in_time(storage.exists, 'a')


def test_bodies_that_move_on_are_not_given_up(on_link, services):
    content = os.urandom(2 * _MIB)
    # The first attempt breaks off after more than swift_timeout; no reason
    # not to make another.
    with links.Link(services['port'], 0.04,
                    breaks_after=2 * _MIB - 200000) as link:
        storage = on_link(link, swift_timeout=2)
        storage.stream_write('layer', io.BytesIO(content))
        assert storage.statistics()['retries'] == 1
    with links.Link(services['port'], 0.04) as link:
        storage = on_link(link, swift_timeout=2)
        assert b''.join(storage.stream_read('layer')) == content
        assert storage.statistics()['retries'] == 0


def test_uploads_wait_for_others_that_move_on(on_link, services):
    content = os.urandom(6 * _MIB)
    with links.Link(services['port'], 0.04) as link:
        storage = on_link(link, swift_connections=1, swift_timeout=4,
                          swift_segment_size=_MIB)
        # Each of the six takes more than a second, one after the other.
        storage.stream_write('layer', io.BytesIO(content))
        assert b''.join(storage.stream_read('layer')) == content


def test_connect_timeout_is_not_for_sending(on_link, services):
    content = os.urandom(_MIB // 2)
    with links.Link(services['port'], 0.2) as link:
        storage = on_link(link, swift_connect_timeout=0.1, swift_retries=0)
        # The first request on its connection.
        storage.put_content('layer', content)
        assert storage.get_size('layer') == len(content)


def test_manifests_take_their_time(make_storage, faults):
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_timeout=4, swift_connect_timeout=0.5, swift_segment_size=1000)
    storage.put_content('a', b'1')
    faults.inject(relay.stall(2.5), 'PUT', 'multipart-manifest=put')
    storage.stream_write('layer', io.BytesIO(b'1' * 3000))
    assert storage.get_size('layer') == 3000
    assert faults.count('PUT', 'multipart-manifest=put') == 1


def test_swift_that_asks_for_too_much_patience(impatient, faults):
    faults.inject(relay.status(503, {'Retry-After': '30'}), 'HEAD', times=9)
    started = time.time()
    with pytest.raises(IOError) as caught:
        impatient.exists('a')
    assert time.time() - started < 2 + _SLACK_SECONDS
    assert caught.value.retry_after_seconds == 30
    assert faults.count('HEAD', 'registry/a') == 1


def test_retry_delay(make_storage, faults, caplog):
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_retry_delay=0)
    faults.inject(relay.status(503), 'HEAD', times=3)
    assert storage.exists('a') is False
    assert caplog.text.count('trying again in 0.0 s') == 3


def test_one_line_for_each_request(faulty_storage, faults, caplog):
    caplog.set_level(logging.DEBUG, 'docker_registry')
    faulty_storage.put_content('a', b'12345')
    # The first one also asks whether the container keeps older versions.
    faulty_storage.remove('a')
    caplog.clear()
    faulty_storage.put_content('a', b'12345')
    faulty_storage.get_content('a')
    faulty_storage.exists('a')
    faulty_storage.exists('b')
    faulty_storage.remove('a')
    records = [record for record in caplog.records
               if record.name.startswith('docker_registry')]
    lines = [re.sub(r'in [\d.]+ s, transaction tx[\w-]+$', '...',
                    record.getMessage()) for record in records]
    assert lines == [
        'PUT registry/a: 201, 5 bytes ...', 'GET registry/a: 200, 5 bytes ...',
        'HEAD registry/a: 200, 0 bytes ...',
        'HEAD registry/b: 404, 0 bytes ...',
        'HEAD registry/a: 200, 0 bytes ...',
        'DELETE registry/a: 204, 0 bytes ...']
    assert set(record.levelname for record in records) == {'DEBUG'}


def test_repeated_requests_are_warned_of(faulty_storage, faults, caplog):
    faulty_storage.put_content('a', b'12345')
    faults.inject(relay.status(503, {'X-Trans-Id': 'tx1'}), 'HEAD', times=9)
    with pytest.raises(IOError) as caught:
        faulty_storage.exists('a')
    lines = [record for record in caplog.records
             if record.levelno > logging.DEBUG]
    # The caller has the last one, and reports it.
    assert [record.levelname for record in lines] == ['WARNING'] * 3
    assert all('status 503, transaction tx1' in record.getMessage()
               for record in lines)
    assert 'tx1' in str(caught.value)


def test_statistics(faulty_storage, faults):
    faulty_storage.put_content('a', b'1' * 1000)
    before = faulty_storage.statistics()
    faults.inject(relay.status(503), 'GET', 'registry/a')
    assert faulty_storage.get_content('a') == b'1' * 1000
    faulty_storage.put_content('a', b'2' * 900000)
    after = faulty_storage.statistics()
    assert {key: after[key] - before[key] for key in (
        'requests', 'retries', 'logins', 'bytes_in', 'bytes_out')} == {
            'requests': 3, 'retries': 1, 'logins': 0, 'bytes_in': 1000,
            'bytes_out': 900000}
    assert after['silent'] is False
    assert after['pool'] == {'open': 1, 'in_use': 0, 'waiting': 0}
    reader = faulty_storage.stream_read('a')
    assert faulty_storage.statistics()['pool'] == {
        'open': 1, 'in_use': 1, 'waiting': 0}
    reader.close()
