"""Writes and removes layers of any size: one object, or segments.

Knows how a layer is laid out in the container, how to undo half of one and
how to remove a whole one. Knows nothing of registry paths or connections.
"""

import contextlib
import itertools
import logging
import time

from . import buffers
from . import hashing
from . import orphans
from . import segmentation
from .. import compat
from .. import errors
from .. import names

#: What the buffers of a process may take of its memory; more goes to disk. As
#: much as one push holds with the default settings.
_MEMORY_BYTES = 112 * 1024 * 1024
_READ_BYTES = hashing.LARGE_BYTES
_BATCH = 1000
#: When an upload looks whether another one has replaced it: a manifest of many
#: segments takes Swift a while.
_REPLACED_AFTER_SECONDS = (0.1, 0.5, 2)

logger = logging.getLogger(__name__)

#: Of all LargeObjects of a process.
_memory = buffers.Memory(_MEMORY_BYTES)


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
        self._orphans = orphans.Orphans(settings, container)

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
            sizes = segmentation.sizes(self._settings.segment_size,
                                       capabilities, written)
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
        upload = segmentation.Upload(self._container, prefix,
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
        for batch in compat.batched(
                (entry['name'] for entry in self._container.list(prefix)),
                _BATCH):
            found = True
            try:
                self._container.delete_all(batch)
            finally:
                done(batch)
        if found:
            # Those whose manifest is gone: a listing that lags may have
            # hidden an object, which then keeps its segments.
            self.discard(self._orphans.names(prefix, None))
        return found

    def _cut(self, object_name, stream, sizes=None):
        """Yield (Buffer, whether it is the last) until the stream ends.

        :param sizes: of the buffers; None is as an object has to be cut
        """
        capabilities = self._container.capabilities()
        in_segments = sizes is not None or capabilities.max_segments
        chunk = stream.read(_READ_BYTES)
        held = 0
        for size in sizes or segmentation.sizes(
                self._settings.segment_size, capabilities):
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
        prefix = segmentation.new_prefix(object_name)
        upload = segmentation.Upload(self._container, prefix,
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
            # What has no answer to this was interrupted.
            if manifest_sent and getattr(error, 'may_have_happened', True):
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
            for batch in compat.batched(segments, _BATCH):
                self._container.delete_all(batch, written_once=True)
        except errors.SwiftError as error:
            logger.warning('segments are left, to be found as orphans: %s',
                           error)
