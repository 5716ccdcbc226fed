"""Ranges of layers, as RFC 9110 has them."""

import urllib.error
import urllib.request

import pytest

from stack.clients import v1client
from stack.servers import secrets

_KEY = secrets.of('TempURL')
#: A tar archive is a multiple of 10240 bytes; this one has three segments.
_SEGMENT_BYTES = 100000


@pytest.fixture(scope='module', params=['one object', 'segments', 'redirect'])
def served(request, start_registry, cluster):
    """A client of a registry, and an image that has been pushed."""
    settings = {}
    if request.param != 'one object':
        settings['swift_segment_size'] = _SEGMENT_BYTES
    if request.param == 'redirect':
        settings.update(storage_redirect=True, swift_temp_url_key=_KEY)
    running = start_registry(settings)
    if request.param == 'redirect':
        cluster.request('PUT', running.settings['swift_container'],
                        {'X-Container-Meta-Temp-URL-Key': _KEY})
    client = v1client.V1Client(running.port)
    image = v1client.make_image(layer_bytes=250000)
    client.push('library/range', [image])
    return client, image


def fetch(client, image, value):
    headers = {'Range': value}
    answer = client.request('GET', '/v1/images/%s/layer' % image.id,
                            headers=headers)
    if answer.status != 302:
        return answer
    try:
        with urllib.request.urlopen(urllib.request.Request(
                answer.headers['Location'], headers=headers)) as other:
            return v1client.Answer(other.status, other.headers, other.read())
    except urllib.error.HTTPError as error:
        return v1client.Answer(error.code, error.headers, error.read())


@pytest.mark.parametrize('value, first, last', [
    ('bytes=0-', 0, -1), ('bytes=10-', 10, -1), ('bytes=5-5', 5, 5),
    ('bytes=0-0', 0, 0), ('bytes=10-20', 10, 20), ('bytes=-1', -1, -1),
    ('bytes=-500', -500, -1), ('bytes=-99999999', 0, -1),
    ('bytes=99990-100010', 99990, 100010), ('bytes=10-99999999', 10, -1),
    ('bytes=10-' + 30 * '9', 10, -1),
    ('bytes=00000000000000000010-20', 10, 20)])
def test_part(served, value, first, last):
    client, image = served
    size = len(image.layer)
    first, last = first % size, last % size
    answer = fetch(client, image, value)
    assert answer.status == 206
    assert answer.headers['Content-Range'] == 'bytes %d-%d/%d' % (
        first, last, size)
    assert int(answer.headers['Content-Length']) == last - first + 1
    assert answer.body == image.layer[first:last + 1]


def test_end_that_is_one_byte_too_far(served):
    # So the docker engine resumes.
    client, image = served
    size = len(image.layer)
    answer = fetch(client, image, 'bytes=100-%d' % size)
    assert answer.status == 206
    assert answer.headers['Content-Range'] == 'bytes 100-%d/%d' % (
        size - 1, size)
    assert answer.body == image.layer[100:]


@pytest.mark.parametrize('beyond', ['bytes=%d-', 'bytes=%d-99999999'])
def test_outside(served, beyond):
    client, image = served
    size = len(image.layer)
    answer = fetch(client, image, beyond % size)
    assert answer.status == 416
    assert answer.headers['Content-Range'] == 'bytes */%d' % size


@pytest.mark.parametrize('value', [
    'bytes=-', 'bytes=a-b', 'bytes=9-5', 'lines=1-2', 'bytes'])
def test_malformed_is_ignored(served, value):
    client, image = served
    answer = fetch(client, image, value)
    assert (answer.status, answer.body) == (200, image.layer)


@pytest.mark.parametrize('if_range, status', [
    ('Thu, 01 Jan 1970 00:00:00 GMT', 206),  # as the answer has it
    ('Fri, 02 Jan 1970 00:00:00 GMT', 200), ('"another"', 200)])
def test_range_of_what_the_client_knows(client, if_range, status):
    image = v1client.make_image()
    client.push('library/if-range', [image])
    answer = client.request('GET', '/v1/images/%s/layer' % image.id, headers={
        'Range': 'bytes=5-9', 'If-Range': if_range})
    assert answer.status == status
    assert answer.body == (image.layer[5:10] if status == 206
                           else image.layer)


def test_head_has_no_range(client):
    image = v1client.make_image()
    client.push('library/head', [image])
    answer = client.request('HEAD', '/v1/images/%s/layer' % image.id,
                            headers={'Range': 'bytes=5-9'})
    assert answer.status == 200
    assert int(answer.headers['Content-Length']) == len(image.layer)


def test_layer_without_bytes(client):
    image = v1client.make_image()._replace(layer=b'')
    client.push('library/empty', [image])
    for value in ('bytes=0-', 'bytes=5-10', 'bytes=-1'):
        answer = fetch(client, image, value)
        assert answer.status == 416
        assert answer.headers['Content-Range'] == 'bytes */0'
