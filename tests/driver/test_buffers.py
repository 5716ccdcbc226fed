import hashlib
import io
import os

import pytest

from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift.objects import buffers


def read_all(buffer):
    buffer.seek(0)
    return b''.join(iter(lambda: buffer.read(8192), b''))


@pytest.mark.parametrize('limit', [0, 10, 25, 1000])
def test_memory_then_disk(limit, tmpdir):
    memory = buffers.Memory(limit)
    buffer = buffers.Buffer(memory, str(tmpdir))
    content = b''
    for number in range(10):
        chunk = b'%d' % number * 10
        content += chunk
        buffer.append(chunk)
    for _ in range(2):
        assert read_all(buffer) == content
    assert buffer.size == 100
    assert buffer.etag() == hashlib.md5(content).hexdigest()
    assert not memory.take(limit + 1)
    assert memory.take(limit) is (limit < 100)
    if limit < 100:
        memory.give(limit)
    buffer.close()
    assert memory.take(limit)
    assert tmpdir.listdir() == []


def test_buffers_share_the_memory(tmpdir):
    memory = buffers.Memory(15)
    one, other = (buffers.Buffer(memory, str(tmpdir)) for _ in range(2))
    one.append(b'0123456789')
    other.append(b'0123456789')
    assert memory.take(5) and not memory.take(1)
    assert read_all(one) == read_all(other)
    one.close()
    assert memory.take(10)


def test_large_reads_from_memory_and_disk():
    in_memory = buffers.Buffer(buffers.Memory(10 ** 6), None)
    on_disk = buffers.Buffer(buffers.Memory(0), None)
    content = os.urandom(100000)
    for buffer in (in_memory, on_disk):
        buffer.append(content)
        buffer.seek(0)
        assert buffer.read(8192) == content
        assert buffer.read(8192) == b''
        buffer.close()


@pytest.mark.parametrize('method', ['seek', 'read'])
def test_disk_that_fails_is_not_taken_for_swift(method, monkeypatch):
    buffer = buffers.Buffer(buffers.Memory(0), None)
    buffer.append(b'1')

    def fail(*_):
        raise IOError(28, 'No space left on device')
    real, buffer._file = buffer._file, type(
        'File', (), {method: fail, 'close': lambda self: real.close()})()
    with pytest.raises(errors.SwiftError) as caught:
        getattr(buffer, method)(0)
    assert not isinstance(caught.value, errors.UnreachableError)
    assert 'No space left on device' in str(caught.value)
    assert 'swift_buffer_directory' in str(caught.value)
    buffer.close()


def test_memory_is_given_back_while_some_is_taken():
    # By garbage that is collected meanwhile, in the same thread.
    memory = buffers.Memory(10)
    assert memory.take(10)
    with memory._lock:
        memory.give(10)
    assert memory.take(10)


def test_directory_that_is_not_there(tmpdir):
    buffer = buffers.Buffer(buffers.Memory(0), str(tmpdir.join('absent')))
    with pytest.raises(errors.SwiftError) as caught:
        buffer.append(b'1')
    assert 'swift_buffer_directory' in str(caught.value)
    assert str(tmpdir.join('absent')) in str(caught.value)


@pytest.mark.parametrize('method', ['seek', 'read', 'append', 'close'])
def test_disk_that_is_full(method, monkeypatch):
    """What fails is said once; giving the buffer up does not fail again."""
    monkeypatch.setattr(
        buffers.tempfile, 'TemporaryFile',
        lambda **_: io.open('/dev/full', 'r+b'))
    buffer = buffers.Buffer(buffers.Memory(0), None)
    buffer.append(b'1')  # is in Python's own buffer
    if method != 'close':
        with pytest.raises(errors.SwiftError) as caught:
            getattr(buffer, method)(0 if method != 'append'
                                    else 300000 * b'1')
        assert 'swift_buffer_directory' in str(caught.value)
    buffer.close()
