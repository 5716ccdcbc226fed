"""docker-registry-swift fsck, on a real Swift: damage made by hand."""

import hashlib
import json
import os

import pytest
import steps
from streams import Stream
from test_v2_adoption import history
from test_v2_adoption import push
import test_v2_push_api
import v1_images

from docker_registry.drivers.swift.client import capabilities
from docker_registry.drivers.swift.client import container
from docker_registry.drivers.swift.commands import fsck as commands_fsck
from docker_registry.drivers.swift.v2 import adoption
from docker_registry.drivers.swift.v2 import layout


@pytest.fixture
def images(storage):
    return v1_images.Images(storage)


@pytest.fixture
def large_images(make_storage):
    return v1_images.Images(make_storage(swift_segment_size=1024 * 1024))


@pytest.fixture
def fsck(json_command, next_second):
    """Run fsck; return its exit status, and its findings by (kind, name)."""
    def fsck(*options, **changes):
        if '0s' in options:
            next_second()
        status, lines = json_command('fsck', *options, **changes)
        return status, {(line['kind'], line['name']): line for line in lines}
    return fsck


@pytest.fixture
def put(storage):
    """Write an object past the driver."""
    def put(name, content):
        storage._container.put(name, content, len(content),
                               hashlib.md5(content).hexdigest())
    return put


def only(found, kind, name):
    """Return the one finding that there is to be."""
    status, findings = found
    assert status == 1
    assert list(findings) == [(kind, name)]
    return findings[kind, name]


def test_all_is_well(command, fsck, images, large_images):
    base, top = images.push([b'a' * 1000, b'b'])
    images.tag(top)
    large_images.tag(large_images.push([b'c' * 2500000])[-1], tag='large')
    assert fsck() == (0, {})
    assert fsck('--deep', '--older-than', '0s') == (0, {})
    assert command('fsck') == (0, '3 images, 2 tags: all is well\n')


@pytest.mark.once
@pytest.mark.parametrize('name, problem', [
    ('json', 'json is missing'), ('ancestry', 'ancestry is missing'),
    ('layer', 'layer is missing')])
def test_file_that_is_missing(fsck, images, storage, name, problem):
    base, top = images.push([b'a', b'b'])
    images.tag(top)
    images.tag(base, 'team/app', '1')
    images.tag(images.push([b'c'])[-1], 'team/other')
    storage._container.delete('registry/images/%s/%s' % (base, name))
    finding = only(fsck(), 'image', base)
    assert finding['problems'] == [problem]
    assert finding['hurts'] == ['library/x:latest', 'team/app:1']
    assert '--remove' in finding['advice']


@pytest.mark.once
def test_checksum_that_is_missing(fsck, images):
    image_id = images.push_one(b'a', checksum=False)
    images.tag(image_id)
    finding = only(fsck('--deep'), 'checksum', image_id)
    assert finding['problems'] == [
        'there is no checksum to compare the layer with']
    assert finding['hurts'] == []
    images.tag(images.push_one(b'b', [image_id]), tag='2')
    only(fsck(), 'checksum', image_id)


@pytest.mark.parametrize('name, content, problem', [
    ('json', b'{', 'json is not JSON'),
    ('json', b'{}', 'json is not that of this image'),
    ('json', b'\xff', 'json is not JSON'),
    ('ancestry', b'{}', 'ancestry is no list of ids'),
    ('ancestry', b'["%s"]' % (b'f' * 64), 'ancestry is not that of this '
     'image'),
    ('layer', b'', 'layer has 0 bytes')])
def test_file_that_is_damaged(fsck, images, put, name, content, problem):
    image_id = images.push([b'a'])[-1]
    images.tag(image_id)
    put('registry/images/%s/%s' % (image_id, name), content)
    finding = only(fsck(), 'image', image_id)
    assert finding['problems'] == [problem]
    assert finding['hurts'] == ['library/x:latest']


@pytest.mark.once
def test_ancestry_that_leaves_one_out(fsck, images, put):
    base, middle, top = images.push([b'a', b'b', b'c'])
    images.tag(top)
    put('registry/images/%s/ancestry' % top,
        json.dumps([top, middle]).encode('ascii'))
    finding = only(fsck(), 'image', top)
    assert 'another one than that of its parent' in finding['problems'][0]
    put('registry/images/%s/ancestry' % top,
        json.dumps([top, base]).encode('ascii'))
    assert 'json and ancestry name different parents' in only(
        fsck(), 'image', top)['problems']


@pytest.mark.once
def test_parent_that_is_missing(fsck, images, storage):
    base, top = images.push([b'a', b'b'])
    images.tag(top)
    storage.remove('images/%s' % base)
    finding = only(fsck(), 'image', base)
    assert finding['problems'] == ['json is missing', 'ancestry is missing',
                                   'layer is missing']
    assert finding['hurts'] == ['library/x:latest']


@pytest.fixture
def large(large_images, storage):
    """An image of three segments; give its id and the names of those."""
    image_id = large_images.push([b'a' * 2500000])[-1]
    large_images.tag(image_id)
    return image_id, storage._container.get_manifest(
        'registry/images/%s/layer' % image_id)


@pytest.mark.once
def test_segment_that_is_missing(fsck, large, storage):
    image_id, segments = large
    storage._container.delete(segments[1])
    finding = only(fsck(), 'image', image_id)
    assert finding['problems'] == ['segment %s is missing' % segments[1]]


@pytest.mark.once
def test_segment_that_is_truncated(fsck, large, put):
    image_id, segments = large
    put(segments[0], b'a' * 1000)
    finding = only(fsck(), 'image', image_id)
    assert finding['problems'] == [
        'segment %s has 1000 bytes, and not 1048576' % segments[0]]


@pytest.mark.once
def test_segment_that_is_another(fsck, large, put):
    image_id, segments = large
    put(segments[0], b'b' * 1048576)
    finding = only(fsck(), 'image', image_id)
    assert finding['problems'] == [
        'segment %s is another one than was pushed' % segments[0]]


@pytest.mark.once
def test_layer_that_is_another(fsck, images, put):
    image_id = images.push([b'a' * 1000])[-1]
    images.tag(image_id)
    put('registry/images/%s/layer' % image_id, b'a' * 999)
    assert fsck() == (0, {})
    finding = only(fsck('--deep'), 'image', image_id)
    assert finding['problems'] == [
        'layer has another checksum than it was pushed with']


@pytest.mark.once
@pytest.mark.parametrize('content', [b'f' * 64, b'nonsense', b'', b'\xff'])
def test_tag_that_leads_nowhere(fsck, images, put, storage, content):
    images.tag(images.push([b'a'])[-1])
    put('registry/repositories/library/x/tag_2', content)
    finding = only(fsck('--repair'), 'tag', 'library/x:2')
    assert finding['hurts'] == ['library/x:2']
    assert not finding['mended']
    assert only_mended(fsck('--remove', 'library/x:2'))
    assert not storage.exists('repositories/library/x/tag_2')
    assert fsck() == (0, {})


def only_mended(found):
    status, findings = found
    return status == 0 and {each['mended'] for each in findings.values()} == {
        True}


@pytest.mark.once
def test_push_under_way_is_no_damage(fsck, images, storage):
    base, top = images.push([b'a', b'b'])
    storage.put_content('images/%s/_inprogress' % top, b'true')
    storage.remove('images/%s/layer' % top)
    storage.put_content('images/%s/_inprogress' % ('f' * 64), b'true')
    assert fsck() == (0, {})


@pytest.mark.once
def test_push_that_was_given_up(fsck, images, storage):
    image_id = images.push([b'a'])[-1]
    images.tag(image_id)
    storage.put_content('images/%s/_inprogress' % image_id, b'true')
    storage.remove('images/%s/layer' % image_id)
    finding = only(fsck('--older-than', '0s', '--repair'), 'mark', image_id)
    assert finding['problems'][0].startswith('a push of it has not ended')
    assert finding['problems'][1:] == ['layer is missing']
    assert finding['hurts'] == ['library/x:latest']
    assert not finding['mended']
    assert only_mended(fsck('--older-than', '0s', '--remove', image_id))
    assert not storage.exists('images/%s/_inprogress' % image_id)


@pytest.mark.once
def test_mark_of_an_image_that_is_complete(fsck, images, storage, put):
    image_id = images.push([b'a'])[-1]
    images.tag(image_id)
    mark = 'images/%s/_inprogress' % image_id
    storage.put_content(mark, b'true')
    assert fsck('--repair') == (0, {})
    finding = only(fsck('--older-than', '0s'), 'mark', image_id)
    assert '--repair' in finding['advice']
    assert storage.exists(mark)
    # Other bytes: not complete after all.
    layer = 'registry/images/%s/layer' % image_id
    put(layer, b'b')
    assert not only(fsck('--older-than', '0s', '--repair'), 'mark', image_id)[
        'mended']
    put(layer, b'a')
    assert only_mended(fsck('--older-than', '0s', '--repair'))
    assert not storage.exists(mark)
    assert fsck('--older-than', '0s') == (0, {})


@pytest.mark.once
def test_note_of_a_tag_that_is_gone(fsck, images, storage):
    top = images.push([b'a'])[-1]
    images.tag(top)
    images.tag(top, tag='2')
    storage._container.delete('registry/repositories/library/x/tag_2')
    assert fsck() == (0, {})  # as after each removal of a tag
    status, found = fsck('--repair')
    assert (status, list(found)) == (0, [('note', 'library/x:2')])
    assert found['note', 'library/x:2']['mended']
    assert fsck('--repair') == (0, {})
    assert b'tag_latest' in storage.get_content(
        'repositories/library/x/_recent_tags')


def test_links_and_blobs(fsck, images, put, storage):
    top = images.push([b'a' * 100])[-1]
    layer = 'registry/images/%s/layer' % top
    etag = storage._container.head(layer)['etag'].strip('"')
    root = 'registry/files/docker/registry/v2/'
    blob = root + 'blobs/sha256/aa/%s/data' % ('a' * 64)
    storage._container.put_manifest(
        blob, [(layer, 100, etag)])
    links = [root + 'repositories/x/_layers/sha256/%s/link' % (letter * 64)
             for letter in 'ab']
    put(links[0], b'sha256:' + b'a' * 64)
    assert fsck() == (0, {})
    put(links[1], b'sha256:' + b'b' * 64)
    assert 'sha256:' + 'b' * 64 in only(fsck(), 'link', links[1])[
        'problems'][0]
    assert only_mended(fsck('--repair'))
    put(layer, b'b' * 100)
    status, found = fsck()
    assert found['blob', blob]['problems'] == [
        'segment %s is another one than was pushed' % layer]
    storage.remove('images/%s' % top)
    assert only(fsck(), 'blob', blob)['problems'] == [
        'segment %s is missing' % layer]


@pytest.mark.once
@pytest.mark.parametrize('has_slo', [True, False])
def test_images_of_what_v2_clients_push(fsck, make_storage, storage, put,
                                        monkeypatch, has_slo):
    if not has_slo:
        monkeypatch.setattr(container.Container, 'capabilities', lambda self: (
            capabilities.DEFAULT._replace(max_segments=0)))
    layer = os.urandom(1000)
    config = history(('one', True), ('none', False))
    push(test_v2_push_api.Client(storage), [layer], config)
    adoption.in_container(storage.settings, storage.container).refresh(
        'a', 'b')
    assert fsck('--deep', '--older-than', '0s') == (0, {})
    top = storage.get_content('repositories/a/b/tag_latest').decode('ascii')
    base = json.loads(storage.get_content(
        'images/%s/ancestry' % top).decode('ascii'))[1]
    name = 'registry/images/%s/layer' % base
    digest = storage.container.head(name)['x-object-meta-v2-digest']
    assert digest == v1_images.digest(layer)
    content = os.urandom(1000)
    storage.container.put(name, content, 1000, hashlib.md5(
        content).hexdigest(), headers={'x-object-meta-v2-digest': digest})
    assert fsck() == (0, {})
    assert only(fsck('--deep'), 'image', base)['problems'] == [
        'layer has another digest than it was pushed with']


@pytest.fixture
def client(storage):
    return test_v2_push_api.Client(storage)


@pytest.mark.once
def test_blob_that_is_gone(fsck, client, storage):
    lost, kept = os.urandom(100), os.urandom(100)
    client.push('x', layers=[lost, kept])
    client.push('team/y', '7', layers=[kept])
    names = layout.Layout('/registry')
    digest = v1_images.digest(lost)
    storage.container.delete(names.blob(digest))
    status, found = fsck()
    assert (status, sorted(found)) == (1, [
        ('link', names.layer_link('x', digest)),
        ('tag', 'library/x:latest')])
    assert found['tag', 'library/x:latest']['problems'] == [
        'needs %s, which is not there' % digest]
    # Without its link clients push it again.
    assert fsck('--repair')[0] == 1
    client.push_blob(lost, 'x')
    assert fsck('--deep') == (0, {})


@pytest.mark.once
def test_manifest_that_is_gone(fsck, client, storage):
    manifest = client.push('x')
    names = layout.Layout('/registry')
    digest = v1_images.digest(manifest)
    storage.container.delete(names.blob(digest))
    storage.container.put(names.tag_link('x', 'other'), b'nothing', 7,
                          hashlib.md5(b'nothing').hexdigest())
    status, found = fsck()
    assert (status, sorted(found)) == (1, [
        ('link', names.revision_link('x', digest)),
        ('tag', 'library/x:latest'), ('tag', 'library/x:other')])
    assert only_mended(fsck('--repair', '--remove', 'library/x:latest',
                            '--remove', 'library/x:other'))
    assert fsck() == (0, {})


@pytest.mark.once
def test_blob_with_other_bytes(fsck, client, put, storage):
    content = os.urandom(100)
    client.push('x', layers=[content])
    name = layout.Layout('/registry').blob(v1_images.digest(content))
    put(name, os.urandom(100))
    assert fsck() == (0, {})
    found = only(fsck('--deep'), 'blob', name)
    assert found['problems'] == ['has another digest than its name says']
    assert found['hurts'] == ['library/x:latest']
    assert only_mended(fsck('--deep', '--remove', name))
    assert ('tag', 'library/x:latest') in fsck()[1]


@pytest.mark.once
def test_blob_that_the_listing_lacks(fsck, client, monkeypatch):
    content = os.urandom(100)
    client.push('x', layers=[content])
    name = layout.Layout('/registry').blob(v1_images.digest(content))
    plain = container.Container.list

    def lagging(self, *arguments, **keywords):
        return (entry for entry in plain(self, *arguments, **keywords)
                if entry['name'] != name)
    monkeypatch.setattr(container.Container, 'list', lagging)
    assert fsck() == (0, {})
    only(fsck('--older-than', '0s'), 'listing', name)


@pytest.mark.once
def test_nothing_else_is_removed(command, fsck, images, storage):
    base, top = images.push([b'a', b'b'])
    images.tag(top)
    status, printed = command('fsck', '--remove', top)
    assert status == 2
    assert top in printed
    storage.remove('images/%s/layer' % top)
    assert only_mended(fsck('--remove', top))
    assert list(storage._container.list('registry/images/' + top)) == []
    # Clients push it again now.
    assert only(fsck(), 'tag', 'library/x:latest')
    images.push_one(b'b', [base], top)
    assert fsck() == (0, {})


def test_report_for_people(command, images, storage):
    image_id = images.push([b'a'])[-1]
    images.tag(image_id)
    storage._container.delete('registry/images/%s/layer' % image_id)
    assert command('fsck')[1].splitlines() == [
        'image    %s' % image_id,
        '         layer is missing',
        '         hurts library/x:latest',
        '         remove it with --remove, and push one of the tags again',
        '1 images, 1 tags: 1 found, 0 of it mended']


def test_four_requests_an_image(fsck, images, faults):
    images.push([b'%d' % number for number in range(12)])
    fsck(swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port)
    for kind in ('GET', 'HEAD'):
        assert faults.count(kind, '/layer') <= 12
    assert sum(faults.count(kind, '/registry/images/')
               for kind in ('GET', 'HEAD')) <= 12 * 4


def test_an_outage_is_no_damage(command, images):
    images.tag(images.push([b'a'])[-1])
    status, printed = command(
        'fsck', '--repair',
        swift_object_storage_url='http://127.0.0.1:9/v1/AUTH_test',
        swift_retries=0)
    assert status == 2
    assert 'no answer' in printed


@pytest.mark.once
def test_layer_that_is_being_pushed_again(fsck, images, storage):
    image_id = images.push([b'a'])[-1]
    storage.remove('images/%s/layer' % image_id)
    assert fsck()[0] == 1
    storage.put_content('images/%s/_inprogress' % image_id, b'true')
    assert fsck() == (0, {})
    storage.stream_write('images/%s/layer' % image_id, Stream(b'a'))
    storage.remove('images/%s/_inprogress' % image_id)
    assert fsck('--deep') == (0, {})


@pytest.mark.once
def test_what_only_looks_like_a_blob(fsck, client, storage):
    away = v1_images.digest(b'away')
    foreign = {'digest': away, 'size': 4, 'urls': ['http://127.0.0.1/away'],
               'mediaType': 'application/vnd.oci.image.layer.'
                            'nondistributable.v1.tar'}
    content = json.dumps({
        'schemaVersion': 2, 'mediaType': test_v2_push_api._OCI,
        'config': client.push_blob(b'{}', 'x'),
        'layers': [client.push_blob(os.urandom(10), 'x'), foreign],
        'annotations': {'org.opencontainers.image.base.digest': away},
    }).encode()
    client.put_manifest(content, 'x', 'latest')
    test_v2_push_api.push_cache(client, [os.urandom(100)])
    assert fsck('--deep') == (0, {})
    storage.container.delete(layout.Layout('/registry').blob(
        v1_images.digest(b'{}')))
    assert v1_images.digest(b'{}') in fsck()[1][
        'tag', 'library/x:latest']['problems'][0]


@pytest.mark.once
@pytest.mark.parametrize('left, is_large', [
    (100, False), (0, False), (150, True), (0, True)])
def test_blob_that_is_short(fsck, client, put, storage, left, is_large):
    content = os.urandom(200)
    client.push('x', layers=[content])
    name = layout.Layout('/registry').blob(v1_images.digest(content))
    if is_large:  # of registry:2, some segments of which are gone
        if left:
            put('registry/segments/1', content[:left])
        storage.container.put(name, b'', 0, hashlib.md5(b'').hexdigest(),
                              headers={'X-Object-Manifest': (
                                  storage.container.name
                                  + '/registry/segments/')})
    else:
        put(name, content[:left])
    found = only(fsck(), 'blob', name)
    assert found['problems'] == [
        'has %d bytes, and not 200' % left if left else 'has 0 bytes']
    assert found['hurts'] == ['library/x:latest']


@pytest.mark.once
@pytest.mark.parametrize('is_index', [False, True])
def test_manifest_with_other_bytes(fsck, client, put, is_index):
    manifest = client.push('x', tag='one', media_type=test_v2_push_api._OCI)
    if is_index:
        client.put_manifest(json.dumps({
            'schemaVersion': 2, 'mediaType': test_v2_push_api._INDEX,
            'manifests': [{'mediaType': test_v2_push_api._OCI,
                           'size': len(manifest),
                           'digest': v1_images.digest(manifest)}]}).encode(),
            'x', 'all', media_type=test_v2_push_api._INDEX)
    name = layout.Layout('/registry').blob(v1_images.digest(manifest))
    put(name, b'{' * len(manifest))
    found = only(fsck(), 'blob', name)
    assert 'its bytes have another digest' in found['problems'][0]
    assert found['hurts'] == ['library/x:all', 'library/x:one'][
        0 if is_index else 1:]


@pytest.mark.once
def test_blob_that_the_listing_alone_has(fsck, client, storage, monkeypatch):
    content = os.urandom(100)
    client.push('x', layers=[content])
    digest = v1_images.digest(content)
    name = layout.Layout('/registry').blob(digest)
    plain = container.Container.list
    stale, = plain(storage.container, name)
    storage.container.delete(name)

    def lagging(self, prefix, *arguments, **keywords):
        for entry in plain(self, prefix, *arguments, **keywords):
            yield entry
        if name.startswith(prefix):
            yield stale
    monkeypatch.setattr(container.Container, 'list', lagging)
    status, found = fsck()
    assert (status, {kind for kind, _ in found}) == (1, {'link', 'tag'})
    assert digest in found['tag', 'library/x:latest']['problems'][0]


@pytest.mark.once
def test_segment_of_a_layer_that_is_a_blob(fsck, client, large_images,
                                           storage):
    archive = v1_images.tar(2500000)
    image_id = large_images.push([archive])[-1]
    large_images.tag(image_id)
    test_v2_push_api.digest_of(client, 'x', 'latest')
    assert fsck('--deep') == (0, {})
    segment = storage.container.get_manifest(
        'registry/images/%s/layer' % image_id)[0]
    storage.container.delete(segment)
    status, found = fsck('--deep')
    name = layout.Layout('/registry').blob(v1_images.digest(archive))
    assert (status, sorted(found)) == (1, [
        ('blob', name), ('image', image_id)])
    assert found['blob', name]['problems'] == [
        'segment %s is missing' % segment]


@pytest.mark.once
def test_link_of_a_blob_that_comes_meanwhile(fsck, client, storage,
                                             monkeypatch):
    content = os.urandom(100)
    client.push_blob(content, 'x')
    names = layout.Layout('/registry')
    link = names.layer_link('x', v1_images.digest(content))
    storage.container.delete(names.blob(v1_images.digest(content)))
    plain = container.Container.delete

    def delete(self, name):
        if name == link:  # just before its link goes
            monkeypatch.setattr(container.Container, 'delete', plain)
            client.push_blob(content, 'x')
        plain(self, name)
    monkeypatch.setattr(container.Container, 'delete', delete)
    assert only_mended(fsck('--repair'))
    assert client.expect(200, 'GET', '/v2/x/blobs/' + v1_images.digest(
        content)).data == content


@pytest.mark.once
@pytest.mark.parametrize('has_ended', [True, False])
def test_image_that_is_pushed_before_it_is_removed(
        fsck, images, storage, monkeypatch, has_ended):
    image_id = images.push([b'a'])[-1]
    images.tag(image_id)
    storage.remove('images/%s/layer' % image_id)
    mark = 'images/%s/_inprogress' % image_id

    def push():
        storage.put_content(mark, b'true')
        images.push_one(b'a', image_id=image_id)
        if has_ended:
            storage.remove(mark)
    steps.during(monkeypatch, commands_fsck._Survey, '_look_at_tags', push)
    assert fsck('--remove', image_id)[0] == 1
    assert storage.get_size('images/%s/layer' % image_id) == 1
    assert fsck('--deep') == (0, {})


@pytest.mark.once
def test_removed_image_whose_layer_is_a_blob(fsck, client, images, storage):
    archive = v1_images.tar(1000)
    image_id = images.push([archive])[-1]
    images.tag(image_id)
    test_v2_push_api.digest_of(client, 'x', 'latest')
    storage.remove('images/%s/ancestry' % image_id)
    assert only_mended(fsck('--remove', image_id))
    assert not storage.exists('images/%s/json' % image_id)
    # v1 clients push it again; those of v2 have it.
    assert client.expect(200, 'GET', '/v2/x/blobs/' + v1_images.digest(
        archive)).data == archive
    assert only(fsck(), 'image', image_id)
    images.push_one(archive, image_id=image_id)
    assert fsck('--deep') == (0, {})
    storage.remove('repositories/library/x')
    for name in ('json', 'ancestry'):
        storage.remove('images/%s/%s' % (image_id, name))
    assert fsck() == (0, {})
