"""Logs in: from the configuration to a token and the URL of an account.

Says what is done in which order, and how long a token is good for. Knows
nothing of how the login is shared, or of what is then asked of Swift.
"""

import collections
import io
import logging
import os

from keystoneauth1 import session as ksa_session
import requests

from . import breaker
from . import catalog
from . import identity
from . import login_failures
from . import session as http_session
from .. import compat
from ..config import values

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
        with login_failures.explained(settings, action,
                                      settings.named('swift_auth_token')):
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
    with login_failures.explained(settings, action, settings.login_keys(),
                                  adapter):
        access = identity.get_access(settings, session)
        token = _token(settings, action, access)
        lives = [_life_seconds(access)]
    storage_url, region_choice = catalog.account_url(settings, action, access)
    service_token = None
    if settings.service_user:
        with login_failures.explained(
                settings, action + ' as service user',
                settings.service_login_keys(), adapter):
            service = identity.get_service_access(settings, session)
            service_token = _token(settings, action, service)
            lives.append(_life_seconds(service))
    life_seconds = min([life for life in lives if life] or [None])
    logger.debug('%s: the token is good for %s', action, '%d s' % life_seconds
                 if life_seconds else 'nobody says how long')
    return Grant(compat.native(storage_url), token, service_token,
                 life_seconds and asked_at + life_seconds, life_seconds,
                 region_choice)


def _token(settings, action, access):
    """Return the token that a login has given, native text.

    :raises errors.LoginError: it can be none
    """
    token = access.auth_token
    if not isinstance(token, compat.TEXT_TYPES) or not values.is_token(
            compat.native(token)):
        raise login_failures.refused(
            settings, '%s: what came as the token is none: it is empty, or '
            'has a blank in it or a letter that is not ASCII' % action,
            ['swift_authurl'])
    return compat.native(token)


def _life_seconds(access):
    """Return how long a token is good for after it was made, None if unknown.

    Both times are the server's: this machine's clock may be another.
    """
    try:
        life = (access.expires - access.issued).total_seconds()
    except (KeyError, TypeError, ValueError):  # v2 need not say them
        return None
    return life if life >= 1 else None


class _Adapter(requests.adapters.HTTPAdapter):

    """Gives all requests of one login together one timeout.

    keystoneauth1 gives each request its own, and may make three.

    :ivar failure: what the last request has raised, None if it was answered.
        keystoneauth1 raises another exception, with a longer text.
    """

    def __init__(self, connect_seconds, limit_seconds):
        self.failure = None
        self._connect_seconds = connect_seconds
        self._give_up_at = breaker.clock() + limit_seconds
        super(_Adapter, self).__init__()

    def send(self, request, **options):
        # requests refuses a timeout of zero.
        left = max(0.01, self._give_up_at - breaker.clock())
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
            raise login_failures.refused(
                settings, '%s: %s' % (key, error), [key])
