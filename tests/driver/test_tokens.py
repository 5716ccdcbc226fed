"""When a token is renewed, and when it is not."""

import io
import threading

import pytest
import relay

from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift.client import breaker
from docker_registry.drivers.swift.client import capabilities
from docker_registry.drivers.swift.client import login
from docker_registry.drivers.swift.client import shared_login
from docker_registry.drivers.swift.compat import urlsplit

_LOGIN = '/auth/v1.0'


@pytest.fixture
def time_passes(monkeypatch):
    """Make the clock of the driver jump; takes seconds."""
    real, passed = breaker.clock, []
    monkeypatch.setattr(breaker, 'clock', lambda: real() + sum(passed))
    return passed.append


class Identity(object):

    """Makes a Grant for each login, or raises what it is told to.

    :param life_seconds: of each token
    """

    def __init__(self, life_seconds):
        self.life_seconds = life_seconds
        self.limits = []
        self.failure = None
        self.token = None

    def __call__(self, limit_seconds):
        self.limits.append(limit_seconds)
        if self.failure:
            raise self.failure
        return login.Grant(
            'http://swift/v1/AUTH_a', self.token or str(len(self.limits)),
            None, breaker.clock() + self.life_seconds, self.life_seconds)


# Renewed before it ends

@pytest.mark.parametrize('life_seconds, good_seconds', [
    (3600, 3540), (100, 90), (20, 18)])
def test_renewed_a_minute_or_a_tenth_before_it_ends(
        time_passes, life_seconds, good_seconds):
    identity = Identity(life_seconds)
    shared = shared_login.SharedLogin(identity)
    assert [shared.grant(60).token for _ in range(3)] == ['1'] * 3
    time_passes(good_seconds - 1)
    assert shared.grant(60).token == '1'
    time_passes(1)
    assert [shared.grant(60).token for _ in range(3)] == ['2'] * 3
    assert (shared.attempts, len(identity.limits)) == (2, 2)
    assert identity.limits[1] <= 5


def test_one_looks_while_another_renews(monkeypatch):
    identity = Identity(100)
    shared = shared_login.SharedLogin(identity)
    assert shared.grant(60).token == '1'
    real, asked = breaker.clock, []

    def clock():
        asked.append(True)
        if len(asked) == 2:
            # As another thread does, when it has a new token.
            shared._renew_at = None
        return real()
    monkeypatch.setattr(breaker, 'clock', clock)
    assert shared.grant(60).token == '1'
    assert len(asked) == 2


def test_one_renews_while_the_others_go_on(time_passes):
    identity = Identity(100)
    goes_on = threading.Event()
    renews = threading.Event()

    def authenticate(limit_seconds):
        if identity.limits:
            renews.set()
            assert goes_on.wait(30)
        return identity(limit_seconds)
    shared = shared_login.SharedLogin(authenticate)
    shared.grant(60)
    time_passes(95)
    renewed = []
    thread = threading.Thread(
        target=lambda: renewed.append(shared.grant(60).token))
    thread.start()
    assert renews.wait(30)
    assert [shared.grant(60).token for _ in range(16)] == ['1'] * 16
    goes_on.set()
    thread.join()
    assert renewed == ['2']
    assert shared.grant(60).token == '2'
    assert len(identity.limits) == 2


def test_identity_service_that_is_away_while_the_token_is_good(time_passes):
    identity = Identity(100)
    shared = shared_login.SharedLogin(identity)
    shared.grant(60)
    identity.failure = errors.UnreachableError('away')
    time_passes(91)
    assert [shared.grant(60).token for _ in range(20)] == ['1'] * 20
    assert len(identity.limits) == 2
    time_passes(4)
    assert [shared.grant(60).token for _ in range(20)] == ['1'] * 20
    assert len(identity.limits) == 3
    time_passes(6)
    with pytest.raises(errors.UnreachableError):
        shared.grant(60)
    identity.failure = None
    assert shared.grant(60).token == '5'


def test_token_that_is_given_again_is_not_asked_for_again(time_passes):
    identity = Identity(100)
    identity.token = 'same'
    shared = shared_login.SharedLogin(identity)
    shared.grant(60)
    time_passes(95)
    identity.life_seconds = 5
    for _ in range(20):
        shared.grant(60)
    time_passes(4.9)
    for _ in range(20):
        shared.grant(60)
    assert len(identity.limits) == 2
    time_passes(0.1)
    shared.grant(60)
    assert len(identity.limits) == 3


def test_lives_of_tempauth(storage, time_passes):
    # Its tokens live for a day, and each login gives the same.
    assert storage.exists('a') is False
    process = storage._container._pool._process
    grant = process.login.grant(60)
    assert 0 < grant.life_seconds <= 86400
    time_passes(grant.life_seconds - 1)
    for _ in range(5):
        assert storage.exists('a') is False
    assert process.login.attempts == 2


# 403, which Ceph's RADOS Gateway gives for a token that has ended

@pytest.mark.parametrize('method, act', [
    ('HEAD', lambda storage: storage.exists('a')),
    ('GET', lambda storage: storage.get_content('a') == b'1'),
    ('PUT', lambda storage: storage.put_content('a', b'1') or True),
    ('DELETE', lambda storage: storage.remove('a') or True)])
def test_403_of_a_token_that_was_good(faulty_storage, faults, method, act):
    faulty_storage.put_content('a', b'1')
    faults.inject(relay.status(403), method, 'registry/a')
    assert act(faulty_storage)
    assert faults.count('GET', _LOGIN) == 2
    # That has helped: so it does the next time.
    faulty_storage.put_content('a', b'1')
    faults.inject(relay.status(403), method, 'registry/a')
    assert act(faulty_storage)
    assert faults.count('GET', _LOGIN) == 3


def test_403_of_a_fresh_token_is_about_rights(faulty_storage, faults):
    faults.inject(relay.status(403), 'HEAD', times=3)
    for _ in range(3):
        with pytest.raises(errors.AccessDeniedError) as caught:
            faulty_storage.exists('a')
    assert caught.value.status == 403
    assert 'see swift_user, swift_container' in str(caught.value)
    assert caught.value.see == ('swift_user', 'swift_container')
    assert faults.count('GET', _LOGIN) == 1


def test_user_without_rights_does_not_log_in_each_time(
        faulty_storage, faults, time_passes):
    faulty_storage.put_content('a', b'1')
    before = faults.count('PUT')
    faults.inject(relay.status(403), 'PUT', times=5)

    def is_refused():
        assert faulty_storage.get_content('a') == b'1'
        with pytest.raises(errors.AccessDeniedError):
            faulty_storage.put_content('a', b'2')
    for _ in range(3):
        is_refused()
    assert faults.count('GET', _LOGIN) == 2
    assert faults.count('PUT') == before + 4
    # A minute later the token may have ended after all.
    time_passes(61)
    assert faulty_storage.get_content('a') == b'1'
    faulty_storage.put_content('a', b'2')
    assert faulty_storage.get_content('a') == b'2'
    assert faults.count('GET', _LOGIN) == 3


def test_403_that_many_get_at_once(faulty_storage, faults):
    def refuse(relay_, client, request):
        # Until there has been another login.
        refused = faults.count('GET', _LOGIN) < 2
        (relay.status(403) if refused else relay._pass)(
            relay_, client, request)
    faulty_storage.put_content('a', b'1')
    faults.inject(refuse, 'HEAD', times=100)
    found = []
    threads = [threading.Thread(
        target=lambda: found.append(faulty_storage.exists('a')))
        for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 8
    assert faults.count('GET', _LOGIN) == 2


def test_403_that_the_segments_of_a_layer_have(make_storage, faults):
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_segment_size=1000)
    storage.put_content('a', b'1')
    faults.inject(
        relay.answer('Errors:\n/c/o, 403 Forbidden\n', {'X-Trans-Id': 'tx0'},
                     '400 Bad Request'), 'PUT', 'multipart-manifest=put')
    storage.stream_write('images/1/layer', io.BytesIO(2500 * b'1'))
    assert storage.get_size('images/1/layer') == 2500
    assert faults.count('GET', _LOGIN) == 2


def test_403_of_a_token_in_a_file_that_is_written_late(
        storage, make_storage, faults, tmpdir, time_passes):
    url = urlsplit(storage.container.storage_url())
    path = tmpdir.join('token')
    path.write(storage._container._pool.grant().token)
    reading = make_storage(
        swift_authurl=None, swift_auth_version=None, swift_user=None,
        swift_password=None, swift_auth_token_file=str(path),
        swift_object_storage_url='http://127.0.0.1:%d%s' % (
            faults.port, url.path))
    reading.put_content('a', b'1')
    faults.inject(relay.status(403), 'HEAD', times=4)
    for _ in range(2):
        with pytest.raises(errors.AccessDeniedError):
            reading.exists('a')
    time_passes(61)
    # What is read now is good.
    assert reading.exists('a')
    assert faults.count('HEAD') == 5


def test_403_of_what_needs_no_token(faulty_storage, faults):
    """A cluster that does not show its /info."""
    faulty_storage.put_content('a', b'1')
    faults.inject(relay.status(403), 'GET', '/info', times=2)
    assert (faulty_storage._container.capabilities()
            == capabilities.DEFAULT)
    assert faults.count('GET', _LOGIN) == 1
    faults.inject(relay.status(403), 'HEAD')
    assert faulty_storage.exists('a')
    assert faults.count('GET', _LOGIN) == 2


def test_403_of_a_write_says_who_may_not_write_where(faulty_storage, faults):
    faults.inject(relay.status(403), 'PUT', times=2)
    with pytest.raises(errors.AccessDeniedError) as caught:
        faulty_storage.put_content('a', b'1')
    assert 'cannot write to container container' in str(caught.value)
    assert '(see swift_user, swift_container)' in str(caught.value)
    assert caught.value.see == ('swift_user', 'swift_container')
