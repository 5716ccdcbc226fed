"""What this driver is to reach, most of it as ratios within one run."""

import collections

from . import contestants

#: One goal for this driver's metric of a work. It is compared, round by
#: round, with another contestant's same metric (than), with another metric
#: (than_metric) of its own or of the other, or taken as it is; then it holds
#: for each round.
Goal = collections.namedtuple(
    'Goal', 'work metric than than_metric at_least at_most')

#: The pseudo-metric that counts what went wrong in a round.
FAILURES = 'failures'

_RAW = contestants.RAW.name
_V0_2_1 = contestants.V0_2_1.name
_REGISTRY_2 = contestants.REGISTRY_2.name


def _at_least(number, work, metric, than=None, than_metric=None):
    return Goal(work, metric, than, than_metric, number, None)


def _at_most(number, work, metric, than=None):
    return Goal(work, metric, than, None, None, number)


GOALS = [
    _at_least(0.95, '1 driver alone', 'write', _RAW),
    _at_least(0.95, '1 driver alone', 'read', _RAW),
    _at_most(1, '1 driver alone', 'write CPU', _V0_2_1),
    _at_most(1, '1 driver alone', 'read CPU', _V0_2_1),
    _at_least(1.2, '2 one client', 'push', _REGISTRY_2),
    _at_least(2, '2 one client', 'pull', _REGISTRY_2),
    _at_least(1, '2 one client', 'push', _V0_2_1),
    _at_least(1, '2 one client', 'pull', _V0_2_1),
    _at_most(0, '3 many clients', FAILURES),
    _at_least(3, '3 many clients', 'push, few', _REGISTRY_2),
    _at_least(1.2, '3 many clients', 'pull, few', _REGISTRY_2),
    _at_least(1, '3 many clients', 'push, many',
              than_metric='push, few'),
    _at_least(1, '3 many clients', 'pull, many',
              than_metric='pull, few'),
    _at_most(13, '4 small layers at 20 ms', 'requests a pushed layer'),
    _at_most(6, '4 small layers at 20 ms', 'requests a pulled layer'),
    _at_most(0.6, '4 small layers at 20 ms', 'push', _V0_2_1),
    _at_most(0.6, '4 small layers at 20 ms', 'pull', _V0_2_1),
    _at_most(12, '4 the same with Redis', 'requests a pushed layer'),
    _at_most(5, '4 the same with Redis', 'requests a pulled layer'),
    _at_most(0.1, '5 tags', 'at 20 ms', _RAW),
    _at_least(3, '6 link of 20 MiB/s a connection', 'push', _RAW),
    _at_least(3, '6 link of 20 MiB/s a connection', 'pull', _RAW),
    _at_most(512, '8 peak memory of a worker', 'pushes at once'),
    _at_least(2, '9 pulls by v2 clients', 'pull', _REGISTRY_2),
    _at_least(1.2, '9 pulls by v2 clients', 'pull, few', _REGISTRY_2),
    _at_most(512, '9 pulls by v2 clients', 'memory, at once'),
    # 3, and what asks now and then whether Swift is well.
    _at_most(3.1, '9 pulls by v2 clients', 'requests a manifest'),
    _at_most(4, '9 pulls by v2 clients', 'requests a pulled layer'),
    _at_least(0.8, '10 index', 'one job', _RAW),
    # 1.3 of that, with two jobs.
    _at_least(1.04, '10 index', 'two jobs', _RAW, 'one job'),
    _at_most(0.1, '11 ls of repositories with 10 tags', 'at 20 ms', _RAW),
    _at_least(3, '12 copy of large layers', 'by Swift',
              than_metric='through this machine'),
    _at_least(0.8, '13 copy of files', 'write', _RAW),
    _at_most(4, '14 fsck', 'requests an image'),
] + [goal for work, push in (('15 pushes by v2 clients', 1.5),
                             ('16 the same through serve', 2)) for goal in (
    _at_most(0, work, FAILURES),
    _at_least(push, work, 'push', _REGISTRY_2),
    _at_least(2, work, 'pull', _REGISTRY_2),
    _at_least(3, work, 'push, few', _REGISTRY_2),
    _at_least(1.2, work, 'pull, few', _REGISTRY_2),
    _at_most(512, work, 'pushes at once'),
    _at_most(0.33, work, 'at 20 ms', _REGISTRY_2),
    _at_most(10, work, 'requests a pushed layer'))]
