"""Work 4: an image of small layers, with a network before Swift."""

from . import Metric
from . import seconds
from .. import contestants
from .. import images

DELAY_SECONDS = 0.02
LAYER_BYTES = 16 * 1024


class SmallLayers:

    """Pushed to one registry, and pulled from another that knows nothing."""

    name = '4 small layers at 20 ms'
    who = contestants.REGISTRIES
    metrics = [seconds('push'), seconds('pull'),
               Metric('requests a pushed layer', '', False),
               Metric('requests a pulled layer', '', False)]

    def measure(self, bench, contestant, outcome, **options):
        image = images.make('bench/small', bench.scale.layers, LAYER_BYTES)
        prepared = None
        with bench.relay(delay_seconds=DELAY_SECONDS) as network, \
                bench.container(network.port) as settings:
            for name in ('push', 'pull'):
                with bench.start(contestant, settings,
                                 **options) as (engine, _):
                    prepared = prepared or engine.prepare(image)
                    before = bench.requests()
                    if not outcome.seconds(name, getattr(engine, name),
                                           prepared):
                        break
                    outcome.values['requests a %sed layer' % name] = (
                        bench.requests() - before) / bench.scale.layers


class SmallLayersWithRedis(SmallLayers):

    """The same, with the registry's cache_lru, which both registries share.

    Filled by the push, as it is when an image is pulled soon after. Not for
    registry:2, whose Redis holds other things.
    """

    name = '4 the same with Redis'
    who = (contestants.THIS, contestants.V0_2_1)

    def measure(self, bench, contestant, outcome):
        with bench.redis() as cache:
            super().measure(bench, contestant, outcome, cache=cache)
