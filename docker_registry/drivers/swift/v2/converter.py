"""v1 images to v2 images, each once, kept in the container.

Blobs are written first, then what lets repositories have them; tags are not
dealt with here. Whatever is interrupted is gone on with where it stopped, by
whichever registry. Knows nothing of HTTP.
"""

from concurrent import futures
import contextlib
import threading

from . import conversion
from . import facts
from . import images
from . import once
from .. import errors
from .. import per_process

#: Questions that are asked of Swift at a time.
_REQUESTS_AT_ONCE = 8
#: What Swift answers where a large object is not whole.
_NO_SEGMENT = 409


class Converter(object):

    """Converts v1 images.

    :param v1: images.Images
    :param v2: store.Store
    :param jobs: how many layers a process reads at a time
    """

    def __init__(self, v1, v2, jobs=4):
        self._images = v1
        self._store = v2
        self._once = once.Once()
        self._free = per_process.PerProcess(
            lambda: threading.Semaphore(jobs))

    def convert(self, image_id, names, tag, find_machine):
        """Convert an image, and let repositories have it.

        Costs little where it has been converted before.

        :param image_id: id of the v1 image
        :param names: of the repositories in v2, a list
        :param tag: what a v1 client calls the image there
        :param find_machine: callable that returns architecture and operating
            system of who has pushed it, or None for either; called if they
            are needed
        :returns: digest of the manifest
        :raises facts.DamagedError: names the image that is damaged, and why
        :raises errors.SwiftError: Swift cannot be asked or fails
        """
        record = self._once.do(
            image_id, lambda: self._convert(image_id, find_machine))
        digests = set(record.layers) | {record.config}
        _together(self._store.put_layer_link, [
            (name, digest) for name in names for digest in sorted(digests)])
        _together(self._store.put_manifest_link, [
            (name, record.manifest, tag) for name in names])
        return record.manifest

    def _convert(self, image_id, find_machine):
        known = self._images.record(image_id)
        if known is not None and self._is_whole(known):
            return known
        chain = _together(self._image, [
            (each,) for each in self._images.ancestry(image_id)])
        top = conversion.parse(image_id, chain[-1].json)
        says_machine = top.get('architecture') and top.get('os')
        found = conversion.convert(
            chain, *((None, None) if says_machine else find_machine()))
        _together(self._store.put_blob, [(found.config,), (found.manifest,)])
        record = images.Record(found.manifest_digest, found.config_digest,
                               found.layers)
        try:
            self._images.put_record(image_id, record, only_new=known is None)
        except errors.ObjectExistsError:
            # Another registry has converted it at the same time: to the same,
            # unless it is of another version. All have to give that.
            others = self._images.record(image_id)
            if others is not None and self._is_whole(others):
                return others
        return record

    def _is_whole(self, record):
        """Tell whether all blobs are there; registry:2 can remove them."""
        digests = {record.manifest, record.config} | set(record.layers)
        return all(_together(self._store.has_blob, [
            (digest,) for digest in digests]))

    def _image(self, image_id):
        description = self._images.json(image_id)
        conversion.parse(image_id, description)  # before its layer is read
        return conversion.Image(image_id, description, self._once.do(
            ('layer', image_id), lambda: self._layer(image_id, description)))

    def _layer(self, image_id, description):
        """Return the Facts of a layer, which is a blob then."""
        found = self._images.facts(image_id)
        if found is not None and self._store.has_blob(
                conversion.blob_digest(found)):
            return found
        # Also where registry:2 has removed the blob: that may be a layer that
        # tools have replaced since, and has another digest.
        # The mark first: a complete layer does not change.
        self._images.check_complete(image_id)
        object_name, headers = self._images.layer(image_id)
        try:
            with self._free.get(), contextlib.closing(
                    self._images.open_layer(object_name, headers)) as chunks:
                found = self._read(
                    image_id, facts.Pass(image_id, description), chunks,
                    self._images.checksums(image_id, headers))
        except errors.SwiftError as error:
            if (error.status, error.object_name) != (_NO_SEGMENT, object_name):
                raise
            raise facts.DamagedError(
                image_id, 'a segment of its layer is gone, or is another one')
        if conversion.is_decompressed(found):
            self._put_archive(image_id, found)
        else:
            self._store.put_blob_of(found.digest, object_name, headers)
        self._images.put_facts(image_id, found)
        return found

    def _read(self, image_id, layer, chunks, checksums):
        """Return the Facts of a layer, read and compared with its checksum.

        What is not served as it is stored is written decompressed.

        :param layer: facts.Pass
        :param chunks: iterable of bytes
        :param checksums: those that it was pushed with, a list
        """
        pieces = _compared(image_id, layer, chunks, checksums)
        first = next(pieces, b'')
        if layer.kind in conversion.LAYER_TYPES:
            for _ in pieces:
                pass
        else:
            self._store.write_new(self._images.archive_name(image_id),
                                  _Stream(first, pieces))
            # Where there was one already.
            for _ in pieces:
                pass
        return layer.facts()

    def _put_archive(self, image_id, found):
        """Make a blob of a layer that has been decompressed."""
        object_name = self._images.archive_name(image_id)
        headers = self._images.head(object_name)
        if not self._store.put_blob_of(found.diff_id, object_name, headers):
            self._store.remove(object_name)


class _Stream(object):

    """What is read piece by piece, as a file.

    :param first: the first piece, bytes
    :param pieces: iterator over the others
    """

    def __init__(self, first, pieces):
        self._unread = first
        self._pieces = pieces

    def read(self, size):
        """Return at most so many bytes; b'' at the end alone."""
        while not self._unread:
            piece = next(self._pieces, None)
            if piece is None:
                return b''
            self._unread = piece
        found, self._unread = self._unread[:size], self._unread[size:]
        return found


def _compared(image_id, layer, chunks, checksums):
    """Yield the archive in a layer; raise at its end if it is damaged."""
    for piece in layer.read(chunks):
        yield piece
    found = layer.facts()
    if checksums and found.checksum not in checksums:
        raise facts.DamagedError(
            image_id, 'its layer has the checksum %s, and was pushed with %s'
            % (found.checksum, ', '.join(checksums)))


def _together(function, arguments):
    """Call a function several times, some calls at the same time.

    :param arguments: list of tuples
    :returns: list of what it returns, in order
    :raises Exception: what the first call that fails raises
    """
    if len(arguments) < 2:
        return [function(*each) for each in arguments]
    with futures.ThreadPoolExecutor(_REQUESTS_AT_ONCE) as executor:
        return list(executor.map(lambda each: function(*each), arguments))
