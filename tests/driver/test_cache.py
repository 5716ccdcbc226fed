"""The registry's cache_lru on a real Redis."""

import contextlib
import io
import logging
import os
import signal
import socket
import threading
import time

import calls
import pytest

from docker_registry.core import lru
from docker_registry.drivers.swift import cache
from docker_registry.drivers.swift import errors

_REPOSITORY = 'repositories/library/demo/'
_TAG = _REPOSITORY + 'tag_latest'
_LOG = cache.logger.name


@pytest.fixture(autouse=True)
def fast_probes(monkeypatch):
    monkeypatch.setattr(cache, '_PROBE_SECONDS', 0.1)


@pytest.fixture
def pushed(make_storage, redis_cache):
    """A storage with Redis, and in it an image that was pushed and read."""
    storage = make_storage()
    calls.put_parent(storage)
    calls.push(storage)
    storage.put_content(_TAG, calls.ID)
    storage.put_content(_REPOSITORY + '_index_images', '[]')
    storage.put_content(_REPOSITORY + '_private', '')
    calls.get_json(storage)
    calls.get_ancestry(storage)
    calls.get_layer(storage)
    return storage


@contextlib.contextmanager
def frozen(services):
    """Redis takes connections and does not answer."""
    os.kill(services['redis_pid'], signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(services['redis_pid'], signal.SIGCONT)


@contextlib.contextmanager
def replica(redis_conn):
    """Redis is the replica of one that is away: READONLY."""
    redis_conn.execute_command('REPLICAOF', '127.0.0.1', '9')
    try:
        yield
    finally:
        redis_conn.execute_command('REPLICAOF', 'NO', 'ONE')


def refusing(name, value):
    """Redis refuses writes because of a setting."""
    @contextlib.contextmanager
    def refusing(redis_conn):
        before = redis_conn.config_get(name)[name]
        redis_conn.config_set(name, value)
        try:
            yield
        finally:
            redis_conn.config_set(name, before)
    return refusing


REFUSALS = [replica, refusing('maxmemory', '1'),
            refusing('min-replicas-to-write', '1')]


def logged(caplog):
    return [record.getMessage() for record in caplog.records
            if record.name == _LOG and record.levelno >= logging.WARNING]


def wait_until_back(caplog, count):
    give_up_at = time.time() + 120
    while logged(caplog).count('cache_lru: Redis is back') < count:
        assert time.time() < give_up_at
        time.sleep(0.05)


def entries(redis_conn, path=''):
    return sorted(key.decode() for key in redis_conn.keys('*' + path)
                  if b'http' in key)


def test_what_changes_is_not_in_redis(pushed, redis_cache):
    url = '%s%s/%s/registry/' % (
        cache._PREFIX, pushed._connections.known_storage_url(),
        pushed._container.name)
    assert entries(redis_cache) == sorted(url + path for path in (
        calls.JSON, calls.ANCESTRY, calls.LAYER, calls.PARENT + 'json',
        calls.PARENT + 'ancestry'))
    for key in entries(redis_cache):
        assert 0 < redis_cache.ttl(key) <= (
            60 if key.endswith('/layer') else 600)


def test_what_is_removed_is_not_in_redis(pushed, redis_cache):
    pushed.remove(calls.IMAGE.rstrip('/'))
    pushed.remove(calls.PARENT + 'json')
    pushed.remove(calls.PARENT + 'ancestry')
    assert entries(redis_cache) == []


def test_layer_that_is_written_anew(pushed, redis_cache):
    pushed.stream_write(calls.LAYER, io.BytesIO(b'another'))
    assert entries(redis_cache, '/layer') == []


def test_image_that_is_pushed_anew(pushed, make_storage, redis_cache):
    make_storage().put_content(calls.MARK, 'true')
    assert entries(redis_cache, '/layer') == []


@pytest.mark.parametrize('root, changes', [
    ('/registry', {'swift_container': 'another'}), ('/another', {}),
    ('/', {})])
def test_two_deployments_on_one_redis(pushed, make_storage, root, changes):
    other = make_storage(root, **changes)
    calls.find_json(other)
    assert other.memory.content(calls.PARENT + 'ancestry') is None
    with calls.served(other, 'put_image_json',
                      find_parent=lambda: calls.PARENT_ID):
        assert not other.exists(calls.PARENT + 'json')
    calls.put_parent(other)
    calls.push(other)
    names = {entry['name'] for entry in other._container.list('')}
    assert {other._names.object_name(calls.IMAGE + name)
            for name in ('json', 'ancestry', 'layer')} <= names


def test_two_accounts_on_one_redis(pushed, make_storage):
    url = pushed._connections.known_storage_url()
    other = make_storage(
        swift_object_storage_url=url.replace('127.0.0.1', 'localhost'))
    assert other.exists(calls.JSON)
    assert other.memory.content(calls.JSON) is None
    assert other.memory.stat(calls.LAYER) is None


def test_two_registries_share_what_is_there(pushed, make_storage):
    other = make_storage()
    # Whose objects it is about is known with the login.
    assert other.memory.content(calls.JSON) is None
    assert other.exists(calls.JSON)
    assert other.memory.content(calls.JSON) == b'{"id": 1}'
    assert other.memory.stat(calls.LAYER) == other.stat(calls.LAYER)


def damaged(entry):
    yield b''
    yield b'1'
    yield b'{"id": 1}'
    yield b'[1, "2", null]'
    yield b'\xff\x00'
    yield entry[:-1]
    yield entry + b' '
    yield entry[:-1] + b'?'
    yield b'2' + entry[1:]


def test_entries_that_are_not_what_was_written(
        pushed, make_storage, redis_cache, caplog):
    for name in ('/json', '/layer'):
        for key in entries(redis_cache, name):
            for entry in damaged(redis_cache.get(key)):
                redis_cache.set(key, entry)
                other = make_storage()
                calls.get_json(pushed)
                assert other.exists(calls.JSON)
                assert other.memory.content(calls.JSON) in (
                    None, b'{"id": 1}')
                redis_cache.set(key, entry)
                calls.get_layer(other)
    for key in entries(redis_cache):
        redis_cache.delete(key)
        redis_cache.lpush(key, 'a list')
    other = make_storage()
    assert other.exists(calls.JSON)
    assert other.memory.content(calls.JSON) is None
    assert other.memory.stat(calls.LAYER) is None
    # Reading the image writes over one of them.
    calls.get_json(other)
    assert make_read(make_storage).memory.stat(calls.LAYER)
    assert logged(caplog) == []


def make_read(make_storage):
    """Make a storage that has logged in."""
    storage = make_storage()
    storage.exists(calls.JSON)
    return storage


def test_entries_of_other_objects(pushed, make_storage, redis_cache):
    keys = entries(redis_cache)
    found = [redis_cache.get(key) for key in keys]
    for turn in range(1, len(keys)):
        for key, entry in zip(keys, found[turn:] + found[:turn]):
            redis_cache.set(key, entry)
        other = make_read(make_storage)
        for path in (calls.JSON, calls.ANCESTRY, calls.LAYER):
            assert other.memory.content(path) is None
        assert other.memory.stat(calls.LAYER) is None


def test_entries_of_another_version(
        pushed, make_storage, redis_cache, monkeypatch):
    for version in b'2', b'10', b'':
        monkeypatch.setattr(cache, '_VERSION', version)
        other = make_read(make_storage)
        assert other.memory.content(calls.JSON) is None
        assert other.memory.stat(calls.LAYER) is None
        calls.get_layer(other)


def move_and_remove_a_tag(one, other):
    """Each sees at once what the other one has changed."""
    for image_id in b'x', b'y', b'z':
        one.put_content(_TAG, image_id)
        assert one.get_content(_TAG) == other.get_content(_TAG) == image_id
        one, other = other, one
    one.remove(_TAG)
    for storage in one, other:
        assert not storage.exists(_TAG)
        with pytest.raises(errors.ObjectNotFoundError):
            storage.get_content(_TAG)


def push_again(one, other):
    """An image that is removed is gone, and is pushed and pulled again."""
    one.remove(calls.IMAGE.rstrip('/'))
    for storage in one, other:
        calls.find_json(storage)
    for content in b'first', b'second':
        calls.put_json(one)
        calls.put_layer(other, content, 'sha256:' + content.decode())
    calls.put_checksum(one, 'sha256:second')
    for storage in one, other:
        calls.get_json(storage, b'second', 'sha256:second')
        calls.get_layer(storage, b'second')


@pytest.mark.parametrize('refusing', REFUSALS)
def test_redis_that_refuses_writes(pushed, make_storage, redis_cache, caplog,
                                   refusing):
    other = make_storage()
    with refusing(redis_cache):
        move_and_remove_a_tag(pushed, other)
        push_again(pushed, other)
        time.sleep(0.5)  # it is tried some times more
        # Each worker says so once; here are two.
        assert len(logged(caplog)) == 2
        for line in logged(caplog):
            assert 'cache_lru: Redis is not used until it is back: ' in line
    wait_until_back(caplog, 2)
    move_and_remove_a_tag(other, pushed)
    push_again(other, pushed)


def test_redis_that_comes_back_with_what_it_had(
        pushed, make_storage, redis_cache, services, caplog):
    other = make_storage()
    old = {key: redis_cache.get(key) for key in entries(redis_cache)}
    move_and_remove_a_tag(pushed, other)
    push_again(pushed, other)
    redis_cache.flushall()
    for key, entry in old.items():
        redis_cache.set(key, entry)
    third = make_read(make_storage)
    calls.get_layer(third, b'second')
    calls.get_json(third, b'second', 'sha256:second')


def test_redis_that_hangs(pushed, make_storage, services, caplog,
                          monkeypatch):
    monkeypatch.setattr(cache, '_TIMEOUT_SECONDS', 0.2)
    one, other = make_storage(), make_storage()
    with frozen(services):
        move_and_remove_a_tag(one, other)
        push_again(one, other)
        assert len(logged(caplog)) == 2
    wait_until_back(caplog, 2)
    push_again(other, one)
    assert len(logged(caplog)) == 4
    assert logged(caplog)[2:] == ['cache_lru: Redis is back'] * 2


@pytest.fixture
def silent():
    """Listen and say nothing; count who comes."""
    with contextlib.closing(socket.socket()) as listening:
        listening.bind(('127.0.0.1', 0))
        listening.listen(128)
        taken = []

        def take():
            try:
                while True:
                    taken.append(listening.accept()[0])
            except OSError:
                pass  # closed
        taking = threading.Thread(target=take)
        taking.daemon = True
        taking.start()
        lru.init(host='127.0.0.1', port=listening.getsockname()[1],
                 path='/registry')
        try:
            yield taken
        finally:
            lru.init(enable=False)
            for connection in taken:
                connection.close()


def test_who_hangs_is_waited_for_once(storage, silent, monkeypatch, caplog):
    monkeypatch.setattr(cache, '_PROBE_SECONDS', 300)
    calls.put_parent(storage)
    calls.push(storage)
    for _ in range(20):
        calls.get_json(storage)
        calls.get_layer(storage)
    assert len(silent) == 1
    assert len(logged(caplog)) == 1


def test_who_does_not_listen(storage, caplog):
    # Nothing listens on the discard port.
    lru.init(host='127.0.0.1', port=9, path='/registry')
    try:
        calls.put_parent(storage)
        calls.push(storage)
        calls.get_layer(storage)
        assert len(logged(caplog)) == 1
    finally:
        lru.init(enable=False)


def test_cache_turned_on_after_the_driver_was_built(storage, services):
    storage.put_content(calls.JSON, b'1')
    lru.init(host='127.0.0.1', port=services['redis_port'], path='/registry')
    try:
        lru.redis_conn.flushall()
        storage.put_content(calls.JSON, b'1')
        assert len(entries(lru.redis_conn)) == 1
    finally:
        lru.init(enable=False)
