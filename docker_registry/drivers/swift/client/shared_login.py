"""The one login of a process, shared by all its requests to Swift.

Decides when to log in again. Knows nothing of how to log in, or of what is
asked of Swift.
"""

import logging
import threading

from . import breaker
from .. import errors

#: A token that ends is renewed so long before, or a tenth of its life if that
#: is less.
_MARGIN_SECONDS = 60
#: Nobody needs the new token yet: a request that renews it ahead of time does
#: not wait for long.
_AHEAD_SECONDS = 5
#: Where a new token has not helped against a 403, the next such login.
_RIGHTS_SECONDS = 60

logger = logging.getLogger(__name__)


class SharedLogin(object):

    """One login for all greenlets or threads; one of them makes or renews it.

    :param authenticate: callable that logs in and returns a Grant; takes how
        many seconds it may wait for an answer
    :ivar attempts: how often that has been called
    """

    def __init__(self, authenticate):
        self._authenticate = authenticate
        # Held while somebody logs in.
        self._lock = threading.Lock()
        self.attempts = 0
        self._grant = None
        self._renew_at = None
        self._error = None
        self._accepted = None
        self._no_rights_at = None
        self._region_choice = None

    def grant(self, limit_seconds):
        """Return the current Grant; log in where there is none.

        A token that is about to end is renewed by one request, while the
        others go on with it.

        :param limit_seconds: how long the login may wait for an answer
        :raises errors.SwiftError: the login failed. Those who waited for
            that attempt fail with it: had each its own, an identity service
            that does not answer would hold them up one after the other.
        """
        # Each read once: another thread may just be writing them.
        current, renew_at = self._grant, self._renew_at
        if _has_ended(current):
            return self._log_in(limit_seconds)
        if (renew_at is not None and breaker.clock() >= renew_at
                and self._lock.acquire(False)):
            try:
                if self._grant is current:
                    self._renew(current, limit_seconds)
            finally:
                self._lock.release()
        return self._grant or current

    def known_storage_url(self):
        """Return the URL of the account without logging in, or None."""
        grant = self._grant
        return grant and grant.storage_url

    def accepted(self, grant):
        """Note that Swift has done something for a Grant's token."""
        self._accepted = grant

    def is_accepted(self, grant):
        """Tell whether accepted() was called with a Grant's token last.

        A new login may give the same: tempauth's, or a file's that has not
        been written anew yet.
        """
        accepted = self._accepted
        return accepted is not None and accepted.token == grant.token

    def refused(self, grant, status, is_repeated):
        """Tell whether a new login may help a request that was refused.

        The next grant() logs in then, unless somebody has already. A 403 is
        about the user's rights as a rule; Ceph's RADOS Gateway gives it also
        for a token that has ended. So it ends a token that was good before,
        and not again within a minute if the new token was refused as well.

        :param grant: the Grant that the request had
        :param status: 401 or 403
        :param is_repeated: whether the request has been repeated with a new
            login already
        """
        if is_repeated:
            if status == 403:
                self._no_rights_at = breaker.clock()
            return False
        with self._lock:
            if self._grant is grant:
                if status == 403 and self._is_about_rights(grant):
                    return False
                self._grant = None
        return True

    def _is_about_rights(self, grant):
        return not self.is_accepted(grant) or (
            self._no_rights_at is not None
            # The clock of Python 2 may be set back.
            and abs(breaker.clock() - self._no_rights_at) < _RIGHTS_SECONDS)

    def _log_in(self, limit_seconds):
        attempts_seen = self.attempts
        with self._lock:
            if self.attempts != attempts_seen and self._error is not None:
                raise self._error
            if _has_ended(self._grant):
                self._error = None
                try:
                    self._replace(self._authenticate(limit_seconds))
                except errors.SwiftError as error:
                    self._error = error
                    raise
                finally:
                    self.attempts += 1
            return self._grant

    def _renew(self, current, limit_seconds):
        """Log in ahead of time; the lock is held."""
        left_seconds = current.ends_at - breaker.clock()
        try:
            self._replace(self._authenticate(
                min(limit_seconds, _AHEAD_SECONDS, left_seconds)))
        except errors.SwiftError as error:
            left_seconds = current.ends_at - breaker.clock()
            self._renew_at = breaker.clock() + max(1, left_seconds / 4.0)
            logger.warning('%s; the last token is good for another %d s',
                           error, left_seconds)
        finally:
            self.attempts += 1

    def _replace(self, grant):
        before, self._grant = self._grant, grant
        self._renew_at = None
        # tempauth gives each login of a user the same token until it ends.
        if grant.ends_at is not None and (
                before is None or before.token != grant.token):
            self._renew_at = grant.ends_at - min(
                _MARGIN_SECONDS, grant.life_seconds / 10.0)
        if grant.region_choice not in (None, self._region_choice):
            self._region_choice = grant.region_choice
            logger.warning('%s', grant.region_choice)


def _has_ended(grant):
    return grant is None or (
        grant.ends_at is not None and breaker.clock() >= grant.ends_at)
