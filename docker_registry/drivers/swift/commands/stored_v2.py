"""Reads what v2 clients have pushed: repositories, tags, manifests, blobs.

The listing says what there is, and follows at a distance; what a tag names
and what a manifest needs is read from the objects. Changes nothing.
"""

import collections
import itertools
import json
import re

from .. import compat
from .. import errors
from .. import image_files
from ..client import listing
from ..v2 import layout
from ..v2 import manifests
from ..v2 import store

_DIGEST = re.compile('sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}')

#: size_bytes: as the listing has it, of a static large object that of all
#: segments; written_at: Unix time in seconds.
Blob = collections.namedtuple('Blob', 'digest size_bytes written_at')
#: Digests in a manifest, each a frozenset. manifests, of an index alone, and
#: blobs: what it cannot do without. layers: those of the blobs that are no
#: config. mentioned: all else, such as layers that are elsewhere, and what
#: annotations name. sizes: a tuple of pairs of a digest and what it says that
#: is, in bytes.
References = collections.namedtuple(
    'References', 'blobs layers manifests mentioned sizes')


class Repository(object):

    """What the listing has of a repository.

    Each dict is to Unix time in seconds when it was written last.

    :param name: as v2 clients have it
    :ivar tags: dict from names
    :ivar layers, revisions: dicts from digests of what it may have
    :ivar referrers: dict from pairs of a subject's digest and a manifest's
    :ivar uploads: dict from names of registry:2's uploads
    """

    def __init__(self, name):
        self.name = name
        self.tags = {}
        self.layers = {}
        self.revisions = {}
        self.referrers = {}
        self.uploads = {}

    def add(self, part, written_at):
        """Add what an object is.

        :param part: layout.Part
        """
        where, key = {
            layout.TAG: (self.tags, part.name),
            layout.LAYER: (self.layers, part.digest),
            layout.REVISION: (self.revisions, part.digest),
            layout.REFERRER: (self.referrers, (part.subject, part.digest)),
            layout.UPLOAD: (self.uploads, part.name),
            layout.INDEX: ({}, None)}[part.kind]
        where[key] = max(where.get(key, written_at), written_at)


class StoredV2(object):

    """What is stored.

    Every method raises errors.SwiftError when Swift cannot be asked or fails.

    :param registry: opened.Opened
    :ivar layout: layout.Layout
    :ivar store: store.Store
    """

    def __init__(self, registry):
        self._container = registry.container
        self.layout = layout.Layout(registry.settings.root)
        self.store = store.Store(registry.settings, registry.container)
        self._references = {}

    def repositories(self, below=''):
        """Yield the Repository of each that the listing has.

        :param below: the first parts of their names; '' for all
        """
        parts = ((self.layout.part(entry['name']), entry)
                 for entry in self._container.list(
                     self.layout.repository_prefix(below)))
        known = ((part, entry) for part, entry in parts if part is not None)
        for name, group in itertools.groupby(
                known, lambda each: each[0].repository):
            repository = Repository(name)
            for part, entry in group:
                repository.add(part, listing.written_at(entry))
            yield repository

    def blobs(self):
        """Yield each Blob that the listing has."""
        for entry in self._container.list(self.layout.blobs_prefix()):
            digest = self.layout.blob_digest(entry['name'])
            if digest is not None:
                yield Blob(digest, entry['bytes'], listing.written_at(entry))

    def references(self, digest):
        """Return the References of a manifest of whatever kind.

        Read once, for it does not change.

        :raises errors.ObjectNotFoundError: it is not there
        :raises errors.BrokenObjectError: it is not what its digest says
        """
        found = self._references.get(digest)
        if found is None:
            found = self._references[digest] = _references(
                self.store.manifest(digest))
        return found

    def reached(self, digest):
        """Return the digests of a manifest and of all that it needs, a set.

        :raises errors.ObjectNotFoundError, errors.BrokenObjectError: as for
            references()
        """
        return self._reached(digest, lambda found: found.blobs)

    def mentioned(self, digest):
        """Return those, and the digests of what it may need.

        :raises errors.ObjectNotFoundError, errors.BrokenObjectError: as for
            references()
        """
        return self._reached(
            digest, lambda found: found.blobs | found.mentioned)

    def sizes(self, digest):
        """Return what a manifest that has been read says of sizes in bytes.

        :returns: list of pairs of a digest and a size; of what is none []
        """
        found = self._references.get(digest)
        return list(found.sizes) if found else []

    def layers(self, digest):
        """Return the digests of the layers of a manifest, a set.

        Of an index those of all its manifests.

        :raises image_files.UnreadableError: it, or one of them, is not there
            or damaged
        """
        try:
            references = self.references(digest)
        except (errors.ObjectNotFoundError, errors.BrokenObjectError) as error:
            raise image_files.UnreadableError(str(error))
        found = set(references.layers)
        for each in references.manifests:
            found |= self.layers(each)
        return found

    def alias(self, digest):
        """Return the name of the object that has the bytes of a blob.

        :returns: None where it has its own, or is not there
        """
        return self.only_segment(self.layout.blob(digest))

    def only_segment(self, object_name):
        """Return the name of the only segment of a large object, or None."""
        try:
            segments = self._container.get_manifest(object_name)
        except errors.ObjectNotFoundError:
            return None
        return segments[0] if len(segments) == 1 else None

    def _reached(self, digest, blobs):
        """Return a manifest and what it needs.

        :param blobs: callable that returns which blobs of References count
        """
        found = self.references(digest)
        reached = {digest} | blobs(found)
        for each in found.manifests:
            reached |= self._reached(each, blobs)
        return reached


def _references(content):
    """Return the References of a manifest of whatever kind, bytes."""
    found = {}
    try:
        found = json.loads(content.decode('utf-8'))
        found.pop('subject', None)
        text = json.dumps(found)
    except (AttributeError, ValueError, RuntimeError):
        found, text = {}, content.decode('latin-1')  # not JSON, or no object
    mentioned = _digests(text)
    try:
        known = manifests.parse(content)
        children = frozenset(known.manifests)
        needed = frozenset(known.blobs + known.manifests)
        first = 0 if known.media_type in manifests.INDEX_TYPES else 1
        layers = frozenset(known.blobs[first:])  # without the config
    except manifests.InvalidError:
        # Of a kind that registry:2 has taken: schema 1, as a rule.
        children = _digests(json.dumps(found.get('manifests')))
        needed = _digests(json.dumps(found.get('fsLayers'))) or mentioned
        layers = needed - children
    return References(
        needed - children, layers, children, mentioned - needed, tuple(
            (compat.native(each['digest']), each['size'])
            for name in ('config', 'layers', 'manifests')
            for each in _descriptors(found.get(name))))


def _digests(text):
    return frozenset(map(compat.native, _DIGEST.findall(text)))


def _descriptors(value):
    """Return what a field of a manifest says the size of, a list."""
    return [each for each in (value if isinstance(value, list) else [value])
            if isinstance(each, dict)
            and isinstance(each.get('size'), compat.INTEGER_TYPES)
            and isinstance(each.get('digest'), compat.TEXT_TYPES)
            and layout.is_digest(each['digest'])]
