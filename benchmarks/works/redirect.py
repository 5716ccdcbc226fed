"""Work 7: pulls that the registry sends to Swift."""

from . import MIB
from . import Metric
from .. import contestants
from .. import images
from .. import usage

#: Each costs the registry a few milliseconds, and Linux counts in tens.
_PULLS = 8


class Redirect:

    name = '7 pulls with redirect'
    who = contestants.REGISTRIES
    metrics = [Metric("registry's CPU", 's/GiB', False)]

    def prepare(self, bench):
        contestants.allow_redirects(bench.cluster)

    def measure(self, bench, contestant, outcome):
        mib = bench.scale.large_mib
        image = images.make('bench/large', 1, mib * MIB)
        with bench.serve(contestant, redirect=True) as (engine, server):
            prepared = engine.prepare(image)
            if outcome.attempt(engine.push, prepared) is None:
                return
            redirected = engine.redirected
            before = usage.cpu_seconds(server)
            for _ in range(_PULLS):
                if outcome.attempt(engine.pull, prepared) is None:
                    return
            if engine.redirected - redirected < _PULLS:
                outcome.failures.append('no redirect to Swift')
                return
            outcome.values["registry's CPU"] = (
                usage.cpu_seconds(server) - before) * 1024 / (_PULLS * mib)
