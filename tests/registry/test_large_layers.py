"""Layers over Swift's limit for one object, through the registry."""

import pytest

from stack.clients import v1client
from stack.servers import swift

_MIB = 1024 * 1024


@pytest.fixture(scope='module')
def small_cluster(directory):
    """A Swift that takes objects of up to 16 MiB."""
    with swift.Swift(str(directory / 'small'), constraints={
            'max_file_size': 16 * _MIB}) as running:
        running.request('PUT', 'registry')
        yield running


@pytest.fixture(scope='module')
def client(small_cluster, start_registry):
    server = start_registry(small_cluster.settings())
    return v1client.V1Client(server.port)


def _image(size):
    image = v1client.make_image(layer_bytes=max(0, size - 10240))
    # A layer of exactly this size; the registry does not look into it.
    return image._replace(layer=(image.layer + b'\0' * size)[:size])


def _segments(cluster):
    return [name for name in cluster.list() if name.startswith('.segments/')]


@pytest.mark.parametrize('size, count', [
    (1, 0), (16 * _MIB, 0), (16 * _MIB + 1, 2), (200 * _MIB, 13)])
def test_push_and_pull(small_cluster, client, size, count):
    image = _image(size)
    before = len(_segments(small_cluster))
    client.push('library/large%d' % size, [image])
    assert len(_segments(small_cluster)) == before + count
    pulled, = client.pull('library/large%d' % size)
    assert pulled.layer == image.layer
    description = client.expect(200, 'GET', '/v1/images/%s/json' % image.id)
    assert description.headers['X-Docker-Size'] == str(size)


def test_empty_layer(small_cluster, client):
    image = _image(0)
    client.push('library/empty', [image])
    assert 'images/%s/layer' % image.id in ' '.join(small_cluster.list())
    # The registry itself serves no layer without bytes.
    assert client.request(
        'GET', '/v1/images/%s/layer' % image.id).status == 416


def test_range_across_segments(client):
    image = _image(40 * _MIB)
    client.push('library/range', [image])
    first, last = 16 * _MIB - 5, 32 * _MIB + 5
    answer = client.expect(206, 'GET', '/v1/images/%s/layer' % image.id,
                           headers={'Range': 'bytes=%d-%d' % (first, last)})
    assert answer.body == image.layer[first:last + 1]


def test_pushing_again_after_a_broken_push_leaves_nothing(
        small_cluster, client):
    image = _image(40 * _MIB)
    before = len(_segments(small_cluster))
    client.expect(200, 'PUT', '/v1/images/%s/json' % image.id, image.json)
    client.push_layer(image._replace(layer=image.layer[::-1]))
    assert len(_segments(small_cluster)) == before + 3
    client.push('library/again', [image])
    assert len(_segments(small_cluster)) == before + 3
    assert client.pull('library/again') == [image]
