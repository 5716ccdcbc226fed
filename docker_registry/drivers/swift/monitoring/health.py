"""Whether Swift can be used, as a process finds out by asking now and then.

Knows how to read its settings, when to ask and what to make of the answers.
Knows nothing of HTTP, neither of Swift's nor of the registry's.
"""

import collections
import logging
import os
import threading
import time

from .. import errors
from ..client import breaker
from ..config import sections
from ..config import values

HEALTHY, UNHEALTHY, UNCHECKED = 'healthy', 'unhealthy', 'unchecked'

_SECTION = 'extensions: swift_health'

logger = logging.getLogger(__name__)

#: What `extensions: swift_health:` says.
Settings = collections.namedtuple(
    'Settings', 'enabled interval_seconds threshold enforce')

#: What is known: state and since when it has been that, when the last check
#: ended and how long it took, how many have failed in a row, what the last
#: failure was and when. Times are UTC, None where there was nothing yet.
Finding = collections.namedtuple(
    'Finding', 'state since checked latency_seconds failures last_error '
               'last_error_at')


def parse(config):
    """Check the settings of the health extension.

    :param config: the registry's `extensions`; None where there is none
    :returns: Settings
    :raises errors.ConfigError: names every key that is wrong

    Source of the keys: health.storagedriver in registry:2's configuration,
    https://distribution.github.io/distribution/about/configuration/
    """
    found = {'enabled': True, 'interval': 10, 'threshold': 3, 'enforce': False}
    problems = []
    if config is not None and not hasattr(config, 'keys'):
        problems.append('extensions: not a mapping of keys to values')
    section = sections.mapping(
        sections.get(config, 'swift_health'), _SECTION, sorted(_PARSERS),
        problems)
    for key, value in sorted(section.items()):
        try:
            if value is not None:
                found[key] = _PARSERS[key](value)
        except ValueError as error:
            problems.append('%s: %s: %s' % (_SECTION, key, error))
    if found['enforce'] and not found['enabled']:
        problems.append('%s: enforce: needs enabled: true' % _SECTION)
    if problems:
        raise errors.ConfigError(
            'storage: swift cannot start, the configuration is wrong:\n'
            + '\n'.join('  ' + problem for problem in problems))
    return Settings(found['enabled'], found['interval'], found['threshold'],
                    found['enforce'])


class Health(object):

    """Checks by and by whether Swift can be used, once watch() is called.

    Healthy until `threshold` checks in a row have failed, and again after
    one that has not. Each process checks for itself.

    :param check: callable that raises if Swift cannot be used
    :param settings: Settings
    """

    def __init__(self, check, settings):
        self._check = check
        self._settings = settings
        self._watching_pid = None
        # Held for a moment and never while waiting for anything.
        self._lock = threading.Lock()
        self.finding = Finding(
            HEALTHY if settings.enabled else UNCHECKED, _now(), None, None, 0,
            None, None)

    def watch(self):
        """Have this process check from now on, in the background.

        To be called once there are requests: what is loaded before gunicorn
        forks its workers must not start anything in their parent.
        """
        with self._lock:
            if (not self._settings.enabled
                    or self._watching_pid == os.getpid()):
                return
            self._watching_pid = os.getpid()
        thread = threading.Thread(target=self._watch, name='swift health')
        thread.daemon = True
        thread.start()

    def unavailable(self):
        """Return why no request is to be answered, as text, or None.

        Watches from then on.
        """
        self.watch()
        finding = self.finding
        if self._settings.enforce and finding.state == UNHEALTHY:
            return 'The storage cannot be used since %s' % finding.since
        return None

    def report(self, statistics):
        """Return what this process knows, a dict.

        :param statistics: what Connections.statistics() gives
        """
        return dict(statistics, pid=os.getpid(), **self.finding._asdict())

    def check(self):
        """Check once."""
        started = breaker.clock()
        try:
            self._check()
        except errors.SwiftError as error:
            self._failed(str(error), breaker.clock() - started)
        except Exception as error:  # or nobody would ever check again
            logger.exception('the health check itself has failed')
            # By its type alone: of its text nobody knows what is in it.
            self._failed(type(error).__name__, breaker.clock() - started)
        else:
            self._passed(breaker.clock() - started)

    def _watch(self):
        while True:
            started = breaker.clock()
            self.check()
            time.sleep(max(0, self._settings.interval_seconds
                           - (breaker.clock() - started)))

    def _passed(self, seconds):
        now = _now()
        finding = self.finding
        if finding.state == UNHEALTHY:
            logger.warning('Swift can be used again')
            finding = finding._replace(state=HEALTHY, since=now)
        self.finding = finding._replace(
            checked=now, latency_seconds=seconds, failures=0)

    def _failed(self, reason, seconds):
        now = _now()
        finding = self.finding._replace(
            checked=now, latency_seconds=seconds, last_error=reason,
            last_error_at=now, failures=self.finding.failures + 1)
        if (finding.state == HEALTHY
                and finding.failures >= self._settings.threshold):
            logger.error('unhealthy, %d checks in a row have failed: %s',
                         finding.failures, reason)
            finding = finding._replace(state=UNHEALTHY, since=now)
        self.finding = finding


def _now():
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())


_PARSERS = {'enabled': values.boolean, 'interval': values.duration(0.1, 3600),
            'threshold': values.integer(1, 1000), 'enforce': values.boolean}
