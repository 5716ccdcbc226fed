"""What the registry's own ways of telling an operator hear of the storage."""

import os
import subprocess

from stack import environments

_CHECK = '''
import logging
import flask
from docker_registry import storage
from docker_registry import wsgi
from docker_registry.app import app
from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift.client import container

logged, signalled = [], []

class Handler(logging.Handler):
    def emit(self, record):
        logged.append(record.getMessage())

# As email_exceptions and bugsnag do.
handler = Handler()
handler.setLevel(logging.ERROR)
app.logger.addHandler(handler)

def hear(sender, exception):
    signalled.append((flask.request.path, exception))
flask.got_request_exception.connect(hear, app)
error = None

def fail(*arguments, **keywords):
    raise error
storage.load().get_content = fail
container.Container.get = container.Container.head = fail
client = app.test_client()
for status, answer in (507, 507), (503, 503), (401, 500), (404, 404):
    for method, path in (('GET', '/v1/repositories/library/x/tags/latest'),
                         ('GET', '/v2/x/blobs/sha256:' + 64 * 'a'),
                         ('POST', '/v2/x/blobs/uploads/?from=y&mount=sha256:'
                          + 64 * 'a')):
        del logged[:], signalled[:]
        error = errors.from_status('GET a', 'a', status)
        found = client.open(path, method=method).status_code
        if answer == 404:
            assert found in (404, 202), (path, found)
            assert (logged, signalled) == ([], [])
            continue
        assert found == answer, (path, found, status)
        assert signalled == [(path.split('?')[0], error)], signalled
        assert len(logged) == 1 and str(error) in logged[0], logged
'''


def test_storage_failures_are_heard(start_registry):
    server = start_registry({'extensions': {'swift_v2': {'enabled': True}}})
    subprocess.check_call(
        [environments.build('registry'), '-c', _CHECK],
        env=dict(os.environ, DOCKER_REGISTRY_CONFIG=server.config_file,
                 SETTINGS_FLAVOR='prod'))
