"""docker-registry-swift gc and fsck while clients push."""

import concurrent.futures
import json
import random
import subprocess
import threading
import time

from stack import environments
from stack.clients import v1client

_CLIENTS = 16
_SECONDS = 45
#: Longer than a push takes here.
_AGE = '10s'


def run(server, command, *options):
    """Run a command that is to find all well; return what it prints."""
    done = subprocess.run(
        [environments.program('registry', 'docker-registry-swift'), command,
         '--config', server.config_file, '--flavor', 'prod', '--json',
         *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def work(pushers, seconds, meanwhile):
    """Let clients push for so long, and do something again and again."""
    stopped = threading.Event()

    def repeat():
        while not stopped.is_set():
            meanwhile()
    with concurrent.futures.ThreadPoolExecutor(len(pushers) + 1) as pool:
        repeating = pool.submit(repeat)
        try:
            until = time.monotonic() + seconds
            list(pool.map(lambda pusher: pusher.work(until), pushers))
        finally:
            stopped.set()
        repeating.result()
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

    def work(self, until):
        while time.monotonic() < until:
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


def test_every_acknowledged_push_is_pulled(start_registry):
    server = start_registry({'loglevel': 'info'})
    pushers = [Pusher(server.port, number) for number in range(_CLIENTS)]
    removed = []
    work(pushers, _SECONDS, lambda: removed.extend(
        run(server, 'gc', '--delete', '--older-than', _AGE)))
    assert len([each for each in removed if each['kind'] == 'image']) > 5
    client = v1client.V1Client(server.port)
    reached = set()
    for pusher in pushers:
        for (repository, tag), chain in pusher.pushed.items():
            assert client.pull(repository, tag) == chain
            reached.update(image.id for image in chain)
    # What no tag reaches goes in the end, and nothing else.
    time.sleep(1)
    run(server, 'gc', '--delete', '--older-than', '0s')
    assert set(stored_images(server)) == reached


def test_pushes_are_no_damage(start_registry):
    server = start_registry({'loglevel': 'info'})
    pushers = [Pusher(server.port, number) for number in range(_CLIENTS)]
    work(pushers, _SECONDS / 3, lambda: run(server, 'fsck', '--deep'))
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
