"""`docker-registry-swift serve`: the v2 API on Python 3, over HTTP."""

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import urllib.request

import pytest

from stack import environments
from stack.clients import programs
from stack.clients import v1client
from stack.clients import v2client
from stack.servers import front
from stack.servers import processes
from stack.servers import registry
from stack.servers import registry2
from stack.servers import serve

_MIB = 1024 * 1024
_SETTINGS = {'storage_path': '/registry', 'swift_segment_size': 2 * _MIB,
             'extensions': {'swift_v2': {'delete': {'enabled': True}}}}
#: That of registry:2's documents.
_TUTORIAL = '''
version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  swift:
    username: %(swift_user)s
    password: %(swift_password)s
    authurl: %(swift_authurl)s
    tenant: demo
    container: tutorial
    rootdirectory: /swift/object/name/prefix
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
    X-Greeting: [café →]
  draintimeout: 60s
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
'''


@pytest.fixture(scope='module')
def settings(cluster):
    return cluster.settings(swift_container='serve', **_SETTINGS)


@pytest.fixture(scope='module')
def server(settings, directory):
    with serve.Serve(str(directory), settings) as running:
        yield running
    assert 'Traceback' not in running.log()


@pytest.fixture
def v2(server):
    return v2client.V2Client(server.port)


def random(*sizes):
    return [os.urandom(size) for size in sizes]


@pytest.mark.parametrize('way', [
    v2client.ONE_PUT, v2client.CHUNKED, v2client.WITH_LENGTH])
def test_push_and_pull(v2, way):
    pushed = v2.push('team/pushed', random(1, 100000, 5 * _MIB), 'v1',
                     v2client.OCI, way)
    for reference in ('v1', pushed.digest):
        assert v2.pull('team/pushed', reference) == pushed
    assert v2.tags('team/pushed') == ['v1']


def test_removal(v2):
    pushed = v2.push('team/removed', random(10))
    v2.expect(202, 'DELETE', '/v2/team/removed/manifests/' + pushed.digest)
    v2.expect(404, 'GET', '/v2/team/removed/manifests/latest')


def test_beside_the_registry(v2, server, settings, directory):
    """v1 clients push to the legacy registry, and pull what v2 pushed."""
    images = [v1client.make_image()]
    images.append(v1client.make_image(images[0]))
    with registry.Registry(str(directory), dict(
            settings, extensions={'swift_v2': {'enabled': True}})) as legacy:
        v1 = v1client.V1Client(legacy.port)
        v1.push('library/of-v1', images)
        assert v2.pull('of-v1').layers == [image.layer for image in images]
        config = json.dumps({'rootfs': {'type': 'layers', 'diff_ids': []},
                             'history': [{}], 'os': 'linux',
                             'architecture': 'amd64'}).encode()
        layer = programs.layer({'file': b'content'})
        v2.push('team/of-v2', [layer], config=config)
        image_id = v1.tags('team/of-v2')['latest']
        assert v1.get_layer(image_id, len(layer)) == layer


def test_registry2_serves_what_was_pushed(v2, settings, directory):
    pushed = v2.push('team/go', random(100, 3 * _MIB))
    with registry2.Registry2(str(directory), settings) as other:
        go = v2client.V2Client(other.port)
        assert go.pull('team/go') == pushed
        back = go.push('team/back', random(100))
        assert v2.pull('team/back') == back


def test_skopeo(server, tmp_path):
    content = {'file': os.urandom(_MIB)}
    source = v2client.V2Client(server.port).push(
        'team/source', [programs.layer(content)], config=json.dumps({
            'architecture': 'amd64', 'os': 'linux', 'config': {},
            'rootfs': {'type': 'layers', 'diff_ids': [
                v2client.digest(programs.layer(content))]}}).encode())
    assert source.layers
    address = server.address
    skopeo = programs.Skopeo(str(tmp_path / 'skopeo'))
    skopeo.copy(address + '/team/source:latest', address + '/team/copy:v1')
    assert skopeo.pull(address + '/team/copy:v1') == content


def test_health_and_metrics(v2):
    for prefix in ('', '/v1'):
        health = json.loads(v2.expect(200, 'GET', prefix + '/_health').body)
        assert health['state'] == 'healthy'
        metrics = v2.expect(200, 'GET', prefix + '/_metrics').body
        assert b'docker_registry_swift_v2_answers_total' in metrics
    v2.expect(200, 'GET', '/')
    v2.expect(404, 'GET', '/v1/_ping')


def test_old_engines_go_on_with_v1(server):
    v2client.V2Client(server.port, user_agent='docker/1.9.1 go').expect(
        404, 'GET', '/v2/')


def test_client_that_vanishes(v2, server):
    path = v2.start('team/vanished')
    connection = http.client.HTTPConnection(processes.HOST, server.port)
    connection.putrequest('PATCH', path)
    connection.putheader('Transfer-Encoding', 'chunked')
    connection.endheaders()
    connection.send(b'100000\r\n' + bytes(_MIB))
    connection.close()
    processes.until(lambda: 'PATCH %s HTTP/1.1" 400' % path in server.log())
    content = os.urandom(10)
    v2.finish(v2.append(path, content), v2client.digest(content))


def test_client_that_is_silent(server):
    """The system asks whether it is there: a timer of kind 2 runs."""
    with socket.create_connection((processes.HOST, server.port)) as client:
        client.sendall(b'PUT /v2/a/manifests/b HTTP/1.1\r\n')
        ports = ':%04X' % server.port, ':%04X' % client.getsockname()[1]

        def timer():
            with open('/proc/net/tcp') as connections:
                for line in map(str.split, connections):
                    if (line[1][8:], line[2][8:]) == ports:
                        return line[5][:2]
        assert processes.until(timer) == '02'


def test_stop_lets_requests_end(settings, directory):
    content = os.urandom(32 * _MIB)
    half = len(content) // 2
    with serve.Serve(str(directory), settings) as running:
        v2 = v2client.V2Client(running.port)
        digest = v2.push_blob('team/stopped', content)['digest']
        pull, push = (http.client.HTTPConnection(
            processes.HOST, running.port) for _ in range(2))
        pull.request('GET', '/v2/team/stopped/blobs/' + digest)
        response = pull.getresponse()
        found = response.read(_MIB)
        push.putrequest('PATCH', v2.start('team/stopped'))
        push.putheader('Content-Length', str(len(content)))
        push.endheaders(content[:half])
        os.kill(running.server.pid, signal.SIGTERM)
        processes.until(lambda: 'Handling signal: term' in running.log())
        found += response.read()
        push.send(content[half:])
        assert push.getresponse().status == 202
        assert v2client.digest(found) == digest
        processes.until(lambda: not running.server.running())
    assert 'Traceback' not in running.log()


@pytest.fixture
def write_config(settings, tmp_path):
    """Write a configuration file, with changes; return its path."""
    def write(**changes):
        path = tmp_path / 'config.yml'
        path.write_text(json.dumps({'prod': dict(
            dict(settings, storage='swift', standalone=True), **changes)}))
        return str(path)
    return write


#: Says where serve would listen, which no test may do but on loopback.
_LISTENS = """
from docker_registry.drivers.swift.commands import main
from docker_registry.drivers.swift.server import process
process.run = lambda application, options: print(options.host)
main.main()
"""


@pytest.mark.parametrize('options, expected', [
    ((), None), (('--host', '[::1]'), '::1'),
    (('--host', '192.0.2.1'), '192.0.2.1')])
def test_where_it_listens(write_config, options, expected):
    """Where nobody says: for IPv6, too, as registry:2."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            # A client of IPv4, to a socket of IPv6.
            probe.bind(('::ffff:127.0.0.1', 0))
            probe.listen()
            socket.create_connection(
                (processes.HOST, probe.getsockname()[1])).close()
        every = '::'
    except OSError:
        every = '0.0.0.0'
    printed = subprocess.check_output(
        [environments.build('serve'), '-c', _LISTENS, 'serve', '--config',
         write_config(), '--flavor', 'prod', *options],
        text=True, stderr=subprocess.DEVNULL)
    assert printed == (expected or every) + '\n'


def test_tls(settings, directory, tmp_path):
    front.certificates(str(tmp_path))
    with serve.Serve(str(directory), settings, [
            '--certificate', str(tmp_path / 'server.pem')],
            ping=None) as running:
        context = ssl.create_default_context(cafile=str(tmp_path / 'ca.pem'))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=context))
        for _ in range(2):
            with opener.open('https://localhost:%d/v2/' % running.port
                             ) as answer:
                assert answer.status == 200
            # As if it were being renewed.
            (tmp_path / 'server.pem').write_text('')
        assert 'server.pem' in running.log()
    assert 'Traceback' not in running.log()


def test_tutorial_of_registry2(cluster, settings, directory, users):
    with serve.Serve(str(directory), _TUTORIAL % settings, variables={
            'REGISTRY_AUTH': 'htpasswd',
            'REGISTRY_AUTH_HTPASSWD_REALM': users['htpasswd']['realm'],
            'REGISTRY_AUTH_HTPASSWD_PATH': users['htpasswd']['path'],
            # tempauth, which is not what the tutorial is about.
            'REGISTRY_STORAGE_SWIFT_AUTHVERSION': '1'}) as running:
        v2client.V2Client(running.port).expect(401, 'GET', '/v2/')
        v2 = v2client.V2Client(running.port, 'bob', 'password')
        pushed = v2.push('busybox', random(100))
        assert v2.pull('busybox') == pushed
        answer = v2.expect(405, 'DELETE', '/v2/busybox/manifests/latest')
        assert answer.headers['X-Content-Type-Options'] == 'nosniff'
        assert answer.headers['X-Greeting'].encode('latin-1') == (
            'café →'.encode())
    root = 'files/docker/registry/v2/'
    names = cluster.list('tutorial')
    assert root + 'repositories/busybox/_manifests/tags/latest/current/link' \
        in names
    assert all(name.startswith(root) for name in names)
    assert 'rootdirectory: left out' in running.log()
    assert 'secret' not in running.log()
    with registry2.Registry2(str(directory), dict(
            settings, swift_container='tutorial', storage_path='')) as other:
        assert v2client.V2Client(other.port).pull('busybox') == pushed


@pytest.mark.parametrize('environment, changes, message', [
    ('serve', {'standalone': False}, 'standalone is not true'),
    ('serve', {'storage': 'file'}, 'storage is file, not swift'),
    ('serve', {'swift_contaner': 'x'}, 'swift_contaner: unknown'),
    ('registry', {}, 'it needs Python 3.8')])
def test_what_cannot_be_served(write_config, environment, changes, message):
    ended = subprocess.run(
        [environments.program(environment, 'docker-registry-swift'), 'serve',
         '--config', write_config(**changes), '--flavor', 'prod'],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert ended.returncode == 2
    assert message in ended.stderr


def test_address_that_is_in_use(write_config):
    with socket.socket() as taken:
        taken.bind((processes.HOST, 0))
        taken.listen()
        ended = subprocess.run(
            [environments.program('serve', 'docker-registry-swift'), 'serve',
             '--config', write_config(), '--flavor', 'prod', '--host',
             processes.HOST, '--port', str(taken.getsockname()[1])],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert ended.returncode == 2
    assert 'already in use' in ended.stderr
