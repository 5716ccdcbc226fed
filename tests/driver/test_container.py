"""Retries, logins and connections, seen from Swift's side of the wire."""

import os
import threading

import pytest
import relay

from docker_registry.core import exceptions
from docker_registry.drivers.swift import errors

_LOGIN = '/auth/v1.0'


@pytest.mark.parametrize('status', [408, 429, 498, 500, 502, 503, 504])
def test_passing_failures_are_retried(faulty_storage, faults, status):
    faulty_storage.put_content('a', b'1')
    for method in ('GET', 'HEAD', 'PUT', 'DELETE'):
        faults.inject(relay.status(status), method, 'registry/a')
    faulty_storage.put_content('a', b'2')
    assert faulty_storage.exists('a') is True
    assert faulty_storage.get_content('a') == b'2'
    faulty_storage.remove('a')
    assert faulty_storage.exists('a') is False


def test_failures_that_do_not_pass_are_raised(faulty_storage, faults):
    faulty_storage.put_content('a', b'1')
    faults.inject(relay.status(503, {'X-Trans-Id': 'tx1'}), 'HEAD', times=9)
    with pytest.raises(IOError) as caught:
        faulty_storage.exists('a')
    assert caught.value.status == 503
    assert caught.value.object_name == 'registry/a'
    assert caught.value.transaction_id == 'tx1'
    assert faults.count('HEAD') == 4  # swift_retries is 3


@pytest.mark.parametrize('status', [301, 400, 405, 407, 409, 413, 507])
def test_lasting_failures_are_not_retried(faulty_storage, faults, status):
    faulty_storage.put_content('a', b'1')
    before = faults.count('PUT')
    faults.inject(relay.status(status), 'PUT', times=2)
    with pytest.raises(errors.SwiftError) as caught:
        faulty_storage.put_content('a', b'2')
    assert caught.value.status == status
    assert faults.count('PUT') == before + 1


def test_lost_answers(faulty_storage, faults):
    faulty_storage.put_content('a', b'1')
    for method in ('HEAD', 'GET', 'PUT', 'DELETE'):
        faults.inject(relay.lose(), method, 'registry/a')
    assert faulty_storage.exists('a') is True
    assert faulty_storage.get_content('a') == b'1'
    faulty_storage.put_content('a', b'2')
    # Swift has done it before its answer was lost: the retry meets a 404.
    faulty_storage.remove('a')
    assert faulty_storage.exists('a') is False


@pytest.mark.parametrize('status', [429, 498])
def test_refusal_removes_nothing(faulty_storage, faults, status):
    faulty_storage.put_content('b', b'1')  # makes the container
    faults.inject(relay.status(status), 'DELETE', 'registry/a')
    with pytest.raises(errors.ObjectNotFoundError):
        faulty_storage._container.delete('registry/a')
    assert faults.count('DELETE') == 2


def test_login_that_fails_removes_nothing(faulty_storage, faults):
    faulty_storage.put_content('b', b'1')
    faults.inject(relay.status(401), 'DELETE', 'registry/a')
    faults.inject(relay.status(503), 'GET', _LOGIN)
    with pytest.raises(errors.ObjectNotFoundError):
        faulty_storage._container.delete('registry/a')
    assert faults.count('DELETE') == 2


@pytest.mark.parametrize('method', ['HEAD', 'DELETE'])
def test_retries_do_not_hide_a_directory(faulty_storage, faults, method):
    for path in ('dir/a', 'dir/b'):
        faulty_storage.put_content(path, b'1')
    faults.inject(relay.status(503), method, 'dir')
    faulty_storage.remove('dir')
    assert faulty_storage.exists('dir/a') is False
    with pytest.raises(exceptions.FileNotFoundError):
        faulty_storage.remove('dir')


def test_timeout(make_storage, faults):
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_timeout=1)
    storage.put_content('a', b'1')
    faults.inject(relay.stall(3), 'HEAD')
    assert storage.exists('a') is True  # by the second attempt
    faults.inject(relay.stall(3), 'HEAD', times=2)
    with pytest.raises(exceptions.UnreachableError):
        storage.exists('a')
    assert storage.exists('a') is True


def test_retry_after_is_honoured(faulty_storage, faults, caplog):
    faults.inject(relay.status(503, {'Retry-After': '1'}), 'HEAD')
    assert faulty_storage.exists('a') is False
    assert 'trying again in 1.0 s' in caplog.text


def test_login_once_and_renewed_once(faulty_storage, faults):
    def together(count):
        threads = [threading.Thread(target=faulty_storage.exists, args=('a',))
                   for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    together(8)
    assert faults.count('GET', _LOGIN) == 1
    login = faulty_storage._container._pool._process.login
    login._grant = login._grant._replace(token='AUTH_tkexpired')
    together(8)
    assert faults.count('GET', _LOGIN) == 2
    assert faulty_storage.exists('a') is False


def test_login_is_retried_like_any_request(faulty_storage, faults):
    faults.inject(relay.status(503), 'GET', _LOGIN)
    assert faulty_storage.exists('a') is False
    faults.inject(relay.status(401), 'HEAD')
    faults.inject(relay.lose(), 'GET', _LOGIN)
    assert faulty_storage.exists('a') is False
    assert faults.count('GET', _LOGIN) == 4


def test_account_elsewhere_than_the_login_says(
        make_storage, services, faults):
    storage = make_storage(
        swift_object_storage_url='http://127.0.0.1:%d/v1/AUTH_test'
        % faults.port)
    storage.put_content('a', b'1')
    assert storage.get_content('a') == b'1'
    assert faults.count('GET', _LOGIN) == 0
    assert faults.count('GET', 'registry/a') == 1


def test_ca_file_that_is_not_there(make_storage):
    storage = make_storage(swift_cacert='/absent.pem',
                           swift_authurl='https://127.0.0.1:9/auth/v1.0')
    with pytest.raises(errors.SwiftError) as caught:
        storage.exists('a')
    assert 'swift_cacert' in str(caught.value)


@pytest.mark.parametrize('path', ['', '/v3', '/identity/v3'])
def test_keystone_that_is_away(make_storage, path):
    # Nothing listens on the discard port.
    storage = make_storage(
        swift_authurl='http://127.0.0.1:9' + path, swift_auth_version=3,
        swift_tenant_name='images', swift_retries=0)
    with pytest.raises(exceptions.UnreachableError):
        storage.exists('a')


def test_refused_token_is_renewed_once(faulty_storage, faults):
    faults.inject(relay.status(401), 'HEAD', times=2)
    with pytest.raises(errors.AccessDeniedError) as caught:
        faulty_storage.exists('a')
    assert caught.value.status == 401
    assert faults.count('GET', _LOGIN) == 2
    assert faulty_storage.exists('a') is False


def test_wrong_password(make_storage):
    storage = make_storage(swift_password='wrong')
    with pytest.raises(errors.AccessDeniedError) as caught:
        storage.exists('a')
    assert 'swift_password' in str(caught.value)
    assert 'wrong' not in str(caught.value)


def test_login_fails_once_for_all_who_wait(faulty_storage, faults):
    faults.inject(relay.stall(0.5), 'GET', _LOGIN)
    faults.inject(relay.status(403), 'GET', _LOGIN)
    faulty_storage.exists('a')
    login = faulty_storage._container._pool._process.login
    login._grant = None
    caught = []

    def ask():
        try:
            faulty_storage.exists('a')
        except errors.AccessDeniedError as error:
            caught.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    # Hold the login until all wait for it.
    with login._lock:
        for thread in threads:
            thread.start()
        while threading.active_count() < 8:
            pass
        threading.Event().wait(0.2)
    for thread in threads:
        thread.join()
    assert len(caught) == 8
    assert faults.count('GET', _LOGIN) == 2


def test_connections_are_kept_and_limited(make_storage, faults):
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_connections=2)
    storage.exists('a')
    before = faults.connections
    threads = [threading.Thread(target=storage.exists, args=('a',))
               for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults.connections - before <= 1


def test_body_in_a_readers_hands_takes_no_slot(make_storage):
    storage = make_storage(swift_connections=1)
    storage.put_content('a', b'0123456789' * 100000)
    readers = [storage.stream_read('a') for _ in range(3)]
    begun = [len(next(reader)) for reader in readers]
    assert storage.exists('a') is True
    for reader, begun_bytes in zip(readers, begun):
        assert 0 < begun_bytes < 1000000
        assert sum(map(len, reader)) == 1000000 - begun_bytes
    idle = storage._container._pool._process.idle
    assert len(idle) == 1


def test_abandoned_readers_give_back_their_connection(storage):
    storage.put_content('a', b'0123456789' * 100000)
    for _ in range(40):  # more than swift_connections
        reader = storage.stream_read('a')
        next(reader)
        del reader
    for _ in range(40):
        storage.stream_read('a').close()
    process = storage._container._pool._process
    assert len(process.idle) == 1
    assert process.slots.free() == 32


def test_a_fork_starts_afresh(faulty_storage, faults):
    faulty_storage.put_content('a', b'1')
    before = faults.connections
    child = os.fork()
    if child == 0:
        try:
            same = faulty_storage.get_content('a') == b'1'
            os._exit(0 if same else 1)
        finally:
            os._exit(2)
    assert faulty_storage.get_content('a') == b'1'
    assert os.waitpid(child, 0)[1] == 0
    assert faulty_storage.get_content('a') == b'1'
    # The child has logged in and connected by itself, the parent has not.
    assert faults.count('GET', _LOGIN) == 2
    assert faults.connections == before + 2


def test_delete_of_what_another_proxy_has_just_written(faulty_storage,
                                                       faults):
    # Its clock is ahead: the object server answers 409.
    faulty_storage.put_content('a', b'1')
    faults.inject(relay.status(409), 'DELETE', 'registry/a')
    faulty_storage.remove('a')
    assert not faulty_storage.exists('a')


def test_nobody_waits_for_each_of_many_deletes(make_storage, faults):
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_retries=0)
    storage._container.capabilities()
    faults.inject(relay.drop(), 'POST', 'bulk-delete')
    faults.inject(relay.drop(), 'DELETE', times=9)
    with pytest.raises(exceptions.UnreachableError):
        storage._container.delete_all(['1', '2', '3'])
    assert faults.count('DELETE') == 0
    with pytest.raises(exceptions.UnreachableError):
        storage._container.delete_all(['1'])
    assert faults.count('DELETE') == 1


def test_redirects_are_not_followed(faulty_storage, faults):
    elsewhere = {'Location': 'http://127.0.0.1:%d/elsewhere' % faults.port}
    faults.inject(relay.status(307, elsewhere), 'GET', 'registry/a')
    with pytest.raises(errors.SwiftError) as caught:
        faulty_storage.get_content('a')
    assert caught.value.status == 307
    assert not isinstance(caught.value, exceptions.FileNotFoundError)
    assert faults.count('GET', 'elsewhere') == 0
