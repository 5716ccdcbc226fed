"""Work 2: one client pushes and pulls one large layer."""

from . import MIB
from . import rate
from .. import contestants
from .. import images


class OneClient:

    name = '2 one client'
    who = contestants.REGISTRIES
    metrics = [rate('push'), rate('pull')]

    def measure(self, bench, contestant, outcome, network=None):
        """Measure.

        :param network: relay.Relay between the registry and Swift, or None
        """
        mib = bench.scale.large_mib
        image = images.make('bench/large', 1, mib * MIB)
        with bench.serve(contestant, network) as (engine, _):
            prepared = engine.prepare(image)
            if outcome.rate('push', mib, engine.push, prepared):
                outcome.rate('pull', mib, engine.pull, prepared)
