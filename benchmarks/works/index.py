"""Work 10: what v1 clients have pushed is converted ahead.

Beside it `curl | sha256sum` reads the same layers, one after the other.
"""

import json
import os
import subprocess

from stack import environments

from . import MIB
from . import rate
from .. import contestants
from .. import curl
from .. import images

_LAYERS = 4


class Index:

    name = '10 index'
    who = (contestants.THIS, contestants.RAW)
    metrics = [rate('push'), rate('one job'), rate('two jobs')]

    def measure(self, bench, contestant, outcome):
        mib = _LAYERS * bench.scale.large_mib
        data = os.urandom(bench.scale.large_mib * MIB)
        made = [images.make('large/image%d' % number, 1, len(data), data)
                for number in range(_LAYERS)]
        with bench.container() as settings:
            taken = outcome.attempt(_push, bench, settings, made)
            if taken is None:
                return
            if contestant is contestants.RAW:
                outcome.rate('one job', mib, _curl, bench, settings, made)
                return
            outcome.values['push'] = mib / taken
            for metric, jobs in (('one job', 1), ('two jobs', 2)):
                if not outcome.rate(metric, mib, _index, bench, settings,
                                    jobs):
                    return
                _undo(bench, settings)


def _push(bench, settings, made):
    with bench.start(contestants.THIS, settings) as (engine, _):
        for image in made:
            engine.push(engine.prepare(image))


def _index(bench, settings, jobs):
    """Convert them, and see that it says so."""
    registry = contestants.THIS.registry(bench.directory, settings)
    output = subprocess.run(
        [environments.program('registry', 'docker-registry-swift'), 'index',
         '--config', registry.config_file, '--flavor', 'prod',
         '--repository', 'large/*', '--jobs', str(jobs)],
        stdout=subprocess.PIPE, check=True, text=True).stdout
    if output.count(': converted') != _LAYERS:
        raise images.CorruptError(output)


def _undo(bench, settings):
    """Remove what conversion has written."""
    with bench.connection() as ask:
        container = settings['swift_container']
        for entry in json.loads(ask('GET', container + '?format=json')):
            name = entry['name']
            if '/files/' in name or name.endswith(('/_facts', '/_manifest')):
                ask('DELETE', '%s/%s' % (container, name))


def _curl(bench, settings, made):
    """Read the layers, and compare what they are."""
    container = settings['swift_container']
    with bench.connection() as ask:
        names = [entry['name'] for entry in json.loads(
            ask('GET', container + '?format=json&prefix=registry/images/'))
            if entry['name'].endswith('/layer')]
    found = {curl.digest(bench, container, name) for name in names}
    if not found >= {image.layers[0].hexdigest() for image in made}:
        raise images.CorruptError('other digests than those of the layers')
