"""registry:2's objects in the container: links, and blobs.

Knows what is in them and how they are read and written; knows nothing of v1
images, or of which tag is the right one.
"""

import collections
import contextlib
import hashlib

from . import conversion
from . import images
from . import layout
from .. import errors
from .. import names
from ..objects import large_object
from ..objects import read_ahead
from ..objects import redirect
from ..objects import small_object

#: Which v1 image a tag's link was made of, and for which v1 tag a manifest's.
_IMAGE = 'x-object-meta-v1-image'
_TAG = 'x-object-meta-v1-tag'
_SEGMENT_BYTES = 16 * 1024 * 1024
#: More than any manifest has.
_MANIFEST_BYTES = 32 * 1024 * 1024

#: What a tag names: a digest. image_id: the v1 image that was converted, None
#: for what v2 clients have pushed. written_at: Unix time by Swift's clock.
Link = collections.namedtuple('Link', 'digest image_id written_at')


class Store(object):

    """Reads and writes registry:2's objects.

    Every method raises errors.SwiftError when Swift cannot be asked or fails.

    :param values: settings.Settings
    :param swift_container: container.Container
    """

    def __init__(self, values, swift_container):
        self._container = swift_container
        self._small_objects = small_object.SmallObjects(
            values, swift_container)
        # The same segments whoever writes, whatever swift_segment_size is
        # there: blobs name large objects by an ETag that depends on it.
        self._large_objects = large_object.LargeObjects(
            values._replace(segment_size=_SEGMENT_BYTES), swift_container)
        self._readers = read_ahead.Readers(values, swift_container)
        self._redirects = redirect.Redirects(values, swift_container)
        self._layout = layout.Layout(values.root)

    def tag_link(self, name, tag):
        """Return the Link of a tag, None where there is none.

        :param name: of the repository
        :raises errors.BrokenObjectError: it has no digest in it
        """
        object_name = self._layout.tag_link(name, tag)
        try:
            headers, content = self._small_objects.get(object_name)
        except errors.ObjectNotFoundError:
            return None
        digest = layout.linked_digest(content)
        if digest is None:
            raise errors.BrokenObjectError(
                'GET %s: there is no digest in it' % object_name, object_name)
        return Link(digest, headers.get(_IMAGE),
                    float(headers.get('x-timestamp', 0)))

    def put_tag_link(self, name, tag, digest, image_id=None):
        """Let a tag name a manifest.

        :param image_id: the v1 image that it was converted of, if it was
        """
        self._put_link(self._layout.tag_index_link(name, tag, digest), digest)
        self._put_link(self._layout.tag_link(name, tag), digest,
                       image_id and {_IMAGE: image_id})

    def remove_tag_link(self, name, tag):
        """Let a tag name nothing; return whether there was one."""
        was_there = self._remove(self._layout.tag_link(name, tag))
        self._container.delete_all(
            entry['name'] for entry in self._container.list(
                '%s%s/' % (self._layout.tags_prefix(name), tag)))
        return was_there

    def remove_links(self, name):
        """Let a repository have nothing; return whether it had anything.

        Its tags are to be removed before.
        """
        found = [entry['name'] for prefix in self._layout.links_prefixes(name)
                 for entry in self._container.list(prefix)]
        self._container.delete_all(found)
        return bool(found)

    def tags(self, name):
        """Yield the tags that the listing has of a repository."""
        for listed in self._container.directories(
                self._layout.tags_prefix(name)):
            yield self._layout.tag(name, listed)

    def repositories(self, below=''):
        """Yield the names of the repositories that the listing has.

        :param below: the first parts of their names; '' for all
        """
        for listed in self._container.directories(
                self._layout.repository_prefix(below)):
            name = self._layout.repository(listed)
            if not name.rsplit('/', 1)[-1].startswith('_'):
                for each in self.repositories(name):
                    yield each
            elif name.endswith('/_manifests'):
                yield name[:-len('/_manifests')]

    def has_manifest(self, name, digest):
        """Tell whether a repository has a manifest."""
        return self._container.exists(self._layout.revision_link(name, digest))

    def manifest_tag(self, name, digest):
        """Return for which v1 tag a manifest of a repository was made.

        :returns: name of the tag; None for what v2 clients have pushed
        :raises errors.ObjectNotFoundError: the repository has it not
        """
        return self._container.head(
            self._layout.revision_link(name, digest)).get(_TAG)

    def has_layer(self, name, digest):
        """Tell whether a repository has a layer or a config."""
        return self._container.exists(self._layout.layer_link(name, digest))

    def layer_link_age(self, name, digest):
        """Return how many seconds ago a repository was given a layer.

        Or a config. A blob stands before it is given to anybody.

        :returns: by Swift's clock; None where the repository has it not
        """
        try:
            return self._container.age(self._layout.layer_link(name, digest))
        except errors.ObjectNotFoundError:
            return None

    def put_manifest_link(self, name, digest, tag=None):
        """Let a repository have a manifest.

        :param tag: v1 tag that it was made for, if it is not there yet; None
            for what a v2 client pushes
        """
        headers = None if tag is None else {_TAG: tag}
        try:
            self._put_link(self._layout.revision_link(name, digest), digest,
                           headers, only_new=tag is not None)
        except errors.ObjectExistsError:
            pass

    def remove_manifest_link(self, name, digest):
        """Let a repository not have a manifest any more."""
        self._remove(self._layout.revision_link(name, digest))

    def remove_layer_link(self, name, digest):
        """Let a repository not have a layer or a config any more."""
        self._remove(self._layout.layer_link(name, digest))

    def put_referrer(self, name, subject, digest, description):
        """Note that a manifest has a subject.

        :param subject: digest of the manifest that it is about
        :param digest: of the manifest that has the subject
        :param description: what the list of referrers says of it, bytes
        """
        self._small_objects.write(
            self._layout.referrer(name, subject, digest), description)

    def remove_referrer(self, name, subject, digest):
        """Forget that a manifest has a subject."""
        self._remove(self._layout.referrer(name, subject, digest))

    def referrers(self, name, subject):
        """Yield the digests of the manifests that have a subject.

        The listing says which.
        """
        for entry in self._container.list(
                self._layout.referrers_prefix(name, subject)):
            part = self._layout.part(entry['name'])
            if part is not None:
                yield part.digest

    def referrer(self, name, subject, digest):
        """Return what put_referrer() has noted, bytes.

        :raises errors.ObjectNotFoundError: nothing
        """
        return self._small_objects.read(
            self._layout.referrer(name, subject, digest))

    def put_layer_link(self, name, digest):
        """Let a repository have a layer or a config."""
        self._put_link(self._layout.layer_link(name, digest), digest)

    def manifest(self, digest):
        """Return the bytes of a manifest, compared with its digest.

        :raises errors.ObjectNotFoundError: there is no such blob
        :raises errors.BrokenObjectError: it is not what its digest says
        """
        object_name = self._layout.blob(digest)
        found = b''
        with contextlib.closing(self._readers.open(object_name)) as reader:
            for chunk in reader:
                found += chunk
                if len(found) > _MANIFEST_BYTES:
                    break
        algorithm, value = digest.split(':')
        if hashlib.new(algorithm, found).hexdigest() != value:
            raise errors.BrokenObjectError(
                'GET %s: its bytes have another digest' % object_name,
                object_name)
        return found

    def blob_bytes(self, digest):
        """Return how many bytes a blob has.

        :raises errors.ObjectNotFoundError: there is no such blob
        """
        return self._container.get_size(
            self._head_whole(self._layout.blob(digest)))

    def has_blob(self, digest):
        """Tell whether there is a blob, in whichever repository."""
        return self._is_whole(self._layout.blob(digest))

    def open_blob(self, digest, bytes_range=None):
        """Open a blob for reading.

        :param bytes_range: (first, last) byte offsets, inclusive
        :returns: iterator over chunks of bytes, with a close() and an
            object_size
        :raises errors.ObjectNotFoundError: there is no such blob
        """
        return self._readers.open(self._layout.blob(digest), bytes_range)

    def blob_url(self, digest):
        """Return where a client finds a blob at Swift itself, for GET.

        :returns: temporary URL; None where there is no key to sign with
        :raises errors.ObjectNotFoundError: there is no such blob
        """
        return self._redirects.url(self._layout.blob(digest))

    def put_blob(self, content, digest=None):
        """Write a config or a manifest, where there is none with its digest.

        :param content: bytes
        :param digest: theirs; None is their SHA-256
        """
        object_name = self._layout.blob(digest or conversion.digest(content))
        try:
            self._small_objects.write(object_name, content, only_new=True)
        except errors.ObjectExistsError:
            pass  # digests are the same, so bytes are

    def put_blob_of(self, digest, object_name, headers):
        """Make an object's bytes a blob, without a copy where that can be.

        :param digest: of the bytes of the object
        :param object_name: name of the object
        :param headers: what HEAD says of the version that is meant
        :returns: whether the blob needs the object from now on
        """
        return self._share(object_name, headers, self._layout.blob(digest))

    def share_blob(self, digest, object_name):
        """Write a blob's bytes to an object, without a copy where that can be.

        The object has the digest in its metadata.

        :raises errors.ObjectNotFoundError: there is no such blob
        """
        blob = self._layout.blob(digest)
        self._share(blob, self._container.head(blob), object_name,
                    {images.DIGEST: digest})

    def _share(self, object_name, headers, target, new_headers=None):
        """Make an object's bytes those of another; return whether it needs it.

        :param headers: what HEAD says of the object
        :param new_headers: more headers for the target, a dict
        """
        etag = headers['etag'].strip('"')
        if ('x-object-manifest' in headers
                or not self._container.capabilities().max_segments):
            self._container.copy(object_name, target, etag, new_headers)
            return False
        segments = [(object_name, int(headers['content-length']), etag)]
        try:
            self._container.put_manifest(target, segments, True, new_headers)
        except errors.ObjectExistsError:
            if not self._is_whole(target):
                self._container.put_manifest(target, segments, False,
                                             new_headers)
        return True

    def write_new(self, object_name, stream):
        """Write an object, as LargeObjects.write_new() does."""
        return self._large_objects.write_new(object_name, stream)

    def remove(self, object_name):
        """Remove what write_new() has written."""
        self._large_objects.remove(object_name)

    def _remove(self, object_name):
        """Remove an object; return whether it was there."""
        try:
            self._container.delete(object_name)
        except errors.ObjectNotFoundError:
            return False
        return True

    def _put_link(self, object_name, digest, headers=None, only_new=False):
        self._small_objects.write(object_name, layout.link_content(digest),
                                  only_new, headers)

    def _is_whole(self, object_name):
        try:
            self._head_whole(object_name)
        except errors.ObjectNotFoundError:
            return False
        return True

    def _head_whole(self, object_name):
        """Return what HEAD says of an object whose bytes are there.

        A blob may have them in a v1 layer. Where tools have removed that past
        the registry, Swift goes on telling the size of the blob; a client that
        pushes would take it for whole.

        :raises errors.ObjectNotFoundError: it is not there, or they are not
        """
        headers = self._container.head(object_name)
        if 'x-static-large-object' not in headers:
            return headers
        segments = self._container.read_manifest(object_name)
        if len(segments) == 1:
            shared, _, etag = segments[0]
            if (shared is not None and not shared.startswith(names.SEGMENTS)
                    and self._head_whole(shared)['etag'].strip('"') != etag):
                raise errors.ObjectNotFoundError(
                    'HEAD %s: its bytes are not there any more' % object_name,
                    object_name)
        return headers
