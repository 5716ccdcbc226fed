"""The two ways to log in to the stack's Swift: tempauth and Keystone.

Each has the environment that Swift runs in, what the proxy's configuration
needs, an account, the settings that a registry logs in with, and tokens for
requests past the driver.
"""

import base64
import os
import urllib.request

from . import secrets

#: tempauth's users, as account:user -> (password, groups). The guest has no
#: rights in the account but those that a container gives.
USERS = {'test:tester': (secrets.of('test:tester'), '.admin'),
         'test:guest': (secrets.of('test:guest'), ''),
         'other:owner': (secrets.of('other:owner'), '.admin')}

_TEMPAUTH = '''\
[filter:s3api]
use = egg:swift#s3api
[filter:tempauth]
use = egg:swift#tempauth
# Tokens that any proxy can check by itself.
fernet_key_stack = %(fernet_key)s
active_fernet_key_id = stack
%(users)s
'''

_KEYSTONE = '''\
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
auth_type = password
auth_url = %(url)s
username = %(user)s
password = %(password)s
project_name = %(project)s
user_domain_id = default
project_domain_id = default
interface = public
delay_auth_decision = true
service_token_roles_required = true
cache = swift.cache
[filter:keystoneauth]
use = egg:swift#keystoneauth
operator_roles = admin, member
# Accounts that are opened only together with a token of a service's user.
reseller_prefix = AUTH, SERVICE
SERVICE_service_roles = service
'''


class Tempauth:

    """The proxy itself knows the users."""

    environment = 'swift'
    middleware = 's3api tempauth'
    account = 'AUTH_test'

    def configuration(self):
        """Return the middleware's part of the proxy's configuration."""
        return _TEMPAUTH % {
            'fernet_key': base64.urlsafe_b64encode(os.urandom(32)).decode(),
            'users': '\n'.join(
                'user_%s = %s %s' % (user.replace(':', '_'), password, groups)
                for user, (password, groups) in USERS.items())}

    def settings(self, auth_url):
        """Return the settings that a registry logs in with."""
        return {'swift_authurl': auth_url, 'swift_auth_version': 1,
                'swift_user': 'test:tester',
                'swift_password': USERS['test:tester'][0]}

    def token(self, auth_url, user):
        """Log in and return a token; the user is one of USERS."""
        login = urllib.request.Request(auth_url, headers={
            'X-Auth-User': user or 'test:tester',
            'X-Auth-Key': USERS[user or 'test:tester'][0]})
        with urllib.request.urlopen(login) as answer:
            return answer.headers['X-Auth-Token']


class KeystoneLogin:

    """The proxy asks a Keystone about every token.

    :param keystone: Keystone that is running
    """

    environment = 'keystone'
    middleware = 'authtoken keystoneauth'

    def __init__(self, keystone):
        self._keystone = keystone

    @property
    def account(self):
        return 'AUTH_' + self._keystone.project.id

    def configuration(self):
        """Return the middleware's part of the proxy's configuration."""
        return _KEYSTONE % {
            'url': self._keystone.url, 'user': self._keystone.swift.name,
            'password': self._keystone.swift.password,
            'project': self._keystone.services.name}

    def settings(self, auth_url):
        """Return the settings that a registry logs in with."""
        return {'swift_authurl': auth_url, 'swift_auth_version': 3,
                'swift_user': self._keystone.user.name,
                'swift_password': self._keystone.user.password,
                'swift_tenant_name': self._keystone.project.name,
                'swift_region_name': self._keystone.region}

    def token(self, auth_url, user):
        """Log in and return a token; a User of its own."""
        return self._keystone.api.token(user or self._keystone.user,
                                        self._keystone.project)
