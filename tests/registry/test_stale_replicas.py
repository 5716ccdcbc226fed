"""A storage node comes back with a layer's old manifest; three replicas.

Both manifests are of the same bytes, so that they have the same ETag, and the
segments of the old one are gone.
"""

import glob
import json
import os

import pytest

from stack.clients import v1client
from stack.servers import processes
from stack.servers import swift

_PULLS = 48


@pytest.fixture(scope='module')
def five_nodes(tmp_path_factory):
    directory = str(tmp_path_factory.mktemp('stale') / 'swift')
    with swift.Swift(directory, nodes=5) as running:
        running.directory = directory
        yield running


def holders(cluster, name):
    """Return the numbers of the nodes that have an object."""
    return [number for number in range(len(cluster.storage)) if any(
        name.encode() in os.getxattr(path, 'user.swift.metadata')
        for path in glob.glob(os.path.join(
            cluster.directory, 'node%d' % (number + 1),
            'device/objects/*/*/*/*.data')))]


def test_manifest_that_comes_back(five_nodes, start_registry):
    container = 'stale'
    server = start_registry(five_nodes.settings(
        swift_container=container, storage_path='/registry',
        swift_segment_size=200000,
        extensions={'swift_v2': {'enabled': True}}), workers=1,
        options=['--max-requests', 0])
    client = v1client.V1Client(server.port)
    image = v1client.make_image(layer_bytes=2000000)
    # A push that ends before its checksum.
    client.expect(200, 'PUT', '/v1/images/%s/json' % image.id, image.json)
    client.push_layer(image)
    name = 'registry/images/%s/layer' % image.id
    away = five_nodes.services('object')[holders(
        five_nodes, '/%s/%s' % (container, name))[0]]
    away.stop()
    try:
        client.push('library/again', [image])
    finally:
        # The proxy forgets which nodes have failed.
        five_nodes.proxy.stop()
        processes.start_all([away, five_nodes.proxy])
    manifests, etags = set(), set()
    for _ in range(_PULLS):
        path = '%s/%s' % (container, name)
        manifests.add(json.loads(five_nodes.request(
            'GET', path + '?multipart-manifest=get')[1])[0]['name'])
        etags.add(five_nodes.request('HEAD', path)[0]['ETag'])
    assert (len(manifests), len(etags)) == (2, 1)
    for _ in range(_PULLS):
        assert client.pull('library/again') == [image]
    part = client.expect(206, 'GET', '/v1/images/%s/layer' % image.id, None,
                         {'Range': 'bytes=500000-'})
    assert part.body == image.layer[500000:]
    # A blob whose bytes are those of the layer: of a manifest within another
    # Swift takes any.
    v2 = {'User-Agent': 'docker/20.10.24'}
    manifest = json.loads(client.expect(
        200, 'GET', '/v2/again/manifests/latest', None, v2).body)
    path = '/v2/again/blobs/' + manifest['layers'][0]['digest']
    for _ in range(_PULLS // 3):
        assert client.expect(200, 'GET', path, None, v2).body == image.layer
        assert client.expect(206, 'GET', path, None, dict(
            v2, Range='bytes=500000-')).body == image.layer[500000:]
