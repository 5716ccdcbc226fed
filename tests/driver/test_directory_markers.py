"""Empty objects that other tools leave to mark a directory."""

import hashlib

import pytest
import v1_images

from docker_registry.core import exceptions
from docker_registry.drivers.swift.v2 import repositories
from docker_registry.drivers.swift.v2 import store

_REPOSITORY = 'repositories/team/app'
_MD5_OF_NOTHING = hashlib.md5(b'').hexdigest()


@pytest.fixture
def marked(storage):
    """A storage with markers named as Cyberduck, cloudfuse and svfs do."""
    for name in ('repositories', 'repositories/team', _REPOSITORY,
                 # These sort between a marker and what is below it.
                 'repositories/team-x', 'repositories/team-x/app',
                 'repositories/team.y'):
        storage.put_content(name, b'')
    for name in ('_index_images', 'tag_latest'):
        storage.put_content('%s/%s' % (_REPOSITORY, name), b'[]')
    storage.put_content('repositories/team-x/app/tag_latest', b'1')
    return storage


def test_each_path_is_listed_once(marked):
    assert list(marked.list_directory('repositories')) == [
        'repositories/team', 'repositories/team-x', 'repositories/team.y']
    assert list(marked.list_directory('repositories/team')) == [_REPOSITORY]
    assert list(marked.list_directory()) == ['repositories']


@pytest.mark.parametrize('directory', [_REPOSITORY, 'repositories/team'])
def test_directory_is_removed_whole(marked, directory):
    marked.remove(directory)
    assert not marked.exists(directory)
    for name in ('_index_images', 'tag_latest'):
        assert not marked.exists('%s/%s' % (_REPOSITORY, name))
    assert marked.exists('repositories/team-x/app/tag_latest')
    with pytest.raises(exceptions.FileNotFoundError):
        marked.remove(directory)


@pytest.fixture(params=['', '/'])
def marked_throughout(request, storage):
    """A storage with images of either API, and a marker of each directory.

    Without and with a slash, as Swift's own web interface leaves them.
    """
    v1 = v1_images.Images(storage)
    image_id, = v1.push([v1_images.tar(1000)])
    for repository in ('team/app', 'library/x'):
        v1.tag(image_id, repository)
    v2 = repositories.in_container(storage.settings, storage.container)
    for name in ('team/app', 'x'):
        v2.resolve(name, 'latest')
    directories = set()
    for entry in storage.container.list(''):
        parts = entry['name'].split('/')[:-1]
        directories.update('/'.join(parts[:depth])
                           for depth in range(1, len(parts) + 1))
    for name in directories:
        storage.container.put(name + request.param, b'', 0, _MD5_OF_NOTHING)
    return storage


def test_lists_of_the_v2_api(marked_throughout):
    storage = marked_throughout
    v2 = repositories.in_container(storage.settings, storage.container)
    found = store.Store(storage.settings, storage.container)
    assert v2.catalog() == (['team/app', 'x'], False)
    for name in ('team/app', 'x', 'library/x'):
        assert v2.tags(name) == (['latest'], False)
        assert list(found.tags(name)) == ['latest']
    assert v2.digests('x') == {v2.resolve('x', 'latest')}
    assert v2.tags_of('x', v2.resolve('x', 'latest')) == ['latest']


def test_commands(marked_throughout, json_command, next_second):
    status, lines = json_command('ls')
    assert (status, [line['repository'] for line in lines]) == (
        0, ['library/x', 'team/app'])
    next_second()
    assert json_command('fsck') == (0, [])
    status, lines = json_command('gc', '--older-than', '0s')
    assert (status, [line['kind'] for line in lines]) == (0, ['total'])


def test_repository_of_either_api_is_removed(marked_throughout):
    storage = marked_throughout
    storage.remove('repositories/team/app')
    found = store.Store(storage.settings, storage.container)
    assert found.remove_tag_link('team/app', 'latest')
    assert found.remove_links('team/app')
    v2 = repositories.in_container(storage.settings, storage.container)
    assert v2.catalog() == (['x'], False)
    with pytest.raises(repositories.UnknownError):
        v2.tags('team/app')
