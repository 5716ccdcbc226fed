"""The v2 API as a WSGI application, on real Swift."""

from concurrent import futures
import hashlib
import json
import sys
import time

import calls
import pytest
import relay
import v1_images
from werkzeug import test
from werkzeug import wrappers

from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift.client import breaker
from docker_registry.drivers.swift.v2 import api
from docker_registry.drivers.swift.v2 import assembly
from docker_registry.drivers.swift.v2 import engines
from docker_registry.drivers.swift.v2 import layout
from docker_registry.drivers.swift.v2 import repositories
from docker_registry.drivers.swift.v2 import settings

_LAYOUT = layout.Layout('/registry')
_DIGEST = v1_images.digest
_NOBODY = 'sha256:' + 64 * '0'


class Client(object):

    def __init__(self, application):
        self._client = test.Client(application, wrappers.Response)

    def ask(self, method, path, **headers):
        answer = self._client.open(path, method=method, headers=[
            (name.replace('_', '-'), value)
            for name, value in headers.items()])
        assert answer.headers['Docker-Distribution-Api-Version'] == (
            'registry/2.0')
        if method == 'HEAD':
            assert answer.data == b''
        elif answer.status_code in (200, 206):
            assert int(answer.headers['Content-Length']) == len(answer.data)
        return answer

    def get(self, path, **headers):
        return self.ask('GET', path, **headers)

    def refused(self, status, code, method, path, **headers):
        """Ask for what is refused; return the message."""
        answer = self.ask(method, path, **headers)
        assert answer.status_code == status, answer.data
        assert answer.headers['Content-Type'] == 'application/json'
        if method == 'HEAD':
            return None
        problem, = json.loads(answer.data.decode('utf-8'))['errors']
        assert problem['code'] == code
        return problem['message']


def application(storage, **options):
    return api.Application(repositories.in_container(
        storage.settings, storage.container), **options)


@pytest.fixture
def v1(storage):
    return v1_images.Images(storage)


@pytest.fixture
def client(storage):
    return Client(application(storage))


@pytest.fixture
def layer(v1):
    """A layer of an image with the tag library/x:latest."""
    layer = v1_images.tar(100000)
    v1.tag(v1.push([layer])[-1])
    return layer


def write(storage, object_name, content):
    storage._small_objects.write(object_name, content)


def test_version(client):
    for path in ('/v2/', '/v2'):
        assert client.get(path).status_code == 200
        assert client.ask('HEAD', path).status_code == 200


@pytest.mark.parametrize('name', ['x', 'library/x'])
def test_pull(client, layer, name):
    path = '/v2/%s/manifests/' % name
    head = client.ask('HEAD', path + 'latest')
    digest = head.headers['Docker-Content-Digest']
    for reference in ('latest', digest):
        answer = client.get(path + reference, Accept='text/plain')
        assert _DIGEST(answer.data) == digest
        for found in (head, answer):
            assert found.status_code == 200
            assert found.headers['Content-Type'] == (
                'application/vnd.docker.distribution.manifest.v2+json')
            assert found.headers['Docker-Content-Digest'] == digest
            assert found.headers['ETag'] == '"%s"' % digest
            assert found.headers['Content-Length'] == str(len(answer.data))
        for found in (client.get(path + reference, If_None_Match='"a", W/"%s"'
                                 % digest),
                      client.ask('HEAD', path + reference,
                                 If_None_Match='"%s"' % digest)):
            assert found.status_code == 304
            assert found.headers['Docker-Content-Digest'] == digest
    manifest = json.loads(answer.data.decode('ascii'))
    for blob in [manifest['config']] + manifest['layers']:
        path = '/v2/%s/blobs/%s' % (name, blob['digest'])
        answer = client.get(path)
        assert _DIGEST(answer.data) == blob['digest']
        for found in (answer, client.ask('HEAD', path)):
            assert found.status_code == 200
            assert found.headers['Content-Type'] == 'application/octet-stream'
            assert found.headers['Docker-Content-Digest'] == blob['digest']
            assert found.headers['ETag'] == '"%s"' % blob['digest']
            assert found.headers['Content-Length'] == str(blob['size'])
            assert found.headers['Accept-Ranges'] == 'bytes'
        assert client.get(path, If_None_Match='"%s"' % blob['digest']
                          ).status_code == 304
    assert answer.data == layer


@pytest.mark.once
def test_what_a_pull_asks_of_swift(client, layer, make_faulty, faults):
    digest = client.get('/v2/x/manifests/latest').headers[
        'Docker-Content-Digest']
    other = Client(application(make_faulty()))
    blob = '/v2/x/blobs/' + _DIGEST(layer)
    assert calls.counted(faults, other.ask, 'GET', blob) == 2
    for path, count in (('manifests/latest', 3),
                        ('manifests/' + digest, 3)):
        for method in ('HEAD', 'GET'):
            assert calls.counted(faults, other.ask, method,
                                 '/v2/x/' + path) == count
    # Who pushes is told whether there is the v1 layer that has its bytes.
    assert calls.counted(faults, other.ask, 'HEAD', blob) == 4


@pytest.mark.parametrize('value, first, last', [
    ('bytes=0-0', 0, 0), ('bytes=5-9', 5, 9), ('bytes=10-', 10, None),
    ('bytes=-7', -7, None), ('bytes=0-99999999', 0, None),
    ('bytes=-99999999', 0, None), ('bytes=0-1,5-6', None, None),
    # More digits than Python 3 reads.
    ('bytes=5-' + 5000 * '9', 5, None), ('bytes=-' + 5000 * '9', 0, None),
    ('lines=1-2', None, None), ('bytes=5-4', None, None)])
def test_range(client, layer, value, first, last):
    client.get('/v2/x/manifests/latest')
    answer = client.get('/v2/x/blobs/' + _DIGEST(layer), Range=value)
    if first is None:
        assert answer.status_code == 200 and answer.data == layer
        return
    assert answer.status_code == 206
    expected = layer[first:None if last is None else last + 1]
    assert answer.data == expected
    first %= len(layer)
    assert answer.headers['Content-Range'] == 'bytes %d-%d/%d' % (
        first, first + len(expected) - 1, len(layer))


def test_range_of_what_the_client_has_begun(client, layer):
    client.get('/v2/x/manifests/latest')
    for digest, status in ((_DIGEST(layer), 206), (_NOBODY, 200)):
        assert client.get(
            '/v2/x/blobs/' + _DIGEST(layer), Range='bytes=0-9',
            If_Range='"%s"' % digest).status_code == status


@pytest.mark.parametrize('value', ['bytes=999999-', 'bytes=-0'])
def test_range_outside_the_blob(client, layer, value):
    client.get('/v2/x/manifests/latest')
    path = '/v2/x/blobs/' + _DIGEST(layer)
    client.refused(416, 'RANGE_INVALID', 'GET', path, Range=value)
    assert client.get(path, Range=value).headers['Content-Range'] == (
        'bytes */%d' % len(layer))


@pytest.mark.parametrize('method', ['GET', 'HEAD'])
@pytest.mark.parametrize('path, status, code', [
    ('x/manifests/nothing', 404, 'MANIFEST_UNKNOWN'),
    ('x/manifests/.INVALID', 404, 'MANIFEST_UNKNOWN'),
    ('x/manifests/' + _NOBODY, 404, 'MANIFEST_UNKNOWN'),
    ('x/manifests/sha256:0', 400, 'DIGEST_INVALID'),
    ('x/blobs/' + _NOBODY, 404, 'BLOB_UNKNOWN'),
    ('x/blobs/nothing', 400, 'DIGEST_INVALID'),
    ('x/blobs/sha256:..%2F..', 404, 'UNSUPPORTED'),
    ('x/referrers/nothing', 400, 'DIGEST_INVALID'),
    ('x/tags/list', 404, 'NAME_UNKNOWN'),
    ('X/tags/list', 400, 'NAME_INVALID'),
    ('a/../b/tags/list', 400, 'NAME_INVALID'),
    ('%C3%A9/manifests/latest', 400, 'NAME_INVALID'),
    ('a%0Ab/manifests/latest', 400, 'NAME_INVALID'),
    ('x/tags/list?n=many', 400, 'PAGINATION_NUMBER_INVALID'),
    ('_catalog?n=-1', 400, 'PAGINATION_NUMBER_INVALID'),
    ('x', 404, 'UNSUPPORTED'), ('x/', 404, 'UNSUPPORTED'),
    ('x/manifests/', 404, 'UNSUPPORTED')])
def test_refusals(client, method, path, status, code):
    client.refused(status, code, method, '/v2/' + path)


@pytest.mark.parametrize('method', ['POST', 'PUT', 'PATCH', 'DELETE'])
@pytest.mark.parametrize('path', [
    '/v2/', '/v2/_catalog', '/v2/x/manifests/latest', '/v2/x/blobs/' + _NOBODY,
    '/v2/x/blobs/uploads/'])
def test_pushes_are_refused(client, method, path):
    client.refused(405, 'UNSUPPORTED', method, path)


def test_blob_of_another_repository(client, v1, layer):
    client.get('/v2/x/manifests/latest')
    client.refused(404, 'BLOB_UNKNOWN', 'GET', '/v2/y/blobs/' + _DIGEST(layer))


def test_lists(client, v1):
    assert json.loads(client.get('/v2/_catalog').data.decode()) == {
        'repositories': []}
    image_id = v1.push([v1_images.tar(1)])[-1]
    for repository in ('library/x', 'a/b%252Fc', 'a/d'):
        v1.tag(image_id, repository)
    for tag in ('1.0', 'A'):
        v1.tag(image_id, tag=tag)
    assert json.loads(client.get('/v2/_catalog').data.decode()) == {
        'repositories': ['a/b/c', 'a/d', 'x']}
    answer = client.get('/v2/_catalog?n=2')
    assert json.loads(answer.data.decode()) == {
        'repositories': ['a/b/c', 'a/d']}
    assert answer.headers['Link'] == (
        '</v2/_catalog?last=a%2Fd&n=2>; rel="next"')
    answer = client.get('/v2/_catalog?n=2&last=a/d')
    assert json.loads(answer.data.decode()) == {'repositories': ['x']}
    assert 'Link' not in answer.headers
    answer = client.get('/v2/library/x/tags/list')
    assert json.loads(answer.data.decode()) == {
        'name': 'library/x', 'tags': ['1.0', 'A', 'latest']}
    answer = client.get('/v2/x/tags/list?n=1&last=1.0')
    assert json.loads(answer.data.decode()) == {'name': 'x', 'tags': ['A']}
    assert answer.headers['Link'] == (
        '</v2/x/tags/list?last=A&n=1>; rel="next"')
    assert json.loads(client.get('/v2/x/tags/list?n=0').data.decode()) == {
        'name': 'x', 'tags': []}
    answer = client.get('/v2/x/tags/list?n=%d' % (10 ** 30))
    assert json.loads(answer.data.decode())['tags'] == ['1.0', 'A', 'latest']
    assert json.loads(client.get('/v2/x/tags/list?last=z').data.decode()) == {
        'name': 'x', 'tags': []}


def test_no_referrers(client):
    answer = client.get('/v2/x/referrers/' + _NOBODY)
    assert answer.status_code == 200
    assert answer.headers['Content-Type'] == (
        'application/vnd.oci.image.index.v1+json')
    assert json.loads(answer.data.decode())['manifests'] == []


_OCI = 'application/vnd.oci.image.'


@pytest.mark.parametrize('content, kind', [
    (b'{\n  "schemaVersion": 2, "mediaType": "%sindex.v1+json" }'
     % _OCI.encode(), _OCI + 'index.v1+json'),
    (b'{"schemaVersion": 2, "config": {}}', _OCI + 'manifest.v1+json'),
    (b'{"schemaVersion": 2, "manifests": []}', _OCI + 'index.v1+json'),
    (b'{"mediaType": "bad\\r\\nX-Evil: 1"}', _OCI + 'manifest.v1+json'),
    (b'{"schemaVersion": 1, "signatures": []}',
     'application/vnd.docker.distribution.manifest.v1+prettyjws'),
    (b'[]', 'application/octet-stream'), (b'\xff', 'application/octet-stream'),
    (100000 * b'[', 'application/octet-stream')])
def test_pushed_manifests_as_they_are(client, storage, content, kind):
    for algorithm in ('sha256', 'sha512'):
        digest = '%s:%s' % (algorithm, hashlib.new(
            algorithm, content).hexdigest())
        write(storage, _LAYOUT.blob(digest), content)
        write(storage, _LAYOUT.revision_link('a/b', digest), digest.encode())
        write(storage, _LAYOUT.tag_link('a/b', 'v1'), digest.encode())
        for reference in ('v1', digest):
            answer = client.get('/v2/a/b/manifests/' + reference)
            assert answer.data == content
            assert answer.headers['Content-Type'] == kind


def test_damaged_image_is_named(client, v1):
    image_id = v1.push([v1_images.gzipped(v1_images.tar(1))[:-5]])[-1]
    v1.tag(image_id)
    assert image_id in client.refused(400, 'MANIFEST_INVALID', 'GET',
                                      '/v2/x/manifests/latest')
    client.refused(400, 'MANIFEST_INVALID', 'HEAD', '/v2/x/manifests/latest')


def test_image_that_is_being_pushed(client, v1, storage):
    image_id = v1.push([v1_images.tar(1)])[-1]
    storage.put_content('images/%s/_inprogress' % image_id, b'true')
    v1.tag(image_id)
    assert image_id in client.refused(404, 'MANIFEST_UNKNOWN', 'GET',
                                      '/v2/x/manifests/latest')


@pytest.mark.parametrize('path', [
    'x/manifests/latest', 'x/manifests/{digest}', 'x/blobs/{layer}',
    'x/referrers/{digest}', 'x/tags/list', '_catalog'])
@pytest.mark.parametrize('method', ['GET', 'HEAD'])
def test_outage(client, layer, make_storage, faults, path, method):
    digest = client.get('/v2/x/manifests/latest').headers[
        'Docker-Content-Digest']
    away = Client(application(make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_retries=0)))
    path = '/v2/' + path.format(digest=digest, layer=_DIGEST(layer))
    assert away.ask(method, path).status_code == 200
    for swift_method in ('GET', 'HEAD'):
        for _ in range(20):
            faults.inject(relay.status(503, {'Retry-After': '7'}),
                          swift_method)
    message = away.refused(503, 'UNAVAILABLE', method, path)
    assert method == 'HEAD' or 'does not answer' in message
    assert away.ask(method, path).headers['Retry-After'].isdigit()


def test_lists_of_a_swift_that_is_silent(layer, make_storage, faults,
                                         monkeypatch):
    """They fail at once, while a pull waits for Swift."""
    monkeypatch.setattr(breaker, '_SILENCE_SECONDS', 0)
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_retry_delay=0.02)
    client = Client(assembly.application(
        storage.contents, settings.parse({'swift_v2': {'enabled': True}}),
        False, lambda: None))
    lists = ['/v2/x/tags/list', '/v2/_catalog']
    for path in lists:
        assert client.get(path).status_code == 200
    for method in 'GET', 'HEAD':
        faults.inject(relay.drop(), method, times=1000)
    with pytest.raises(errors.UnreachableError):
        storage.exists('a')
    started = time.time()
    for path in lists:
        client.refused(503, 'UNAVAILABLE', 'GET', path)
    assert time.time() - started < 30  # and not swift_timeout, twice
    with futures.ThreadPoolExecutor(1) as executor:
        pull = executor.submit(client.get, '/v2/x/manifests/latest')
        time.sleep(2)
        assert not pull.done()
        faults._rules = []
        assert pull.result().status_code == 200


def test_read_that_breaks_off_ends_short(layer, client, make_storage, faults):
    client.get('/v2/x/manifests/latest')
    broken = test.Client(application(make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_retries=0)), wrappers.Response)
    path = '/v2/x/blobs/' + _DIGEST(layer)
    assert broken.get(path).data == layer
    faults.inject(relay.cut(70000), 'GET', '/data')
    with pytest.raises(IOError):
        broken.get(path).data


def test_unavailable(storage):
    client = Client(application(storage, unavailable=lambda: 'away'))
    assert client.refused(503, 'UNAVAILABLE', 'GET', '/v2/') == 'away'


def test_answers_are_counted(storage):
    found = application(storage)
    client = Client(found)
    client.get('/v2/')
    client.get('/v2/x/manifests/latest')
    client.get('/v2/')
    assert dict(found.answers) == {200: 2, 404: 1}


@pytest.fixture
def restless():
    """Let threads take turns all the time, where Python can."""
    if not hasattr(sys, 'setswitchinterval'):  # Python 2
        yield
        return
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures('restless')
def test_answers_are_counted_by_threads():
    found = api.Application(None)

    def ask(_):
        for _ in range(500):
            test.Client(found).get('/v2/')
    with futures.ThreadPoolExecutor(4) as executor:
        list(executor.map(ask, range(4)))
    assert dict(found.answers) == {200: 2000}


def test_redirect(storage, layer, secret_of, make_storage):
    key = secret_of('TempURL')
    storage.container.post({'X-Container-Meta-Temp-URL-Key': key})
    client = Client(application(storage, redirects=True))
    digest = client.get('/v2/x/manifests/latest').headers[
        'Docker-Content-Digest']
    assert client.get('/v2/x/manifests/' + digest).status_code == 200
    path = '/v2/x/blobs/' + _DIGEST(layer)
    answer = client.get(path)
    assert answer.status_code == 307
    assert answer.headers['Location'].startswith('http://127.0.0.1:')
    assert _LAYOUT.blob(_DIGEST(layer)) in answer.headers['Location']
    assert answer.headers['Docker-Content-Digest'] == _DIGEST(layer)
    assert client.ask('HEAD', path).status_code == 200
    client.refused(404, 'BLOB_UNKNOWN', 'GET', '/v2/y/blobs/' + _NOBODY)
    # Where nothing can be signed, the registry serves it.
    storage.container.post({'X-Container-Meta-Temp-URL-Key': ''})
    other = Client(application(make_storage(), redirects=True))
    assert other.get(path).data == layer


@pytest.mark.parametrize('user_agent, without_pushes, with_pushes', [
    ('docker/1.5.0 go/go1.3.3', True, True),
    ('docker/1.6.2 go/go1.4.2', True, True),
    ('docker/1.9.1 go/go1.4.2 os/linux', True, True),
    ('docker/1.10.0', True, False),
    ('docker/1.13.1 go/go1.7.5', True, False),
    ('docker/17.03.0-ce', True, False),
    ('docker/17.11.0-ce go/go1.8.3', True, False),
    ('docker/17.12.0-ce', False, False), ('docker/18.09.1', False, False),
    ('docker/20.10.24+dfsg1 go/go1.19.8', False, False),
    ('docker/dev', False, False), ('containers/5.23.1', False, False),
    ('containerd/1.6.20', False, False), ('skopeo/1.9.3', False, False),
    ('', False, False), (None, False, False),
    ('Mozilla/5.0 docker/1.5', False, False)])
def test_engines_that_need_v1(user_agent, without_pushes, with_pushes):
    assert engines.needs_v1(user_agent, False) == without_pushes
    assert engines.needs_v1(user_agent, True) == with_pushes
