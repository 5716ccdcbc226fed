"""The engine's retries, as the cluster test counts on them."""

import contextlib
import http.client

import pytest

from stack.clients import engine
from stack.clients import v1client
from stack.servers import processes


class BreakingClient(engine.EngineClient):

    """A client whose connections break when they are told to.

    :param breaks: how many bytes of a layer come before each break; None
        breaks without an answer
    """

    def __init__(self, port, breaks):
        super().__init__(port, pace=0.01)
        self._breaks = list(breaks)
        self._left = None

    @contextlib.contextmanager
    def open(self, method, path, *arguments, **keywords):
        self._left = 10 ** 9
        if path.endswith('/layer') and method == 'GET' and self._breaks:
            self._left = self._breaks.pop(0)
            if self._left is None:
                raise ConnectionResetError
        with super().open(method, path, *arguments, **keywords) as response:
            yield response

    def read(self, response, size):
        if self._left <= 0:
            raise ConnectionResetError
        chunk = super().read(response, min(size, self._left))
        self._left -= len(chunk)
        return chunk


@pytest.fixture
def image(client):
    pushed = v1client.make_image(layer_bytes=300000)
    client.push('library/engine', [pushed])
    return pushed


@pytest.mark.parametrize('breaks, retries', [
    ([], 0), ([None] * 4, 4),
    ([0], 1), ([100000], 1), ([100000, 50000], 2),
    ([100000, None, None, 1], 4)])
def test_layer_that_breaks_off(server, image, breaks, retries):
    breaking = BreakingClient(server.port, breaks)
    assert breaking.pull('library/engine') == [image]
    assert breaking.retries == retries


@pytest.mark.parametrize('breaks', [[None] * 5, [1000] + [None] * 5])
def test_layer_that_cannot_be_had(server, image, breaks):
    with pytest.raises(ConnectionResetError):
        BreakingClient(server.port, breaks).pull('library/engine')


def test_json_is_asked_for_five_times(server):
    client = engine.EngineClient(server.port, pace=0.01)
    with pytest.raises(v1client.RefusedError) as caught:
        client.pull_image('a' * 64)
    assert (caught.value.status, client.retries) == (404, 4)


def test_image_that_is_there_is_not_pushed(server, image):
    client = engine.EngineClient(server.port)
    client.push_image(image)
    assert client.has_image(image.id)
    # No answer means that it has to be pushed.
    assert not engine.EngineClient(processes.free_port()).has_image(image.id)


def test_a_push_is_not_repeated(server):
    client = engine.EngineClient(processes.free_port(), pace=0.01)
    with pytest.raises((OSError, http.client.HTTPException)):
        client.push('library/engine', [v1client.make_image()])
    assert client.retries == 0
