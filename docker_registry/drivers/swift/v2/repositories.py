"""Repositories as clients of v2 see them: what v1 and v2 clients have pushed.

A tag has one truth although both write it: the newer by Swift's clock. What
conversion has made of a v1 tag is good as long as that tag names the same
image. Objects are asked, for listings lag behind.
"""

import bisect
from concurrent import futures
import json

from . import converter
from . import images
from . import layout
from . import store
from .. import errors

_REQUESTS_AT_ONCE = 16


def in_container(values, swift_container, jobs=4):
    """Return the Repositories of a container.

    :param values: settings.Settings
    :param swift_container: container.Container
    :param jobs: how many layers a process reads at a time to convert them
    """
    v1 = images.Images(values, swift_container)
    v2 = store.Store(values, swift_container)
    return Repositories(v1, v2, converter.Converter(v1, v2, jobs))


class UnknownError(Exception):

    """There is no such thing.

    :ivar code: which, by the name that the API has for it
    """

    def __init__(self, code, message):
        super(UnknownError, self).__init__(message)
        self.code = code


class Repositories(object):

    """Finds manifests, blobs and tags.

    Every method raises errors.SwiftError when Swift cannot be asked or fails,
    and UnknownError for what is not there.

    :param v1: images.Images
    :param v2: store.Store
    :param conversions: converter.Converter
    """

    def __init__(self, v1, v2, conversions):
        self._images = v1
        self._store = v2
        self._converter = conversions

    def resolve(self, name, tag):
        """Return the digest of the manifest that a tag names.

        The image that a v1 client has tagged is converted first.

        :raises facts.DamagedError: it cannot be, and why
        """
        v1_tag, link = self._look(name, tag)
        if is_good(v1_tag, link):
            return link.digest
        if v1_tag is None:
            raise UnknownError('MANIFEST_UNKNOWN',
                               '%s has no tag %s' % (name, tag))
        return self._convert(name, tag, v1_tag)

    def convert(self, name, tag):
        """Convert what a v1 client has tagged, unless that is done.

        :returns: whether there was something to do
        :raises facts.DamagedError: it cannot be converted, and why
        """
        v1_tag, link = self._look(name, tag)
        if v1_tag is None or is_good(v1_tag, link):
            return False
        self._convert(name, tag, v1_tag)
        return True

    def manifest(self, name, digest):
        """Return the bytes of a manifest that a repository has.

        What was made of a v1 image stays as long as the repository.
        """
        try:
            tag = self._store.manifest_tag(name, digest)
        except errors.ObjectNotFoundError:
            raise _unknown_manifest(name, digest)
        # One tag that is there is enough, and as a rule it is this.
        if tag is not None and not self._images.tag(
                *(layout.v1_repository(name) + (tag,))) and (
                    not self.has_tags(name)):
            raise _unknown_manifest(name, digest)
        return self.read_manifest(name, digest)

    def read_manifest(self, name, digest):
        """Return the bytes of a manifest that resolve() has found."""
        try:
            return self._store.manifest(digest)
        except errors.ObjectNotFoundError:
            raise UnknownError('MANIFEST_UNKNOWN', (
                '%s has a manifest %s, whose bytes are missing'
                % (name, digest)))

    def check_blob(self, name, digest):
        """Raise UnknownError unless a repository has a blob."""
        if not self._store.has_layer(name, digest):
            raise _unknown_blob(name, digest)

    def blob_bytes(self, name, digest):
        """Return the size of a blob in bytes."""
        return self._of_blob(self._store.blob_bytes, name, digest)

    def open_blob(self, name, digest, bytes_range=None):
        """Open a blob, as Store.open_blob() does."""
        return self._of_blob(self._store.open_blob, name, digest, bytes_range)

    def blob_url(self, name, digest):
        """Return where a client finds a blob at Swift, or None."""
        return self._of_blob(self._store.blob_url, name, digest)

    def tags(self, name, last='', count=None):
        """Return the tags of a repository.

        :param last: leave out those up to this one
        :param count: at most so many; None is all
        :returns: sorted list, and whether there are more
        :raises UnknownError: the repository has no tag at all
        """
        names = sorted(filter(layout.is_tag, self._tag_names(name)))
        found, more = _first(
            names[bisect.bisect_right(names, last):], count,
            lambda tag: self.has_tag(name, tag))
        if not found and not more and not (
                last and self.has_tags(name, names)):
            raise UnknownError('NAME_UNKNOWN', 'there is no repository %s'
                               % name)
        return found, more

    def has_tag(self, name, tag):
        """Tell whether a repository has a tag now.

        Also one that is damaged, which who pulls it is told: the lists have
        it, and it can be removed.
        """
        try:
            v1_tag, link = self._look(name, tag)
        except errors.BrokenObjectError:
            return True
        return v1_tag is not None or is_good(v1_tag, link)

    def has_tags(self, name, names=None):
        """Tell whether a repository has a tag now.

        :param names: of the tags that it may have; None where that is not
            known
        """
        if names is None:
            names = self._tag_names(name)
        return any(self.has_tag(name, tag) for tag in sorted(names)
                   if layout.is_tag(tag))

    def tags_of(self, name, digest):
        """Return the tags that name a manifest, sorted."""
        names = sorted(filter(layout.is_tag, self._tag_names(name)))

        def names_it(tag):
            try:
                v1_tag, link = self._look(name, tag)
            except errors.BrokenObjectError:
                return False  # it names nothing
            return link is not None and link.digest == digest and (
                is_good(v1_tag, link))
        with futures.ThreadPoolExecutor(_REQUESTS_AT_ONCE) as executor:
            return [tag for tag, does in zip(
                names, executor.map(names_it, names)) if does]

    def digests(self, name):
        """Return the digests that tags of a repository name, a set.

        Not of what v1 clients have pushed and is to be converted yet.
        """
        names = sorted(set(self._store.tags(name)))
        with futures.ThreadPoolExecutor(_REQUESTS_AT_ONCE) as executor:
            return {link.digest for v1_tag, link in executor.map(
                lambda tag: self._look(name, tag), names)
                if is_good(v1_tag, link)}

    def referrers(self, name, subject):
        """Return what is said of the manifests that have a subject.

        :returns: list of dicts, descriptors of the specification
        """
        with futures.ThreadPoolExecutor(_REQUESTS_AT_ONCE) as executor:
            found = executor.map(
                lambda digest: self._referrer(name, subject, digest),
                self._store.referrers(name, subject))
            return [each for each in found if each is not None]

    def catalog(self, last='', count=None):
        """Return the names of the repositories that have a tag.

        :param last, count: as for tags()
        :returns: sorted list, and whether there are more
        """
        names = set(self._store.repositories())
        usual = {}
        for v1_names in self.v1_repositories().values():
            names.update(v1_names[:1])
            usual.update((name, v1_names[0]) for name in v1_names[1:])
        names = sorted(names)
        # One name for each: `x`, and not `library/x` as well.
        return _first(
            names[bisect.bisect_right(names, last):], count,
            lambda name: self.has_tags(name) and not (
                name in usual and self.has_tags(usual[name])))

    def v1_repositories(self):
        """Return what v1 clients have pushed to.

        :returns: dict from (namespace, repository) to the names that v2 has
            for it, a list; [] where it allows none
        """
        return {found: layout.v2_names(*found)
                for found in self._images.repositories()}

    def v1_tags(self, namespace, repository):
        """Return the names of the tags that v1 clients have pushed, sorted."""
        names = sorted(self._images.tag_names(namespace, repository))
        with futures.ThreadPoolExecutor(_REQUESTS_AT_ONCE) as executor:
            found = executor.map(lambda tag: self._images.tag(
                namespace, repository, tag), names)
            return [name for name, tag in zip(names, found)
                    if tag is not None and tag.digest is None]

    def _referrer(self, name, subject, digest):
        """Return what is said of a manifest; None where it is not there."""
        # registry:2 may have removed it.
        if not self._store.has_manifest(name, digest):
            return None
        try:
            found = json.loads(self._store.referrer(
                name, subject, digest).decode('utf-8'))
        except (errors.ObjectNotFoundError, ValueError):
            return None  # removed since, or not what was written
        return found if isinstance(found, dict) else None

    def _tag_names(self, name):
        """Return the names of what may be tags of a repository, a set."""
        names = set(self._store.tags(name))
        names.update(self._images.tag_names(*layout.v1_repository(name)))
        return names

    def _look(self, name, tag):
        """Return the Tag and the Link of a tag, None where there is none."""
        with futures.ThreadPoolExecutor(1) as executor:
            link = executor.submit(self._store.tag_link, name, tag)
            v1_tag = self._images.tag(*(layout.v1_repository(name) + (tag,)))
            if v1_tag is not None and v1_tag.digest is not None:
                v1_tag = None  # made of the link for v1 clients
            return v1_tag, link.result()

    def _convert(self, name, tag, v1_tag):
        namespace, repository = layout.v1_repository(name)
        names = layout.v2_names(namespace, repository)
        digest = self._converter.convert(
            v1_tag.image_id, names, tag,
            lambda: self._images.machine(namespace, repository, tag))
        # Somebody may have pushed meanwhile, by whichever API.
        for each in names:
            found, link = self._look(each, tag)
            if found is not None and found.image_id == v1_tag.image_id and (
                    not is_good(found, link)):
                self._store.put_tag_link(each, tag, digest, v1_tag.image_id)
        return digest

    def _of_blob(self, ask, name, digest, *arguments):
        try:
            return ask(digest, *arguments)
        except errors.ObjectNotFoundError:
            raise _unknown_blob(name, digest)


def is_good(v1_tag, link):
    """Tell whether a link is what a tag names.

    One that a v1 client has given since, also to the same image, is converted
    again: what the link leads to may have been removed with the tag before.

    :param v1_tag: images.Tag, None where there is none
    :param link: store.Link, None where there is none
    """
    if link is None:
        return False
    if v1_tag is None:
        return link.image_id is None
    return link.image_id in (None, v1_tag.image_id) and (
        link.written_at > v1_tag.written_at)


def _first(names, count, is_there):
    """Return the first names that are there, and whether there are more.

    :param count: how many; None is all
    :param is_there: callable of a name
    """
    found = []
    wanted = len(names) if count is None else count + 1
    with futures.ThreadPoolExecutor(_REQUESTS_AT_ONCE) as executor:
        while names and len(found) < wanted:
            batch = names[:min(_REQUESTS_AT_ONCE, wanted - len(found))]
            names = names[len(batch):]
            found += [name for name, there in zip(
                batch, executor.map(is_there, batch)) if there]
    return found[:wanted - (count is not None)], (
        count is not None and len(found) > count)


def _unknown_manifest(name, digest):
    return UnknownError('MANIFEST_UNKNOWN', '%s has no manifest %s' % (
        name, digest))


def _unknown_blob(name, digest):
    return UnknownError('BLOB_UNKNOWN', '%s has no blob %s' % (name, digest))
