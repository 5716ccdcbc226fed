"""Bodies that break, end early or are damaged on their way."""

import os

import pytest
import relay

from docker_registry.core import exceptions
from docker_registry.drivers.swift.objects import reader

_CONTENT = os.urandom(1000000)


@pytest.fixture
def layer(faulty_storage):
    """A storage with a layer, at the relay's far side."""
    faulty_storage.put_content('layer', _CONTENT)
    return faulty_storage


@pytest.mark.parametrize('fault', [relay.cut(400000), relay.end(400000),
                                   relay.end(0), relay.cut(999999)])
@pytest.mark.parametrize('bytes_range', [None, (1000, 900000)])
def test_reading_goes_on_where_it_broke(layer, faults, fault, bytes_range):
    faults.inject(fault, 'GET', 'layer')
    first, last = bytes_range or (0, len(_CONTENT))
    assert b''.join(layer.stream_read('layer', bytes_range)) == \
        _CONTENT[first:last + 1]
    assert faults.count('GET', 'layer') <= 2


def test_reading_goes_on_as_long_as_bytes_come(layer, faults):
    faults.inject(relay.end(200000), 'GET', 'layer', times=4)
    assert b''.join(layer.stream_read('layer')) == _CONTENT
    assert faults.count('GET', 'layer') == 5


def test_body_that_never_comes_is_an_error(layer, faults):
    faults.inject(relay.end(100000), 'GET', 'layer')
    faults.inject(relay.end(0), 'GET', 'layer', times=9)
    received = []
    with pytest.raises(IOError) as caught:
        received += layer.stream_read('layer')
    assert isinstance(caught.value, exceptions.UnreachableError)
    assert 'after 0 of 900000 bytes' in str(caught.value)
    assert caught.value.transaction_id.startswith('tx')


def test_another_version_is_not_mixed_in(layer, faults):
    faults.inject(relay.end(300000), 'GET', 'layer')
    reader = layer.stream_read('layer')
    received = [next(reader)]
    layer.put_content('layer', b'n' * len(_CONTENT))
    with pytest.raises(IOError) as caught:
        for chunk in reader:
            received.append(chunk)
    assert caught.value.status == 412
    assert _CONTENT.startswith(b''.join(received))


def test_damaged_object_is_never_complete(layer, faults):
    faults.inject(relay.damage(500000), 'GET', 'layer')
    received = []
    with pytest.raises(exceptions.BrokenError):
        for chunk in layer.stream_read('layer'):
            received.append(chunk)
    assert sum(map(len, received)) < len(_CONTENT)


def test_body_that_does_not_begin_is_known_at_once(layer, faults):
    faults.inject(relay.cut(0), 'GET', 'layer', times=20)
    with pytest.raises(exceptions.UnreachableError):
        layer.stream_read('layer')


def test_damaged_content_is_an_error(layer, faults):
    layer.put_content('tag', b'0123')
    faults.inject(relay.damage(2), 'GET', 'tag', times=4)
    with pytest.raises(exceptions.BrokenError):
        layer.get_content('tag')
    assert layer.get_content('tag') == b'0123'


def test_damaged_write_is_refused_by_swift(layer, services):
    # The ETag that is sent is that of other bytes.
    with pytest.raises(exceptions.BrokenError) as caught:
        layer._container.put('registry/a', b'1', 1, '0' * 32)
    assert caught.value.status == 422
    assert layer.exists('a') is False


def test_chunks_have_the_size_asked_for(layer):
    chunks = reader.Reader(layer._container, 'registry/layer', 100000)
    sizes = [len(chunk) for chunk in chunks]
    assert set(sizes[:-1]) == {100000}
