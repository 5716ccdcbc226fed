"""How many requests to Swift the calls of the registry cost."""

import io
import json
import os

import calls
import pytest
import relay
import v1_images

from docker_registry.core import exceptions
from docker_registry.drivers.swift.client import deletion
from docker_registry.drivers.swift.v2 import manifests
from docker_registry.drivers.swift.v2 import pushes
from docker_registry.drivers.swift.v2 import store
from docker_registry.drivers.swift.v2 import uploads


def test_push(make_faulty, faults, parent):
    one = make_faulty()
    assert calls.counted(faults, calls.push, one) == 11


def test_push_through_several_registries(make_faulty, faults, parent):
    several = [make_faulty() for _ in range(4)]
    assert calls.counted(faults, calls.push, *several) == 12


def test_push_with_redis(make_faulty, faults, redis_cache):
    several = [make_faulty() for _ in range(4)]
    calls.put_parent(several[3])
    # Without the json for the layer and the ancestry of the parent.
    assert calls.counted(faults, calls.push, *several) == 10


def test_pull(make_faulty, faults, parent):
    calls.push(make_faulty())
    one, other = make_faulty(), make_faulty()
    # A client that pushes asks the same.
    for _ in range(2):
        assert calls.counted(faults, calls.get_json, one) == 3
        # Known now, and read by its ETag or not at all.
        assert calls.counted(faults, calls.get_layer, one) == 1
        assert calls.counted(faults, calls.get_ancestry, one) == 2
        assert calls.counted(faults, calls.get_layer, other) == 2


def test_pull_with_redis(make_faulty, faults, redis_cache, parent):
    calls.push(make_faulty())
    one, other = make_faulty(), make_faulty()
    for storage in (one, other):
        assert calls.counted(faults, calls.get_json, storage) == 3
    assert calls.counted(faults, calls.get_layer, make_faulty()) == 1


@pytest.mark.parametrize('pieces, expected', [
    (['PATCH', 'PUT'], 8),  # docker, podman, skopeo
    (['PUT'], 4),  # containerd, oras
    (['POST'], 3)])
def test_layer_that_v2_clients_push(make_faulty, faults, monkeypatch, pieces,
                                    expected):
    storage = make_faulty()
    # Each seldom enough to ask anew what the container is like.
    monkeypatch.setattr(deletion, '_VERSIONS_SECONDS', -1)
    v2 = store.Store(storage.settings, storage.container)
    worker = uploads.Uploads(storage.settings, storage.container, v2)
    content = os.urandom(3000000)
    digest = v1_images.digest(content)

    def push():
        assert not v2.has_layer('a/b', digest)
        if pieces == ['POST']:
            worker.put('a/b', digest, io.BytesIO(content))
            return
        upload, number = uploads.new_name(), 0
        left = io.BytesIO(content)
        if 'PATCH' in pieces:
            number = worker.append('a/b', upload, 0, left).number
        worker.finish('a/b', upload, number, digest, left)
    assert calls.counted(faults, push) == expected


def test_manifest_that_v2_clients_push(make_faulty, faults):
    storage = make_faulty()
    v2 = store.Store(storage.settings, storage.container)
    worker = uploads.Uploads(storage.settings, storage.container, v2)
    blobs = []
    for number in range(4):
        content = b'%d' % number
        blobs.append({'digest': v1_images.digest(content), 'size': 1,
                      'mediaType': 'application/octet-stream'})
        worker.put('a/b', blobs[-1]['digest'], io.BytesIO(content))
    manifest = json.dumps({
        'schemaVersion': 2, 'mediaType': manifests.MANIFEST_TYPE,
        'config': blobs[0], 'layers': blobs[1:]}).encode('ascii')
    pushed = pushes.Pushes(None, v2, None)
    # One for each blob; the manifest, the repository's link, the tag's two.
    assert calls.counted(faults, pushed.put_manifest, 'a/b', 'latest', None,
                         manifest) == 4 + 4


@pytest.mark.parametrize('name', ['_inprogress', '_checksum'])
def test_small_files_are_removed_by_one_request(make_faulty, faults, name):
    storage = make_faulty()
    storage.put_content(calls.IMAGE + name, 'true')
    assert calls.counted(faults, storage.remove, calls.IMAGE + name) == 1
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


def test_tag_is_removed_by_one_request(make_faulty, faults):
    storage = make_faulty()
    storage.container.capabilities()
    name = 'registry/repositories/a/b/tag_c'

    def remove():
        storage.container.delete(name)
    storage.put_content('repositories/a/b/tag_c', '1')
    assert calls.counted(faults, remove) == 1
    with pytest.raises(exceptions.FileNotFoundError):
        remove()
    storage.put_content('repositories/a/b/tag_c', '1')
    faults.inject(relay.lose(), 'POST', 'bulk-delete')
    remove()
    faults.inject(relay.end_token(), 'POST', 'bulk-delete')
    with pytest.raises(exceptions.FileNotFoundError):
        remove()


@pytest.mark.parametrize('name', ['json', '_inprogress', 'images/1/json'])
def test_directories_of_such_names(make_faulty, name):
    storage = make_faulty()
    directory = 'repositories/library/' + name
    storage.put_content(directory + '/tag_latest', '1')
    storage.remove(directory)
    assert not storage.exists(directory + '/tag_latest')
