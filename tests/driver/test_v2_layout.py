import pytest

from docker_registry.drivers.swift.v2 import layout

_HEX = 'ab' + 62 * '0'
_DIGEST = 'sha256:' + _HEX
_V2 = 'files/docker/registry/v2/'


@pytest.mark.parametrize('root, prefix', [
    ('/', ''), ('', ''), ('/registry', 'registry/'), ('a/b/', 'a/b/')])
def test_names_are_those_of_registry2(root, prefix):
    found = layout.Layout(root)
    repository = prefix + _V2 + 'repositories/a/b'
    assert found.blob(_DIGEST) == '%s%sblobs/sha256/ab/%s/data' % (
        prefix, _V2, _HEX)
    assert found.layer_link('a/b', _DIGEST) == (
        '%s/_layers/sha256/%s/link' % (repository, _HEX))
    assert found.revision_link('a/b', _DIGEST) == (
        '%s/_manifests/revisions/sha256/%s/link' % (repository, _HEX))
    assert found.tag_index_link('a/b', 'v1', _DIGEST) == (
        '%s/_manifests/tags/v1/index/sha256/%s/link' % (repository, _HEX))
    assert found.tag_link('a/b', 'v1') == (
        repository + '/_manifests/tags/v1/current/link')


def test_names_back():
    found = layout.Layout('/registry')
    prefix = found.tags_prefix('a/b')
    assert found.tag('a/b', prefix + 'v1/') == 'v1'
    assert found.tag('a/b', found.tag_link('a/b', 'v1')) == 'v1'
    assert found.repository(found.repository_prefix('a/b')) == 'a/b'
    assert found.repository_prefix('a/b').startswith(found.repository_prefix())


def test_links():
    assert layout.linked_digest(layout.link_content(_DIGEST)) == _DIGEST
    assert layout.linked_digest(_DIGEST.encode() + b'\n') == _DIGEST
    for content in (b'', b'sha256:', b'\xff', b'md5:' + _HEX.encode()):
        assert layout.linked_digest(content) is None


@pytest.mark.parametrize('name, namespace, repository', [
    ('x', 'library', 'x'), ('library/x', 'library', 'x'), ('a/b', 'a', 'b'),
    ('a/b/c', 'a', 'b/c'), ('library/b/c', 'library', 'b/c')])
def test_v2_name_of_a_v1_repository(name, namespace, repository):
    assert layout.v1_repository(name) == (namespace, repository)
    assert name in layout.v2_names(namespace, repository)


@pytest.mark.parametrize('namespace, repository, names', [
    ('library', 'x', ['x', 'library/x']),
    ('library', 'b/c', ['library/b/c']),
    ('a', 'b/c', ['a/b/c']),
    ('a', 'X', []), ('a', '-foo', []), ('a', 'a_-b', []), ('a', '', []),
    ('a', 255 * 'b', []), ('library', 253 * 'b', [253 * 'b'])])
def test_v2_names_of_a_v1_repository(namespace, repository, names):
    assert layout.v2_names(namespace, repository) == names


@pytest.mark.parametrize('name, allowed', [
    ('a', True), ('a.b', True), ('a__b', True), ('a---b/c', True),
    ('a0/b1/c2/d3', True), ('', False), ('/a', False), ('a/', False),
    ('a//b', False), ('A', False), ('a___b', False), ('a..b', False),
    ('-a', False), ('a_-b', False), ('a\n', False), ('_uploads', False),
    (u'\xe9', False), (256 * 'a', False)])
def test_names_that_v2_allows(name, allowed):
    assert layout.is_name(name) == allowed


@pytest.mark.parametrize('tag, allowed', [
    ('latest', True), ('_x', True), ('V1.0-a', True), (128 * 'a', True),
    ('', False), ('.a', False), ('-a', False), ('a/b', False),
    (129 * 'a', False), ('a\n', False)])
def test_tags_that_v2_allows(tag, allowed):
    assert layout.is_tag(tag) == allowed


@pytest.mark.parametrize('digest, known', [
    (_DIGEST, True), ('sha512:' + 128 * 'a', True), (_DIGEST.upper(), False),
    (_DIGEST + '0', False), ('sha512:' + _HEX, False), ('md5:' + _HEX, False),
    (_DIGEST + '\n', False), ('../../../etc', False)])
def test_digests(digest, known):
    assert layout.is_digest(digest) == known
