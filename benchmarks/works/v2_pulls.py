"""Work 9: clients of v2 pull what those of v1 have pushed.

registry:2 serves what was pushed to itself.
"""

from . import MIB
from . import Metric
from . import rate
from .. import contestants
from .. import images
from .many_clients import LAYER_MIB
from .many_clients import all_at_once
from .memory import peak_at_once
from .small_layers import LAYER_BYTES


class V2Pulls:

    name = '9 pulls by v2 clients'
    who = (contestants.THIS_V2, contestants.REGISTRY_2)
    metrics = [rate('pull'), rate('pull, few'),
               Metric('memory, at once', 'MiB', False),
               Metric('requests a manifest', '', False),
               Metric('requests a pulled layer', '', False)]

    def measure(self, bench, contestant, outcome):
        self._large(bench, contestant, outcome)
        with bench.serve(contestant) as (engine, _):
            made = [engine.prepare(images.make(
                'bench/image%d' % number, 1, LAYER_MIB * MIB))
                for number in range(bench.scale.images)]
            if _push(engine, made, outcome):
                all_at_once(bench.scale.few, engine.pull, made, outcome,
                            'pull, few')
        self._requests(bench, contestant, outcome)

    def _large(self, bench, contestant, outcome):
        """Pull a large layer, once and by many clients at once."""
        mib = bench.scale.large_mib
        with bench.serve(contestant, workers=1) as (engine, server):
            prepared = engine.prepare(
                images.make('bench/large', 1, mib * MIB))
            if not _push(engine, [prepared], outcome):
                return
            outcome.rate('pull', mib, engine.pull, prepared)
            peak_at_once(server, engine.pull,
                         [prepared] * bench.scale.pushes, outcome,
                         'memory, at once')

    def _requests(self, bench, contestant, outcome):
        """Count what pulls ask of Swift, through a registry that is new."""
        layers = bench.scale.layers
        with bench.container() as settings:
            with bench.start(contestant, settings) as (engine, _):
                prepared = engine.prepare(
                    images.make('bench/small', layers, LAYER_BYTES))
                if not _push(engine, [prepared], outcome):
                    return
            for metric, action, times, count in (
                    ('requests a manifest', 'pull_manifest', layers, layers),
                    ('requests a pulled layer', 'pull', 1, layers)):
                with bench.start(contestant, settings) as (engine, _):
                    before = bench.requests()
                    for _ in range(times):
                        if outcome.attempt(getattr(engine, action),
                                           prepared) is None:
                            return
                    outcome.values[metric] = (
                        bench.requests() - before) / count


def _push(engine, made, outcome):
    """Push images; return whether they can be pulled.

    The first pull, which converts an image, does not count.
    """
    return all(outcome.attempt(action, prepared) is not None
               for prepared in made
               for action in (engine.push, engine.pull))
