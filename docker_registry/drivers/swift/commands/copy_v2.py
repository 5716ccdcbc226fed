"""Copies what v2 clients pull from one container to another.

Blobs first, then what lets repositories have them, then manifests, and tags
last, so that a reader of the target never sees a tag whose image is not whole.
No byte is stored twice there either: a blob that has its bytes in a v1 layer
has them in that of the target, and the other way round.
"""

import contextlib

from . import output
from . import sides
from . import stored
from . import stored_v2
from . import tagged
from . import transfer
from .. import errors
from ..v2 import layout
from ..v2 import repositories

#: The file of an image that says as which v2 image it has been converted.
_MANIFEST = '_manifest'


def between(source, target, jobs, cluster, verifies):
    """Return the Blobs between two sides, None where one has no v2.

    :param source, target: of sides.open_side()
    :param jobs, cluster, verifies: as for Blobs
    """
    if not (isinstance(source, sides.SwiftSide)
            and isinstance(target, sides.SwiftSide)):
        return None
    return Blobs(source, target, jobs, cluster, verifies)


class Blobs(object):

    """Copies blobs, each once.

    :param source, target: sides.SwiftSide
    :param jobs: parallel.Jobs
    :param cluster: cluster_copy.ClusterCopy between them, or None
    :param verifies: whether to read what the target has
    :ivar registries: opened.Opened of the source and of the target
    :ivar source, target: stored_v2.StoredV2
    """

    def __init__(self, source, target, jobs, cluster, verifies):
        self._sides = source, target
        self.registries = source.registry, target.registry
        self._source, self._target = self.registries
        self._jobs = jobs
        self._cluster = cluster
        self._verifies = verifies
        self.source = stored_v2.StoredV2(self._source)
        self.target = stored_v2.StoredV2(self._target)
        self._done = set()

    def copy(self, digest):
        """Copy a blob, unless the target has it.

        :returns: how many bytes were copied; None where it was there
        :raises transfer.LeftError: it cannot be copied
        """
        if digest in self._done:
            return None
        name = self.source.layout.blob(digest)
        try:
            size_bytes = self.source.store.blob_bytes(digest)
        except errors.ObjectNotFoundError:
            raise transfer.LeftError('%s is damaged: it is not there' % digest)
        found = self._target_bytes(digest)
        if found is not None and found != size_bytes:
            raise transfer.LeftError('the target has other bytes as %s'
                                     % digest)
        if found is None:
            self._write(name, digest, size_bytes)
        if self._verifies:
            self._compare(digest)
        self._done.add(digest)
        return size_bytes if found is None else None

    def share(self, path):
        """Give a v1 layer of the target the bytes of a blob, as the source's.

        :param path: of the layer
        :returns: whether that is what the source has
        """
        segment = self.source.only_segment(
            self._source.names.object_name(path))
        digest = segment and self.source.layout.blob_digest(segment)
        if not digest:
            return False
        self.copy(digest)
        self.target.store.share_blob(
            digest, self._target.names.object_name(path))
        return True

    def _target_bytes(self, digest):
        try:
            return self.target.store.blob_bytes(digest)
        except errors.ObjectNotFoundError:
            return None

    def _write(self, name, digest, size_bytes):
        copied = self.target.layout.blob(digest)
        if self._has_layer(name, digest, size_bytes):
            return
        if self._cluster is not None and self._cluster.copy(name, copied):
            return
        with contextlib.closing(
                self._source.readers.open(name)) as reader:
            stream = transfer.Stream(reader, self._jobs,
                                     digest.partition(':')[0])

            def compare():
                if stream.hexdigest() != digest.partition(':')[2]:
                    raise transfer.LeftError(
                        '%s is damaged: it has other bytes' % digest)
                return {}
            self._target.large_objects.write(copied, stream, compare)

    def _has_layer(self, name, digest, size_bytes):
        """Make a blob of a v1 layer of the target, where the source has it so.
        """
        segment = self.source.only_segment(name)
        if segment is None or not segment.startswith(
                self._source.names.prefix('images')):
            return False
        path = self._source.names.path(segment)
        layer = self._target.names.object_name(path)
        try:
            headers = self._target.container.head(layer)
            if int(headers['content-length']) != size_bytes or (
                    not self._is_same(path, headers)):
                return False
            self.target.store.put_blob_of(digest, layer, headers)
            return True
        except errors.ObjectNotFoundError:
            return False

    def _is_same(self, path, headers):
        """Tell whether a file of an image is the same at the target.

        It may have been pushed there by another engine, of other bytes.

        :param headers: what HEAD says of the target's
        """
        found = self._source.container.head(
            self._source.names.object_name(path))
        if found['etag'] == headers['etag']:
            return True
        # A tarsum is the same for layers of other bytes.
        source, target = [
            {each for each in sides.checksums(side, path.split('/')[1])
             if each.startswith('sha256:')} for side in self._sides]
        return bool(source & target)

    def _compare(self, digest):
        algorithm, _, expected = digest.partition(':')
        with contextlib.closing(self.target.store.open_blob(
                digest)) as reader:
            stream = transfer.Stream(reader, self._jobs, algorithm)
            while stream.read(0):
                pass
        if stream.hexdigest() != expected:
            raise transfer.LeftError('%s differs' % digest)


class Repositories(object):

    """Copies repositories of v2, when those of v1 have been copied.

    :param blobs: Blobs
    :param jobs: parallel.Jobs
    :param options: of the command
    :ivar found: whether the source has any such repository
    """

    def __init__(self, blobs, jobs, options):
        self._blobs = blobs
        self._source = blobs.source
        self._target = blobs.target
        self._registries = blobs.registries
        self._jobs = jobs
        self._options = options
        self.found = False

    def run(self):
        """Copy all that the options say; yield a Result for each tag."""
        with output.Progress('repositories') as progress:
            for repository in progress.count(self._source.repositories()):
                if stored.matches('/'.join(layout.v1_repository(
                        repository.name)), self._options.repository):
                    self.found = True
                    for result in self._copy(repository):
                        yield result

    def _copy(self, repository):
        tags = []
        for tag, link, reason in self._jobs.each(
                lambda tag: self._link(repository.name, tag), [
                    tag for tag in sorted(repository.tags)
                    if stored.fits(tag, self._options.tag)]):
            if reason:
                yield transfer.Result('v2', repository.name, tag, 'left',
                                      reason, 0, 0)
            elif link:
                tags.append((tag, link))
        roots = {link.digest for _, link in tags}
        if self._options.tag == '*':
            roots.update(repository.revisions)  # that are pulled by digest
        trees, failures, referrers = self._trees(roots, repository)
        copied = {}
        digests = set().union(*trees.values()).difference(failures)
        for digest, size_bytes, reason in self._jobs.each(
                self._copy_blob, sorted(digests)):
            if reason:
                failures[digest] = reason
            elif size_bytes is not None:
                copied[digest] = size_bytes
        whole = {}
        for digest, tree in trees.items():
            wrong = sorted(tree.intersection(failures))
            if wrong:
                failures[digest] = failures[wrong[0]]
            else:
                whole[digest] = tree
        self._copy_links(repository, whole, referrers)
        # What was there already gc may have removed; it heeds links that are
        # new, and what was copied is new itself.
        gone = self._gone(set().union(*whole.values()).difference(copied))
        for digest, tree in whole.items():
            if tree & gone:
                failures[digest] = (
                    '%s has been removed from the target meanwhile; run this '
                    'again' % min(tree & gone))
        for result in self._jobs.each(lambda each: self._copy_tag(
                repository.name, each, trees, failures, copied), tags):
            yield result

    def _link(self, name, tag):
        """Return a tag, its link if that is what counts, and why it is left.

        :returns: (tag, store.Link or None, text or None)
        """
        try:
            link = self._source.store.tag_link(name, tag)
        except errors.BrokenObjectError as error:
            return tag, None, str(error)
        v1 = _v1_tag(self._registries[0], name, tag)
        own = v1 if v1 is not None and v1.digest is None else None
        return tag, link if repositories.is_good(own, link) else None, None

    def _trees(self, roots, repository):
        """Return what manifests need, also those about them.

        :returns: dict from the digests of manifests to sets of digests; dict
            from those that cannot be read to why; and the pairs of subjects
            and digests among them, a set
        """
        trees, failures, referrers = {}, {}, set()
        waiting = set(roots)
        while waiting:
            found = set()
            for digest, tree, children, unread in self._jobs.each(
                    lambda digest: self._tree(digest, repository),
                    sorted(waiting)):
                trees[digest] = tree
                failures.update(unread)
                found |= children
            for pair in repository.referrers:
                if pair[0] in trees and pair not in referrers:
                    referrers.add(pair)
                    found.add(pair[1])
            waiting = found.difference(trees)
        return trees, failures, referrers

    def _tree(self, digest, repository):
        """Return a manifest and what it needs, as far as that can be read.

        :returns: its digest; a set of digests; those of the manifests below
            it, a set; and dict from those that cannot be read to why
        """
        tree, children, unread = {digest}, set(), {}
        waiting = [digest]
        while waiting:
            each = waiting.pop()
            try:
                found = self._source.references(each)
            except errors.ObjectNotFoundError:
                unread[each] = '%s is damaged: it is not there' % each
                continue
            except errors.BrokenObjectError as error:
                unread[each] = str(error)
                continue
            waiting.extend(found.manifests - children)
            children |= found.manifests
            # What clients find elsewhere, unless the repository has it.
            tree |= found.blobs | found.manifests | (
                found.mentioned.intersection(repository.layers))
        return digest, tree, children, unread

    def _copy_blob(self, digest):
        """Return a digest, its size if it was copied, and why it was not."""
        try:
            return digest, self._blobs.copy(digest), None
        except (transfer.LeftError, errors.BrokenObjectError) as error:
            return digest, None, str(error)

    def _gone(self, digests):
        """Return which blobs the target has not any more, a set."""
        return {digest for digest, is_there in self._jobs.each(
            lambda digest: (digest, self._target.store.has_blob(digest)),
            sorted(digests)) if not is_there}

    def _copy_links(self, repository, trees, referrers):
        """Let the target's repository have manifests and what they need."""
        name = repository.name
        # registry:2 may have a manifest as a layer, too.
        layers = set().union(*trees.values()).difference(
            set(trees).difference(repository.layers))
        list(self._jobs.each(lambda digest: self._copy_link(name, digest),
                             sorted(layers)))
        list(self._jobs.each(lambda digest: self._copy_revision(
            name, digest), sorted(trees)))
        list(self._jobs.each(lambda pair: self._copy_referrer(name, *pair), [
            pair for pair in referrers if pair[1] in trees]))

    def _copy_link(self, name, digest):
        if not self._target.store.has_layer(name, digest):
            self._target.store.put_layer_link(name, digest)

    def _copy_revision(self, name, digest):
        if self._target.store.has_manifest(name, digest):
            return
        try:
            tag = self._source.store.manifest_tag(name, digest)
        except errors.ObjectNotFoundError:
            tag = None  # of an index, or removed since
        self._target.store.put_manifest_link(name, digest, tag)

    def _copy_referrer(self, name, subject, digest):
        source, _ = self._registries
        try:
            self._target.store.put_referrer(
                name, subject, digest, source.small_objects.read(
                    self._source.layout.referrer(name, subject, digest)))
        except errors.ObjectNotFoundError:
            pass  # removed since

    def _copy_tag(self, name, tag_and_link, trees, failures, copied):
        tag, link = tag_and_link
        if link.digest in failures:
            return transfer.Result('v2', name, tag, 'left',
                                   failures[link.digest], 0, 0)
        if link.image_id:
            # It counts as long as the v1 tag names that.
            v1 = _v1_tag(self._registries[1], name, tag)
            if v1 is None or v1.image_id != link.image_id:
                return transfer.Result(
                    'v2', name, tag, 'left', 'it was made of image %s, which '
                    'is left' % link.image_id, 0, 0)
            self._copy_record(link.image_id)
        # A blob counts for the first of its tags.
        sizes = [size_bytes for size_bytes in (
            copied.pop(digest, None) for digest in trees[link.digest])
            if size_bytes is not None]
        found = self._target.store.tag_link(name, tag)
        is_there = found is not None and (
            found.digest, found.image_id) == (link.digest, link.image_id)
        if not is_there:
            self._target.store.put_tag_link(name, tag, link.digest,
                                            link.image_id)
        return transfer.Result(
            'v2', name, tag, 'there' if is_there and not sizes else 'copied',
            None, len(sizes), sum(sizes))

    def _copy_record(self, image_id):
        """Let an image be converted to the same at the target."""
        source, target = self._registries
        path = stored.image_path(image_id, _MANIFEST)
        try:
            target.write(path, source.read(path))
        except errors.ObjectNotFoundError:
            pass  # it is converted again, to the same


def _v1_tag(registry, name, tag):
    """Return the stored.Tag that v1 clients know by a name, or None."""
    path = stored.repository_path('/'.join(layout.v1_repository(name)))
    return stored.Stored(registry).tag(stored.Repository(name, path, {}), tag)


class Left(object):

    """Tells which tags of v2 a target that has none cannot get.

    What v1 clients see of v2's tags is copied as any other of v1.

    :param source: opened.Opened
    :param options: of the command
    :ivar found: whether the source has any such repository
    """

    def __init__(self, source, options):
        self._tagged = tagged.Tagged(source, stored.Stored(source),
                                     stored_v2.StoredV2(source))
        self._options = options
        self.found = False

    def run(self):
        """Yield the Result of each tag that is left."""
        for tag in self._tagged.tags(
                self._tagged.repositories(self._options.repository)):
            self.found = True
            if tag.apis == ('v2',) and stored.fits(tag.name,
                                                   self._options.tag):
                yield transfer.Result(
                    'v2', tag.repository.name, tag.name, 'left',
                    'it is there for v2 clients alone; let a v1 client list '
                    'the tags of the repository, and run this again', 0, 0)
