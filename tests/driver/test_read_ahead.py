"""Several requests for one object, where one alone is slow."""

import gc
import io
import os
import time

import pytest
import relay

from docker_registry.core import exceptions
from docker_registry.drivers.swift.objects import buffers
from docker_registry.drivers.swift.objects import read_ahead

_MIB = 1024 * 1024
_PATH = 'images/1/layer'


@pytest.fixture
def slow(monkeypatch):
    """Whatever Swift does, it is too slow; a little is worth the trouble."""
    monkeypatch.setattr(read_ahead, '_SLOW_BYTES', float('inf'))
    monkeypatch.setattr(read_ahead, '_SAMPLE_BYTES', 128 * 1024)
    monkeypatch.setattr(read_ahead, '_WORTHWHILE_BYTES', 1)


@pytest.fixture(autouse=True)
def memory(monkeypatch):
    """Let each test have a process' memory for itself; set how much it is."""
    def memory(limit_bytes):
        monkeypatch.setattr(read_ahead, '_memory',
                            buffers.Memory(limit_bytes))
    memory(read_ahead._MEMORY_BYTES)
    return memory


@pytest.fixture
def make(make_storage, faults):
    def make(**changes):
        return make_storage(
            swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
            swift_segment_size=5 * _MIB, **changes)
    return make


def write(storage, content, path=_PATH):
    storage.stream_write(path, io.BytesIO(content))


def same(storage, content, bytes_range=None, path=_PATH):
    """Tell whether what is read is this; pytest would show differences."""
    return b''.join(storage.stream_read(path, bytes_range)) == content


def memory_left(storage):
    return storage._readers._memory._left


@pytest.mark.parametrize('concurrency', [2, 5])
def test_every_byte(slow, make, faults, concurrency):
    storage = make(swift_download_concurrency=concurrency)
    content = os.urandom(_MIB) * 15 + b'1'
    for path, size in ((_PATH, len(content)), ('small', 1000), ('empty', 0),
                       ('plain', 4 * _MIB + 1)):
        write(storage, content[:size], path)
        faults.inject(relay.end(500), 'GET', path)
        assert same(storage, content[:size], path=path)
    before = faults.count('GET', 'layer')
    assert same(storage, content)
    # The one that was slow, and one for each 4 MiB that were left.
    assert faults.count('GET', 'layer') - before == 5
    assert same(storage, content[5:9 * _MIB + 1], (5, 9 * _MIB))
    assert same(storage, content[8 * _MIB:], (8 * _MIB, 10 ** 9))
    assert memory_left(storage) == read_ahead._MEMORY_BYTES
    with pytest.raises(exceptions.FileNotFoundError):
        storage.stream_read('absent')


def test_one_request_where_it_is_fast(make, monkeypatch, faults):
    monkeypatch.setattr(read_ahead, '_SLOW_BYTES', 0)
    storage = make()
    content = os.urandom(_MIB) * 24
    write(storage, content)
    before = faults.count('GET', 'layer')
    assert same(storage, content)
    assert faults.count('GET', 'layer') - before == 1


def test_a_slow_client_makes_no_connection_slow(make, monkeypatch, faults):
    monkeypatch.setattr(read_ahead, '_SLOW_BYTES', 1)
    monkeypatch.setattr(read_ahead, '_SAMPLE_BYTES', 128 * 1024)
    monkeypatch.setattr(read_ahead, '_WORTHWHILE_BYTES', 1)
    storage = make()
    content = os.urandom(_MIB)
    write(storage, content)
    received = b''
    for chunk in storage.stream_read(_PATH):
        received += chunk
        time.sleep(0.2)
    assert received == content
    assert faults.count('GET', 'layer') == 1


def test_one_request_where_that_is_configured(slow, make, faults):
    storage = make(swift_download_concurrency=1)
    write(storage, os.urandom(_MIB) * 8)
    before = faults.count('GET', 'layer')
    for _ in storage.stream_read(_PATH):
        pass
    assert faults.count('GET', 'layer') - before == 1


def test_one_request_where_the_memory_is_taken(slow, make, faults, memory):
    memory(12 * _MIB)
    storage = make(swift_download_concurrency=2)
    content = os.urandom(_MIB) * 8
    write(storage, content)
    before = faults.count('GET', 'layer')
    first = storage.stream_read(_PATH)
    begun = next(first)
    assert memory_left(storage) == 0
    assert same(storage, content)
    assert begun + b''.join(first) == content
    # Three for the first: the slow one, and two pieces.
    assert faults.count('GET', 'layer') - before == 4
    assert memory_left(storage) == 12 * _MIB


def test_v1_and_v2_have_one_memory(slow, make):
    storage = make(swift_download_concurrency=2)
    write(storage, os.urandom(_MIB) * 8)
    left = memory_left(storage)
    reader = read_ahead.Readers(storage.settings, storage.container).open(
        'registry/' + _PATH)
    next(reader)
    assert memory_left(storage) == left - 12 * _MIB
    reader.close()
    assert memory_left(storage) == left


def test_the_md5_is_checked(slow, make, faults):
    storage = make(swift_download_concurrency=3)
    content = os.urandom(4 * _MIB + 1)
    write(storage, content)
    # The first request's answer is right, that of those after it is not.
    reader = storage.stream_read(_PATH)
    received = [next(reader)]
    reader.close()
    reader = storage.stream_read(_PATH)
    faults.inject(relay.damage(5), 'GET', 'layer', times=2)
    with pytest.raises(exceptions.BrokenError):
        for chunk in reader:
            received.append(chunk)
    assert sum(map(len, received)) < len(content) + 128 * 1024


def test_an_abandoned_one_stops(slow, make, faults):
    storage = make(swift_download_concurrency=2)
    content = os.urandom(_MIB) * 15
    for _ in range(2):
        write(storage, content)
        before = faults.count('GET', 'layer')
        reader = storage.stream_read(_PATH)
        next(reader)
        ahead = reader._source
        executor, stopped = ahead._executor, ahead._stopped
        del reader, ahead
        gc.collect()
        assert stopped.is_set()
        for thread in executor._threads:
            thread.join(120)
            assert not thread.is_alive()
        assert faults.count('GET', 'layer') - before <= 4
        assert memory_left(storage) == read_ahead._MEMORY_BYTES
    assert same(storage, content)
