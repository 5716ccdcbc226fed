"""Finds out what is wrong with one image, from its objects alone.

Asks for each of its files and segments; the listing is not trusted. Changes
nothing.
"""

import collections
import contextlib

from . import stored
from .. import errors
from .. import image_files
from .. import names
from ..client import listing
from ..objects import hashing
from ..objects import small_object
from ..v2 import images

_MARK = '_inprogress'

#: kind: image, mark, checksum, tag, note, listing, link or blob. name: what
#: --remove takes. problems: list of texts. hurts: list of tags as
#: "library/x:latest". advice: what to do. repair: callable, or None.
Finding = collections.namedtuple(
    'Finding', 'kind name problems hurts advice repair')
#: What an image is found to be. parent: the id of the image below it, None
#: without; depth: how many images its ancestry has; both None where that
#: cannot be told. problems: list of texts. has_checksum: whether there is one
#: to compare the layer with. pushed_at: Unix time in seconds of the last that
#: was written of a push, where it has a mark. layer_at: Unix time in seconds
#: when the layer was written, None where it is not there.
State = collections.namedtuple(
    'State', 'id parent depth problems has_checksum pushed_at layer_at')


class Images(object):

    """Looks at images.

    :param registry: opened.Opened
    :param deep: whether to read each layer
    """

    def __init__(self, registry, deep):
        self._registry = registry
        self._container = registry.container
        self._stored = stored.Stored(registry)
        self._deep = deep

    def state(self, image):
        """Return the State of a stored.Image.

        A client may be pushing it. An image without a mark is complete, and
        all of it is there; so where it is not, the mark is looked for between
        two looks at the image.
        """
        if _MARK not in image.files:
            found = self._look(image.id, self._deep)
            if not found.problems:
                return found
        has_mark = self.pushed_at(image) is not None
        found = self._look(image.id, self._deep and not has_mark)
        return found._replace(pushed_at=self.pushed_at(image))

    def pushed_at(self, image):
        """Return when a push of an image that has a mark last wrote.

        :param image: stored.Image
        :returns: Unix time in seconds; None without a mark
        """
        headers = self._head(image.id, _MARK)
        if headers is None:
            return None
        prefix = self._name(image.id, 'layer') + '/'
        return max(
            [float(headers['x-timestamp'])]
            + [entry.written_at for entry in image.files.values()]
            + [listing.written_at(entry) for entry in self._container.list(
                names.segments_prefix(prefix))])

    def is_whole(self, image_id):
        """Read an image's layer, and tell whether it has its checksum."""
        state = self._look(image_id, deep=True)
        return not state.problems and state.has_checksum

    def _look(self, image_id, deep):
        problems = []
        checksums = digest = layer_at = None
        content = self._read(image_id, 'json', problems)
        parent = self._parent(image_id, content, problems)
        below = self._ancestry(image_id, problems)
        if content is not None and below is not None and (
                below[1:2] != ([parent] if parent else [])):
            problems.append('json and ancestry name different parents')
        headers = self._head(image_id, 'layer')
        if headers is None:
            problems.append('layer is missing')
        else:
            layer_at = float(headers['x-timestamp'])
            # A layer of what v2 clients have pushed has its digest instead.
            digest = headers.get(images.DIGEST)
            checksums = [] if digest else self._checksums(image_id, headers)
            problems += self._layer(image_id, headers, content, checksums,
                                    digest, deep)
        return State(image_id, below[1] if below and len(below) > 1 else
                     parent, below and len(below), problems,
                     bool(checksums or digest), None, layer_at)

    def _parent(self, image_id, content, problems):
        if content is None:
            return None
        try:
            return image_files.parent(image_id, content)
        except image_files.UnreadableError as error:
            problems.append(str(error))
            return None

    def _ancestry(self, image_id, problems):
        content = self._read(image_id, 'ancestry', problems)
        if content is None:
            return None
        try:
            return image_files.ancestry(image_id, content)
        except image_files.UnreadableError as error:
            problems.append(str(error))
            return None

    def _checksums(self, image_id, headers):
        """Return the checksums of a layer, a list of texts."""
        found = headers.get(small_object.CHECKSUM)
        if found:
            return [found]
        content = self._read(image_id, '_checksum', [])
        return [] if content is None else image_files.checksums(content)

    def _layer(self, image_id, headers, content, checksums, digest, deep):
        """Yield what is wrong with a layer that is there.

        :param content: of the image's json, bytes
        :param digest: that of the layer itself, or None
        """
        name = self._name(image_id, 'layer')
        if not self._container.get_size(headers):
            yield 'layer has 0 bytes'
            return
        pieces = [(name, None, None)]
        if 'x-static-large-object' in headers:
            pieces = self._container.read_manifest(name)
            wrong = list(self.segments(pieces))
            for each in wrong:
                yield each
            if wrong or None in [piece[0] for piece in pieces]:
                return
        if not deep:
            return
        if digest:
            algorithm, _, expected = digest.partition(':')
            found = hashing.Digest(algorithm)
        else:
            found = hashing.Digest('sha256')
            found.update((content or b'') + b'\n')
        try:
            for piece, _, _ in pieces:
                with contextlib.closing(
                        self._registry.readers.open(piece)) as reader:
                    for chunk in reader:
                        found.update(chunk)
        except errors.BrokenObjectError as error:
            yield 'layer cannot be read: %s' % error
            return
        except errors.ObjectNotFoundError:
            yield 'layer is missing'
            return
        if digest:
            if found.hexdigest() != expected:
                yield 'layer has another digest than it was pushed with'
            return
        # Clients of old pushed with a tarsum alone.
        comparable = [each for each in checksums
                      if each.startswith('sha256:')]
        if content is not None and comparable and (
                'sha256:' + found.hexdigest() not in comparable):
            yield 'layer has another checksum than it was pushed with'

    def segments(self, pieces):
        """Yield what is wrong with segments.

        :param pieces: as Container.read_manifest() returns them
        """
        for name, size_bytes, etag in pieces:
            if name is None:
                continue  # in another container
            try:
                headers = self._container.head(name)
                # A blob that is a v1 layer, or the other way round.
                below = self._container.read_manifest(name) if (
                    'x-static-large-object' in headers) else []
            except errors.ObjectNotFoundError:
                yield 'segment %s is missing' % name
                continue
            found_bytes = int(headers['content-length'])
            if found_bytes != size_bytes:
                yield 'segment %s has %d bytes, and not %d' % (
                    name, found_bytes, size_bytes)
            elif headers['etag'].strip('"') != etag:
                yield 'segment %s is another one than was pushed' % name
            else:
                for problem in self.segments(below):
                    yield problem

    def _read(self, image_id, name, problems):
        try:
            return self._registry.read(stored.image_path(image_id, name))
        except errors.ObjectNotFoundError:
            problems.append('%s is missing' % name)
        except errors.BrokenObjectError as error:
            problems.append('%s cannot be read: %s' % (name, error))
        return None

    def _head(self, image_id, name):
        try:
            return self._container.head(self._name(image_id, name))
        except errors.ObjectNotFoundError:
            return None

    def _name(self, image_id, name):
        return self._registry.names.object_name(
            stored.image_path(image_id, name))
