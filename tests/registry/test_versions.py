"""A container in which DELETE brings back the version before."""

import json

import pytest

from stack.clients import v1client


@pytest.fixture(scope='module')
def server(cluster, start_registry):
    running = start_registry()
    container = running.settings['swift_container']
    cluster.request('PUT', container + '-versions')
    cluster.request('PUT', container,
                    {'X-Versions-Location': container + '-versions'})
    return running


def test_tag_that_has_moved_is_deleted(client):
    images = [v1client.make_image() for _ in range(2)]
    for image in images:
        client.push('library/moved', [image])
    path = '/v1/repositories/library/moved/tags/latest'
    assert json.loads(client.expect(200, 'GET', path).body) == images[1].id
    client.expect(200, 'DELETE', path)
    client.expect(404, 'GET', path)


def test_image_that_was_given_up_once(client):
    image = v1client.make_image()
    for _ in range(2):
        client.expect(200, 'PUT', '/v1/images/%s/json' % image.id, image.json)
    client.push('library/again', [image])
    assert client.pull('library/again') == [image]


def test_nothing_of_a_repository_is_left(client, stored):
    for tag in ('a', 'b', 'a', 'b'):
        client.push('library/gone', [v1client.make_image()], tag)
    client.expect(200, 'DELETE', '/v1/repositories/library/gone/')
    assert stored('repositories/library/gone') == []
    client.expect(404, 'GET', '/v1/repositories/library/gone/tags')
