"""Logs in: from the configuration to a token and the URL of an account.

The only module that knows Keystone, and the other ways to log in. Knows
nothing of how the login is shared, or of what is then asked of Swift.
"""

import collections
import contextlib
import io
import logging
import os
import re
import time

from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import session as ksa_session
from keystoneauth1.identity import generic
from keystoneauth1.identity import v2
from keystoneauth1.identity import v3
import requests
from swiftclient import authv1

from . import breaker
from . import session as http_session
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
#: A URL that ends so is completed with the account of the login's own URL.
_WITHOUT_ACCOUNT = ('', '/v1')

logger = logging.getLogger(__name__)


class Grant(collections.namedtuple(
        'Grant', 'storage_url token service_token ends_at life_seconds '
                 'region_choice')):

    """The result of a login: a token and the URL of an account.

    storage_url is the URL of the account, and token what requests to it need;
    service_token is the service user's, None without one. ends_at is when the
    first of the tokens ends, by breaker.clock(), and life_seconds how long
    that token is good for in all; both None where that is not known.
    region_choice says which of several regions was taken, None where there
    are not several. The representation has no tokens.
    """

    __slots__ = ()

    def __new__(cls, storage_url, token, service_token=None, ends_at=None,
                life_seconds=None, region_choice=None):
        return super(Grant, cls).__new__(
            cls, storage_url, token, service_token, ends_at, life_seconds,
            region_choice)

    def __repr__(self):
        return 'Grant(storage_url=%r)' % self.storage_url


def authenticate(settings, limit_seconds):
    """Log in and return a Grant.

    :param settings: Settings
    :param limit_seconds: how long all its requests together may wait for
        answers
    :returns: Grant
    :raises errors.UnreachableError: no answer
    :raises errors.LoginError: refused; the message names the settings
    :raises errors.SwiftError: the identity service failed
    """
    _check_files(settings)
    if settings.login == 'token':
        action = 'reading the token'
        with _explained(settings, action, settings.named('swift_auth_token')):
            return Grant(settings.object_storage_url,
                         settings.secret('auth_token'))
    action = 'login at %s' % settings.authurl
    logger.debug('%s with %s', action, ', '.join(settings.login_keys()))
    if settings.insecure:
        logger.warning('swift_insecure: certificates are not checked')
    action += http_session.through_proxy(settings.authurl)
    adapter = _Adapter(settings.connect_timeout, limit_seconds)
    session = _session(settings, adapter)
    asked_at = breaker.clock()
    with _explained(settings, action, settings.login_keys(), adapter):
        access = _access(settings, session)
        lives = [_life_seconds(access)]
    storage_url, region_choice = _address(settings, action, access)
    service_token = None
    if settings.service_user:
        with _explained(settings, action + ' as service user',
                        settings.service_login_keys(), adapter):
            service = _service_plugin(settings).get_access(session)
            service_token = compat.native(service.auth_token)
            lives.append(_life_seconds(service))
    life_seconds = min([life for life in lives if life] or [None])
    return Grant(compat.native(storage_url), compat.native(access.auth_token),
                 service_token, life_seconds and asked_at + life_seconds,
                 life_seconds, region_choice)


def _access(settings, session):
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


def _is_v2(settings):
    """Tell whether the login is by version 2.0, which has no domains."""
    return settings.login == 'password' and not _domains(settings, '') and (
        settings.auth_version == '2' or settings.authurl.endswith('/v2.0'))


def _life_seconds(access):
    """Return how long a token is good for after it was made, None if unknown.

    Both times are the server's: this machine's clock may be another.
    """
    try:
        life = (access.expires - access.issued).total_seconds()
    except (KeyError, TypeError, ValueError):  # v2 need not say them
        return None
    return life if life >= 1 else None


def _address(settings, action, access):
    """Return the URL of the account, and region_choice of Grant."""
    given = settings.object_storage_url
    if given and compat.urlsplit(given).path not in _WITHOUT_ACCOUNT:
        return given, None
    try:
        url, region_choice = _find_in_catalog(settings, action, access)
    except errors.LoginError:
        if not given or not compat.urlsplit(given).path:
            raise
        return given, None  # Ceph's RADOS Gateway may leave out the account
    if not given:
        return url, region_choice
    parts = compat.urlsplit(given)
    return ('%s://%s%s' % (parts.scheme, parts.netloc,
                           compat.urlsplit(url).path), region_choice)


def _find_in_catalog(settings, action, access):
    if settings.login == 'v1':
        return access.service_catalog.url_for(
            service_type='object-store').rstrip('/'), None
    keys = settings.named('swift_region_name', 'swift_endpoint_type')
    if settings.object_storage_url:
        keys.insert(0, 'swift_object_storage_url')
    region = settings.region_name
    if isinstance(region, bytes):
        region = region.decode('utf-8')  # as it is in the catalog
    with _explained(settings, action, keys):
        catalog = access.service_catalog
        stores = catalog.get_endpoint_data_list('object-store', interface=None)
        if not stores and not access.project_id:
            raise _refused(
                settings, action + ': the user has no default project, and '
                'none is set', settings.named('swift_tenant_name'))
        matching = [store for store in stores
                    if _interface(store) == settings.endpoint_type
                    and region in (None, store.region_name)]
        if not matching:
            raise _refused(
                settings, '%s: no object store with a URL for %s use%s in the '
                'catalog; there are: %s' % (
                    action, settings.endpoint_type,
                    ' in region ' + settings.region_name if region else '',
                    _listed(stores)), keys)
        found = matching[0]
        others = _regions(matching)[1:]
    return found.url.rstrip('/'), others and (
        'region %s was taken, the first in the catalog; others are %s; see '
        'swift_region_name' % (_regions(matching)[0], ', '.join(others))
    ) or None


def _regions(stores):
    """Return the names of regions, each once, in the order of the catalog."""
    return list(collections.OrderedDict.fromkeys(
        compat.native(store.region_name or '') for store in stores))


def _listed(stores):
    return '; '.join(
        '%s (%s)' % (region, ', '.join(
            _interface(store) for store in stores
            if compat.native(store.region_name or '') == region))
        for region in _regions(stores)) or 'none at all'


def _interface(store):
    return re.sub('URL$', '', store.interface or '')  # it is v2's word


class _Adapter(requests.adapters.HTTPAdapter):

    """Gives all requests of one login together one timeout.

    keystoneauth1 gives each request its own, and may make three.

    :ivar failure: what the last request has raised, None if it was answered.
        keystoneauth1 raises another exception, with a longer text.
    """

    def __init__(self, connect_seconds, limit_seconds):
        self.failure = None
        self._connect_seconds = connect_seconds
        self._give_up_at = time.time() + limit_seconds
        super(_Adapter, self).__init__()

    def send(self, request, **options):
        # requests refuses a timeout of zero.
        left = max(0.01, self._give_up_at - time.time())
        options['timeout'] = min(self._connect_seconds, left), left
        self.failure = None
        try:
            return super(_Adapter, self).send(request, **options)
        except Exception as error:
            self.failure = error
            raise


def _session(settings, adapter):
    http = requests.Session()
    for scheme in ('http://', 'https://'):
        http.mount(scheme, adapter)
    return ksa_session.Session(session=http, **_tls(settings))


def _tls(settings):
    """Return verify and cert, as requests takes them."""
    cert = settings.cert
    if settings.key:
        cert = (settings.cert, settings.key)
    return {'verify': not settings.insecure and (settings.cacert or True),
            'cert': cert}


def _check_files(settings):
    """Raise errors.LoginError unless the files for TLS can be read.

    HTTP libraries do not say which of them is missing.
    """
    for key in settings.tls_keys():
        path = getattr(settings, key[len('swift_'):])
        try:
            if not (key == 'swift_cacert' and os.path.isdir(path)):
                io.open(path, 'rb').close()
        except (IOError, ValueError) as error:
            raise _refused(settings, '%s: %s' % (key, error), [key])


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


@contextlib.contextmanager
def _explained(settings, action, keys, adapter=None):
    """Raise the driver's errors for those of keystoneauth1 and requests.

    :param action: what is tried, for the message
    :param keys: settings to look at where the login is refused
    :param adapter: _Adapter of the requests, None where there are none
    """
    try:
        yield
    except errors.SwiftError:
        raise
    except (ksa_exceptions.ConnectionError,
            ksa_exceptions.DiscoveryFailure) as error:
        failure = adapter and adapter.failure or getattr(
            error, 'original', error)
        if isinstance(failure, requests.exceptions.InvalidHeader):
            # Its text has the value.
            raise _refused(settings, '%s: no HTTP header can have such a user '
                           'or password' % action, keys)
        if re.search(r'\(HTTP 4\d\d\)|Invalid Response', str(error)):
            raise _refused(settings, '%s: no Keystone: %s' % (
                action, str(error).split(' auth_url is correct. ')[-1]),
                _KEYS_OF_SERVER)
        raise errors.unreachable(action, failure)
    except ksa_exceptions.HttpError as error:
        if error.http_status >= 500:
            raise errors.SwiftError('%s: the identity service failed' % action,
                                    status=error.http_status)
        if error.http_status == 407:
            raise errors.from_status(action, None, 407)
        if error.http_status in _NO_LOGIN_HERE:
            keys = _KEYS_OF_SERVER + list(keys)
        raise _refused(settings, '%s failed: %s' % (action, error.message),
                       keys, error.http_status)
    except ksa_exceptions.CatalogException as error:
        raise _refused(settings, '%s: no object store in its catalog: %s'
                       % (action, error), keys)
    except ksa_exceptions.ClientException as error:
        raise _refused(settings, '%s failed: %s' % (action, error),
                       _KEYS_OF_SERVER)
    except (AttributeError, LookupError, TypeError) as error:
        # keystoneauth1 does not expect an answer that is not Keystone's.
        raise _refused(settings, '%s: the answer is not one to a login (%s)'
                       % (action, type(error).__name__), _KEYS_OF_SERVER)
    except (IOError, ValueError) as error:  # the file of a secret
        raise _refused(settings, '%s: %s' % (action, error), keys)


def _refused(settings, message, keys, status=None):
    """Return a LoginError that names keys, and variables that are not set."""
    message = '%s; see %s' % (message, ', '.join(keys))
    unset = settings.unset_login_variables()
    if unset:
        message += '; not set: ' + ', '.join(unset)
    error = errors.LoginError(message, status=status)
    error.see = tuple(keys)
    return error
