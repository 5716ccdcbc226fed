"""registry:2 (distribution 2.8, in Go) with its own Swift driver."""

import json
import os
import subprocess

from . import processes
from .. import environments

_VARIABLES = {'OTEL_TRACES_EXPORTER': 'none'}


class Registry2(processes.Running):

    """One registry:2, set up as its documents say.

    Its driver's defaults (chunks of 20 MiB, dynamic large objects), and the
    cache of layer descriptions in memory that its sample configuration has.

    :param directory: where its configuration and log go
    :param settings: keys of this driver's configuration, as a dict; those
        that the other needs too are translated
    :param redirect_key: key of the account for TempURLs that clients are
        sent to; None sends none
    """

    def __init__(self, directory, settings, redirect_key=None):
        os.makedirs(directory, exist_ok=True)
        port = processes.free_port()
        storage = {
            'authurl': settings['swift_authurl'],
            'username': settings['swift_user'],
            'password': settings['swift_password'],
            'authversion': 1,
            'container': settings['swift_container'],
            'prefix': settings.get('storage_path', '').strip('/')}
        if redirect_key:
            storage['secretkey'] = redirect_key
        self._config_file = os.path.join(directory,
                                         'registry2-%d.yml' % port)
        with open(self._config_file, 'w') as config:
            # JSON is YAML.
            json.dump({
                'version': 0.1,
                'log': {'level': 'warn', 'accesslog': {'disabled': True}},
                'storage': {'swift': storage,
                            'cache': {'blobdescriptor': 'inmemory'},
                            'redirect': {'disable': not redirect_key},
                            'delete': {'enabled': True}},
                'http': {'addr': '%s:%d' % (processes.HOST, port)},
            }, config)
        self.server = processes.Server(
            'registry:2',
            [environments.program('debian', 'docker-registry'), 'serve',
             self._config_file],
            port, os.path.join(directory, 'registry2-%d.log' % port),
            _VARIABLES, ping='/v2/')

    def collect_garbage(self):
        """Remove the blobs that no manifest has, as its operators do."""
        subprocess.check_output(
            [environments.program('debian', 'docker-registry'),
             'garbage-collect', self._config_file], stderr=subprocess.STDOUT,
            env=dict(os.environ, **_VARIABLES))
