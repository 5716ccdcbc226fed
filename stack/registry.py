"""The real docker-registry 0.9.1 under gunicorn with gevent workers."""

import json
import os

from . import environments
from . import processes


class Registry:

    """One registry.

    :param directory: where its configuration and log go
    :param settings: keys of its configuration, as a dict
    :param environment: 'registry' has this driver, 'legacy' has 0.2.1
    :param workers: number of gunicorn workers
    :param options: further command-line options of gunicorn, a list
    """

    def __init__(self, directory, settings, environment='registry',
                 workers=2, options=()):
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
        binary = environments.program(environment, 'docker-registry')
        self.server = processes.Server(
            'the registry', [binary], port,
            os.path.join(directory, 'registry-%d.log' % port), {
                'PATH': os.path.dirname(binary) + os.pathsep
                + os.environ.get('PATH', ''),
                'DOCKER_REGISTRY_CONFIG': self.config_file,
                'SETTINGS_FLAVOR': 'prod',
                'REGISTRY_HOST': processes.HOST,
                'REGISTRY_PORT': str(port),
                'GUNICORN_WORKERS': str(workers),
                'GUNICORN_GRACEFUL_TIMEOUT': '30',
                'GUNICORN_OPTS': json.dumps(list(options)),
                'PYTHONUNBUFFERED': '1'}, ping='/_ping')

    def __enter__(self):
        processes.start_all([self.server])
        return self

    def __exit__(self, *exception):
        self.server.stop()

    @property
    def port(self):
        return self.server.port

    @property
    def address(self):
        return '%s:%d' % (processes.HOST, self.port)

    def log(self):
        """Return what it has logged so far."""
        with open(self.server.log, errors='replace') as log:
            return log.read()
