"""Work 6: the same with a network that holds back each connection."""

from . import MIB
from . import one_client
from .. import contestants
from .. import curl

#: What each connection carries, in MiB a second.
_CAP_MIB = 20


class CappedLink(one_client.OneClient):

    """With curl, which has one connection, for comparison."""

    name = '6 link of %d MiB/s a connection' % _CAP_MIB
    who = contestants.REGISTRIES + (contestants.RAW,)

    def measure(self, bench, contestant, outcome):
        with bench.relay(rate_bytes=_CAP_MIB * MIB) as network:
            if contestant is contestants.RAW:
                self._curl(bench, network, outcome)
            else:
                super().measure(bench, contestant, outcome, network)

    @staticmethod
    def _curl(bench, network, outcome):
        with bench.container() as settings:
            one = curl.Curl(bench, settings['swift_container'], network.port)
            mib = bench.scale.large_mib
            if (outcome.rate('push', mib, one.write, bench.large_file())
                    and outcome.rate('pull', mib, one.read,
                                     bench.file('copy'))):
                bench.compare_copy()
