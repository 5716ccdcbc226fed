"""Clients that push and pull until they are told to stop.

Each pushes images of its own, one or two layers each, and pulls what anybody
has pushed, compared by checksum. All that they ask, and what became of it,
is kept.
"""

import collections
import concurrent.futures
import contextlib
import random
import threading
import time
import uuid

from . import engine
from . import v1client
from ..servers import balancer

#: So that a client's every pull reads more tags than one.
_IMAGES_A_REPOSITORY = 5

#: A request that was sent. id: its name in the balancer's log; again: whether
#: it repeats one that failed; times in Unix seconds
Request = collections.namedtuple('Request', 'id method path began_at again')
#: An image as pushed: where, and the checksum of each layer by image id
Pushed = collections.namedtuple('Pushed', 'repository tag checksums')
#: A push or pull that failed. images: what was to be pushed, () for a pull;
#: request: the one that failed; at: when, in Unix seconds
Failure = collections.namedtuple('Failure', 'images pushed request at text')


class Workload:

    """Clients at work.

    :param port: where they find the registry
    :param clients: how many at the same time
    :param layer_bytes: (least, most) size of a layer
    :param pause_seconds: after each 64 KiB of a layer, so that pushes and
        pulls last
    :param pace: factor on the pauses of the engine before it tries again
    :ivar requests: list of Request
    :ivar acknowledged: list of Pushed: nothing of these may be lost
    :ivar pulled: how many pulls came through
    :ivar failures: list of Failure
    :ivar corrupt: list of Failure: what was served is not what was pushed
    """

    def __init__(self, port, clients=16, layer_bytes=(50000, 3000000),
                 pause_seconds=0.02, pace=1):
        self.port = port
        self._clients = clients
        self._layer_bytes = layer_bytes
        self._pause_seconds = pause_seconds
        self._pace = pace
        self._stopped = threading.Event()
        self._executor = concurrent.futures.ThreadPoolExecutor(clients)
        self._working = []
        self.requests = []
        self.acknowledged = []
        self.pulled = 0
        self.failures = []
        self.corrupt = []

    def __enter__(self):
        self._working = [self._executor.submit(self._work, number)
                         for number in range(self._clients)]
        return self

    def __exit__(self, *exception):
        """Let each client end what it is at, and stop."""
        self._stopped.set()
        with self._executor:
            for client in self._working:
                client.result()

    def push(self, pushed, images):
        """Push images.

        :returns: whether the push was acknowledged
        """
        client = _Client(self)
        with self._noting(client, pushed, images):
            client.push(pushed.repository, images, pushed.tag)
            self.acknowledged.append(pushed)
            return True
        return False

    def pull(self, pushed):
        """Pull what has been pushed.

        :returns: whether every byte of it came
        """
        client = _Client(self)
        with self._noting(client, pushed):
            pulled = client.pull(pushed.repository, pushed.tag)
            found = {image.id: v1client.checksum(image) for image in pulled}
            if found != pushed.checksums:
                raise v1client.CorruptError('%s:%s is another image' % (
                    pushed.repository, pushed.tag))
            self.pulled += 1
            return True
        return False

    def pull_all(self):
        """Pull all that was acknowledged; return what is not there."""
        with concurrent.futures.ThreadPoolExecutor(self._clients) as executor:
            there = list(executor.map(self.pull, self.acknowledged))
        return [pushed for pushed, is_there in zip(self.acknowledged, there)
                if not is_there]

    def half_images(self):
        """Return the ids of images that are served wrongly: of failed pushes.

        Until an image is complete the registry is to say so; it may be
        complete, if only the answer was lost.
        """
        client = _Client(self)
        return [image.id for failure in self.failures
                for image in failure.images
                if client.has_image(image.id)
                and client.request('GET', '/v1/images/%s/layer' % image.id)
                .body != image.layer]

    def _work(self, number):
        for count in range(10 ** 6):
            if self._stopped.is_set():
                return
            images = [v1client.make_image(
                layer_bytes=random.randint(*self._layer_bytes))]
            if random.random() < 0.3:
                images.append(v1client.make_image(images[0], 50000))
            self.push(Pushed(
                'cluster/client%d-%d' % (
                    number, count // _IMAGES_A_REPOSITORY),
                'v%d' % (count % _IMAGES_A_REPOSITORY),
                {image.id: v1client.checksum(image) for image in images}),
                images)
            if self.acknowledged:
                self.pull(random.choice(self.acknowledged[-100:]))

    @contextlib.contextmanager
    def _noting(self, client, pushed, images=()):
        try:
            yield
        except Exception as error:
            kind = (self.corrupt if isinstance(error, v1client.CorruptError)
                    else self.failures)
            kind.append(Failure(
                images, pushed, client.last, time.time(),
                '%s of %s:%s: %s: %s' % (
                    'push' if images else 'pull', pushed.repository,
                    pushed.tag, type(error).__name__, error)))


class _Client(engine.EngineClient):

    """A client whose requests are kept; good for one push or pull."""

    def __init__(self, workload):
        super().__init__(workload.port, workload._pace)
        self._workload = workload
        self._counted = 0
        self.last = None

    @contextlib.contextmanager
    def open(self, method, path, body=None, headers=None, chunked=False):
        name = uuid.uuid4().hex
        self.last = Request(name, method, path, time.time(),
                            self.retries > self._counted)
        self._counted = self.retries
        self._workload.requests.append(self.last)
        with super().open(method, path, body, dict(
                headers or {}, **{balancer.REQUEST_ID: name}),
                chunked) as response:
            yield response

    def read(self, response, size):
        time.sleep(self._workload._pause_seconds)
        return super().read(response, size)

    def chunks(self, layer):
        for chunk in super().chunks(layer):
            yield chunk
            time.sleep(self._workload._pause_seconds)
