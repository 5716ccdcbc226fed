"""Work 6: a network that holds back each connection."""

from . import MIB, rate
from .. import contestants
from .. import images

#: What each connection carries, in MiB a second.
CAP_MIB = 20


class CappedLink:

    name = '6 link of 20 MiB/s a connection'
    who = contestants.REGISTRIES
    metrics = [rate('push'), rate('pull')]

    def measure(self, bench, contestant, outcome):
        mib = bench.scale.large_mib
        image = images.make('bench/large', 1, mib * MIB)
        with bench.relay(rate_bytes=CAP_MIB * MIB) as network, \
                bench.serve(contestant, network) as (engine, _):
            prepared = engine.prepare(image)
            if outcome.rate('push', mib, engine.push, prepared):
                outcome.rate('pull', mib, engine.pull, prepared)
