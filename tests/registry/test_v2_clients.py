"""Today's clients pull and unpack what v1 clients have pushed, and push."""

import functools
import gzip
import json
import lzma
import os

import pytest

from stack.clients import artifacts
from stack.clients import programs
from stack.clients import v1client
from stack.clients import v2client
from stack.servers import processes
from stack.servers import registry2
from stack.servers import secrets
from stack.servers import serve

_MIB = 1024 * 1024
_KEY = secrets.of('TempURL')


@pytest.fixture(scope='module')
def server(start_registry):
    return start_registry({'extensions': {'swift_v2': {'enabled': True}},
                           'swift_segment_size': 2 * _MIB})


@pytest.fixture(scope='module')
def on_python3(server, directory):
    """docker-registry-swift serve on the same container."""
    with serve.Serve(str(directory), server.settings) as running:
        yield running


@pytest.fixture(scope='module')
def go_registry(server, directory):
    """A registry:2 on the same container."""
    with registry2.Registry2(str(directory), server.settings) as running:
        yield running


@pytest.fixture(scope='module', params=sorted(programs.ALL))
def program(request, tmp_path_factory):
    kind = programs.ALL[request.param]
    with kind(str(tmp_path_factory.mktemp('client') / 'data')) as running:
        yield running


def make(layers, ids=None, **description):
    """Make images that stand on each other; the last one is described.

    :param layers: of the images, the base first
    :param ids: theirs
    """
    images = []
    for number, layer in enumerate(layers):
        image_id = ids[number] if ids else os.urandom(32).hex()
        found = dict(description) if number == len(layers) - 1 else {}
        found['id'] = image_id
        if images:
            found['parent'] = images[-1].id
        images.append(v1client.Image(image_id, json.dumps(found).encode(),
                                     layer))
    return images


def _kinds():
    """A layer of each kind, and one without content in between."""
    contents = {'%d/file' % number: os.urandom(50000) for number in range(4)}
    layers = [programs.layer({name: content})
              for name, content in contents.items()]
    return make([layers[0], gzip.compress(layers[1]), 1024 * b'\0',
                 lzma.compress(layers[2]), layers[3]]), contents


def _aufs():
    """Files that are removed and replaced, as engines on AUFS push it."""
    layers = [
        programs.layer({
            'kept': b'1', 'replaced': b'2', 'removed': b'3',
            'directory/removed': b'4', 'directory/kept': b'5',
            'link': 'kept', 'hard': b'6', 'hard2': ('hard',)}),
        programs.layer({
            '.wh..wh.aufs': b'', '.wh..wh.orph': None, '.wh..wh.plnk': None,
            '.wh..wh.plnk/7.8': b'plnk', 'plnk1': ('.wh..wh.plnk/7.8',),
            'plnk2': ('.wh..wh.plnk/7.8',), '.wh.removed': b'',
            'directory/.wh.removed': b'', 'replaced': b'22'})]
    return make(layers), {
        'kept': b'1', 'replaced': b'22', 'directory/kept': b'5',
        'link': 'kept', 'hard': b'6', 'hard2': b'6', 'plnk1': b'plnk',
        'plnk2': b'plnk'}


def _many():
    """127 layers, of which 30 are empty."""
    contents = {'many/%d' % number: b'%d' % number for number in range(97)}
    layers = [programs.layer({name: content})
              for name, content in contents.items()]
    for number in range(30):
        layers.insert(4 * number + 1, 1024 * b'\0')
    return make(layers), contents


def _large():
    """In 13 segments, as 200 MiB are by default."""
    contents = {'large': os.urandom(25 * _MIB)}
    return make([programs.layer(contents)]), contents


def _odd(**description):
    contents = {'odd': os.urandom(100)}
    return make([programs.layer({}), programs.layer(contents)],
                **description), contents


def _short_ids():
    contents = {'short': os.urandom(100)}
    return make([programs.layer({'short': b'1'}), programs.layer(contents)],
                [os.urandom(8).hex() for _ in range(2)]), contents


_ODDITIES = {
    'nothing': {},
    'null': {'config': None, 'container_config': None, 'created': None,
             'author': None},
    'machine': {'architecture': 'x86_64', 'os': ''},
    'zone': {'created': '2013-06-13T14:03:50.821769-07:00',
             'container_config': {'Cmd': ['/bin/sh', '-c', 'true']}},
    'ports': {'config': {'PortSpecs': ['8080:80'], 'Entrypoint': '/run',
                         'Cmd': 'word', 'Env': ['A=b'], 'Volumes': None}},
    'engine': {'docker_version': '1.5.0', 'Size': 5, 'throwaway': True,
               'comment': u'\xe9', 'config': {'Memory': 0, 'Hostname': 'x',
                                              'Labels': {'a': 'b'}}},
}


#: Repository and tag -> what makes the image.
_IMAGES = {
    'library/kinds:latest': _kinds, 'library/aufs:latest': _aufs,
    'library/many:latest': _many, 'library/large:latest': _large,
    'library/short:latest': _short_ids, 'one/two/three:v1': _odd}
_IMAGES.update({
    'library/odd:' + name: functools.partial(_odd, **description)
    for name, description in _ODDITIES.items()})


@pytest.fixture(scope='module')
def pushed(server):
    """Push all images by v1; a dict from their names to what is in them."""
    client = v1client.V1Client(server.port)
    found = {}
    for name, make_image in _IMAGES.items():
        images, found[name] = make_image()
        repository, tag = name.split(':')
        client.push(repository, images, tag)
    return found


@pytest.mark.parametrize('name', sorted(_IMAGES))
def test_pull(program, pushed, server, name):
    assert program.pull('%s/%s' % (
        server.address, name.replace('library/', ''))) == pushed[name]


def test_name_with_library(program, pushed, server):
    name = 'library/kinds:latest'
    assert program.pull('%s/%s' % (server.address, name)) == pushed[name]


def test_from_registry2(program, pushed, server, go_registry):
    v2client.V2Client(server.port).pull('kinds')
    assert program.pull('127.0.0.1:%d/kinds:latest' % go_registry.port) == (
        pushed['library/kinds:latest'])


@pytest.mark.parametrize('to', ['registry', 'serve'])
def test_push(program, server, on_python3, to):
    """An image like that of busybox: one program of many names."""
    servers = [server, on_python3]
    if to == 'serve':
        servers.reverse()
    busybox = os.urandom(3 * _MIB // 2)
    layers = [
        {'bin': None, 'bin/busybox': busybox, 'bin/sh': ('bin/busybox',),
         'bin/ls': 'busybox', 'home': None, 'home/old': b'1'},
        {'home/.wh.old': b'', 'home/new': b'2'}]
    contents = {'bin/busybox': busybox, 'bin/sh': busybox,
                'bin/ls': 'busybox', 'home/new': b'2'}
    name = 'pushed/to-%s-by-%s' % (to, type(program).__name__.lower())
    images = ['%s/%s:v1' % (each.address, name) for each in servers]
    program.push(layers, images[0])
    for image in images:
        assert program.pull(image) == contents
    for each in servers:
        found = v2client.V2Client(each.port).pull(name, 'v1')
        assert len(found.layers) == len(layers)


@pytest.mark.parametrize('to', ['registry', 'serve'])
def test_artifact_with_a_referrer_that_oras_pushes(server, on_python3,
                                                   tmp_path, to):
    server = {'registry': server, 'serve': on_python3}[to]
    files = [tmp_path / name for name in ('artifact', 'report')]
    for path in files:
        path.write_bytes(os.urandom(100000))
    name = '/team/artifact-' + to
    target = server.address + name + ':'
    subject = artifacts.push(target + 'v1', str(files[0]))
    report = artifacts.push(target + 'report', str(files[1]), subject)
    artifacts.pull(target + 'v1', str(tmp_path / 'pulled'))
    assert (tmp_path / 'pulled' / 'artifact').read_bytes() == (
        files[0].read_bytes())
    answer = v2client.V2Client(server.port).get(
        '/v2%s/referrers/%s' % (name, subject['digest']))
    found, = json.loads(answer.body)['manifests']
    assert report.items() <= found.items()


def test_registry2_serves_all_after_its_garbage_collection(
        pushed, server, go_registry, cluster, directory, stored):
    names = [name.replace('library/', '').split(':') for name in pushed]
    ours = v2client.V2Client(server.port)
    for name, tag in names:
        ours.manifest(name, tag)
    links = {'%s/_manifests/tags/%s/current/link' % (name, tag)
             for name, tag in names}
    processes.until(lambda: links <= {
        path.partition('/repositories/')[2] for path in stored('files/')})
    go_registry.collect_garbage()
    cluster.request('POST', '', {'X-Account-Meta-Temp-URL-Key': _KEY})
    with registry2.Registry2(str(directory), server.settings,
                             _KEY) as redirecting:
        theirs = [v2client.V2Client(go.port)
                  for go in (go_registry, redirecting)]
        for name, tag in names:
            found = ours.pull(name, tag)
            assert [go.pull(name, tag) for go in theirs] == 2 * [found]
        blob = '/v2/%s/blobs/%s' % (name, v2client.digest(found.layers[0]))
        assert [go.request('GET', blob).status for go in theirs] == [200, 307]


def test_what_skopeo_pushes_to_registry2(pushed, server, go_registry,
                                         tmp_path):
    skopeo = programs.Skopeo(str(tmp_path / 'skopeo'))
    skopeo.copy(server.address + '/kinds:latest',
                '127.0.0.1:%d/team/copied:v1' % go_registry.port)
    assert skopeo.pull(server.address + '/team/copied:v1') == (
        pushed['library/kinds:latest'])


def test_docker_login(start_registry, users, tmp_path):
    running = start_registry({'extensions': {'swift_v2': {
        'enabled': True, 'auth': users}}})
    contents = {'file': b'1'}
    v1client.V1Client(running.port).push(
        'library/x', make([programs.layer(contents)]))
    image = running.address + '/x:latest'
    with programs.Docker(str(tmp_path / 'docker')) as docker:
        with pytest.raises(programs.ClientError):
            docker.pull(image)
        with pytest.raises(programs.ClientError):
            docker.login(running.address, 'bob', 'wrong')
        docker.login(running.address, 'bob', 'password')
        assert docker.pull(image) == contents
