"""What was measured -> medians, ratios and goals, as a text."""

import collections
import statistics

from . import contestants
from . import goals

#: The middle, and the ends, of what was measured in several rounds.
Spread = collections.namedtuple('Spread', 'median least most')

_OWN = contestants.THIS.name
_LISTED_FAILURES = 3


def values(run, work, contestant, metric):
    """Return what was measured, as a dict from round to number."""
    found = {}
    for measurement in _measured(run, work, contestant):
        number = measurement['values'].get(metric)
        if metric == goals.FAILURES:
            number = len(measurement['failures'])
        if number is not None:
            found[measurement['round']] = number
    return found


def _measured(run, work, contestant):
    return [measurement for measurement in run['measurements']
            if (measurement['work'], measurement['contestant']) == (
                work, contestant)]


def spread(numbers):
    """Return the Spread of numbers; None of none."""
    numbers = list(numbers)
    if not numbers:
        return None
    return Spread(statistics.median(numbers), min(numbers), max(numbers))


def ratios(own, other):
    """Divide round by round, for what a machine does at one time differs.

    :param own, other: what values() returns
    :returns: Spread, None where no round has both
    """
    return spread(own[number] / other[number] for number in own
                  if other.get(number))


def report(run, works):
    """Return the whole report as a text."""
    scale, machine = run['scale'], run['machine']
    lines = [
        'Rounds: %d, on %s, %d processors, at %s, in %.0f minutes.' % (
            scale['rounds'], machine['system'], machine['processors'],
            machine['commit'], run.get('seconds', 0) / 60),
        'Large layers: %(large_mib)d MiB. Many clients: %(images)d images, of '
        '%(few)d clients (few) and of %(many)d (many).' % scale,
        'Small layers: %(layers)d. Tags: %(tags)d. Names in a listing: '
        '%(names)d. Pushes at once, for memory: %(pushes)d.' % scale,
        'Both registries of old have gunicorn %s; registry:2 is %s.' % (
            ' '.join(machine['gunicorn options']), machine['registry:2']),
        'Medians, and in parentheses the least and the most of all rounds. '
        '"times": this driver',
        'divided by the other, round by round.', '']
    for work in works:
        lines += _work(run, work) + ['']
    lines += ['The goals are for the full benchmark.'] if run['quick'] else (
        _goals(run, works))
    return '\n'.join(lines) + '\n'


def _work(run, work):
    lines = [work.name]
    for metric in work.metrics:
        own = values(run, work.name, _OWN, metric.name)
        label = metric.name + (', ' + metric.unit if metric.unit else '')
        for contestant in work.who:
            found = values(run, work.name, contestant.name, metric.name)
            line = '  %-24s %-17s %-26s' % (label, contestant.name,
                                            _show(spread(found.values())))
            if contestant.name != _OWN and ratios(own, found):
                line += ' %s times' % _show(ratios(own, found))
            rounds = _measured(run, work.name, contestant.name)
            if 0 < len(found) < len(rounds):
                line += ' (in %d of %d rounds)' % (len(found), len(rounds))
            lines.append(line.rstrip())
            label = ''
    for contestant in work.who:
        lines += _failures(run, work, contestant)
    return lines


def _failures(run, work, contestant):
    done = _measured(run, work.name, contestant.name)
    failures = [failure for measurement in done
                for failure in measurement['failures']]
    if not failures:
        return []
    lines = ['  %s: %d failures, %d of them corrupt data, in %d attempts' % (
        contestant.name, len(failures),
        sum(measurement['corrupt'] for measurement in done),
        sum(measurement['attempts'] for measurement in done))]
    # The same reason comes with other paths and numbers.
    kinds = collections.OrderedDict(
        (failure[:40], failure) for failure in reversed(failures))
    return lines + ['    such as: %.150s' % failure
                    for failure in list(kinds.values())[:_LISTED_FAILURES]]


def _goals(run, works):
    lines = ['Goals of this driver']
    names = [work.name for work in works]
    for goal in goals.GOALS:
        if goal.work not in names:
            continue
        found = reached(run, goal)
        bound = ('at least %g' % goal.at_least if goal.at_least is not None
                 else 'at most %g' % goal.at_most)
        lines.append('  %-6s %-58s %-14s %s' % (
            'met' if is_met(run, goal) else 'MISSED', describe(goal), bound,
            _show(found)))
    return lines


def is_met(run, goal):
    """Tell whether a goal is met; not if this driver failed in a round."""
    found = reached(run, goal)
    if found is None or len(values(run, goal.work, _OWN, goal.metric)) < len(
            _measured(run, goal.work, _OWN)):
        return False
    if goal.at_least is not None:
        return found.median >= goal.at_least
    is_ratio = goal.than or goal.than_metric
    return (found.median if is_ratio else found.most) <= goal.at_most


def describe(goal):
    """Return what a goal is about, as a text."""
    other = ', '.join(filter(None, (goal.than, goal.than_metric)))
    return '%s: %s%s' % (goal.work, goal.metric, ' / ' + other if other
                         else '')


def reached(run, goal):
    """Return the Spread of what a goal is about, None if not measured."""
    own = values(run, goal.work, _OWN, goal.metric)
    if goal.than or goal.than_metric:
        return ratios(own, values(run, goal.work, goal.than or _OWN,
                                  goal.than_metric or goal.metric))
    return spread(own.values())


def _show(found):
    if found is None:
        return '-'
    if found.least == found.most:
        return _number(found.median)
    return '%s (%s-%s)' % tuple(map(_number, found))


def _number(number):
    return '%.0f' % number if number >= 100 else '%.3g' % number
