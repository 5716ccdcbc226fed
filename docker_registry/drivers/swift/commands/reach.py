"""Finds out which images are needed: by tags, by others, by v2 blobs."""

from . import output
from . import stored
from .. import errors
from .. import image_files
from .. import names
from ..v2 import layout


class Reach(object):

    """Which images are reached.

    Holds a hundred bytes or two for each image. What an image is made of does
    not change, and is read once; tags are read each time.

    :param registry: opened.Opened
    """

    def __init__(self, registry):
        self._registry = registry
        self._stored = stored.Stored(registry)
        self._below = {}
        self._ids = {}

    def tagged(self):
        """Return the ids of all images that a tag reaches now, a set."""
        with output.Progress('tags') as progress:
            tags = progress.count(
                self._stored.tags(self._stored.repositories()))
            return self.below(tag.image_id for tag in tags
                              if names.is_image_id(tag.image_id))

    def below(self, image_ids):
        """Return images and all that are below them, a set of ids.

        Of a damaged image it is what can still be read of it.

        :param image_ids: iterable of ids
        """
        found = set()
        for below in self._registry.jobs.each(self._read, image_ids):
            found.update(below)
        return found

    def used_by_blobs(self):
        """Return the names of objects that v2 blobs have as segments, a set.

        A blob of v2 may be a large object whose only segment is a v1 layer.
        """
        blobs = (entry['name'] for entry in self._registry.container.list(
            layout.Layout(self._registry.settings.root).blobs_prefix()))
        found = set()
        for segments in self._registry.jobs.each(self._segments, blobs):
            found.update(segments)
        return found

    def _segments(self, object_name):
        try:
            return self._registry.container.get_manifest(object_name)
        except errors.ObjectNotFoundError:
            return []

    def _read(self, image_id):
        below = self._below.get(image_id)
        if below is None:
            try:
                # The same text once, in however many ancestries it is.
                below = tuple(
                    self._ids.setdefault(each, each)
                    for each in self._stored.ancestry(image_id))
            except (errors.ObjectNotFoundError, image_files.UnreadableError):
                return self._parents(image_id)
            self._below[image_id] = below
        return below

    def _parents(self, image_id):
        """Return an image and those below it as their jsons have it."""
        found = []
        while image_id is not None and image_id not in found:
            found.append(image_id)
            try:
                image_id = self._stored.parent(image_id)
            except (errors.ObjectNotFoundError, image_files.UnreadableError):
                break
        return found
