"""Work 1: the driver without a registry, in a process of its own."""

import filecmp
import json
import os
import resource
import subprocess
import time

from stack import environments

from . import MIB, Metric, rate, seconds
from .. import contestants

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
        with open(bench.file('layer'), 'wb') as layer:
            for _ in range(bench.scale.large_mib):
                layer.write(os.urandom(MIB))
        bench.cluster.request('PUT', 'names')
        bench.cluster.add_names('names', 'registry/names/', bench.scale.names)

    def measure(self, bench, contestant, outcome):
        with bench.container() as settings:
            if contestant is contestants.RAW:
                outcome.attempt(self._curl, bench, settings, outcome)
            outcome.attempt(self._python, bench, contestant, settings, outcome)

    def _python(self, bench, contestant, settings, outcome):
        """Have the contestant's own Python do all it can."""
        order = {'settings': settings, 'names_container': 'names',
                 'layer': bench.file('layer'), 'copy': bench.file('copy'),
                 'objects': bench.scale.objects,
                 'driver': contestant is not contestants.RAW}
        answer = json.loads(subprocess.run(
            [environments.build(contestant.environment), _SCRIPT],
            input=json.dumps(order), stdout=subprocess.PIPE, check=True,
            text=True).stdout)
        outcome.corrupt += answer['corrupt']
        outcome.failures += answer['failures']
        names = answer['values'].pop('names', None)
        if names != bench.scale.names:
            answer['values'].pop('list', None)
            outcome.failures.append('listing: %s of %d names' % (
                names, bench.scale.names))
        outcome.values.update(answer['values'])
        if 'read' in answer['values']:
            self._compare(bench, outcome)

    def _curl(self, bench, settings, outcome):
        url = 'http://127.0.0.1:%d/v1/AUTH_test/%s/layer' % (
            bench.cluster.proxy.port, settings['swift_container'])
        curl = ['curl', '--silent', '--show-error', '--fail', '--header',
                'X-Auth-Token: ' + bench.cluster.token(), url]
        for name, options in (
                ('write', ['--upload-file', bench.file('layer')]),
                ('read', ['--output', bench.file('copy')])):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            started = time.monotonic()
            subprocess.run(curl + options, check=True,
                           stdout=subprocess.DEVNULL)
            taken = time.monotonic() - started
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = (after.ru_utime + after.ru_stime
                   - before.ru_utime - before.ru_stime)
            outcome.values[name] = bench.scale.large_mib / taken
            outcome.values[name + ' CPU'] = cpu * 1024 / bench.scale.large_mib
        self._compare(bench, outcome)

    @staticmethod
    def _compare(bench, outcome):
        if not filecmp.cmp(bench.file('layer'), bench.file('copy'), False):
            outcome.corrupt += 1
            outcome.failures.append('corrupt: what was read is not what was '
                                    'written')
        os.remove(bench.file('copy'))
