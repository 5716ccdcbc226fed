"""Many clients at once, each with images of its own; every byte checked."""

import collections
import concurrent.futures
import time

from . import v1client

#: pushed, pulled: images that came through; failures: what went wrong, as
#: texts; corrupt: images that were served otherwise than they were pushed;
#: push_seconds, pull_seconds: wall-clock time of each phase
Result = collections.namedtuple(
    'Result', 'pushed pulled failures corrupt push_seconds pull_seconds')


def run(ports, clients=32, images=200, layer_bytes=1024 * 1024):
    """Push images, then pull them all back, without a single retry.

    :param ports: the registries' ports, taken in turn
    :param clients: how many work at the same time
    :param images: how many images, each with one layer
    :param layer_bytes: size of a layer
    """
    made = [v1client.make_image(layer_bytes=layer_bytes)
            for _ in range(images)]
    failures, corrupt = [], []

    def push(number):
        client = v1client.V1Client(ports[number % len(ports)])
        client.push('load/image%d' % number, [made[number]])

    def pull(number):
        client = v1client.V1Client(ports[number % len(ports)])
        if client.pull('load/image%d' % number) != [made[number]]:
            raise v1client.CorruptError('image %d' % number)

    def attempt(work, number):
        try:
            work(number)
            return True
        except v1client.CorruptError as error:
            corrupt.append(str(error))
        except Exception as error:
            failures.append('%s %d: %s: %s' % (
                work.__name__, number, type(error).__name__, error))
        return False

    def phase(work, numbers):
        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(clients) as pool:
            succeeded = list(pool.map(
                lambda number: attempt(work, number), numbers))
        return ([number for number, good in zip(numbers, succeeded) if good],
                time.monotonic() - started)

    pushed, push_seconds = phase(push, range(images))
    pulled, pull_seconds = phase(pull, pushed)
    return Result(len(pushed), len(pulled), failures, corrupt,
                  push_seconds, pull_seconds)
