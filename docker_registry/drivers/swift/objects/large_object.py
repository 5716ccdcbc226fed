"""Writes and removes layers of any size: one object, or segments.

Knows how a layer is laid out in the container, how to undo half of one and
how to remove a whole one. Knows nothing of registry paths or connections.
"""

import calendar
from concurrent import futures
import contextlib
import itertools
import logging
import threading
import time
import uuid

from . import buffers
from . import small_object
from .. import compat
from .. import errors
from .. import names

#: What the buffers of a process may take of its memory; more goes to disk. As
#: much as one push holds with the default settings.
_MEMORY_BYTES = 112 * 1024 * 1024
_READ_BYTES = 128 * 1024
_BATCH = 1000
#: When an upload looks whether another one has replaced it: a manifest of many
#: segments takes Swift a while.
_REPLACED_AFTER_SECONDS = (0.1, 0.5, 2)

logger = logging.getLogger(__name__)


#: Of all LargeObjects of a process.
_memory = buffers.Memory(_MEMORY_BYTES)


def segment_sizes(first_bytes, capabilities, written=()):
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


def is_too_small(sizes, capabilities):
    """Tell whether the last of some segments is too small for a large object.

    Were all like it, the segments would end before the stream does.

    :param sizes: of the segments that have been written, a list
    """
    if not sizes or not capabilities.max_segments:
        return False
    left = capabilities.max_segments - len(sizes) + 1
    return sizes[-1] < min(_least_bytes(sum(sizes[:-1]), left),
                           capabilities.max_file_size_bytes)


def _least_bytes(total, left):
    """Return how large the next segment has to be.

    :param total: bytes in segments so far
    :param left: how many segments there can still be
    """
    return 8 * total // left


class LargeObjects(object):

    """Writes and removes objects of any size.

    A push holds at most upload_concurrency + 1 segments: those on their way
    to Swift, and the one that its client is filling. All pushes of a process
    together hold 112 MiB of that in memory, and the rest on disk.

    :param settings: Settings
    :param container: Container
    """

    def __init__(self, settings, container):
        self._settings = settings
        self._container = container
        self._memory = _memory
        self._small_objects = small_object.SmallObjects(
            settings, container, _READ_BYTES)

    def write(self, object_name, stream, find_headers=dict,
              may_replace=lambda: None):
        """Write a stream; readers see the old object, the new one or none.

        While the client pauses no request to Swift is open. Segments of the
        object that was there before are removed when the new one stands.

        :param object_name: name of the object
        :param stream: has read(n), which returns b'' at the end; each byte
            is read once
        :param find_headers: callable that returns headers for the object, a
            dict; called when the stream has ended
        :param may_replace: called before an object that is there is replaced;
            what it raises is passed on, and then nothing has changed
        :raises errors.SwiftError: Swift did not take it. Nothing has changed,
            unless it is the answer to the last request that was lost.
        :raises Exception: whatever stream.read() raises; nothing has changed
        """
        pieces = self._cut(object_name, stream)
        first, is_last = next(pieces)
        if not is_last:
            self._write_segments(
                object_name, itertools.chain([(first, is_last)], pieces),
                find_headers, may_replace)
            return
        with contextlib.closing(first):
            headers = find_headers()
            self._replace(object_name, '', may_replace, lambda only_new: (
                self._container.put(object_name, first, first.size,
                                    first.etag(), only_new, headers)))

    def write_new(self, object_name, stream):
        """Write a stream to an object that is not there yet.

        :returns: whether it was written; False where there is one already
        :raises Exception: as for write()
        """
        def refuse():
            raise errors.AlreadyPushedError(
                'PUT %s: it is there' % object_name, object_name, 412)
        try:
            self.write(object_name, stream, may_replace=refuse)
        except errors.AlreadyPushedError:
            return False
        return True

    def write_segments(self, prefix, stream, written, rest_bytes):
        """Write a stream as segments of an object that there is not yet.

        While the client pauses no request to Swift is open.

        :param prefix: what the names of these segments begin with, and no
            others
        :param stream: as for write()
        :param written: sizes of the segments before them, a list
        :param rest_bytes: what is left of the stream after the last segment
            is returned instead, if it is at most this
        :returns: list of (name, size in bytes, MD5), and the rest as bytes
        :raises errors.SwiftError: Swift did not take it
        :raises Exception: whatever stream.read() raises; none of the
            segments is left
        """
        capabilities = self._container.capabilities()
        if capabilities.max_segments:
            sizes = segment_sizes(self._settings.segment_size, capabilities,
                                  written)
        else:
            sizes = itertools.repeat(min(self._settings.segment_size,
                                         capabilities.max_file_size_bytes))
        rest = []

        def large_enough():
            for buffer, is_last in self._cut(prefix, stream, sizes):
                if not is_last or buffer.size > rest_bytes:
                    yield buffer, is_last
                    continue
                with contextlib.closing(buffer):
                    buffer.seek(0)
                    rest.extend(iter(lambda: buffer.read(_READ_BYTES), b''))
        upload = _Upload(self._container, prefix,
                         self._settings.upload_concurrency)
        try:
            upload.send(large_enough())
        except BaseException:
            self.discard(upload.names)
            raise
        return upload.segments, b''.join(rest)

    def remove(self, object_name):
        """Remove an object, and its segments after it.

        :raises errors.ObjectNotFoundError: it is not there
        """
        segments = self._own_segments(object_name)
        try:
            self._container.delete(object_name)
        except errors.ObjectNotFoundError:
            pass  # it was there; an attempt whose answer was lost did it
        self.discard(segments)

    def remove_below(self, prefix, done):
        """Remove all objects that begin with a prefix, and their segments.

        :param done: called with each list of names that has been dealt with
        :returns: whether there were any
        :raises errors.SwiftError: some are left
        """
        found = False
        for batch in _batches(self._names(prefix)):
            found = True
            try:
                self._container.delete_all(batch)
            finally:
                done(batch)
        if found:
            # Those whose manifest is gone: a listing that lags may have
            # hidden an object, which then keeps its segments.
            self.discard(self.orphans(prefix, None))
        return found

    def orphans(self, prefix, age_seconds):
        """Yield the names of segments that no manifest refers to.

        :param prefix, age_seconds: as for orphan_entries()
        """
        for entry in self.orphan_entries(prefix, age_seconds):
            yield entry['name']

    def orphan_entries(self, prefix, age_seconds):
        """Yield what the listing says of segments without a manifest.

        They are what is left of pushes whose registry was killed, or that
        Swift did not let undo.

        :param prefix: what the names of their objects begin with
        :param age_seconds: how long ago the last segment of their upload was
            written, at least, by Swift's clock; those of pushes in flight are
            younger. None is any age.
        """
        now = None
        entries = self._container.list(names.segments_prefix(prefix))
        for _, segments in itertools.groupby(
                entries, lambda entry: entry['name'].rsplit('/', 1)[0]):
            segments = list(segments)
            if age_seconds is not None:
                if now is None:
                    now = self._container.clock() or time.time()
                newest = max(_timestamp(entry) for entry in segments)
                if now - newest < age_seconds:
                    continue
            in_use = self._in_use([entry['name'] for entry in segments])
            for entry in segments:
                if entry['name'] not in in_use:
                    yield entry

    def _in_use(self, segments):
        """Return which of the segments of one upload must stay, a set.

        :param segments: list of names, and of the other objects beside them
        """
        owners = list(filter(names.is_owner_name, segments))
        in_use = set()
        for owner in owners or [None]:
            try:
                found = self._container.get_manifest(
                    compat.native(self._small_objects.read(owner)) if owner
                    else names.segmented_object(segments[0]))
            except errors.ObjectNotFoundError:
                continue
            in_use.update(found)
            if owner and set(found).intersection(segments):
                in_use.add(owner)
        return in_use

    def _cut(self, object_name, stream, sizes=None):
        """Yield (Buffer, whether it is the last) until the stream ends.

        :param sizes: of the buffers; None is as an object has to be cut
        """
        capabilities = self._container.capabilities()
        in_segments = sizes is not None or capabilities.max_segments
        chunk = stream.read(_READ_BYTES)
        held = 0
        for size in sizes or segment_sizes(self._settings.segment_size,
                                           capabilities):
            held += size
            buffer = buffers.Buffer(self._memory,
                                    self._settings.buffer_directory)
            try:
                while chunk and buffer.size < size:
                    room = size - buffer.size
                    buffer.append(chunk[:room])
                    chunk = chunk[room:] or stream.read(_READ_BYTES)
            except BaseException:
                buffer.close()
                raise
            if chunk and not in_segments:
                buffer.close()
                break
            yield buffer, not chunk
            if not chunk:
                return
        raise errors.TooLargeError(
            'PUT %s: larger than %d bytes, the most that this cluster takes '
            '%s' % (object_name, held,
                    'in the segments of a static large object'
                    if capabilities.max_segments else
                    'in one object, and it has no static large objects'),
            object_name=object_name)

    def _write_segments(self, object_name, pieces, find_headers, may_replace):
        prefix = new_prefix(object_name)
        upload = _Upload(self._container, prefix,
                         self._settings.upload_concurrency)
        manifest_sent = False
        try:
            upload.send(pieces)
            headers = find_headers()
            manifest_sent = True
            self._replace(object_name, prefix, may_replace, lambda only_new: (
                self._container.put_manifest(
                    object_name, upload.segments, only_new, headers)))
            if self._is_replaced(object_name, prefix):
                self.discard(upload.names)
        except BaseException as error:
            if manifest_sent and may_have_happened(error):
                # Now or later; its segments must not be missing then.
                logger.warning('PUT %s: the manifest may have been written; '
                               'if not, orphans() finds the segments below '
                               '%s', object_name, prefix)
            else:
                self.discard(upload.names)
            raise

    def _replace(self, object_name, new_prefix, may_replace, put):
        # Most layers are new. The PUT finds that out, so that no request is
        # needed before it.
        try:
            put(only_new=True)
            return
        except errors.ObjectExistsError:
            pass
        try:
            old = self._own_segments(object_name)
        except errors.ObjectNotFoundError:
            old = []
        if new_prefix and any(name.startswith(new_prefix) for name in old):
            return  # it is our own, its answer lost
        may_replace()
        put(only_new=False)
        self.discard(old)

    def _is_replaced(self, object_name, prefix):
        """Tell whether another upload has replaced one that was just written.

        Swift looks at If-None-Match before it writes: of several uploads that
        end at the same moment each may succeed, and none has seen the others.
        Another one is known by its segments, and stands soon.

        :param prefix: what the names of the segments of this one begin with
        """
        try:
            if all(entry['name'] == prefix for entry in self._container.list(
                    names.segments_prefix(object_name) + '/', '/')):
                return False
            for seconds in _REPLACED_AFTER_SECONDS:
                time.sleep(seconds)
                if not self._has_segments(object_name, prefix):
                    return True
        except errors.SwiftError as error:
            logger.warning('segments may be left, to be found as orphans: %s',
                           error)
        return False

    def _has_segments(self, object_name, prefix):
        """Tell whether an object has segments whose names begin so."""
        try:
            return any(name.startswith(prefix)
                       for name in self._own_segments(object_name))
        except errors.ObjectNotFoundError:
            return False

    def _own_segments(self, object_name):
        """Return the segments that this driver has written for an object."""
        return [name for name in self._container.get_manifest(object_name)
                if name.startswith(names.SEGMENTS)]

    def discard(self, segments):
        """Remove segments that nothing refers to any more.

        :param segments: iterable of names, none of which was used before;
            what cannot be removed is found by orphans()
        """
        try:
            for batch in _batches(segments):
                self._container.delete_all(batch, written_once=True)
        except errors.SwiftError as error:
            logger.warning('segments are left, to be found as orphans: %s',
                           error)

    def _names(self, prefix):
        return (entry['name'] for entry in self._container.list(prefix))


class _Upload(object):

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


def may_have_happened(error):
    """Tell whether a PUT may take effect although it has failed."""
    if not isinstance(error, errors.SwiftError):
        return True  # interrupted
    status = error.status
    return status is None or status == 408 or status >= 500


def _batches(iterable):
    iterator = iter(iterable)
    return iter(lambda: list(itertools.islice(iterator, _BATCH)), [])


def _timestamp(entry):
    # Swift gives UTC, with or without fractions of a second.
    return calendar.timegm(time.strptime(
        entry['last_modified'].split('.')[0], '%Y-%m-%dT%H:%M:%S'))
