"""The registry's cache_lru on a real Redis."""

import contextlib
import socket

import pytest
import relay

from docker_registry.core import exceptions
from docker_registry.core import lru
from docker_registry.drivers.swift import cache


def cached(path):
    return lru.redis_conn.get('cache_path:/registry' + path)


def test_keys_and_values_are_cores(redis_cache, storage):
    storage.put_content('a', b'1')
    assert cached('a') == b'1'
    assert lru.get_by_key(lru.cache_key('a')) == b'1'


def test_reading_fills_and_is_answered_by_the_cache(
        redis_cache, faulty_storage, faults):
    faulty_storage.put_content('a', b'1')
    redis_cache.flushall()
    assert faulty_storage.get_content(path='a') == b'1'
    assert cached('a') == b'1'
    assert faulty_storage.get_content('a') == b'1'
    assert faults.count('GET', 'registry/a') == 1


def test_empty_content_is_cached_too(redis_cache, faulty_storage, faults):
    faulty_storage.put_content('a', b'')
    assert faulty_storage.get_content('a') == b''
    assert faults.count('GET', 'registry/a') == 0


def test_entries_end_by_themselves(redis_cache, storage):
    storage.put_content('a', b'1')
    assert 60 < redis_cache.ttl(lru.cache_key('a')) <= 3600
    redis_cache.flushall()
    storage.get_content('a')
    assert 0 < redis_cache.ttl(lru.cache_key('a')) <= 60


def test_failed_write_leaves_nothing_behind(
        redis_cache, faulty_storage, faults):
    faulty_storage.put_content('a', b'old')
    faults.inject(relay.status(507), 'PUT', 'registry/a')
    with pytest.raises(IOError):
        faulty_storage.put_content('a', b'new')
    assert cached('a') is None
    assert faulty_storage.get_content('a') == b'old'
    # The retry must not be taken for something that is there already.
    faulty_storage.put_content('a', b'new')
    redis_cache.flushall()
    assert faulty_storage.get_content('a') == b'new'


def test_slow_reader_does_not_replace_what_was_written_since(
        redis_cache, storage, monkeypatch):
    storage.put_content('a', b'old')
    redis_cache.flushall()
    fill = cache.fill

    def others_write_then_fill(path, content):
        storage.put_content(path, b'new')
        fill(path, content)
    monkeypatch.setattr(cache, 'fill', others_write_then_fill)
    assert storage.get_content('a') == b'old'
    assert cached('a') == b'new'


def test_removal_empties(redis_cache, storage):
    for path in ('dir/a', 'dir/b/c', 'e'):
        storage.put_content(path, b'1')
    storage.remove('e')
    storage.remove('dir')
    for path in ('dir/a', 'dir/b/c', 'e'):
        assert cached(path) is None
        with pytest.raises(exceptions.FileNotFoundError):
            storage.get_content(path)


def test_layer_is_not_cached_and_drops_what_was(redis_cache, storage):
    storage.put_content('a', b'1')

    class Stream(object):
        chunks = [b'', b'2']

        def read(self, size):
            return self.chunks.pop()
    storage.stream_write('a', Stream())
    assert cached('a') is None
    assert storage.get_content('a') == b'2'


def test_dead_redis_costs_a_warning(redis_cache, storage, caplog):
    # Nothing listens on the discard port.
    lru.init(host='127.0.0.1', port=9, path='/registry')
    storage.put_content('a', b'1')
    assert storage.get_content('a') == b'1'
    storage.remove('a')
    with pytest.raises(exceptions.FileNotFoundError):
        storage.get_content('a')
    assert [record.levelname for record in caplog.records
            if 'cache_lru' in record.message].count('WARNING') >= 4


def test_silent_redis_costs_a_warning(storage, caplog):
    with contextlib.closing(socket.socket()) as silent:
        silent.bind(('127.0.0.1', 0))
        silent.listen(1)
        lru.init(host='127.0.0.1', port=silent.getsockname()[1],
                 path='/registry')
        try:
            storage.put_content('a', b'1')
        finally:
            lru.init(enable=False)
    assert 'cache_lru: drop' in caplog.text
    assert storage.get_content('a') == b'1'


def test_cache_turned_on_after_the_driver_was_built(storage, services):
    storage.put_content('a', b'1')
    lru.init(host='127.0.0.1', port=services['redis_port'], path='/registry')
    try:
        lru.redis_conn.flushall()
        storage.get_content('a')
        assert cached('a') == b'1'
    finally:
        lru.init(enable=False)
