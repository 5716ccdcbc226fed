"""DELETE of repositories that lack what a push leaves."""

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
