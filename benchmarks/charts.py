"""What was measured, as pictures: of each work, the peers and the goals."""

import collections
import os

import matplotlib
from matplotlib import pyplot
from matplotlib import ticker

from . import contestants
from . import goals
from . import report

matplotlib.use('Agg')

_COLORS = {contestants.THIS.name: '#1b6ca8',
           contestants.V0_2_1.name: '#c9781f',
           contestants.REGISTRY_2.name: '#5a8f4e',
           contestants.RAW.name: '#9a9a9a'}
_PEERS = (contestants.V0_2_1, contestants.REGISTRY_2)
_COLUMNS = 4


def draw(run, works, directory):
    """Write a PNG for each work, comparison.png and goals.png.

    :param run: what the runner keeps
    """
    for work in works:
        _work(run, work, os.path.join(
            directory, work.name.replace(' ', '-').replace('/', '-')
            + '.png'))
    _comparison(run, works, os.path.join(directory, 'comparison.png'))
    if not run['quick']:
        _goals(run, works, os.path.join(directory, 'goals.png'))


def _work(run, work, path):
    """Bars of the medians, with the least and the most of all rounds."""
    columns = min(_COLUMNS, len(work.metrics))
    rows = -(-len(work.metrics) // columns)
    figure, axes = pyplot.subplots(rows, columns, squeeze=False,
                                   figsize=(3.2 * columns, 2.8 * rows))
    for axis in axes.flat[len(work.metrics):]:
        axis.axis('off')
    for metric, axis in zip(work.metrics, axes.flat):
        for position, contestant in enumerate(work.who):
            found = report.spread(report.values(
                run, work.name, contestant.name, metric.name).values())
            if found is None:
                axis.text(position, 0, 'none', ha='center', va='bottom')
                continue
            axis.bar(position, found.median, color=_COLORS[contestant.name],
                     yerr=[[found.median - found.least],
                           [found.most - found.median]], capsize=3)
        axis.set_title('%s%s' % (metric.name, metric.unit
                                 and ', ' + metric.unit), fontsize=10)
        axis.set_xticks(range(len(work.who)))
        axis.set_xticklabels([contestant.name for contestant in work.who],
                             fontsize=8)
        axis.set_xlabel('more is better' if metric.more_is_better
                        else 'less is better', fontsize=8)
        axis.spines[['top', 'right']].set_visible(False)
    figure.suptitle(work.name)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _comparison(run, works, path):
    """How many times better than each peer this driver is."""
    rows = []
    for work in works:
        for metric in work.metrics:
            own = report.values(run, work.name, contestants.THIS.name,
                                metric.name)
            for peer in work.who:
                found = report.ratios(own, report.values(
                    run, work.name, peer.name, metric.name))
                if peer in _PEERS and found and found.least > 0:
                    scores = found if metric.more_is_better else [
                        1 / number for number in found]
                    rows.append(('%s: %s' % (work.name, metric.name), scores,
                                 _COLORS[peer.name]))
    _dots(rows, path, 'times better than 0.2.1 (orange) and registry:2 '
          '(green)')


def _goals(run, works, path):
    """How far each goal is met; but for "no failure", which is yes or no."""
    rows = []
    for goal in goals.GOALS:
        if goal.work in [work.name for work in works]:
            found = report.reached(run, goal)
            if found and found.least > 0:
                scores = ([number / goal.at_least for number in found]
                          if goal.at_least is not None
                          else [goal.at_most / number for number in found])
                rows.append((report.describe(goal), scores,
                             '#1b6ca8' if report.is_met(run, goal)
                             else '#b03030'))
    _dots(rows, path, 'times its goal; right of the line it is met')


def _dots(rows, path, label):
    """A dot at each median, on a line from the least to the most.

    :param rows: list of (label, (median, one end, other end), color)
    """
    if not rows:
        return
    labels = list(dict.fromkeys(row[0] for row in reversed(rows)))
    drawn = collections.Counter()
    figure, axis = pyplot.subplots(figsize=(9, 0.34 * len(labels) + 1.2))
    for name, (median, one, other), color in rows:
        # One below the other, or those that are equal would look like one.
        position = labels.index(name) - 0.2 * drawn[name]
        drawn[name] += 1
        axis.plot([one, other], [position, position], color=color, alpha=0.4)
        axis.plot(median, position, 'o', color=color)
    axis.axvline(1, color='black', linewidth=0.8)
    axis.set_xscale('log')
    axis.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter('{x:g}')
    axis.xaxis.set_minor_locator(ticker.NullLocator())
    axis.set_yticks(range(len(labels)))
    axis.set_yticklabels(labels, fontsize=8)
    axis.set_xlabel(label)
    axis.spines[['top', 'right']].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
