"""What each command of docker-registry-swift does where it cannot go on."""

import os
import random
import subprocess
import sys

import pytest
import relay
from test_v2_adoption import history
from test_v2_adoption import push
import test_v2_push_api
import v1_images

from docker_registry.drivers.swift.client import container
from docker_registry.drivers.swift.commands import main
from docker_registry.drivers.swift.commands import removal

_READING = [('ls',), ('ls', '*'), ('du',), ('fsck', '--deep'), ('gc',)]
_WRITING = [('gc', '--delete', '--untagged'), ('fsck', '--repair'),
            ('tags', 'rm', 'x', 'latest'), ('repository', 'rm', 'a/b')]
_CALLS = ('head', 'get', 'put', 'list', 'delete', 'delete_all',
          'put_manifest', 'get_manifest')


@pytest.fixture
def filled(storage, monkeypatch, next_second):
    """A container with what both kinds of clients have pushed."""
    monkeypatch.setattr(removal, 'SETTLE_SECONDS', 0.1)
    monkeypatch.setattr(removal, '_PAUSE_SECONDS', 0)
    images = v1_images.Images(storage)
    images.tag(images.push([b'a' * 100, b'b' * 100])[-1])
    images.push([b'c' * 100])
    client = test_v2_push_api.Client(storage)
    push(client, [os.urandom(100)], history(('one', True)))
    client.push(tag='2')
    client.push_blob(os.urandom(10))
    # A note of a tag that is gone.
    storage.put_content('repositories/library/x/tag_gone', b'a')
    storage._container.delete('registry/repositories/library/x/tag_gone')
    next_second()
    return storage


def options(words):
    ages = ['--older-than', '0s'] if words[0] in ('gc', 'fsck') else []
    return list(words) + ages


@pytest.mark.once
def test_proxy_that_is_restarted(command, filled, faults):
    # As often as a request is sent that does not wait.
    faults.inject(relay.drop(), 'GET', 'tag_latest', times=2)
    status, printed = command(
        *options(['gc', '--jobs', '1']), swift_retries=1,
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port)
    assert status in (0, 1), printed
    assert faults.count('GET', 'tag_latest') > 2


@pytest.mark.once
@pytest.mark.parametrize('words', [('ls',), ('gc', '--json'), ('du',)])
def test_nobody_reads_what_it_prints(write_config, filled, words):
    reads, writes = os.pipe()
    os.close(reads)
    process = subprocess.Popen(
        [sys.executable, '-m', 'docker_registry.drivers.swift.commands.main']
        + options(words) + ['--config', write_config(), '--flavor', 'dev'],
        stdout=writes, stderr=subprocess.PIPE)
    os.close(writes)
    assert (process.communicate()[1], process.returncode) == (b'', 2)


def listed(storage):
    return sorted((entry['name'], entry['hash'])
                  for entry in storage.container.list(''))


@pytest.mark.once
@pytest.mark.parametrize('words', _READING + _WRITING, ids=' '.join)
def test_where_it_cannot(command, filled, secret_of, services, words):
    before = listed(filled)
    status, printed = command(
        *options(words), swift_retries=0,
        swift_object_storage_url='http://127.0.0.1:9/v1/AUTH_test')
    assert (status, 'no answer' in printed) == (2, True)
    status, printed = command(*options(words),
                              swift_password=secret_of('nobody'))
    assert (status, 'swift_password' in printed) == (2, True)
    assert secret_of('nobody') not in printed
    guest = {'swift_user': 'test:guest',
             'swift_password': services['passwords']['test:guest']}
    status, printed = command(*options(words), **guest)
    assert (status, '403' in printed) == (2, True)
    filled.container.post({'X-Container-Read': 'test:guest,.rlistings'})
    status, printed = command(*options(words), **guest)
    if words in _READING:
        assert status in (0, 1)
    elif words[0] == 'fsck':  # the note stays
        assert status == 1
    else:
        assert (status, '403' in printed) == (2, True)
    assert listed(filled) == before


@pytest.mark.once
@pytest.mark.parametrize('words', _READING + _WRITING, ids=' '.join)
def test_who_stops_it_can_do_it_again(command, filled, monkeypatch, words):
    numbers = random.Random(' '.join(words))
    for _ in range(10):
        left = [numbers.randrange(1, 40)]
        with monkeypatch.context() as patched:
            for name in _CALLS:
                patched.setattr(container.Container, name, stopping(
                    getattr(container.Container, name), left))
            status, printed = command(*options(words))
        if status == 2:
            assert 'stopped' in printed
        # Nothing is damaged.
        found = command('fsck')[1]
        assert 'all is well' in found, found
    assert command(*options(words))[0] in (0, 1)
    assert 'all is well' in command('fsck', '--deep')[1]


def stopping(method, left):
    """Return a method that ^C stops, when calls are used up."""
    def stop(*arguments, **keywords):
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        return method(*arguments, **keywords)
    return stop


def test_fault_is_nothing_that_was_found(command, filled, monkeypatch):
    def fail(*arguments, **keywords):
        raise KeyError('of this program')
    monkeypatch.setattr(container.Container, 'metadata', fail)
    status, printed = command('gc')
    assert (status, 'of this program' in printed) == (2, True)


@pytest.mark.once
@pytest.mark.parametrize('words, most', [
    ('serve --port 0', 65535), ('serve --port 65536', 65535),
    ('serve --grace 0', 86400), ('serve --grace=-1', 86400),
    ('serve --workers 65', 64), ('index --jobs x', 64)])
def test_numbers_of_options(capsys, words, most):
    with pytest.raises(SystemExit) as ended:
        main.main(words.split())
    assert ended.value.code == 2
    assert ': not a number from 1 to %d: ' % most in capsys.readouterr()[1]
