"""Work 8: the memory that large pushes take of one worker."""

import concurrent.futures
import os

from . import MIB
from . import Metric
from .. import contestants
from .. import images
from .. import usage


class Memory:

    name = '8 peak memory of a worker'
    who = contestants.REGISTRIES
    metrics = [Metric('one push', 'MiB', False),
               Metric('pushes at once', 'MiB', False)]

    def measure(self, bench, contestant, outcome):
        data = os.urandom(bench.scale.large_mib * MIB)
        for name, pushes in (('one push', 1),
                             ('pushes at once', bench.scale.pushes)):
            with bench.serve(contestant, workers=1) as (engine, server):
                made = [engine.prepare(images.make(
                    'bench/large%d' % number, 1, len(data), data))
                    for number in range(pushes)]
                peak_at_once(server, engine.push, made, outcome, name)


def peak_at_once(server, action, made, outcome, name):
    """Do something with each of several images at once; record the memory.

    :param server: whose memory; it is recorded if nothing has failed
    :param name: of the metric
    """
    with usage.Peak(server) as peak, \
            concurrent.futures.ThreadPoolExecutor(len(made)) as pool:
        taken = list(pool.map(
            lambda prepared: outcome.attempt(action, prepared), made))
    if None not in taken:
        outcome.values[name] = peak.mib
