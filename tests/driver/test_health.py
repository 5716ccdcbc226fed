import time

import pytest
import relay

from docker_registry.core import exceptions
from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift.monitoring import health


class Mapping(object):

    """What the registry's Config makes of a mapping."""

    def __init__(self, keys):
        self._keys = keys

    def keys(self):
        return self._keys.keys()

    def __getattr__(self, key):
        return self._keys.get(key)


def extensions(keys):
    return Mapping({'swift_health': keys})


def parse(**keys):
    return health.parse(extensions(Mapping(keys)))


@pytest.mark.parametrize('config', [
    None, Mapping({}), extensions(None), extensions(Mapping({})),
    extensions(Mapping({'interval': None}))])
def test_defaults(config):
    assert health.parse(config) == (True, 10, 3, False)


@pytest.mark.parametrize('interval, seconds', [
    (5, 5), (0.5, 0.5), ('10s', 10), ('500ms', 0.5), ('1m30s', 90),
    ('1h', 3600), ('1.5s', 1.5)])
def test_intervals(interval, seconds):
    assert parse(interval=interval).interval_seconds == seconds


def test_all_keys():
    assert parse(enabled=True, interval='2s', threshold=1,
                 enforce=True) == (True, 2, 1, True)
    assert parse(enabled=False).enabled is False


@pytest.mark.parametrize('key, value', [
    ('interval', '10'), ('interval', 'soon'), ('interval', '10 s'),
    ('interval', 0), ('interval', '2h'), ('interval', True),
    ('threshold', 0), ('threshold', '3'), ('threshold', 1.5),
    ('enabled', 'yes'), ('enforce', 1), ('intervall', '10s')])
def test_wrong_values_are_named(key, value):
    with pytest.raises(exceptions.ConfigError) as caught:
        parse(**{key: value})
    assert 'extensions: swift_health: %s: ' % key in str(caught.value)


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(exceptions.ConfigError) as caught:
        parse(interval='soon', threshold=0)
    assert 'interval' in str(caught.value)
    assert 'threshold' in str(caught.value)


@pytest.mark.parametrize('config', [True, 'on', ['swift_health'], 3])
def test_not_a_mapping(config):
    for wrong in (config, extensions(config)):
        with pytest.raises(exceptions.ConfigError) as caught:
            health.parse(wrong)
        assert 'not a mapping' in str(caught.value)


def test_enforce_without_checks():
    with pytest.raises(exceptions.ConfigError) as caught:
        parse(enabled=False, enforce=True)
    assert 'enforce' in str(caught.value)


@pytest.fixture
def checked(faulty_storage):
    """Health of a Swift behind the relay, as of the last check()."""
    return health.Health(faulty_storage.check, parse(threshold=3))


def test_threshold_and_recovery(checked, faults):
    before = checked.finding
    assert (before.state, before.checked, before.failures) == (
        'healthy', None, 0)
    faults.inject(relay.status(503, {'X-Trans-Id': 'tx1'}), 'HEAD', times=3)
    for failures in (1, 2):
        checked.check()
        assert (checked.finding.state, checked.finding.failures) == (
            'healthy', failures)
    checked.check()
    assert checked.finding.state == 'unhealthy'
    assert 'status 503, transaction tx1' in checked.finding.last_error
    assert faults.count('HEAD') == 3  # a check is one request
    checked.check()
    after = checked.finding
    assert (after.state, after.failures) == ('healthy', 0)
    assert after.latency_seconds > 0
    assert 'tx1' in after.last_error  # what it was, for who comes late
    assert after.last_error_at <= after.checked


def test_failures_that_are_not_in_a_row(checked, faults):
    for _ in range(4):
        faults.inject(relay.drop(), 'HEAD')
        checked.check()
        checked.check()
    assert checked.finding.state == 'healthy'


def test_an_expired_token_is_no_failure(checked, faults):
    checked.check()
    faults.inject(relay.status(401), 'HEAD')
    checked.check()
    assert checked.finding.failures == 0


def test_missing_container(make_storage):
    # The first push makes it.
    make_storage().check()
    with pytest.raises(errors.ObjectNotFoundError):
        make_storage(swift_create_container=False).check()


def test_a_check_is_given_up_soon(make_storage, faults):
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_timeout=1)
    storage.check()
    faults.inject(relay.stall(30), 'HEAD')
    started = time.time()
    with pytest.raises(errors.UnreachableError):
        storage.check()
    assert time.time() - started < 15


def test_a_check_does_not_wait_for_a_connection(make_storage):
    storage = make_storage(swift_connections=1)
    storage.put_content('a', b'1')
    slots = storage._connections._process.slots
    slots.acquire()
    storage.check()
    slots.release()
    assert slots.free() == 1


def test_what_nobody_foresaw_does_not_end_the_checks():
    def check():
        raise KeyError('foreseen')
    tested = health.Health(check, parse(threshold=1))
    tested.check()
    assert tested.finding.state == 'unhealthy'
    assert 'KeyError' in tested.finding.last_error


def test_each_process_watches_once():
    checks = []
    tested = health.Health(lambda: checks.append(time.time()),
                           parse(interval='100ms'))
    time.sleep(0.2)
    assert checks == []
    for _ in range(5):
        tested.watch()
    give_up_at = time.time() + 120
    while len(checks) < 3 and time.time() < give_up_at:
        time.sleep(0.01)
    assert len(checks) >= 3
    # One after the other, and not five at once.
    assert checks[2] - checks[0] > 0.15
