"""Asks an identity service for a token: Keystone, or Swift's own login.

The only module that knows the versions of Keystone's API, and what services
make of them. Knows nothing of what a failure means.
"""

import logging
import re

from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1.identity import generic
from keystoneauth1.identity import v2
from keystoneauth1.identity import v3
from swiftclient import authv1

from .. import compat

#: What keystoneauth1 raises where a server does not tell its versions, wants a
#: token for that, or answers with a document that is not Keystone's.
_NO_DISCOVERY = (ksa_exceptions.DiscoveryFailure,
                 ksa_exceptions.MissingAuthPlugin, ksa_exceptions.NotFound,
                 AttributeError, LookupError, TypeError)
_DEFAULT_DOMAINS = {'user_domain_id': 'default',
                    'project_domain_id': 'default'}

logger = logging.getLogger(__name__)


def get_access(settings, session):
    """Log in and return keystoneauth1's AccessInfo, with token and catalog.

    :param settings: Settings
    :param session: keystoneauth1's Session
    :raises: what keystoneauth1 raises, of any kind; see login_failures.py
    """
    # get_access() is called once: the plugin takes a token that is good for
    # less than half a minute as ended, and makes another at each call.
    try:
        return _plugin(settings).get_access(session)
    except _NO_DISCOVERY:
        # Rackspace's v2.0, and services below a path, answer at
        # <address>/tokens and nowhere else.
        if not _is_v2(settings):
            raise
        logger.debug('%s does not tell which versions it has; trying v2.0',
                     settings.authurl)
    return v2.Password(
        settings.authurl, username=settings.user, user_id=settings.user_id,
        password=settings.secret('password'), trust_id=settings.trust_id,
        tenant_name=settings.tenant_name,
        tenant_id=settings.tenant_id).get_access(session)


def get_service_access(settings, session):
    """Log the service user in and return the AccessInfo.

    Parameters and exceptions are those of get_access().
    """
    return _password_plugin(settings, 'service_', {
        'username': settings.service_user,
        'password': settings.secret('service_password'),
        'project_name': settings.service_project_name}).get_access(session)


def _is_v2(settings):
    """Tell whether the login is by version 2.0, which has no domains."""
    return settings.login == 'password' and not _domains(settings, '') and (
        settings.auth_version == '2' or settings.authurl.endswith('/v2.0'))


def _plugin(settings):
    if settings.login == 'v1':
        return authv1.PasswordPlugin(
            settings.authurl, _header(settings.user),
            _header(settings.secret('password')))
    options = {'username': settings.user, 'user_id': settings.user_id}
    if settings.login == 'password':
        return _password_plugin(settings, '', dict(
            options, password=settings.secret('password'),
            project_name=settings.tenant_name, project_id=settings.tenant_id,
            trust_id=settings.trust_id))
    domains = _domains(settings, '') or _DEFAULT_DOMAINS
    return v3.ApplicationCredential(
        _v3_url(settings),
        application_credential_id=settings.application_credential_id,
        application_credential_name=settings.application_credential_name,
        application_credential_secret=settings.secret(
            'application_credential_secret'),
        **dict(options, **{option: domains[option] for option in domains
                           if option.startswith('user')}))


def _password_plugin(settings, prefix, options):
    domains = _domains(settings, prefix)
    if settings.auth_version == '3':
        return v3.Password(_v3_url(settings),
                           **dict(options, **domains or _DEFAULT_DOMAINS))
    # The plugin asks the server which versions it has. So a configuration
    # that was written for v2 goes on working at a Keystone that has v3 alone,
    # and no /v2.0. A Keystone that has v2 alone must not be sent domains.
    return generic.Password(
        re.sub(r'/v2\.0$', '', settings.authurl),
        **dict(options, **domains or {'default_domain_id': 'default'}))


def _v3_url(settings):
    return re.sub(r'/v(2\.0|3)$', '', settings.authurl) + '/v3'


def _domains(settings, prefix):
    """Return the domains as keystoneauth1's options; {} if none is set.

    A project is in its user's domain unless something else is said.

    :param prefix: of the fields: '', or 'service_' for the service user
    """
    user = _domain(settings, prefix + 'user_domain')
    project = _domain(settings, prefix + 'project_domain')
    if not user and not project:
        return {}
    user = user or ('id', 'default')
    project = project or user
    return {'user_domain_' + user[0]: user[1],
            'project_domain_' + project[0]: project[1]}


def _domain(settings, field):
    for kind in ('id', 'name'):
        value = getattr(settings, '%s_%s' % (field, kind))
        if value is not None:
            return kind, value
    return None


def _header(value):
    """Return text that requests sends as UTF-8 in a header."""
    if compat.PY2:
        return value
    return value.encode('utf-8').decode('latin-1')
