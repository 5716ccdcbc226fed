"""What has to be known of a v1 layer, found while its bytes pass by once.

Its digest as it is stored, the digest of the tar archive in it, the v1
checksum, and whether it is empty. Memory is bounded whatever the layer is
compressed to. Knows nothing of Swift or of how a layer is read.

Source: DetectCompression() in pkg/archive/archive.go of the docker engine
"""

import bz2
import collections
import zlib

from .. import compat
from ..objects import hashing

#: How layers are stored, by their first bytes.
_MAGIC = ((b'\x1f\x8b\x08', 'gzip'), (b'BZh', 'bzip2'),
          (b'\xfd7zXZ\x00', 'xz'), (b'\x28\xb5\x2f\xfd', 'zstd'))
#: What is dealt with at a time, and what comes out of gzip at a time.
_PIECE_BYTES = 1024 * 1024
#: What goes in at a time, where what comes out has no limit: 46 MB for each 40
#: bytes of bzip2, 7000 times as much of xz.
_BZIP2_STEP_BYTES = 40
_XZ_STEP_BYTES = 2048
#: What xz may take of the memory for its dictionary; `xz -9` needs 65 MiB.
_XZ_MEMORY_BYTES = 256 * 1024 * 1024

#: kind: 'tar', 'gzip', 'bzip2' or 'xz', how the layer is stored. digest and
#: size_bytes: of the layer as it is stored. diff_id and tar_bytes: digest and
#: size of the archive in it. checksum: v1's, "sha256:...". is_empty: there is
#: nothing but zero bytes in the archive.
Facts = collections.namedtuple(
    'Facts', 'kind digest size_bytes diff_id tar_bytes checksum is_empty')


class DamagedError(Exception):

    """An image is damaged, or half of one; the message names it.

    :ivar image_id: id of the v1 image
    :ivar reason: what is wrong, in a few words
    """

    def __init__(self, image_id, reason):
        message = compat.native('image %s: %s' % (image_id, reason))
        super(DamagedError, self).__init__(message)
        self.image_id = image_id
        self.reason = reason


class Pass(object):

    """Finds the facts of one layer.

    :param image_id: id of the image, for errors
    :param description: the image's json as it is stored, bytes
    :ivar kind: as in Facts, once the first bytes have passed by
    """

    def __init__(self, image_id, description):
        self.kind = None
        self._image_id = image_id
        self._digest = hashing.Digest('sha256')
        self._diff_id = hashing.Digest('sha256')
        self._checksum = hashing.Digest('sha256')
        self._checksum.update(description + b'\n')
        self._size_bytes = self._tar_bytes = 0
        self._is_empty = True

    def read(self, chunks):
        """Read a layer; yield the tar archive in it, piece by piece.

        :param chunks: iterable of bytes, the layer as it is stored
        :raises DamagedError: it cannot be decompressed
        :raises Exception: whatever reading raises
        """
        chunks = _joined(chunks)
        start = next(chunks)
        self.kind = _kind(start)
        try:
            decompress = _DECOMPRESS[self.kind]
        except KeyError:
            raise DamagedError(self._image_id, 'its layer is compressed by '
                               '%s, which v1 has not' % self.kind)
        try:
            for piece in decompress(self._as_stored(start, chunks)):
                self._tar_bytes += len(piece)
                if self._is_empty and piece.strip(b'\0'):
                    self._is_empty = False
                if self.kind != 'tar':
                    self._diff_id.update(piece)
                yield piece
        except _Broken as error:
            raise DamagedError(self._image_id, 'its layer is damaged: %s'
                               % error)

    def facts(self):
        """Return the Facts, once everything has been read.

        :raises DamagedError: the layer has no bytes
        """
        if not self._size_bytes:
            raise DamagedError(self._image_id, 'its layer has no bytes')
        digest = 'sha256:' + self._digest.hexdigest()
        return Facts(
            self.kind, digest, self._size_bytes,
            digest if self.kind == 'tar'
            else 'sha256:' + self._diff_id.hexdigest(),
            self._tar_bytes, 'sha256:' + self._checksum.hexdigest(),
            self._is_empty)

    def _as_stored(self, start, chunks):
        chunk = start
        while chunk is not None:
            self._size_bytes += len(chunk)
            self._digest.update(chunk)
            self._checksum.update(chunk)
            yield chunk
            chunk = next(chunks, None)


class _Broken(Exception):

    """Bytes that cannot be decompressed."""


def _joined(chunks):
    """Yield the same bytes in large pieces, at least one.

    Joined once, for digests that take them as they are.
    """
    pieces, pieces_bytes = [], 0
    for chunk in chunks:
        pieces.append(chunk)
        pieces_bytes += len(chunk)
        if pieces_bytes >= _PIECE_BYTES:
            yield b''.join(pieces)
            pieces, pieces_bytes = [], 0
    yield b''.join(pieces)


def _kind(start):
    for magic, kind in _MAGIC:
        if start.startswith(magic):
            return kind
    return 'tar'


def _gunzip(chunks):
    """Yield what gzip has compressed, also in several members."""
    member = zlib.decompressobj(31)
    try:
        for chunk in chunks:
            while chunk:
                piece = hashing.beside(member.decompress, chunk, _PIECE_BYTES)
                if piece:
                    yield piece
                chunk = member.unconsumed_tail or member.unused_data
                if member.unused_data:
                    member = zlib.decompressobj(31)
        # What ends goes into this; what has ended does not. Python 2 has no
        # other sign of it.
        member.decompress(b'\0')
        if not member.unused_data:
            raise _Broken('the end of gzip is missing')
    except zlib.error as error:
        raise _Broken('gzip: %s' % error)


def _bunzip2(chunks):
    return _streams(chunks, bz2.BZ2Decompressor, _BZIP2_STEP_BYTES, 'bzip2',
                    (EnvironmentError, ValueError))


def _unxz(chunks):
    lzma = _lzma()
    return _streams(
        chunks, lambda: lzma.LZMADecompressor(
            lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES),
        _XZ_STEP_BYTES, 'xz', (lzma.LZMAError, MemoryError),
        # Between streams, and after the last.
        padding=b'\0')


def _streams(chunks, make, step_bytes, name, failures, padding=b''):
    """Yield what is in the compressed streams that follow each other.

    :param make: callable that returns a decompressor for one stream
    :param step_bytes: how many bytes it is given at a time
    :param name: of the compression
    :param failures: exceptions that it raises for damaged bytes, a tuple
    :param padding: bytes that may stand behind a stream
    """
    decompressor = None
    started = False
    try:
        for chunk in chunks:
            steps = collections.deque(
                chunk[start:start + step_bytes]
                for start in range(0, len(chunk), step_bytes))
            while steps:
                if decompressor is None:
                    steps[0] = steps[0].lstrip(padding if started else b'')
                    if not steps[0]:
                        steps.popleft()
                        continue
                    decompressor, started = make(), True
                pieces = []
                if hashing.beside(_step, decompressor, steps, pieces):
                    decompressor = None
                for piece in pieces:
                    yield piece
        if decompressor is not None:
            try:
                # Python 2 has no other sign of the end.
                decompressor.decompress(b'\0')
            except EOFError:
                return
            if not decompressor.unused_data:
                raise _Broken('the end of %s is missing' % name)
    except failures as error:
        raise _Broken('%s: %s' % (name, error))


def _step(decompressor, steps, pieces):
    """Decompress some of the steps, which are taken off their deque.

    :param pieces: what has come out is put into this list
    :returns: whether the stream has ended
    """
    found_bytes = 0
    while steps and found_bytes < _PIECE_BYTES:
        try:
            piece = decompressor.decompress(steps[0])
        except EOFError:
            return True
        if piece:
            pieces.append(piece)
            found_bytes += len(piece)
        if decompressor.unused_data:
            steps[0] = decompressor.unused_data
            return True
        steps.popleft()
    return False


def _lzma():
    """Return the module that reads xz.

    :raises ImportError: says what to install
    """
    try:
        if compat.PY2:
            from backports import lzma
        else:
            import lzma
    except ImportError as error:
        raise ImportError(
            '%s: a layer is compressed by xz; install %s' % (
                error, 'backports.lzma' if compat.PY2
                else 'a Python that was built with liblzma'))
    return lzma


_DECOMPRESS = {'tar': iter, 'gzip': _gunzip, 'bzip2': _bunzip2, 'xz': _unxz}
#: All that Facts can have.
KINDS = tuple(_DECOMPRESS)
