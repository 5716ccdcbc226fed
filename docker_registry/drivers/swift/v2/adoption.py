"""v1 images and tags of what v2 clients have pushed.

Made when a v1 client asks, once; no byte of a layer is stored twice. A v1 tag
that was made so says of which digest, and counts no more than the v2 tag that
it was made of. Knows nothing of HTTP.
"""

from concurrent import futures
import json
import logging

from . import ancestries
from . import conversion
from . import images
from . import layout
from . import store
from .. import errors

_REQUESTS_AT_ONCE = 16
#: The end of a tar archive: a layer with nothing in it.
_EMPTY = 1024 * b'\0'

logger = logging.getLogger(__name__)


def in_container(values, swift_container):
    """Return the Adoption of a container.

    :param values: settings.Settings
    :param swift_container: container.Container
    """
    return Adoption(images.Images(values, swift_container),
                    store.Store(values, swift_container),
                    swift_container.waits.carry)


class Adoption(object):

    """Shows to v1 clients what v2 clients have pushed.

    Every method raises errors.SwiftError when Swift cannot be asked or fails.

    :param v1: images.Images
    :param v2: store.Store
    :param carry: callable of a function that returns one which other threads
        may call: they wait for Swift as the caller does
    """

    def __init__(self, v1, v2, carry):
        self._images = v1
        self._store = v2
        self._carry = carry
        self._said = set()

    def refresh(self, namespace, repository, tag=None):
        """Make the v1 tags of a repository that v2 clients have pushed since.

        :param tag: this one alone; None is all
        """
        names = layout.v2_names(namespace, repository)
        if tag is None:
            tags = sorted({found for name in names
                           for found in self._store.tags(name)
                           if layout.is_tag(found)})
        else:
            tags = [tag] if layout.is_tag(tag) else []
        with futures.ThreadPoolExecutor(_REQUESTS_AT_ONCE) as executor:
            made = list(executor.map(self._carry(lambda each: self._refresh(
                namespace, repository, names, each)), tags))
        if any(made):
            self._images.put_index(namespace, repository)

    def seen(self, namespace, repository, tag=None):
        """Return which v2 tags a v1 client knows by the v1 tags.

        Also what older ones there are of the same name. Not those that v1
        clients cannot read, where they are newer.

        :param tag: this one alone; None is all
        :returns: list of pairs of a v2 name and a tag
        """
        found = []
        for name in layout.v2_names(namespace, repository):
            tags = [tag] if tag is not None else self._store.tags(name)
            for each in filter(layout.is_tag, tags):
                link = self._link(name, each)
                v1_tag = self._images.tag(namespace, repository, each)
                if link is not None and v1_tag is not None and (
                        link.digest == v1_tag.digest
                        or link.written_at < v1_tag.written_at):
                    found.append((name, each))
        return found

    def remove(self, tags):
        """Remove v2 tags, whose v1 tags a v1 client has removed.

        :param tags: what seen() has returned before
        """
        for name, tag in tags:
            self._store.remove_tag_link(name, tag)

    def _refresh(self, namespace, repository, names, tag):
        """Make a v1 tag; return whether there was something to do."""
        found = [(link.written_at, link, name) for link, name in [
            (self._link(name, tag), name) for name in names]
            if link is not None]
        if not found:
            return False
        _, link, name = max(found, key=lambda each: each[0])
        v1_tag = self._images.tag(namespace, repository, tag)
        if link.image_id is not None or v1_tag is not None and (
                v1_tag.digest == link.digest or v1_tag.digest is None
                and v1_tag.written_at > link.written_at):
            return False
        try:
            image_id = self._adopt(name, link.digest)
        except (ancestries.UnreadableError, errors.BrokenObjectError,
                errors.ObjectNotFoundError) as error:
            self._say(name, tag, link.digest, error)
            return False
        self._images.put_tag(namespace, repository, tag, images.Tag(
            image_id, link.written_at, link.digest))
        return True

    def _link(self, name, tag):
        """Return the store.Link of a v2 tag; None where it is damaged, too.

        One that is damaged keeps nobody from the other tags.
        """
        try:
            return self._store.tag_link(name, tag)
        except errors.BrokenObjectError as error:
            self._say(name, tag, None, error)
            return None

    def _say(self, name, tag, digest, error):
        """Log once why v1 clients do not see a tag."""
        if (name, tag, digest) not in self._said:
            self._said.add((name, tag, digest))
            logger.warning('v1 clients do not see %s:%s: %s', name, tag,
                           error)

    def _adopt(self, name, digest):
        """Make the v1 images of a manifest; return the id of the topmost."""
        content = self._store.manifest(digest)
        chosen = ancestries.choose(content)
        if chosen is not None:
            content = self._store.manifest(chosen)
        config, layers = ancestries.parse(content)
        made = ancestries.convert(self._store.manifest(config), layers,
                                  digest)
        with futures.ThreadPoolExecutor(_REQUESTS_AT_ONCE) as executor:
            list(executor.map(self._carry(self._put), made))
        # Whoever gives the image another tag by v1 gives it this manifest.
        try:
            self._images.put_record(made[-1].id, images.Record(
                digest, config, sorted(set(layers))), only_new=True)
        except errors.ObjectExistsError:
            pass
        return made[-1].id

    def _put(self, image):
        target, is_there = self._images.place(image.id)
        if is_there:
            return
        if image.layer is None:
            self._images.put_new(target, _EMPTY, conversion.digest(_EMPTY))
        else:
            self._store.share_blob(image.layer, target)
        self._images.put_files(image.id, json.dumps(image.ancestry).encode(
            'ascii'), image.json)
