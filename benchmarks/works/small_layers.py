"""Work 4: an image of small layers, with a network before Swift."""

import time

from . import Metric, seconds
from .. import contestants
from .. import images

_DELAY_SECONDS = 0.02
_LAYER_BYTES = 16 * 1024


class SmallLayers:

    """Pulled when no registry remembers the push any more."""

    pause_seconds = 11
    name = '4 small layers at 20 ms'
    who = contestants.REGISTRIES
    metrics = [seconds('push'), seconds('pull'),
               Metric('requests a pushed layer', '', False),
               Metric('requests a pulled layer', '', False)]

    def measure(self, bench, contestant, outcome):
        image = images.make('bench/small', bench.scale.layers, _LAYER_BYTES)
        with bench.relay(delay_seconds=_DELAY_SECONDS) as network, \
                self._serve(bench, contestant, network) as (engine, _):
            prepared = engine.prepare(image)
            for name, action, pause_seconds in (
                    ('push', engine.push, 0),
                    ('pull', engine.pull, self.pause_seconds)):
                time.sleep(pause_seconds)
                before = bench.requests()
                if not outcome.seconds(name, action, prepared):
                    break
                outcome.values['requests a %sed layer' % name] = (
                    bench.requests() - before) / bench.scale.layers

    @staticmethod
    def _serve(bench, contestant, network):
        return bench.serve(contestant, network)


class SmallLayersWithRedis(SmallLayers):

    """The same, with the registry's cache_lru.

    Filled by the push, as it is when an image is pulled soon after. Not for
    registry:2, whose Redis holds other things.
    """

    pause_seconds = 0
    name = '4 the same with Redis'
    who = (contestants.THIS, contestants.V0_2_1)

    def measure(self, bench, contestant, outcome):
        with bench.redis() as self._cache:
            super().measure(bench, contestant, outcome)

    def _serve(self, bench, contestant, network):
        return bench.serve(contestant, network, cache=self._cache)
