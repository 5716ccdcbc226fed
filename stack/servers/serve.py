"""`docker-registry-swift serve`: the v2 API, on Python 3."""

import json
import os

from . import processes
from .. import environments


class Serve(processes.Running):

    """One server.

    :param directory: where its configuration and log go
    :param settings: keys of the legacy registry's configuration, as a dict;
        or the whole file as text, such as one of registry:2
    :param options: further options of its command line, a list
    :param variables: environment variables, a dict
    :param ping: path that answers 200 once it works; None where that is not
        to be asked by HTTP
    :ivar config_file: path of its configuration
    """

    def __init__(self, directory, settings, options=(), variables=None,
                 ping='/_health'):
        os.makedirs(directory, exist_ok=True)
        port = processes.free_port()
        self.config_file = os.path.join(directory, 'serve-%d.yml' % port)
        if not isinstance(settings, str):
            # JSON is YAML.
            settings = json.dumps({'prod': dict({
                'storage': 'swift', 'loglevel': 'info', 'standalone': True,
            }, **settings)})
        with open(self.config_file, 'w') as config_file:
            config_file.write(settings)
        binary = environments.program('serve', 'docker-registry-swift')
        self.server = processes.Server(
            'serve', [binary, 'serve', '--config', self.config_file,
                      '--flavor', 'prod', '--host', processes.HOST, '--port',
                      str(port), '--workers', '2', *options],
            port, os.path.join(directory, 'serve-%d.log' % port),
            # Not the project's directory, which another Python has noted its
            # requirements in.
            dict({'PYTHONPATH': os.path.dirname(binary)}, **variables or {}),
            ping)

    def log(self):
        """Return what it has logged so far."""
        with open(self.server.log, errors='replace') as log:
            return log.read()
