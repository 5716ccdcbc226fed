"""What copies of v1 and v2 have in common: results, and bytes on their way."""

import collections

from ..objects import hashing

#: What became of a tag. api: "v1" or "v2", whose tag; outcome: "copied",
#: "there" or "left"; reason: text, of a tag that was left; parts: how many
#: images or blobs were copied for it, and their size in bytes together.
Result = collections.namedtuple(
    'Result', 'api repository tag outcome reason parts size_bytes')


class LeftError(Exception):

    """Something cannot be copied as it is; the text says why."""


class Stream(object):

    """Bytes that are read once, and hashed.

    :param reader: iterator over chunks
    :param jobs: parallel.Jobs; reading ends where these are stopped
    :param algorithm: name of the hash
    :param before: bytes that are hashed before those
    :ivar size_bytes: how much has been read
    """

    def __init__(self, reader, jobs, algorithm='sha256', before=b''):
        self._reader = reader
        self._jobs = jobs
        self._digest = hashing.Digest(algorithm)
        self._digest.update(before)
        self.size_bytes = 0

    def read(self, _):
        """Return the next chunk, however large it is; b'' at the end."""
        self._jobs.check()
        chunk = next(self._reader, b'')
        self._digest.update(chunk)
        self.size_bytes += len(chunk)
        return chunk

    def hexdigest(self):
        """Return the hash of what has been read, as text."""
        return self._digest.hexdigest()
