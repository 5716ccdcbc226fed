"""Logs in: from what the operator configured to a token and an account.

The only module that knows Keystone, and the ways past it. Knows nothing of
how the login is shared, or of what is then asked of Swift.
"""

import collections
import contextlib
import logging
import re
import time

from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import session as ksa_session
from keystoneauth1.identity import generic
from keystoneauth1.identity import v2
from keystoneauth1.identity import v3
import requests
from swiftclient import authv1

from .. import compat
from .. import errors

_KEYS_OF_SERVER = ['swift_authurl', 'swift_auth_version']
#: Likely this is not where one logs in. Keystone answers 400 and 404 also for
#: domains and application credentials that it does not have.
_NO_LOGIN_HERE = (300, 400, 404, 405)
#: What keystoneauth1 raises where a server does not tell its versions, wants a
#: token for that, or answers with a document that is not Keystone's.
_NO_DISCOVERY = (ksa_exceptions.DiscoveryFailure,
                 ksa_exceptions.MissingAuthPlugin, ksa_exceptions.NotFound,
                 AttributeError, LookupError, TypeError)
_DEFAULT_DOMAINS = {'user_domain_id': 'default',
                    'project_domain_id': 'default'}

logger = logging.getLogger(__name__)


class Grant(collections.namedtuple('Grant',
                                   'storage_url token service_token')):

    """What a login gives: where the account is, the token that opens it, and
    the service user's token, None without one.

    The representation has no tokens.
    """

    __slots__ = ()

    def __repr__(self):
        return 'Grant(storage_url=%r)' % self.storage_url


def authenticate(settings, limit_seconds):
    """Log in.

    :param settings: Settings
    :param limit_seconds: how long it may wait for answers altogether
    :returns: Grant
    :raises errors.UnreachableError: no answer
    :raises errors.LoginError: refused; the message names the settings
    :raises errors.SwiftError: the identity service failed
    """
    if settings.login == 'token':
        action = 'reading the token'
        with _explained(action, ['swift_auth_token']):
            return Grant(settings.object_storage_url,
                         settings.secret('auth_token'), None)
    action = 'login at %s' % settings.authurl
    logger.debug('%s with %s', action, ', '.join(settings.login_keys()))
    if settings.insecure:
        logger.warning('swift_insecure: certificates are not checked')
    session = _session(settings, limit_seconds)
    with _explained(action, settings.login_keys()):
        access = _access(settings, session)
    storage_url = settings.object_storage_url or _storage_url(
        action, access, settings)
    service_token = None
    if settings.service_user:
        with _explained(action + ' as service user',
                        settings.service_login_keys()):
            service_token = session.get_token(_service_plugin(settings))
    return Grant(compat.native(storage_url), compat.native(access.auth_token),
                 service_token and compat.native(service_token))


def _access(settings, session):
    # Asked for once: of a token that lives for less than half a minute the
    # plugin makes another each time.
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


def _is_v2(settings):
    """Tell whether the address is one of v2.0, which has no domains."""
    return settings.login == 'password' and not _domains(settings, '') and (
        settings.auth_version == '2' or settings.authurl.endswith('/v2.0'))


def _storage_url(action, access, settings):
    keys = ['swift_region_name', 'swift_endpoint_type']
    if not access.project_id:
        keys.insert(0, 'swift_tenant_name')
    region = settings.region_name
    if isinstance(region, bytes):
        region = region.decode('utf-8')  # as it is in the catalog
    with _explained(action, keys):
        return access.service_catalog.url_for(
            service_type='object-store', interface=settings.endpoint_type,
            region_name=region).rstrip('/')


class _Adapter(requests.adapters.HTTPAdapter):

    """Bounds all requests of one login together.

    keystoneauth1 gives each request a time of its own, and may make three.
    """

    def __init__(self, connect_seconds, limit_seconds):
        self._connect_seconds = connect_seconds
        self._give_up_at = time.time() + limit_seconds
        super(_Adapter, self).__init__()

    def send(self, request, **options):
        # Zero is no time at all to requests, which refuses it.
        left = max(0.01, self._give_up_at - time.time())
        options['timeout'] = min(self._connect_seconds, left), left
        return super(_Adapter, self).send(request, **options)


def _session(settings, limit_seconds):
    http = requests.Session()
    for scheme in ('http://', 'https://'):
        http.mount(scheme, _Adapter(settings.connect_timeout, limit_seconds))
    return ksa_session.Session(session=http, **_tls(settings))


def _tls(settings):
    """Return verify and cert, as requests takes them."""
    cert = settings.cert
    if settings.key:
        cert = (settings.cert, settings.key)
    return {'verify': not settings.insecure and (settings.cacert or True),
            'cert': cert}


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


def _service_plugin(settings):
    return _password_plugin(settings, 'service_', {
        'username': settings.service_user,
        'password': settings.secret('service_password'),
        'project_name': settings.service_project_name})


def _password_plugin(settings, prefix, options):
    domains = _domains(settings, prefix)
    if settings.auth_version == '3':
        return v3.Password(_v3_url(settings),
                           **dict(options, **domains or _DEFAULT_DOMAINS))
    # Asks the server which versions it speaks: what an operator wrote for v2
    # goes on working on a Keystone that has v3 alone, which has no /v2.0. One
    # that has v2 alone must not be told of domains.
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
    """Return text so that requests sends it in a header as UTF-8."""
    if compat.PY2:
        return value
    return value.encode('utf-8').decode('latin-1')


@contextlib.contextmanager
def _explained(action, keys):
    """Make the driver's errors of what keystoneauth1 and requests raise.

    :param keys: settings to look at where the login is refused
    """
    try:
        yield
    except (ksa_exceptions.ConnectionError,
            ksa_exceptions.DiscoveryFailure) as error:
        if isinstance(getattr(error, 'original', None),
                      requests.exceptions.InvalidHeader):
            # Its text has the value.
            raise _refused('%s: no HTTP header can have such a user or '
                           'password' % action, keys)
        if re.search(r'\(HTTP 4\d\d\)|Invalid Response', str(error)):
            raise _refused('%s: no Keystone: %s' % (action, error),
                           _KEYS_OF_SERVER)
        raise errors.unreachable(action, error)
    except ksa_exceptions.HttpError as error:
        if error.http_status >= 500:
            raise errors.from_status(action, None, error.http_status)
        if error.http_status in _NO_LOGIN_HERE:
            keys = _KEYS_OF_SERVER + list(keys)
        raise _refused('%s failed: %s' % (action, error.message), keys,
                       error.http_status)
    except ksa_exceptions.CatalogException as error:
        raise _refused('%s: no object store in its catalog: %s'
                       % (action, error), keys)
    except ksa_exceptions.ClientException as error:
        raise _refused('%s failed: %s' % (action, error), _KEYS_OF_SERVER)
    except (AttributeError, LookupError, TypeError) as error:
        # keystoneauth1 trips over an answer that is not Keystone's.
        raise _refused('%s: the answer is not that of a Keystone (%s)' % (
            action, type(error).__name__), _KEYS_OF_SERVER)
    except (IOError, ValueError) as error:  # a file that is not there
        raise _refused('%s: %s' % (action, error), [
            'swift_cacert', 'swift_cert', 'swift_key', 'the files with '
            'secrets'])


def _refused(message, keys, status=None):
    error = errors.LoginError('%s; see %s' % (message, ', '.join(keys)),
                              status=status)
    error.see = tuple(keys)
    return error
