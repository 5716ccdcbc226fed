import threading
import time

import pytest
import relay

from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift.client import breaker


class Clock(object):

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    running = Clock()
    monkeypatch.setattr(breaker, 'clock', running)
    return running


def passes(tested):
    try:
        tested.check()
    except errors.NotAskedError:
        return False
    tested.asking()
    return True


@pytest.fixture
def opened(clock):
    tested = breaker.Breaker(32)
    for _ in range(3):
        assert passes(tested)
        tested.failed(clock.now)
        clock.now += 3
    tested.failed(clock.now)
    return tested


def test_silence_opens_it_and_one_request_a_second_passes(opened, clock):
    assert opened.is_open
    assert passes(opened) is True  # nobody has asked for three seconds
    assert passes(opened) is False
    clock.now += 0.9
    assert passes(opened) is False
    clock.now += 0.2
    assert [passes(opened), passes(opened)] == [True, False]


def test_an_answer_closes_it(opened):
    opened.answered()
    assert not opened.is_open
    assert passes(opened) and passes(opened)


def test_what_is_said_of_it(opened):
    opened.asking()
    with pytest.raises(IOError) as caught:
        opened.check()
    assert 'has not answered for 9 s' in str(caught.value)
    assert caught.value.retry_after_seconds == 1
    assert errors.is_transient(caught.value)


def test_a_clock_that_is_set_back_does_not_keep_it_open(opened, clock):
    assert passes(opened)
    clock.now -= 86400
    assert passes(opened) is True


def test_a_restart_does_not_open_it(clock):
    tested = breaker.Breaker(32)
    clock.now += 3600  # idle
    for _ in range(100):
        tested.failed(clock.now)
        clock.now += 0.04
    assert not tested.is_open


def test_uploads_that_break_off_have_been_answered(clock):
    tested = breaker.Breaker(32)
    clock.now += 3600
    for _ in range(10):
        tested.failed(clock.now - 0.1)  # which was when Swift took the last
    assert not tested.is_open


def test_a_proxy_that_hangs_does_not_open_it_while_others_answer(clock):
    tested = breaker.Breaker(32)
    waiting_since = clock.now
    clock.now += 29.9
    tested.answered()
    clock.now += 0.1
    for _ in range(10):
        tested.failed(waiting_since)
    assert not tested.is_open


def test_requests_that_hang_open_it(clock):
    tested = breaker.Breaker(32)
    waiting_since = clock.now
    clock.now += 30
    for _ in range(4):
        assert not tested.is_open
        tested.failed(waiting_since)
    assert tested.is_open


def test_the_only_request_that_there_can_be_opens_it(clock):
    tested = breaker.Breaker(1)
    waiting_since = clock.now
    clock.now += 30
    tested.failed(waiting_since)
    assert tested.is_open


def test_a_cluster_that_is_away_and_comes_back(
        make_storage, faults, monkeypatch):
    monkeypatch.setattr(breaker, '_SILENCE_SECONDS', 0)
    monkeypatch.setattr(breaker, '_PROBE_SECONDS', 0.3)
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port)
    storage.put_content('a', b'1')
    faults.inject(relay.drop(), 'HEAD', times=1000)
    with pytest.raises(IOError):
        storage.exists('a')
    started = time.time()
    threads = [threading.Thread(target=pytest.raises, args=(
        IOError, storage.exists, 'a')) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Four, and then one for each 0.3 s that this took.
    assert faults.count('HEAD') <= 5 + (time.time() - started) / 0.3
    assert storage.statistics()['silent'] is True
    # The health check is not kept from asking, and what it finds counts.
    faults._rules = []
    storage.check()
    assert storage.statistics()['silent'] is False
    assert storage.exists('a') is True


def test_what_has_begun_is_not_cut_off(make_storage, faults, monkeypatch):
    monkeypatch.setattr(breaker, '_SILENCE_SECONDS', 0)
    monkeypatch.setattr(breaker, '_PROBE_SECONDS', 0.1)
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_retries=10, swift_retry_delay=0.02)
    storage.put_content('a', b'1')
    faults.inject(relay.drop(), 'HEAD', times=7)
    assert storage.exists('a') is True
    assert faults.count('HEAD', 'registry/a') == 8


def test_an_object_that_swift_fails_at_is_given_up(faulty_storage, faults):
    faulty_storage.put_content('a', b'1')
    faults.inject(relay.drop(), 'GET', 'registry/a', times=100)
    with pytest.raises(errors.UnreachableError):
        faulty_storage.stream_read('a')
    # Others are answered; so this one does not wait until swift_timeout.
    assert faults.count('GET', 'registry/a') == 5
    assert faults.count('HEAD', faulty_storage._container.name) == 2


def test_answers_do_not_open_it(faulty_storage, faults, monkeypatch):
    monkeypatch.setattr(breaker, '_SILENCE_SECONDS', 0)
    faults.inject(relay.status(503, {'Retry-After': '0'}), 'HEAD', times=8)
    for _ in range(2):
        with pytest.raises(errors.SwiftError):
            faulty_storage.exists('a')
    assert faulty_storage.statistics()['silent'] is False


def test_a_login_that_is_away_opens_it(make_storage, monkeypatch):
    monkeypatch.setattr(breaker, '_SILENCE_SECONDS', 0)
    # Nothing listens on the discard port.
    storage = make_storage(swift_authurl='http://127.0.0.1:9/auth/v1.0',
                           swift_retry_delay=0)
    with pytest.raises(IOError):
        storage.exists('a')
    assert storage.statistics()['silent'] is True


def test_who_waits_for_a_connection_is_not_held_up(
        make_storage, faults, monkeypatch):
    monkeypatch.setattr(breaker, '_SILENCE_SECONDS', 0)
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_connections=1, swift_timeout=2, swift_retries=0)
    storage.put_content('a', b'1')
    faults.inject(relay.stall(30), 'HEAD', times=100)
    caught = []

    def ask():
        try:
            storage.exists('a')
        except errors.SwiftError as error:
            caught.append(error)
    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    while storage.statistics()['pool']['waiting'] < 9:
        assert not caught
    for thread in threads:
        thread.join()
    assert len(caught) == 10
    # One after the other, each would have waited for its own timeout.
    assert faults.count('HEAD') <= 2
