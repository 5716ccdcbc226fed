"""How many requests the registry's calls cost, and that what is answered
without one is true.

The calls are those of docker_registry/images.py, in its order.
"""

import contextlib
import io
import json
import os
import time

import pytest
import relay

from docker_registry.core import exceptions
from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift import memory
from docker_registry.drivers.swift.registry import request as image_request

_ID, _PARENT_ID = '1' * 64, '2' * 64
_IMAGE = 'images/%s/' % _ID
_PARENT = 'images/%s/' % _PARENT_ID
_JSON, _LAYER, _MARK, _CHECKSUM, _ANCESTRY = (
    _IMAGE + name for name in ('json', 'layer', '_inprogress', '_checksum',
                               'ancestry'))
_CONTENT = os.urandom(1000)


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch):
    """What is kept for a moment is kept for longer than a test may take."""
    monkeypatch.setattr(memory, '_ABSENT_SECONDS', 300)
    monkeypatch.setattr(memory, '_STAT_SECONDS', 300)
    monkeypatch.setattr(memory, '_WRITTEN_SECONDS', 300)
    monkeypatch.setattr(memory, '_CONTENT_SECONDS', 300)


@contextlib.contextmanager
def served(storage, endpoint, reads=False, **options):
    """Do as the extension does for a request to the registry."""
    storage.begin(image_request.Request(
        endpoint, _ID, reads=_LAYER if reads else None, asks_index=False,
        **options))
    try:
        yield
        storage.request.wait_for_write()
    finally:
        storage.end()


def find_json(storage):
    """Look whether the image needs to be pushed, as clients do."""
    with served(storage, 'get_image_json'):
        assert not storage.exists(_MARK)
        with pytest.raises(exceptions.FileNotFoundError):
            storage.get_content(_JSON)


def put_json(storage):
    with served(storage, 'put_image_json', find_parent=lambda: _PARENT_ID):
        assert storage.exists(_PARENT + 'json')
        if storage.exists(_JSON):
            assert storage.exists(_MARK)
        storage.put_content(_MARK, 'true')
        try:
            storage.remove(_CHECKSUM)
        except exceptions.FileNotFoundError:
            pass
        storage.put_content(_JSON, '{"id": 1}')
        storage.put_json(_ANCESTRY,
                         [1] + storage.get_json(_PARENT + 'ancestry'))


def put_layer(storage, content=_CONTENT, checksum='sha256:1'):
    with served(storage, 'put_image_layer'):
        assert storage.get_content(_JSON) == b'{"id": 1}'
        if storage.exists(_LAYER):
            assert storage.exists(_MARK)
        storage.request.find_checksum = lambda: checksum
        storage.stream_write(_LAYER, io.BytesIO(content))
        storage.put_content(_CHECKSUM, json.dumps([checksum]))


def put_checksum(storage, checksum='sha256:1'):
    with served(storage, 'put_image_checksum', checksum=checksum):
        assert storage.exists(_JSON)
        assert storage.exists(_MARK)
        assert get_checksums(storage) == [checksum]
        storage.remove(_MARK)


def push(*storages):
    """Push an image; its requests go to these registries in turn."""
    for number, request in enumerate((find_json, put_json, put_layer,
                                      put_checksum)):
        request(storages[number % len(storages)])


def get_checksums(storage):
    return json.loads(storage.get_content(_CHECKSUM).decode())


def get_json(storage, content=_CONTENT, checksum='sha256:1'):
    with served(storage, 'get_image_json'):
        assert not storage.exists(_MARK)
        assert storage.get_content(_JSON) == b'{"id": 1}'
        assert storage.get_size(_LAYER) == len(content)
        assert get_checksums(storage) == [checksum]


def get_ancestry(storage):
    with served(storage, 'get_image_ancestry'):
        assert not storage.exists(_MARK)
        assert storage.get_json(_ANCESTRY) == [1, 2]


def get_layer(storage, content=_CONTENT):
    with served(storage, 'get_image_layer', reads=True):
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
    assert counted(faults, push, one) == 10


def test_push_through_several_registries(make_faulty, faults, parent):
    several = [make_faulty() for _ in range(4)]
    assert counted(faults, push, *several) == 12


def test_push_with_redis(make_faulty, faults, redis_cache, parent):
    several = [make_faulty() for _ in range(4)]
    for name in ('json', 'ancestry'):
        several[3].get_content(_PARENT + name)
    assert counted(faults, push, *several) == 8


def test_pull(make_faulty, faults, parent):
    push(make_faulty())
    one, other = make_faulty(), make_faulty()
    assert counted(faults, get_json, one) == 3
    # Known now, and read by its ETag or not at all.
    assert counted(faults, get_layer, one) == 1
    assert counted(faults, get_json, one) == 0
    assert counted(faults, get_layer, other) == 2


def test_who_completes_an_image_knows_that(make_faulty, faults, parent):
    one = make_faulty()
    push(one)
    assert counted(faults, get_layer, one) == 1
    # But not which layer it has: another push may have replaced it.
    assert counted(faults, get_json, one) == 2
    # Unless it is pushed again.
    one.put_content(_MARK, 'true')
    with served(one, 'get_image_layer', reads=True):
        assert one.exists(_MARK)


def test_who_pushes_is_told_what_swift_says(make_faulty, parent):
    one, other = make_faulty(), make_faulty()
    push(one)
    get_ancestry(one)
    other.put_content(_MARK, 'true')
    with served(one, 'get_image_json'):
        assert one.exists(_MARK)
    with served(one, 'get_image_ancestry'):
        assert one.exists(_MARK)


def test_what_is_looked_for_in_vain_is_not_complete(make_faulty, parent):
    one, other = make_faulty(), make_faulty()
    push(one)
    other.put_content(_MARK, 'true')
    other.remove(_LAYER)
    for is_complete in True, False:
        with served(one, 'get_image_layer'):  # of a part
            assert one.exists(_MARK) is not is_complete
            assert not one.exists(_LAYER)


def test_an_ancestry_is_read_of_complete_images(make_faulty, faults, parent):
    push(make_faulty())
    one, other = make_faulty(), make_faulty()
    assert counted(faults, get_ancestry, one) == 2
    assert counted(faults, get_layer, one) == 1
    get_json(other)
    other.memory._stats.drop(_LAYER)
    assert counted(faults, get_ancestry, other) == 1


def test_pull_with_redis(make_faulty, faults, redis_cache, parent):
    push(make_faulty())
    one, other = make_faulty(), make_faulty()
    assert counted(faults, get_json, one) == 2
    assert counted(faults, get_json, other) == 0
    assert counted(faults, get_layer, other) == 1


def test_a_push_goes_on_when_redis_forgets(make_faulty, redis_cache, parent):
    one = make_faulty()
    for request in find_json, put_json, put_layer, put_checksum:
        request(one)
        redis_cache.flushall()
    get_json(one)
    get_layer(one)


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
def test_a_complete_layer_that_is_another_one_now(make_faulty, parent,
                                                  request, cached):
    if cached:
        request.getfixturevalue('redis_cache')
    one, other = make_faulty(), make_faulty()
    push(one)
    get_json(one)
    # Past the registries, and of the same size.
    content = _CONTENT[::-1]
    other.stream_write(_LAYER, io.BytesIO(content))
    other.put_content(_CHECKSUM, '["sha256:2"]')
    with served(one, 'get_image_layer'):  # of a part it tells the size first
        assert one.get_size(_LAYER) == len(_CONTENT)
        with pytest.raises(errors.ObjectExistsError):
            one.stream_read(_LAYER, (5, 9))
    get_layer(one, content)
    get_json(one, content, 'sha256:2')


def test_a_layer_that_is_pushed_anew_is_not_read(make_faulty, faults, parent):
    one, other = make_faulty(), make_faulty()
    push(one)
    get_json(one)
    # Past the registries: one of them still knows that it was complete.
    other.put_content(_MARK, 'true')
    other.stream_write(_LAYER, io.BytesIO(b'unfinished'))
    with served(one, 'get_image_layer', reads=True):
        assert not one.exists(_MARK)
        with pytest.raises(errors.ObjectExistsError):
            one.exists(_LAYER)
    with served(one, 'get_image_layer', reads=True):
        assert one.exists(_MARK)


def test_no_redirect_to_another_layer_than_is_known(make_storage, parent):
    one = make_storage(swift_public_container=True)
    push(one)
    get_json(one)
    with served(one, 'get_image_layer', reads=True):
        assert not one.exists(_MARK)
        assert one.content_redirect_url(_LAYER).endswith(_LAYER)
    make_storage().stream_write(_LAYER, io.BytesIO(b'another'))
    with served(one, 'get_image_layer', reads=True):
        assert not one.exists(_MARK)
        with pytest.raises(errors.ObjectExistsError):
            one.content_redirect_url(_LAYER)


def test_a_cluster_that_heeds_no_etags(make_faulty, faults, redis_cache,
                                       parent):
    """Ceph's gateway: of what is there a write says nothing."""
    info = json.dumps({'swift': {'container_listing_limit': 10000}})
    faults.inject(relay.answer(info), 'GET', '/info', times=2)
    one, other = make_faulty(), make_faulty()
    push(one)
    before = faults.count('HEAD', _LAYER)
    with served(other, 'put_image_layer'):
        assert other.exists(_LAYER)
        assert not other.exists(_MARK)
    assert faults.count('HEAD', _LAYER) == before + 1


@pytest.mark.parametrize('cached', [False, True])
@pytest.mark.parametrize('read', [get_json, get_ancestry])
def test_a_complete_layer_that_is_gone(make_faulty, parent, request, cached,
                                       read):
    if cached:
        request.getfixturevalue('redis_cache')
    one, other = make_faulty(), make_faulty()
    push(one)
    read(one)
    other._container.delete('registry/' + _LAYER)
    with served(one, 'get_image_layer', reads=True):
        assert not one.exists(_LAYER)
    with served(one, 'get_image_json'):
        assert not one.exists(_MARK)
        with pytest.raises(exceptions.FileNotFoundError):
            one.get_size(_LAYER)


def test_a_json_that_cannot_be_written(make_faulty, faults, parent):
    storage = make_faulty()
    faults.inject(relay.status(507), 'PUT', _JSON)
    with pytest.raises(errors.SwiftError) as caught:
        put_json(storage)
    assert caught.value.status == 507
    assert not storage.exists(_JSON)
    push(storage)
    get_json(storage)


def test_two_pushes_of_one_image(make_faulty, parent):
    one, other = make_faulty(), make_faulty()
    for storage in (one, other):
        find_json(storage)
    for storage in (one, other):
        put_json(storage)
    # Of each the last write is of another.
    with served(other, 'put_image_layer'):
        put_layer(one, b'first', 'sha256:first')
        other.request.find_checksum = lambda: 'sha256:last'
        other.stream_write(_LAYER, io.BytesIO(_CONTENT))
        other.put_content(_CHECKSUM, '["sha256:last"]')
    one.put_content(_CHECKSUM, '["sha256:first"]')
    put_checksum(other, 'sha256:last')
    for storage in (one, other):
        get_json(storage, checksum='sha256:last')
        get_layer(storage)


@pytest.mark.parametrize('segment_size', [1000000, 400])
def test_a_complete_layer_is_not_pushed_again(make_faulty, make_storage,
                                              parent, segment_size):
    one = make_faulty()
    late = make_storage(swift_segment_size=segment_size)
    for storage in (one, late):
        put_json(storage)
    put_layer(one)
    with served(late, 'put_image_layer'):
        assert not late.exists(_LAYER)
        put_checksum(one)
        late.request.find_checksum = lambda: 'sha256:2'
        with pytest.raises(errors.AlreadyPushedError):
            late.stream_write(_LAYER, io.BytesIO(_CONTENT[::-1]))
    with served(late, 'put_image_checksum'):
        assert late.exists(_MARK)  # removing it tells
        with pytest.raises(errors.AlreadyPushedError):
            late.remove(_MARK)
    get_json(one)
    get_layer(one)
    assert list(one.orphans(0)) == []


def test_a_manifest_that_is_there_because_its_answer_was_lost(
        make_storage, faults, parent):
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_segment_size=400)
    put_json(storage)
    faults.inject(relay.lose(), 'PUT', 'multipart-manifest=put')
    put_layer(storage)
    assert faults.count('PUT', 'multipart-manifest=put') == 2
    put_checksum(storage)
    get_layer(storage)


def test_a_layer_without_its_checksum(make_faulty, parent):
    # One that 0.2.1 has written.
    one, other = make_faulty(), make_faulty()
    put_json(one)
    one.stream_write(_LAYER, io.BytesIO(_CONTENT))
    one.put_content(_CHECKSUM, '["sha256:old"]')
    put_checksum(other, 'sha256:old')
    for storage in (one, other):
        get_json(storage, checksum='sha256:old')
        get_layer(storage)


def test_a_checksum_without_a_layer(make_faulty, parent):
    storage = make_faulty()
    put_json(storage)
    with served(storage, 'put_image_checksum'):
        assert storage.exists(_JSON)
        assert storage.exists(_MARK)
        with pytest.raises(exceptions.FileNotFoundError):
            storage.get_content(_CHECKSUM)


def test_a_push_that_ends_while_its_layer_is_looked_for(make_faulty, faults,
                                                        parent):
    one, other = make_faulty(), make_faulty()
    put_json(one)

    def push_the_rest(_, client, request):
        """What is looked for together with the mark has not been there."""
        while not faults.count('HEAD', _LAYER):
            time.sleep(0.01)
        put_layer(other)
        put_checksum(other)
        client.sendall(b'HTTP/1.1 404 Not Found\r\n'
                       b'Content-Length: 0\r\n\r\n')
    faults.inject(push_the_rest, 'HEAD', _MARK)
    get_json(one)
    # Before the push, and once more.
    assert faults.count('HEAD', _LAYER) == 2


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
    put_layer(one, b'half', 'sha256:half')
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


def test_nothing_is_known_for_long(make_faulty, faults, monkeypatch, parent):
    for name in ('_ABSENT_SECONDS', '_STAT_SECONDS', '_CONTENT_SECONDS',
                 '_COMPLETE_SECONDS'):
        monkeypatch.setattr(memory, name, 0)
    one, other = make_faulty(), make_faulty()
    push(one)
    assert counted(faults, get_json, one) == 3
    assert counted(faults, get_layer, one) == 2
    other.remove(_IMAGE.rstrip('/'))
    assert not one.exists(_JSON)
    assert not one.exists(_LAYER)
    with pytest.raises(exceptions.FileNotFoundError):
        one.get_content(_CHECKSUM)


def test_no_more_is_known_than_fits(make_faulty, monkeypatch):
    monkeypatch.setattr(memory, '_COUNT', 2)
    storage = make_faulty()
    paths = ['images/%d/json' % number for number in range(3)]
    for path in paths:
        storage.put_content(path, path)
    assert [storage.memory.content(path) for path in paths] == [
        None, paths[1].encode(), paths[2].encode()]
