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

logged, signalled = [], []

class Handler(logging.Handler):
    def emit(self, record):
        logged.append(record.getMessage())

# As email_exceptions and bugsnag do.
handler = Handler()
handler.setLevel(logging.ERROR)
app.logger.addHandler(handler)

def hear(sender, exception):
    signalled.append((sender, exception))
flask.got_request_exception.connect(hear, app)
error = None

def fail(*arguments):
    raise error
storage.load().get_content = fail
client = app.test_client()
for status, answer in (507, 507), (503, 503), (401, 500), (404, 404):
    del logged[:], signalled[:]
    error = errors.from_status('GET a', 'a', status)
    path = '/v1/repositories/library/x/tags/latest'
    assert client.get(path).status_code == answer, status
    if answer == 404:
        assert (logged, signalled) == ([], [])
    else:
        assert signalled == [(app, error)], signalled
        assert len(logged) == 1 and str(error) in logged[0], logged
'''


def test_storage_failures_are_heard(server):
    subprocess.check_call(
        [environments.build('registry'), '-c', _CHECK],
        env=dict(os.environ, DOCKER_REGISTRY_CONFIG=server.config_file,
                 SETTINGS_FLAVOR='prod'))
