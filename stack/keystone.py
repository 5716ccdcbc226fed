"""A real OpenStack Keystone on loopback: a project, a user, two regions."""

import json
import os
import subprocess
import urllib.request

from . import environments
from . import processes

USER, PASSWORD, PROJECT = 'registry', 'registering', 'images'
#: The first has the object store, the second one that nobody answers at.
REGIONS = ('north', 'south')

_SCRIPT = os.path.join(environments.PROJECT, 'stack', 'inside',
                       'keystone_process.py')
_CONF = '''
[DEFAULT]
log_file = %(directory)s/keystone.log
[database]
connection = sqlite:///%(directory)s/keystone.db
[fernet_tokens]
key_repository = %(directory)s/fernet-keys
[credential]
key_repository = %(directory)s/credential-keys
[fernet_receipts]
key_repository = %(directory)s/fernet-keys
'''


class Keystone:

    """One Keystone, v3 alone, as today's are.

    :param directory: where its database, keys and logs go
    """

    def __init__(self, directory):
        self._directory = directory
        self._python = environments.build('swift')
        self.port = processes.free_port()
        self.server = processes.Server(
            'Keystone', [self._python, _SCRIPT, self._config_file, self.port],
            self.port, os.path.join(directory, 'keystone-server.log'),
            ping='/v3')

    def __enter__(self):
        os.makedirs(self._directory)
        with open(self._config_file, 'w') as config_file:
            config_file.write(_CONF % {'directory': self._directory})
        owner = ['--keystone-user', str(os.getuid()),
                 '--keystone-group', str(os.getgid())]
        self._manage('db_sync')
        self._manage('fernet_setup', *owner)
        self._manage('credential_setup', *owner)
        self._manage(
            'bootstrap', '--bootstrap-username', USER,
            '--bootstrap-password', PASSWORD,
            '--bootstrap-project-name', PROJECT,
            '--bootstrap-role-name', 'admin',
            '--bootstrap-service-name', 'keystone',
            '--bootstrap-region-id', REGIONS[0],
            '--bootstrap-public-url', self.url)
        processes.start_all([self.server])
        return self

    def __exit__(self, *exception):
        self.server.stop()

    @property
    def url(self):
        return 'http://%s:%d/v3' % (processes.HOST, self.port)

    def add_object_store(self, url):
        """Put Swift into the catalog of the first region."""
        token = self._post('/auth/tokens', {'auth': {
            'identity': {'methods': ['password'], 'password': {'user': {
                'name': USER, 'password': PASSWORD,
                'domain': {'id': 'default'}}}},
            'scope': {'project': {'name': PROJECT,
                                  'domain': {'id': 'default'}}}}},
        )[0]['X-Subject-Token']
        service = self._post('/services', {'service': {
            'type': 'object-store', 'name': 'swift'}}, token)[1]['service']
        self._post('/regions', {'region': {'id': REGIONS[1]}}, token)
        # Nothing listens on the discard port.
        for region, region_url in zip(REGIONS, (
                url, 'http://127.0.0.1:9/v1/AUTH_%(tenant_id)s')):
            self._post('/endpoints', {'endpoint': {
                'service_id': service['id'], 'interface': 'public',
                'region_id': region, 'url': region_url}}, token)

    @property
    def _config_file(self):
        return os.path.join(self._directory, 'keystone.conf')

    def _manage(self, *arguments):
        subprocess.run(
            [os.path.join(os.path.dirname(self._python), 'keystone-manage'),
             '--config-file', self._config_file] + list(arguments),
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)

    def _post(self, path, body, token=None):
        headers = {'Content-Type': 'application/json'}
        if token:
            headers['X-Auth-Token'] = token
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request) as answer:
            return answer.headers, json.loads(answer.read())
