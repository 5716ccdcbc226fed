"""Blobs as they come: uploads in pieces, and blobs in one.

Bytes become segments as they come; in the end the blob is a static large
object of them, without a copy. It stands when Swift has every byte and the
digest of what has come was compared; before that nobody sees anything of it.
Any worker of any registry goes on with any upload. Knows nothing of HTTP.
"""

import contextlib
import hashlib
import io
import logging
import uuid

from . import layout
from . import states
from .. import errors
from ..objects import hashing
from ..objects import large_object
from ..objects import read_ahead
from ..objects import segmentation
from ..objects import sha256

#: So many bytes at the end of what has come stay beside the step, to be
#: joined with what comes. Clusters of old want segments of this size.
_REST_BYTES = 1024 * 1024

logger = logging.getLogger(__name__)


class UnknownUploadError(Exception):

    """There is no such upload in the repository, or it is over."""


class OutOfOrderError(Exception):

    """The bytes do not begin where the upload ends.

    :ivar state: states.State, how far it is
    """

    def __init__(self, state):
        super(OutOfOrderError, self).__init__(
            'the upload has %d bytes' % states.size_bytes(state))
        self.state = state


class DigestError(Exception):

    """The bytes have another digest than the client says.

    There is no blob, and the upload is over.
    """


def new_name():
    """Return the name of a new upload.

    Swift gets to know of it with the first bytes.
    """
    return uuid.uuid4().hex


class Uploads(object):

    """Takes blobs.

    Every method raises errors.SwiftError when Swift cannot be asked or fails,
    and lets through what reading a stream raises: then nothing has changed.

    :param values: settings.Settings
    :param swift_container: container.Container
    :param v2: store.Store
    """

    def __init__(self, values, swift_container, v2):
        self._container = swift_container
        self._store = v2
        self._layout = layout.Layout(values.root)
        self._states = states.States(values, swift_container)
        self._large_objects = large_object.LargeObjects(
            values, swift_container)
        self._readers = read_ahead.Readers(values, swift_container)

    def state(self, name, upload, number):
        """Return how far an upload is, a states.State.

        :param number: of a step that it has had
        :raises UnknownUploadError: there is none, or it is over. One that has
            become a blob is not told from one that has no bytes yet by who
            knows no later step than 0.
        """
        try:
            return self._states.newest(self._prefix(name, upload), number)
        except errors.ObjectNotFoundError:
            raise _unknown(name, upload)

    def append(self, name, upload, number, stream, start=None):
        """Add bytes to an upload.

        :param number: of the step to go on from
        :param stream: has read(n), which returns b'' at the end
        :param start: offset of the first byte; None where that is not known
        :returns: states.State
        :raises UnknownUploadError: there is no such upload
        :raises OutOfOrderError: it has more bytes by now, or fewer
        """
        prefix = self._prefix(name, upload)
        state = self._read(name, upload, number, start)
        try:
            new, replaced = self._extend(prefix, state, stream)
        except errors.ObjectNotFoundError:
            # Who has gone on from this step has removed its last segment.
            raise OutOfOrderError(self.state(name, upload, number))
        added = _names(new)[len(state.segments) - len(replaced):]
        try:
            self._states.write(prefix, new)
        except errors.ObjectExistsError:
            self._large_objects.discard(added)
            raise OutOfOrderError(self.state(name, upload, number))
        except errors.SwiftError as error:
            if not error.may_have_happened:
                self._large_objects.discard(added)
            raise
        self._large_objects.discard(replaced)
        return new

    def finish(self, name, upload, number, digest, stream, start=None):
        """Make an upload a blob that the repository has.

        :param digest: what the client says that it has
        :param stream: the last bytes
        :raises DigestError: it has not; the upload is over
        :raises UnknownUploadError, OutOfOrderError: as for append()
        """
        try:
            self._finish(name, upload, number, digest, stream, start)
        except UnknownUploadError:
            if not self._has(name, digest):
                raise
            # A client that did not get its answer asks once more. Many read
            # none before they have sent everything.
            for _ in iter(lambda: stream.read(hashing.LARGE_BYTES), b''):
                pass

    def cancel(self, name, upload, number):
        """Give up an upload.

        Its segments stay until orphans() finds them: another request may be
        about to make a blob of them, which Swift has no lock against.

        :raises UnknownUploadError: there is none
        """
        prefix = self._prefix(name, upload)
        state = self.state(name, upload, number)
        self._give_up(prefix, self._states.names(prefix, state.number))

    def put(self, name, digest, stream):
        """Write a blob that comes in one piece; the repository has it then.

        :raises DigestError: the bytes have another
        """
        self._write(digest, stream)
        self._store.put_layer_link(name, digest)

    def mount(self, name, digest, source):
        """Let a repository have a blob of another one.

        :param source: name of that repository
        :returns: whether it has the blob
        """
        if not self._has(source, digest):
            return False
        self._store.put_layer_link(name, digest)
        return True

    def _has(self, name, digest):
        """Tell whether a repository has a blob, and the blob is there."""
        return self._store.has_layer(name, digest) and (
            self._store.has_blob(digest))

    def _finish(self, name, upload, number, digest, stream, start):
        prefix = self._prefix(name, upload)
        state = self._read(name, upload, number, start)
        if not state.number:
            # Swift was not asked: there may be more, or it was cancelled.
            self._check_newest(name, upload, state)
        steps = self._states.names(prefix, state.number)
        left = []
        try:
            if states.size_bytes(state):
                left = self._join(prefix, state, digest, stream)
            else:
                self._write(digest, stream)
        except errors.ObjectNotFoundError:
            if not state.number:
                raise  # the container, say
            # Who has gone on, or has ended it, has removed a segment.
            self._check_newest(name, upload, state)
            raise _unknown(name, upload)
        except DigestError:
            self._check_newest(name, upload, state)
            self._give_up(prefix, steps)
            raise
        self._store.put_layer_link(name, digest)
        self._large_objects.discard(steps + left)

    def _check_newest(self, name, upload, state):
        """Raise OutOfOrderError where an upload has gone on from a step."""
        newest = self.state(name, upload, state.number)
        if newest.number != state.number:
            raise OutOfOrderError(newest)

    def _give_up(self, prefix, steps):
        """Let nobody go on with an upload that has had some steps."""
        self._states.end(prefix)
        self._large_objects.discard(steps[1:])

    def _prefix(self, name, upload):
        return states.upload_prefix(self._layout.uploads(name), upload)

    def _read(self, name, upload, number, start):
        """Return the step to go on from."""
        prefix = self._prefix(name, upload)
        try:
            state = self._states.read(prefix, number)
        except errors.ObjectNotFoundError:
            raise _unknown(name, upload)
        if start is not None and start != states.size_bytes(state):
            # The client may know more than the address that it uses.
            state = self.state(name, upload, number)
            if start != states.size_bytes(state):
                raise OutOfOrderError(state)
        return state

    def _extend(self, prefix, state, stream):
        """Write bytes that come after a step.

        :returns: the next step, which is not written; and the names of
            segments that are not in it any more, a list
        """
        digest = _begun(state)
        if digest is not None:
            stream = _Hashed(stream, hashing.Digest('sha256', begun=digest))
        segments, replaced = list(state.segments), []
        rest = io.BytesIO(state.rest)
        if segmentation.is_too_small([size for _, size, _ in segments],
                                     self._container.capabilities()):
            replaced = segments[-1:]
            del segments[-1]
            rest = _Chain(self._parts(replaced), rest)
        added, last = self._large_objects.write_segments(
            states.segments_prefix(prefix, state.number + 1),
            _Chain(iter(lambda: rest.read(_REST_BYTES), b''), stream),
            [size for _, size, _ in segments], _REST_BYTES)
        if digest is not None:
            stream.digest.flush()
        return states.State(
            state.number + 1, segments + added, last,
            digest and digest.state()), [part for part, _, _ in replaced]

    def _join(self, prefix, state, digest, stream):
        """Make a blob of an upload's segments.

        :returns: names of the segments that the blob does not need, a list
        """
        new, replaced = self._extend(prefix, state, stream)
        # What no other request can know of.
        added = sorted(set(_names(new)) - set(_names(state)))
        blob = self._layout.blob(digest)
        try:
            self._compare(new, digest)
            if not new.segments or not (
                    self._container.capabilities().max_segments):
                self._write(digest, _Chain(self._parts(new.segments),
                                           io.BytesIO(new.rest)))
                return replaced + _names(new)
            segments = list(new.segments)
            if new.rest:
                last = '%slast' % states.segments_prefix(prefix, new.number)
                md5 = hashlib.md5(new.rest).hexdigest()
                added.append(last)
                self._container.put(last, new.rest, len(new.rest), md5)
                segments.append((last, len(new.rest), md5))
            owner = self._states.keep_for(prefix, blob)
        except BaseException:
            self._large_objects.discard(added)
            raise
        if self._put_blob(blob, segments, prefix, added, only_new=True):
            return replaced
        if not self._store.has_blob(digest):
            # It had its bytes in a v1 layer, which is gone.
            self._put_blob(blob, segments, prefix, added, only_new=False)
            return replaced
        # Of another upload; or of this one, and its answer was lost.
        in_use = self._in_use(blob)
        left = [part for part in replaced + [
            part for part, _, _ in segments] if part not in in_use]
        if not any(part.startswith(prefix) for part in in_use):
            left.append(owner)  # the last: another object may have them then
        return left

    def _put_blob(self, blob, segments, prefix, added, only_new):
        """Write a blob's manifest; return whether it is that.

        :param added: names of what this request has written for it, a list
        :returns: False where there is one already, and only_new
        """
        try:
            self._container.put_manifest(blob, segments, only_new)
        except errors.ObjectExistsError:
            return False
        except errors.SwiftError as error:
            if not error.may_have_happened:
                self._large_objects.discard(added)
            else:
                logger.warning('PUT %s: it may have been written; if not, '
                               'orphans() finds the segments below %s', blob,
                               prefix)
            raise
        return True

    def _in_use(self, blob):
        try:
            return self._container.get_manifest(blob)
        except errors.ObjectNotFoundError:
            return []  # removed since; orphans() finds what is left

    def _compare(self, state, digest):
        """Raise DigestError unless the bytes of an upload have a digest."""
        algorithm, value = digest.split(':')
        found = _begun(state) if algorithm == 'sha256' else None
        if found is None:
            # Once more from Swift, for it comes too late.
            found = hashing.Digest(algorithm)
            for chunk in self._parts(state.segments):
                found.update(chunk)
            found.update(state.rest)
        if found.hexdigest() != value:
            raise _wrong(digest)

    def _write(self, digest, stream):
        """Write the bytes of a blob, unless there is one.

        :raises DigestError: they have another digest
        """
        algorithm, value = digest.split(':')
        hashed = _Hashed(stream, hashing.Digest(algorithm))

        def compare():
            if hashed.digest.hexdigest() != value:
                raise _wrong(digest)
            return {}

        def refuse():
            if self._store.has_blob(digest):
                raise errors.AlreadyPushedError(
                    'there is a blob %s' % digest, status=412)
        try:
            self._large_objects.write(self._layout.blob(digest), hashed,
                                      compare, refuse)
        except errors.AlreadyPushedError:
            pass

    def _parts(self, segments):
        """Yield the bytes of segments."""
        for part, _, md5 in segments:
            with contextlib.closing(self._readers.open(
                    part, None, md5)) as chunks:
                for chunk in chunks:
                    yield chunk


class _Hashed(object):

    """A stream whose bytes are hashed as they are read.

    :param stream: has read(n)
    :param digest: hashing.Digest
    """

    def __init__(self, stream, digest):
        self._stream = stream
        self.digest = digest

    def read(self, size):
        """Return at most so many bytes; b'' at the end alone."""
        chunk = self._stream.read(size)
        self.digest.update(chunk)
        return chunk


class _Chain(object):

    """Bytes, and then a stream.

    :param chunks: iterator over bytes, none of them empty
    :param stream: has read(n)
    """

    def __init__(self, chunks, stream):
        self._chunks = chunks
        self._stream = stream

    def read(self, size):
        """Return some bytes; b'' at the end alone."""
        return next(self._chunks, None) or self._stream.read(size)


def _begun(state):
    """Return the SHA-256 of an upload so far; None where it is not known."""
    if not sha256.is_available():
        return None
    if not state.number:
        return sha256.Sha256()
    if state.sha256 is None:
        return None
    try:
        return sha256.Sha256(state.sha256)
    except ValueError:  # of another kind of machine
        return None


def _names(state):
    return [part for part, _, _ in state.segments]


def _unknown(name, upload):
    return UnknownUploadError('%s has no upload %s' % (name, upload))


def _wrong(digest):
    return DigestError('the bytes that came do not have the digest %s'
                       % digest)
