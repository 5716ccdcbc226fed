"""How many requests the registry's calls cost, and that what is answered
without one is true.

The calls are those of docker_registry/images.py, in its order.
"""

import io
import json
import os

from docker_registry.core import exceptions
from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift import known
import pytest
import relay

_IMAGE = 'images/%s/' % ('1' * 64)
_PARENT = 'images/%s/' % ('2' * 64)
_JSON, _LAYER, _MARK, _CHECKSUM, _ANCESTRY = (
    _IMAGE + name for name in ('json', 'layer', '_inprogress', '_checksum',
                               'ancestry'))
_CONTENT = os.urandom(1000)


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch):
    """What is kept for a moment is kept for longer than a test may take."""
    monkeypatch.setattr(known, '_TOLD_SECONDS', 300)
    monkeypatch.setattr(known, '_STAT_SECONDS', 300)
    monkeypatch.setattr(known, '_CONTENT_SECONDS', 300)


def put_json(storage, parent=_PARENT):
    assert parent is None or storage.exists(parent + 'json')
    if storage.exists(_JSON):
        assert storage.exists(_MARK)
    storage.put_content(_MARK, 'true')
    try:
        storage.remove(_CHECKSUM)
    except exceptions.FileNotFoundError:
        pass
    storage.put_content(_JSON, '{"id": 1}')
    ancestry = [1]
    if parent:
        ancestry += storage.get_json(parent + 'ancestry')
    storage.put_json(_ANCESTRY, ancestry)


def put_layer(storage, content=_CONTENT):
    assert storage.get_content(_JSON) == b'{"id": 1}'
    if storage.exists(_LAYER):
        assert storage.exists(_MARK)
    storage.stream_write(_LAYER, io.BytesIO(content))
    storage.put_content(_CHECKSUM, json.dumps(['sha256:1']))


def put_checksum(storage):
    assert storage.exists(_JSON)
    assert storage.exists(_MARK)
    assert json.loads(storage.get_content(_CHECKSUM).decode()) == ['sha256:1']
    storage.remove(_MARK)


def push(*storages):
    """Push an image; its three requests go to these registries in turn."""
    for number, request in enumerate((put_json, put_layer, put_checksum)):
        request(storages[number % len(storages)])


def get_json(storage):
    assert not storage.exists(_MARK)
    assert storage.get_content(_JSON) == b'{"id": 1}'
    assert storage.get_size(_LAYER) == len(_CONTENT)
    storage.get_content(_CHECKSUM)


def get_layer(storage, content=_CONTENT):
    assert not storage.exists(_MARK)
    assert storage.exists(_LAYER)
    assert storage.get_size(_LAYER) == len(content)
    assert b''.join(storage.stream_read(_LAYER)) == content


@pytest.fixture
def make_faulty(make_storage, faults):
    """Make a storage whose requests the relay counts; warmed up."""
    def make():
        storage = make_storage(
            swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port)
        storage.stream_write('warm', io.BytesIO(b'up'))
        return storage
    return make


@pytest.fixture
def parent(make_storage):
    storage = make_storage()
    storage.put_content(_PARENT + 'json', '{"id": 2}')
    storage.put_json(_PARENT + 'ancestry', [2])


def counted(faults, action, *arguments):
    before = len(faults.requests)
    action(*arguments)
    return len(faults.requests) - before


def test_push(make_faulty, faults, parent):
    one = make_faulty()
    assert counted(faults, push, one) == 12


def test_push_through_several_registries(make_faulty, faults, parent):
    several = [make_faulty() for _ in range(3)]
    assert counted(faults, push, *several) == 14


def test_push_with_redis(make_faulty, faults, redis_cache, parent):
    several = [make_faulty() for _ in range(3)]
    for name in ('json', 'ancestry'):
        several[2].get_content(_PARENT + name)
    assert counted(faults, push, *several) == 9


def test_pull(make_faulty, faults, parent):
    push(make_faulty())
    one, other = make_faulty(), make_faulty()
    assert counted(faults, get_json, one) == 4
    assert counted(faults, get_layer, one) == 2
    assert counted(faults, get_layer, other) == 3


def test_pull_with_redis(make_faulty, faults, redis_cache, parent):
    push(make_faulty())
    one, other = make_faulty(), make_faulty()
    assert counted(faults, get_json, one) == 2
    assert counted(faults, get_layer, other) == 2


@pytest.mark.parametrize('cached', [False, True])
def test_marks_are_always_asked_for(make_faulty, request, cached):
    if cached:
        request.getfixturevalue('redis_cache')
    one, other = make_faulty(), make_faulty()
    for _ in range(2):
        assert not one.exists(_MARK) and not other.exists(_MARK)
        one.put_content(_MARK, 'true')
        assert one.exists(_MARK) and other.exists(_MARK)
        other.remove(_MARK)


@pytest.mark.parametrize('cached', [False, True])
def test_another_layer_than_was_asked_for(make_faulty, faults, parent,
                                          request, cached):
    if cached:
        request.getfixturevalue('redis_cache')
    one, other = make_faulty(), make_faulty()
    push(one)
    get_json(one)
    # Another client had found no json, and pushes the image once more.
    other.put_content(_MARK, 'true')
    put_layer(other, _CONTENT + b'longer')
    put_checksum(other)
    with pytest.raises(errors.ObjectExistsError):
        one.stream_read(_LAYER)
    get_layer(one, _CONTENT + b'longer')


@pytest.mark.parametrize('cached', [False, True])
def test_the_same_layer_pushed_anew(make_faulty, faults, parent, request,
                                    cached):
    if cached:
        request.getfixturevalue('redis_cache')
    one, other = make_faulty(), make_faulty()
    push(one)
    assert not one.exists(_MARK)  # only then a size is kept
    assert one.get_size(_LAYER) == len(_CONTENT)
    # Of the same size, with another ETag.
    other.put_content(_MARK, 'true')
    put_layer(other, _CONTENT[::-1])
    put_checksum(other)
    before = faults.count('GET', 'layer')
    assert b''.join(one.stream_read(_LAYER)) == _CONTENT[::-1]
    if not cached:  # by its old ETag, twice, and by its new one
        assert faults.count('GET', 'layer') == before + 3


def test_a_removed_image_is_gone(make_faulty, redis_cache, parent):
    one, other = make_faulty(), make_faulty()
    push(one)
    get_layer(one)
    one.remove(_IMAGE.rstrip('/'))
    for storage in (one, other):
        assert not storage.exists(_JSON)
        assert not storage.exists(_LAYER)
        with pytest.raises(exceptions.FileNotFoundError):
            storage.get_content(_JSON)
        with pytest.raises(exceptions.FileNotFoundError):
            storage.get_size(_LAYER)


def test_a_checksum_of_a_push_that_was_given_up(make_faulty, parent):
    one, other = make_faulty(), make_faulty()
    put_json(one)
    put_layer(one)
    put_json(other)
    for storage in (one, other):
        assert not storage.exists(_CHECKSUM)
    # Absent a moment ago, and written since.
    one.remove(_JSON)
    assert not one.exists(_JSON)
    one.put_content(_JSON, '{"id": 1}')
    other.put_content(_CHECKSUM, '[]')
    one.remove(_CHECKSUM)
    assert not other.exists(_CHECKSUM)


def test_a_push_that_is_tried_again_through_another_registry(make_faulty,
                                                             parent):
    one, other = make_faulty(), make_faulty()
    put_json(one)
    one.stream_write(_LAYER, io.BytesIO(b'half'))
    one.put_content(_CHECKSUM, '["sha256:half"]')
    put_json(other)
    put_layer(other)
    put_checksum(one)
    get_json(one)
    get_layer(one)


def test_a_json_that_was_not_there_a_moment_ago(make_faulty, parent):
    one, other = make_faulty(), make_faulty()
    assert not one.exists(_JSON)
    put_json(other)
    put_layer(other)
    put_json(one)
    assert not other.exists(_CHECKSUM)


@pytest.mark.parametrize('name', ['_inprogress', '_checksum'])
def test_small_files_are_removed_by_one_request(make_faulty, faults, name):
    storage = make_faulty()
    storage.put_content(_IMAGE + name, 'true')
    assert counted(faults, storage.remove, _IMAGE + name) == 1
    with pytest.raises(exceptions.FileNotFoundError):
        storage.remove(_IMAGE + name)
    # It was there; the answer that says so is lost.
    storage.put_content(_IMAGE + name, 'true')
    faults.inject(relay.lose(), 'DELETE', name)
    storage.remove(_IMAGE + name)
    assert not storage.exists(_IMAGE + name)
    # It was not, and a token that is refused says nothing of that.
    faults.inject(relay.status(401), 'DELETE', name)
    with pytest.raises(exceptions.FileNotFoundError):
        storage.remove(_IMAGE + name)


@pytest.mark.parametrize('name', ['json', '_inprogress', 'images/1/json'])
def test_directories_of_such_names(make_faulty, name):
    storage = make_faulty()
    directory = 'repositories/library/' + name
    storage.put_content(directory + '/tag_latest', '1')
    storage.remove(directory)
    assert not storage.exists(directory + '/tag_latest')


def test_nothing_is_known_for_long(make_faulty, monkeypatch, parent):
    for name in ('_TOLD_SECONDS', '_STAT_SECONDS', '_CONTENT_SECONDS'):
        monkeypatch.setattr(known, name, 0)
    one, other = make_faulty(), make_faulty()
    push(one)
    get_layer(one)
    other.remove(_IMAGE.rstrip('/'))
    assert not one.exists(_JSON)
    assert not one.exists(_LAYER)
    with pytest.raises(exceptions.FileNotFoundError):
        one.get_content(_CHECKSUM)


def test_no_more_is_known_than_fits(make_faulty, monkeypatch):
    monkeypatch.setattr(known, '_COUNT', 2)
    storage = make_faulty()
    paths = ['images/%d/json' % number for number in range(3)]
    for path in paths:
        storage.put_content(path, path)
    assert [storage._known.content(path) for path in paths] == [
        None, paths[1].encode(), paths[2].encode()]
