"""Work 1: the driver without a registry, in a process of its own."""

import json
import os
import subprocess

from stack import environments

from . import Metric
from . import rate
from . import seconds
from .. import contestants
from .. import curl

_SCRIPT = os.path.join(environments.PROJECT, 'benchmarks', 'inside',
                       'driver_alone.py')


class DriverAlone:

    name = '1 driver alone'
    who = (contestants.THIS, contestants.V0_2_1, contestants.RAW)
    metrics = [rate('write'), rate('read'),
               Metric('write CPU', 's/GiB', False),
               Metric('read CPU', 's/GiB', False),
               Metric('peak memory', 'MiB', False),
               Metric('put', 'ms', False), Metric('get', 'ms', False),
               Metric('exists', 'ms', False), seconds('list')]

    def prepare(self, bench):
        bench.cluster.request('PUT', 'names')
        bench.cluster.add_names('names', 'registry/names/', bench.scale.names)

    def measure(self, bench, contestant, outcome):
        with bench.container() as settings:
            if contestant is contestants.RAW:
                outcome.guard(self._curl, bench, settings, outcome)
            outcome.guard(self._python, bench, contestant, settings, outcome)

    def _python(self, bench, contestant, settings, outcome):
        """Have the contestant's own Python do all it can."""
        order = {'settings': settings, 'names_container': 'names',
                 'layer': bench.large_file(), 'copy': bench.file('copy'),
                 'objects': bench.scale.objects,
                 'driver': contestant is not contestants.RAW}
        answer = json.loads(subprocess.run(
            [environments.build(contestant.environment), _SCRIPT],
            input=json.dumps(order), stdout=subprocess.PIPE, check=True,
            text=True).stdout)
        outcome.attempts += answer['attempts']
        outcome.failures += answer['failures']
        for path in answer['corrupt']:
            outcome.corrupted('%s has not what was written' % path)
        names = answer['values'].pop('names', None)
        if names != bench.scale.names:
            answer['values'].pop('list', None)
            outcome.failures.append('listing: %s of %d names' % (
                names, bench.scale.names))
        outcome.values.update(answer['values'])
        if 'read' in answer['values']:
            bench.compare_copy()

    def _curl(self, bench, settings, outcome):
        one = curl.Curl(bench, settings['swift_container'])
        for name, transfer, path in (
                ('write', one.write, bench.large_file()),
                ('read', one.read, bench.file('copy'))):
            outcome.attempts += 1
            taken = transfer(path)
            outcome.values[name] = bench.scale.large_mib / taken.seconds
            outcome.values[name + ' CPU'] = (
                taken.cpu_seconds * 1024 / bench.scale.large_mib)
        bench.compare_copy()
