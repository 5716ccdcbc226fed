"""Keeps requests back while Swift answers none of them.

Pure bookkeeping. Knows nothing of requests, retries or what was asked.
"""

import threading
import time

from .. import errors

#: More than one request of the registry has in flight, so that its bad luck
#: changes nothing for others.
_FAILURES = 4
#: Longer than most proxies take to start again.
_SILENCE_SECONDS = 5
_PROBE_SECONDS = 1
#: Requests that wait for Swift are sent at least as often.
_RECENT_SECONDS = 2

#: Does not follow a clock that is set, where Python has such a one.
clock = getattr(time, 'monotonic', time.time)


class Breaker(object):

    """Lets requests through until Swift is silent; then one a second.

    It opens after 4 requests in a row without an answer, when nothing at all
    has answered for 5 seconds. The next answer closes it.

    What counts is that no answer came, from Swift or from the login: refused,
    reset, timed out, no such host. A request that times out takes long, and
    holds one of the pool's connections meanwhile. An answer, be it 401 or 503,
    shows that Swift is there; it came soon, and the next one may be better: of
    several proxies behind a balancer one may be ill. For the same reason what
    one of them leaves unanswered does not count while the others answer.

    What it keeps back fails at once, or waits until Swift has answered another
    request; that is decided in retry.py.

    A process has one for each pool. Its lock is never held while anything
    waits: it makes no difference whether gevent has patched it, or ends a
    greenlet.

    :param connections: how many requests there can be at the same time
    :ivar has_answered: whether anything has answered yet
    """

    def __init__(self, connections):
        self._threshold = min(_FAILURES, connections)
        self._lock = threading.Lock()
        self._failures = 0
        self._answered_at = self._silent_since = self._asked_at = clock()
        self._failed_at = self._answered_at
        self.has_answered = False
        self._open = False

    @property
    def is_open(self):
        """Whether requests are kept back."""
        with self._lock:
            # Also in between: the next failure may be a second away.
            if self._failures and clock() - self._failed_at < _RECENT_SECONDS:
                self._look()
            return self._open

    def seconds_to_probe(self):
        """Return in how many seconds check() lets a request pass."""
        return min(_PROBE_SECONDS,
                   max(0, self._asked_at + _PROBE_SECONDS - clock()))

    def check(self):
        """Let a request through, or raise.

        :raises errors.NotAskedError: it is open, and another request has been
            let through within the last second
        """
        # The clock of Python 2 may be set back.
        if self.is_open and abs(clock() - self._asked_at) < _PROBE_SECONDS:
            raise self.silence()

    def silence(self):
        """Return what to raise instead of asking: a NotAskedError."""
        return errors.NotAskedError(
            'Swift has not answered for %.0f s; it is asked once a second'
            % (clock() - self._silent_since))

    def asking(self):
        """Note that a request that check() has let through begins."""
        self._asked_at = clock()

    def answered(self):
        """Note an answer, whatever it is."""
        with self._lock:
            self._answered_at = clock()
            self.has_answered = True
            self._failures = 0
            self._open = False

    def failed(self, waiting_since):
        """Note that a request has got no answer.

        :param waiting_since: clock() when it began to wait; for an upload
            when its last bytes were taken, for until then Swift was there
        """
        with self._lock:
            if not self._failures:
                self._silent_since = max(waiting_since, self._answered_at)
            self._failures += 1
            self._failed_at = clock()
            self._look()

    def _look(self):
        if (self._failures >= self._threshold
                and clock() - self._silent_since >= _SILENCE_SECONDS):
            self._open = True
