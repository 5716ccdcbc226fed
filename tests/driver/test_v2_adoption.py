"""v1 images of what v2 clients have pushed, on real Swift."""

import json
import os

import pytest
import relay
import test_v2_push_api
import v1_images

from docker_registry.drivers.swift.v2 import adoption
from docker_registry.drivers.swift.v2 import ancestries
from docker_registry.drivers.swift.v2 import layout

_DIGEST = v1_images.digest
_LAYER = 'application/vnd.docker.image.rootfs.diff.tar'
_CONFIG = 'application/vnd.docker.container.image.v1+json'


@pytest.fixture
def client(storage):
    return test_v2_push_api.Client(storage)


@pytest.fixture
def adopt(storage):
    return adoption.in_container(storage.settings, storage.container)


def push(client, layers, config, name='a/b', tag='latest', kind=_LAYER):
    """Push an image; return the content of its manifest."""
    content = json.dumps({
        'schemaVersion': 2, 'mediaType': test_v2_push_api._DOCKER,
        'config': dict(client.push_blob(config, name), mediaType=_CONFIG),
        'layers': [dict(client.push_blob(layer, name), mediaType=kind)
                   for layer in layers]}).encode()
    client.put_manifest(content, name, tag, test_v2_push_api._DOCKER)
    return content


def tag_of(storage, tag='latest', repository='a/b'):
    return storage.get_content('repositories/%s/tag_%s' % (
        repository, tag)).decode()


def pull(storage, image_id):
    """Return jsons and layers of an image, from the base up."""
    ancestry = json.loads(storage.get_content(
        'images/%s/ancestry' % image_id).decode())
    assert ancestry[0] == image_id
    return [(json.loads(storage.get_content('images/%s/json' % each).decode()),
             b''.join(storage.stream_read('images/%s/layer' % each)))
            for each in reversed(ancestry)]


def history(*entries):
    return json.dumps({
        'architecture': 'amd64', 'os': 'linux', 'config': {'Cmd': ['sh']},
        'created': '2020-01-01T00:00:00Z', 'rootfs': {'type': 'layers'},
        'history': [dict({'created_by': name}, **({} if has_layer else
                                                  {'empty_layer': True}))
                    for name, has_layer in entries]}).encode()


def test_adopted(client, adopt, storage):
    layers = [os.urandom(10), os.urandom(3000000)]
    push(client, layers, history(('one', True), ('none', False),
                                 ('two', True)))
    before = {entry['name'] for entry in storage.container.list('')}
    adopt.refresh('a', 'b')
    found = pull(storage, tag_of(storage))
    assert [layer for _, layer in found] == [
        layers[0], 1024 * b'\0', layers[1]]
    descriptions = [description for description, _ in found]
    assert [each['container_config']['Cmd'] for each in descriptions] == [
        ['one'], ['none'], ['two']]
    for below, each in zip([None] + descriptions, descriptions):
        assert each.get('parent') == (below and below['id'])
    assert descriptions[-1]['config'] == {'Cmd': ['sh']}
    assert 'rootfs' not in descriptions[-1]
    for name in ('tag_latest', 'taglatest_json', 'json', '_index_images'):
        storage.get_content('repositories/a/b/' + name)
    # Layers are not stored twice.
    for entry in storage.container.list(''):
        if entry['name'] not in before and entry['name'].endswith('/layer'):
            headers = storage.container.head(entry['name'])
            assert ('x-static-large-object' in headers
                    or headers['content-length'] == '1024')
    assert list(storage.orphans(None)) == []
    listed = {entry['name'] for entry in storage.container.list('')}
    adopt.refresh('a', 'b')
    assert {entry['name'] for entry in storage.container.list('')} == listed


@pytest.mark.parametrize('where', ['link', 'manifest', 'config'])
def test_damage_hides_no_other_tag(client, adopt, storage, caplog, where):
    config = history(('one', True))
    manifest = push(client, [b'some'], config, tag='damaged')
    push(client, [b'other'], history(('two', True)), tag='whole')
    names = layout.Layout('/registry')
    storage.contents.small_objects.write(
        {'link': names.tag_link('a/b', 'damaged'),
         'manifest': names.blob(_DIGEST(manifest)),
         'config': names.blob(_DIGEST(config))}[where], b'{}')
    for _ in range(2):
        adopt.refresh('a', 'b')
        assert pull(storage, tag_of(storage, 'whole'))
        assert not storage.exists('repositories/a/b/tag_damaged')
    assert caplog.text.count('v1 clients do not see a/b:damaged: ') == 1
    # Nor does it keep a client from removing them.
    assert adopt.seen('a', 'b') == [('a/b', 'whole')]


def test_who_asks_waits_for_swift(client, storage, make_storage, faults):
    push(client, [b'some'], history(('one', True)))
    waiting = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_retries=1, swift_retry_delay=0.02)
    waiting.wait_for_swift(always=True)
    # As often as a request is sent that does not wait.
    faults.inject(relay.drop(), 'GET', '/current/link', times=2)
    adoption.in_container(waiting.settings, waiting.container).refresh(
        'a', 'b')
    waiting.end()
    assert tag_of(storage)


def test_images_that_begin_alike(client, adopt, storage):
    base = os.urandom(10)
    for tag in ('one', 'two'):
        push(client, [base, os.urandom(10)],
             history(('base', True), (tag, True)), tag=tag)
    adopt.refresh('a', 'b')
    one, two = [pull(storage, tag_of(storage, tag)) for tag in ('one', 'two')]
    assert one[0] == two[0]
    assert one[1][0]['id'] != two[1][0]['id']


def test_digest_stays(client, adopt, storage):
    content = push(client, [os.urandom(10)], history(('one', True)))
    adopt.refresh('a', 'b')
    for name in ('a/b', 'other/c'):
        # As a v1 client that pushes the image to another repository.
        v1_images.Images(storage).tag(tag_of(storage), name)
        assert test_v2_push_api.digest_of(client, name, 'latest') == (
            _DIGEST(content))
        assert client.expect(200, 'GET', '/v2/%s/manifests/latest' % name
                             ).data == content


def test_last_push_counts(client, adopt, storage):
    v1 = v1_images.Images(storage)
    pushed = v1.push([v1_images.tar(10)])[-1]
    push(client, [os.urandom(10)], history(('one', True)))
    adopt.refresh('a', 'b')
    first = tag_of(storage)
    v1.tag(pushed, 'a/b')
    adopt.refresh('a', 'b')
    assert tag_of(storage) == pushed
    converted = test_v2_push_api.digest_of(client, 'a/b', 'latest')
    adopt.refresh('a', 'b')
    assert tag_of(storage) == pushed
    second = push(client, [os.urandom(10)], history(('two', True)))
    assert _DIGEST(second) != converted
    # Not what was adopted before it.
    assert test_v2_push_api.digest_of(client, 'a/b', 'latest') == (
        _DIGEST(second))
    adopt.refresh('a', 'b', 'latest')
    assert tag_of(storage) not in (pushed, first)
    assert test_v2_push_api.digest_of(client, 'a/b', 'latest') == (
        _DIGEST(second))


def test_removal(client, adopt, storage):
    for tag in ('one', 'two', 'three'):
        push(client, [os.urandom(10)], history((tag, True)), tag=tag)
    adopt.refresh('a', 'b')
    client.expect(202, 'DELETE', '/v2/a/b/manifests/one')
    assert not storage.exists('repositories/a/b/tag_one')
    for tag, left in (('two', ['three']), (None, None)):
        seen = adopt.seen('a', 'b', tag)
        storage.remove('repositories/a/b/tag_' + (tag or 'three'))
        adopt.remove(seen)
        answer = client.ask('GET', '/v2/a/b/tags/list')
        assert json.loads(answer.data.decode()).get('tags') == left


def test_both_names_of_a_repository(client, adopt, storage):
    for name in ('x', 'library/x'):
        content = push(client, [name.encode()], history((name, True)), name)
        adopt.refresh('library', 'x')
        found = pull(storage, tag_of(storage, repository='library/x'))
        assert found[0][1] == name.encode()
        assert test_v2_push_api.digest_of(client, name, 'latest') == (
            _DIGEST(content))
    answer = client.expect(200, 'GET', '/v2/_catalog')
    assert json.loads(answer.data.decode())['repositories'] == ['x']


def test_index(client, adopt, storage):
    child = push(client, [b'layer'], history(('one', True)), tag=None)
    index = {'schemaVersion': 2, 'mediaType': test_v2_push_api._INDEX,
             'manifests': [
                 {'mediaType': test_v2_push_api._DOCKER, 'size': len(child),
                  'digest': _DIGEST(child), 'platform': {
                      'os': 'linux', 'architecture': 'amd64'}}]}
    content = json.dumps(index).encode()
    client.put_manifest(content, tag='all',
                        media_type=test_v2_push_api._INDEX)
    index['manifests'][0]['platform']['architecture'] = 'arm64'
    client.put_manifest(json.dumps(index).encode(), tag='arm',
                        media_type=test_v2_push_api._INDEX)
    adopt.refresh('a', 'b')
    assert pull(storage, tag_of(storage, 'all'))[0][1] == b'layer'
    assert not storage.exists('repositories/a/b/tag_arm')
    assert test_v2_push_api.digest_of(client, 'a/b', 'all') == (
        _DIGEST(content))


@pytest.mark.parametrize('layers, config, kind', [
    ([b'x'], b'{}', 'application/vnd.oci.image.layer.v1.tar+zstd'),
    ([], b'{}', _LAYER), ([b'x'], b'[]', _LAYER), ([b'x'], b'\xff', _LAYER),
    ([b'x'], b'{"history": [7]}', _LAYER),
    ([b'x'], b'{"history": [{"created_by": 7}]}', _LAYER),
    ([b'%d' % number if str is not bytes else str(number)
      for number in range(128)], b'{}', _LAYER)])
def test_what_v1_cannot_read(storage, client, layers, config, kind, adopt):
    push(client, layers, config, kind=kind)
    adopt.refresh('a', 'b')
    adopt.refresh('a', 'b', 'latest')
    assert not storage.exists('repositories/a/b/tag_latest')


@pytest.mark.parametrize('entries', [
    None, [], {}, [{'created_by': 'one'}], 3 * [{'created_by': 'one'}]])
def test_history_that_does_not_fit(entries):
    found = ancestries.convert(json.dumps({'history': entries}).encode(),
                               ['sha256:1', 'sha256:2'], 'sha256:3')
    assert [each.layer for each in found] == ['sha256:1', 'sha256:2']
    assert len({each.id for each in found}) == 2


def test_empty_layers_that_are_too_many():
    config = history(*[('x', number % 2 == 0) for number in range(200)])
    found = ancestries.convert(config, ['sha256:%d' % number
                                        for number in range(100)], 'sha256:1')
    assert len(found) == 100


def test_commands_find_nothing_wrong(client, adopt, storage, json_command,
                                     next_second):
    content = os.urandom(3000000)
    location = client.start()
    location = client.expect(202, 'PATCH', location, content).headers[
        'Location']
    client.expect(201, 'PUT', '%s?digest=%s' % (location, _DIGEST(content)))
    manifest = push(client, [content, b'small'], history(
        ('one', True), ('none', False), ('two', True)))
    adopt.refresh('a', 'b')
    next_second()
    assert json_command('fsck', '--deep') == (0, [])
    status, lines = json_command('gc', '--older-than', '0s', '--delete')
    assert status == 0
    assert [line['kind'] for line in lines] == ['total']
    assert pull(storage, tag_of(storage))[0][1] == content
    assert client.expect(200, 'GET', '/v2/a/b/manifests/latest'
                         ).data == manifest
    assert client.expect(200, 'GET', '/v2/a/b/blobs/' + _DIGEST(content)
                         ).data == content


def test_gc_of_layers_that_v2_clients_need(client, adopt, storage,
                                           json_command, next_second):
    v1 = v1_images.Images(storage)
    layer = v1_images.tar(3000000)
    v1.tag(v1.push([layer])[-1], 'a/b', 'v1')
    test_v2_push_api.digest_of(client, 'a/b', 'v1')
    # The blob is the layer of v1.
    push(client, [layer], history(('one', True)), tag='v2')
    v1.untag('a/b', 'v1')
    next_second()
    json_command('gc', '--older-than', '0s', '--delete')
    assert client.expect(200, 'GET', '/v2/a/b/blobs/' + _DIGEST(layer)
                         ).data == layer
