"""The real registry on real Swift, over HTTP; Python 3."""

import itertools
import json
import os
import subprocess

import pytest

from stack import environments
from stack.clients import v1client
from stack.servers import redis
from stack.servers import registry
from stack.servers import swift

_containers = itertools.count()
#: A bcrypt hash of "password".
_USERS = ('bob:$2y$04$r594zOtinmTe4yJqH0Zt9.QgA4MbSBSfBAdafHmSJRLGnA0NU9ayu'
          '\n')


@pytest.fixture(scope='session', autouse=True)
def hear_answers(overheard):
    """Log every answer of a registry: test_secrets.py reads the log."""
    request = v1client.V1Client.request

    def heard(self, method, path, *arguments, **keywords):
        answer = request(self, method, path, *arguments, **keywords)
        if answer.status != 302:  # whose purpose is a signed URL
            overheard.others.debug(
                'answer of %s %s: %s %s', method, path, answer.headers.items(),
                answer.body[:1000])
        return answer
    v1client.V1Client.request = heard
    yield
    v1client.V1Client.request = request


@pytest.fixture(scope='session')
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp('stack')


@pytest.fixture(scope='session')
def cluster(directory):
    with swift.Swift(str(directory / 'swift')) as running:
        yield running


@pytest.fixture(scope='session')
def call_driver(directory, overheard):
    """Call the driver of an environment; see driver_calls.py."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                          'driver_calls.py')

    # The machine's proxy has no way to servers on loopback.
    others = {name: value for name, value in os.environ.items()
              if not name.lower().endswith('_proxy')}

    def call(environment, settings, calls, variables=None):
        log_name = 'calls-of-%s.log' % environment
        with open(str(directory / log_name), 'a') as log:
            answers = subprocess.check_output(
                [environments.build(environment), script],
                input=json.dumps([settings, calls]), text=True, stderr=log,
                env=dict(others, **(variables or {})))
        # But for URLs, whose purpose is a signature.
        if 'content_redirect_url' not in [call[0] for call in calls]:
            overheard.others.debug('answers of the driver: %s', answers)
        return json.loads(answers)
    return call


@pytest.fixture(scope='session')
def redis_server(directory):
    with redis.Redis(str(directory)) as running:
        yield running.server


@pytest.fixture(scope='module')
def start_registry(cluster, directory):
    """Start registries; they stop at the end of the module."""
    started = []

    def start(settings=None, **keywords):
        server = registry.Registry(
            str(directory), dict(cluster.settings(
                swift_container='container%d' % next(_containers),
                storage_path='/registry', loglevel='debug'),
                **(settings or {})), **keywords)
        server.__enter__()
        started.append(server)
        return server
    yield start
    for server in started:
        server.server.stop()


@pytest.fixture(scope='module')
def server(start_registry):
    """A registry whose container is used by this module alone."""
    return start_registry()


@pytest.fixture
def client(server):
    return v1client.V1Client(server.port)


@pytest.fixture
def stored(cluster, server):
    """Tell which objects the registry's container has below a path."""
    def names(path=''):
        prefix = 'registry/' + path
        return [name for name
                in cluster.list(server.settings['swift_container'])
                if name.startswith(prefix)]
    return names


@pytest.fixture
def users(tmp_path):
    """What swift_v2: auth: is to be, for bob with the password "password"."""
    path = tmp_path / 'htpasswd'
    path.write_text(_USERS)
    return {'htpasswd': {'realm': 'images', 'path': str(path)}}
