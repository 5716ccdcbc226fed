"""Works 11 to 14: the operator's commands, each a process of its own."""

import hashlib
import json
import os
import resource
import subprocess
import time

from stack import environments
from stack.servers import processes

from . import MIB
from . import Metric
from . import rate
from . import seconds
from .. import contestants

_DELAY_SECONDS = 0.02
_TAGS = 10
#: One in so many is read one by one, and the time multiplied.
_SAMPLE = 50
_TAG = 'registry/repositories/team/app%04d/tag_%d'


def run(bench, command, flavors, *options):
    """Run docker-registry-swift; return what it prints.

    :param flavors: of its configuration, a dict
    :raises OSError: it fails
    """
    path = bench.file('commands.yml')
    with open(path, 'w') as config:
        json.dump({name: dict({'storage': 'swift'}, **flavor)
                   for name, flavor in flavors.items()}, config)
    done = subprocess.run(
        [environments.program('registry', 'docker-registry-swift'), command,
         '--config', path, '--json'] + list(options),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise OSError(done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def put_image(ask, container, layer_bytes=0):
    """Write an image past the registry, as it would; return its id.

    :param ask: of bench.connection()
    """
    image_id = os.urandom(32).hex()
    description = json.dumps({'id': image_id}).encode()
    layer = os.urandom(layer_bytes or 100)
    checksum = 'sha256:' + hashlib.sha256(
        description + b'\n' + layer).hexdigest()
    for name, content in (
            ('json', description), ('layer', layer),
            ('ancestry', json.dumps([image_id]).encode()),
            ('_checksum', json.dumps([checksum]).encode())):
        ask('PUT', '%s/registry/images/%s/%s' % (container, image_id, name),
            content, {'X-Object-Meta-Docker-Checksum': checksum})
    return image_id


def _children_seconds():
    """Return the CPU seconds of the processes that have ended.

    A command is one; Swift and the relay go on.
    """
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class List:

    """ls of all tags of many repositories; one container for all rounds.

    Each repository has one image of one layer, which all its tags name.
    """

    name = '11 ls of repositories with %d tags' % _TAGS
    who = (contestants.THIS, contestants.RAW)
    metrics = [seconds('at 20 ms')]

    def prepare(self, bench):
        bench.cluster.request('PUT', 'listed')
        self._image_ids = []
        with bench.connection() as ask:
            for repository in range(bench.scale.tags):
                image_id = put_image(ask, 'listed')
                self._image_ids.append(image_id)
                for tag in range(_TAGS):
                    ask('PUT', 'listed/' + _TAG % (repository, tag),
                        image_id.encode())

    def measure(self, bench, contestant, outcome):
        with bench.relay(_DELAY_SECONDS) as network:
            if contestant is contestants.RAW:
                outcome.values['at 20 ms'] = self._one_by_one(bench, network)
            else:
                outcome.seconds('at 20 ms', self._list, bench, network)

    @staticmethod
    def _list(bench, network):
        found = run(bench, 'ls', {'dev': bench.settings(
            'listed', network.port)}, '--flavor', 'dev', '*')
        if len(found) != bench.scale.tags * _TAGS:
            raise OSError('%d tags are listed' % len(found))

    def _one_by_one(self, bench, network):
        repositories = range(0, bench.scale.tags, _SAMPLE)
        with bench.connection(network.port) as ask:
            started = time.monotonic()
            for repository in repositories:
                ask('GET', 'listed?prefix=registry/repositories/team/app%04d/'
                    % repository)
                for tag in range(_TAGS):
                    ask('GET', 'listed/' + _TAG % (repository, tag))
                for name in ('ancestry', 'layer'):
                    ask('HEAD' if name == 'layer' else 'GET',
                        'listed/registry/images/%s/%s' % (
                            self._image_ids[repository], name))
            return (time.monotonic() - started) / len(
                repositories) * bench.scale.tags


class CopyInCluster:

    """copy from container to container, by Swift and through this machine.

    Where both flavors do not have the same address, copy cannot know that it
    is the same cluster.
    """

    name = '12 copy of large layers'
    who = (contestants.THIS,)
    _WAYS = (('by Swift', processes.HOST),
             ('through this machine', 'localhost'))
    metrics = [rate(name) for name, _ in _WAYS] + [
        Metric('CPU, ' + name, 's/GiB', False) for name, _ in _WAYS]
    _LAYERS = 4

    def measure(self, bench, contestant, outcome):
        url = 'http://%s:%d/v1/AUTH_test' % ('%s', bench.cluster.proxy.port)
        with bench.container() as source:
            self._fill(bench, source['swift_container'])
            mib = self._LAYERS * bench.scale.large_mib
            for name, host in self._WAYS:
                with bench.container() as target:
                    before = _children_seconds()
                    outcome.rate(
                        name, mib, run, bench, 'copy',
                        {'from': dict(source, swift_object_storage_url=url
                                      % processes.HOST),
                         'to': dict(target, swift_object_storage_url=url
                                    % host)}, '--from', 'from', '--to', 'to')
                    outcome.values['CPU, ' + name] = (
                        _children_seconds() - before) / mib * 1024

    def _fill(self, bench, container):
        with bench.connection() as ask:
            for number in range(self._LAYERS):
                image_id = put_image(ask, container,
                                     bench.scale.large_mib * MIB)
                ask('PUT', '%s/registry/repositories/team/app/tag_%d' % (
                    container, number), image_id.encode())


class CopyFiles:

    """copy of a directory into Swift, and `swift upload` of the same."""

    name = '13 copy of files'
    who = (contestants.THIS, contestants.RAW)
    metrics = [rate('write')]
    _LAYERS = 4

    def prepare(self, bench):
        self._directory = bench.file('files')
        for number in range(self._LAYERS):
            layer = os.urandom(bench.scale.large_mib * MIB)
            image_id = hashlib.sha256(layer).hexdigest()
            description = json.dumps({'id': image_id}).encode()
            checksum = hashlib.sha256(description + b'\n' + layer).hexdigest()
            path = os.path.join(self._directory, 'images', image_id)
            self._write(path, {
                'json': description, 'layer': layer,
                'ancestry': json.dumps([image_id]).encode(),
                '_checksum': json.dumps(['sha256:' + checksum]).encode()})
            self._write(os.path.join(
                self._directory, 'repositories', 'team', 'app%d' % number),
                {'tag_latest': image_id.encode()})

    @staticmethod
    def _write(directory, files):
        os.makedirs(directory)
        for name, content in files.items():
            with open(os.path.join(directory, name), 'wb') as file:
                file.write(content)

    def measure(self, bench, contestant, outcome):
        mib = self._LAYERS * bench.scale.large_mib
        with bench.container() as settings:
            if contestant is contestants.RAW:
                outcome.rate('write', mib, self._upload, bench,
                             settings['swift_container'])
            else:
                outcome.rate('write', mib, run, bench, 'copy', {
                    'from': {'storage': 'file',
                             'storage_path': self._directory},
                    'to': settings}, '--from', 'from', '--to', 'to')

    def _upload(self, bench, container):
        subprocess.run(
            [environments.program('swift', 'swift'), '--os-auth-token',
             bench.cluster.token(), '--os-storage-url',
             '%s/v1/AUTH_test' % bench.cluster.url, '--quiet', 'upload',
             container, '.'], cwd=self._directory, check=True,
            stdout=subprocess.DEVNULL)


class Fsck:

    """fsck; what it asks of an empty container is not an image's."""

    name = '14 fsck'
    who = (contestants.THIS,)
    metrics = [Metric('requests an image', '', False)]

    def measure(self, bench, contestant, outcome):
        with bench.container() as settings:
            outcome.attempt(self._count, bench, settings, outcome)

    def _count(self, bench, settings, outcome):
        empty = self._requests(bench, settings)
        with bench.connection() as ask:
            for _ in range(bench.scale.objects):
                put_image(ask, settings['swift_container'])
        outcome.values['requests an image'] = (
            self._requests(bench, settings) - empty) / bench.scale.objects

    @staticmethod
    def _requests(bench, settings):
        before = bench.requests()
        run(bench, 'fsck', {'dev': settings}, '--flavor', 'dev')
        return bench.requests() - before
