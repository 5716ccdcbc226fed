"""Runs the works, keeps what they measure, shows how far it has come.

    python3 -m benchmarks [--quick] [--works 2,4] [--rounds 3]

Contestants take turns within a round, in another order each round. All that
was measured is in .bench/ as soon as it is measured. Ends with 1 if this
driver has returned other bytes than were written, with 0 otherwise: goals
that are missed are shown, and are no failure.
"""

import argparse
import datetime
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time

import tqdm

from stack import __main__ as cli
from stack import environments
from stack.servers import swift

from . import bench
from . import charts
from . import contestants
from . import report
from . import scales
from . import works
from .works import capped_link
from .works import commands
from .works import driver_alone
from .works import index
from .works import many_clients
from .works import memory
from .works import one_client
from .works import redirect
from .works import small_layers
from .works import tags
from .works import v2_pulls
from .works import v2_pushes

#: In a log one line in half a minute is enough.
_TERMINAL = sys.stderr.isatty()
_RESULTS = os.path.join(environments.PROJECT, '.bench')

_WORKS = [
    driver_alone.DriverAlone(), one_client.OneClient(),
    many_clients.ManyClients(), small_layers.SmallLayers(),
    small_layers.SmallLayersWithRedis(), tags.Tags(),
    capped_link.CappedLink(), redirect.Redirect(), memory.Memory(),
    v2_pulls.V2Pulls(), index.Index(), commands.List(),
    commands.CopyInCluster(), commands.CopyFiles(), commands.Fsck(),
    v2_pushes.V2Pushes(), v2_pushes.V2PushesToServe()]


def _options():
    parser = argparse.ArgumentParser(prog='python3 -m benchmarks')
    parser.add_argument('--quick', action='store_true',
                        help='less of everything, in about three minutes')
    parser.add_argument('--works', metavar='NUMBERS', default='',
                        help='only these, such as 2,4')
    parser.add_argument('--rounds', type=int, metavar='COUNT')
    options = parser.parse_args()
    scale = scales.QUICK if options.quick else scales.FULL
    if options.rounds:
        scale = scale._replace(rounds=options.rounds)
    numbers = options.works.split(',') if options.works else None
    chosen = [work for work in _WORKS
              if numbers is None or work.name.split()[0] in numbers]
    if not chosen:
        parser.error('there is no such work')
    return options.quick, scale, chosen


def _machine():
    def ask(*command):
        return subprocess.run(command, stdout=subprocess.PIPE, text=True,
                              cwd=environments.PROJECT).stdout.strip()
    return {'processors': os.cpu_count(), 'system': platform.platform(),
            'commit': ask('git', 'describe', '--always', '--dirty'),
            'registry:2': ask(environments.program(
                'debian', 'docker-registry'), '--version').split()[-1],
            'gunicorn options': contestants.GUNICORN_OPTIONS}


def _measure(at, chosen, progress, save):
    """Do all works; hand over each measurement as a dict."""
    for work in chosen:
        progress.set_description(work.name + ': getting ready', _TERMINAL)
        if hasattr(work, 'prepare'):
            work.prepare(at)
        for number in range(at.scale.rounds):
            at.round = number
            for contestant in at.in_turn(work.who):
                progress.set_description('%s, round %d: %s' % (
                    work.name, number + 1, contestant.name), _TERMINAL)
                outcome = works.Outcome()
                started = time.monotonic()
                outcome.guard(work.measure, at, contestant, outcome)
                save({'work': work.name, 'round': number,
                      'contestant': contestant.name,
                      'seconds': round(time.monotonic() - started, 1),
                      'values': outcome.values,
                      'attempts': outcome.attempts,
                      'failures': outcome.failures,
                      'corrupt': outcome.corrupt})
                progress.update()


def main():
    is_quick, scale, chosen = _options()
    # Whoever stops it early gets what has been measured.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = datetime.datetime.now()
    results = os.path.join(_RESULTS, started.strftime('%Y-%m-%dT%H%M%S'))
    os.makedirs(results)
    run = {'started': started.isoformat(timespec='seconds'),
           'machine': _machine(), 'scale': scale._asdict(),
           'quick': is_quick, 'measurements': []}

    def save(measurement):
        run['measurements'].append(measurement)
        run['seconds'] = (datetime.datetime.now() - started).total_seconds()
        with open(os.path.join(results, 'results.json'), 'w') as output:
            json.dump(run, output, indent=1)

    directory = cli.scratch_directory()
    total = sum(scale.rounds * len(work.who) for work in chosen)
    try:
        with swift.Swift(os.path.join(directory, 'swift')) as cluster, \
                tqdm.tqdm(total=total, mininterval=0.1 if _TERMINAL else 30,
                          maxinterval=30) as progress:
            _measure(bench.Bench(cluster, directory, scale), chosen, progress,
                     save)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        text = report.report(run, chosen)
        with open(os.path.join(results, 'table.txt'), 'w') as output:
            output.write(text)
        print(text)
        charts.draw(run, chosen, results)
        print('Kept in %s' % os.path.relpath(results))
    return int(any(
        measurement['corrupt'] for measurement in run['measurements']
        if measurement['contestant'] == contestants.THIS.name))


if __name__ == '__main__':
    sys.exit(main())
