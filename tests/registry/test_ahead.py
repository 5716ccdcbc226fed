"""That the extension knows how the registry asks, and what it spares."""

import os
import re
import subprocess

import pytest

from stack import environments
from stack import v1client

_REQUEST = re.compile(r' (GET|HEAD|PUT|POST|DELETE) /v1/\S*/(\S+) HTTP')

_CHECK = '''
from docker_registry import wsgi
from docker_registry import storage
from docker_registry.app import app
from docker_registry.drivers.swift import extension

assert set(extension._ASKED) <= set(app.view_functions)
swift = storage.load()

def expected(method, path, **request):
    """Return what is expected when the registry serves a request."""
    with app.test_request_context('/v1/' + path, method=method, **request):
        app.preprocess_request()
        return (swift._ahead._own.get().find(),
                swift._opened._own.get().path)

one, two = 'images/' + '1' * 64, 'images/' + '2' * 64
mark, json, layer, checksum, ancestry = [
    one + '/' + name for name in ('_inprogress', 'json', 'layer', '_checksum',
                                  'ancestry')]
assert expected('GET', ancestry) == (
    [[('exists', mark), ('get_content', ancestry)]], None)
assert expected('GET', json) == (
    [[('exists', mark), ('get_content', json)],
     [('get_size', layer), ('get_content', checksum)]], None)
assert expected('PUT', layer) == (
    [[('get_content', json), ('exists', layer)]], None)
assert expected('PUT', one + '/checksum') == (
    [[('exists', json), ('exists', mark), ('get_content', checksum)]], None)
assert expected('PUT', json, data='{"parent": "%s"}' % two[7:]) == (
    [[('exists', two + '/json'), ('get_content', two + '/ancestry')]], None)
for data in '{}', '[]', '{"parent": 1}', 'no json', b'\xff':
    assert expected('PUT', json, data=data) == ([], None)
assert expected('GET', layer) == ([], layer)
assert expected('GET', layer, headers={'Range': 'bytes=0-'}) == ([], None)
for path in 'images/..%2f/layer', 'images/\xc3\xa9/layer', '_ping', 'nothing':
    assert expected('GET', path) == ([], None)
'''


@pytest.fixture
def asked(cluster):
    """Tell what is asked of Swift's objects meanwhile, in their order."""
    def asked(action, *arguments):
        seen = os.path.getsize(cluster.proxy.log)
        action(*arguments)
        with open(cluster.proxy.log, errors='replace') as log:
            log.seek(seen)
            return _REQUEST.findall(log.read())
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
    assert sorted(asked(other.get_json, image.id)) == [
        ('GET', '_checksum'), ('GET', 'json'), ('HEAD', '_inprogress'),
        ('HEAD', 'layer')]
    # Its size is known now, and with it its version.
    assert asked(other.get_layer, image.id, -1) == [
        ('HEAD', '_inprogress'), ('GET', 'layer')]


def test_requests_for_a_layer(asked, other, image):
    assert asked(other.get_layer, image.id, -1) == [
        ('HEAD', '_inprogress'), ('GET', 'layer')]
    # Of a part the registry wants to know first how large the whole is.
    part = asked(other.expect, 206, 'GET', '/v1/images/%s/layer' % image.id,
                 None, {'Range': 'bytes=0-9'})
    assert part[0] == ('HEAD', '_inprogress')
    assert set(part[1:-1]) <= {('HEAD', 'layer')}
    assert part[-1] == ('GET', 'layer')
