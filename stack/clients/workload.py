"""Clients that push and pull until they are told to stop.

Each pushes images of its own, one or two layers each, and pulls what anybody
has pushed, compared by checksum. Every other one speaks v2, and pulls what
either API has pushed. All that they ask, and what became of it, is kept.
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
from . import v2client
from ..servers import balancer

#: So that a client's every pull reads more tags than one.
_IMAGES_A_REPOSITORY = 5
_READ_BYTES = 64 * 1024

#: A request that was sent. id: its name in the balancer's log; again: whether
#: it repeats one that failed; times in Unix seconds
Request = collections.namedtuple('Request', 'id method path began_at again')
#: An image as pushed: where, by which client (V1 or V2), and as what each of
#: them pulls it, a dict: V1 by image ids, V2 by its layers
Pushed = collections.namedtuple('Pushed', 'repository tag api contents')
#: A push or pull that failed. images: what was to be pushed, a list of
#: v1client.Image, whose ids say nothing to v2; () for a pull; request: the one
#: that failed; at: when, in Unix seconds
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
        client = pushed.api(self)
        with self._noting(client, pushed, images):
            client.push_images(pushed, images)
            self.acknowledged.append(pushed)
            return True
        return False

    def pull(self, pushed, api=None):
        """Pull what has been pushed.

        :param api: V1 or V2; None is as it was pushed
        :returns: whether every byte of it came
        """
        client = (api or pushed.api)(self)
        with self._noting(client, pushed):
            if client.contents_of(pushed) != pushed.contents[type(client)]:
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
        """Return which images of failed pushes are served wrongly, texts.

        Until an image is complete the registry is to say so; it may be
        complete, if only the answer was lost.
        """
        return [found for failure in self.failures if failure.images
                for found in failure.pushed.api(self).half_images(
                    failure.pushed, failure.images)]

    def _work(self, number):
        for count in range(10 ** 6):
            if self._stopped.is_set():
                return
            images = [v1client.make_image(
                layer_bytes=random.randint(*self._layer_bytes))]
            if random.random() < 0.3:
                images.append(v1client.make_image(images[0], 50000))
            api = (V1, V2)[number % 2]
            contents = {V2: [v2client.digest(image.layer)
                             for image in images]}
            if api is V1:
                contents[V1] = {image.id: v1client.checksum(image)
                                for image in images}
            self.push(Pushed(
                'cluster/client%d-%d' % (
                    number, count // _IMAGES_A_REPOSITORY),
                'v%d' % (count % _IMAGES_A_REPOSITORY), api, contents),
                images)
            there = [pushed for pushed in self.acknowledged[-100:]
                     if api in pushed.contents]
            if there:
                self.pull(random.choice(there), api)

    def note(self, method, path, again):
        """Keep that a request is going to be sent; return the Request."""
        request = Request(uuid.uuid4().hex, method, path, time.time(), again)
        self.requests.append(request)
        return request

    def pause(self):
        """Wait, as after each part of a layer."""
        time.sleep(self._pause_seconds)

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


class V1(engine.EngineClient):

    """A client whose requests are kept; good for one push or pull.

    :ivar last: the Request that it has sent last
    """

    def __init__(self, workload):
        super().__init__(workload.port, workload._pace)
        self._workload = workload
        self._counted = 0
        self.last = None

    @contextlib.contextmanager
    def open(self, method, path, body=None, headers=None, chunked=False):
        self.last = self._workload.note(method, path,
                                        self.retries > self._counted)
        self._counted = self.retries
        with super().open(method, path, body, dict(
                headers or {}, **{balancer.REQUEST_ID: self.last.id}),
                chunked) as response:
            yield response

    def push_images(self, pushed, images):
        """Push images, the base first, as what they are Pushed."""
        self.push(pushed.repository, images, pushed.tag)

    def contents_of(self, pushed):
        """Pull what was Pushed; return what it is to this client."""
        return {image.id: v1client.checksum(image) for image in self.pull(
            pushed.repository, pushed.tag)}

    def half_images(self, pushed, images):
        """Return which of these images are served wrongly, texts."""
        return [image.id for image in images if self.has_image(image.id)
                and self.request('GET', '/v1/images/%s/layer' % image.id)
                .body != image.layer]

    @staticmethod
    def is_left_of(failure, segment):
        """Tell whether a segment may be of a push that has failed."""
        return any(image.id in segment for image in failure.images)

    def read(self, response, size):
        self._workload.pause()
        return super().read(response, size)

    def chunks(self, layer):
        for chunk in super().chunks(layer):
            yield chunk
            self._workload.pause()


class V2(v2client.V2Client):

    """The same by the v2 API. It repeats nothing."""

    def __init__(self, workload):
        super().__init__(workload.port)
        self._workload = workload
        self.last = None

    def request(self, method, path, headers=None, body=None):
        self.last = self._workload.note(method, path, False)
        return super().request(
            method, path, dict(headers or {}, **{
                balancer.REQUEST_ID: self.last.id}),
            self._slowly(body) if isinstance(body, list) else body)

    def read(self, response):
        return b''.join(self._slowly(iter(
            lambda: response.read(_READ_BYTES), b'')))

    def push_images(self, pushed, images):
        self.push(pushed.repository, [image.layer for image in images],
                  pushed.tag, way=random.choice(
                      [v2client.CHUNKED, v2client.ONE_PUT]))

    def contents_of(self, pushed):
        return [v2client.digest(layer) for layer in self.pull(
            pushed.repository, pushed.tag).layers]

    def half_images(self, pushed, images):
        answer = self.request('GET', '/v2/%s/manifests/%s' % (
            pushed.repository, pushed.tag))
        if answer.status == 404 or (
                self.contents_of(pushed) == pushed.contents[V2]):
            return []
        return ['%s:%s' % (pushed.repository, pushed.tag)]

    @staticmethod
    def is_left_of(failure, segment):
        # A blob that comes in one PUT has segments by its own name.
        return '/%s/_uploads/' % failure.pushed.repository in segment or any(
            digest.partition(':')[2] in segment
            for digest in failure.pushed.contents[V2])

    def _slowly(self, chunks):
        for chunk in chunks:
            yield chunk
            self._workload.pause()
