"""What administrators and users ask of a Keystone: its v3 API.

Source: https://docs.openstack.org/api-ref/identity/v3/
"""

import collections
import json
import urllib.request

from . import secrets

Domain = collections.namedtuple('Domain', 'id name')
Project = collections.namedtuple('Project', 'id name domain')
User = collections.namedtuple('User', 'id name password domain')
ApplicationCredential = collections.namedtuple(
    'ApplicationCredential', 'id name secret')

#: Where users and projects are whose domain nobody says.
DEFAULT_DOMAIN = Domain('default', 'Default')


class Identity:

    """One Keystone, asked as its administrator unless it says otherwise.

    :param url: of the API, which ends in /v3
    :param admin: name of the administrator
    :param password: theirs
    :param project: name of the project that they work in
    """

    def __init__(self, url, admin, password, project):
        self.url = url
        self._login = {'name': admin, 'password': password,
                       'domain': {'id': DEFAULT_DOMAIN.id}}
        self._scope = {'project': {'name': project,
                                   'domain': {'id': DEFAULT_DOMAIN.id}}}
        self._token = None

    def add_domain(self, name):
        """Make a domain, for users and projects of its own."""
        return Domain(self._make('domain', name=name)['id'], name)

    def add_project(self, name, domain=DEFAULT_DOMAIN):
        """Make a project; its account is AUTH_ and its id."""
        made = self._make('project', name=name, domain_id=domain.id)
        return Project(made['id'], name, domain)

    def add_user(self, name, domain=DEFAULT_DOMAIN):
        """Make a user, who may not do anything yet."""
        password = secrets.of('%s in %s' % (name, domain.name))
        made = self._make('user', name=name, domain_id=domain.id,
                          password=password)
        return User(made['id'], name, password, domain)

    def assign(self, role, user, project):
        """Give a user a role in a project, such as 'member'."""
        roles = self._ask('GET', '/roles?name=' + role)['roles']
        self._ask('PUT', '/projects/%s/users/%s/roles/%s' % (
            project.id, user.id, roles[0]['id']))

    def disable(self, user):
        """Let a user log in no more; their tokens are void for ever."""
        self._ask('PATCH', '/users/' + user.id, {'user': {'enabled': False}})

    def enable(self, user):
        """Let a user log in again."""
        self._ask('PATCH', '/users/' + user.id, {'user': {'enabled': True}})

    def add_application_credential(self, user, project, name,
                                   expires_at=None):
        """Let a user make an application credential for a project.

        :param expires_at: when it ends, such as '2030-01-01T00:00:00Z';
            None for never
        """
        secret = secrets.of('%s of %s' % (name, user.id))
        made = self._ask(
            'POST', '/users/%s/application_credentials' % user.id,
            {'application_credential': {
                'name': name, 'secret': secret, 'expires_at': expires_at}},
            self.token(user, project))['application_credential']
        return ApplicationCredential(made['id'], name, secret)

    def remove_application_credential(self, user, credential):
        """Revoke an application credential, and the tokens made with it."""
        self._ask('DELETE', '/users/%s/application_credentials/%s' % (
            user.id, credential.id))

    def add_trust(self, trustor, trustee, project, role):
        """Let one user act as another in a project; return the trust's id.

        :param trustor: User who trusts, and has the role
        :param trustee: User who is trusted
        """
        return self._ask('POST', '/OS-TRUST/trusts', {'trust': {
            'trustor_user_id': trustor.id, 'trustee_user_id': trustee.id,
            'project_id': project.id, 'impersonation': True,
            'roles': [{'name': role}]}},
            self.token(trustor, project))['trust']['id']

    def remove_trust(self, trustor, project, trust_id):
        """Let the trustor take a trust back."""
        self._ask('DELETE', '/OS-TRUST/trusts/' + trust_id,
                  token=self.token(trustor, project))

    def token(self, user, project):
        """Log a user in to a project; return the token."""
        return self._log_in({'id': user.id, 'password': user.password},
                            {'project': {'id': project.id}})

    def revoke(self, token):
        """Make a token void before its time."""
        self._ask('DELETE', '/auth/tokens', headers={'X-Subject-Token': token})

    def add_object_store(self, region, url, interface='public'):
        """Put a URL of Swift into the catalog.

        :param region: its name; it is made if it is new
        :param url: of the account, with %(tenant_id)s for the project's id
        :param interface: 'public', 'internal' or 'admin'
        """
        services = self._ask('GET', '/services?type=object-store')['services']
        service = services[0] if services else self._make(
            'service', type='object-store', name='swift')
        regions = self._ask('GET', '/regions')['regions']
        if region not in [known['id'] for known in regions]:
            self._make('region', id=region)
        self._make('endpoint', service_id=service['id'], region_id=region,
                   interface=interface, url=url)

    def _make(self, kind, **attributes):
        return self._ask('POST', '/%ss' % kind, {kind: attributes})[kind]

    def _ask(self, method, path, body=None, token=None, headers=None):
        if token is None:
            if self._token is None:
                self._token = self._log_in(self._login, self._scope)
            token = self._token
        return self._send(method, path, body, dict(
            headers or {}, **{'X-Auth-Token': token}))[1]

    def _log_in(self, user, scope):
        headers, _ = self._send('POST', '/auth/tokens', {'auth': {
            'identity': {'methods': ['password'],
                         'password': {'user': user}}, 'scope': scope}}, {})
        return headers['X-Subject-Token']

    def _send(self, method, path, body, headers):
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode() if body else None,
            dict(headers, **{'Content-Type': 'application/json'}),
            method=method)
        with urllib.request.urlopen(request) as answer:
            return answer.headers, json.loads(answer.read() or b'null')
