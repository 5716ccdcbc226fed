"""Which tags there are, whichever clients have pushed them.

A tag has one truth although both APIs write it; see v2/repositories.py.
"""

import collections
import itertools

from . import stored
from .. import compat
from .. import errors
from ..v2 import layout
from ..v2 import repositories

#: v1: stored.Repository, without files where v1 has none. v2: dict from each
#: name that v2 clients have for it to its tags, a dict from names to when they
#: were written, Unix time.
Repository = collections.namedtuple('Repository', 'v1 v2')
#: repository, v2: those of its Repository; image_id: of the v1 image, None
#: where there is none; digest: of the manifest, None where there is none;
#: apis: ("v1",), ("v2",) or both: whose clients it is stored for. Without
#: image_id and digest it is damaged.
Tag = collections.namedtuple(
    'Tag', 'repository v2 name image_id digest written_at apis')


class Tagged(object):

    """Finds repositories and tags of both APIs.

    Every method raises errors.SwiftError when Swift cannot be asked or fails.

    :param registry: opened.Opened
    :param v1: stored.Stored
    :param v2: stored_v2.StoredV2
    :param ids: dict as for stored.Stored.listed_tag(): the listing is believed
        about which tags of v1 there are, and about those that name one of
        these images; None reads each tag
    """

    def __init__(self, registry, v1, v2, ids=None):
        self._jobs = registry.jobs
        self._stored = v1
        self._stored_v2 = v2
        self._ids = ids

    def repositories(self, pattern=None):
        """Yield the Repository of each that the listing has.

        Those that v2 clients alone have pushed to come last.

        :param pattern: as for stored.Stored.repositories()
        """
        others = {}
        for found in self._listed(pattern):
            name = '/'.join(layout.v1_repository(found.name))
            if found.tags and stored.matches(name, pattern):
                others.setdefault(name, {})[found.name] = found.tags
        for repository in self._stored.repositories(pattern):
            yield Repository(repository, others.pop(repository.name, {}))
        for name in sorted(others):
            yield Repository(stored.Repository(
                name, stored.repository_path(name), {}), others[name])

    def tags(self, found):
        """Yield the Tag of each tag of repositories.

        :param found: iterable of Repository
        """
        # Two steps, for one that waits for the other would need threads of
        # its own.
        for batch in compat.batched(found, stored.BATCH):
            listed = self._jobs.each(self._names, batch)
            for tag in self._jobs.each(
                    self._tag, itertools.chain.from_iterable(listed)):
                if tag is not None:
                    yield tag

    def again(self, tag):
        """Return what a Tag is now, None where it is gone."""
        return self._tag((Repository(tag.repository, tag.v2), tag.name, True))

    def _listed(self, pattern):
        if pattern is None or stored.has_wildcards(pattern):
            return self._stored_v2.repositories()
        names = layout.v2_names(*layout.v1_repository(pattern))
        return itertools.chain.from_iterable(
            self._stored_v2.repositories(name) for name in names)

    def _names(self, repository):
        """Return (repository, name, whether v1 may have it) of each tag."""
        if self._ids is not None:
            v1 = {tag for _, tag in stored.listed_tags(repository.v1.files)}
        else:
            v1 = set(self._stored.tag_names(repository.v1)
                     if repository.v1.files else ())
        return [(repository, name, name in v1)
                for name in sorted(v1.union(*repository.v2.values()))]

    def _tag(self, found):
        repository, name, is_in_v1 = found
        v1 = self._v1_tag(repository, name) if is_in_v1 else None
        try:
            links = [self._stored_v2.store.tag_link(each, name)
                     for each, names in repository.v2.items() if name in names]
        except errors.BrokenObjectError:
            return Tag(
                repository.v1, repository.v2, name, None, None, max(
                    names.get(name, 0) for names in repository.v2.values()),
                ('v2',))
        link = max([each for each in links if each is not None],
                   key=lambda each: each.written_at) if any(links) else None
        own = v1 if v1 is not None and v1.digest is None else None
        if repositories.is_good(own, link):
            shown = own if link.image_id else (
                v1 if v1 is not None and v1.digest == link.digest else None)
            return Tag(
                repository.v1, repository.v2, name, shown and shown.image_id,
                link.digest, (own if link.image_id else link).written_at,
                ('v1', 'v2') if shown else ('v2',))
        return v1 and Tag(repository.v1, repository.v2, name, v1.image_id,
                          None, v1.written_at, ('v1',))

    def _v1_tag(self, repository, name):
        # One that v2 has too may be made of a manifest: the object says so.
        if self._ids is not None and not any(
                name in names for names in repository.v2.values()):
            found = self._stored.listed_tag(repository.v1, name, self._ids)
            if found is not None:
                return found
        return self._stored.tag(repository.v1, name)


def named(tag):
    """Return what a Tag names and others may name too: image_id, digest."""
    return tag.image_id, tag.digest
