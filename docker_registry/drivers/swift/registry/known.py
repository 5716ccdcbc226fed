"""What need not be asked of Swift, for it is known: in the process for a
while, and in Redis where the registry has one.

Why each answer is true although several registries write:

- An image's json and ancestry are the same whoever writes them, and whenever:
  an engine pushes the json that came with the id, byte for byte, and the
  ancestry is what the jsons say. The registry removes neither. So their
  contents are kept, and that they exist.
- A complete layer does not change. So its size, checksum and ETag are kept
  when Swift has said that its image is not in progress. Two clients that push
  one image at the same time, or who goes past the registry, may change it yet;
  so it is read by that ETag, and if it is another one the mark is looked for
  again. Only a GET goes by that, also that of who wants to know whether to
  push; a PUT is told what Swift says.
- An image that was complete stays so, for the registry refuses to push it
  again. That is kept for ten minutes, for who reads its ancestry or its layer;
  not for its json, by which who pushes goes. A push that was under way may put
  the mark back; the layer is one that was pushed whole all the same. If there
  is none, the mark is looked for again.
- What a layer was last written with is known for ten seconds to the process
  that wrote it, and in Redis for a minute, unless the next write of it, there
  through whichever registry, drops it first. It counts only for who names its
  checksum, to end a push. If somebody else has replaced the layer since, that
  completes the image all the same, which has the other layer with that one's
  checksum.
- Without a json there is no checksum to be removed, for the registry writes it
  after the json; and that of somebody else who has pushed the image in the
  second since may as well stay.
- All else, `_inprogress`, `_private`, tags and checksums above all, is never
  kept in the process: a push that goes wrong is tried again at once, and
  through another registry. Redis gives contents of such paths, see cache.py,
  but does not tell whether they exist.

What is removed past the registry is seen for ten seconds at most, of Redis an
hour. The layer of an image that is removed so, and pushed again within ten
minutes of that, may be read before that push is over. Knows nothing of Swift.

Source: docker_registry/images.py; graph/push.go of the docker engine
"""

import collections
import json
import threading
import time

from . import cache
from .. import names

_LASTING = ('json', 'ancestry')
_COUNT = 256
_CONTENT_BYTES = 16 * 1024
_CONTENT_SECONDS = 10
_STAT_SECONDS = 10
_WRITTEN_SECONDS = 10
_ABSENT_SECONDS = 1
_COMPLETE_SECONDS = 600
#: Of these little has to be kept.
_COMPLETE_COUNT = 4096
#: Beside a layer's path in Redis: its Stat as that of a complete image, and as
#: who has written it knows it.
_COMPLETE, _WRITTEN = '#complete', '#written'

#: What HEAD says of an object: its size in bytes; its ETag without quotes, ''
#: where it says little of the content or GET does not heed it; and of a layer
#: the checksum that it was pushed with, as text, or None.
Stat = collections.namedtuple('Stat', 'size_bytes etag checksum')


class Known(object):

    """What is known of paths; forgets in time."""

    def __init__(self):
        self._contents = _Recent(_CONTENT_SECONDS, _COUNT)
        self._stats = _Recent(_STAT_SECONDS, _COUNT)
        self._written = _Recent(_WRITTEN_SECONDS, _COUNT)
        self._absent = _Recent(_ABSENT_SECONDS, _COUNT)
        self._complete = _Recent(_COMPLETE_SECONDS, _COMPLETE_COUNT)

    def content(self, path):
        """Return the content of a path as bytes, or None."""
        content = self._contents.get(path)
        return cache.get(path) if content is None else content

    def put_content(self, path, content):
        """Remember what has just been written."""
        cache.put(path, content)
        self._keep(path, content)

    def fill_content(self, path, content):
        """Remember what has just been read."""
        cache.fill(path, content)
        self._keep(path, content)

    def exists(self, path):
        """Tell whether a path is known to have content, and to keep it."""
        return (names.image_file(path) in _LASTING
                and self.content(path) is not None)

    def stat(self, path):
        """Return the Stat of a complete image's layer, None if not known."""
        return self._stats.get(path) or _cached_stat(path + _COMPLETE)

    def is_complete(self, path):
        """Tell whether the image of a layer is known to be complete."""
        return self._complete.get(path) is not None

    def completed(self, path):
        """Remember that the image of a layer is complete."""
        self._complete.put(path, True)

    def fill_stat(self, path, stat):
        """Remember what Swift has just said of a complete image's layer."""
        self.completed(path)
        if stat.etag:
            cache.fill(path + _COMPLETE, json.dumps(stat))
            self._stats.put(path, stat)

    def written(self, path):
        """Return the Stat of a layer as it was last written, or None."""
        return self._written.get(path) or _cached_stat(path + _WRITTEN)

    def fill_written(self, path, stat):
        """Remember the Stat of a layer that has just been written."""
        cache.fill(path + _WRITTEN, json.dumps(stat))
        self._written.put(path, stat)

    def note(self, path, exists):
        """Note whether Swift has just said that a path is there."""
        kind = names.image_file(path)
        if kind == 'json':
            if exists:
                self._absent.drop(path)
            else:
                self._absent.put(path, True)
        elif kind == '_inprogress' and exists:
            self.drop(names.beside(path, 'layer'))
        elif kind == 'layer' and not exists:
            self.drop(path)

    def is_absent(self, path):
        """Tell whether a path cannot be there, for what it needs is not."""
        return (names.image_file(path) == '_checksum'
                and self._absent.get(names.beside(path, 'json')) is not None)

    def drop(self, *paths):
        """Forget paths."""
        cache.drop(*[path + suffix for path in paths
                     for suffix in ('', _COMPLETE, _WRITTEN)])
        for path in paths:
            for recent in (self._contents, self._stats, self._written,
                           self._absent, self._complete):
                recent.drop(path)

    def _keep(self, path, content):
        if (names.image_file(path) in _LASTING
                and len(content) <= _CONTENT_BYTES):
            self._contents.put(path, content)
        self.note(path, True)


def _cached_stat(path):
    cached = cache.get(path)
    return cached and Stat(*json.loads(cached.decode('ascii')))


class _Recent(object):

    """A number of values, each for a while.

    :param seconds: for how long
    :param count: how many at most, the last ones
    """

    def __init__(self, seconds, count):
        self._seconds = seconds
        self._count = count
        self._entries = collections.OrderedDict()
        # Held for a moment and never while waiting for anything, so that it
        # matters to nobody whether gevent has patched it.
        self._lock = threading.Lock()

    def get(self, path):
        value, until = self._entries.get(path, (None, 0))
        # A clock that was set back must not make it last.
        return value if 0 < until - time.time() <= self._seconds else None

    def put(self, path, value):
        with self._lock:
            self._entries.pop(path, None)
            self._entries[path] = value, time.time() + self._seconds
            while len(self._entries) > self._count:
                self._entries.popitem(last=False)

    def drop(self, path):
        with self._lock:
            self._entries.pop(path, None)
