"""Holds a segment until Swift has it: in memory, or on disk.

Knows nothing of Swift.
"""

import contextlib
import tempfile
import threading

from . import hashing
from .. import errors

_READ_BYTES = 128 * 1024


class Memory(object):

    """Counts how much memory a process has left for buffers.

    :param limit_bytes: what all buffers together may take
    """

    def __init__(self, limit_bytes):
        self._left = limit_bytes
        # Held for a moment and never while waiting for anything: it does not
        # matter whether gevent has patched it. Reentrant: while it is held
        # Python may collect an abandoned reader, which gives memory back.
        self._lock = threading.RLock()

    def take(self, count):
        """Take bytes; return whether there were as many."""
        with self._lock:
            if count > self._left:
                return False
            self._left -= count
            return True

    def give(self, count):
        """Give back what was taken."""
        with self._lock:
            self._left += count


class Buffer(object):

    """Bytes that are written once, and then read as often as needed.

    :param memory: Memory to take from; where it has none left, the bytes go
        to a temporary file
    :param directory: where that file is; None is where Python puts such files
    :ivar size: number of bytes
    """

    def __init__(self, memory, directory):
        self._memory = memory
        self._directory = directory
        self._md5 = hashing.Digest('md5')
        self._chunks = []
        self._taken = 0
        self._file = None
        self._next = 0
        self.size = 0

    def append(self, chunk):
        """Add bytes.

        :raises errors.SwiftError: there is no room on the disk
        """
        self._md5.update(chunk)
        self.size += len(chunk)
        if self._file is None and self._memory.take(len(chunk)):
            self._taken += len(chunk)
            self._chunks.append(chunk)
            return
        with self._disk_errors():
            if self._file is None:
                self._move_to_disk()
            self._file.write(chunk)

    def etag(self):
        """Return the MD5 of the bytes in hexadecimal."""
        return self._md5.hexdigest()

    def seek(self, offset):
        """Read from the start again, the only offset there is.

        :raises errors.SwiftError: the disk fails, or has no room for what
            append() has left in Python's own buffer
        """
        self._next = offset
        if self._file is not None:
            with self._disk_errors():
                self._file.seek(offset)

    def read(self, size):
        """Return the next bytes; from memory those of one append().

        HTTP libraries ask for 8 KiB at a time, and send whatever they get.

        :raises errors.SwiftError: the disk fails
        """
        if self._file is not None:
            with self._disk_errors():
                return self._file.read(max(size, _READ_BYTES))
        self._next += 1
        return b''.join(self._chunks[self._next - 1:self._next])

    def close(self):
        """Forget the bytes; never fails."""
        self._release()
        if self._file is not None:
            try:
                self._file.close()
            except EnvironmentError:
                # Closing it writes what is in Python's own buffer, for which
                # there may be no room. Who needs the bytes has been told.
                pass

    @contextlib.contextmanager
    def _disk_errors(self):
        # An IOError would pass for one of the connection to Swift.
        try:
            yield
        except EnvironmentError as error:
            raise errors.SwiftError(
                'no room for a layer in %s: %s; see swift_buffer_directory'
                % (self._directory or tempfile.gettempdir(), error))

    def _move_to_disk(self):
        self._file = tempfile.TemporaryFile(dir=self._directory)
        for chunk in self._chunks:
            self._file.write(chunk)
        self._release()

    def _release(self):
        self._memory.give(self._taken)
        self._chunks, self._taken = [], 0
