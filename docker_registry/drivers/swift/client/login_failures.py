"""Explains why a login failed, and which settings to look at."""

import contextlib
import re

from keystoneauth1 import exceptions as ksa_exceptions
import requests

from .. import errors

_KEYS_OF_SERVER = ['swift_authurl', 'swift_auth_version']
#: Likely this is not where one logs in. Keystone answers 400 and 404 also for
#: domains and application credentials that it does not have.
_NO_LOGIN_HERE = (300, 400, 404, 405)


@contextlib.contextmanager
def explained(settings, action, keys, adapter=None):
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
            raise refused(settings, '%s: no HTTP header can have such a user '
                          'or password' % action, keys)
        if re.search(r'\(HTTP 4\d\d\)|Invalid Response', str(error)):
            raise refused(settings, '%s: no Keystone: %s' % (
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
        raise refused(settings, '%s failed: %s' % (action, error.message),
                      keys, error.http_status)
    except ksa_exceptions.ClientException as error:
        raise refused(settings, '%s failed: %s' % (action, error),
                      _KEYS_OF_SERVER)
    except (AttributeError, LookupError, TypeError) as error:
        # keystoneauth1 does not expect an answer that is not Keystone's.
        raise refused(settings, '%s: the answer is not one to a login (%s)'
                      % (action, type(error).__name__), _KEYS_OF_SERVER)
    except (IOError, ValueError) as error:  # the file of a secret
        raise refused(settings, '%s: %s' % (action, error), keys)


def refused(settings, message, keys, status=None):
    """Return a LoginError that names keys, and variables that are not set.

    :param keys: settings to look at, a list
    :param status: HTTP status of the answer, None where there was none
    """
    message = '%s; see %s' % (message, ', '.join(keys))
    unset = settings.unset_login_variables()
    if unset:
        message += '; not set: ' + ', '.join(unset)
    error = errors.LoginError(message, status=status)
    error.see = tuple(keys)
    return error
