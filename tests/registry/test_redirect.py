"""storage_redirect: clients fetch layers at Swift itself."""

import urllib.error
import urllib.parse
import urllib.request

import pytest

from stack.clients import v1client
from stack.servers import secrets

_KEY = secrets.of('TempURL')
_SETTINGS = {'storage_redirect': True, 'swift_temp_url_key': _KEY,
             'swift_segment_size': 100000}


@pytest.fixture(scope='module')
def server(start_registry, cluster):
    running = start_registry(_SETTINGS)
    cluster.request('PUT', running.settings['swift_container'],
                    {'X-Container-Meta-Temp-URL-Key': _KEY})
    return running


#: One object, and a manifest with its segments.
_SIZES = pytest.mark.parametrize('layer_bytes', [50000, 300000])


@_SIZES
def test_pull(client, server, layer_bytes):
    image = v1client.make_image(layer_bytes=layer_bytes)
    client.push('library/redirect', [image])
    answer = client.request('GET', '/v1/images/%s/layer' % image.id)
    assert answer.status == 302
    assert answer.headers['Location'].startswith(
        server.settings['swift_authurl'].split('/auth')[0] + '/v1/AUTH_test/')
    assert client.pull('library/redirect') == [image]


@_SIZES
def test_url_opens_one_layer_for_reading(client, layer_bytes):
    images = [v1client.make_image(layer_bytes=layer_bytes) for _ in range(2)]
    for image in images:
        client.push_image(image)
    path = '/v1/images/%s/layer' % images[0].id
    url = client.request('GET', path).headers['Location']
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == images[0].layer
    for method, other in (('GET', url.replace(images[0].id, images[1].id)),
                          ('PUT', url), ('DELETE', url)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(
                other, method=method))
        assert refused.value.code == 401
    assert client.fetch(path).body == images[0].layer


def test_without_a_key_the_registry_serves_the_layer(start_registry):
    running = start_registry(dict(_SETTINGS, swift_temp_url_key=None))
    client = v1client.V1Client(running.port)
    image = v1client.make_image()
    client.push('library/plain', [image])
    answer = client.request('GET', '/v1/images/%s/layer' % image.id)
    assert (answer.status, answer.body) == (200, image.layer)


def test_absent_layer_is_404(client):
    assert client.request(
        'GET', '/v1/images/%s/layer' % ('0' * 64)).status == 404


def test_names_that_are_not_ascii(call_driver, cluster):
    container = urllib.parse.quote('b\xfccher')
    cluster.request('PUT', container, {'X-Container-Meta-Temp-URL-Key': _KEY})
    _, url = call_driver('registry', cluster.settings(
        swift_container='b\xfccher', storage_path='/b\xfccher',
        swift_temp_url_key=_KEY), [['stream_write', 'images/1/layer', '1'],
                                   ['content_redirect_url', 'images/1/layer']])
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b'1'
