"""DELETE of repositories that lack what a push leaves."""

import pytest

from stack.clients import v1client


def test_repository_with_nothing_but_tags(client, stored):
    image = v1client.make_image()
    client.push_image(image)
    for tag in ('latest', 'v1'):
        client.tag('library/tags', tag, image.id)
    path = '/v1/repositories/library/tags/'
    client.expect(200, 'DELETE', path)
    assert stored('repositories/library/tags/') == []
    assert client.request('DELETE', path).status == 404


def test_tag_without_a_json(client, cluster, server, stored):
    image = v1client.make_image()
    client.push('library/nojson', [image])
    container = server.settings['swift_container']
    for name in stored('repositories/library/nojson/'):
        if name.endswith('json'):
            cluster.request('DELETE', '%s/%s' % (container, name))
    path = '/v1/repositories/library/nojson/'
    client.expect(200, 'DELETE', path)
    assert stored('repositories/library/nojson/') == []
    assert client.request('DELETE', path).status == 404


def test_tag_alone_without_a_json(client, cluster, server, stored):
    image = v1client.make_image()
    for tag in ('latest', 'v1'):
        client.push('library/onetag', [image], tag)
    container = server.settings['swift_container']
    for name in stored('repositories/library/onetag/'):
        if name.endswith('json'):
            cluster.request('DELETE', '%s/%s' % (container, name))
    for tag, left in (('latest', {'v1': image.id}), ('v1', {})):
        path = '/v1/repositories/library/onetag/tags/' + tag
        client.expect(200, 'DELETE', path)
        client.expect(404, 'DELETE', path)
        client.expect(404, 'GET', path)
        assert client.tags('library/onetag') == left


@pytest.mark.parametrize('name', ['_private', 'json', '_index_images',
                                  '_images_list', 'tagv1_json'])
def test_repository_with_one_file(client, cluster, server, stored, name):
    # There is a container once something has been pushed.
    client.push_image(v1client.make_image())
    cluster.request('PUT', '%s/registry/repositories/team/file/%s' % (
        server.settings['swift_container'], name))
    for path in ('/v1/repositories/team/file/tags',
                 '/v1/repositories/team/file/'):
        status = client.request('DELETE', path).status
        assert status == (200 if path.endswith('tags') else 404)
    assert stored('repositories/team/') == []
