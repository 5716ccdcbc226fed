"""Tags that a listing does not show yet."""

import json

import pytest

from docker_registry.drivers.swift import errors

REPOSITORY = 'repositories/library/demo'
TAG = REPOSITORY + '/tag_latest'
NOTES = REPOSITORY + '/_recent_tags'


@pytest.fixture
def lagging(storage, monkeypatch):
    """A storage whose listings show no tag."""
    listing = storage._container.list
    monkeypatch.setattr(storage._container, 'list', lambda *args, **keys: (
        entry for entry in listing(*args, **keys)
        if '/tag_' not in entry['name']))
    return storage


def noted(storage):
    return sorted(json.loads(storage.get_content(NOTES).decode('utf-8')))


def test_tag_that_is_not_listed_yet(lagging):
    lagging.put_content(TAG, b'1')
    assert list(lagging.list_directory(REPOSITORY)) == [TAG]
    assert list(lagging.list_directory('/%s/' % REPOSITORY)) == [TAG]
    lagging.put_content(REPOSITORY + '/_index_images', b'[]')
    assert sorted(lagging.list_directory(REPOSITORY)) == [
        REPOSITORY + '/_index_images', TAG]


def test_tag_that_has_been_removed(lagging):
    lagging.put_content(TAG, b'1')
    lagging.put_content(REPOSITORY + '/tag_v1', b'1')
    lagging.remove(TAG)
    assert list(lagging.list_directory(REPOSITORY)) == [
        REPOSITORY + '/tag_v1']
    # As another driver removes it, which leaves the note.
    lagging._container.delete('registry/%s/tag_v1' % REPOSITORY)
    with pytest.raises(errors.ObjectNotFoundError):
        list(lagging.list_directory(REPOSITORY))


def test_nothing_is_left_of_a_repository(storage):
    storage.put_content(TAG, b'1')
    storage.put_content(REPOSITORY + '/tag_v1', b'1')
    storage.remove(TAG)
    assert noted(storage) == ['tag_v1']
    storage.remove(REPOSITORY + '/tag_v1')
    assert not list(storage._container.list('registry/'))
    storage.put_content(TAG, b'1')
    storage.remove(REPOSITORY)
    assert not list(storage._container.list('registry/'))


def test_repository_that_is_not_listed_yet_is_removed(storage, monkeypatch):
    storage.put_content(TAG, b'1')
    for name in ('json', '_images_list', '_index_images', '_private'):
        storage.put_content('%s/%s' % (REPOSITORY, name), b'1')
    with monkeypatch.context() as patch:
        patch.setattr(storage._container, 'list', lambda *args: iter([]))
        storage.remove(REPOSITORY)
        with pytest.raises(errors.ObjectNotFoundError):
            storage.remove(REPOSITORY)
    assert not list(storage._container.list('registry/'))


def test_repository_of_which_the_listing_shows_a_part(storage, monkeypatch):
    storage.put_content(TAG, b'1')
    storage.put_content(REPOSITORY + '/taglatest_json', b'1')
    storage.put_content(REPOSITORY + '/json', b'1')
    listing = storage._container.list
    monkeypatch.setattr(storage._container, 'list', lambda *args, **keys: (
        entry for entry in listing(*args, **keys)
        if '/tag' not in entry['name']))
    storage.remove(REPOSITORY)
    monkeypatch.undo()
    assert not list(storage._container.list('registry/'))


def test_each_tag_comes_once(storage):
    storage.put_content(TAG, b'1')
    storage.put_content(TAG, b'2')
    storage.put_content(REPOSITORY + '/tag_v1', b'1')
    assert sorted(storage.list_directory(REPOSITORY)) == [
        TAG, REPOSITORY + '/tag_v1']


@pytest.mark.parametrize('path', [
    'repositories/library/demo/json', 'repositories/library/tag_1',
    'images/1/tag_1', 'tag_1', 'repositories/library/demo/tag_1/x'])
def test_what_is_no_tag_is_not_noted(storage, path):
    storage.put_content(path, b'1')
    storage.remove(path)
    assert not list(storage._container.list('registry/'))
    storage.put_content(path, b'1')
    assert [entry['name'] for entry in storage._container.list('')] == [
        'registry/' + path]


def test_note_that_another_registry_has_replaced(
        storage, make_storage, monkeypatch):
    other = make_storage()
    write, others = storage._container.put, []

    def put(object_name, *args):
        write(object_name, *args)
        if object_name.endswith('/_recent_tags') and not others:
            others.append(object_name)
            other._write(NOTES, b'{"tag_other": 1e11}')
    monkeypatch.setattr(storage._container, 'put', put)
    storage.put_content(TAG, b'1')
    assert noted(storage) == ['tag_latest', 'tag_other']


@pytest.mark.parametrize('content', [
    b'', b'{', b'[]', b'\xff', b'{"tag_a": null}', b'{"tag_a": []}'])
def test_notes_that_are_broken(lagging, content):
    lagging._write(NOTES, content)
    lagging.put_content(TAG, b'1')
    assert list(lagging.list_directory(REPOSITORY)) == [TAG]


def test_old_notes_go(lagging):
    lagging._write(NOTES, b'{"tag_old": 1.0}')
    lagging.put_content(TAG, b'1')
    assert noted(lagging) == ['tag_latest']


def test_notes_that_cannot_be_written_fail_no_push(
        lagging, monkeypatch, caplog):
    write = lagging._container.put

    def put(object_name, *args):
        if object_name.endswith('/_recent_tags'):
            raise errors.SwiftError('no')
        write(object_name, *args)
    monkeypatch.setattr(lagging._container, 'put', put)
    lagging.put_content(TAG, b'1')
    assert lagging.get_content(TAG) == b'1'
    assert 'tag_latest is changed, but not noted: no' in caplog.text
