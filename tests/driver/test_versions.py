"""Containers that keep older versions: what is removed is gone."""

import io
import os

import pytest
import v1_images

from docker_registry.core import exceptions
from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift.client import deletion
from docker_registry.drivers.swift.v2 import repositories
from docker_registry.drivers.swift.v2 import store
from docker_registry.drivers.swift.v2 import uploads

_REPOSITORY = 'repositories/team/app'
_MARK = 'images/1/_inprogress'
_LAYER = 'images/1/layer'


@pytest.fixture(params=['X-Versions-Location', 'X-History-Location',
                        'X-Versions-Enabled'])
def versioned(request, make_storage, swift_settings):
    """Make Storages whose container keeps older versions."""
    first = make_storage()
    first.put_content('a', b'')
    value = 'true'
    if request.param != 'X-Versions-Enabled':
        value = swift_settings['swift_container'] + '-versions'
        make_storage(swift_container=value).put_content('a', b'')
    first._container.post({request.param: value})
    return lambda: make_storage(swift_segment_size=1000)


def listed(storage):
    return [entry['name'] for entry in storage._container.list('')]


@pytest.mark.parametrize('path', [_MARK, _REPOSITORY + '/tag_latest'])
def test_gone_is_gone(versioned, path):
    for number in range(3):
        for content in (b'1', b'2', b'3'):
            versioned().put_content(path, content)
        versioned().remove(path)
        assert not versioned().exists(path)
        with pytest.raises(exceptions.FileNotFoundError):
            versioned().get_content(path)
        with pytest.raises(exceptions.FileNotFoundError):
            versioned().remove(path)


def test_a_repository_is_gone(versioned):
    storage = versioned()
    for _ in range(3):
        for name in ('_index_images', 'tag_a', 'tag_b'):
            storage.put_content('%s/%s' % (_REPOSITORY, name), os.urandom(9))
    versioned().remove(_REPOSITORY)
    assert listed(storage) == ['registry/a']


def test_a_layer_is_gone(versioned):
    storage = versioned()
    for size in (3500, 2500, 10):
        content = os.urandom(size)
        storage.stream_write(_LAYER, io.BytesIO(content))
        assert b''.join(versioned().stream_read(_LAYER)) == content
    versioned().remove(_LAYER)
    assert listed(storage) == ['registry/a']


def test_an_upload_is_over(versioned):
    storage = versioned()
    worker = uploads.Uploads(storage.settings, storage.container, store.Store(
        storage.settings, storage.container))
    for content in (b'some', os.urandom(3 * 1024 * 1024)):
        upload = uploads.new_name()
        worker.append('a', upload, 0, io.BytesIO(content))
        worker.finish('a', upload, 1, v1_images.digest(content),
                      io.BytesIO(b''))
        with pytest.raises(uploads.UnknownUploadError):
            worker.state('a', upload, 1)
    assert not [name for name in listed(storage) if '/step-' in name]
    assert list(storage.orphans(None)) == []


@pytest.mark.parametrize('versioned', ['X-Versions-Location'], indirect=True)
def test_removing_versions_is_bounded(versioned, monkeypatch):
    monkeypatch.setattr(deletion, '_MAX_VERSIONS', 2)
    for content in (b'1', b'2', b'3', b'4'):
        versioned().put_content(_MARK, content)
    with pytest.raises(errors.SwiftError) as caught:
        versioned().remove(_MARK)
    assert 'X-Versions-Location' in str(caught.value)
    versioned().remove(_MARK)
    assert not versioned().exists(_MARK)


def test_no_container_for_versions(make_storage):
    storage = make_storage()
    storage.put_content('a', b'1')
    storage._container.post({'X-Versions-Location': 'absent'})
    with pytest.raises(errors.SwiftError) as caught:
        storage.put_content('a', b'2')
    assert 'X-Versions-Location' in str(caught.value)
    assert storage.get_content('a') == b'1'


@pytest.mark.parametrize('path', [_MARK, _REPOSITORY + '/tag_latest',
                                  _REPOSITORY])
def test_no_container_for_the_history(make_storage, path):
    storage = make_storage()
    for name in (_MARK, _REPOSITORY + '/tag_latest', _REPOSITORY + '/json'):
        storage.put_content(name, b'1')
    before = listed(storage)
    storage._container.post({'X-History-Location': 'absent'})
    with pytest.raises(errors.SwiftError) as caught:
        storage.remove(path)
    assert 'X-History-Location' in str(caught.value)
    assert errors.answer_to(caught.value)[0] == 500
    assert listed(storage) == before


def test_tags_of_either_api(versioned):
    storage = versioned()
    v1 = v1_images.Images(storage)
    links = store.Store(storage.settings, storage.container)
    for _ in range(3):
        image_id, = v1.push([v1_images.tar(2500)])
        v1.tag(image_id)
        v2 = repositories.in_container(storage.settings, storage.container)
        digest = v2.resolve('x', 'latest')
        assert v1_images.digest(v2.manifest('x', digest)) == digest
        links.put_tag_link('x', 'other', digest)
    assert v2.tags('x') == (['latest', 'other'], False)
    assert links.remove_tag_link('x', 'other')
    v1.untag()
    for tag in ('latest', 'other'):
        assert not v2.has_tag('x', tag)
    assert links.remove_links('x')
    assert not links.remove_links('x')
