import pytest

from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift import names


@pytest.mark.parametrize('root, expected', [
    ('/', 'images/1/json'),
    ('', 'images/1/json'),
    ('/registry', 'registry/images/1/json'),
    ('registry/', 'registry/images/1/json'),
    ('/a/b/', 'a/b/images/1/json'),
])
def test_object_name_is_that_of_0_2_1(root, expected):
    found = names.Names(root)
    assert found.object_name('images/1/json') == expected
    assert found.path(expected) == 'images/1/json'


@pytest.mark.parametrize('root, path, expected', [
    ('/', None, ''),
    ('/', '', ''),
    ('/', 'images', 'images/'),
    ('/registry', None, 'registry/'),
    ('/registry', '/', 'registry/'),
    ('/registry', 'images/', 'registry/images/'),
])
def test_prefix(root, path, expected):
    assert names.Names(root).prefix(path) == expected


def test_pseudo_directory_is_a_path_without_slash():
    assert names.Names('/registry').path('registry/images/1/') == 'images/1'


@pytest.mark.parametrize('path', ['', '/', '..', 'a/../b', './a', 'a/.'])
def test_path_that_names_no_object(path):
    with pytest.raises(errors.InvalidPathError) as caught:
        names.Names('/registry').object_name(path)
    assert repr(path) in str(caught.value)


@pytest.mark.parametrize('value, expected', [
    ('tag', 'tag'), ('a/b', 'a%2Fb'), ('..', '%252E%252E'), ('.', '%252E'),
    ('v 1', 'v+1'), (1, '1'), ('1~rc1', '1%7Erc1'),
])
def test_quote_part_is_what_core_does_on_python_2(value, expected):
    assert names.quote_part(value) == expected
