"""Work 3: many clients at once, each with an image of its own."""

import concurrent.futures
import threading
import time

from . import MIB
from . import rate
from .. import contestants
from .. import images

LAYER_MIB = 4
#: Of 0.2.1 some requests never get an answer.
_TIMEOUT_SECONDS = 60


class ManyClients:

    name = '3 many clients'
    who = contestants.REGISTRIES
    metrics = [rate('push, few'), rate('pull, few'),
               rate('push, many'), rate('pull, many')]

    def measure(self, bench, contestant, outcome):
        for clients, label in bench.in_turn(((bench.scale.few, 'few'),
                                             (bench.scale.many, 'many'))):
            with bench.serve(contestant) as (engine, _):
                engine.timeout_seconds = _TIMEOUT_SECONDS
                made = [engine.prepare(images.make(
                    'bench/image%d' % number, 1, LAYER_MIB * MIB))
                    for number in range(bench.scale.images)]
                pushed = all_at_once(clients, engine.push, made, outcome,
                                     'push, ' + label)
                all_at_once(clients, engine.pull, pushed, outcome,
                            'pull, ' + label)


def all_at_once(clients, action, made, outcome, name):
    """Push or pull images; record the rate of those that came through.

    :returns: those images
    """
    lock = threading.Lock()
    done = []
    started = time.monotonic()

    def do(prepared):
        if outcome.attempt(action, prepared) is not None:
            with lock:
                done.append(prepared)
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        list(pool.map(do, made))
    taken = time.monotonic() - started
    if done:
        outcome.values[name] = len(done) * LAYER_MIB / taken
    return done
