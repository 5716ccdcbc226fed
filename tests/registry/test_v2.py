"""The v2 API in the real registry, under gunicorn and gevent."""

import contextlib
import gzip
import json
import lzma
import os
import threading

import pytest

from stack.clients import v1client
from stack.clients import v2client
from stack.servers import processes
from stack.servers import registry
from stack.servers import registry2
from stack.servers import secrets

_V2 = {'extensions': {'swift_v2': {'enabled': True}}}
_KEY = secrets.of('TempURL')


@pytest.fixture(scope='module')
def server(start_registry):
    return start_registry(_V2)


@pytest.fixture
def v2(server):
    return v2client.V2Client(server.port)


def make_images(count, change=lambda layer: layer, **keywords):
    """Make images that stand on each other, the base first."""
    images = []
    for _ in range(count):
        image = v1client.make_image(images[-1] if images else None,
                                    **keywords)
        images.append(image._replace(layer=change(image.layer)))
    return images


def layers_of(images):
    return [image.layer for image in images]


@contextlib.contextmanager
def another(directory, server, **settings):
    """Another registry on the same container."""
    with registry.Registry(str(directory), dict(
            server.settings, **settings)) as running:
        yield running


def test_pull_of_what_v1_clients_push(client, v2):
    images = make_images(3)
    client.push('library/pulled', images)
    for name in ('pulled', 'library/pulled'):
        found = v2.pull(name)
        assert found.layers == layers_of(images)
        assert v2.pull(name, found.digest) == found
        assert v2.tags(name) == ['latest']
    client.push('some/body/deep', images, 'v1')
    assert v2.pull('some/body/deep', 'v1').digest == found.digest
    assert {'pulled', 'some/body/deep'} <= set(v2.catalog())
    assert 'library/pulled' not in v2.catalog()


@pytest.mark.parametrize('change', [
    gzip.compress, lzma.compress, lambda layer: layer])
def test_layers_of_every_kind(client, v2, change):
    images = make_images(2, change, layer_bytes=3000000)
    client.push('library/kinds', images)
    found = v2.pull('kinds')
    expected = layers_of(images)
    if change is lzma.compress:
        expected = [lzma.decompress(layer) for layer in expected]
    assert found.layers == expected


def test_many_layers(client, v2, stored):
    images = make_images(60, layer_bytes=10)
    for number in range(3, 60, 4):
        images[number] = images[number]._replace(layer=1024 * b'\0')
    client.push('library/many', images)
    found = v2.pull('many')
    assert found.layers == [layer for layer in layers_of(images)
                            if layer.strip(b'\0')]
    history = json.loads(found.config)['history']
    assert [entry.get('empty_layer', False) for entry in history] == [
        not image.layer.strip(b'\0') for image in images]


def test_layer_in_segments(client, v2, server):
    images = make_images(1, layer_bytes=40 * 1024 * 1024)
    client.push('library/large', images)
    assert v2.pull('large').layers == layers_of(images)
    blob = v2client.digest(images[0].layer)
    answer = v2.request('GET', '/v2/large/blobs/' + blob, {
        'Range': 'bytes=%d-%d' % (15 * 1024 ** 2, 33 * 1024 ** 2)})
    assert answer.status == 206
    assert answer.body == images[0].layer[15 * 1024 ** 2:33 * 1024 ** 2 + 1]
    assert server.orphans() == []


def test_off_by_default(start_registry):
    running = start_registry({'extensions': {'swift_v2': {}}})
    v1client.V1Client(running.port).push('library/x', make_images(1))
    for path in ('/v2/', '/v2/x/manifests/latest', '/v2/_catalog'):
        answer = v2client.V2Client(running.port).request('GET', path)
        assert answer.status == 404
        assert 'Docker-Distribution-Api-Version' not in answer.headers


@pytest.mark.parametrize('user_agent', [
    'docker/1.5.0 go/go1.3.3 git-commit/a8a31ef kernel/3 os/linux arch/amd64',
    'docker/1.6.2 go/go1.4.2', 'docker/1.9.1'])
def test_old_engines_see_what_they_saw(client, server, start_registry,
                                       user_agent):
    before = start_registry()
    for path in ('/v2/', '/v2/x/manifests/latest'):
        answers = [v2client.V2Client(
            running.port, user_agent=user_agent).request('GET', path)
            for running in (before, server)]
        assert answers[0].status == answers[1].status == 404
        assert answers[0].body == answers[1].body
        assert set(answers[0].headers) == set(answers[1].headers)


@pytest.mark.parametrize('user_agent', [
    'docker/1.10.3 go/go1.5.3', 'docker/17.11.0-ce', 'docker/17.12.0-ce',
    'docker/20.10.24+dfsg1 go/go1.19.8',
    'containers/5.23.1 (github.com/containers/image)', 'containerd/1.6.20'])
def test_todays_clients_find_it(server, user_agent):
    answer = v2client.V2Client(
        server.port, user_agent=user_agent).request('GET', '/v2/')
    assert answer.status == 200
    assert answer.headers['Docker-Distribution-Api-Version'] == 'registry/2.0'


def test_v1_tags_are_seen_at_once_by_every_registry(client, v2, server,
                                                    directory):
    first, second = make_images(1), make_images(1)
    with another(directory, server) as other:
        others = v2client.V2Client(other.port)
        client.push('library/moves', first)
        assert v2.pull('moves').layers == layers_of(first)
        client.push('library/moves', second)
        assert others.pull('moves').layers == layers_of(second)
        assert v2.pull('moves').layers == layers_of(second)
        client.push('library/moves', first, 'old')
        digest = v2.pull('moves', 'old').digest
        assert others.tags('moves') == ['latest', 'old']
        client.expect(200, 'DELETE',
                      '/v1/repositories/library/moves/tags/old')
        for each in (v2, others):
            assert each.request(
                'HEAD', '/v2/moves/manifests/old').status == 404
            assert each.tags('moves') == ['latest']
        client.expect(200, 'DELETE', '/v1/repositories/library/moves/')
        for each in (v2, others):
            for path in ('moves/manifests/latest', 'moves/tags/list',
                         'moves/manifests/' + digest,
                         'library/moves/manifests/latest'):
                assert each.request('GET', '/v2/' + path).status == 404
            assert 'moves' not in each.catalog()


def test_clients_of_one_image_together(client, server, v2):
    images = make_images(2, layer_bytes=20 * 1024 * 1024)
    client.push('library/together', images)
    found = []
    threads = [threading.Thread(target=lambda: found.append(
        v2client.V2Client(server.port).pull('together'))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert all(image == found[0] for image in found)
    assert found[0].layers == layers_of(images)


def test_damaged_image(client, v2, server, cluster):
    images = make_images(2)
    client.push('library/damaged', images)
    cluster.request('DELETE', '%s/registry/images/%s/layer' % (
        server.settings['swift_container'], images[0].id))
    for name in ('latest', 'latest'):
        answer = v2.request('GET', '/v2/damaged/manifests/' + name)
        assert answer.status == 400
        problem, = json.loads(answer.body)['errors']
        assert images[0].id in problem['message']
    assert 'image %s: its layer is missing' % images[0].id in server.log()


def test_login(start_registry, users):
    running = start_registry({'extensions': {'swift_v2': {
        'enabled': True, 'auth': users}}})
    images = make_images(1)
    v1client.V1Client(running.port).push('library/x', images)
    answer = v2client.V2Client(running.port).request('GET', '/v2/')
    assert answer.status == 401
    assert answer.headers['WWW-Authenticate'] == 'Basic realm="images"'
    for password, status in (('wrong', 401), ('password', 200)):
        assert v2client.V2Client(running.port, 'bob', password).request(
            'GET', '/v2/x/manifests/latest').status == status
    found = v2client.V2Client(running.port, 'bob', 'password').pull('x')
    assert found.layers == layers_of(images)
    assert '$2y$' not in running.log()
    assert 'Ym9iOnBhc3N3b3Jk' not in running.log()


def test_index_tells_who_may_read(start_registry, users):
    """v2 clients cannot be asked for what the index gives to those of v1."""
    settings = {'standalone': False, 'index_endpoint': 'http://127.0.0.1:1'}
    running = start_registry(dict(settings, **_V2))
    assert v2client.V2Client(running.port).request(
        'GET', '/v2/').status == 404
    assert 'there is no v2 API: standalone is not true' in running.log()
    assert 'swift_v2: auth: htpasswd' in running.log()
    running = start_registry(dict(settings, extensions={'swift_v2': {
        'enabled': True, 'auth': users}}))
    assert v2client.V2Client(running.port).request('GET', '/v2/').status == 401
    assert v2client.V2Client(running.port, 'bob', 'password').request(
        'GET', '/v2/').status == 200


@pytest.mark.parametrize('section, problem', [
    ({'enabled': True, 'auth': {'htpasswd': {
        'realm': 'r', 'path': '/nowhere'}}}, 'htpasswd: path: /nowhere'),
    ({'enabled': True, 'auth': {'htpaswd': {}}}, 'htpaswd: unknown'),
    ({'enabled': 'on please'}, 'swift_v2: enabled')])
def test_configuration_that_is_wrong_stops_the_registry(
        start_registry, section, problem):
    with pytest.raises(processes.ServerError) as caught:
        start_registry({'extensions': {'swift_v2': section}})
    assert problem in str(caught.value)


def test_outage(client, server, cluster, start_registry):
    # Its requests wait for Swift until swift_timeout.
    v2 = v2client.V2Client(start_registry(
        dict(server.settings, swift_timeout=3)).port)
    images = make_images(1)
    client.push('library/outage', images)
    found = v2.pull('outage')
    client.push('library/outage', make_images(1), 'new')
    cluster.proxy.stop()
    try:
        for path in ('manifests/latest', 'manifests/new', 'tags/list',
                     'manifests/' + found.digest,
                     'blobs/' + v2client.digest(found.config)):
            answer = v2.request('GET', '/v2/outage/' + path)
            assert answer.status == 503
            assert int(answer.headers['Retry-After']) >= 1
            problem, = json.loads(answer.body)['errors']
            assert problem['code'] == 'UNAVAILABLE'
    finally:
        cluster.proxy.start()
        cluster.proxy.wait()
    processes.until(lambda: v2.request(
        'GET', '/v2/outage/tags/list').status != 503)
    assert v2.pull('outage') == found
    v2.pull('outage', 'new')


def test_health_and_metrics(start_registry, cluster):
    running = start_registry({'swift_timeout': 2, 'extensions': {
        'swift_v2': {'enabled': True},
        'swift_health': {'interval': '200ms', 'threshold': 2,
                         'enforce': True}}}, workers=1)
    v2 = v2client.V2Client(running.port)
    assert v2.request('GET', '/v2/').status == 200
    assert v2.request('GET', '/v2/x/tags/list').status == 404
    text = v2.request('GET', '/_metrics').body.decode()
    counted = [line for line in text.splitlines()
               if line.startswith('docker_registry_swift_v2_answers_total')]
    assert [line.split('status=')[1] for line in counted] == [
        '"200"} 1.0', '"404"} 1.0']
    cluster.proxy.stop()
    try:
        processes.until(lambda: v2.request('GET', '/v2/').status != 200)
        answer = v2.request('GET', '/v2/')
        assert answer.status == 503 and answer.headers['Retry-After']
    finally:
        cluster.proxy.start()
        cluster.proxy.wait()


def test_redirect(start_registry, cluster):
    running = start_registry(dict(_V2, storage_redirect=True,
                                  swift_temp_url_key=_KEY,
                                  swift_segment_size=100000))
    cluster.request('PUT', running.settings['swift_container'],
                    {'X-Container-Meta-Temp-URL-Key': _KEY})
    images = make_images(2, layer_bytes=300000)
    v1client.V1Client(running.port).push('library/x', images)
    v2 = v2client.V2Client(running.port)
    blob = '/v2/x/blobs/' + v2client.digest(images[0].layer)
    assert v2.pull('x').layers == layers_of(images)
    answer = v2.request('GET', blob)
    assert answer.status == 307
    assert answer.headers['Location'].startswith('http://127.0.0.1:')
    assert v2.request('HEAD', blob).status == 200


@pytest.fixture(scope='module')
def go_registry(server, directory):
    """A registry:2 on the same container."""
    with registry2.Registry2(str(directory), server.settings) as running:
        yield running


def test_registry2_serves_what_is_converted(client, v2, go_registry):
    images = (make_images(2) + make_images(1, gzip.compress))
    images[2] = images[2]._replace(json=json.dumps(dict(
        json.loads(images[2].json), parent=images[1].id)).encode())
    client.push('library/both', images)
    found = v2.pull('both')
    go = v2client.V2Client(go_registry.port)
    for name in ('both', 'library/both'):
        assert go.pull(name) == found
        assert go.pull(name, found.digest) == found
    processes.until(lambda: 'both' in go.catalog())
    processes.until(lambda: go.tags('both') == ['latest'])


def test_after_garbage_collection_of_registry2(client, v2, go_registry,
                                               stored):
    images = make_images(2)
    client.push('library/kept', images)
    found = v2.pull('kept')
    other = make_images(1)
    client.push('library/gone', other)
    gone = v2.pull('gone')
    processes.until(lambda: [
        name for name in stored('files/')
        if '/kept/_manifests/tags/latest/current' in name
        or '/gone/_manifests/tags/latest/current' in name])
    go_registry.collect_garbage()
    assert v2.pull('kept') == found
    assert v2.pull('gone') == gone
    assert client.pull('library/kept') == images


_DOCKER = 'application/vnd.docker.distribution.manifest.'
_OCI = 'application/vnd.oci.image.'


def describe(go, name, config, layers, media_type):
    """Push an image's blobs to registry:2; return its manifest, bytes."""
    return json.dumps({
        'schemaVersion': 2, 'mediaType': media_type,
        'config': dict(go.push_blob(name, config), mediaType='a/config'),
        'layers': [dict(go.push_blob(name, layer), mediaType='a/layer')
                   for layer in layers]}, indent=7).encode()


@pytest.mark.parametrize('kind', [
    _DOCKER + 'v2+json', _OCI + 'manifest.v1+json'])
def test_what_registry2_has_is_served(v2, go_registry, kind):
    go = v2client.V2Client(go_registry.port)
    layers = [os.urandom(size) for size in (1, 100, 21 * 1024 * 1024)]
    content = describe(go, 'go/pushed', b'{}', layers, kind)
    pushed = go.push_manifest('go/pushed', 'v1', content, kind)
    for reference in ('v1', pushed):
        assert v2.pull('go/pushed', reference) == (
            pushed, content, b'{}', layers)
        answer = v2.request('HEAD', '/v2/go/pushed/manifests/' + reference)
        assert answer.headers['Content-Type'] == kind
    assert v2.tags('go/pushed') == ['v1']
    assert 'go/pushed' in v2.catalog()
    large = v2client.digest(layers[-1])
    answer = v2.request('GET', '/v2/go/pushed/blobs/' + large,
                        {'Range': 'bytes=20971510-20971530'})
    assert answer.body == layers[-1][20971510:20971531]


@pytest.mark.parametrize('kind', [
    _DOCKER + 'list.v2+json', _OCI + 'index.v1+json'])
def test_indexes_that_registry2_has(v2, go_registry, kind):
    go = v2client.V2Client(go_registry.port)
    member = describe(go, 'go/index', b'{}', [b'1'], _OCI + 'manifest.v1+json')
    pushed = go.push_manifest('go/index', v2client.digest(member), member,
                              _OCI + 'manifest.v1+json')
    content = json.dumps({
        'schemaVersion': 2, 'mediaType': kind, 'manifests': [{
            'mediaType': _OCI + 'manifest.v1+json', 'digest': pushed,
            'size': len(member),
            'platform': {'architecture': 'amd64', 'os': 'linux'}}]}).encode()
    go.push_manifest('go/index', 'v1', content, kind)
    answer = v2.manifest('go/index', 'v1')
    assert answer.body == content
    assert answer.headers['Content-Type'] == kind
    assert v2.pull('go/index', pushed).layers == [b'1']


def test_last_push_wins_whichever_api_it_came_by(client, v2, go_registry):
    go = v2client.V2Client(go_registry.port)
    images = make_images(1)
    client.push('go/mixed', images)
    converted = v2.pull('go/mixed')
    kind = _OCI + 'manifest.v1+json'
    content = describe(go, 'go/mixed', b'{}', [b'2'], kind)
    pushed = go.push_manifest('go/mixed', 'latest', content, kind)
    assert v2.pull('go/mixed').digest == pushed
    assert go.pull('go/mixed').digest == pushed
    client.push('go/mixed', images)
    assert v2.pull('go/mixed') == converted
    assert go.pull('go/mixed') == converted
    # Removed by one API, a tag of the other is there as before.
    go.push_manifest('go/mixed', 'latest', content, kind)
    client.expect(200, 'DELETE', '/v1/repositories/go/mixed/tags/latest')
    assert v2.pull('go/mixed').digest == pushed
