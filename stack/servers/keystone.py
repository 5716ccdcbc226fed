"""A real OpenStack Keystone on loopback, with a user for the registry."""

import contextlib
import os
import subprocess

from . import identity
from . import processes
from . import secrets
from .. import environments

_SCRIPT = os.path.join(os.path.dirname(__file__), 'inside',
                       'keystone_process.py')
_CONF = '''
[DEFAULT]
log_file = %(directory)s/%(name)s.log
[database]
connection = sqlite:///%(directory)s/keystone.db
[identity]
# bcrypt's fewest: many log in here, and nobody guesses.
password_hash_rounds = 4
[token]
expiration = %(token_life)d
[fernet_tokens]
key_repository = %(directory)s/fernet-keys
[credential]
key_repository = %(directory)s/credential-keys
[fernet_receipts]
key_repository = %(directory)s/fernet-keys
[oslo_middleware]
# The links that it answers with are those of the TLS in front of it.
enable_proxy_headers_parsing = true
'''


class Keystone:

    """One Keystone, v3 alone, as today's are.

    :param directory: where its database, keys and logs go

    :ivar url: of its API
    :cvar region: name of the region of its own URL, and of Swift's
    :ivar api: Identity, to make what a test needs
    :ivar project: Project that the images belong to
    :ivar user: User of the registry, a member of that project
    :ivar services: Project that the users of services belong to
    :ivar swift: User whom Swift asks about tokens as
    """

    region = 'north'

    def __init__(self, directory):
        self._directory = directory
        self._python = environments.build('keystone')
        self.server = None
        self._port = processes.free_port()
        self.url = 'http://%s:%d/v3' % (processes.HOST, self._port)
        self.api = identity.Identity(
            self.url, 'admin', secrets.of('admin of Keystone'), 'admin')
        self.project = self.user = self.services = self.swift = None

    def __enter__(self):
        os.makedirs(self._directory)
        self.server = self._server('keystone', 3600, self._port)
        owner = ['--keystone-user', str(os.getuid()),
                 '--keystone-group', str(os.getgid())]
        self._manage('db_sync')
        self._manage('fernet_setup', *owner)
        self._manage('credential_setup', *owner)
        self._manage(
            'bootstrap', '--bootstrap-username', 'admin',
            '--bootstrap-password', secrets.of('admin of Keystone'),
            '--bootstrap-project-name', 'admin',
            '--bootstrap-role-name', 'admin',
            '--bootstrap-service-name', 'keystone',
            '--bootstrap-region-id', self.region,
            '--bootstrap-public-url', self.url)
        processes.start_all([self.server])
        self.project, self.user = self._add('images', 'registry', 'member')
        self.services, self.swift = self._add('services', 'swift', 'service')
        return self

    def __exit__(self, *exception):
        self.server.stop()

    @contextlib.contextmanager
    def short_lived(self, token_life):
        """Give the port of another server for the same users.

        :param token_life: seconds that its tokens are good for
        """
        port = processes.free_port()
        server = self._server('short-lived', token_life, port)
        processes.start_all([server])
        try:
            yield port
        finally:
            server.stop()

    def _add(self, project_name, user_name, role):
        project = self.api.add_project(project_name)
        user = self.api.add_user(user_name)
        self.api.assign(role, user, project)
        return project, user

    def _server(self, name, token_life, port):
        with open(self._config_file(name), 'w') as config_file:
            config_file.write(_CONF % {
                'directory': self._directory, 'name': name,
                'token_life': token_life})
        return processes.Server(
            'Keystone', [self._python, _SCRIPT, self._config_file(name), port],
            port, os.path.join(self._directory, name + '-server.log'),
            ping='/v3')

    def _config_file(self, name):
        return os.path.join(self._directory, name + '.conf')

    def _manage(self, *arguments):
        subprocess.run(
            [os.path.join(os.path.dirname(self._python), 'keystone-manage'),
             '--config-file', self._config_file('keystone')]
            + list(arguments), check=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT)
