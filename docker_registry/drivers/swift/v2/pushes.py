"""What v2 clients push beside blobs: manifests, tags, and what they remove.

A manifest stands when everything that it needs does; a tag is written last.
Blobs are never removed, only what lets a repository have them. Knows nothing
of HTTP.
"""

from concurrent import futures
import hashlib
import json

from . import layout
from . import manifests
from . import repositories

_REQUESTS_AT_ONCE = 16
#: A blob that a repository was given within this time is there, or comes back:
#: `docker-registry-swift gc` looks for new links after it has taken a blob
#: away, and while registry:2's garbage-collect runs nobody may push.
_FRESH_SECONDS = 600


class DigestError(Exception):

    """The manifest has another digest than the client says."""


class MissingError(Exception):

    """The repository has not what a manifest needs.

    :ivar digests: of what is missing, sorted
    """

    def __init__(self, digests):
        super(MissingError, self).__init__(
            'the repository does not have %s' % ', '.join(digests))
        self.digests = digests


class Pushes(object):

    """Writes and removes manifests and tags.

    Every method raises errors.SwiftError when Swift cannot be asked or fails.

    :param v1: images.Images
    :param v2: store.Store
    :param found: repositories.Repositories
    """

    def __init__(self, v1, v2, found):
        self._images = v1
        self._store = v2
        self._repositories = found

    def put_manifest(self, name, tag, digest, content, content_type=None):
        """Write a manifest, byte for byte.

        :param tag: that is to name it, or None
        :param digest: that it must have; None is its SHA-256
        :param content: bytes
        :param content_type: what the client says that it is, or None
        :returns: its digest, and the manifests.Manifest
        :raises manifests.InvalidError: it is none
        :raises DigestError: it has another digest
        :raises MissingError: something that it needs is not there
        """
        algorithm = digest.split(':')[0] if digest else 'sha256'
        found = '%s:%s' % (algorithm, hashlib.new(
            algorithm, content).hexdigest())
        if digest not in (None, found):
            raise DigestError('the manifest has the digest %s' % found)
        manifest = manifests.parse(content, content_type)
        self._check(name, manifest)
        self._store.put_blob(content, found)
        self._store.put_manifest_link(name, found)
        if manifest.subject:
            self._store.put_referrer(
                name, manifest.subject, found,
                _description(manifest, found, content))
        if tag is not None:
            self._store.put_tag_link(name, tag, found)
        return found, manifest

    def remove_tag(self, name, tag):
        """Let a tag name nothing, by whichever API.

        :raises repositories.UnknownError: there is none
        """
        if not self._repositories.has_tag(name, tag):
            raise repositories.UnknownError(
                'MANIFEST_UNKNOWN', '%s has no tag %s' % (name, tag))
        self._untag(name, tag)

    def remove_manifest(self, name, digest):
        """Let a repository have a manifest no more, nor a tag that names it.

        :raises repositories.UnknownError: it has none
        """
        content = self._repositories.manifest(name, digest)
        tags = self._repositories.tags_of(name, digest)
        with futures.ThreadPoolExecutor(_REQUESTS_AT_ONCE) as executor:
            list(executor.map(lambda tag: self._untag(name, tag), tags))
        self._store.remove_manifest_link(name, digest)
        try:
            subject = manifests.parse(content).subject
        except manifests.InvalidError:
            subject = None  # what registry:2 took is not all that we take
        if subject:
            self._store.remove_referrer(name, subject, digest)

    def remove_blob(self, name, digest):
        """Let a repository have a layer or a config no more.

        :raises repositories.UnknownError: it has none
        """
        self._repositories.check_blob(name, digest)
        self._store.remove_layer_link(name, digest)

    def _untag(self, name, tag):
        # v1's first: an older one must not come back.
        self._images.remove_tag(*layout.v1_repository(name) + (tag,))
        self._store.remove_tag_link(name, tag)

    def _check(self, name, manifest):
        """Raise MissingError for what a manifest needs and is not there."""
        asked = [(self._has_layer, digest) for digest in manifest.blobs]
        asked += [(self._has_manifest, digest)
                  for digest in manifest.manifests]

        def is_there(each):
            has, digest = each
            return has(name, digest)
        asked = sorted(set(asked), key=lambda each: each[1])
        with futures.ThreadPoolExecutor(_REQUESTS_AT_ONCE) as executor:
            missing = [digest for (_, digest), there in zip(
                asked, executor.map(is_there, asked)) if not there]
        if missing:
            raise MissingError(missing)

    def _has_layer(self, name, digest):
        age_seconds = self._store.layer_link_age(name, digest)
        return age_seconds is not None and (
            age_seconds < _FRESH_SECONDS or self._store.has_blob(digest))

    def _has_manifest(self, name, digest):
        return self._store.has_manifest(name, digest) and (
            self._store.has_blob(digest))


def _description(manifest, digest, content):
    """Return what the list of referrers says of a manifest, as bytes."""
    found = {'mediaType': manifest.media_type, 'digest': digest,
             'size': len(content)}
    if manifest.artifact_type:
        found['artifactType'] = manifest.artifact_type
    if manifest.annotations:
        found['annotations'] = manifest.annotations
    return json.dumps(found, sort_keys=True).encode('ascii')
