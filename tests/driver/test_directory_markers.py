"""Empty objects that other tools leave to mark a directory."""

import pytest

from docker_registry.core import exceptions

_REPOSITORY = 'repositories/team/app'


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
