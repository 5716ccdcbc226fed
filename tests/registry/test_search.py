"""search_backend: sqlalchemy, also with a Swift that is away at start."""

import json

import pytest

from stack.clients import v1client
from stack.servers import registry


@pytest.fixture
def start(cluster, directory, request, tmp_path):
    """Start a registry with an index; give a client."""
    settings = cluster.settings(
        swift_container='search-' + request.node.name.strip(']').replace(
            '[', '-'), storage_path='/registry', search_backend='sqlalchemy',
        sqlalchemy_index_database='sqlite:///%s' % (tmp_path / 'index.db'),
        swift_timeout=3)
    started = []

    def start(**changes):
        server = registry.Registry(str(directory), dict(settings, **changes))
        server.__enter__()
        started.append(server)
        return v1client.V1Client(server.port)
    yield start
    for server in started:
        server.server.stop()


def _search(client, term=''):
    answer = client.request('GET', '/v1/search?q=' + term)
    assert answer.status == 200
    return sorted(found['name'] for found
                  in json.loads(answer.body)['results'])


def _push(client, *repositories):
    for repository in repositories:
        client.push(repository, [v1client.make_image()])


def test_index_follows_pushes_and_deletes(start):
    client = start()
    assert _search(client) == []
    _push(client, 'library/a', 'library/b', 'library/a')
    assert _search(client) == ['library/a', 'library/b']
    assert _search(client, 'y/b') == ['library/b']
    client.expect(200, 'DELETE', '/v1/repositories/library/a/')
    assert _search(client) == ['library/b']


@pytest.mark.parametrize('first', ['search', 'push', 'delete'])
def test_swift_that_is_away_at_start(start, cluster, tmp_path, first):
    _push(start(search_backend=''), 'library/a', 'library/b')
    cluster.proxy.stop()
    try:
        client = start()
        for _ in range(2):
            answer = client.request('GET', '/v1/search')
            assert answer.status == 503
            assert int(answer.headers['Retry-After']) >= 1
            assert 'error' in json.loads(answer.body)
    finally:
        cluster.proxy.start()
        cluster.proxy.wait()
    expected = ['library/a', 'library/b']
    if first == 'push':
        _push(client, 'library/c')
        expected.append('library/c')
    elif first == 'delete':
        client.expect(200, 'DELETE', '/v1/repositories/library/a/')
        expected.remove('library/a')
    # Of several workers each finds out by itself.
    for _ in range(4):
        assert _search(client) == expected
    _push(client, 'library/d')
    assert _search(client, 'd') == ['library/d']


def test_index_that_is_there_when_swift_is_away(start, cluster):
    _push(start(), 'library/a')
    cluster.proxy.stop()
    try:
        client = start()
        assert _search(client) == ['library/a']
    finally:
        cluster.proxy.start()
        cluster.proxy.wait()
    _push(client, 'library/b')
    assert _search(client) == ['library/a', 'library/b']
