"""That what is answered without asking Swift is true."""

import io
import json
import time

import calls
import pytest
import relay

from docker_registry.core import exceptions
from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift import memory


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


def test_nothing_is_known_for_long(make_faulty, faults, monkeypatch, parent):
    monkeypatch.setattr(memory, '_SECONDS', dict.fromkeys(
        ('json', 'ancestry', 'layer'), 0))
    one = make_faulty()
    assert calls.counted(faults, calls.push, one) == 12
    assert calls.counted(faults, calls.get_json, one) == 3
    assert calls.counted(faults, calls.get_layer, one) == 2


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
