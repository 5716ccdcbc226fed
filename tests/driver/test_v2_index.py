"""docker-registry-swift index, against a real Swift."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios

import pytest
import relay
import v1_images
import yaml

from docker_registry.drivers.swift.commands import main
from docker_registry.drivers.swift.v2 import facts
from docker_registry.drivers.swift.v2 import repositories


@pytest.fixture
def v1(storage):
    return v1_images.Images(storage)


@pytest.fixture
def config(swift_settings, tmpdir):
    """Write a configuration file; return its path."""
    def write(**changes):
        path = tmpdir.join('config.yml')
        path.write(yaml.safe_dump({'dev': dict(
            swift_settings, storage='swift', storage_path='/registry',
            **changes)}))
        return str(path)
    return write


@pytest.fixture
def run(config, capsys):
    """Run the command; give its exit status and what it prints."""
    def run(*options, **changes):
        status = main.main(['index', '--config', config(**changes),
                            '--flavor', 'dev'] + list(options))
        printed, failed = capsys.readouterr()
        run.errors = failed.splitlines()
        return status, printed.splitlines()
    return run


def test_nothing_to_do(run, storage):
    assert run() == (2, [])
    assert run.errors[-1].startswith('index: there is no container ')
    storage.put_content('a', b'b')  # makes the container
    assert run() == (0, ['0 of 0 can be pulled by v2 clients'])


@pytest.mark.parametrize('jobs', ['1', '4'])
def test_all_is_converted(run, v1, storage, monkeypatch, jobs):
    ids = v1.push([v1_images.tar(1000), v1_images.tar(100)])
    v1.tag(ids[-1])
    v1.tag(ids[0], tag='_base')
    v1.tag(ids[-1], 'a/b%252Fc', 'v1')
    assert run('--jobs', jobs) == (0, [
        'a/b/c:v1: converted', 'x:_base: converted', 'x:latest: converted',
        '3 of 3 can be pulled by v2 clients'])
    v2 = repositories.in_container(storage.settings, storage.container)
    assert v2.convert('library/x', 'latest') is False
    # Again, it reads nothing.
    monkeypatch.setattr(facts, 'Pass', None)
    status, lines = run()
    assert status == 0
    assert lines[0] == 'a/b/c:v1: done before'


@pytest.mark.parametrize('pattern, expected', [
    ('x', ['x']), ('library/*', ['x']), ('a/*', ['a/b', 'a/c']),
    ('*/b', ['a/b']), ('nothing', [])])
def test_some_repositories(run, v1, pattern, expected):
    image_id = v1.push([v1_images.tar(1)])[-1]
    for repository in ('library/x', 'a/b', 'a/c'):
        v1.tag(image_id, repository)
    status, lines = run('--repository', pattern)
    assert status == 0
    assert lines[:-1] == ['%s:latest: converted' % name for name in expected]


def test_what_cannot_be_converted(run, v1, storage):
    good = v1.push([v1_images.tar(1)])[-1]
    v1.tag(good)
    v1.tag(good, 'a/UPPER')
    v1.tag(good, 'a/-b')
    v1.tag(good, tag='.hidden')
    short = v1.push([v1_images.gzipped(v1_images.tar(1))[:-1]])[-1]
    v1.tag(short, tag='short')
    orphan = v1.push([v1_images.tar(1), v1_images.tar(1)])
    storage.remove('images/%s/json' % orphan[0])
    v1.tag(orphan[1], tag='orphan')
    half = v1.push([v1_images.tar(1)])[-1]
    storage.put_content('images/%s/_inprogress' % half, b'true')
    v1.tag(half, tag='half')
    status, lines = run()
    assert status == 1
    assert 'x:latest: converted' in lines
    failures = {line.split(': ')[0]: line.split(': ', 1)[1]
                for line in lines if ': FAILED: ' in line}
    for name, part in [('a/UPPER', 'no repository of this name'),
                       ('a/-b', 'no repository of this name'),
                       ('x:.hidden', 'no tag of this name'),
                       ('x:short', 'image %s: its layer is damaged' % short),
                       ('x:orphan', 'image %s: its json is missing'
                        % orphan[0]),
                       ('x:half', 'image %s: it is being pushed' % half)]:
        assert part in failures.pop(name)
    assert failures == {}
    # Once more at the end, where nobody overlooks it.
    assert lines[-7] == '1 of 7 can be pulled by v2 clients'
    assert all(line.startswith('FAILED  ') for line in lines[-6:])


def test_json(run, v1):
    v1.tag(v1.push([v1_images.tar(1)])[-1])
    v1.tag(v1.push([b''])[-1], tag='damaged')
    status, lines = run('--json')
    assert status == 1
    damaged, converted, total = map(json.loads, lines)
    assert 'its layer has no bytes' in damaged.pop('error')
    assert damaged == {
        'kind': 'tag', 'name': 'x:damaged', 'outcome': 'failed'}
    assert converted == {'kind': 'tag', 'name': 'x:latest',
                         'outcome': 'converted', 'error': None}
    assert total == {'kind': 'total', 'tags': 2, 'failed': 1}


@pytest.mark.parametrize('times, status', [(2, 0), (100, 2)])
def test_outage(run, v1, faults, times, status):
    v1.tag(v1.push([v1_images.tar(1)])[-1])
    faults.inject(relay.drop(), 'HEAD', '/layer', times=times)
    url = 'http://127.0.0.1:%d/auth/v1.0' % faults.port
    assert run('--jobs', '1', swift_authurl=url, swift_retries=1,
               swift_timeout=3)[0] == status
    if status:
        assert run.errors[-2] == 'index: stopped after 0 of 1'
        assert run.errors[-1].startswith('index: HEAD registry/images/')
    assert run()[0] == 0


def test_configuration_that_is_wrong(run):
    assert run(swift_password=None) == (2, [])
    assert 'swift_password: missing' in '\n'.join(run.errors)


def test_progress_on_a_terminal(config, v1):
    v1.tag(v1.push([v1_images.tar(3000000)])[-1])
    v1.tag(v1.push([b''])[-1], tag='damaged')
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('4H', 24, 100, 0, 0))
    process = subprocess.Popen(
        [sys.executable, '-m', 'docker_registry.drivers.swift.commands.main',
         'index', '--config', config(), '--flavor', 'dev'],
        stdout=theirs, stderr=subprocess.STDOUT)
    os.close(theirs)
    shown = b''
    while True:
        try:
            shown += os.read(ours, 1000)
        except OSError:  # the other side is closed
            break
    os.close(ours)
    assert process.wait() == 1
    shown = shown.decode('utf-8')
    assert '| 0/2 [' in shown
    assert 'tags/s, ' in shown and ' read, ' in shown
    assert 'x:damaged: FAILED: ' in shown
    assert shown.splitlines()[-2] == '1 of 2 can be pulled by v2 clients'
