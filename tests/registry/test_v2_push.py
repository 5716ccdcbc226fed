"""Pushes by the v2 API to the real registry, under gunicorn and gevent."""

import concurrent.futures
import http.client
import json
import os
import signal
import socket
import threading
import time

import pytest

from stack.clients import v1client
from stack.clients import v2client
from stack.servers import balancer
from stack.servers import processes
from stack.servers import registry
from stack.servers import registry2

_MIB = 1024 * 1024
_SETTINGS = {'swift_segment_size': 2 * _MIB, 'extensions': {'swift_v2': {
    'enabled': True, 'delete': {'enabled': True}}}}
_INDEX = 'application/vnd.oci.image.index.v1+json'


@pytest.fixture(scope='module')
def server(start_registry):
    return start_registry(_SETTINGS)


@pytest.fixture
def v2(server):
    return v2client.V2Client(server.port)


@pytest.fixture(scope='module')
def two(server, directory):
    """Two registries of two workers on one container, behind a balancer."""
    with registry.Registry(str(directory), server.settings) as other:
        with balancer.Balancer(
                str(directory), 'v2-balancer', {
                    'a': server.server, 'b': other.server},
                '/_ping', balancer.REGISTRIES) as front:
            yield v2client.V2Client(front.port), other


def random(*sizes):
    return [os.urandom(size) for size in sizes]


@pytest.mark.parametrize('kind', [v2client.SCHEMA2, v2client.OCI])
@pytest.mark.parametrize('way', [
    v2client.ONE_PUT, v2client.CHUNKED, v2client.WITH_LENGTH])
def test_push_and_pull(v2, server, way, kind):
    layers = random(1, 100000, 7 * _MIB)
    pushed = v2.push('team/pushed', layers, 'v1', kind, way)
    for reference in ('v1', pushed.digest):
        assert v2.pull('team/pushed', reference) == pushed
    assert v2.tags('team/pushed') == ['v1']
    assert 'team/pushed' in v2.catalog()
    assert server.orphans() == []


def test_same_layers_again_and_elsewhere(v2, server, stored):
    layers = random(10, 5 * _MIB)
    pushed = v2.push('team/once', layers)
    before = set(stored())
    for way in (v2client.ONE_PUT, v2client.CHUNKED):
        assert v2.push('team/twice', layers, way=way) == pushed
    added = [name for name in set(stored()) - before]
    assert added and all('/repositories/team/twice/' in name
                         for name in added)
    assert server.orphans() == []


def test_through_two_registries_by_turns(two):
    front, _ = two
    content = os.urandom(5 * _MIB)
    with concurrent.futures.ThreadPoolExecutor() as executor:
        def push(number):
            location = front.start('team/turns')
            for start in range(0, len(content), 500000):
                location = front.append(
                    location, content[start:start + 500000])
            front.finish(location, v2client.digest(content))
        list(executor.map(push, range(3)))
    assert front.blob('team/turns', v2client.digest(content)) == content


def test_registry_that_is_killed_in_an_upload(two, server):
    front, other = two
    content = os.urandom(8 * _MIB)
    location, sent, failed, killed = front.start('team/killed'), 0, 0, False
    give_up_at = time.monotonic() + 120
    while sent < len(content):
        assert time.monotonic() < give_up_at
        if sent >= 3 * _MIB and not killed:
            killed = True
            # In the middle of a piece, as it happens.
            threading.Timer(0.05, lambda: other.server.stop(
                signal.SIGKILL)).start()
        try:
            location = front.append(location, content[sent:sent + _MIB], {
                'Content-Range': '%d-%d' % (
                    sent, min(sent + _MIB, len(content)) - 1)})
        except (OSError, http.client.HTTPException, v1client.RefusedError):
            failed += 1
        try:
            # A client that had no answer asks how far it is.
            answer = front.expect(204, 'GET', location)
            location = answer.headers['Location']
            last = int(answer.headers['Range'].split('-')[1])
            sent = last and last + 1
        except (OSError, http.client.HTTPException, v1client.RefusedError):
            time.sleep(0.2)
    try:
        front.finish(location, v2client.digest(content))
    finally:
        processes.start_all([other.server])
    assert killed
    assert front.blob('team/killed', v2client.digest(content)) == content
    server.orphans(remove=True)
    assert front.blob('team/killed', v2client.digest(content)) == content


@pytest.mark.parametrize('head', [
    b'Transfer-Encoding: chunked\r\n\r\n300000\r\n',
    b'Content-Length: 9000000\r\n\r\n'])
def test_client_that_vanishes_in_a_body(v2, server, stored, head):
    location = v2.append(v2.start('team/gone'), b'begin')
    before = stored()
    for method, path in (
            ('PATCH', location),
            ('PUT', location + '?digest=' + v2client.digest(b'x')),
            ('POST', '/v2/team/gone/blobs/uploads/?digest='
             + v2client.digest(b'x')),
            ('PUT', '/v2/team/gone/manifests/latest')):
        vanish(v2, method, path, head + os.urandom(2500000))
    processes.until(lambda: stored() == before)
    answer = v2.expect(204, 'GET', location)
    assert answer.headers['Range'] == '0-4'
    v2.finish(location, v2client.digest(b'begin'))
    assert server.orphans() == []


def vanish(client, method, path, rest):
    """Send a request and hang up, whatever the answer would have been.

    :param rest: what comes after the first two lines, bytes
    """
    with socket.create_connection((processes.HOST, client.port)) as sent:
        sent.sendall(('%s %s HTTP/1.1\r\nHost: x\r\n' % (
            method, path)).encode() + rest)


def test_client_that_vanishes_before_each_answer(v2, server):
    """It comes back each time, and asks how far the upload is."""
    content = os.urandom(3 * _MIB)
    found = v2client.digest(content)
    body = b'Content-Length: %d\r\n\r\n' % len(content) + content
    nothing = b'Content-Length: 0\r\n\r\n'
    vanish(v2, 'POST', '/v2/team/again/blobs/uploads/', nothing)
    location = v2.start('team/again')
    vanish(v2, 'PATCH', location, body)

    def how_far():
        return v2.expect(204, 'GET', location).headers
    processes.until(lambda: how_far()['Range'] == '0-%d' % (len(content) - 1))
    newest = how_far()['Location']
    path = newest + '?digest=' + found
    vanish(v2, 'PUT', path, nothing)
    # Whether or not that has been done by then.
    v2.expect(201, 'PUT', path)
    processes.until(lambda: v2.request('GET', newest).status == 404)
    pushed = v2.push('team/again', [content])
    vanish(v2, 'PUT', '/v2/team/again/manifests/other',
           b'Content-Type: %s\r\nContent-Length: %d\r\n\r\n%s' % (
               v2client.SCHEMA2.encode(), len(pushed.manifest),
               pushed.manifest))
    processes.until(lambda: 'other' in v2.tags('team/again'))
    assert v2.pull('team/again', 'other') == pushed
    # But for the upload whose name nobody has been told.
    server.orphans(remove=True)
    assert v2.pull('team/again') == pushed


def test_two_uploads_of_one_blob_at_once(v2, server):
    content = os.urandom(5 * _MIB)
    with concurrent.futures.ThreadPoolExecutor() as executor:
        list(executor.map(
            lambda way: v2.push_blob('team/race', content, way), [
                v2client.CHUNKED, v2client.WITH_LENGTH, v2client.ONE_PUT,
                v2client.CHUNKED]))
    found = v2client.digest(content)
    assert v2.blob('team/race', found) == content
    server.orphans(remove=True)
    assert v2.blob('team/race', found) == content


def test_many_small_pieces(v2):
    pieces = random(*100 * [1024])
    location = v2.start('team/pieces')
    for piece in pieces:
        location = v2.append(location, piece)
    content = b''.join(pieces)
    v2.finish(location, v2client.digest(content))
    assert v2.blob('team/pieces', v2client.digest(content)) == content


def test_no_body_is_left_on_the_connection(v2):
    """What is refused before it is read is no request of its own."""
    connection = http.client.HTTPConnection(processes.HOST, v2.port)
    for chunks in (True, False):
        content = os.urandom(300000)
        connection.request(
            'PATCH', '/v2/team/x/blobs/uploads/' + 32 * '0',
            iter([content]) if chunks else content)
        answer = connection.getresponse()
        assert answer.status == 404
        assert b'BLOB_UPLOAD_UNKNOWN' in answer.read()
        connection.request('GET', '/v2/')
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b'{}\n')
    connection.close()


def test_mount_removal_and_referrers(v2):
    layer = os.urandom(100)
    pushed = v2.push('team/from', [layer], kind=v2client.OCI)
    answer = v2.expect(
        201, 'POST', '/v2/team/to/blobs/uploads/?mount=%s&from=team/from'
        % v2client.digest(layer))
    assert answer.headers['Location'] == (
        '/v2/team/to/blobs/' + v2client.digest(layer))
    assert v2.blob('team/to', v2client.digest(layer)) == layer
    content = json.dumps(dict(
        json.loads(pushed.manifest), artifactType='text/sbom', subject={
            'mediaType': v2client.OCI, 'digest': pushed.digest,
            'size': len(pushed.manifest)})).encode()
    found = v2client.digest(content)
    answer = v2.expect(
        201, 'PUT', '/v2/team/from/manifests/' + found,
        {'Content-Type': v2client.OCI}, content)
    assert answer.headers['OCI-Subject'] == pushed.digest
    path = '/v2/team/from/referrers/%s?artifactType=' % pushed.digest
    for kind, expected in (('text/sbom', [found]), ('text/other', [])):
        answer = v2.get(path + kind)
        assert answer.headers['OCI-Filters-Applied'] == 'artifactType'
        assert [each['digest'] for each in json.loads(
            answer.body)['manifests']] == expected
    v2.expect(202, 'DELETE', '/v2/team/from/manifests/latest')
    assert v2.request('GET', '/v2/team/from/manifests/latest').status == 404
    assert v2.pull('team/from', pushed.digest) == pushed
    v2.expect(202, 'DELETE', '/v2/team/from/manifests/' + pushed.digest)
    v2.expect(404, 'GET', '/v2/team/from/manifests/' + pushed.digest)
    v2.expect(202, 'DELETE', '/v2/team/to/blobs/' + v2client.digest(layer))
    v2.expect(404, 'GET', '/v2/team/to/blobs/' + v2client.digest(layer))


def v1_layers(client, repository, tag='latest'):
    """Pull by v1; return the layers from the base up.

    Of what v2 clients have pushed there is no checksum of v1, which engines
    do not ask for.
    """
    image_id = client.tags(repository)[tag]
    ancestry = json.loads(client.expect(
        200, 'GET', '/v1/images/%s/ancestry' % image_id).body)
    return [client.get_layer(each, int(client.get_json(each).headers[
        'X-Docker-Size'])) for each in reversed(ancestry)]


def test_v1_clients_pull_what_was_pushed(v2, client, two):
    layers = random(10, 3 * _MIB)
    pushed = v2.push('team/both', layers, way=v2client.CHUNKED)
    other = v1client.V1Client(two[0].port)
    for each in (client, other):
        # What the engine asks first.
        each.expect(200, 'GET', '/v1/repositories/team/both/images')
        assert v1_layers(each, 'team/both') == layers
    image_id = client.tags('team/both')['latest']
    assert v2.pull('team/both') == pushed
    # Another tag, and one elsewhere, by v1: the digest stays.
    for repository in ('team/both', 'team/elsewhere'):
        client.tag(repository, 'copy', image_id)
        assert v2.pull(repository, 'copy') == pushed
    again = v2.push('team/both', random(5))
    assert v1_layers(other, 'team/both') == again.layers
    # An image that stands on it.
    image = v1client.make_image()
    image = image._replace(json=json.dumps(dict(
        json.loads(image.json), parent=image_id)).encode())
    client.push('team/child', [image])
    assert v2.pull('team/child').layers == layers + [image.layer]
    client.expect(200, 'DELETE', '/v1/repositories/team/both/tags/latest')
    assert v2.request('GET', '/v2/team/both/manifests/latest').status == 404
    assert v2.tags('team/both') == ['copy']
    v2.push('team/both', random(5), 'seldom')
    client.expect(200, 'DELETE', '/v1/repositories/team/both/')
    assert v2.request('GET', '/v2/team/both/tags/list').status == 404
    assert v2.pull('team/both', pushed.digest) == pushed


@pytest.mark.parametrize('section, method, status', [
    ({}, 'POST', 202), ({}, 'DELETE', 405),
    ({'readonly': {'enabled': True}}, 'POST', 405),
    ({'readonly': {'enabled': True}, 'delete': {'enabled': True}}, 'DELETE',
     405)])
def test_settings(start_registry, section, method, status):
    running = start_registry({'extensions': {'swift_v2': dict(
        section, enabled=True)}}, workers=1)
    v2 = v2client.V2Client(running.port)
    path = {'POST': 'blobs/uploads/', 'DELETE': 'manifests/latest'}[method]
    assert v2.request(method, '/v2/x/' + path).status == status
    is_old = v2client.V2Client(running.port, user_agent='docker/1.13.1')
    assert is_old.request('GET', '/v2/').status == (
        404 if 'readonly' in section else 200)
    oldest = v2client.V2Client(running.port, user_agent='docker/1.9.1')
    assert oldest.request('GET', '/v2/').status == 404


@pytest.fixture(scope='module')
def go(server, directory):
    """A client of a registry:2 on the same container."""
    with registry2.Registry2(str(directory), server.settings) as running:
        client = v2client.V2Client(running.port)
        client.collect_garbage = running.collect_garbage
        yield client


@pytest.mark.parametrize('kind', [v2client.SCHEMA2, v2client.OCI])
@pytest.mark.parametrize('way', [v2client.ONE_PUT, v2client.CHUNKED])
def test_each_pulls_at_once_what_the_other_has_pushed(v2, go, way, kind):
    for number, (writer, reader) in enumerate([(v2, go), (go, v2)] * 2):
        pushed = writer.push('side/by', random(10, 5 * _MIB), 'v%d' % number,
                             kind, way)
        for reference in ('v%d' % number, pushed.digest):
            assert reader.pull('side/by', reference) == pushed
    for client in (v2, go):
        processes.until(
            lambda: client.tags('side/by') == ['v0', 'v1', 'v2', 'v3'])
        processes.until(lambda: 'side/by' in client.catalog())


def test_indexes_and_tags_that_move(v2, go):
    member = v2.push('side/index', random(5 * _MIB), 'member', v2client.OCI)
    content = json.dumps({
        'schemaVersion': 2, 'mediaType': _INDEX, 'manifests': [{
            'mediaType': v2client.OCI, 'digest': member.digest,
            'size': len(member.manifest),
            'platform': {'architecture': 'amd64', 'os': 'linux'}}]}).encode()
    v2.push_manifest('side/index', 'all', content, _INDEX)
    assert go.manifest('side/index', 'all').body == content
    for writer in (go, v2, go):
        pushed = writer.push('side/index', random(10), 'all')
        for client in (v2, go):
            assert client.pull('side/index', 'all') == pushed
    v2.expect(202, 'DELETE', '/v2/side/index/manifests/all')
    assert go.request('GET', '/v2/side/index/manifests/all').status == 404


def test_after_garbage_collection_of_registry2(v2, go, server, stored):
    pushed = [v2.push('side/kept', random(10, 5 * _MIB), 'v%d' % number,
                      kind, way)
              for number, (kind, way) in enumerate([
                  (v2client.SCHEMA2, v2client.CHUNKED),
                  (v2client.OCI, v2client.ONE_PUT)])]
    processes.until(lambda: [
        name for name in stored('files/')
        if '/side/kept/_manifests/tags/v1/current' in name])
    gone = v2.push_blob('side/kept', os.urandom(5 * _MIB), v2client.CHUNKED)
    processes.until(lambda: [name for name in stored('files/')
                             if gone['digest'].split(':')[1] in name])
    go.collect_garbage()
    for number, image in enumerate(pushed):
        assert v2.pull('side/kept', 'v%d' % number) == image
        assert go.pull('side/kept', 'v%d' % number) == image
    path = '/v2/side/kept/blobs/' + gone['digest']
    assert v2.request('HEAD', path).status == 404
    # What it leaves is found, and it can be pushed again.
    assert server.orphans()
    server.orphans(remove=True)
    assert server.orphans() == []
    for number, image in enumerate(pushed):
        assert v2.pull('side/kept', 'v%d' % number) == image
