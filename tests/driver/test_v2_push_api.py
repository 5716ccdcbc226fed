"""The v2 API as far as it writes, as a WSGI application on real Swift."""

import hashlib
import io
import json
import os
import threading

import pytest
import relay
import v1_images
from werkzeug import test
from werkzeug import wrappers

from docker_registry.drivers.swift.v2 import api
from docker_registry.drivers.swift.v2 import layout
from docker_registry.drivers.swift.v2 import manifests
from docker_registry.drivers.swift.v2 import push_api
from docker_registry.drivers.swift.v2 import pushes
from docker_registry.drivers.swift.v2 import repositories
from docker_registry.drivers.swift.v2 import store

_LAYOUT = layout.Layout('/registry')
_DIGEST = v1_images.digest
_NOBODY = 'sha256:' + 64 * '0'
_DOCKER = 'application/vnd.docker.distribution.manifest.v2+json'
_OCI = 'application/vnd.oci.image.manifest.v1+json'
_INDEX = 'application/vnd.oci.image.index.v1+json'


class Client(object):

    def __init__(self, storage, deletes=True):
        found = repositories.in_container(storage.settings, storage.container)
        self._client = test.Client(api.Application(
            found, pushes=push_api.in_container(
                storage.settings, storage.container, found, deletes)),
            wrappers.Response)

    def ask(self, method, path, content=None, **headers):
        """Send a request; with `chunks=True` its length is not said."""
        options = {}
        if headers.pop('chunks', False):
            options = {'input_stream': io.BytesIO(content), 'environ_base': {
                'HTTP_TRANSFER_ENCODING': 'chunked'}}
            content = None
        answer = self._client.open(path, method=method, data=content, headers=[
            (name.replace('_', '-'), str(value))
            for name, value in headers.items()], **options)
        assert answer.headers['Docker-Distribution-Api-Version'] == (
            'registry/2.0')
        return answer

    def expect(self, status, method, path, content=None, **headers):
        answer = self.ask(method, path, content, **headers)
        assert answer.status_code == status, answer.data
        return answer

    def refused(self, status, code, method, path, content=None, **headers):
        """Ask for what is refused; return the answer."""
        answer = self.expect(status, method, path, content, **headers)
        problem, = json.loads(answer.data.decode('utf-8'))['errors']
        assert problem['code'] == code
        return answer

    def start(self, name='a/b'):
        answer = self.expect(202, 'POST', '/v2/%s/blobs/uploads/' % name)
        assert answer.headers['Range'] == '0-0'
        location = answer.headers['Location']
        assert location.startswith('/v2/%s/blobs/uploads/%s' % (
            name, answer.headers['Docker-Upload-UUID']))
        return location

    def push_blob(self, content, name='a/b'):
        self.expect(201, 'PUT', '%s?digest=%s' % (
            self.start(name), _DIGEST(content)), content)
        return {'digest': _DIGEST(content), 'size': len(content),
                'mediaType': 'application/octet-stream'}

    def push(self, name='a/b', tag='latest', media_type=_DOCKER, layers=None,
             **fields):
        """Push an image; return the content of its manifest."""
        layers = [os.urandom(10)] if layers is None else layers
        content = json.dumps(dict(
            fields, schemaVersion=2, mediaType=media_type,
            config=self.push_blob(os.urandom(5), name),
            layers=[self.push_blob(layer, name) for layer in layers]),
            indent=3).encode()
        self.put_manifest(content, name, tag, media_type)
        return content

    def put_manifest(self, content, name='a/b', tag=None, media_type=_OCI):
        answer = self.expect(
            201, 'PUT', '/v2/%s/manifests/%s' % (
                name, tag or _DIGEST(content)), content,
            Content_Type=media_type)
        assert answer.headers['Docker-Content-Digest'] == _DIGEST(content)
        assert answer.headers['Location'] == '/v2/%s/manifests/%s' % (
            name, _DIGEST(content))
        return answer


@pytest.fixture
def client(storage):
    return Client(storage)


@pytest.fixture
def listed(storage):
    return lambda: [entry['name'] for entry in storage.container.list('')]


@pytest.fixture
def in_pairs(monkeypatch):
    """Have a method of the Store go on when a second thread calls it, too."""
    def patch(name):
        barrier = threading.Barrier(2, timeout=60)
        method = getattr(store.Store, name)
        monkeypatch.setattr(store.Store, name, lambda *arguments: (
            barrier.wait(), method(*arguments))[1])
    return patch


def push_cache(client, layers, name='a/b', tag='cache'):
    """Push what BuildKit exports.

    :returns: the index, whose manifests are layers
    """
    content = json.dumps({
        'schemaVersion': 2, 'mediaType': _INDEX, 'manifests': [
            dict(client.push_blob(layer, name),
                 mediaType='application/vnd.oci.image.layer.v1.tar+gzip',
                 annotations={'containerd.io/uncompressed': _NOBODY})
            for layer in layers]}).encode()
    client.put_manifest(content, name, tag, _INDEX)
    return content


def digest_of(client, name, tag):
    return client.expect(200, 'HEAD', '/v2/%s/manifests/%s' % (
        name, tag)).headers['Docker-Content-Digest']


@pytest.mark.parametrize('chunks', [True, False])
def test_docker_pushes(client, chunks):
    content = os.urandom(3000000)
    location = client.start()
    answer = client.expect(202, 'PATCH', location, content, chunks=chunks)
    assert answer.headers['Range'] == '0-2999999'
    newest = answer.headers['Location']
    uuid = answer.headers['Docker-Upload-UUID']
    for found in (location, newest, '/v2/a/b/blobs/uploads/' + uuid):
        for method in ('GET', 'HEAD'):
            status = client.expect(204, method, found)
            assert status.headers['Range'] == '0-2999999'
            assert status.headers['Location'] == newest
    answer = client.expect(201, 'PUT', '%s?digest=%s' % (
        newest, _DIGEST(content)), b'')
    assert answer.headers['Docker-Content-Digest'] == _DIGEST(content)
    assert answer.headers['Location'] == '/v2/a/b/blobs/' + _DIGEST(content)
    assert client.expect(200, 'GET', answer.headers['Location']
                         ).data == content
    client.refused(404, 'BLOB_UPLOAD_UNKNOWN', 'GET', newest)


def test_upload_without_a_byte(client, listed):
    before = listed()
    location = client.start()
    assert client.expect(204, 'GET', location).headers['Range'] == '0-0'
    assert listed() == before
    # No bytes show that it was begun.
    client.refused(404, 'BLOB_UPLOAD_UNKNOWN', 'GET',
                   location.rpartition('.')[0])
    client.expect(204, 'DELETE', location)
    for method, path in (
            ('GET', location), ('PATCH', location), ('DELETE', location),
            ('PUT', '%s?digest=%s' % (location, _DIGEST(b'some')))):
        client.refused(404, 'BLOB_UPLOAD_UNKNOWN', method, path, b'some')
    client.refused(404, 'BLOB_UNKNOWN', 'GET',
                   '/v2/a/b/blobs/' + _DIGEST(b'some'))


def test_pieces_with_ranges(client):
    location = client.start()
    for start in (0, 4):
        answer = client.expect(
            202, 'PATCH', location, b'abcd',
            Content_Range='%d-%d' % (start, start + 3))
        location = answer.headers['Location']
        assert answer.headers['Range'] == '0-%d' % (start + 3)
    for value in ('0-3', '9-12', '4-7', 'x', '5-3', 'bytes'):
        answer = client.refused(416, 'RANGE_INVALID', 'PATCH', location,
                                b'abcd', Content_Range=value)
    answer = client.refused(416, 'RANGE_INVALID', 'PATCH', location, b'abcd',
                            Content_Range='0-3')
    assert answer.headers['Range'] == '0-7'
    assert answer.headers['Location'] == location
    for chunks in (True, False):
        client.refused(400, 'SIZE_INVALID', 'PATCH', location, b'abcd',
                       Content_Range='8-20', chunks=chunks)
    assert client.expect(204, 'GET', location).headers['Range'] == '0-7'
    client.expect(201, 'PUT', '%s?digest=%s' % (
        location, _DIGEST(b'abcdabcdxy')), b'xy', Content_Range='8-9')


def test_blob_in_one_request(client):
    client.expect(201, 'POST', '/v2/a/blobs/uploads/?digest=' + _DIGEST(b'x'),
                  b'x')
    client.expect(201, 'POST', '/v2/a/blobs/uploads?digest=' + _DIGEST(b''))
    for content in (b'', b'x'):
        assert client.expect(200, 'GET', '/v2/a/blobs/' + _DIGEST(content)
                             ).data == content
    client.refused(400, 'DIGEST_INVALID', 'POST',
                   '/v2/a/blobs/uploads/?digest=' + _NOBODY, b'x')
    client.refused(404, 'BLOB_UNKNOWN', 'GET', '/v2/a/blobs/' + _NOBODY)


def test_body_that_ends_early(client, listed):
    location = client.start()
    before = listed()
    for method, path in (
            ('PATCH', location),
            ('PUT', '%s?digest=%s' % (location, _DIGEST(b'abc'))),
            ('PUT', '/v2/a/b/manifests/latest')):
        answer = client._client.open(
            path, method=method, input_stream=io.BytesIO(b'abc'),
            environ_overrides={'CONTENT_LENGTH': '4'})
        assert answer.status_code == 400
        assert b'SIZE_INVALID' in answer.data
    assert listed() == before


def test_mount(client):
    digest = client.push_blob(b'some')['digest']
    path = '/v2/other/blobs/uploads/?mount=%s&from=' % digest
    answer = client.expect(201, 'POST', path + 'a/b')
    assert answer.headers['Location'] == '/v2/other/blobs/' + digest
    assert client.expect(200, 'GET', '/v2/other/blobs/' + digest
                         ).data == b'some'
    for source in ('none', 'IN//VALID', ''):
        answer = client.expect(202, 'POST', path.replace('other', 'third')
                               + source)
        client.expect(204, 'DELETE', answer.headers['Location'])
        client.refused(404, 'BLOB_UPLOAD_UNKNOWN', 'GET',
                       answer.headers['Location'])
    client.refused(404, 'BLOB_UNKNOWN', 'GET', '/v2/third/blobs/' + digest)


@pytest.mark.parametrize('method, path, status, code', [
    ('PUT', '{upload}', 400, 'DIGEST_INVALID'),
    ('PUT', '{upload}?digest=md5:0', 400, 'DIGEST_INVALID'),
    ('PUT', '{upload}?digest=' + _NOBODY, 400, 'DIGEST_INVALID'),
    ('POST', '/v2/a/blobs/uploads/?digest=x', 400, 'DIGEST_INVALID'),
    ('POST', '/v2/A/blobs/uploads/', 400, 'NAME_INVALID'),
    ('PATCH', '/v2/a/blobs/uploads/x', 404, 'BLOB_UPLOAD_UNKNOWN'),
    ('PATCH', '/v2/a/blobs/uploads/' + 32 * '0', 404, 'BLOB_UPLOAD_UNKNOWN'),
    ('GET', '/v2/a/blobs/uploads/%s.7' % (32 * '0'), 404,
     'BLOB_UPLOAD_UNKNOWN'),
    ('GET', '/v2/a/blobs/uploads/', 405, 'UNSUPPORTED'),
    ('POST', '{upload}', 405, 'UNSUPPORTED'),
    ('POST', '/v2/a/b/manifests/latest', 405, 'UNSUPPORTED'),
    ('PUT', '/v2/a/b/blobs/' + _NOBODY, 405, 'UNSUPPORTED'),
    ('POST', '/v2/a/b/tags/list', 405, 'UNSUPPORTED'),
    ('PUT', '/v2/a/b/referrers/' + _NOBODY, 405, 'UNSUPPORTED'),
    ('PUT', '/v2/a/b/manifests/sha256:0', 400, 'DIGEST_INVALID'),
    ('PUT', '/v2/a/b/manifests/.x', 400, 'TAG_INVALID'),
    ('DELETE', '/v2/a/b/manifests/none', 404, 'MANIFEST_UNKNOWN'),
    ('DELETE', '/v2/a/b/manifests/' + _NOBODY, 404, 'MANIFEST_UNKNOWN'),
    ('DELETE', '/v2/a/b/blobs/' + _NOBODY, 404, 'BLOB_UNKNOWN')])
def test_refusals(client, method, path, status, code):
    client.refused(status, code, method,
                   path.format(upload=client.start()), b'some')


@pytest.mark.parametrize('path, methods', [
    ('', 'GET, HEAD'), ('_catalog', 'GET, HEAD'),
    ('a/tags/list', 'GET, HEAD'), ('a/referrers/' + _NOBODY, 'GET, HEAD'),
    ('a/manifests/b', 'DELETE, GET, HEAD, PUT'),
    ('a/blobs/' + _NOBODY, 'DELETE, GET, HEAD'),
    ('a/blobs/uploads/', 'POST')])
def test_methods(client, path, methods):
    """OPTIONS says which there are, as registry:2 does: browsers ask."""
    answer = client.expect(200, 'OPTIONS', '/v2/' + path)
    assert (answer.data, answer.headers['Allow']) == (b'', methods)
    answer = client.refused(405, 'UNSUPPORTED', 'TRACE', '/v2/' + path)
    assert b'not a method of this path' in answer.data


@pytest.mark.parametrize('media_type', [_DOCKER, _OCI])
def test_image(client, media_type):
    content = client.push(media_type=media_type)
    for reference in ('latest', _DIGEST(content)):
        answer = client.expect(200, 'GET', '/v2/a/b/manifests/' + reference)
        assert answer.data == content
        assert answer.headers['Content-Type'] == media_type
    assert json.loads(client.expect(200, 'GET', '/v2/a/b/tags/list').data
                      .decode()) == {'name': 'a/b', 'tags': ['latest']}
    assert json.loads(client.expect(200, 'GET', '/v2/_catalog').data
                      .decode()) == {'repositories': ['a/b']}


def test_index_and_sha512(client):
    child = client.push(tag=None, media_type=_OCI)
    index = json.dumps({'schemaVersion': 2, 'mediaType': _INDEX, 'manifests': [
        {'mediaType': _OCI, 'digest': _DIGEST(child), 'size': len(child),
         'platform': {'os': 'linux', 'architecture': 'amd64'}}]}).encode()
    client.put_manifest(index, tag='multi', media_type=_INDEX)
    answer = client.expect(200, 'GET', '/v2/a/b/manifests/multi')
    assert (answer.data, answer.headers['Content-Type']) == (index, _INDEX)
    client.refused(400, 'MANIFEST_BLOB_UNKNOWN', 'PUT',
                   '/v2/other/manifests/multi', index, Content_Type=_INDEX)
    digest = 'sha512:' + hashlib.sha512(child).hexdigest()
    answer = client.expect(201, 'PUT', '/v2/a/b/manifests/' + digest, child,
                           Content_Type=_OCI)
    assert answer.headers['Docker-Content-Digest'] == digest
    assert client.expect(200, 'GET', '/v2/a/b/manifests/' + digest
                         ).data == child
    client.refused(400, 'DIGEST_INVALID', 'PUT', '/v2/a/b/manifests/'
                   + _NOBODY, child, Content_Type=_OCI)


def test_cache_of_buildkit(client):
    index = push_cache(client, [b'some', b'other'])
    assert client.expect(200, 'GET', '/v2/a/b/manifests/cache').data == index
    client.refused(400, 'MANIFEST_BLOB_UNKNOWN', 'PUT',
                   '/v2/other/manifests/cache', index, Content_Type=_INDEX)


def test_missing_blobs(client, listed):
    content = json.loads(client.push(tag='good').decode())
    foreign = {'digest': _NOBODY, 'size': 1, 'urls': ['http://a/'],
               'mediaType': 'application/vnd.docker.image.rootfs.foreign'
                            '.diff.tar.gzip'}
    missing = dict(foreign, urls=[], mediaType='application/x')
    client.put_manifest(json.dumps(dict(
        content, layers=[foreign])).encode(), media_type=_DOCKER)
    before = listed()
    for changes in ({'layers': [missing]}, {'config': missing}):
        answer = client.refused(
            400, 'MANIFEST_BLOB_UNKNOWN', 'PUT', '/v2/a/b/manifests/bad',
            json.dumps(dict(content, **changes)).encode(),
            Content_Type=_DOCKER)
        assert _NOBODY.encode() in answer.data
    # Another repository has them.
    client.refused(
        400, 'MANIFEST_BLOB_UNKNOWN', 'PUT', '/v2/other/manifests/bad',
        json.dumps(content).encode(), Content_Type=_DOCKER)
    assert listed() == before


def test_blobs_that_garbage_collection_has_removed(client, storage,
                                                   monkeypatch):
    content = client.push()
    # As if it had been pushed long ago.
    monkeypatch.setattr(pushes, '_FRESH_SECONDS', -10)
    client.put_manifest(content, tag='again', media_type=_DOCKER)
    layer = json.loads(content.decode())['layers'][0]['digest']
    storage.container.delete(_LAYOUT.blob(layer))
    client.refused(400, 'MANIFEST_BLOB_UNKNOWN', 'PUT',
                   '/v2/a/b/manifests/again', content, Content_Type=_DOCKER)


_BLOB = {'digest': _NOBODY, 'size': 1, 'mediaType': 'text/plain'}
_GOOD = {'schemaVersion': 2, 'mediaType': _OCI, 'config': _BLOB, 'layers': []}


def changed(**changes):
    return json.dumps(dict(_GOOD, **changes)).encode()


@pytest.mark.once
@pytest.mark.parametrize('content', [
    b'', b'{', b'[]', b'null', b'7', b'\xff\xfe', b'{"schemaVersion": 2}',
    100000 * b'[', b'{"a":' * 50000, b'{"schemaVersion":' + 100000 * b'9',
    b'{"schemaVersion": NaN}', changed(schemaVersion=1),
    changed(schemaVersion='2'), changed(schemaVersion=True),
    changed(mediaType='text/plain'), changed(mediaType=7),
    changed(mediaType=_DOCKER), changed(config=None), changed(config=[]),
    changed(layers=None), changed(layers={}), changed(layers=[7]),
    changed(layers=[{}]), changed(layers=[dict(_BLOB, size=-1)]),
    changed(layers=[dict(_BLOB, size=1.5)]),
    changed(layers=[dict(_BLOB, size=True)]),
    changed(layers=[dict(_BLOB, digest='sha256:../..')]),
    changed(layers=[dict(_BLOB, mediaType=None)]),
    changed(manifests=[]), changed(subject=7), changed(subject={}),
    changed(subject=dict(_BLOB, digest='x')), changed(annotations=[]),
    changed(annotations={'a': 7}), changed(artifactType=[])])
def test_bad_manifests(client, listed, content):
    client.refused(400, 'MANIFEST_INVALID', 'PUT', '/v2/a/manifests/bad',
                   content, Content_Type=_OCI)
    assert listed() == []


def test_manifests_up_to_4_mib(client, listed):
    content = client.push(annotations={'a': 'x' * (manifests.MAX_BYTES
                                                   - 10000)})
    padded = content + (manifests.MAX_BYTES - len(content)) * b' '
    client.put_manifest(padded, tag='large', media_type=_DOCKER)
    assert client.expect(200, 'GET', '/v2/a/b/manifests/large'
                         ).data == padded
    before = listed()
    for chunks in (True, False):
        client.refused(413, 'MANIFEST_INVALID', 'PUT',
                       '/v2/a/b/manifests/larger', padded + b' ',
                       Content_Type=_DOCKER, chunks=chunks)
    assert listed() == before


def test_last_push_of_a_tag_wins(client, storage):
    v1 = v1_images.Images(storage)
    layers = [v1_images.tar(10) for _ in range(2)]
    v1.tag(v1.push([layers[0]])[-1], 'a/b')
    first = digest_of(client, 'a/b', 'latest')
    content = client.push()
    assert digest_of(client, 'a/b', 'latest') == _DIGEST(content)
    v1.tag(v1.push([layers[1]])[-1], 'a/b')
    third = digest_of(client, 'a/b', 'latest')
    assert third not in (first, _DIGEST(content))
    client.put_manifest(content, tag='latest', media_type=_DOCKER)
    assert digest_of(client, 'a/b', 'latest') == _DIGEST(content)


def test_removal_of_tags(client, storage, listed):
    v1 = v1_images.Images(storage)
    image_id = v1.push([v1_images.tar(10)])[-1]
    for tag in ('latest', 'old'):
        v1.tag(image_id, 'a/b', tag)
    old = digest_of(client, 'a/b', 'old')
    content = client.push()
    client.push(tag='other')
    # Nor does the older one of v1 come back.
    for tag in ('latest', 'old'):
        client.expect(202, 'DELETE', '/v2/a/b/manifests/' + tag)
        client.refused(404, 'MANIFEST_UNKNOWN', 'DELETE',
                       '/v2/a/b/manifests/' + tag)
        client.expect(404, 'GET', '/v2/a/b/manifests/' + tag)
    for digest in (old, _DIGEST(content)):
        client.expect(200, 'GET', '/v2/a/b/manifests/' + digest)
    assert json.loads(client.expect(200, 'GET', '/v2/a/b/tags/list').data
                      .decode())['tags'] == ['other']
    assert not [name for name in listed() if '/tags/latest/' in name]


def test_removal_of_manifests(client, storage):
    v1 = v1_images.Images(storage)
    v1.tag(v1.push([v1_images.tar(10)])[-1], 'a/b', 'v1')
    for digest in (digest_of(client, 'a/b', 'v1'), _DIGEST(client.push())):
        client.put_manifest(client.expect(
            200, 'GET', '/v2/a/b/manifests/' + digest).data, tag='again',
            media_type=_DOCKER)
        client.expect(202, 'DELETE', '/v2/a/b/manifests/' + digest)
        for reference in (digest, 'v1', 'again'):
            client.expect(404, 'GET', '/v2/a/b/manifests/' + reference)
        client.refused(404, 'MANIFEST_UNKNOWN', 'DELETE',
                       '/v2/a/b/manifests/' + digest)
    client.refused(404, 'NAME_UNKNOWN', 'GET', '/v2/a/b/tags/list')


@pytest.mark.once
def test_tags_of_a_manifest_are_removed_at_once(client, in_pairs):
    content = client.push(tag='one')
    client.put_manifest(content, tag='two', media_type=_DOCKER)
    in_pairs('remove_tag_link')
    client.expect(202, 'DELETE', '/v2/a/b/manifests/' + _DIGEST(content))
    client.refused(404, 'NAME_UNKNOWN', 'GET', '/v2/a/b/tags/list')


def test_removal_of_blobs(client):
    digest = client.push_blob(b'some')['digest']
    client.push_blob(b'some', 'other')
    client.expect(202, 'DELETE', '/v2/a/b/blobs/' + digest)
    client.refused(404, 'BLOB_UNKNOWN', 'DELETE', '/v2/a/b/blobs/' + digest)
    client.refused(404, 'BLOB_UNKNOWN', 'GET', '/v2/a/b/blobs/' + digest)
    client.expect(200, 'GET', '/v2/other/blobs/' + digest)


def test_removal_has_to_be_enabled(storage):
    client = Client(storage, deletes=False)
    content = client.push()
    for path in ('manifests/latest', 'manifests/' + _DIGEST(content),
                 'blobs/' + _NOBODY):
        client.refused(405, 'UNSUPPORTED', 'DELETE', '/v2/a/b/' + path)
    client.expect(200, 'GET', '/v2/a/b/manifests/latest')
    client.expect(204, 'DELETE', client.start())


def referrers(client, digest, query=''):
    answer = client.expect(200, 'GET', '/v2/a/b/referrers/%s%s' % (
        digest, query))
    assert answer.headers['Content-Type'] == _INDEX
    found = json.loads(answer.data.decode())
    assert (found['schemaVersion'], found['mediaType']) == (2, _INDEX)
    return answer, sorted(each['digest'] for each in found['manifests'])


def test_referrers(client):
    image = client.push(media_type=_OCI)
    subject = {'mediaType': _OCI, 'digest': _DIGEST(image),
               'size': len(image)}
    assert referrers(client, _DIGEST(image))[1] == []
    pushed = []
    for fields in ({'artifactType': 'text/a', 'annotations': {'x': 'y'}},
                   {'artifactType': 'text/b'}, {}):
        content = client.push(tag=None, media_type=_OCI)
        content = json.dumps(dict(json.loads(content.decode()),
                                  subject=subject, **fields)).encode()
        answer = client.put_manifest(content)
        assert answer.headers['OCI-Subject'] == _DIGEST(image)
        pushed.append(content)
    digests = [_DIGEST(content) for content in pushed]
    answer, found = referrers(client, _DIGEST(image))
    assert found == sorted(digests)
    assert 'OCI-Filters-Applied' not in answer.headers
    first, = [each for each in json.loads(answer.data.decode())['manifests']
              if each['digest'] == digests[0]]
    assert first == {'digest': digests[0], 'mediaType': _OCI,
                     'size': len(pushed[0]), 'artifactType': 'text/a',
                     'annotations': {'x': 'y'}}
    for kind, number in (('text/a', 0), ('text/b', 1),
                         ('application/octet-stream', 2)):
        answer, found = referrers(client, _DIGEST(image),
                                  '?artifactType=' + kind)
        assert found == [digests[number]]
        assert answer.headers['OCI-Filters-Applied'] == 'artifactType'
    client.expect(202, 'DELETE', '/v2/a/b/manifests/' + digests[0])
    assert referrers(client, _DIGEST(image))[1] == sorted(digests[1:])
    # Of what is not there yet, and of an index.
    index = json.dumps({'schemaVersion': 2, 'mediaType': _INDEX,
                        'manifests': [], 'artifactType': 'text/c',
                        'subject': dict(subject, digest=_NOBODY)}).encode()
    client.put_manifest(index, media_type=_INDEX)
    assert referrers(client, _NOBODY, '?artifactType=text/c')[1] == [
        _DIGEST(index)]


@pytest.mark.once
def test_referrers_are_read_at_once(client, in_pairs):
    subject = {'mediaType': _OCI, 'digest': _NOBODY, 'size': 1}
    for number in range(2):
        client.push(tag=str(number), media_type=_OCI, subject=subject)
    in_pairs('has_manifest')
    assert len(referrers(client, _NOBODY)[1]) == 2


@pytest.mark.once
@pytest.mark.parametrize('method, path', [
    ('POST', '/v2/a/b/blobs/uploads/?from=c&mount=' + _NOBODY),
    ('PATCH', '{upload}'),
    ('PUT', '{upload}?digest=' + _DIGEST(b'some')), ('GET', '{upload}'),
    ('PUT', '/v2/a/b/manifests/latest'),
    ('DELETE', '/v2/a/b/manifests/latest')])
def test_outage(client, make_storage, faults, method, path):
    content = client.push()
    upload = client.start()
    away = Client(make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_retries=0))
    for swift_method in ('GET', 'HEAD', 'PUT', 'DELETE', 'POST'):
        for _ in range(40):
            faults.inject(relay.status(503), swift_method, '/container')
    answer = away.refused(
        503, 'UNAVAILABLE', method, path.format(upload=upload),
        content if 'manifests' in path else b'some', Content_Type=_DOCKER)
    assert answer.headers['Retry-After'].isdigit()
    assert client.expect(204, 'GET', upload).headers['Range'] == '0-0'
    assert digest_of(client, 'a/b', 'latest') == _DIGEST(content)
