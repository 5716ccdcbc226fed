"""Finds and removes what no v2 client needs, while registries go on.

A client that pushes asks which blobs a repository has, and does not push those
again; a manifest is taken when the repository has links to all that it needs,
and the blobs are there. So a blob is removed in three steps, and stays if it
turns out to be needed at any of them.

1. Links to it go. From now on registries say that the repository has it not,
   clients push it anew, which writes a link again, and a manifest that needs
   it is refused.
2. Some seconds later, so that those that had looked just before are heard of,
   the blob goes, in a way that can be undone: of a large object the manifest,
   and any other becomes a segment that belongs to nothing.
3. Some seconds later again the bytes go.

Whoever stops this in the middle has it undone, but for what is at step 3. What
somebody leaves who is killed is bytes that gc finds as segments, and blobs
without a link, which clients push again.
"""

import collections
import hashlib
import time

from . import output
from . import removal
from . import stored
from . import stored_v2
from .. import errors
from .. import names
from ..objects import segmentation
from ..v2 import repositories

#: What is to go. kind: "manifest", a link to one that no tag reaches; "blob";
#: or "upload" of registry:2. name: of the object, or what the names of all of
#: an upload begin with. size_bytes; written_at: Unix time in seconds. digest:
#: None of an upload.
Found = collections.namedtuple(
    'Found', 'kind name size_bytes written_at digest')
#: A blob that is gone and can be made again. make: callable; segments: names
#: of what has its bytes.
_Hidden = collections.namedtuple('_Hidden', 'make segments')
#: A link that is gone. is_found: whether it was to go itself, and not with the
#: blob that it leads to; content: bytes; headers: its metadata.
_Link = collections.namedtuple(
    '_Link', 'repository digest is_found content headers')
_META = 'x-object-meta-'
_NO_BYTES = hashlib.md5(b'').hexdigest()


class RemovalV2(object):

    """Finds blobs, manifests and uploads that nothing needs, and removes them.

    Holds a hundred bytes or two for each digest that a manifest has.

    :param registry: opened.Opened
    :param is_old: callable that tells of Unix time in seconds whether what
        was written then is old enough
    :param is_given_up: callable that tells it of an upload
    :param untagged: whether manifests go that no tag reaches
    """

    def __init__(self, registry, is_old, is_given_up, untagged):
        self._registry = registry
        self._container = registry.container
        self._jobs = registry.jobs
        self._is_old = is_old
        self._is_given_up = is_given_up
        self._untagged = untagged
        self._stored = stored_v2.StoredV2(registry)
        self._repositories = repositories.in_container(
            registry.settings, registry.container)
        # What is gone for now: links by their names, blobs by digest.
        self._links = {}
        self._hidden = {}

    def find(self):
        """Return what nothing needs, a list of Found."""
        needed, found = self._look()
        with output.Progress('blobs') as progress:
            found += [
                Found('blob', self._stored.layout.blob(blob.digest),
                      blob.size_bytes, blob.written_at, blob.digest)
                for blob in progress.count(self._stored.blobs())
                if blob.digest not in needed
                and self._is_old(blob.written_at)]
        return found

    def remove(self, found):
        """Remove what find() has returned; yield those that are gone."""
        for each in found:
            if each.kind == 'upload':
                # Not its segments: a blob may have them, see dynamic.py.
                self._container.delete_all([
                    entry['name'] for entry in self._container.list(
                        each.name)])
                yield each
        wanted = {each.digest: each for each in found if each.kind == 'blob'}
        manifests = [each for each in found if each.kind == 'manifest']
        if not wanted and not manifests:
            return
        try:
            self._each(self._unlink, self._links_to(wanted, manifests))
            self._settle(wanted)
            self._each(self._hide, sorted(wanted))
            self._settle(wanted)
        except BaseException:
            self._jobs.stop()
            try:
                self._restore(set(self._hidden), list(self._links))
            except errors.SwiftError:
                output.print_error(
                    '%d blobs and %d links that nothing needs are gone; their '
                    'segments are left, for another gc --delete' % (
                        len(self._hidden), len(self._links)))
            raise
        gone = set(self._hidden)
        self._each(self._purge, sorted(gone))
        for each in manifests:
            if each.name in self._links:
                yield each
        for digest in sorted(gone):
            yield wanted[digest]

    def _look(self):
        """Look at all repositories.

        :returns: set of the digests that are needed, and a list of Found
        """
        needed, found = set(), []
        with output.Progress('repositories') as progress:
            for digests, more in progress.count(self._jobs.each(
                    self._look_at, self._stored.repositories())):
                needed |= digests
                found += more
        needed.update(self._used_by_layers())
        return needed, found

    def _look_at(self, repository):
        """Return what a repository needs, and a list of Found."""
        roots, found = self._roots(repository)
        needed = {digest for digest, written_at in repository.layers.items()
                  if not self._is_old(written_at)}
        needed |= self._needed_by(roots, repository)
        for upload, written_at in sorted(repository.uploads.items()):
            if self._is_given_up(written_at):
                found.append(Found(
                    'upload', '%s/%s/' % (self._stored.layout.uploads(
                        repository.name), upload), 0, written_at, None))
        return needed, found

    def _look_again(self, repository):
        """Return what a repository needs whose links may have gone.

        What has a link is being pushed, or is not what this has found.

        :returns: its name, and a set of digests
        """
        roots = self._repositories.digests(repository.name)
        roots.update(repository.revisions)
        return repository.name, self._needed_by(roots, repository).union(
            repository.layers)

    def _needed_by(self, roots, repository):
        """Return the digests that manifests of a repository need, a set."""
        needed = set(roots)
        for digest in roots:
            try:
                needed |= self._stored.mentioned(digest)
            except (errors.ObjectNotFoundError, errors.BrokenObjectError):
                # It might need anything that the repository has.
                needed.update(repository.layers, repository.revisions)
        return needed

    def _roots(self, repository):
        """Return the digests of the manifests that stay, and a list of Found.
        """
        roots, found = self._repositories.digests(repository.name), []
        # What was made of v1 images stays as long as there is any tag.
        keeps = bool(roots) or self._repositories.has_tags(repository.name)
        for digest, written_at in repository.revisions.items():
            if not self._is_old(written_at) or not self._untagged and (
                    keeps or self._is_pushed(repository.name, digest)):
                roots.add(digest)
        # Signatures and the like stay with what they are about.
        reached = set()
        while roots - reached:
            reached |= self._needed_by(roots - reached, repository)
            roots |= {digest for subject, digest in repository.referrers
                      if subject in reached and digest in repository.revisions}
        for digest in sorted(set(repository.revisions) - reached):
            found.append(Found(
                'manifest', self._stored.layout.revision_link(
                    repository.name, digest), 0,
                repository.revisions[digest], digest))
        return roots, found

    def _is_pushed(self, name, digest):
        """Tell whether v2 clients have pushed a manifest."""
        try:
            return self._stored.store.manifest_tag(name, digest) is None
        except errors.ObjectNotFoundError:
            return False  # removed since

    def _used_by_layers(self):
        """Yield the digests of blobs that have the bytes of v1 layers."""
        images = (image for image in stored.Stored(self._registry).images()
                  if '_checksum' not in image.files)
        for segment in self._jobs.each(
                lambda image: self._stored.only_segment(
                    self._registry.names.object_name(
                        stored.image_path(image.id, 'layer'))), images):
            digest = segment and self._stored.layout.blob_digest(segment)
            if digest:
                yield digest

    def _links_to(self, blobs, manifests):
        """Yield (repository, digest, name, whether it was found) of links."""
        found = {each.name for each in manifests}
        digests = {each.digest for each in manifests}
        names_of = self._stored.layout
        for repository in self._stored.repositories():
            for digest in repository.layers:
                if digest in blobs:
                    yield repository.name, digest, names_of.layer_link(
                        repository.name, digest), False
            going = set()
            for digest in repository.revisions:
                name = names_of.revision_link(repository.name, digest)
                if name in found or digest in blobs:
                    going.add(digest)
                    yield repository.name, digest, name, name in found
            for subject, digest in repository.referrers:
                if digest in going & digests:
                    yield repository.name, digest, names_of.referrer(
                        repository.name, subject, digest), True

    def _unlink(self, link):
        repository, digest, name, is_found = link
        try:
            headers, content = self._registry.small_objects.get(name)
            if not self._is_old(float(headers['x-timestamp'])):
                return  # somebody has just written it
            # Before it is gone: whoever is stopped in between looks for it.
            self._links[name] = _Link(
                repository, digest, is_found, content, {
                    key: value for key, value in headers.items()
                    if key.startswith(_META)})
            self._container.delete(name)
        except errors.ObjectNotFoundError:
            pass  # gone since

    def _settle(self, wanted):
        """Wait, look again, and undo what is needed after all.

        :param wanted: dict by digests of blobs; loses those that stay
        """
        time.sleep(removal.SETTLE_SECONDS)
        needed = set(self._used_by_layers())
        back = []
        by_repository = {}
        ours = {link.digest for link in self._links.values()}
        for name, digests in self._jobs.each(
                self._look_again, self._stored.repositories()):
            needed |= digests
            by_repository[name] = digests & ours
        for name, link in self._links.items():
            if link.digest in (by_repository.get(link.repository, ())
                               if link.is_found else needed):
                back.append(name)
        stays = needed.intersection(wanted)
        for digest in stays:
            del wanted[digest]
        self._restore(stays.intersection(self._hidden), back)

    def _restore(self, digests, links):
        """Let blobs and links be as they were, as far as they are gone."""
        for digest in digests:
            self._hidden[digest].make()
            del self._hidden[digest]
        for name in links:
            link = self._links[name]
            try:
                self._registry.small_objects.write(name, link.content, True,
                                                   link.headers)
            except errors.ObjectExistsError:
                pass
            del self._links[name]

    def _hide(self, digest):
        """Remove a blob in a way that can be undone."""
        name = self._stored.layout.blob(digest)
        try:
            headers = self._container.head(name)
        except errors.ObjectNotFoundError:
            return
        hide = self._hide_plain
        if 'x-object-manifest' in headers:
            hide = self._hide_dynamic
        elif 'x-static-large-object' in headers:
            hide = self._hide_static
        hidden = hide(name, headers)
        if hidden is None:
            return
        # Before it is gone: whoever is stopped in between looks for it.
        self._hidden[digest] = hidden
        try:
            self._container.delete(name)
        except errors.ObjectNotFoundError:
            pass

    def _hide_static(self, name, _):
        segments = self._container.read_manifest(name)
        if None in [segment for segment, _, _ in segments]:
            return None  # of another container; nobody here has written that

        def make():
            try:
                self._container.put_manifest(name, segments, only_new=True)
            except errors.ObjectExistsError:
                pass
        return _Hidden(make, [
            segment for segment, _, _ in segments
            if segment.startswith(names.SEGMENTS)])

    def _hide_dynamic(self, name, headers):
        # What registry:2 has written.
        manifest = headers['x-object-manifest']
        container, _, prefix = manifest.partition('/')
        # Another gc must not take its segments for such that nothing needs.
        hidden = names.segment_name(segmentation.new_prefix(name), 0)
        self._put_dynamic(hidden, manifest)

        def make():
            try:
                self._put_dynamic(name, manifest)
            except errors.ObjectExistsError:
                pass
            self._container.delete_all([hidden])
        return _Hidden(make, [hidden] + [
            entry['name'] for entry in self._container.list(prefix)
        ] if container == self._container.name else [hidden])

    def _put_dynamic(self, name, manifest):
        self._container.put(name, b'', 0, _NO_BYTES, True,
                            {'x-object-manifest': manifest})

    def _hide_plain(self, name, headers):
        etag = headers['etag'].strip('"')
        segment = names.segment_name(segmentation.new_prefix(name), 0)
        self._container.copy(name, segment, etag)

        def make():
            self._container.copy(segment, name, etag)
            self._container.delete_all([segment])
        return _Hidden(make, [segment])

    def _purge(self, digest):
        """Remove the bytes of a blob that is gone."""
        name = self._stored.layout.blob(digest)
        in_use = ()
        try:
            # Somebody may have pushed it since, of other bytes' names.
            in_use = self._container.get_manifest(name)
        except errors.ObjectNotFoundError:
            pass
        gone = [segment for segment in self._hidden[digest].segments
                if segment not in in_use]
        # What says beside the segments of an upload whose they are.
        owners = {names.owner_name(segment) for segment in gone}
        self._container.delete_all(gone + sorted(owners))

    def _each(self, function, items):
        for _ in self._jobs.each(function, items):
            pass
