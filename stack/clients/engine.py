"""A v1 client that repeats what the docker engine repeated, and no more.

The engine's pull repeats, its push does not:

- the json of an image: five attempts, whatever is wrong, half a second, a
  second, ... apart;
- a layer that cannot be asked for because there is no connection, or no
  answer on it: five attempts, five seconds, ten seconds, ... apart. An answer
  other than 200 is final;
- a layer that breaks off: after five seconds the rest is asked for by Range,
  which ends one past the last byte. What cannot be asked for counts, up to
  five; what breaks off again does not count. When all bytes are there and the
  answer promises one more, the engine asks for the part after the last byte,
  and takes the 416 as the end.

Its push goes on where it finds an image already there: by its json before
it is sent, whatever is wrong with that answer meaning "not there", or by
the answer to its json, when somebody else has pushed it just now.

Source: graph/pull.go, graph/push.go, registry/session.go and
pkg/httputils/resumable.go of docker 1.5. The loop around Register in pull.go
is for timeouts alone, which a layer that can be resumed does not pass on.
"""

import http.client
import time

from . import v1client

_ATTEMPTS = 5
_READ_BYTES = 64 * 1024
_NO_ANSWER = (OSError, http.client.HTTPException)


class EngineClient(v1client.V1Client):

    """A client that does not give up before the docker engine did.

    :param port: the registry's port on loopback
    :param pace: factor on the engine's pauses
    :ivar retries: how many requests it has sent again
    """

    def __init__(self, port, pace=1):
        super().__init__(port)
        self._pace = pace
        self.retries = 0

    def has_image(self, image_id):
        try:
            return super().has_image(image_id)
        except _NO_ANSWER:
            return False

    def push_image(self, image):
        try:
            super().push_image(image)
        except v1client.RefusedError as error:
            if b'Image already exists' not in error.body:
                raise

    def get_json(self, image_id):
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return super().get_json(image_id)
            except (v1client.RefusedError, *_NO_ANSWER):
                if attempt == _ATTEMPTS:
                    raise
            self.wait(0.5 * attempt)

    def get_layer(self, image_id, size):
        if size <= 0:
            return super().get_layer(image_id, size)
        reader = _Resumable(self, '/v1/images/%s/layer' % image_id, size)
        reader.begin()
        while not reader.ended:
            reader.resume()
        return b''.join(reader.chunks)

    def read(self, response, size):
        """Return the next bytes of a layer, b'' at the end."""
        return response.read(size)

    def wait(self, pause_seconds):
        """Pause before a request is sent again, and count it."""
        time.sleep(pause_seconds * self._pace)
        self.retries += 1


class _Resumable:

    """A layer, read in as many answers as it takes.

    :ivar chunks: what has come so far, a list of bytes
    :ivar ended: whether that is all
    """

    def __init__(self, client, path, size):
        self._client = client
        self._path = path
        self._size = size
        self._received = 0
        self.chunks = []
        self.ended = False

    def begin(self):
        """Ask for the layer."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with self._client.open('GET', self._path) as response:
                    self._expect(200, response)
                    self._read(response)
                    return
            except _NO_ANSWER:
                if attempt == _ATTEMPTS:
                    raise
            self._client.wait(5 * attempt)

    def resume(self):
        """Ask for what is missing; for all where nothing has come."""
        status, headers = 200, {}
        if self._received:
            status, headers = 206, {'Range': 'bytes=%d-%d' % (
                self._received, self._size)}
        self._client.wait(5 if self._received else 0)
        for failures in range(1, _ATTEMPTS + 1):
            try:
                with self._client.open('GET', self._path,
                                       headers=headers) as response:
                    if response.status == 416 and self._received == self._size:
                        self.ended = True
                        return
                    self._expect(status, response)
                    self._read(response)
                    return
            except _NO_ANSWER:
                if failures == _ATTEMPTS:
                    raise
            self._client.wait(5 * failures)

    def _expect(self, status, response):
        if response.status != status:
            raise v1client.RefusedError('GET ' + self._path, v1client.Answer(
                response.status, response.headers, response.read()))

    def _read(self, response):
        """Read until the answer ends or breaks off."""
        try:
            while True:
                chunk = self._client.read(response, _READ_BYTES)
                if not chunk:
                    # http.client does not say that some are missing here.
                    self.ended = not response.length
                    return
                self.chunks.append(chunk)
                self._received += len(chunk)
        except _NO_ANSWER:
            pass
