"""Work 5: the tags of a repository that has many."""

import os
import time

from . import seconds
from .. import contestants

_DELAY_SECONDS = 0.02
_REPOSITORY = 'bench/many'
_V1 = 'registry/repositories/%s/tag_%s'
_V2 = ('files/docker/registry/v2/repositories/%s/_manifests/tags/%s'
       '/current/link')
#: One in so many is read one by one, and the time multiplied.
_SAMPLE = 10


class Tags:

    """GET tags, of tags that were written past the registries.

    registry:2 answers with their names alone, which the listing has; the v1
    API with the image of each, which it has not.

    Two containers that all rounds share, for nothing is written.
    """

    name = '5 tags'
    who = contestants.REGISTRIES + (contestants.RAW,)
    metrics = [seconds('at 0 ms'), seconds('at 20 ms')]

    def prepare(self, bench):
        self._tags = {'tag%04d' % number: os.urandom(32).hex()
                      for number in range(bench.scale.tags)}
        for container, template, content in (('tags1', _V1, '%s'),
                                             ('tags2', _V2, 'sha256:%s')):
            bench.cluster.request('PUT', container)
            with bench.connection() as ask:
                for tag, image_id in self._tags.items():
                    ask('PUT', container + '/' + template % (_REPOSITORY, tag),
                        (content % image_id).encode())

    def measure(self, bench, contestant, outcome):
        for name, delay_seconds in (('at 0 ms', 0),
                                    ('at 20 ms', _DELAY_SECONDS)):
            with bench.relay(delay_seconds) as network:
                if contestant is contestants.RAW:
                    outcome.values[name] = self._one_by_one(bench, network)
                else:
                    outcome.guard(self._ask, bench, contestant, network,
                                  outcome, name)

    def _ask(self, bench, contestant, network, outcome, name):
        container = 'tags2' if contestant is contestants.REGISTRY_2 else (
            'tags1')
        settings = bench.settings(container, network.port)
        with contestant.registry(bench.directory, settings,
                                 workers=1) as running:
            engine = contestant.engine(running.port)
            # It logs in and dials.
            engine.check_tags(_REPOSITORY, self._tags)
            outcome.seconds(name, engine.check_tags, _REPOSITORY, self._tags)

    def _one_by_one(self, bench, network):
        tags = list(self._tags)[::_SAMPLE]
        with bench.connection(network.port) as ask:
            started = time.monotonic()
            for tag in tags:
                ask('GET', 'tags1/' + _V1 % (_REPOSITORY, tag))
            return (time.monotonic() - started) * _SAMPLE
