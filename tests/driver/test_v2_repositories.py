"""v1 images as v2 images, on real Swift."""

import bz2
import json
import threading
import time

import pytest
import relay
from streams import Stream
import v1_images

from docker_registry.drivers.swift import compat
from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift.v2 import facts
from docker_registry.drivers.swift.v2 import images as v2_images
from docker_registry.drivers.swift.v2 import layout
from docker_registry.drivers.swift.v2 import repositories

if compat.PY2:
    from backports import lzma
else:
    import lzma

_LAYOUT = layout.Layout('/registry')
_DIGEST = v1_images.digest


@pytest.fixture
def v1(storage):
    return v1_images.Images(storage)


def repositories_of(storage):
    return repositories.in_container(storage.settings, storage.container)


@pytest.fixture
def v2(storage):
    return repositories_of(storage)


def names(storage, prefix='registry/files/'):
    return [entry['name'] for entry in storage.container.list(prefix)]


def pull(v2, name='x', tag='latest'):
    """Pull an image, compare its digests; return config and layers."""
    digest = v2.resolve(name, tag)
    content = v2.manifest(name, digest)
    assert _DIGEST(content) == digest
    manifest = json.loads(content.decode('ascii'))
    blobs = []
    for blob in [manifest['config']] + manifest['layers']:
        v2.check_blob(name, blob['digest'])
        assert v2.blob_bytes(name, blob['digest']) == blob['size']
        blobs.append(b''.join(v2.open_blob(name, blob['digest'])))
        assert _DIGEST(blobs[-1]) == blob['digest']
    config = json.loads(blobs[0].decode('ascii'))
    assert len(config['rootfs']['diff_ids']) == len(blobs) - 1
    return config, blobs[1:]


def write(storage, object_name, content):
    storage._small_objects.write(object_name, content)


def push_v2(storage, name='x', tag='latest', content=b'{"pushed": 2}'):
    """Push a manifest as registry:2 writes it; return its digest."""
    digest = _DIGEST(content)
    for object_name, body in [
            (_LAYOUT.blob(digest), content),
            (_LAYOUT.revision_link(name, digest), digest.encode()),
            (_LAYOUT.tag_index_link(name, tag, digest), digest.encode()),
            (_LAYOUT.tag_link(name, tag), digest.encode())]:
        write(storage, object_name, body)
    return digest


@pytest.mark.parametrize('name', ['x', 'library/x'])
def test_image_is_pulled(v1, v2, name):
    layers = [v1_images.tar(1000), v1_images.gzipped(v1_images.tar(5000)),
              10240 * b'\0', v1_images.tar(10)]
    v1.tag(v1.push(layers, author='somebody')[-1])
    config, pulled = pull(v2, name)
    assert pulled == layers[:2] + layers[3:]
    assert config['author'] == 'somebody'
    # Of who has pushed it.
    assert config['architecture'] == 'arm'
    assert [entry.get('empty_layer', False) for entry in config['history']] \
        == [False, False, True, False]


@pytest.mark.parametrize('compress', [lzma.compress, bz2.compress])
def test_layer_that_not_every_client_reads(v1, v2, storage, compress):
    archive = v1_images.tar(3000000)
    v1.tag(v1.push([v1_images.tar(1), compress(archive)])[-1])
    config, pulled = pull(v2)
    assert pulled[1] == archive
    assert config['rootfs']['diff_ids'][1] == _DIGEST(archive)
    assert list(storage.orphans(None)) == []


@pytest.mark.once
def test_no_byte_is_stored_twice(v1, v2, make_storage):
    storage = make_storage(swift_segment_size=100000)
    layers = [v1_images.tar(350000), v1_images.tar(5)]
    v1_images.Images(storage).tag(
        v1_images.Images(storage).push(layers)[-1])
    assert pull(v2)[1] == layers
    entries = {entry['name']: entry for entry in storage.container.list('')}
    for layer in layers:
        blob = _LAYOUT.blob(_DIGEST(layer))
        assert len(storage.container.get_manifest(blob)) == 1
        assert blob in entries
    assert list(storage.orphans(None)) == []
    # Any part of it.
    digest = _DIGEST(layers[0])
    assert b''.join(v2.open_blob('x', digest, (99990, 200010))) == (
        layers[0][99990:200011])


def test_cluster_without_static_large_objects(v1, v2, storage, monkeypatch):
    monkeypatch.setattr(
        storage.container, '_capabilities',
        storage.container.capabilities()._replace(max_segments=0))
    archive = v1_images.tar(2000)
    layers = [v1_images.tar(1000), lzma.compress(archive)]
    ids = v1.push(layers)
    v1.tag(ids[-1])
    assert pull(v2)[1] == [layers[0], archive]
    for layer in (layers[0], archive):
        headers = storage.container.head(_LAYOUT.blob(_DIGEST(layer)))
        assert 'x-static-large-object' not in headers
        assert 'x-object-meta-docker-checksum' not in headers
    assert names(storage, 'registry/images/%s/_arch' % ids[-1]) == []


@pytest.mark.once
def test_copy_of_another_version(storage):
    storage.put_content('images/1/json', b'{}')
    with pytest.raises(errors.ObjectExistsError):
        storage.container.copy('registry/images/1/json', 'copy', 32 * '0')
    assert names(storage, 'copy') == []


def test_everything_is_where_registry2_looks(v1, v2, storage):
    layer = v1_images.tar(1)
    v1.tag(v1.push([layer])[-1])
    digest = v2.resolve('x', 'latest')
    config = json.loads(v2.manifest('x', digest).decode())['config']['digest']
    expected = [_LAYOUT.blob(each)
                for each in (digest, config, _DIGEST(layer))]
    for name in ('x', 'library/x'):
        expected += [
            _LAYOUT.layer_link(name, config),
            _LAYOUT.layer_link(name, _DIGEST(layer)),
            _LAYOUT.revision_link(name, digest),
            _LAYOUT.tag_index_link(name, 'latest', digest),
            _LAYOUT.tag_link(name, 'latest')]
    assert names(storage) == sorted(expected)


def test_image_is_converted_once(v1, v2, faults, faulty_storage):
    layer = v1_images.tar(1)
    v1.tag(v1.push([layer, v1_images.tar(2)])[-1])
    digest = v2.resolve('x', 'latest')
    assert v2.convert('x', 'latest') is False
    v2 = repositories_of(faulty_storage)
    assert v2.resolve('x', 'latest') == digest
    del faults.requests[:]
    assert v2.resolve('x', 'latest') == digest
    assert len(faults.requests) == 2
    v2.read_manifest('x', digest)
    assert len(faults.requests) == 3
    v2.check_blob('x', _DIGEST(layer))
    assert b''.join(v2.open_blob('x', _DIGEST(layer))) == layer
    assert len(faults.requests) == 5


@pytest.mark.once
def test_second_tag_of_an_image(v1, v2, storage, monkeypatch):
    ids = v1.push([v1_images.tar(1), v1_images.tar(2)])
    v1.tag(ids[-1])
    digest = v2.resolve('x', 'latest')
    v1.tag(ids[-1], 'a/b%252Fc', 'v1')
    monkeypatch.setattr(facts, 'Pass', None)
    assert v2.resolve('a/b/c', 'v1') == digest
    pull(v2, 'a/b/c', 'v1')
    # One that stands on it reads no layer twice.
    v1.tag(ids[0], 'a/base')
    pull(v2, 'a/base')


@pytest.mark.once
def test_conversion_of_another_version_stays(v1, v2, storage):
    """Whoever has pinned a digest finds it after an upgrade."""
    ids = v1.push([v1_images.tar(1)])
    v1.tag(ids[-1])
    pull(v2)
    record = v2._images.record(ids[-1])
    other = push_v2(storage, 'other')
    v2._images.put_record(
        ids[-1], record._replace(manifest=other), only_new=False)
    v1.tag(ids[-1], tag='v2')
    assert v2.resolve('x', 'v2') == other


@pytest.mark.once
def test_what_registry2_has_removed_is_made_again(v1, v2, storage):
    layers = [v1_images.tar(1), lzma.compress(v1_images.tar(2))]
    v1.tag(v1.push(layers)[-1])
    digest = v2.resolve('x', 'latest')
    for name in names(storage):
        storage.container.delete(name)
    assert v2.resolve('x', 'latest') == digest
    assert pull(v2)[1][0] == layers[0]


@pytest.mark.once
def test_layer_that_was_replaced_past_the_registry(v1, v2, storage):
    """Never other bytes under the digest of those that were there."""
    layers = [v1_images.tar(1), v1_images.tar(2)]
    image_id = v1.push(layers[:1])[0]
    v1.tag(image_id)
    before = v2.resolve('x', 'latest')
    storage.remove('images/%s/layer' % image_id)
    storage.stream_write('images/%s/layer' % image_id, Stream(layers[1]))
    v1.tag(image_id, tag='again')
    with pytest.raises(facts.DamagedError) as caught:
        v2.resolve('x', 'again')
    assert image_id in str(caught.value)
    # By a tool that knows of checksums.
    storage.remove('images/%s/_checksum' % image_id)
    assert pull(v2, tag='again')[1] == layers[1:]
    assert v2.resolve('x', 'again') != before


@pytest.mark.once
@pytest.mark.parametrize('number', [0, 2])
def test_layer_that_has_lost_a_segment(v1, v2, make_storage, number):
    storage = make_storage(swift_segment_size=100000)
    image_id = v1_images.Images(storage).push([v1_images.tar(350000)])[0]
    storage.container.delete(names(storage, '.segments/')[number])
    v1.tag(image_id)
    with pytest.raises(facts.DamagedError) as caught:
        v2.resolve('x', 'latest')
    assert str(caught.value) == (
        'image %s: a segment of its layer is gone, or is another one'
        % image_id)


@pytest.mark.once
@pytest.mark.parametrize('name', ['_facts', '_manifest'])
@pytest.mark.parametrize('content', [
    b'', b'[1]', b'{}', b'5', b'null', 100000 * b'[',
    b'{"manifest": 1, "config": 2, "layers": 3}',
    b'{"manifest": "x", "config": "y", "layers": ["z"]}',
    b'{"kind": 1, "digest": 2, "size_bytes": "3", "diff_id": 4, "tar_bytes": 5'
    b', "checksum": 6, "is_empty": 7}',
    b'{"kind": "tar", "digest": "x", "size_bytes": 1, "diff_id": "y", '
    b'"tar_bytes": 1, "checksum": "z", "is_empty": false}'])
def test_damage_of_what_conversion_keeps(v1, v2, storage, name, content):
    layer = v1_images.tar(1)
    image_id = v1.push([layer])[0]
    storage.put_content('images/%s/%s' % (image_id, name), content)
    v1.tag(image_id)
    assert pull(v2)[1] == [layer]


@pytest.mark.once
def test_pushes_and_removals_are_seen_at_once(v1, v2, storage):
    first = v1.push([v1_images.tar(1)])[-1]
    second = v1.push([v1_images.tar(1)])[-1]
    v1.tag(first)
    converted = v2.resolve('x', 'latest')
    v1.tag(second)
    assert v2.resolve('x', 'latest') != converted
    v1.tag(first)
    assert v2.resolve('x', 'latest') == converted
    v1.untag()
    for name in ('x', 'library/x'):
        with pytest.raises(repositories.UnknownError) as caught:
            v2.resolve(name, 'latest')
        assert caught.value.code == 'MANIFEST_UNKNOWN'
        with pytest.raises(repositories.UnknownError) as caught:
            v2.tags(name)
        assert caught.value.code == 'NAME_UNKNOWN'
    assert v2.catalog() == ([], False)
    v1.tag(second)
    assert v2.tags('x') == (['latest'], False)


@pytest.mark.once
def test_digest_stays_as_long_as_the_repository(v1, v2, faults,
                                                faulty_storage):
    image_id = v1.push([v1_images.tar(1)])[-1]
    v1.tag(image_id)
    v1.tag(image_id, tag='other')
    digest = v2.resolve('x', 'latest')
    others = repositories_of(faulty_storage)
    content = others.manifest('x', digest)
    del faults.requests[:]
    assert others.manifest('x', digest) == content
    assert len(faults.requests) == 3
    v1.untag()
    assert v2.manifest('x', digest) == content
    v1.untag(tag='other')
    for name in ('x', 'library/x'):
        with pytest.raises(repositories.UnknownError):
            v2.manifest(name, digest)
    v1.tag(image_id, tag='again')
    assert v2.manifest('x', digest) == content


@pytest.mark.once
def test_what_was_pushed_to_v2_has_no_v1_tag(v1, v2, storage):
    """Also where it is the same as what was converted."""
    image_id = v1.push([v1_images.tar(1)])[-1]
    v1.tag(image_id)
    digest = v2.resolve('x', 'latest')
    write(storage, _LAYOUT.revision_link('x', digest), digest.encode())
    v1.untag()
    v2.manifest('x', digest)


def test_the_newer_push_counts(v1, v2, storage):
    image_id = v1.push([v1_images.tar(1)])[-1]
    v1.tag(image_id)
    converted = v2.resolve('x', 'latest')
    pushed = push_v2(storage)
    assert v2.resolve('x', 'latest') == pushed
    # What is converted by another name replaces no newer push.
    assert v2.resolve('library/x', 'latest') == converted
    assert v2.resolve('x', 'latest') == pushed
    v1.tag(image_id)
    assert v2.resolve('x', 'latest') == converted
    push_v2(storage)
    v1.untag()
    assert v2.resolve('x', 'latest') == pushed
    assert v2.tags('x') == (['latest'], False)


@pytest.mark.once
def test_v2_pushes_alone(v2, storage):
    digest = push_v2(storage, 'a/b/c/d', 'v1')
    assert v2.resolve('a/b/c/d', 'v1') == digest
    assert v2.tags('a/b/c/d') == (['v1'], False)
    assert v2.catalog() == (['a/b/c/d'], False)


@pytest.mark.once
def test_tag_that_changes_while_it_is_converted(v1, v2, storage, monkeypatch):
    first = v1.push([v1_images.tar(1)])[-1]
    v1.tag(first)
    convert = v2._converter.convert

    def convert_slowly(*arguments):
        digest = convert(*arguments)
        push_v2(storage)
        return digest
    monkeypatch.setattr(v2._converter, 'convert', convert_slowly)
    v2.resolve('x', 'latest')
    monkeypatch.undo()
    assert v2.resolve('x', 'latest') == push_v2(storage)


def test_pages_of_tags(v1, v2, storage):
    image_id = v1.push([v1_images.tar(1)])[-1]
    for tag in 'bd':
        v1.tag(image_id, tag=tag)
    for tag in 'ac':
        push_v2(storage, tag=tag)
    for last in ('', 'a', 'b', 'c', 'd', 'z'):
        expected = [tag for tag in 'abcd' if tag > last]
        for count in (None, 0, 1, 2, 3, 4, 100):
            found = expected if count is None else expected[:count]
            assert v2.tags('x', last, count) == (
                found, len(found) < len(expected))


def test_what_is_no_tag(v1, v2, storage):
    image_id = v1.push([v1_images.tar(1)])[-1]
    v1.tag(image_id, tag='_x')
    for name in ('json', '_private', '_images_list', '_index_images',
                 'tag_.hidden', 'tag_broken'):
        storage.put_content('repositories/library/x/' + name, b'{}')
    assert v2.tags('x') == (['_x'], False)
    with pytest.raises(repositories.UnknownError):
        v2.resolve('x', 'x_json')
    pull(v2, 'x', '_x')


def test_catalog(v1, v2, storage):
    image_id = v1.push([v1_images.tar(1)])[-1]
    for repository in ('library/x', 'a/b', 'a/b%252Fc', 'a/UPPER', 'a/a_-b'):
        v1.tag(image_id, repository)
    push_v2(storage, 'b/c/d')
    push_v2(storage, 'x')
    pull(v2, 'library/x')
    expected = ['a/b', 'a/b/c', 'b/c/d', 'x']
    assert v2.catalog() == (expected, False)
    assert v2.catalog(count=2) == (expected[:2], True)
    assert v2.catalog('a/b', 2) == (expected[1:3], True)
    assert v2.catalog('a/b/c', 2) == (expected[2:], False)
    found = v2.v1_repositories()
    assert found['a', 'UPPER'] == found['a', 'a_-b'] == []
    assert found['a', 'b/c'] == ['a/b/c']


def test_image_of_16_digits(v1, v2):
    layer = v1_images.tar(1)
    v1.tag(v1.push_one(layer, image_id='0123456789abcdef'))
    assert pull(v2)[1] == [layer]


def damage(v1, storage, kind):
    """Push an image that is damaged; return the id of what is."""
    layer = v1_images.gzipped(v1_images.tar(100))
    ids = v1.push([v1_images.tar(1), layer, v1_images.tar(2)])
    path = 'images/%s/' % ids[1]
    if kind == 'truncated':
        v1.push_one(layer[:-9], ids[:1], ids[1])
    elif kind == 'no bytes':
        v1.push_one(b'', ids[:1], ids[1])
    elif kind == 'other bytes':
        write(storage, 'registry/%slayer' % path, v1_images.tar(100))
    elif kind == 'xz of other bytes':
        write(storage, 'registry/%slayer' % path,
              lzma.compress(v1_images.tar(100)))
    elif kind == 'no layer':
        storage.remove(path + 'layer')
    elif kind == 'no json':
        storage.remove(path + 'json')
    elif kind == 'json':
        storage.put_content(path + 'json', b'{')
    elif kind == 'other parent':
        v1.push_one(layer, [64 * '0'], ids[1])
    elif kind in ('ancestry', 'no ancestry'):
        path = 'images/%s/' % ids[2]
        storage.put_content(path + 'ancestry', json.dumps(ids).encode())
        if kind == 'no ancestry':
            storage.remove(path + 'ancestry')
        ids[1] = ids[2]
    v1.tag(ids[-1])
    return ids[1]


@pytest.mark.once
@pytest.mark.parametrize('kind', [
    'truncated', 'no bytes', 'other bytes', 'xz of other bytes', 'no layer',
    'no json', 'json', 'other parent', 'ancestry', 'no ancestry'])
def test_damaged_image(v1, v2, storage, kind):
    damaged = damage(v1, storage, kind)
    for _ in range(2):
        with pytest.raises(facts.DamagedError) as caught:
            v2.resolve('x', 'latest')
        assert str(caught.value).startswith('image %s: ' % damaged)
        assert not isinstance(caught.value, v2_images.IncompleteError)
    # No manifest and no link of it is there.
    assert [name for name in names(storage) if '/repositories/' in name] == []
    assert list(storage.orphans(None)) == []
    assert not [name for name in names(storage, 'registry/images/')
                if name.endswith(('_manifest', '_archive'))]


@pytest.mark.once
def test_checksum_in_the_headers_of_the_layer(v1, v2, storage):
    ids = v1.push([v1_images.tar(1)])
    path = 'registry/images/%s/layer' % ids[0]
    layer = v1_images.tar(2)
    storage._large_objects.write(
        path, v1_images.Stream(layer), find_headers=lambda: {
            'x-object-meta-docker-checksum': 'sha256:' + 64 * '0'})
    v1.tag(ids[0])
    with pytest.raises(facts.DamagedError) as caught:
        v2.resolve('x', 'latest')
    assert 'checksum' in str(caught.value)


@pytest.mark.parametrize('content, expected', [
    (b'["sha256:%s", "tarsum+sha256:1"]' % (64 * b'a'), 1),
    (b'"sha256:%s"' % (64 * b'a'), 1), (b'sha256:%s\n' % (64 * b'a'), 1),
    (b'["tarsum+sha256:1"]', 0), (b'', 0), (b'\xff', 0), (b'null', 0),
    (b'{"a": 1}', 0)])
def test_checksums_as_they_were_written(v1, v2, storage, content, expected):
    image_id = v1.push_one(v1_images.tar(1))
    storage.put_content('images/%s/_checksum' % image_id, content)
    assert v2._images.checksums(image_id, {}) == (
        expected * ['sha256:' + 64 * 'a'])


@pytest.mark.once
def test_image_that_is_being_pushed(v1, v2, storage):
    ids = v1.push([v1_images.tar(1), v1_images.tar(2)])
    v1.tag(ids[-1])
    mark = 'images/%s/_inprogress' % ids[0]
    storage.put_content(mark, b'true')
    with pytest.raises(v2_images.IncompleteError) as caught:
        v2.resolve('x', 'latest')
    assert ids[0] in str(caught.value)
    storage.remove(mark)
    pull(v2)


@pytest.mark.once
def test_those_who_ask_together_wait_for_one_conversion(v1, v2, monkeypatch):
    v1.tag(v1.push([v1_images.tar(1), v1_images.tar(100000)])[-1])
    passes = []
    make = facts.Pass

    def make_slowly(*arguments):
        passes.append(arguments)
        time.sleep(0.5)
        return make(*arguments)
    monkeypatch.setattr(facts, 'Pass', make_slowly)
    found = []
    threads = [threading.Thread(target=lambda: found.append(
        v2.resolve('x', 'latest'))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1 and len(found) == 4
    assert len(passes) == 2


@pytest.mark.once
def test_registries_that_convert_at_the_same_time(v1, storage, make_storage):
    archive = v1_images.tar(17 * 1024 * 1024)
    v1.tag(v1.push([v1_images.tar(1), lzma.compress(archive, preset=0)])[-1])
    found = []
    threads = [threading.Thread(
        target=lambda size=size: found.append(repositories_of(make_storage(
            swift_segment_size=size)).resolve('x', 'latest')))
        for size in (5000000, 6000000, 7000000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1 and len(found) == 3
    # Swift may have taken several manifests of the decompressed archive.
    storage.remove_orphans(None)
    assert pull(repositories_of(storage))[1][1] == archive


@pytest.mark.once
def test_interrupted_conversion_is_gone_on_with(v1, v2, faults,
                                                faulty_storage, monkeypatch):
    layers = [v1_images.tar(1), v1_images.tar(2), v1_images.tar(3)]
    v1.tag(v1.push(layers)[-1])
    interrupted = repositories_of(faulty_storage)
    for method, part in [('PUT', '/blobs/'), ('PUT', '_layers'),
                         ('PUT', '_manifest'), ('PUT', 'revisions'),
                         ('PUT', 'index'), ('PUT', 'current')]:
        faults.inject(relay.status(507), method, part)
        with pytest.raises(errors.SwiftError) as caught:
            interrupted.resolve('x', 'latest')
        assert caught.value.status == 507
        assert v2._store.tag_link('x', 'latest') is None
    monkeypatch.setattr(facts, 'Pass', None)
    assert pull(v2)[1] == layers


@pytest.mark.once
def test_link_without_a_digest(v2, storage):
    write(storage, _LAYOUT.tag_link('x', 'latest'), b'nothing')
    with pytest.raises(errors.BrokenObjectError):
        v2.resolve('x', 'latest')


@pytest.mark.once
def test_manifest_of_other_bytes(v2, storage):
    digest = push_v2(storage)
    write(storage, _LAYOUT.blob(digest), b'other')
    with pytest.raises(errors.BrokenObjectError):
        v2.manifest('x', digest)


@pytest.mark.once
def test_manifest_and_blob_that_are_not_there(v2, storage):
    digest = push_v2(storage)
    storage.container.delete(_LAYOUT.blob(digest))
    for ask, code in [
            (lambda: v2.manifest('x', digest), 'MANIFEST_UNKNOWN'),
            (lambda: v2.manifest('y', digest), 'MANIFEST_UNKNOWN'),
            (lambda: v2.check_blob('x', digest), 'BLOB_UNKNOWN'),
            (lambda: v2.blob_bytes('x', digest), 'BLOB_UNKNOWN'),
            (lambda: v2.open_blob('x', digest), 'BLOB_UNKNOWN'),
            (lambda: v2.blob_url('x', digest), 'BLOB_UNKNOWN')]:
        with pytest.raises(repositories.UnknownError) as caught:
            ask()
        assert caught.value.code == code


@pytest.mark.once
@pytest.mark.parametrize('method, part', [
    ('GET', 'tag_latest'), ('GET', 'current/link'), ('GET', 'ancestry'),
    ('GET', '/json'), ('HEAD', '/layer'), ('GET', '/layer'),
    ('HEAD', '_inprogress'), ('GET', '_facts'), ('GET', '/_manifest'),
    ('GET', '_checksum'), ('GET', 'latest_json')])
def test_outage_is_no_unknown(v1, v2, faults, make_storage, method, part):
    v1.tag(v1.push([v1_images.tar(1)])[-1])
    other = repositories_of(make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_retries=0))
    faults.inject(relay.status(503), method, part)
    with pytest.raises(errors.SwiftError) as caught:
        other.resolve('x', 'latest')
    assert caught.value.status == 503
    assert v2._store.tag_link('x', 'latest') is None
    pull(other)


@pytest.mark.once
@pytest.mark.parametrize('method, part', [
    ('GET', 'repositories/library/x/_recent_tags'), ('GET', '/tag_latest'),
    ('GET', 'prefix=registry/repositories/library/x/tag_'),
    ('GET', 'x/_manifests/tags/'), ('GET', 'current/link')])
def test_outage_is_no_short_list(v1, faults, make_storage, method, part):
    v1.tag(v1.push([v1_images.tar(1)])[-1])
    v2 = repositories_of(make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_retries=0))
    assert v2.tags('x') == (['latest'], False)
    faults.inject(relay.status(503), method, part)
    with pytest.raises(errors.SwiftError) as caught:
        v2.tags('x')
    assert caught.value.status == 503


def test_damaged_link(v2, storage):
    """It fails the pull of its tag, and nothing else."""
    digest = push_v2(storage, tag='whole')
    push_v2(storage, tag='damaged')
    write(storage, _LAYOUT.tag_link('x', 'damaged'), b'no digest')
    with pytest.raises(errors.BrokenObjectError):
        v2.resolve('x', 'damaged')
    assert v2.resolve('x', 'whole') == digest
    assert v2.tags('x') == (['damaged', 'whole'], False)
    assert v2.catalog() == (['x'], False)
    assert v2.tags_of('x', digest) == ['whole']
    # gc goes by this, and removes nothing that the tag may have named.
    with pytest.raises(errors.BrokenObjectError):
        v2.digests('x')
