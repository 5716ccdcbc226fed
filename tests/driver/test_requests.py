"""How many requests the registry's calls cost, and that what is answered
without one is true.
"""

import io
import json
import time

import calls
import pytest
import relay

from docker_registry.core import exceptions
from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift import memory


def counted(faults, action, *arguments):
    before = len(faults.requests)
    action(*arguments)
    return len(faults.requests) - before


def test_push(make_faulty, faults, parent):
    one = make_faulty()
    assert counted(faults, calls.push, one) == 11


def test_push_through_several_registries(make_faulty, faults, parent):
    several = [make_faulty() for _ in range(4)]
    assert counted(faults, calls.push, *several) == 12


def test_push_with_redis(make_faulty, faults, redis_cache):
    several = [make_faulty() for _ in range(4)]
    calls.put_parent(several[3])
    # Without the json for the layer and the ancestry of the parent.
    assert counted(faults, calls.push, *several) == 10


def test_pull(make_faulty, faults, parent):
    calls.push(make_faulty())
    one, other = make_faulty(), make_faulty()
    # A client that pushes asks the same.
    for _ in range(2):
        assert counted(faults, calls.get_json, one) == 3
        # Known now, and read by its ETag or not at all.
        assert counted(faults, calls.get_layer, one) == 1
        assert counted(faults, calls.get_ancestry, one) == 2
        assert counted(faults, calls.get_layer, other) == 2


def test_pull_with_redis(make_faulty, faults, redis_cache, parent):
    calls.push(make_faulty())
    one, other = make_faulty(), make_faulty()
    for storage in (one, other):
        assert counted(faults, calls.get_json, storage) == 3
    assert counted(faults, calls.get_layer, make_faulty()) == 1


def test_who_asks_is_told_what_swift_says(make_faulty, parent):
    one, other = make_faulty(), make_faulty()
    calls.push(one)
    calls.get_json(one)
    other.put_content(calls.MARK, 'true')
    for endpoint in 'get_image_json', 'get_image_ancestry':
        with calls.served(one, endpoint):
            assert one.exists(calls.MARK)
    # Known now, also to who reads the layer.
    with calls.served(one, 'get_image_layer', reads=True):
        assert one.exists(calls.MARK)


def test_what_is_looked_for_in_vain_is_not_complete(make_faulty, parent):
    one, other = make_faulty(), make_faulty()
    calls.push(one)
    calls.get_json(one)
    other.put_content(calls.MARK, 'true')
    other.remove(calls.LAYER)
    for is_complete in True, False:
        with calls.served(one, 'get_image_layer', reads=True):
            assert one.exists(calls.MARK) is not is_complete
            assert not one.exists(calls.LAYER)


def test_a_push_goes_on_when_redis_forgets(make_faulty, redis_cache, parent):
    one = make_faulty()
    for request in (calls.find_json, calls.put_json, calls.put_layer,
                    calls.put_checksum):
        request(one)
        redis_cache.flushall()
    calls.get_json(one)
    calls.get_layer(one)


@pytest.mark.parametrize('cached', [False, True])
def test_marks_are_always_asked_for(make_faulty, request, cached):
    if cached:
        request.getfixturevalue('redis_cache')
    one, other = make_faulty(), make_faulty()
    for _ in range(2):
        assert not one.exists(calls.MARK) and not other.exists(calls.MARK)
        one.put_content(calls.MARK, 'true')
        assert one.exists(calls.MARK) and other.exists(calls.MARK)
        other.remove(calls.MARK)


@pytest.mark.parametrize('cached', [False, True])
def test_a_complete_layer_that_is_another_one_now(make_faulty, parent,
                                                  request, cached):
    if cached:
        request.getfixturevalue('redis_cache')
    one, other = make_faulty(), make_faulty()
    calls.push(one)
    calls.get_json(one)
    # Past the registries, and of the same size.
    content = calls.CONTENT[::-1]
    other.stream_write(calls.LAYER, io.BytesIO(content))
    other.put_content(calls.CHECKSUM, '["sha256:2"]')
    # Of a part it tells the size first.
    with calls.served(one, 'get_image_layer'):
        assert one.get_size(calls.LAYER) == len(calls.CONTENT)
        with pytest.raises(errors.ObjectExistsError):
            one.stream_read(calls.LAYER, (5, 9))
    calls.get_layer(one, content)
    calls.get_json(one, content, 'sha256:2')


def test_a_layer_that_is_pushed_anew_is_not_read(make_faulty, faults, parent):
    one, other = make_faulty(), make_faulty()
    calls.push(one)
    calls.get_json(one)
    # Past the registries: one of them still knows that it was complete.
    other.put_content(calls.MARK, 'true')
    other.stream_write(calls.LAYER, io.BytesIO(b'unfinished'))
    with calls.served(one, 'get_image_layer', reads=True):
        assert not one.exists(calls.MARK)
        with pytest.raises(errors.ObjectExistsError):
            one.exists(calls.LAYER)
    with calls.served(one, 'get_image_layer', reads=True):
        assert one.exists(calls.MARK)


def test_no_redirect_to_another_layer_than_is_known(make_storage, parent):
    one = make_storage(swift_public_container=True)
    calls.push(one)
    calls.get_json(one)
    with calls.served(one, 'get_image_layer', reads=True):
        assert not one.exists(calls.MARK)
        assert one.content_redirect_url(calls.LAYER).endswith(calls.LAYER)
    make_storage().stream_write(calls.LAYER, io.BytesIO(b'another'))
    with calls.served(one, 'get_image_layer', reads=True):
        assert not one.exists(calls.MARK)
        with pytest.raises(errors.ObjectExistsError):
            one.content_redirect_url(calls.LAYER)


def test_a_cluster_that_heeds_no_etags(make_faulty, faults, redis_cache,
                                       parent):
    """Ceph's gateway: of what is there a write says nothing."""
    info = json.dumps({'swift': {'container_listing_limit': 10000}})
    faults.inject(relay.answer(info), 'GET', '/info', times=2)
    one, other = make_faulty(), make_faulty()
    calls.push(one)
    before = faults.count('HEAD', calls.LAYER)
    with calls.served(other, 'put_image_layer'):
        assert other.exists(calls.LAYER)
        assert not other.exists(calls.MARK)
    assert faults.count('HEAD', calls.LAYER) == before + 1


@pytest.mark.parametrize('cached', [False, True])
def test_a_complete_layer_that_is_gone(make_faulty, parent, request,
                                       cached):
    if cached:
        request.getfixturevalue('redis_cache')
    one, other = make_faulty(), make_faulty()
    calls.push(one)
    calls.get_json(one)
    other._container.delete('registry/' + calls.LAYER)
    with calls.served(one, 'get_image_layer', reads=True):
        assert not one.exists(calls.LAYER)
    with calls.served(one, 'get_image_json'):
        assert not one.exists(calls.MARK)
        with pytest.raises(exceptions.FileNotFoundError):
            one.get_size(calls.LAYER)


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


def test_a_removed_image_is_gone(make_faulty, redis_cache, parent):
    one, other = make_faulty(), make_faulty()
    calls.push(one)
    calls.get_layer(one)
    one.remove(calls.IMAGE.rstrip('/'))
    for storage in (one, other):
        assert not storage.exists(calls.JSON)
        assert not storage.exists(calls.LAYER)
        with pytest.raises(exceptions.FileNotFoundError):
            storage.get_content(calls.JSON)
        with pytest.raises(exceptions.FileNotFoundError):
            storage.get_size(calls.LAYER)


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


@pytest.mark.parametrize('name', ['_inprogress', '_checksum'])
def test_small_files_are_removed_by_one_request(make_faulty, faults, name):
    storage = make_faulty()
    storage.put_content(calls.IMAGE + name, 'true')
    assert counted(faults, storage.remove, calls.IMAGE + name) == 1
    with pytest.raises(exceptions.FileNotFoundError):
        storage.remove(calls.IMAGE + name)
    # It was there; the answer that says so is lost.
    storage.put_content(calls.IMAGE + name, 'true')
    faults.inject(relay.lose(), 'DELETE', name)
    storage.remove(calls.IMAGE + name)
    assert not storage.exists(calls.IMAGE + name)
    # It was not, and a token that is refused says nothing of that.
    faults.inject(relay.status(401), 'DELETE', name)
    with pytest.raises(exceptions.FileNotFoundError):
        storage.remove(calls.IMAGE + name)


@pytest.mark.parametrize('name', ['json', '_inprogress', 'images/1/json'])
def test_directories_of_such_names(make_faulty, name):
    storage = make_faulty()
    directory = 'repositories/library/' + name
    storage.put_content(directory + '/tag_latest', '1')
    storage.remove(directory)
    assert not storage.exists(directory + '/tag_latest')


def test_nothing_is_known_for_long(make_faulty, faults, monkeypatch, parent):
    monkeypatch.setattr(memory, '_SECONDS', dict.fromkeys(
        ('json', 'ancestry', 'layer'), 0))
    one = make_faulty()
    assert counted(faults, calls.push, one) == 12
    assert counted(faults, calls.get_json, one) == 3
    assert counted(faults, calls.get_layer, one) == 2


@pytest.mark.parametrize('hours', [-1, 1])
def test_a_clock_that_is_set(storage, monkeypatch, hours):
    monkeypatch.setattr(memory, '_SECONDS', {'json': 300, 'ancestry': 0.1})
    storage.put_content(calls.JSON, 'kept')
    storage.put_content(calls.ANCESTRY, 'over')
    time.sleep(0.2)
    now = time.time()
    monkeypatch.setattr(time, 'time', lambda: now + hours * 3600)
    assert storage.memory.content(calls.JSON) == b'kept'
    assert storage.memory.content(calls.ANCESTRY) is None


def test_no_more_is_known_than_fits(make_storage, monkeypatch):
    monkeypatch.setattr(memory, '_COUNT', 2)
    storage = make_storage()
    paths = ['images/%d/json' % number for number in range(3)]
    for path in paths:
        storage.put_content(path, path)
    assert [storage.memory.content(path) for path in paths] == [
        None, paths[1].encode(), paths[2].encode()]
    large = 'images/3/json'
    storage.put_content(large, b'x' * 20000)
    assert storage.memory.content(large) is None
    assert storage.get_content(large) == b'x' * 20000


# An image that is removed past the registry, as a clean-up does it.


@pytest.mark.parametrize('cached', [False, True])
@pytest.mark.parametrize('removed', [
    ('json',), ('json', 'ancestry', 'layer', '_checksum')])
def test_who_pushes_is_told_that_an_image_is_gone(
        make_faulty, make_storage, parent, request, cached, removed):
    if cached:
        request.getfixturevalue('redis_cache')
    several = one, other = [make_faulty() for _ in range(2)]
    calls.push(one)
    for storage in several:
        calls.get_json(storage)
        calls.get_ancestry(storage)
    for name in removed:
        make_storage()._container.delete('registry/' + calls.IMAGE + name)
    for storage in several:
        assert not storage.exists(calls.JSON)
        calls.find_json(storage)
    # What was looked for in vain is forgotten.
    assert [storage.memory.content(calls.JSON)
            for storage in several] == [None, None]
    for storage in several:
        calls.push(other)
        calls.get_json(storage)
        calls.get_layer(storage)
        make_storage()._container.delete('registry/' + calls.JSON)


@pytest.mark.parametrize('cached', [False, True])
def test_who_pushes_a_child_is_told_that_the_parent_is_gone(
        make_faulty, make_storage, request, cached):
    if cached:
        request.getfixturevalue('redis_cache')
    one = make_faulty()
    calls.put_parent(one)
    make_storage()._container.delete(
        'registry/' + calls.PARENT + 'json')
    with calls.served(one, 'put_image_json',
                      find_parent=lambda: calls.PARENT_ID):
        assert not one.exists(calls.PARENT + 'json')


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
