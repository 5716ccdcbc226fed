"""Works 15 and 16: clients of v2 push, and pull what they have pushed.

Through the legacy registry with its v2 API, and through `docker-registry-swift
serve`, each beside registry:2.
"""

import os

from stack.servers import registry
from stack.servers import serve

from . import MIB
from . import Metric
from . import rate
from . import seconds
from .. import contestants
from .. import engines
from .. import images
from .. import usage
from .many_clients import LAYER_MIB
from .many_clients import all_at_once
from .memory import peak_at_once
from .small_layers import DELAY_SECONDS
from .small_layers import LAYER_BYTES


class _Today(engines.V2):

    """Says that it is an engine of today: to older ones there is no v2 API."""

    def _ask(self, expected, method, url, body=None, headers=None,
             layer=None):
        return super()._ask(expected, method, url, body, dict(
            headers or {}, **{'User-Agent': 'docker/20.10.24'}), layer)


class _Legacy(contestants.Contestant):

    def registry(self, directory, settings, workers=2):
        return registry.Registry(
            directory, dict(settings, extensions={
                'swift_v2': {'enabled': True}}), self.environment, workers,
            contestants.GUNICORN_OPTIONS)


class _Serve(contestants.Contestant):

    def registry(self, directory, settings, workers=2):
        return serve.Serve(directory, settings, ['--workers', str(workers)])


class V2Pushes:

    name = '15 pushes by v2 clients'
    who = (_Legacy(contestants.THIS.name, 'registry', _Today),
           contestants.REGISTRY_2)
    metrics = [rate('push'), rate('pull'),
               Metric('push CPU', 's/GiB', False),
               Metric('pull CPU', 's/GiB', False),
               rate('push, few'), rate('pull, few'),
               Metric('pushes at once', 'MiB', False), seconds('at 20 ms'),
               Metric('requests a pushed layer', '', False)]

    def measure(self, bench, contestant, outcome):
        data = os.urandom(bench.scale.large_mib * MIB)
        self._one_client(bench, contestant, outcome, data)
        self._many_clients(bench, contestant, outcome)
        self._at_once(bench, contestant, outcome, data)
        self._small_layers(bench, contestant, outcome)

    def _one_client(self, bench, contestant, outcome, data):
        mib = bench.scale.large_mib
        with bench.serve(contestant) as (engine, server):
            prepared = engine.prepare(images.make(
                'bench/large', 1, len(data), data))
            for name in ('push', 'pull'):
                before = usage.cpu_seconds(server)
                if not outcome.rate(name, mib, getattr(engine, name),
                                    prepared):
                    return
                outcome.values[name + ' CPU'] = (
                    usage.cpu_seconds(server) - before) / mib * 1024

    def _many_clients(self, bench, contestant, outcome):
        with bench.serve(contestant) as (engine, _):
            made = [engine.prepare(images.make(
                'bench/image%d' % number, 1, LAYER_MIB * MIB))
                for number in range(bench.scale.images)]
            for name in ('push', 'pull'):
                made = all_at_once(bench.scale.few, getattr(engine, name),
                                   made, outcome, name + ', few')

    def _at_once(self, bench, contestant, outcome, data):
        with bench.serve(contestant, workers=1) as (engine, server):
            made = [engine.prepare(images.make(
                'bench/large%d' % number, 1, len(data), data))
                for number in range(bench.scale.pushes)]
            peak_at_once(server, engine.push, made, outcome,
                         'pushes at once')

    def _small_layers(self, bench, contestant, outcome):
        layers = bench.scale.layers
        with bench.relay(delay_seconds=DELAY_SECONDS) as network, \
                bench.serve(contestant, network) as (engine, _):
            prepared = engine.prepare(images.make(
                'bench/small', layers, LAYER_BYTES))
            before = bench.requests()
            if outcome.seconds('at 20 ms', engine.push, prepared):
                outcome.values['requests a pushed layer'] = (
                    bench.requests() - before) / layers


class V2PushesToServe(V2Pushes):

    name = '16 the same through serve'
    who = (_Serve(contestants.THIS.name, 'serve', _Today),
           contestants.REGISTRY_2)
