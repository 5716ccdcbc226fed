"""Decides whether a request that has failed is sent again, and when.

Knows nothing of what is sent, or how; see retry.py.
"""

import random

from .. import errors

#: What a balancer answers while no proxy behind it works. Swift's own answers
#: have a transaction id.
_NO_PROXY = (502, 503, 504)


class Repetitions(object):

    """Decides whether one request is sent again, and when.

    :param settings: Settings
    :param breaker_of_pool: Breaker
    :param waits: whether the request waits for a Swift that does not answer
    :ivar persists: whether it goes on while the breaker is open: it waits, or
        has begun before
    :ivar left: how many repetitions are left
    """

    def __init__(self, settings, breaker_of_pool, waits):
        self._settings = settings
        self._breaker = breaker_of_pool
        self._waits = waits and settings.retries
        self.persists = waits or not breaker_of_pool.is_open
        self._may_probe = self._may_be_back = True
        self._begin()

    def renew(self, was_away):
        """Begin anew where Swift has been away and is back.

        :param was_away: what retry.Requests has found. Where it answers at
            once it may have come back in that moment; this is believed once.
        :returns: whether to try again
        """
        if was_away:
            self._begin()
        elif was_away is False and self._may_be_back:
            self._may_be_back = False
        else:
            return False
        return True

    def pause(self, error):
        """Return for how many seconds to wait before the next attempt.

        :param error: errors.SwiftError of the last one
        :returns: None where there is to be none
        """
        if not self.left or not errors.is_transient(error):
            return None
        if isinstance(error, errors.NotAskedError):
            if self._waits or not (self.persists or self._may_probe):
                return None
            # One that has begun before goes on; one that has come since waits
            # once for what the next look at Swift shows.
            self._may_probe = False
            return self._breaker.seconds_to_probe() + random.uniform(0.01, 0.1)
        if not self.persists and isinstance(error, errors.UnreachableError):
            return None
        self.left -= 1
        delay, self._delay = self._delay, 2 * self._delay
        if error.retry_after_seconds is not None:
            return error.retry_after_seconds
        return delay * random.uniform(0.5, 1.5)

    def waits_for(self, error):
        """Tell whether the request waits for Swift after this failure."""
        return self._waits and is_away(error)

    def _begin(self):
        self.left = self._settings.retries
        self._delay = self._settings.retry_delay


def is_away(error):
    """Tell whether nothing has answered, or a balancer without a proxy."""
    return (isinstance(error, errors.UnreachableError)
            or error.status in _NO_PROXY and not error.transaction_id)
