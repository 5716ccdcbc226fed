"""The real docker-registry 0.9.1 under gunicorn with gevent workers."""

import json
import os
import subprocess

from . import processes
from .. import environments

_ORPHANS = '''
import sys
from docker_registry import storage
swift = storage.load()
for name in swift.orphans(age_seconds=None):
    print(name)
if sys.argv[1] == 'remove':
    swift.remove_orphans(age_seconds=None)
'''


class Registry(processes.Running):

    """One registry.

    :param directory: where its configuration and log go
    :param settings: keys of its configuration, as a dict
    :param environment: 'registry' has this driver, 'legacy' has 0.2.1
    :param workers: number of gunicorn workers
    :param options: further command-line options of gunicorn, a list
    :param certificate: path of a file with certificate and key, for TLS
    """

    def __init__(self, directory, settings, environment='registry',
                 workers=2, options=(), certificate=None):
        os.makedirs(directory, exist_ok=True)
        self.settings = dict({'storage': 'swift', 'loglevel': 'info',
                              'standalone': True, 'debug': False}, **settings)
        port = processes.free_port()
        self.config_file = os.path.join(directory, 'config-%d.yml' % port)
        with open(self.config_file, 'w') as config_file:
            # Run with any other flavor it watches its files to reload them.
            config_file.write('prod:\n' + ''.join(
                '  %s: %s\n' % (key, json.dumps(value))
                for key, value in sorted(self.settings.items())))
        if certificate:
            # SSLv23, the newest that both know; gunicorn's own is TLS 1.0.
            options = [*options, '--certfile', certificate,
                       '--keyfile', certificate, '--ssl-version', '2',
                       '--ciphers', 'HIGH']
        binary = environments.program(environment, 'docker-registry')
        self._environment = environment
        self._variables = {'DOCKER_REGISTRY_CONFIG': self.config_file,
                           'SETTINGS_FLAVOR': 'prod'}
        self.server = processes.Server(
            'the registry', [binary], port,
            os.path.join(directory, '%s-%d.log' % (environment, port)),
            dict(self._variables, **{
                'PATH': os.path.dirname(binary) + os.pathsep
                + os.environ.get('PATH', ''),
                # Not the project's directory, where 0.2.1's registry would
                # find this driver's extension.
                'PYTHONPATH': os.path.dirname(binary),
                'REGISTRY_HOST': processes.HOST,
                'REGISTRY_PORT': str(port),
                'GUNICORN_WORKERS': str(workers),
                'GUNICORN_GRACEFUL_TIMEOUT': '30',
                'GUNICORN_OPTS': json.dumps(list(options)),
                'PYTHONUNBUFFERED': '1'}), None if certificate else '/_ping')

    def workers(self):
        """Return the process ids of its workers."""
        with open('/proc/%d/task/%d/children' % (
                self.server.pid, self.server.pid)) as children:
            return [int(pid) for pid in children.read().split()]

    def orphans(self, remove=False):
        """Return the segments that belong to no layer, however new.

        :param remove: remove them then
        """
        return subprocess.check_output(
            [environments.build(self._environment), '-c', _ORPHANS,
             'remove' if remove else 'keep'], text=True,
            stderr=subprocess.DEVNULL,
            env=dict(os.environ, **self._variables)).split()

    def log(self):
        """Return what it has logged so far."""
        with open(self.server.log, errors='replace') as log:
            return log.read()
