"""Random images, and the comparison of every byte."""

import collections
import hashlib
import http.client
import os
import tarfile

_CHUNK_BYTES = 64 * 1024

#: An image to push: its name and its layers, the base first.
Image = collections.namedtuple('Image', 'name layers')


class CorruptError(Exception):

    """What was pulled is not what was pushed."""


class Layer:

    """A tar file with one random file in it.

    :param data: content of the file; several layers may share it, and differ
        by the file's name
    """

    def __init__(self, data):
        info = tarfile.TarInfo(os.urandom(32).hex())
        info.size = len(data)
        padding = -len(data) % tarfile.BLOCKSIZE
        self._parts = [info.tobuf(), data,
                       bytes(padding + 2 * tarfile.BLOCKSIZE)]
        self.size = sum(len(part) for part in self._parts)

    def chunks(self):
        """Yield its bytes as a client sends them."""
        for part in map(memoryview, self._parts):
            for start in range(0, len(part), _CHUNK_BYTES):
                yield part[start:start + _CHUNK_BYTES]

    def hexdigest(self, first=b''):
        """Return the SHA-256 of its bytes, after some others."""
        digest = hashlib.sha256(first)
        for part in self._parts:
            digest.update(part)
        return digest.hexdigest()

    def compare(self, response):
        """Read an answer to its end; every byte must be the layer's.

        :param response: http.client.HTTPResponse
        :raises CorruptError: one is not, or a complete answer has too few or
            too many
        :raises http.client.IncompleteRead: it breaks off
        """
        buffer = memoryview(bytearray(1024 * 1024))
        position = 0
        for part in self._parts:
            done = 0
            while done < len(part):
                count = response.readinto(
                    buffer[:min(len(buffer), len(part) - done)])
                if not count:
                    if response.length:  # readinto() does not say so
                        raise http.client.IncompleteRead(b'', response.length)
                    raise CorruptError('it ends after %d of %d bytes' % (
                        position, self.size))
                # Two memoryviews are compared item by item, which takes longer
                # than the registry's part of a pull.
                if not part.startswith(buffer[:count], done):
                    raise CorruptError('other bytes, from byte %d on'
                                       % position)
                done += count
                position += count
        if response.readinto(buffer):
            raise CorruptError('it is longer than %d bytes' % self.size)


def make(name, layers, layer_bytes, data=None):
    """Make an Image of new layers.

    :param data: content for all of them, instead of random bytes for each
    """
    return Image(name, [Layer(data or os.urandom(layer_bytes))
                        for _ in range(layers)])
