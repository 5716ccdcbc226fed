"""The works: a module each, with what is done and what is measured.

A work has

- a name, and who does it: Contestants;
- metrics, a list of Metric;
- measure(bench, contestant, outcome), which does it once and records into an
  Outcome as it goes, so that what worked before a failure is kept;
- where it needs something that all share, prepare(bench), called once.
"""

import collections
import threading
import time

from stack.servers import processes

from .. import images

MIB = 1024 * 1024

_CORRUPT = 'corrupt: '

#: What is measured: name, unit, and whether more of it is better.
Metric = collections.namedtuple('Metric', 'name unit more_is_better')


def rate(name):
    return Metric(name, 'MiB/s', True)


def seconds(name):
    return Metric(name, 's', False)


class Outcome:

    """What one contestant did in one round.

    :ivar values: dict from a metric's name to a number
    :ivar attempts: how many pushes, pulls and so on were tried
    :ivar failures: what went wrong, as texts
    """

    def __init__(self):
        self.values = {}
        self.attempts = 0
        self.failures = []
        self._lock = threading.Lock()

    @property
    def corrupt(self):
        """How many answers had other bytes than were written."""
        return sum(failure.startswith(_CORRUPT) for failure in self.failures)

    def corrupted(self, reason):
        """Record that something had other bytes than were written."""
        self.failures.append('%s%s' % (_CORRUPT, reason))

    def attempt(self, action, *arguments):
        """Do something that may fail; it counts as an attempt.

        :returns: the seconds it took, None if it failed
        """
        with self._lock:
            self.attempts += 1
        return self.guard(action, *arguments)

    def guard(self, action, *arguments):
        """Do something that may fail, such as several attempts.

        :returns: as for attempt()
        """
        started = time.monotonic()
        try:
            action(*arguments)
            return time.monotonic() - started
        except images.CorruptError as error:
            self.corrupted(error)
        except processes.ServerError as error:
            lines = str(error).strip().splitlines()
            self.failures.append(([lines[0]] + [
                line for line in lines if 'Error:' in line])[-1])
        except Exception as error:
            self.failures.append('%s: %.200s' % (type(error).__name__, error))
        return None

    def rate(self, name, mib, action, *arguments):
        """Do something and record how fast it was; return whether it worked.

        :param mib: how much of it there is, in MiB
        """
        taken = self.attempt(action, *arguments)
        if taken is not None:
            self.values[name] = mib / taken
        return taken is not None

    def seconds(self, name, action, *arguments):
        """Do something and record how long it took; return if it worked."""
        taken = self.attempt(action, *arguments)
        if taken is not None:
            self.values[name] = taken
        return taken is not None
