"""Finds out what is wrong with what v2 clients pull: blobs, manifests, links.

What the listing lacks is asked for. Changes nothing by itself.
"""

import collections
import contextlib

from . import damage
from . import output
from .. import errors
from ..objects import hashing

_META = 'x-object-meta-'


class Blobs(object):

    """Looks at blobs, and at what leads to them.

    Holds a hundred bytes or two for each blob, and as much for each digest in
    a manifest. First look(), then reached() and tag() for each tag, then
    findings().

    :param registry: opened.Opened
    :param v2: stored_v2.StoredV2
    :param looker: damage.Images
    :param deep: whether to read each blob
    :ivar images: ids of images whose layers blobs have for segments, a set;
        after look()
    """

    def __init__(self, registry, v2, looker, deep):
        self._registry = registry
        self._container = registry.container
        self._stored = v2
        self._looker = looker
        self._deep = deep
        # By the digest of each blob that is there: its problems, its bytes.
        self._problems = {}
        self._sizes = {}
        self._unlisted = {}
        self._prefix = registry.names.prefix('images')
        self.images = set()
        self._hurts = collections.defaultdict(list)

    def look(self):
        """Look at each blob."""
        with output.Progress('blobs') as progress:
            for digest, size_bytes, problems in progress.count(
                    self._registry.jobs.each(
                        self._look, self._stored.blobs())):
                if size_bytes is not None:
                    self._problems[digest] = problems or None
                    self._sizes[digest] = size_bytes

    def reached(self, tag):
        """Return a tag, and the digests of all that it needs.

        :param tag: tagged.Tag
        :returns: it; a set; and what the first of its problems is, or None
        """
        if tag.digest is None:
            return tag, set(), (
                'has no digest in it' if tag.apis == ('v2',) else None)
        try:
            found = self._stored.reached(tag.digest)
        except errors.ObjectNotFoundError as error:
            return tag, set(), 'needs a manifest that is not there: %s' % error
        except errors.BrokenObjectError as error:
            digest = self._stored.layout.blob_digest(
                error.object_name or '') or tag.digest
            self._problems[digest] = self._problems.get(digest) or [
                'cannot be read: %s' % error]
            return tag, {digest}, None
        for digest in sorted(found):
            if not self._is_there(digest):
                return tag, set(), 'needs %s, which is not there' % digest
        return tag, found, None

    def tag(self, name, digests):
        """Note what a tag needs.

        :param name: such as "library/x:latest"
        """
        for digest in digests:
            for blob, size_bytes in self._stored.sizes(digest):
                found = self._sizes.get(blob)
                if found not in (None, size_bytes) and (
                        not self._problems.get(blob)):
                    self._problems[blob] = ['has %d bytes, and not %d' % (
                        found, size_bytes)]
        for digest in digests:
            if self._problems.get(digest):
                self._hurts[digest].append(name)

    def findings(self):
        """Yield a damage.Finding of each blob, and of each link to none."""
        for digest in sorted(self._problems):
            if self._problems[digest]:
                yield damage.Finding(
                    'blob', self._stored.layout.blob(digest),
                    self._problems[digest], sorted(self._hurts[digest]),
                    'push what has it again, with a v2 client, after --remove',
                    None)
        with output.Progress('repositories') as progress:
            for repository in progress.count(self._stored.repositories()):
                for finding in self._links(repository):
                    yield finding

    def unlisted(self):
        """Return the blobs that the listing lacks.

        :returns: dict from names of objects to Unix time in seconds
        """
        return {self._stored.layout.blob(digest): written_at
                for digest, written_at in self._unlisted.items()}

    def _look(self, blob):
        """Return the digest of a blob, its size, and what is wrong, a list."""
        name = self._stored.layout.blob(blob.digest)
        try:
            headers = self._container.head(name)
            size_bytes = self._container.get_size(headers)
            problems = []
            if 'x-static-large-object' in headers:
                pieces = self._container.read_manifest(name)
                self.images.update(
                    piece[len(self._prefix):].split('/')[0]
                    for piece, _, _ in pieces
                    if piece and piece.startswith(self._prefix))
                problems = list(self._looker.segments(pieces))
            if not size_bytes and not _is_empty(blob.digest):
                # As of registry:2, whose listing had no segment yet.
                problems.append('has 0 bytes')
            if self._deep and not problems:
                problems = self._read(name, blob.digest)
            return blob.digest, size_bytes, problems
        except errors.ObjectNotFoundError:
            return blob.digest, None, []  # the listing alone has it

    def _read(self, name, digest):
        algorithm, _, expected = digest.partition(':')
        found = hashing.Digest(algorithm)
        try:
            with contextlib.closing(self._registry.readers.open(
                    name)) as chunks:
                for chunk in chunks:
                    found.update(chunk)
        except errors.BrokenObjectError as error:
            return ['cannot be read: %s' % error]
        return ([] if found.hexdigest() == expected
                else ['has another digest than its name says'])

    def _links(self, repository):
        """Yield a Finding of each link of a repository that leads nowhere."""
        layout = self._stored.layout
        found = [(layout.layer_link(repository.name, digest), digest)
                 for digest in sorted(repository.layers)]
        found += [(layout.revision_link(repository.name, digest), digest)
                  for digest in sorted(repository.revisions)]
        for name, digest in found:
            # The name may have been removed meanwhile.
            if not self._is_there(digest) and self._container.exists(name):
                yield self._link(name, digest)

    def _link(self, name, digest):
        def repair():
            try:
                headers, content = self._registry.small_objects.get(name)
                self._container.delete(name)
            except errors.ObjectNotFoundError:
                return True  # removed since
            if self._blob_headers(digest) is None:
                return True
            # A client has pushed it, and perhaps the link, in the meantime.
            try:
                self._registry.small_objects.write(
                    name, content, True, {
                        key: value for key, value in headers.items()
                        if key.startswith(_META)})
            except errors.ObjectExistsError:
                pass
            return True
        return damage.Finding(
            'link', name, ['leads to %s, which is not there' % digest], [],
            'use --repair, which removes the link', repair)

    def _is_there(self, digest):
        """Tell whether there is a blob, whatever the listing has."""
        if digest in self._problems:
            return True
        headers = self._blob_headers(digest)
        if headers is None:
            return False
        self._problems[digest] = None
        self._sizes[digest] = self._container.get_size(headers)
        self._unlisted[digest] = float(headers['x-timestamp'])
        return True

    def _blob_headers(self, digest):
        """Return what HEAD says of a blob, None where there is none."""
        try:
            return self._container.head(self._stored.layout.blob(digest))
        except errors.ObjectNotFoundError:
            return None


def _is_empty(digest):
    """Tell whether a digest is that of no bytes."""
    algorithm, _, value = digest.partition(':')
    return hashing.Digest(algorithm).hexdigest() == value
