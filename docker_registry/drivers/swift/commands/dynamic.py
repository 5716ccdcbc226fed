"""Finds and removes segments of registry:2 that no manifest refers to.

registry:2 writes dynamic large objects: a manifest names what the names of its
segments begin with. It is that of an upload first, and then that of the blob,
with the same segments; so these go only when neither is there.

Source: registry/storage/driver/swift/swift.go of distribution 2.8.2
"""

import hashlib
import itertools
import re
import time

from . import removal
from .. import compat
from .. import errors
from .. import names
from ..client import listing
from ..v2 import layout

#: What follows the prefix of all segments. Others may have what begins so.
_SEGMENT = re.compile('[0-9a-f]{3}/[0-9a-f]+/[0-9]{16}\\Z')


class Segments(object):

    """Segments that registry:2 has left when it was killed.

    Holds a hundred bytes for each dynamic large object, and some hundred for
    each segment that is to go.

    :param registry: opened.Opened
    :param is_given_up: callable that tells of Unix time in seconds whether an
        upload that has written last then is given up
    """

    def __init__(self, registry, is_given_up):
        self._registry = registry
        self._container = registry.container
        self._is_given_up = is_given_up
        self._layout = layout.Layout(registry.settings.root)

    def find(self):
        """Yield what the listing says of each, those of one object together.
        """
        in_use = None
        for prefix, group in itertools.groupby(
                self._listed(), lambda entry: _prefix(entry['name'])):
            group = list(group)
            if not self._is_given_up(max(map(listing.written_at, group))):
                continue
            if in_use is None:
                in_use = self._in_use()
            if _key(prefix) not in in_use:
                for entry in group:
                    yield entry

    def remove(self, found):
        """Remove what find() has yielded; yield those that are gone.

        After a second look at the manifests.

        :param found: iterable
        """
        found = list(found)
        if not found:
            return
        time.sleep(removal.SETTLE_SECONDS)
        in_use = self._in_use()
        gone = [entry for entry in found
                if _key(_prefix(entry['name'])) not in in_use]
        self._container.delete_all(entry['name'] for entry in gone)
        for entry in gone:
            yield entry

    def _listed(self):
        begin = self._layout.segments_prefix()
        return (entry for entry in self._container.list(begin)
                if _SEGMENT.match(entry['name'][len(begin):]))

    def _in_use(self):
        """Return the _key() of each prefix that a manifest has, a set."""
        # In this order: an upload goes when its blob is there. The last are
        # those that removal_v2.py has taken away for now.
        prefixes = (self._layout.repository_prefix(),
                    self._layout.blobs_prefix(),
                    names.segments_prefix(self._layout.blobs_prefix()))
        # In the listing a manifest has no bytes.
        empty = (entry['name'] for prefix in prefixes
                 for entry in self._container.list(prefix)
                 if not entry['bytes'])
        return set(self._registry.jobs.each(self._manifest, empty))

    def _manifest(self, name):
        try:
            headers = self._container.head(name)
        except errors.ObjectNotFoundError:
            return None
        _, _, prefix = headers.get('x-object-manifest', '').partition('/')
        return _key(prefix.rstrip('/'))


def _prefix(name):
    """Return what the names of all segments of an object begin with."""
    return name.rsplit('/', 1)[0]


def _key(prefix):
    """Return what is held of a prefix, which has three hundred letters."""
    return hashlib.md5(compat.encoded(prefix)).digest()
