"""Pushes of one image that meet, break off or are repeated."""

import io
import time

import calls
import pytest
import relay

from docker_registry.core import exceptions
from docker_registry.drivers.swift import errors


def test_a_push_goes_on_when_redis_forgets(make_faulty, redis_cache, parent):
    one = make_faulty()
    for request in (calls.find_json, calls.put_json, calls.put_layer,
                    calls.put_checksum):
        request(one)
        redis_cache.flushall()
    calls.get_json(one)
    calls.get_layer(one)


def test_a_json_that_cannot_be_written(make_faulty, faults, parent):
    storage = make_faulty()
    faults.inject(relay.status(507), 'PUT', calls.JSON)
    with pytest.raises(errors.SwiftError) as caught:
        calls.put_json(storage)
    assert caught.value.status == 507
    assert not storage.exists(calls.JSON)
    calls.push(storage)
    calls.get_json(storage)


def test_two_pushes_of_one_image(make_faulty, parent):
    one, other = make_faulty(), make_faulty()
    for storage in (one, other):
        calls.find_json(storage)
    for storage in (one, other):
        calls.put_json(storage)
    # Of each the last write is of another.
    with calls.served(other, 'put_image_layer'):
        calls.put_layer(one, b'first', 'sha256:first')
        other.request.find_checksum = lambda: 'sha256:last'
        other.stream_write(calls.LAYER, io.BytesIO(calls.CONTENT))
        other.put_content(calls.CHECKSUM, '["sha256:last"]')
    one.put_content(calls.CHECKSUM, '["sha256:first"]')
    calls.put_checksum(other, 'sha256:last')
    for storage in (one, other):
        calls.get_json(storage, checksum='sha256:last')
        calls.get_layer(storage)


@pytest.mark.parametrize('segment_size', [1000000, 400])
def test_a_complete_layer_is_not_pushed_again(make_faulty, make_storage,
                                              parent, segment_size):
    one = make_faulty()
    late = make_storage(swift_segment_size=segment_size)
    for storage in (one, late):
        calls.put_json(storage)
    calls.put_layer(one)
    with calls.served(late, 'put_image_layer'):
        assert not late.exists(calls.LAYER)
        calls.put_checksum(one)
        late.request.find_checksum = lambda: 'sha256:2'
        with pytest.raises(errors.AlreadyPushedError):
            late.stream_write(calls.LAYER, io.BytesIO(calls.CONTENT[::-1]))
    with calls.served(late, 'put_image_checksum'):
        assert late.exists(calls.MARK)  # removing it tells
        with pytest.raises(errors.AlreadyPushedError):
            late.remove(calls.MARK)
    calls.get_json(one)
    calls.get_layer(one)
    assert list(one.orphans(0)) == []


def test_a_manifest_that_is_there_because_its_answer_was_lost(
        make_storage, faults, parent):
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_segment_size=400)
    calls.put_json(storage)
    faults.inject(relay.lose(), 'PUT', 'multipart-manifest=put')
    calls.put_layer(storage)
    assert faults.count('PUT', 'multipart-manifest=put') == 2
    calls.put_checksum(storage)
    calls.get_layer(storage)


def test_a_layer_without_its_checksum(make_faulty, parent):
    # One that 0.2.1 has written.
    one, other = make_faulty(), make_faulty()
    calls.put_json(one)
    one.stream_write(calls.LAYER, io.BytesIO(calls.CONTENT))
    one.put_content(calls.CHECKSUM, '["sha256:old"]')
    calls.put_checksum(other, 'sha256:old')
    for storage in (one, other):
        calls.get_json(storage, checksum='sha256:old')
        calls.get_layer(storage)


def test_a_checksum_without_a_layer(make_faulty, parent):
    storage = make_faulty()
    calls.put_json(storage)
    with calls.served(storage, 'put_image_checksum'):
        assert storage.exists(calls.JSON)
        assert storage.exists(calls.MARK)
        with pytest.raises(exceptions.FileNotFoundError):
            storage.get_content(calls.CHECKSUM)


def test_a_push_that_ends_while_its_layer_is_looked_for(
        make_faulty, make_storage, faults, parent):
    one, other = make_faulty(), make_storage()
    calls.put_json(one)

    def push_the_rest(_, client, request):
        """What is looked for together with the mark has not been there."""
        while not faults.count('HEAD', calls.LAYER):
            time.sleep(0.01)
        calls.put_layer(other)
        calls.put_checksum(other)
        client.sendall(b'HTTP/1.1 404 Not Found\r\n'
                       b'Content-Length: 0\r\n\r\n')
    faults.inject(push_the_rest, 'HEAD', calls.MARK)
    calls.get_json(one)
    # Before the calls.push, and once more.
    assert faults.count('HEAD', calls.LAYER) == 2


def test_a_checksum_of_a_push_that_was_given_up(make_faulty, parent):
    one, other = make_faulty(), make_faulty()
    calls.put_json(one)
    calls.put_layer(one)
    calls.put_json(other)
    for storage in (one, other):
        assert not storage.exists(calls.CHECKSUM)
    # Absent a moment ago, and written since.
    one.remove(calls.JSON)
    assert not one.exists(calls.JSON)
    one.put_content(calls.JSON, '{"id": 1}')
    other.put_content(calls.CHECKSUM, '[]')
    one.remove(calls.CHECKSUM)
    assert not other.exists(calls.CHECKSUM)


def test_a_push_that_is_tried_again_through_another_registry(make_faulty,
                                                             parent):
    one, other = make_faulty(), make_faulty()
    calls.put_json(one)
    calls.put_layer(one, b'half', 'sha256:half')
    calls.put_json(other)
    calls.put_layer(other)
    calls.put_checksum(one)
    calls.get_json(one)
    calls.get_layer(one)


def test_a_json_that_was_not_there_a_moment_ago(make_faulty, parent):
    one, other = make_faulty(), make_faulty()
    assert not one.exists(calls.JSON)
    calls.put_json(other)
    calls.put_layer(other)
    calls.put_json(one)
    assert not other.exists(calls.CHECKSUM)


@pytest.mark.parametrize('cached', [False, True])
def test_two_layers_of_one_image(make_faulty, parent, request, cached):
    """Who ends a push is told of the layer that Swift has."""
    if cached:
        request.getfixturevalue('redis_cache')
    one, other = make_faulty(), make_faulty()
    calls.put_json(one)
    calls.put_layer(one, checksum='sha256:one')
    calls.put_layer(other, checksum='sha256:other')
    with calls.served(one, 'put_image_checksum'):
        assert calls.get_checksums(one) == ['sha256:other']
    calls.put_checksum(one, 'sha256:other')
