"""docker-registry-swift copy, on a real Swift and in directories."""

import hashlib
import itertools
import json
import os
import random
import time

import pytest
import relay
import steps
from test_v2_adoption import history
from test_v2_adoption import push
import test_v2_push_api
import v1_images
import yaml

from docker_registry.core import driver
from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift.client import container
from docker_registry.drivers.swift.commands import cluster_copy
from docker_registry.drivers.swift.commands import copy_v1
from docker_registry.drivers.swift.commands import copy_v2
from docker_registry.drivers.swift.commands import driver_side
from docker_registry.drivers.swift.commands import main
from docker_registry.drivers.swift.commands import parallel
from docker_registry.drivers.swift.v2 import adoption
from docker_registry.drivers.swift.v2 import layout
from docker_registry.drivers.swift.v2 import manifests


class Files(driver.fetch('file')):

    """core's file driver, which takes no text on Python 3."""

    def put_content(self, path, content):
        if not isinstance(content, bytes):
            content = content.encode('utf-8')
        return super(Files, self).put_content(path, content)


@pytest.fixture
def flavors(swift_settings, tmpdir):
    """Flavors of one configuration; a test may change them."""
    here = dict(swift_settings, storage='swift', storage_path='/registry')
    return {
        'here': here,
        'there': dict(here, swift_container=here['swift_container'] + '-2',
                      storage_path='/other/place'),
        'files': {'storage': 'file',
                  'storage_path': str(tmpdir.mkdir('files'))}}


@pytest.fixture
def copy(flavors, tmpdir, capsys):
    """Copy; give the exit status, and the results by tag."""
    def copy(source, target, *options):
        path = tmpdir.join('flavors.yml')
        path.write(yaml.safe_dump(flavors))
        status = main.main(['copy', '--config', str(path), '--from', source,
                            '--to', target, '--json'] + list(options))
        printed, errors = capsys.readouterr()
        if status == 2:
            return status, errors
        found = [json.loads(line) for line in printed.splitlines()]
        return status, {'%s:%s' % (each['repository'], each['tag']): each
                        for each in found}
    return copy


@pytest.fixture
def open_flavor(flavors, make_storage):
    """Open what the registry would open for a flavor."""
    def open_flavor(name):
        flavor = dict(flavors[name])
        path = flavor.pop('storage_path')
        if flavor['storage'] == 'file':
            return Files(path)
        return make_storage(path, **flavor)
    return open_flavor


def fill(storage):
    """Push what tests copy; return the ids of images."""
    images = v1_images.Images(storage)
    base, top = images.push([b'a' * 1000, b'b' * 3000000])
    other = images.push_one(b'c' * 500, [base])
    images.tag(top)
    images.tag(top, tag='1.0')
    images.tag(other, 'team/app', '7')
    storage.put_content('repositories/team/app/_private', b'')
    storage.put_content('repositories/library/x/_index_images', json.dumps(
        [{'id': base}, {'id': top}]))
    return base, top, other


def contents(storage, path=''):
    """Return what a storage has, but for what the driver notes for itself."""
    found = {}
    for each in storage.list_directory(path):
        try:
            found.update(contents(storage, each))
        except Exception:
            if not each.endswith('_recent_tags'):
                found[each] = hashlib.sha256(
                    b''.join(storage.stream_read(each))).hexdigest()
    return found


def outcomes(found):
    status, results = found
    return status, {name: each['outcome'] for name, each in results.items()}


_COPIED = {'library/x:latest': 'copied', 'library/x:1.0': 'copied',
           'team/app:7': 'copied'}
_THERE = dict.fromkeys(_COPIED, 'there')
_CALLS = ('head', 'get', 'put', 'copy_to', 'put_manifest', 'list')
_WAYS = [('files', 'here'), ('here', 'files'), ('here', 'there')]


@pytest.mark.parametrize('source, target', _WAYS)
@pytest.mark.parametrize('options', [(), ('--verify',)])
def test_all_of_it(copy, open_flavor, flavors, source, target, options):
    for name in ('here', 'there'):
        flavors[name]['swift_segment_size'] = 1024 * 1024
    fill(open_flavor(source))
    status, found = copy(source, target, *options)
    assert outcomes((status, found)) == (0, _COPIED)
    assert sum(each['parts'] for each in found.values()) == 3
    assert sum(each['size_bytes'] for each in found.values()) == 3001500
    assert contents(open_flavor(target)) == contents(open_flavor(source))
    assert outcomes(copy(source, target, *options)) == (0, _THERE)


@pytest.mark.once
def test_within_an_account_no_byte_comes_here(copy, open_flavor, flavors,
                                              faults):
    for name in ('here', 'there'):
        flavors[name]['swift_segment_size'] = 1024 * 1024
    base, top, other = fill(open_flavor('here'))
    flavors['here']['swift_authurl'] = flavors['there']['swift_authurl'] = (
        'http://127.0.0.1:%d/auth/v1.0' % faults.port)
    assert copy('here', 'there')[0] == 0
    # Two plain layers, and three segments.
    assert faults.count('COPY', '/layer') == 5
    assert faults.count('PUT', '/layer') == 1  # the manifest
    storage = open_flavor('there')
    layer = 'other/place/images/%s/layer' % top
    assert all(name.startswith('.segments/' + layer)
               for name in storage._container.get_manifest(layer))
    assert storage.stat('images/%s/layer' % base).checksum is None
    assert len(b''.join(storage.stream_read('images/%s/layer' % top))) == (
        3000000)


@pytest.mark.once
def test_what_is_there_is_not_read_again(copy, open_flavor, flavors, faults):
    base, top, other = fill(open_flavor('files'))
    flavors['here']['swift_authurl'] = (
        'http://127.0.0.1:%d/auth/v1.0' % faults.port)
    assert copy('files', 'here', '--repository', 'team/*')[0] == 0
    assert faults.count('PUT', '/layer') == 2
    assert outcomes(copy('files', 'here'))[1]['team/app:7'] == 'there'
    assert faults.count('PUT', '%s/layer' % base) == 1


def test_some_of_it(copy, open_flavor):
    fill(open_flavor('files'))
    assert outcomes(copy('files', 'here', '--repository', 'x', '--tag',
                         '1*')) == (0, {'library/x:1.0': 'copied'})
    assert sorted(open_flavor('here').list_directory('repositories')) == [
        'repositories/library']
    status, message = copy('files', 'here', '--repository', 'absent')
    assert (status, 'no repository absent' in message) == (2, True)


@pytest.mark.once
def test_tag_that_has_moved(copy, open_flavor):
    base, top, other = fill(open_flavor('files'))
    copy('files', 'here')
    v1_images.Images(open_flavor('files')).tag(base)
    assert outcomes(copy('files', 'here')) == (
        0, dict(_THERE, **{'library/x:latest': 'copied'}))
    assert open_flavor('here').get_content(
        'repositories/library/x/tag_latest') == base.encode('ascii')


@pytest.mark.once
def test_image_that_is_being_pushed_comes_later(copy, open_flavor):
    source = open_flavor('files')
    base, top, other = fill(source)
    source.put_content('images/%s/_inprogress' % top, b'true')
    status, found = copy('files', 'here')
    assert (status, found['library/x:1.0']['outcome']) == (1, 'left')
    assert 'is being pushed' in found['library/x:1.0']['reason']
    assert found['team/app:7']['outcome'] == 'copied'
    target = open_flavor('here')
    assert not target.exists('repositories/library/x/tag_latest')
    source.remove('images/%s/_inprogress' % top)
    assert outcomes(copy('files', 'here'))[0] == 0
    assert contents(target) == contents(source)


@pytest.mark.once
@pytest.mark.parametrize('source', ['files', 'here'])
@pytest.mark.parametrize('name', ['layer', 'json', 'ancestry'])
def test_image_that_is_damaged(copy, open_flavor, source, name):
    storage = open_flavor(source)
    base, top, other = fill(storage)
    storage.remove('images/%s/%s' % (base, name))
    status, found = copy(source, 'there')
    assert status == 1
    if name == 'ancestry':  # which the images above have all of
        assert 'ancestry is missing' in found['team/app:7']['reason']
    else:
        assert {each['outcome'] for each in found.values()} == {'left'}
        assert '%s is missing' % name in found['team/app:7']['reason']
    # Nobody takes what is on top of it for an image.
    target = open_flavor('there')
    assert target.exists('images/%s/_inprogress' % top) or not target.exists(
        'images/%s/json' % top)


@pytest.mark.once
def test_layer_with_another_checksum(copy, open_flavor):
    source = open_flavor('files')
    base, top, other = fill(source)
    source.put_content('images/%s/layer' % other, b'd' * 500)
    status, found = copy('files', 'here')
    assert status == 1
    assert 'another checksum' in found['team/app:7']['reason']
    assert found['library/x:1.0']['outcome'] == 'copied'
    assert not open_flavor('here').exists('images/%s/layer' % other)


@pytest.mark.once
def test_target_that_has_another_layer(copy, open_flavor):
    base, top, other = fill(open_flavor('files'))
    copy('files', 'here')
    target = open_flavor('here')
    target.put_content('images/%s/layer' % other, b'd' * 400)
    status, found = copy('files', 'here')
    assert status == 1
    assert 'the target has another layer' in found['team/app:7']['reason']


def test_verify_reads_all_of_the_target(copy, open_flavor):
    base, top, other = fill(open_flavor('files'))
    copy('files', 'here')
    target = open_flavor('here')
    # Same size, and the checksum of what was there.
    name = 'registry/images/%s/layer' % other
    checksum = target._container.head(name)['x-object-meta-docker-checksum']
    target._container.put(
        name, b'd' * 500, 500, hashlib.md5(b'd' * 500).hexdigest(),
        headers={'X-Object-Meta-Docker-Checksum': checksum})
    assert copy('files', 'here')[0] == 0
    status, found = copy('files', 'here', '--verify')
    assert status == 1
    assert 'differs' in found['team/app:7']['reason']


@pytest.mark.once
def test_lists_of_images_are_joined(copy, open_flavor):
    base, top, other = fill(open_flavor('files'))
    target = open_flavor('here')
    path = 'repositories/library/x/_index_images'
    target.put_content(path, json.dumps([{'id': 'e' * 64}, {'id': base}]))
    copy('files', 'here')
    assert {each['id'] for each in json.loads(
        target.get_content(path).decode('ascii'))} == {base, top, 'e' * 64}


@pytest.mark.parametrize('source, target', [('here', 'files'),
                                            ('files', 'here')])
def test_an_outage_is_not_not_there(copy, open_flavor, flavors, faults,
                                    source, target):
    fill(open_flavor(source))
    flavors['here'].update(
        swift_retries=0,
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port)
    faults.inject(relay.status(503), 'GET' if source == 'here' else 'PUT',
                  '/json', times=100)
    status, message = copy(source, target)
    assert status == 2
    assert '503' in message


@pytest.mark.once
@pytest.mark.parametrize('which', ['here', 'there'])
def test_where_it_cannot(copy, open_flavor, flavors, secret_of, services,
                         which):
    fill(open_flavor('here'))
    target = open_flavor('there')
    target.put_content('a', b'b')  # makes the container
    before = contents(target)
    right = flavors[which]
    password = secret_of('nobody')
    guest = {'swift_user': 'test:guest',
             'swift_password': services['passwords']['test:guest']}
    for wrong, reason in (
            ({'swift_object_storage_url': 'http://127.0.0.1:9/v1/AUTH_test',
              'swift_retries': 0}, 'no answer'),
            ({'swift_password': password}, 'swift_password'),
            (guest, '403')):
        flavors[which] = dict(right, **wrong)
        status, message = copy('here', 'there')
        assert (status, reason in message) == (2, True), message
        assert password not in message
    if which == 'there':  # who may read it may not write to it
        target.container.post({'X-Container-Read': 'test:guest,.rlistings'})
        status, message = copy('here', 'there')
        assert (status, '403' in message) == (2, True), message
    assert contents(target) == before
    flavors[which] = right
    assert outcomes(copy('here', 'there')) == (0, _COPIED)


@pytest.mark.once
def test_directory_that_is_not_mounted(copy, open_flavor, flavors, tmpdir):
    status, message = copy('files', 'here')
    assert status == 2
    assert 'there is no registry in' in message
    fill(open_flavor('files'))
    os.rename(flavors['files']['storage_path'], str(tmpdir.join('away')))
    assert copy('files', 'here')[0] == 2


@pytest.mark.once
def test_directory_that_goes_away(copy, open_flavor, flavors, monkeypatch):
    fill(open_flavor('files'))
    path = flavors['files']['storage_path']
    write = container.Container.put

    def put(*arguments, **keywords):
        if not os.path.exists(path + '-away'):
            os.rename(path, path + '-away')
            os.mkdir(path)
        return write(*arguments, **keywords)
    monkeypatch.setattr(container.Container, 'put', put)
    status, message = copy('files', 'here', '--jobs', '1')
    assert status == 2
    assert 'mounted' in message


@pytest.mark.once
def test_other_drivers(flavors, tmpdir, monkeypatch):
    path = flavors['files']['storage_path']
    storage = Files(path)
    base, top, other = fill(storage)
    side = driver_side.DriverSide(storage, 'old')
    side.look()
    assert [each.name for each in side.repositories('*')] == [
        'library/x', 'team/app']
    layer = 'images/%s/layer' % base
    assert side.stat(layer).size_bytes == 1000
    assert b''.join(side.open(layer)) == b'a' * 1000
    absent = 'images/%s/_inprogress' % base
    for ask in (side.read, side.stat, side.open):
        with pytest.raises(errors.ObjectNotFoundError):
            list(ask(absent))
    # It says of all that it is not there, or fails in whatever way.
    os.rename(path, str(tmpdir.join('away')))
    for ask in (side.read, side.stat, side.open):
        with pytest.raises(errors.SwiftError) as raised:
            list(ask(layer))
        assert not isinstance(raised.value, errors.ObjectNotFoundError)
    monkeypatch.setattr(storage, 'get_content', lambda path: 1 // 0)
    with pytest.raises(errors.SwiftError) as raised:
        side.read(layer)
    assert 'flavor old: cannot read images/' in str(raised.value)


@pytest.mark.parametrize('source, target', _WAYS)
def test_who_stops_it_can_go_on(copy, open_flavor, flavors, monkeypatch,
                                source, target):
    for name in ('here', 'there'):
        flavors[name]['swift_segment_size'] = 1024 * 1024
    fill(open_flavor(source))
    numbers = random.Random(2)
    unsure = set()
    for _ in range(10):
        method = numbers.choice(_CALLS)
        plain = getattr(container.Container, method)
        calls, last = itertools.count(1), numbers.randrange(1, 8)

        def stop(*arguments, **keywords):
            if next(calls) == last:
                if method == 'put_manifest':
                    # Who sends it cannot know whether it arrives.
                    unsure.update(name for name, _, _ in arguments[2])
                raise KeyboardInterrupt
            return plain(*arguments, **keywords)
        with monkeypatch.context() as patched:
            patched.setattr(container.Container, method, stop)
            copy(source, target)
        storage = open_flavor(target)
        for repository, tag in (('library/x', 'latest'), ('library/x', '1.0'),
                                ('team/app', '7')):
            path = 'repositories/%s/tag_%s' % (repository, tag)
            if storage.exists(path):  # then all of it is there
                top = storage.get_content(path).decode('ascii')
                for image_id in json.loads(storage.get_content(
                        'images/%s/ancestry' % top).decode('ascii')):
                    assert not storage.exists(
                        'images/%s/_inprogress' % image_id)
                    assert storage.get_size('images/%s/layer' % image_id)
    assert copy(source, target)[0] == 0
    assert contents(open_flavor(target)) == contents(open_flavor(source))
    if target != 'files':
        assert set(open_flavor(target).orphans(None)) == unsure


def test_flavors_that_cannot_be(copy, flavors):
    flavors['other'] = {'storage': 'nothing'}
    status, message = copy('other', 'here')
    assert (status, 'driver cannot be loaded' in message) == (2, True)
    status, message = copy('here', 'other')
    assert (status, 'writes to swift and file' in message) == (2, True)
    status, message = copy('absent', 'here')
    assert (status, 'no flavor absent' in message) == (2, True)


class Pulled(object):

    """What v2 clients pull of a flavor."""

    def __init__(self, storage):
        self.client = test_v2_push_api.Client(storage)
        self._root = storage.settings.root

    def tag(self, name, tag='latest'):
        return test_v2_push_api.digest_of(self.client, name, tag)

    def manifest(self, name, reference):
        """Return a manifest, whose every blob is what its digest says."""
        content = self.client.expect(
            200, 'GET', '/v2/%s/manifests/%s' % (name, reference)).data
        found = manifests.parse(content)
        for digest in found.blobs:
            assert v1_images.digest(self.client.expect(
                200, 'GET', '/v2/%s/blobs/%s' % (name, digest)).data) == digest
        for digest in found.manifests:
            assert v1_images.digest(self.manifest(name, digest)) == digest
        return content


def fill_v2(storage):
    """Push what tests copy; return manifests by repository and reference."""
    client = test_v2_push_api.Client(storage)
    large = os.urandom(3000000)
    location = client.expect(
        202, 'PATCH', client.start(), large).headers['Location']
    client.expect(201, 'PUT', '%s?digest=%s' % (
        location, v1_images.digest(large)))
    untagged = client.push()
    pushed = push(client, [large, os.urandom(10)],
                  history(('one', True), ('two', True)))
    adoption.in_container(storage.settings, storage.container).refresh(
        'a', 'b')
    signature = client.push(tag=None, media_type=test_v2_push_api._OCI,
                            subject={
                                'digest': v1_images.digest(pushed),
                                'size': len(pushed),
                                'mediaType': test_v2_push_api._DOCKER})
    index = json.dumps({
        'schemaVersion': 2, 'mediaType': test_v2_push_api._INDEX,
        'manifests': [{'mediaType': test_v2_push_api._OCI,
                       'size': len(signature),
                       'digest': v1_images.digest(signature)}]}).encode()
    client.put_manifest(index, tag='all', media_type=test_v2_push_api._INDEX)
    images = v1_images.Images(storage)
    images.tag(images.push([v1_images.tar(2000000)])[-1])
    converted = client.expect(200, 'GET', '/v2/x/manifests/latest').data
    return {('a/b', 'latest'): pushed, ('a/b', 'all'): index,
            ('x', 'latest'): converted, ('library/x', 'latest'): converted,
            ('a/b', v1_images.digest(untagged)): untagged,
            ('a/b', v1_images.digest(signature)): signature}


def compare_v2(storage, expected):
    pulled = Pulled(storage)
    for (name, reference), content in expected.items():
        assert pulled.manifest(name, reference) == content
    pushed = v1_images.digest(expected['a/b', 'latest'])
    assert pulled.tag('a/b') == pushed
    assert len(json.loads(pulled.client.expect(
        200, 'GET', '/v2/a/b/referrers/' + pushed).data)['manifests']) == 1
    # No byte is there twice.
    assert sum(entry['bytes'] for entry in storage.container.list('.segments/')
               ) < 5100000
    for entry in storage.container.list(''):
        if entry['name'].endswith('/layer') and entry['bytes'] > 2500000:
            assert len(storage.container.get_manifest(entry['name'])) == 1


@pytest.mark.once
@pytest.mark.parametrize('here', [True, False])
@pytest.mark.parametrize('options', [(), ('--verify',)])
def test_what_v2_clients_have_pushed(copy, open_flavor, flavors, faults,
                                     monkeypatch, here, options):
    for name in ('here', 'there'):
        flavors[name]['swift_segment_size'] = 1024 * 1024
    expected = fill_v2(open_flavor('here'))
    for name in ('here', 'there'):
        flavors[name]['swift_authurl'] = (
            'http://127.0.0.1:%d/auth/v1.0' % faults.port)
    if not here:
        monkeypatch.setattr(cluster_copy, 'between', lambda *arguments: None)
    status, found = copy('here', 'there', *options)
    assert (status, {each['outcome'] for each in found.values()}) == (
        0, {'copied'})
    assert sorted(found) == [
        'a/b:all', 'a/b:latest', 'library/x:latest', 'x:latest']
    if here:
        # Two v1 layers are blobs or the other way round: segments go once.
        assert faults.count('COPY', '/.segments/') == 5
        assert options or faults.count('GET', '/.segments/') == 0
    compare_v2(open_flavor('there'), expected)
    status, found = copy('here', 'there')
    assert (status, {each['outcome'] for each in found.values()}) == (
        0, {'there'})
    assert open_flavor('there').get_content(
        'repositories/a/b/tag_latest') == open_flavor('here').get_content(
            'repositories/a/b/tag_latest')


@pytest.mark.once
@pytest.mark.parametrize('may', [True, False])
def test_between_accounts(copy, open_flavor, flavors, services, faults, may):
    expected = fill_v2(open_flavor('here'))
    flavors['there'].update(
        swift_user='other:owner',
        swift_password=services['passwords']['other:owner'])
    target = open_flavor('there')
    target.put_content('a', b'b')  # makes the container
    target.remove('a')
    if may:
        target.container.post({'X-Container-Write': 'test:tester'})
    for name in ('here', 'there'):
        flavors[name]['swift_authurl'] = (
            'http://127.0.0.1:%d/auth/v1.0' % faults.port)
    assert copy('here', 'there', '--jobs', '1')[0] == 0
    # Where it is denied once, by an old token and a new one, all is streamed.
    assert (faults.count('COPY', '/') > 8) if may else (
        faults.count('COPY', '/') <= 2)
    compare_v2(target, expected)


@pytest.mark.once
def test_blob_that_is_damaged(copy, open_flavor, monkeypatch):
    source = open_flavor('here')
    client = test_v2_push_api.Client(source)
    content = os.urandom(10)
    client.push(layers=[content])
    client.push(tag='whole')
    name = layout.Layout('/registry').blob(v1_images.digest(content))
    source.container.put(name, b'b' * 10, 10, hashlib.md5(
        b'b' * 10).hexdigest())
    monkeypatch.setattr(cluster_copy, 'between', lambda *arguments: None)
    status, found = copy('here', 'there')
    assert status == 1
    assert found['a/b:whole']['outcome'] == 'copied'
    assert 'it has other bytes' in found['a/b:latest']['reason']
    source.container.delete(name)
    status, found = copy('here', 'there')
    assert 'it is not there' in found['a/b:latest']['reason']
    Pulled(open_flavor('there')).manifest('a/b', 'whole')
    assert 'a/b:latest' in copy('here', 'files')[1]


@pytest.mark.once
def test_what_a_directory_cannot_have(copy, open_flavor):
    source = open_flavor('here')
    push(test_v2_push_api.Client(source), [os.urandom(10)],
         history(('one', True)))
    status, found = copy('here', 'files')
    assert status == 1
    assert 'for v2 clients alone' in found['a/b:latest']['reason']
    adoption.in_container(source.settings, source.container).refresh('a', 'b')
    assert outcomes(copy('here', 'files')) == (0, {'a/b:latest': 'copied'})


@pytest.mark.once
@pytest.mark.parametrize('here', [True, False])
@pytest.mark.parametrize('is_there', [True, False])
def test_index_that_is_damaged(copy, open_flavor, monkeypatch, here, is_there):
    source = open_flavor('here')
    client = test_v2_push_api.Client(source)
    children = [client.push(tag=None, media_type=test_v2_push_api._OCI)
                for _ in range(2)]
    client.put_manifest(json.dumps({
        'schemaVersion': 2, 'mediaType': test_v2_push_api._INDEX,
        'manifests': [{'mediaType': test_v2_push_api._OCI, 'size': len(each),
                       'digest': v1_images.digest(each)}
                      for each in children]}).encode(),
        tag='all', media_type=test_v2_push_api._INDEX)
    client.push(tag='whole')
    name = layout.Layout('/registry').blob(v1_images.digest(children[0]))
    if is_there:
        content = b'{' * len(children[0])
        source.container.put(name, content, len(content), hashlib.md5(
            content).hexdigest())
    else:
        source.container.delete(name)
    if not here:
        monkeypatch.setattr(cluster_copy, 'between', lambda *arguments: None)
    status, found = copy('here', 'there')
    assert (status, {tag: each['outcome'] for tag, each in found.items()}) == (
        1, {'a/b:all': 'left', 'a/b:whole': 'copied'})
    assert ('another digest' if is_there else 'is not there') in (
        found['a/b:all']['reason'])
    pulled = Pulled(open_flavor('there'))
    pulled.manifest('a/b', 'whole')
    pulled.client.expect(404, 'GET', '/v2/a/b/manifests/all')


@pytest.mark.once
def test_tag_of_v2_that_is_damaged(copy, open_flavor):
    source = open_flavor('here')
    client = test_v2_push_api.Client(source)
    for tag in ('damaged', 'whole'):
        client.push(tag=tag)
    source.container.put(
        layout.Layout('/registry').tag_link('a/b', 'damaged'), b'nothing', 7,
        hashlib.md5(b'nothing').hexdigest())
    status, found = copy('here', 'there')
    assert (status, found['a/b:whole']['outcome']) == (1, 'copied')
    assert 'no digest in it' in found['a/b:damaged']['reason']


@pytest.mark.once
def test_what_only_looks_like_a_blob(copy, open_flavor):
    source = open_flavor('here')
    client = test_v2_push_api.Client(source)
    away = 'sha256:' + 64 * '1'
    foreign = {'digest': away, 'size': 4, 'urls': ['http://127.0.0.1/away'],
               'mediaType': 'application/vnd.oci.image.layer.'
                            'nondistributable.v1.tar'}
    # As who pushes these, too.
    here = dict(foreign, **{name: value for name, value in client.push_blob(
        os.urandom(10)).items() if name != 'mediaType'})
    content = json.dumps({
        'schemaVersion': 2, 'mediaType': test_v2_push_api._OCI,
        'config': client.push_blob(b'{}'),
        'layers': [client.push_blob(os.urandom(10)), foreign, here],
        'annotations': {'org.opencontainers.image.base.digest': away},
    }).encode()
    client.put_manifest(content, tag='latest')
    assert outcomes(copy('here', 'there')) == (0, {'a/b:latest': 'copied'})
    pulled = Pulled(open_flavor('there'))
    assert pulled.manifest('a/b', 'latest') == content
    pulled.client.expect(200, 'GET', '/v2/a/b/blobs/' + here['digest'])


@pytest.mark.once
def test_cache_of_buildkit(copy, open_flavor):
    source = open_flavor('here')
    layers = [os.urandom(10), os.urandom(20)]
    content = test_v2_push_api.push_cache(
        test_v2_push_api.Client(source), layers)
    assert outcomes(copy('here', 'there')) == (0, {'a/b:cache': 'copied'})
    client = test_v2_push_api.Client(open_flavor('there'))
    assert client.expect(200, 'GET', '/v2/a/b/manifests/cache'
                         ).data == content
    for layer in layers:
        assert client.expect(200, 'GET', '/v2/a/b/blobs/' + v1_images.digest(
            layer)).data == layer


@pytest.mark.once
@pytest.mark.parametrize('has_tarsum', [True, False])
def test_layer_of_other_bytes_is_not_made_a_blob(copy, open_flavor,
                                                 has_tarsum):
    source, target = open_flavor('here'), open_flavor('there')
    archive = v1_images.tar(1000)
    images = v1_images.Images(source)
    image_id = images.push([archive])[-1]
    images.tag(image_id)
    converted = test_v2_push_api.Client(source).expect(
        200, 'GET', '/v2/x/manifests/latest').data
    # As another engine has packed it; tarsums are the same then.
    v1_images.Images(target).push_one(
        v1_images.tar(1000), image_id=image_id, checksum=has_tarsum)
    status, found = copy('here', 'there')
    assert (status, found['x:latest']['outcome']) == (
        (0, 'copied') if has_tarsum else (1, 'left'))
    name = layout.Layout('').blob(manifests.parse(converted).blobs[-1])
    assert b''.join(target.stream_read(name)) == archive
    test_v2_push_api.Client(target).expect(
        200 if has_tarsum else 404, 'GET', '/v2/x/manifests/latest')


@pytest.mark.once
def test_image_that_goes_meanwhile(copy, open_flavor, monkeypatch):
    base, top, other = fill(open_flavor('files'))
    copy('files', 'here')
    target = open_flavor('here')
    for tag in ('latest', '1.0'):
        v1_images.Images(target).untag(tag=tag)
    # As gc does with what no tag reaches.
    steps.during(monkeypatch, copy_v1.Images, '_copy_repository',
                 lambda: target.remove('images/%s/json' % top))
    status, found = copy('files', 'here')
    assert (status, found['team/app:7']['outcome']) == (1, 'there')
    for tag in ('latest', '1.0'):
        assert 'has been removed' in found['library/x:' + tag]['reason']
        assert not target.exists('repositories/library/x/tag_' + tag)
    assert outcomes(copy('files', 'here'))[0] == 0
    assert contents(target) == contents(open_flavor('files'))


@pytest.mark.once
def test_private_although_the_listing_lags(copy, open_flavor, monkeypatch):
    fill(open_flavor('here'))
    plain = container.Container.list

    def lagging(self, *arguments, **keywords):
        return (entry for entry in plain(self, *arguments, **keywords)
                if not entry['name'].endswith('/_private'))
    monkeypatch.setattr(container.Container, 'list', lagging)
    assert copy('here', 'there')[0] == 0
    assert open_flavor('there').exists('repositories/team/app/_private')


@pytest.mark.once
def test_many_tags_of_one_repository(copy, open_flavor, monkeypatch):
    images = v1_images.Images(open_flavor('here'))
    top = images.push([b'a'])[-1]
    for number in range(30):
        images.tag(top, tag='t%d' % number)
    plain = os.makedirs

    def makedirs(path, *arguments, **keywords):
        time.sleep(0.05)  # so that they all do it at once
        plain(path, *arguments, **keywords)
    monkeypatch.setattr(os, 'makedirs', makedirs)
    status, found = copy('here', 'files')
    assert (status, len(found)) == (0, 30)


@pytest.mark.once
def test_no_more_jobs_than_connections(copy, open_flavor, flavors,
                                       monkeypatch):
    fill(open_flavor('files'))
    flavors['here']['swift_connections'] = 3
    counts = []
    plain = parallel.Jobs

    def jobs(count):
        counts.append(count)
        return plain(count)
    monkeypatch.setattr(parallel, 'Jobs', jobs)
    assert copy('files', 'here', '--jobs', '10')[0] == 0
    assert max(counts) == 3


@pytest.mark.once
def test_blob_that_goes_meanwhile(copy, open_flavor, monkeypatch):
    layer = os.urandom(10)
    source, target = open_flavor('here'), open_flavor('there')
    test_v2_push_api.Client(source).push(layers=[layer])
    copy('here', 'there')
    client = test_v2_push_api.Client(target)
    client.expect(202, 'DELETE', '/v2/a/b/manifests/latest')
    steps.during(monkeypatch, copy_v2.Repositories, '_copy_links',
                 lambda: target.container.delete(
                     layout.Layout('/other/place').blob(
                         v1_images.digest(layer))))
    status, found = copy('here', 'there')
    assert status == 1
    assert 'has been removed' in found['a/b:latest']['reason']
    client.expect(404, 'GET', '/v2/a/b/manifests/latest')
    assert copy('here', 'there')[0] == 0
    Pulled(target).manifest('a/b', 'latest')
