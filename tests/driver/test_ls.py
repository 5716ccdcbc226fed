"""docker-registry-swift ls and du, on a real Swift."""

import collections
import hashlib
import json
import os

import pytest
from test_v2_adoption import history
from test_v2_adoption import push
import test_v2_push_api
import v1_images

from docker_registry.drivers.swift.commands import output
from docker_registry.drivers.swift.v2 import adoption
from docker_registry.drivers.swift.v2 import layout

_CONFIG = history(('one', True), ('two', True))


@pytest.fixture
def images(storage):
    return v1_images.Images(storage)


def test_repositories(command, images, storage):
    top = images.push([b'a' * 1000])[-1]
    images.tag(top, 'library/demo')
    images.tag(top, 'library/demo', '1.0')
    images.tag(top, 'team/secret')
    storage.put_content('repositories/team/secret/_private', b'')
    status, printed = command('ls')
    assert status == 0
    lines = [line.split() for line in printed.splitlines()]
    assert lines[0] == ['REPOSITORY', 'TAGS', 'PUSHED', 'API', 'ACCESS']
    assert [line[:2] + line[4:] for line in lines[1:]] == [
        ['library/demo', '2', 'v1', 'public'],
        ['team/secret', '1', 'v1', 'private']]


def test_more_repositories_than_a_page_has(json_command, images):
    top = images.push([b'a'])[-1]
    for number in range(25):
        images.tag(top, 'team/r%02d' % number)
    status, found = json_command('ls')
    assert status == 0
    assert [each['repository'] for each in found] == [
        'team/r%02d' % number for number in range(25)]
    status, found = json_command('ls', 'team/r*')
    assert [each['repository'] for each in found] == [
        'team/r%02d' % number for number in range(25)]


def test_tags(command, json_command, images):
    base, top = images.push([b'a' * 1000, b'b' * 3000])
    images.tag(top, tag='2')
    images.tag(base, tag='1')
    status, found = json_command('ls', 'x')
    assert status == 0
    assert [each.pop('pushed_at')[-1] for each in found] == ['Z', 'Z']
    assert found == [
        {'repository': 'library/x', 'tag': '1', 'image': base, 'layers': 1,
         'size_bytes': 1000, 'damaged': False, 'digest': None,
         'apis': ['v1']},
        {'repository': 'library/x', 'tag': '2', 'image': top, 'layers': 2,
         'size_bytes': 4000, 'damaged': False, 'digest': None,
         'apis': ['v1']}]
    printed = command('ls', 'x')[1].splitlines()
    assert printed[2].split()[:6] == [
        'library/x', '2', top[:12], 'v1', '3.9', 'KiB']


@pytest.mark.parametrize('options', [('ls', '*'), ('du',)])
def test_tags_of_all_repositories_are_not_asked_for(
        json_command, images, faults, options):
    base, top = images.push([b'a' * 1000, b'b' * 3000])
    for number in range(12):
        images.tag(top, 'team/r%d' % number)
        images.tag(base, 'team/r%d' % number, 'base')
    images.tag('f' * 64, 'team/r1', 'no-image')
    status, found = json_command(
        *options, swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port)
    assert status == 0
    asked = [request.path.split('?')[0] for request in faults.requests]
    assert [path.rsplit('/', 1)[1] for path in asked if '/tag_' in path] == [
        'tag_no-image']
    assert not any(path.endswith('/layer') for path in asked)
    if options[0] == 'ls':
        assert {(each['tag'], each['image'], each['size_bytes'])
                for each in found} == {
            ('latest', top, 4000), ('base', base, 1000),
            ('no-image', 'f' * 64, None)}
        assert len(found) == 25
    else:
        assert found[0]['tagged_bytes'] == 4000


def test_size_of_a_layer_in_segments(json_command, make_storage):
    images = v1_images.Images(make_storage(swift_segment_size=1024 * 1024))
    images.tag(images.push([b'a' * 2500000])[-1])
    assert json_command('ls', 'x')[1][0]['size_bytes'] == 2500000
    assert json_command('du')[1][0]['layers_bytes'] == 2500000


@pytest.fixture
def client(storage):
    return test_v2_push_api.Client(storage)


@pytest.fixture
def tags(json_command):
    """List tags; return what there is of each by its name."""
    return lambda pattern: collections.OrderedDict(
        ((each['repository'], each['tag']), each)
        for each in json_command('ls', pattern)[1])


def test_tags_of_v2(command, json_command, client, images, storage, tags):
    layers = [os.urandom(1000), os.urandom(500)]
    pushed = v1_images.digest(push(client, layers, _CONFIG, 'x'))
    client.push('a/b/c', '7', layers=layers[:1])
    image_id = images.push([v1_images.tar(10)])[-1]
    images.tag(image_id, tag='old')
    found = tags('*')
    assert list(found) == [('library/x', 'latest'), ('library/x', 'old'),
                           ('a/b/c', '7')]
    assert [each['apis'] for each in found.values()] == [
        ['v2'], ['v1'], ['v2']]
    latest = found['library/x', 'latest']
    assert (latest['digest'], latest['image'], latest['size_bytes'],
            latest['layers']) == (pushed, None, 1500, 2)
    # Who pulls it by the other API has it made for that.
    adoption.in_container(storage.settings, storage.container).refresh(
        'library', 'x')
    test_v2_push_api.digest_of(client, 'x', 'old')
    found = tags('x')
    assert [each['apis'] for each in found.values()] == [['v1', 'v2']] * 2
    assert found['library/x', 'old']['image'] == image_id
    assert found['library/x', 'latest']['digest'] == pushed
    assert found['library/x', 'latest']['size_bytes'] == 1500
    assert [(each['repository'], each['tags'], each['apis'])
            for each in json_command('ls')[1]] == [
        ('a/b/c', 1, ['v2']), ('library/x', 2, ['v1', 'v2'])]
    assert command('ls', 'a/b/c')[1].splitlines()[1].split()[2:4] == [
        json_command('ls', 'a/b/c')[1][0]['digest'][7:19], 'v2']


def test_last_push_counts(client, images, tags):
    image_id = images.push([v1_images.tar(10)])[-1]
    images.tag(image_id)
    pushed = v1_images.digest(client.push('x'))
    assert tags('x')['library/x', 'latest']['digest'] == pushed
    images.tag(image_id)
    found = tags('x')['library/x', 'latest']
    assert (found['image'], found['apis']) == (image_id, ['v1'])


def test_index(client, tags):
    shared = os.urandom(100)
    content = json.dumps({
        'schemaVersion': 2, 'mediaType': test_v2_push_api._INDEX,
        'manifests': [{
            'mediaType': test_v2_push_api._OCI, 'size': len(manifest),
            'digest': v1_images.digest(manifest)} for manifest in [
                client.push(tag=None, media_type=test_v2_push_api._OCI,
                            layers=[shared, os.urandom(size)])
                for size in (10, 20)]]}).encode()
    client.put_manifest(content, tag='all',
                        media_type=test_v2_push_api._INDEX)
    found = tags('a/b')['a/b', 'all']
    assert (found['size_bytes'], found['layers']) == (130, 3)


def test_damage_of_v2(client, tags, storage):
    layer = os.urandom(100)
    client.push('x', layers=[layer])
    manifest = client.push('y')
    client.push('z')
    names = layout.Layout('/registry')
    storage.container.delete(names.blob(v1_images.digest(layer)))
    storage.container.delete(names.blob(v1_images.digest(manifest)))
    storage.container.put(names.tag_link('z', 'latest'), b'nothing', 7,
                          hashlib.md5(b'nothing').hexdigest())
    for name in 'xyz':
        found = tags(name)['library/%s' % name, 'latest']
        assert (found['damaged'], found['size_bytes']) == (True, None)


def test_room_of_shared_layers(client, images, json_command, storage):
    layer, other = v1_images.tar(5000), v1_images.tar(70000)
    images.tag(images.push([layer])[-1])
    test_v2_push_api.digest_of(client, 'x', 'latest')  # converted
    push(client, [layer, other], _CONFIG, 'y')
    adoption.in_container(storage.settings, storage.container).refresh(
        'library', 'y')
    report = json_command('du')[1][0]
    largest = report['largest']
    assert [each['size_bytes'] for each in largest[:2]] == [
        len(other), len(layer)]
    assert 'digest' in largest[0] and 'image' in largest[1]
    # Beside them are configs and manifests.
    assert report['layers_bytes'] < len(layer) + len(other) + 5000
    assert report['tagged_bytes'] == report['layers_bytes']
    usage = {each['repository']: each for each in report['repositories']}
    assert usage['library/y']['size_bytes'] > len(layer) + len(other)
    assert len(other) < usage['library/y']['alone_bytes'] < len(other) + 3000
    assert usage['library/x']['alone_bytes'] < 3000


def test_names_as_clients_have_them(json_command, images):
    top = images.push([b'a'])[-1]
    # As the registry stores a/b/c, and a tag that it has to quote.
    images.tag(top, 'a/b%252Fc', 'x%2By')
    images.tag(top, 'a/b%252Fc', '_y')
    found = json_command('ls', 'a/b/c')[1]
    assert [(each['repository'], each['tag']) for each in found] == [
        ('a/b/c', '_y'), ('a/b/c', 'x+y')]
    assert [(each['repository'], each['tags'])
            for each in json_command('ls')[1]] == [('a/b/c', 2)]


def test_tag_that_the_listing_lacks(json_command, images, storage):
    top = images.push([b'a'])[-1]
    images.tag(top)
    images.tag(top, tag='2')
    # Its note says that it is there; it is, but under a name that is listed
    # as nothing: removed past the registry, it is left out.
    storage._container.delete('registry/repositories/library/x/tag_2')
    assert [each['tag'] for each in json_command('ls', 'x')[1]] == ['latest']


def test_damaged_images(json_command, images, storage):
    base, top = images.push([b'a' * 1000, b'b' * 3000])
    images.tag(top, tag='no-layer')
    storage.remove('images/%s/layer' % base)
    images.tag('f' * 64, tag='no-image')
    images.tag('nonsense', tag='no-id')
    storage.put_content('repositories/library/x/tag_bytes', b'\xff\x00')
    found = json_command('ls', 'x')[1]
    assert [(each['tag'], each['damaged'], each['size_bytes'])
            for each in found] == [
        ('bytes', True, None), ('no-id', True, None),
        ('no-image', True, None), ('no-layer', True, None)]


def test_repository_that_is_not_there(command, images):
    images.tag(images.push([b'a'])[-1])
    status, printed = command('ls', 'y')
    assert status == 2
    assert 'there is no repository library/y' in printed


@pytest.mark.parametrize('name', ['ls', 'du'])
def test_container_that_is_not_there(command, name):
    status, printed = command(name)
    assert status == 2
    assert 'see swift_container' in printed


@pytest.mark.parametrize('options', [('ls',), ('ls', '*'), ('du',)])
def test_an_outage_is_not_an_empty_registry(command, images, options):
    images.tag(images.push([b'a'])[-1])
    status, printed = command(
        *options, swift_object_storage_url='http://127.0.0.1:9/v1/AUTH_test',
        swift_retries=0)
    assert status == 2
    assert 'no answer' in printed


def test_password_is_wrong(command, secret_of):
    status, printed = command('ls', swift_password=secret_of('nobody'))
    assert status == 2
    assert 'swift_password' in printed
    assert secret_of('nobody') not in printed


def test_configuration_is_wrong(command):
    status, printed = command('ls', swift_timeout='soon')
    assert status == 2
    assert 'swift_timeout' in printed
    assert command('ls', storage='file')[0] == 2


def test_room(command, json_command, images):
    base, one = images.push([b'a' * 1000, b'b' * 3000])
    two = images.push_one(b'c' * 500, [base])
    images.push([b'd' * 7000])  # no tag reaches it
    images.tag(one, 'library/one')
    images.tag(one, 'library/one', 'again')
    images.tag(two, 'library/two')
    status, (report,) = json_command('du')
    assert status == 0
    assert report['layers'] == 4
    assert report['layers_bytes'] == 11500
    assert report['tagged_bytes'] == 4500
    assert report['repositories'] == [
        {'repository': 'library/one', 'tags': 2, 'size_bytes': 4000,
         'alone_bytes': 3000},
        {'repository': 'library/two', 'tags': 1, 'size_bytes': 1500,
         'alone_bytes': 500}]
    assert report['largest'][1] == {'image': one, 'size_bytes': 3000}
    assert [each['repository'] for each in json_command('du', 'two')[1][0][
        'repositories']] == ['library/two']
    printed = command('du')[1]
    assert '4 layers and blobs: 11.2 KiB; tags reach 4.4 KiB of it' in printed
    assert json.loads(json.dumps(report)) == report


def test_words():
    assert output.size(0) == '0 B'
    assert output.size(1536) == '1.5 KiB'
    assert output.size(5 * 1024 ** 5) == '5120.0 TiB'
    assert output.age(59) == '59 s'
    assert output.age(-3) == '0 s'
    assert output.age(3600) == '1 h'
    assert output.age(86400 * 400) == '400 d'
    assert output.iso8601(0) == '1970-01-01T00:00:00Z'


def test_cache_of_buildkit(client, tags):
    layers = [os.urandom(100), os.urandom(20)]
    test_v2_push_api.push_cache(client, layers)
    found = tags('a/b')['a/b', 'cache']
    assert (found['damaged'], found['size_bytes'], found['layers']) == (
        False, 120, 2)


def test_room_of_what_is_not_there(command, images):
    images.tag(images.push([b'a'])[-1])
    assert command('du', 'x')[0] == 0
    status, printed = command('du', 'y')
    assert (status, 'no repository library/y' in printed) == (2, True)
