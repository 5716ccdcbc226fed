"""Finds segments that no manifest refers to.

They are what is left of pushes whose registry was killed, or that Swift did
not let undo. Removes nothing.
"""

import itertools
import time

from . import small_object
from .. import compat
from .. import errors
from .. import names
from ..client import listing


class Orphans(object):

    """The orphaned segments of a container.

    :param values: settings.Settings
    :param swift_container: container.Container
    """

    def __init__(self, values, swift_container):
        self._container = swift_container
        self._small_objects = small_object.SmallObjects(
            values, swift_container)

    def names(self, prefix, age_seconds):
        """Yield the names of segments that no manifest refers to.

        :param prefix, age_seconds: as for entries()
        """
        for entry in self.entries(prefix, age_seconds):
            yield entry['name']

    def entries(self, prefix, age_seconds):
        """Yield what the listing says of segments without a manifest.

        :param prefix: what the names of their objects begin with
        :param age_seconds: how long ago the last segment of their upload was
            written, at least, by Swift's clock; those of pushes in flight are
            younger. None is any age.
        :returns: iterator over dicts, as for Container.list()
        :raises errors.SwiftError: Swift cannot be asked
        """
        now = None
        listed = self._container.list(names.segments_prefix(prefix))
        for _, upload in itertools.groupby(
                listed, lambda entry: entry['name'].rsplit('/', 1)[0]):
            upload = list(upload)
            if age_seconds is not None:
                if now is None:
                    now = self._container.clock() or time.time()
                newest = max(listing.written_at(entry) for entry in upload)
                if now - newest < age_seconds:
                    continue
            in_use = self._in_use([entry['name'] for entry in upload])
            for entry in upload:
                if entry['name'] not in in_use:
                    yield entry

    def _in_use(self, segments):
        """Return which of the segments of one upload must stay, a set.

        :param segments: list of names, and of the other objects beside them
        """
        owners = list(filter(names.is_owner_name, segments))
        if not owners:
            in_use = self._segments_of(names.segmented_object(segments[0]))
            if in_use:
                return in_use
            # It may be there, and the listing lag behind.
            owners = [names.owner_name(segments[0])]
        in_use = set()
        for owner in owners:
            try:
                object_name = compat.native(self._small_objects.read(owner))
            except errors.ObjectNotFoundError:
                continue
            found = self._segments_of(object_name)
            in_use.update(found)
            if found.intersection(segments):
                in_use.add(owner)
        return in_use

    def _segments_of(self, object_name):
        """Return the names of the segments of an object, a set."""
        try:
            return set(self._container.get_manifest(object_name))
        except errors.ObjectNotFoundError:
            return set()
