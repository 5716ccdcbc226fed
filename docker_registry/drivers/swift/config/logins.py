"""Lists the ways to log in, with the keys that each needs and may have.

Finds out which of them a configuration means, and what is wrong with its
keys. Pure: no I/O. `found` is a dict of the checked values by their keys'
names, of each key in keys.TABLE, None where it is not set.
"""

import collections
import itertools
import re

from . import values
from .. import compat

#: needs has groups of keys, of each of which one must be set, and no more;
#: takes are keys that may be set besides; sign is the key, or key and value,
#: that tells this login from the others.
Login = collections.namedtuple('Login', 'sign needs takes')

_USER = ('swift_user', 'swift_user_id')
#: None of them is the user's default project, if there is one.
_PROJECT = ('swift_tenant_name', 'swift_tenant_id', 'swift_trust_id')
_USER_DOMAIN = ('swift_user_domain_name', 'swift_user_domain_id')
_PROJECT_DOMAIN = ('swift_project_domain_name', 'swift_project_domain_id')
LOGINS = {
    'token': Login(
        'swift_auth_token',
        [('swift_auth_token',), ('swift_object_storage_url',)], ()),
    # A tenant is of no use here; 0.2.1 did not mind one.
    'v1': Login(
        'swift_auth_version 1',
        [('swift_authurl',), _USER[:1], ('swift_password',)],
        _PROJECT[:2]),
    'password': Login(
        'swift_password',
        [('swift_authurl',), _USER, ('swift_password',)],
        _PROJECT + _USER_DOMAIN + _PROJECT_DOMAIN),
    'application_credential_id': Login(
        'swift_application_credential_id',
        [('swift_authurl',), ('swift_application_credential_id',),
         ('swift_application_credential_secret',)], ()),
    'application_credential_name': Login(
        'swift_application_credential_name',
        [('swift_authurl',), ('swift_application_credential_name',), _USER,
         ('swift_application_credential_secret',)], _USER_DOMAIN),
}
#: A second login beside one at Keystone.
_SERVICE_USER_DOMAIN = ('swift_service_user_domain_name',
                        'swift_service_user_domain_id')
_SERVICE_PROJECT_DOMAIN = ('swift_service_project_domain_name',
                           'swift_service_project_domain_id')
SERVICE_LOGIN = Login(
    'swift_service_user',
    [('swift_service_user',), ('swift_service_password',),
     ('swift_service_project_name',)],
    _SERVICE_USER_DOMAIN + _SERVICE_PROJECT_DOMAIN)


def keys_of(login):
    """Return the keys that a login needs or takes, in that order."""
    return list(itertools.chain(*login.needs + [login.takes]))


_ALL_KEYS = set().union(*map(keys_of, [SERVICE_LOGIN] + list(
    LOGINS.values()))) - {'swift_object_storage_url'}

#: (name, id): of both, which every openrc file of Horizon has, the id counts,
#: as it does for the openstack client.
_NAMES_AND_IDS = [
    _USER, _PROJECT[:2], _USER_DOMAIN, _PROJECT_DOMAIN, _SERVICE_USER_DOMAIN,
    _SERVICE_PROJECT_DOMAIN]

#: A trust is for one project already.
_ALTERNATIVES = [_PROJECT[1:], _PROJECT[::2]]


#: They say who logs in, and for which project.
IDENTITY_KEYS = _USER + _PROJECT + (
    'swift_application_credential_id', 'swift_application_credential_name',
    'swift_auth_token')


def choose(found, spelling):
    """Return the kind of login that is configured, a key of LOGINS.

    Takes out of `found` the names that stand beside an id, and gives a tenant
    that stands in swift_user its own key.

    :param spelling: a dict from keys to what the configuration has in their
        place; is told of such a tenant
    """
    for name, id_ in _NAMES_AND_IDS:
        if found[id_] is not None:
            found[name] = None
    for login, sign in (
            ('token', 'swift_auth_token'),
            ('application_credential_id', 'swift_application_credential_id'),
            ('application_credential_name',
             'swift_application_credential_name')):
        if is_given(found, sign):
            return login
    version = found['swift_auth_version']
    # Ceph's gateway has /auth/1.0.
    if version == 'auto' and re.search(r'/(v1(\.\d+)?|auth/1\.0)$',
                                       found['swift_authurl'] or ''):
        version = '1'
    if version == '1':
        return 'v1'
    # swiftclient takes "tenant:user" for both, and so did 0.2.1.
    user = found['swift_user'] or ''
    if ':' in user and not any(found[key] for key in _PROJECT):
        found['swift_tenant_name'], found['swift_user'] = user.split(':', 1)
        spelling['swift_tenant_name'] = 'swift_user'
    return 'password'


def problems(found, name):
    """Return what is wrong with the keys of a login, a list of messages.

    :param name: the kind of login, a key of LOGINS
    :returns: messages that each begin with a key and a colon
    """
    logins = [LOGINS[name]]
    if name not in ('v1', 'token') and any(
            is_given(found, key) for key in keys_of(SERVICE_LOGIN)):
        logins.append(SERVICE_LOGIN)
    problems = []
    for group in itertools.chain(*[login.needs for login in logins]):
        given = [key for key in group if is_given(found, key)]
        if not given:
            problems.append('%s: missing%s' % (group[0], ''.join(
                ', or ' + key for key in group[1:])))
        elif len(given) > 1:
            problems.append('%s: give this or %s, not both' % tuple(given[:2]))
    url = found['swift_object_storage_url']
    if name == 'token' and url and not compat.urlsplit(url).path:
        problems.append('swift_object_storage_url: names no account, as in '
                        '.../v1/AUTH_...: ' + values.quoted(url))
    if found['swift_auth_version'] == '1' and name != 'v1':
        problems.append('swift_auth_version: 1 has no %s' % logins[0].sign)
    for key in sorted(_ALL_KEYS.difference(*map(keys_of, logins))):
        if is_given(found, key):
            problems.append('%s: of no use with %s; leave it out' % (
                key, logins[0].sign))
    return problems + [
        '%s: give this or %s, not both' % group for group in _ALTERNATIVES
        if all(found[key] is not None for key in group)]


def is_given(found, key):
    """Tell whether a key is set, or that of the file with its secret."""
    return any(found.get(name) is not None for name in (key, key + '_file'))
