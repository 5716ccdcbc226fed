"""What was measured, as pictures: one of each work, and one of all goals."""

import os

import matplotlib
from matplotlib import pyplot

from . import contestants
from . import goals
from . import report

matplotlib.use('Agg')

_COLORS = {contestants.THIS: '#1b6ca8', contestants.V0_2_1: '#c9781f',
           contestants.REGISTRY_2: '#5a8f4e', contestants.RAW: '#9a9a9a'}
_COLUMNS = 4


def draw(run, works, directory):
    """Write a PNG for each work, and goals.png.

    :param run: what the runner keeps
    """
    for work in works:
        _work(run, work, os.path.join(
            directory, work.name.replace(' ', '-').replace('/', '-')
            + '.png'))
    _goals(run, [work.name for work in works],
           os.path.join(directory, 'goals.png'))


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
            axis.bar(position, found.median, color=_COLORS[contestant],
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


def _goals(run, names, path):
    """How far each ratio is from its goal: right of the line it is met."""
    rows = []
    for goal in goals.GOALS:
        found = report.reached(run, goal) if goal.work in names else None
        if found is None or not found.least:
            continue
        if goal.at_least is not None:
            scores = [number / goal.at_least for number in found]
        else:
            scores = [goal.at_most / number for number in found]
        rows.append((report.describe(goal), scores[0], min(scores),
                     max(scores)))
    if not rows:
        return
    figure, axis = pyplot.subplots(figsize=(9, 0.34 * len(rows) + 1.2))
    for position, (_, median, least, most) in enumerate(reversed(rows)):
        axis.plot([least, most], [position, position], color='#9a9a9a')
        axis.plot(median, position, 'o',
                  color='#1b6ca8' if median >= 1 else '#b03030')
    axis.axvline(1, color='black', linewidth=0.8)
    axis.set_xscale('log')
    axis.set_yticks(range(len(rows)))
    axis.set_yticklabels([row[0] for row in reversed(rows)], fontsize=8)
    axis.set_xlabel('times its goal; right of the line it is met')
    axis.spines[['top', 'right']].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
