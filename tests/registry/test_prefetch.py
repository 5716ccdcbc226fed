"""That the extension knows how the registry asks, and what it spares."""

import os
import re
import subprocess

import pytest
import relay

from stack import environments
from stack.clients import v1client

#: Of objects: the check of whether Swift is there may come in between.
_REQUEST = re.compile(r' (GET|HEAD|PUT|POST|DELETE) /v1/\S*/registry/\S*?'
                      r'([^/\s]+) HTTP')

_CHECK = '''
from docker_registry import storage
from docker_registry import wsgi
from docker_registry.app import app
from docker_registry.drivers.swift.registry import prefetch

swift = storage.load()
begun = []
swift.begin = begun.append

def serves(method, path, **request):
    """Return what the extension tells the storage of a request."""
    del begun[:]
    with app.test_request_context('/v1/' + path, method=method, **request):
        app.preprocess_request()
        if not begun:
            return None
        [own] = begun
        reads = own.reads == swift.image_layer_path(own.image_id)
        assert reads or own.reads is None
        return own.endpoint, own.image_id, own.find_parent(), reads

assert set(prefetch.PLANS) <= set(app.view_functions)
one, two = '1' * 64, '2' * 64
image = 'images/' + one
assert serves('GET', image + '/json') == ('get_image_json', one, None, False)
assert serves('PUT', image + '/layer') == ('put_image_layer', one, None, False)
for data, parent in (('{"parent": "%s"}' % two, two), ('{}', None),
                     ('[]', None), ('{"parent": 1}', None), ('no json', None),
                     (b'\xff', None)):
    assert serves('PUT', image + '/json', data=data) == (
        'put_image_json', one, parent, False)
assert serves('GET', image + '/layer') == ('get_image_layer', one, None, True)
assert serves('GET', image + '/layer', headers={'Range': 'bytes=0-'}) == (
    'get_image_layer', one, None, False)
for path in 'images/..%2f/layer', 'images/\xc3\xa9/layer', '_ping', 'nothing':
    assert serves('GET', path) is None
'''


@pytest.fixture
def asked(cluster):
    """Tell what is asked of Swift's objects meanwhile, in their order."""
    def asked(action, *arguments):
        seen = os.path.getsize(cluster.proxy.log)
        action(*arguments)
        return _REQUEST.findall(cluster.logged(seen))
    return asked


def test_what_each_request_needs(server):
    subprocess.check_call(
        [environments.build('registry'), '-c', _CHECK],
        env=dict(os.environ, DOCKER_REGISTRY_CONFIG=server.config_file,
                 SETTINGS_FLAVOR='prod'))


@pytest.fixture
def image(client):
    """An image that has been pushed, with a parent."""
    parent = v1client.make_image()
    image = v1client.make_image(parent)
    client.push('library/asked', [parent, image])
    return image


@pytest.fixture
def other(server, start_registry, image):
    """A client of another registry, which knows nothing yet."""
    other = v1client.V1Client(start_registry({
        'swift_container': server.settings['swift_container']},
        workers=1).port)
    other.tags('library/asked')  # it logs in
    return other


def test_requests_for_a_json(asked, other, image):
    # A client that pushes asks the same.
    for _ in range(2):
        requests = asked(other.get_json, image.id)
        assert requests[0] == ('GET', 'json')  # whether there is one
        assert sorted(requests[1:]) == [('HEAD', '_inprogress'),
                                        ('HEAD', 'layer')]
        # That it is complete is known now, and with it which layer is meant.
        assert asked(other.get_layer, image.id, -1) == [('GET', 'layer')]


def test_requests_for_what_a_client_has(asked, other, image):
    requests = asked(other.expect, 304, 'GET', '/v1/images/%s/json' % image.id,
                     None, {'If-Modified-Since': '0'})
    assert requests == [('HEAD', '_inprogress')]


def test_requests_for_a_layer(asked, other, image):
    assert asked(other.get_layer, image.id, -1) == [
        ('HEAD', '_inprogress'), ('GET', 'layer')]
    # Of a part the registry wants to know first how large the whole is.
    part = asked(other.expect, 206, 'GET', '/v1/images/%s/layer' % image.id,
                 None, {'Range': 'bytes=0-9'})
    assert part == [('HEAD', '_inprogress'), ('HEAD', 'layer'),
                    ('GET', 'layer')]


def test_requests_of_a_push(asked, other):
    image = v1client.make_image()
    assert asked(other.has_image, image.id) == [('GET', 'json')]
    requests = asked(other.push_image, image)
    assert requests[:2] == [('HEAD', 'json'), ('PUT', '_inprogress')]
    assert sorted(requests[2:4]) == [('PUT', 'ancestry'), ('PUT', 'json')]
    # One worker: it has written the json itself.
    assert requests[4:] == [('PUT', 'layer'), ('PUT', '_checksum'),
                            ('HEAD', 'layer'), ('DELETE', '_inprogress')]


def test_refusals_of_what_is_complete(client, image):
    """Nothing of it is asked beforehand, and yet nothing is replaced."""
    path = '/v1/images/%s/' % image.id
    checksum = {'X-Docker-Checksum-Payload': v1client.checksum(image)}
    client.expect(409, 'PUT', path + 'json', image.json)
    client.expect(409, 'PUT', path + 'layer', b'another')
    client.expect(409, 'PUT', path + 'checksum', b'', checksum)
    assert client.pull('library/asked')[-1] == image


def test_refusals_of_what_is_not_there(client):
    path = '/v1/images/%s/' % v1client.make_image().id
    for method, name in (('GET', 'json'), ('GET', 'ancestry'),
                         ('GET', 'layer'), ('PUT', 'layer')):
        client.expect(404, method, path + name)
    client.expect(404, 'PUT', path + 'checksum', b'',
                  {'X-Docker-Checksum-Payload': 'sha256:1'})


def test_refusals_of_what_is_under_way(client):
    image = v1client.make_image()
    path = '/v1/images/%s/' % image.id
    client.expect(200, 'PUT', path + 'json', image.json)
    client.push_layer(image)
    for name in 'json', 'ancestry', 'layer':
        answer = client.expect(400, 'GET', path + name)
        assert b'being uploaded' in answer.body
    client.expect(400, 'PUT', path + 'checksum', b'',
                  {'X-Docker-Checksum-Payload': 'sha256:1'})
    client.expect(400, 'GET', path + 'json')


def test_a_damaged_ancestry(cluster, server, other, image):
    """The registry fails while the json of a child is being written."""
    cluster.request('PUT', '%s/registry/images/%s/ancestry' % (
        server.settings['swift_container'], image.id))  # empty
    child = v1client.make_image(image)
    for _ in range(2):
        other.expect(500, 'PUT', '/v1/images/%s/json' % child.id, child.json)
    other.expect(400, 'GET', '/v1/images/%s/json' % child.id)


def test_nobody_is_told_of_a_json_before_it_is_written(cluster,
                                                       start_registry):
    with relay.Relay(cluster.proxy.port) as faults:
        client = v1client.V1Client(start_registry({
            'swift_authurl': 'http://127.0.0.1:%d/auth/v1.0'
                             % faults.port}).port)
        image = v1client.make_image()
        path = '/v1/images/%s/json' % image.id
        faults.inject(relay.status(507), 'PUT', image.id + '/json')
        answer = client.expect(507, 'PUT', path, image.json)
        assert b'full' in answer.body
        client.expect(404, 'GET', path)
        client.push('library/asked', [image])
        assert client.pull('library/asked') == [image]
        assert faults.count('PUT', image.id + '/json') == 2
