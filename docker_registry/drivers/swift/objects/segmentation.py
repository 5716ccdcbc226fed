"""Cuts a stream into segments, and writes several of them at a time.

Knows how large segments have to be. Knows nothing of the object that they
are for, or of manifests.
"""

from concurrent import futures
import contextlib
import threading
import time
import uuid

from .. import names


def sizes(first_bytes, capabilities, written=()):
    """Yield how large the segments of a stream of unknown length are to be.

    They grow as the stream does and as segments run out, so that a stream
    ends before the segments do. With Swift's 1000 segments and 16 MiB to
    begin with they grow after 1.7 GiB, are 113 MiB after 10 GiB and 1.5 GiB
    after 100 GiB.

    :param first_bytes: size of the first segments
    :param capabilities: Capabilities of the cluster; one without static
        large objects gets everything in one object
    :param written: sizes of the segments that there are already, a list
    """
    limit = capabilities.max_file_size_bytes
    if not capabilities.max_segments:
        yield limit
        return
    total = sum(written)
    for left in range(capabilities.max_segments - len(written), 0, -1):
        size = min(max(first_bytes, _least_bytes(total, left)), limit)
        yield size
        total += size


def is_too_small(written, capabilities):
    """Tell whether the last of some segments is too small for a large object.

    Were all like it, the segments would end before the stream does.

    :param written: sizes of the segments that there are, a list
    """
    if not written or not capabilities.max_segments:
        return False
    left = capabilities.max_segments - len(written) + 1
    return written[-1] < min(_least_bytes(sum(written[:-1]), left),
                             capabilities.max_file_size_bytes)


def _least_bytes(total, left):
    """Return how large the next segment has to be.

    :param total: bytes in segments so far
    :param left: how many segments there can still be
    """
    return 8 * total // left


class Upload(object):

    """Segments on their way to Swift, several at a time.

    :ivar names: of all segments that may be there
    :ivar segments: (name, size in bytes, MD5) of each, in order
    """

    def __init__(self, container, prefix, concurrency):
        self._container = container
        self._prefix = prefix
        self._concurrency = concurrency
        self._free = threading.Semaphore(concurrency)
        self._failed = False
        self.names = []
        self.segments = []

    def send(self, pieces):
        """Write buffers as segments while the next ones are being filled.

        :param pieces: iterable of (Buffer, whether it is the last)
        :raises Exception: the first failure, when nothing is in flight
        """
        with futures.ThreadPoolExecutor(self._concurrency) as executor:
            written = []
            try:
                for buffer, _ in pieces:
                    written.append(self._submit(executor, buffer))
                    if self._failed:
                        break
            except BaseException:
                self._failed = True  # what waits need not be sent any more
                raise
        self.segments = [segment.result() for segment in written]

    def _submit(self, executor, buffer):
        try:
            self._free.acquire()
            name = names.segment_name(self._prefix, len(self.names))
            self.names.append(name)
            return executor.submit(self._write, name, buffer)
        except BaseException:
            buffer.close()
            raise

    def _write(self, name, buffer):
        try:
            with contextlib.closing(buffer):
                if not self._failed:
                    self._container.put(name, buffer, buffer.size,
                                        buffer.etag())
                return name, buffer.size, buffer.etag()
        except BaseException:
            self._failed = True
            raise
        finally:
            self._free.release()


def new_prefix(object_name):
    """Return what the names of segments begin with that are to be written.

    :param object_name: name of the object that is going to have them
    """
    return names.segments_prefix(object_name, '%d-%s' % (
        time.time(), uuid.uuid4().hex))
