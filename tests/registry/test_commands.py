"""docker-registry-swift's commands beside registries and clients."""

import collections
import concurrent.futures
import json
import os
import random
import subprocess
import threading
import time

from stack import environments
from stack.clients import v1client
from stack.clients import v2client

_CLIENTS = 16
#: When to give up.
_SECONDS = 900
#: Longer than a push takes here.
_AGE = '10s'
_KINDS = ('image', 'manifest', 'blob')
_V2 = {'loglevel': 'info', 'extensions': {'swift_v2': {'enabled': True}}}


def run(server, command, *options):
    """Run a command that is to find all well; return what it prints."""
    done = subprocess.run(
        [environments.program('registry', 'docker-registry-swift'), command,
         '--config', server.config_file, '--flavor', 'prod', '--json',
         *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def work(pushers, meanwhile, is_enough):
    """Let clients push while something is done again and again.

    :param meanwhile: callable
    :param is_enough: callable that tells whether it has been done enough
    """
    stopped = threading.Event()
    until = time.monotonic() + _SECONDS
    with concurrent.futures.ThreadPoolExecutor(len(pushers)) as pool:
        working = [pool.submit(pusher.work, stopped) for pusher in pushers]
        try:
            while not is_enough():
                assert time.monotonic() < until
                meanwhile()
        finally:
            stopped.set()
        for each in working:
            each.result()
    assert [pusher.failures for pusher in pushers if pusher.failures] == []


class Pusher:

    """A client that pushes images again and again, new ones and old ones.

    :ivar pushed: dict from (repository, tag) to what it names, since a push
        of it was acknowledged
    :ivar failures: what went wrong, as texts
    """

    def __init__(self, port, number):
        self._client = v1client.V1Client(port)
        self._repository = 'team/app%d' % number
        self._numbers = random.Random(number)
        self._chains = []
        self.pushed = {}
        self.failures = []

    def work(self, stopped):
        while not stopped.is_set():
            self._push_new()
            if len(self._chains) > 3 and self._numbers.random() < 0.3:
                self._push_old()

    def _push_new(self):
        base = v1client.make_image(layer_bytes=3000)
        chain = [base, v1client.make_image(base, 2000)]
        self._chains.append(chain)
        try:
            self._push(chain, 'latest')
            # Who has just been told that it is there gets it.
            if self._client.pull(self._repository) != chain:
                self.failures.append('%s: others' % self._repository)
        except (v1client.RefusedError, v1client.CorruptError) as error:
            self.failures.append(str(error))

    def _push_old(self):
        # It may be about to go, and then this may be refused.
        try:
            self._push(self._numbers.choice(self._chains[:-2]), 'again')
        except v1client.RefusedError as error:
            if error.status >= 500:
                self.failures.append(str(error))

    def _push(self, chain, tag):
        self._client.push(self._repository, chain, tag)
        self.pushed[self._repository, tag] = chain


class PusherV2:

    """The same with a client of v2.

    :ivar pushed, failures: as those of Pusher
    """

    def __init__(self, port, number):
        self._client = v2client.V2Client(port)
        self._repository = 'v2/app%d' % number
        self._numbers = random.Random(number)
        self._images = []
        self.pushed = {}
        self.failures = []

    def work(self, stopped):
        while not stopped.is_set():
            layers = [os.urandom(3000), os.urandom(2000)]
            if self._images:
                # Which nothing may need any more.
                layers[0] = self._numbers.choice(self._images).layers[0]
            try:
                self._push('latest', layers)
                if len(self._images) > 3 and self._numbers.random() < 0.3:
                    self._push('again', self._numbers.choice(
                        self._images[:-2]).layers)
            except (v1client.RefusedError, v1client.CorruptError,
                    OSError) as error:
                self.failures.append(str(error))

    def _push(self, tag, layers):
        try:
            image = self._client.push(
                self._repository, layers, tag, way=self._numbers.choice([
                    v2client.ONE_PUT, v2client.CHUNKED]), config=os.urandom(9))
        except v1client.RefusedError as error:
            # What it has just pushed may be about to go; it would do it again.
            if error.status != 400:
                raise
            return
        self._images.append(image)
        self.pushed[self._repository, tag] = image


def test_every_acknowledged_push_is_pulled(start_registry):
    server = start_registry(_V2)
    pushers = [Pusher(server.port, number) for number in range(_CLIENTS)]
    pushers += [PusherV2(server.port, number) for number in range(_CLIENTS)]
    removed = collections.Counter()
    work(pushers, lambda: removed.update(
        each['kind'] for each in run(server, 'gc', '--delete', '--untagged',
                                     '--older-than', _AGE)),
         lambda: min(removed[kind] for kind in _KINDS) > 5)
    pull_all(server, pushers)
    # What no tag reaches goes in the end, and nothing else.
    time.sleep(1)
    run(server, 'gc', '--delete', '--untagged', '--older-than', '0s')
    pull_all(server, pushers)
    assert set(stored_images(server)) == {
        image.id for pusher in pushers[:_CLIENTS]
        for chain in pusher.pushed.values() for image in chain}
    assert run(server, 'fsck', '--deep', '--older-than', '0s') == []


def pull_all(server, pushers):
    v1, v2 = v1client.V1Client(server.port), v2client.V2Client(server.port)
    for pusher in pushers:
        for (name, tag), image in pusher.pushed.items():
            client = v2 if isinstance(pusher, PusherV2) else v1
            assert client.pull(name, tag) == image


def test_pushes_are_no_damage(start_registry):
    server = start_registry(_V2)
    pushers = [Pusher(server.port, number) for number in range(_CLIENTS)]
    pushers += [PusherV2(server.port, number) for number in range(_CLIENTS)]
    looks = []
    work(pushers, lambda: looks.append(run(server, 'fsck', '--deep')),
         lambda: len(looks) > 2)
    assert looks == 3 * [[]]
    assert run(server, 'fsck', '--older-than', '0s') == []


def test_a_registry_moves_in(start_registry, tmp_path):
    old = start_registry({'storage': 'file',
                          'storage_path': str(tmp_path / 'images')})
    new = start_registry()
    config = tmp_path / 'config.yml'
    config.write_text(json.dumps({'old': old.settings, 'new': new.settings}))
    client, moved = (v1client.V1Client(each.port) for each in (old, new))
    base = v1client.make_image()
    chains = {}

    def push(repository, layer_bytes):
        chains[repository] = [base, v1client.make_image(base, layer_bytes)]
        client.push(repository, chains[repository])

    def copy(source, target):
        subprocess.check_call(
            [environments.program('registry', 'docker-registry-swift'),
             'copy', '--config', str(config), '--from', source, '--to',
             target, '--verify'], stdout=subprocess.DEVNULL)
    push('team/small', 1000)
    push('team/large', 40 * 1024 * 1024)
    copy('old', 'new')
    # Somebody goes on with it there; the rest comes along later.
    moved.push('team/new', [base, v1client.make_image(base)])
    push('team/later', 1000)
    copy('old', 'new')
    for repository, chain in chains.items():
        assert moved.pull(repository) == chain
    assert run(new, 'fsck', '--deep', '--older-than', '0s') == []
    copy('new', 'old')
    assert client.pull('team/new') == moved.pull('team/new')


def test_a_registry_on_s3_moves_in(cluster, start_registry, tmp_path):
    # By Swift's own S3 API.
    cluster.request('PUT', 'bucket')
    user, password = (cluster.settings()[key] for key in (
        'swift_user', 'swift_password'))
    old = start_registry({
        'storage': 's3', 'storage_path': '/old/images', 's3_access_key': user,
        's3_secret_key': password, 's3_bucket': 'bucket',
        'boto_bucket': 'bucket', 'boto_host': '127.0.0.1',
        'boto_port': cluster.proxy.port, 's3_secure': False,
        'boto_calling_format': 'boto.s3.connection.OrdinaryCallingFormat'})
    new = start_registry()
    config = tmp_path / 'config.yml'
    config.write_text(json.dumps({'old': old.settings, 'new': new.settings}))
    base = v1client.make_image()
    chain = [base, v1client.make_image(base, 8 * 1024 * 1024)]
    v1client.V1Client(old.port).push('team/app', chain)
    copy = [environments.program('registry', 'docker-registry-swift'), 'copy',
            '--config', str(config), '--from', 'old', '--to', 'new']
    done = subprocess.run(copy + ['--verify'], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert v1client.V1Client(new.port).pull('team/app') == chain
    # Who finds nothing there any more is told so.
    names = cluster.list('bucket')
    for name in names:
        cluster.request('DELETE', 'bucket/' + name)
    done = subprocess.run(copy, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert 'there is no registry in flavor old' in done.stderr
    assert password not in done.stdout + done.stderr


def stored_images(server):
    done = subprocess.check_output(
        [environments.build('registry'), '-c',
         'from docker_registry import storage\n'
         'for path in storage.load().list_directory("images"):\n'
         '    print(path.split("/")[1])'], text=True,
        stderr=subprocess.DEVNULL,
        env={'DOCKER_REGISTRY_CONFIG': server.config_file,
             'SETTINGS_FLAVOR': 'prod'})
    return done.split()
