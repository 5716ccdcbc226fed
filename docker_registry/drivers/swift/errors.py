"""The driver's exceptions, and the one table from Swift's status to them.

Knows nothing of connections or of the registry's paths.
"""

import re

from . import compat
from . import core_exceptions

#: Answers that a later attempt of the same request may well better: the
#: proxy or a storage node is overloaded or away, the request timed out, the
#: body was damaged on its way (422), or a clock is behind another (202); or a
#: body was to be asked for (417), which the next is not, see client/expect.py.
#: Source: https://docs.openstack.org/api-ref/object-store/
_TRANSIENT_STATUSES = frozenset([202, 408, 417, 422, 429, 498, 500, 502, 503,
                                 504])

_RETRY_AFTER_SECONDS = 5

#: What a server tells a client whose certificate is missing or not trusted,
#: in OpenSSL's words; TLS before 1.3 knew no better than the last.
_CERTIFICATE_WANTED = re.compile(
    'alert (certificate|bad certificate|unknown ca|handshake failure)')

#: What OpenSSL says of an answer that is not TLS, in several versions.
_NO_TLS = re.compile('wrong.version.number|unknown.protocol|record layer',
                     re.IGNORECASE)

#: The configuration is wrong: its text says what, by key.
ConfigError = core_exceptions.ConfigError


class SwiftError(core_exceptions.UnspecifiedError, IOError):

    """Swift did not do what was asked.

    Both core's and an IOError, because the registry catches either.

    :ivar status: HTTP status as an int, None where no answer came
    :ivar object_name: name of the object asked for, None for a container
        or a login
    :ivar transaction_id: Swift's X-Trans-Id, to be searched for in the
        cluster's logs; None where no answer came
    :ivar retry_after_seconds: how long Swift asks to wait, or None
    :ivar see: keys of the settings to look at, a tuple; the message has them
    :ivar may_have_happened: whether what was asked may take effect, now or
        later; also where an answer says no, and an attempt before had none
    """

    retry_after_seconds = None
    see = ()

    def __init__(self, message, object_name=None, status=None,
                 transaction_id=None):
        details = []
        if status is not None:
            details.append('status %d' % status)
        if transaction_id:
            details.append('transaction %s' % transaction_id)
        if details:
            message = '%s (%s)' % (message, ', '.join(details))
        message = compat.native(message)
        super(SwiftError, self).__init__(message)
        self.message = message
        self.object_name = object_name
        self.status = status
        self.transaction_id = transaction_id
        self.may_have_happened = (
            status is None or status == 408 or status >= 500)


class ObjectNotFoundError(SwiftError, core_exceptions.FileNotFoundError):

    """Swift answered 404: the object, or everything below it, is not there."""


class ObjectExistsError(SwiftError):

    """Swift answered 412: there is an object already, or another version."""


class AlreadyPushedError(SwiftError):

    """The image is complete already; nothing has been replaced."""


class TooLargeError(SwiftError):

    """Larger than the cluster takes, in one object or in segments."""


class InvalidPathError(SwiftError, core_exceptions.WrongArgumentsError):

    """The path cannot be the name of an object; nothing was asked of Swift."""


class AccessDeniedError(SwiftError, core_exceptions.ConnectionError):

    """The login failed, or the user may not do what was asked."""


class LoginError(AccessDeniedError):

    """The login was refused, or what it says has no object store."""


class UnreachableError(SwiftError, core_exceptions.UnreachableError):

    """No answer came: refused, reset, timed out, no such host, no trust."""


class NotSwiftError(UnreachableError):

    """Something else answered in Swift's place, such as a maintenance page.

    A request that it answered may have reached Swift or not.
    """


class NotAskedError(UnreachableError):

    """Nothing was asked of Swift: it has not answered for a while, or all
    connections to it are in use.
    """

    retry_after_seconds = 1


class BrokenObjectError(SwiftError, core_exceptions.BrokenError):

    """The bytes that came are not the bytes that Swift says it has."""


_BY_STATUS = {
    202: (SwiftError, 'Swift has kept another version, which it takes for '
                      'the newer one'),
    401: (AccessDeniedError, 'the token was refused, twice'),
    403: (AccessDeniedError, 'the user may not do this'),
    404: (ObjectNotFoundError, 'not there'),
    407: (SwiftError, 'the proxy wants another user or password'),
    412: (ObjectExistsError, 'the object is another one than expected'),
    413: (TooLargeError, 'larger than Swift takes, or over a quota'),
    416: (SwiftError, 'the range lies outside the object'),
    422: (BrokenObjectError, 'the bytes that arrived have another MD5 than '
                             'those that were sent'),
    507: (SwiftError, 'the cluster is full'),
}


#: Swift does not redirect: something else answers at its address.
REDIRECTS = (301, 302, 303, 307, 308)


def from_status(action, object_name, status, transaction_id=None,
                headers=None, see=()):
    """Make the exception for an answer that is not a success.

    :param action: what was tried, such as "GET registry/images/1/layer"
    :param object_name: name of the object, or None
    :param status: HTTP status, an int
    :param transaction_id: X-Trans-Id of the answer, or None
    :param headers: the answer's headers, for Retry-After and Location, with
        lower-case names, or None
    :param see: keys of the settings to look at
    :returns: a SwiftError, or the subclass that fits the status best
    """
    kind, reason = _BY_STATUS.get(status, (SwiftError, 'Swift failed'))
    if status in REDIRECTS:
        # What follows a ? may be a signature.
        location = (headers or {}).get('location', '').split('?')[0]
        reason = 'the answer is a redirect, which is not followed, to ' + (
            without_credentials(location) or 'nowhere')
    if see:
        reason += '; see ' + ', '.join(see)
    error = kind('%s: %s' % (action, reason), object_name=object_name,
                 status=status, transaction_id=transaction_id)
    error.see = tuple(see)
    retry_after = (headers or {}).get('retry-after', '')
    if retry_after.isdigit():  # Swift gives seconds, never a date
        error.retry_after_seconds = int(retry_after)
    return error


def unreachable(action, cause, object_name=None, transaction_id=None):
    """Make the exception for a request that got no answer, or half of one.

    :param action: what was tried
    :param cause: the exception that the HTTP library raised
    :param object_name: name of the object, or None
    :param transaction_id: X-Trans-Id of half an answer, or None
    :returns: UnreachableError
    """
    reason = _reason(cause)
    if 'certificate verify failed' in reason.lower():
        reason += '; see swift_cacert'
    elif _CERTIFICATE_WANTED.search(reason):
        reason += '; see swift_cert and swift_key'
    elif _NO_TLS.search(reason):
        reason += '; does the address begin with http://, not https://?'
    return UnreachableError(
        '%s: no answer: %s' % (action, reason),
        object_name=object_name, transaction_id=transaction_id)


def not_swift(action, status, object_name=None, transaction_id=None):
    """Make the exception for an answer that Swift does not give.

    :param action: what was tried
    :param status: HTTP status of the answer, an int
    :param object_name: name of the object, or None
    :param transaction_id: X-Trans-Id of the answer, or None
    :returns: NotSwiftError
    """
    return NotSwiftError(
        '%s: status %d, but the answer is not that of Swift; see what '
        'answers at swift_object_storage_url, or at the address in the catalog'
        % (action, status), object_name, None, transaction_id)


def version_not_kept(action, container, error):
    """Make the exception for a change before which Swift has to keep what is
    there, and cannot.

    :param action: what was tried
    :param container: name of the container
    :param error: ObjectExistsError, which Swift's 412 was taken for
    :returns: SwiftError
    """
    return reworded(error, SwiftError, (
        '%s: Swift cannot keep the version that is there; see the container '
        'that X-Versions-Location or X-History-Location of container %s names'
        % (action, container)))


def reworded(error, kind, message):
    """Make another exception for a failure, by somebody who knows more.

    :param error: SwiftError
    :param kind: SwiftError, or the subclass that fits better
    :param message: what it says, without the status
    """
    made = kind(message, error.object_name, error.status, error.transaction_id)
    made.may_have_happened = error.may_have_happened
    return made


def _reason(cause):
    # requests wraps what urllib3 has wrapped, and each says what it knows:
    # "Max retries exceeded" of a request that was made once.
    inner = cause
    while isinstance(inner, Exception):
        cause = inner
        inner = getattr(cause, 'reason', None) or (cause.args or [None])[0]
    text = str(cause)
    if len(cause.args) == 2 and not isinstance(cause.args[0], int):
        text = str(cause.args[1])  # the first is a connection, or less clear
    text = without_credentials(text)
    # "<urllib3.connection.HTTPConnection object at 0x7f0>: ..."
    return re.sub(r'^<.* object at \w+>: ', '', text) or type(cause).__name__


def without_credentials(text):
    """Return text whose URLs have no user and password in them."""
    return re.sub(r'//\S*@', '//', text)


def is_transient(error):
    """Tell whether the same request may succeed when it is sent again."""
    return (isinstance(error, UnreachableError)
            or error.status in _TRANSIENT_STATUSES)


def answer_to(error, not_found=(404, 'Not found')):
    """Return what a client is told of an error.

    What has failed and where is in the log; clients need not know.

    :param error: SwiftError
    :param not_found: status and message where Swift says that it is not there
    :returns: status, an int; message, with the transaction where Swift has
        named one; headers, a dict
    """
    status, message = (not_found if isinstance(error, ObjectNotFoundError)
                       else _status_and_message(error))
    if error.transaction_id:
        message += ' (transaction %s)' % error.transaction_id
    return status, message, (
        later(error.retry_after_seconds) if status == 503 else {})


def later(seconds=None):
    """Return the headers that ask a client to come again, a dict.

    :param seconds: how long Swift asks to wait, None where it does not say
    """
    return {'Retry-After': str(seconds or _RETRY_AFTER_SECONDS)}


def _status_and_message(error):
    if isinstance(error, InvalidPathError):
        return 400, 'Invalid name'
    if isinstance(error, TooLargeError) or error.status == 413:
        return 413, 'Too large for the storage, or over its quota'
    if error.status == 507:
        return 507, 'The storage is full'
    if isinstance(error, AlreadyPushedError):
        return 409, 'Image already exists'
    if is_transient(error) or isinstance(
            error, ObjectExistsError):  # changed while it was read
        return 503, 'The storage does not answer, try again later'
    # Trying again would not change it. Neither 401 nor 403: those would be
    # about the rights of the client, and it is the registry that lacks some.
    return 500, 'The storage has failed'
