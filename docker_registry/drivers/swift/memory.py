"""What is remembered across requests, so that Swift need not be asked again.

Only what does not change: docs/architecture.rst has the table of it, and why
each is true. Everything else, and whether anything is there at all, is asked
of Swift each time. Kept in this process, and in the registry's Redis where it
has one, which several registries may share. Knows nothing of HTTP.
"""

import collections
import json
import threading

from . import cache
from . import compat
from . import names
from .objects import small_object

#: Which of an image's files, and for how many seconds: their contents, of the
#: layer its Stat.
_SECONDS = {'json': 600, 'ancestry': 600, 'layer': 60}
#: Most contents are smaller; a process keeps so many of them.
_CONTENT_BYTES = 16 * 1024
_COUNT = 256


class Memory(object):

    """Remember what Swift has said of paths, each for its time.

    :param find_url: callable of a path that returns the URL of its object, or
        None where that is not known yet
    """

    def __init__(self, find_url):
        self._cache = cache.Cache(find_url)
        self._recent = _Recent(_COUNT)

    def content(self, path):
        """Return the content of an image's json or ancestry, or None."""
        content = self._recent.get(path)
        return self._cache.get(path) if content is None else content

    def put_content(self, path, content):
        """Remember what has just been written, of a json or ancestry."""
        if (names.image_file(path) in ('json', 'ancestry')
                and len(content) <= _CONTENT_BYTES):
            self._put(path, content)

    def stat(self, path):
        """Return the Stat of a complete image's layer, or None."""
        content = self.content(path)
        return content and small_object.Stat(*json.loads(
            content.decode('ascii')))

    def put_stat(self, path, stat):
        """Remember what Swift has just said of a complete image's layer."""
        if stat.etag:
            self._put(path, json.dumps(stat).encode('ascii'))

    def drop(self, *paths):
        """Forget what has changed or is gone."""
        kept = [path for path in paths if names.image_file(path) in _SECONDS]
        for path in kept:
            self._recent.drop(path)
        if kept:
            self._cache.drop(kept)

    def _put(self, path, content):
        seconds = _SECONDS[names.image_file(path)]
        self._recent.put(path, content, seconds)
        self._cache.put(path, content, seconds)


class _Recent(object):

    """Keep a number of values, each for a while.

    :param count: how many at most, the last ones
    """

    def __init__(self, count):
        self._count = count
        self._entries = collections.OrderedDict()
        # Held for a moment and never while waiting, so it does not matter
        # whether gevent has patched it.
        self._lock = threading.Lock()

    def get(self, path):
        value, until = self._entries.get(path, (None, 0))
        return value if compat.monotonic() < until else None

    def put(self, path, value, seconds):
        with self._lock:
            self._entries.pop(path, None)
            self._entries[path] = value, compat.monotonic() + seconds
            while len(self._entries) > self._count:
                self._entries.popitem(last=False)

    def drop(self, path):
        with self._lock:
            self._entries.pop(path, None)
