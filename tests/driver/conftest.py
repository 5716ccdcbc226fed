"""Real Swift and Redis for the driver's tests, on any Python."""

import io
import itertools
import json
import os
import subprocess
import time

import calls
import hypothesis
import pytest
import relay
import yaml

from docker_registry.core import exceptions
from docker_registry.core import lru
from docker_registry.drivers.swift import Storage
from docker_registry.drivers.swift import cache
from docker_registry.drivers.swift.client import deletion
from docker_registry.drivers.swift.commands import main
from docker_registry.testing import Config

_PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
_containers = itertools.count()

# What more examples find is in the algorithm: one Python has most of them.
hypothesis.settings.register_profile(
    'thorough', max_examples=3000, deadline=None)
hypothesis.settings.register_profile('quick', max_examples=300, deadline=None)
hypothesis.settings.load_profile('quick')


@pytest.fixture(scope='session', autouse=True)
def hear_exceptions(overheard):
    """Log every exception of the driver: test_secrets.py reads the log."""
    make = exceptions.UnspecifiedError.__init__

    def heard(self, *arguments, **keywords):
        overheard.others.debug('raised: %s', arguments)
        make(self, *arguments, **keywords)
    exceptions.UnspecifiedError.__init__ = heard
    yield
    exceptions.UnspecifiedError.__init__ = make


@pytest.fixture(scope='session')
def services():
    """What runs for this session; see stack/commands/services.py."""
    # The stack needs Python 3; the tests need not. It ends with its stdin.
    process = subprocess.Popen(
        [os.environ.get('STACK_PYTHON', 'python3'), '-m', 'stack', 'services',
         # Pages of listings, and objects, small enough to need several.
         '--constraints', json.dumps({'container_listing_limit': 20,
                                      'max_file_size': 16 * 1024 * 1024})],
        cwd=_PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        line = process.stdout.readline()
        assert line, 'the stack did not start'
        yield json.loads(line.decode('utf-8'))
    finally:
        process.stdin.close()
        process.wait()


@pytest.fixture
def swift_settings(services):
    """Configuration of a container that nobody else uses, as a dict."""
    return dict(services['settings'],
                swift_container='container%d' % next(_containers))


@pytest.fixture
def make_storage(swift_settings):
    """Build a Storage in the test's container; settings may be changed."""
    def make(path='/registry', **changes):
        return Storage(path, Config(dict(swift_settings, **changes)))
    return make


@pytest.fixture
def storage(make_storage):
    return make_storage()


@pytest.fixture
def faults(services):
    """A relay before Swift that does what it is told to."""
    with relay.Relay(services['port']) as running:
        yield running


@pytest.fixture
def faulty_storage(make_storage, faults):
    """A Storage whose every request passes through the relay.

    It does not wait long between them.
    """
    return make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_retry_delay=0.02)


@pytest.fixture
def next_second():
    """Wait until all that was written is older than Swift's Date says it is.

    Swift's Date has no fractions of a second; times in listings do.
    """
    return lambda: time.sleep(1.01 - time.time() % 1)


@pytest.fixture
def redis_cache(services, monkeypatch):
    """Turn the registry's Redis cache on, for one test; it has much time."""
    monkeypatch.setattr(cache, '_TIMEOUT_SECONDS', 30)
    lru.init(host='127.0.0.1', port=services['redis_port'], path='/registry')
    lru.redis_conn.flushall()
    yield lru.redis_conn
    lru.init(enable=False)


@pytest.fixture
def make_faulty(make_storage, faults, monkeypatch):
    """Make a storage whose requests the relay counts; warmed up."""
    monkeypatch.setattr(deletion, '_VERSIONS_SECONDS', 3600)

    def make(**changes):
        storage = make_storage(
            swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
            **changes)
        storage.stream_write('warm', io.BytesIO(b'up'))
        storage.check()  # as each worker does
        return storage
    return make


@pytest.fixture
def parent(make_storage):
    """The parent of the image that calls.push() pushes."""
    calls.put_parent(make_storage())


@pytest.fixture
def write_config(swift_settings, tmpdir):
    """Write the registry's configuration; return the path of the file.

    Settings of its flavor dev may be changed; None takes one away.
    """
    def write(**changes):
        path = tmpdir.join('config.yml')
        flavor = dict(swift_settings, storage='swift',
                      storage_path='/registry')
        flavor.update(changes)
        path.write(yaml.safe_dump({'dev': flavor}))
        return str(path)
    return write


@pytest.fixture
def command(write_config, capsys):
    """Run docker-registry-swift; return its exit status and what it prints.

    With status 2 that is its message.

    Settings may be changed.
    """
    def run(name, *options, **changes):
        status = main.main([name, '--config', write_config(**changes),
                            '--flavor', 'dev'] + list(options))
        printed, errors = capsys.readouterr()
        return status, errors if status == 2 else printed
    return run


@pytest.fixture
def json_command(command):
    """Run a command with --json; return its exit status and a list."""
    def run(name, *options, **changes):
        status, printed = command(name, '--json', *options, **changes)
        return status, [json.loads(line) for line in printed.splitlines()]
    return run
