"""Finds out what is wrong with what v2 clients pull: blobs, manifests, links.

What the listing lacks is asked for. Changes nothing by itself.
"""

import collections
import contextlib

from . import damage
from . import output
from .. import errors
from ..objects import hashing


class Blobs(object):

    """Looks at blobs, and at what leads to them.

    Holds a hundred bytes or two for each blob, and as much for each digest in
    a manifest. First look(), then reached() and tag() for each tag, then
    findings().

    :param registry: opened.Opened
    :param v2: stored_v2.StoredV2
    :param looker: damage.Images
    :param deep: whether to read each blob
    """

    def __init__(self, registry, v2, looker, deep):
        self._registry = registry
        self._container = registry.container
        self._stored = v2
        self._looker = looker
        self._deep = deep
        # By the digest of each blob that is there: its problems.
        self._problems = {}
        self._unlisted = {}
        self._hurts = collections.defaultdict(list)

    def look(self):
        """Look at each blob."""
        with output.Progress('blobs') as progress:
            for digest, problems in progress.count(self._registry.jobs.each(
                    self._look, self._stored.blobs())):
                self._problems[digest] = problems or None

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
        except errors.BrokenObjectError:
            return tag, {tag.digest}, None  # that is what the blob's is
        for digest in sorted(found):
            if not self._is_there(digest):
                return tag, set(), 'needs %s, which is not there' % digest
        return tag, found, None

    def tag(self, name, digests):
        """Note what a tag needs.

        :param name: such as "library/x:latest"
        """
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
        """Return the digest of a blob, and what is wrong with it, a list."""
        name = self._stored.layout.blob(blob.digest)
        try:
            headers = self._container.head(name)
            problems = []
            if 'x-static-large-object' in headers:
                problems = list(self._looker.segments(
                    self._container.read_manifest(name)))
            if self._deep and not problems:
                problems = self._read(name, blob.digest)
            return blob.digest, problems
        except errors.ObjectNotFoundError:
            return blob.digest, []  # removed meanwhile

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
            if not self._is_there(digest) and self._exists(name):
                yield self._link(name, digest)

    def _link(self, name, digest):
        def repair():
            try:
                self._container.delete(name)
            except errors.ObjectNotFoundError:
                pass
            return True
        return damage.Finding(
            'link', name, ['leads to %s, which is not there' % digest], [],
            'use --repair, which removes the link', repair)

    def _is_there(self, digest):
        """Tell whether there is a blob, whatever the listing has."""
        if digest in self._problems:
            return True
        try:
            headers = self._container.head(self._stored.layout.blob(digest))
        except errors.ObjectNotFoundError:
            return False
        self._problems[digest] = None
        self._unlisted[digest] = float(headers['x-timestamp'])
        return True

    def _exists(self, name):
        try:
            self._container.head(name)
        except errors.ObjectNotFoundError:
            return False  # removed meanwhile
        return True
