"""docker-registry-swift gc of what v2 clients push, on a real Swift."""

import hashlib
import json
import os

import pytest
import steps
from test_v2_adoption import history
from test_v2_adoption import push
import test_v2_push_api
import v1_images

from docker_registry.drivers.swift.commands import dynamic
from docker_registry.drivers.swift.commands import gc as commands_gc
from docker_registry.drivers.swift.commands import removal
from docker_registry.drivers.swift.commands import removal_v2
from docker_registry.drivers.swift.v2 import adoption
from docker_registry.drivers.swift.v2 import layout
from docker_registry.drivers.swift.v2 import manifests

_LAYOUT = layout.Layout('/registry')
_DIGEST = v1_images.digest
_CONFIG = history(('one', True))


@pytest.fixture
def client(storage):
    return test_v2_push_api.Client(storage)


@pytest.fixture
def gc(json_command, monkeypatch, next_second):
    """Run gc on what is a moment old; give what is found, by its kind."""
    monkeypatch.setattr(removal, 'SETTLE_SECONDS', 0.1)
    monkeypatch.setattr(removal, '_PAUSE_SECONDS', 0)

    def gc(*options, **changes):
        next_second()
        status, lines = json_command('gc', '--older-than', '0s', *options,
                                     **changes)
        assert status == (0 if '--delete' in options or len(lines) == 1 else 1)
        found = {}
        for line in lines[:-1]:
            found.setdefault(line['kind'], []).append(line['name'])
        return found
    return gc


@pytest.fixture
def is_there(storage):
    def is_there(digest):
        return _LAYOUT.blob(digest) in {
            entry['name'] for entry in storage.container.list(
                _LAYOUT.blobs_prefix())}
    return is_there


def blob_names(*contents):
    return sorted(_LAYOUT.blob(_DIGEST(content)) for content in contents)


def pull(client, content, name='a/b', reference='latest'):
    assert client.expect(200, 'GET', '/v2/%s/manifests/%s' % (
        name, reference)).data == content
    for digest in manifests.parse(content).blobs:
        assert _DIGEST(client.expect(200, 'GET', '/v2/%s/blobs/%s' % (
            name, digest)).data) == digest


def put_in_segments(client, content, name='a/b'):
    location = client.expect(
        202, 'PATCH', client.start(name), content).headers['Location']
    client.expect(201, 'PUT', '%s?digest=%s' % (location, _DIGEST(content)))


def test_blobs_that_no_manifest_needs(client, gc, storage):
    large, small, empty = os.urandom(3000000), os.urandom(10), b''
    put_in_segments(client, large)
    for content in (small, empty):
        client.push_blob(content)
    kept = client.push()
    lost = blob_names(large, small, empty)
    before = {entry['name'] for entry in storage.container.list('')}
    assert sorted(gc()['blob']) == lost
    assert {entry['name'] for entry in storage.container.list('')} == before
    assert sorted(gc('--delete')['blob']) == lost
    assert gc() == {}
    pull(client, kept)
    # Nor is anything left of them.
    after = {entry['name'] for entry in storage.container.list('')}
    assert [name for name in after if _DIGEST(large)[7:] in name
            or name.startswith('.segments/')] == []
    # They can be pushed again.
    put_in_segments(client, large)
    assert client.expect(200, 'GET', '/v2/a/b/blobs/' + _DIGEST(large)
                         ).data == large


def test_manifests_without_a_tag(client, gc, is_there):
    old, new = client.push(), client.push()
    gone = client.push(tag='gone')
    signed = client.push(tag='signed')
    signature = client.push(tag=None, subject={
        'digest': _DIGEST(signed), 'size': len(signed),
        'mediaType': test_v2_push_api._DOCKER}, media_type=(
            test_v2_push_api._OCI))
    client.expect(202, 'DELETE', '/v2/a/b/manifests/' + _DIGEST(gone))
    assert _LAYOUT.blob(_DIGEST(gone)) in gc('--delete')['blob']
    pull(client, old, reference=_DIGEST(old))
    found = gc('--untagged', '--delete')
    assert found['manifest'] == [_LAYOUT.revision_link('a/b', _DIGEST(old))]
    assert not is_there(_DIGEST(old)) and not is_there(_DIGEST(gone))
    for each in (new, signed, signature):
        pull(client, each, reference=_DIGEST(each))


def test_what_is_new_stays(client, json_command, gc):
    client.push_blob(os.urandom(10))
    assert json_command('gc', '--delete')[1][-1]['blobs'] == 0
    assert len(gc('--delete')['blob']) == 1


def test_manifest_that_cannot_be_read_keeps_all(client, gc, storage):
    manifest = client.push()
    client.push_blob(os.urandom(10))
    name = _LAYOUT.blob(_DIGEST(manifest))
    storage.container.delete(name)
    assert gc('--delete') == {}


def test_adopted_and_converted_images(client, gc, storage, is_there,
                                      json_command):
    adopt = adoption.in_container(storage.settings, storage.container)
    layer = os.urandom(100)
    pushed = push(client, [layer], _CONFIG)
    adopt.refresh('a', 'b')
    v1 = v1_images.Images(storage)
    v1.tag(v1.push([v1_images.tar(10)])[-1])
    converted = test_v2_push_api.digest_of(client, 'x', 'latest')
    assert gc('--delete') == {}
    # v1 clients may have the image although v2 clients have it not.
    v1.tag(storage.get_content('repositories/a/b/tag_latest').decode(),
           'other/c')
    client.expect(202, 'DELETE', '/v2/a/b/manifests/' + _DIGEST(pushed))
    found = gc('--delete')
    assert _LAYOUT.blob(_DIGEST(layer)) not in found['blob']
    assert b''.join(storage.stream_read('images/%s/layer' % (
        storage.get_content('repositories/other/c/tag_latest').decode()
    ))) == layer
    # What was converted is gone with the repository.
    json_command('repository', 'rm', 'x')
    found = gc('--delete')
    assert _LAYOUT.blob(converted) in found['blob']
    assert len(found['image']) == 1
    assert gc() == {}
    json_command('repository', 'rm', 'other/c')
    gc('--delete')
    assert is_there(_DIGEST(layer))  # its image went just now
    gc('--delete')
    assert not is_there(_DIGEST(layer))


@pytest.mark.parametrize('stays', [False, True])
def test_tag_that_a_v1_client_gives_again(client, gc, storage, stays):
    """To the same image, after gc has removed what was made of it."""
    v1 = v1_images.Images(storage)
    layer = v1_images.tar(1)
    image_id = v1.push([layer])[0]
    v1.tag(image_id, 'a/b')
    content = client.expect(200, 'GET', '/v2/a/b/manifests/latest').data
    pull(client, content)
    if stays:  # by another name
        v1.tag(image_id, 'a/c')
        client.expect(200, 'GET', '/v2/a/c/manifests/latest')
    v1.untag('a/b')
    gc('--delete')
    assert storage.exists('images/%s/json' % image_id) is stays
    if not stays:
        v1.push_one(layer, image_id=image_id)
    v1.tag(image_id, 'a/b')
    # As docker and containerd do: what the tag names, by its digest.
    pull(client, content)
    pull(client, content, reference=_DIGEST(content))


def test_uploads(client, gc, storage, monkeypatch):
    location = client.start()
    client.expect(202, 'PATCH', location, os.urandom(2000000))
    prefix = _LAYOUT.uploads('a/b') + '/0123/'
    for name in ('startedat', 'data'):
        storage.container.put(prefix + name, b'a', 1,
                              '0cc175b9c0f1b6a831c399e269772661')
    assert gc('--delete') == {}
    monkeypatch.setattr(commands_gc, '_PUSH_SECONDS', 0)
    found = gc('--delete')
    assert found['upload'] == [prefix]
    assert len(found['segment']) > 1
    assert list(storage.container.list('')) == []


def test_blob_of_registry_2(client, gc, storage):
    content = b'abc'
    digest = _DIGEST(content)
    for number, letter in enumerate((b'ab', b'c')):
        storage.container.put(
            'registry/segments/123/%016d' % number, letter, len(letter),
            hashlib.md5(letter).hexdigest())
    storage.container.put(
        _LAYOUT.blob(digest), b'', 0, removal_v2._NO_BYTES,
        headers={'X-Object-Manifest':
                 storage.container.name + '/registry/segments/123/'})
    assert gc('--delete')['blob'] == [_LAYOUT.blob(digest)]
    assert list(storage.container.list('')) == []


@pytest.mark.once
@pytest.mark.parametrize('size', [10, 3000000])
@pytest.mark.parametrize('step', ['_links_to', '_settle', '_hide', '_purge'])
def test_push_that_comes_meanwhile(client, gc, monkeypatch, storage, step,
                                   size):
    content, other = os.urandom(size), os.urandom(20)
    for each in (content, other):
        put_in_segments(client, each)
    pushed = []
    steps.during(
        monkeypatch, removal_v2.RemovalV2, step,
        lambda: pushed.append(push(client, [content], _CONFIG)))
    found = gc('--delete')
    assert _LAYOUT.blob(_DIGEST(other)) in found['blob']
    pull(client, pushed[0])


@pytest.mark.once
def test_tag_that_comes_meanwhile(client, gc, monkeypatch):
    old, other = client.push(), client.push()
    client.push()
    steps.during(
        monkeypatch, removal_v2.RemovalV2, '_links_to',
        lambda: client.put_manifest(
            old, tag='again', media_type=test_v2_push_api._DOCKER))
    assert gc('--delete', '--untagged')['manifest'] == [
        _LAYOUT.revision_link('a/b', _DIGEST(other))]
    pull(client, old, reference='again')
    pull(client, old, reference=_DIGEST(old))


def put_dynamic(storage, prefix, *names):
    """Write segments, and manifests of them, as registry:2 does."""
    for number in (1, 2):
        storage.container.put(
            '%s/%016d' % (prefix, number), b'abc', 3,
            hashlib.md5(b'abc').hexdigest())
    for name in names:
        storage.container.put(
            name, b'', 0, hashlib.md5(b'').hexdigest(), headers={
                'X-Object-Manifest': '%s/%s' % (
                    storage.container.name, prefix)})


def test_segments_of_registry_2(client, gc, storage, monkeypatch):
    segments = 'registry/segments/%s/' + 40 * 'a0'
    digest = _DIGEST(b'abcabc')
    # Killed between blob and upload: both have the same segments.
    upload = _LAYOUT.uploads('a/b') + '/0123/'
    put_dynamic(storage, segments % '123', upload + 'data',
                _LAYOUT.blob(digest))
    put_dynamic(storage, segments % '456', _LAYOUT.uploads('a/b') + '/4/data')
    put_dynamic(storage, segments % '789')
    others = ['registry/segments/other', 'registry/segments/789/x/1']
    for name in others:
        storage.container.put(name, b'a', 1, hashlib.md5(b'a').hexdigest())
    client.put_manifest(json.dumps({
        'schemaVersion': 2, 'mediaType': test_v2_push_api._OCI,
        'config': client.push_blob(b'{}'), 'layers': [
            client.push_blob(b'abcabc')]}).encode(), tag='latest')
    lost = ['%s/%016d' % (segments % '789', number) for number in (1, 2)]
    assert gc('--delete') == {}  # somebody may be pushing
    monkeypatch.setattr(commands_gc, '_PUSH_SECONDS', 0)
    assert gc() == {'segment': lost, 'upload': [
        upload, _LAYOUT.uploads('a/b') + '/4/']}
    found = gc('--delete')
    assert found['segment'] == [
        '%s/%016d' % (segments % part, number)
        for part in ('456', '789') for number in (1, 2)]
    assert gc() == {}
    assert client.expect(200, 'GET', '/v2/a/b/blobs/' + digest
                         ).data == b'abcabc'
    assert {entry['name'] for entry in storage.container.list(
        'registry/segments/')} == set(others) | {
            '%s/%016d' % (segments % '123', number) for number in (1, 2)}


@pytest.mark.once
def test_segments_that_get_a_manifest_meanwhile(gc, storage, monkeypatch):
    prefix = 'registry/segments/123/' + 40 * 'a0'
    put_dynamic(storage, prefix)
    monkeypatch.setattr(commands_gc, '_PUSH_SECONDS', 0)
    plain = dynamic.Segments._in_use

    def in_use(self):
        monkeypatch.setattr(dynamic.Segments, '_in_use', plain)
        try:
            return plain(self)
        finally:
            put_dynamic(storage, prefix, _LAYOUT.uploads('a/b') + '/0/data')
    monkeypatch.setattr(dynamic.Segments, '_in_use', in_use)
    assert gc('--delete') == {}
    assert len(list(storage.container.list('registry/segments/'))) == 2


@pytest.mark.once
def test_two_at_the_same_time(client, gc, storage, monkeypatch, json_command):
    prefix = 'registry/segments/123/' + 40 * 'a0'
    put_dynamic(storage, prefix, _LAYOUT.blob(_DIGEST(b'abcabc')))
    monkeypatch.setattr(commands_gc, '_PUSH_SECONDS', 0)
    pushed, others = [], []
    steps.during(
        monkeypatch, removal_v2.RemovalV2, '_hide',
        lambda: pushed.append(push(client, [b'abcabc'], _CONFIG)))
    plain = removal_v2.RemovalV2._settle

    def settle(self, wanted):
        if self._hidden:  # the blob is not there now, but will be
            others.append([
                line for line in json_command('gc', '--older-than', '0s')[1]
                if line.get('name', '').startswith(prefix)])
        plain(self, wanted)
    monkeypatch.setattr(removal_v2.RemovalV2, '_settle', settle)
    assert gc('--delete') == {}
    assert others == [[]]
    pull(client, pushed[0])
    assert gc() == {}
