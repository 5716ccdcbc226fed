"""What is remembered across requests, so that Swift need not be asked.

Each row is true although several registries write to the container. "Process"
is this process' memory, "Redis" is cache.py, where the registry has one.

==================  ===================  =====================================
What                How long, where      Why that is true
==================  ===================  =====================================
any answer          one HTTP request     It was asked after the request began;
                    (registry/           what the request itself changes is
                    request.py)          forgotten.
json, ancestry:     10 s process,        The same whoever writes them, and
content, and that   Redis as below       whenever: an engine pushes the json
they exist                               that came with the id, byte for byte,
                                         and the ancestry is what the jsons
                                         say. The registry removes neither.
other small files:  1 h (written) or     See cache.py. Redis never tells
content             60 s (read) Redis    whether a path exists.
layer of a          10 s process,        A complete layer does not change, and
complete image:     60 s Redis           Swift has said that the image has no
size, ETag,                              _inprogress. (1)
checksum
that an image is    10 min process       The registry refuses to push a
complete                                 complete image again. (2)
layer as this       10 s process,        The next write of it, through
process wrote it:   60 s Redis           whichever registry with that Redis,
size, ETag,                              drops it first. (3)
checksum
that an image has   1 s process          The registry writes _checksum after
no json, so no                           the json. One that somebody else has
_checksum to                             pushed within that second may as well
remove                                   stay.
_inprogress,        never in the         A push that goes wrong is tried again
_private, tags,     process              at once, and through another
checksums                                registry.
==================  ===================  =====================================

1. Two clients that push one image at the same time, or someone who writes
   past the registry, may still change it. So the layer is read by that ETag,
   and if it is another one, the mark is looked for again. Only a GET uses
   this row, also the GET of a client that wants to know whether to push; a
   PUT gets what Swift says.
2. Used to read an ancestry or a layer, not a json, by which a pushing client
   decides. A push that was under way may put the mark back; the layer is
   nevertheless one that was pushed whole. If there is no layer, the mark is
   looked for again.
3. Counts only for the client that names this checksum to end its push. If
   somebody else has replaced the layer since, this completes the image all
   the same, with the other layer and that one's checksum.

What is removed past the registry is noticed after ten seconds at most, in
Redis after an hour. The layer of an image that is removed so and pushed again
within ten minutes may be read before that push is over. Knows nothing of
Swift.

Source: docker_registry/images.py of docker-registry 0.9.1; graph/push.go of
    the docker engine
"""

import collections
import json
import threading
import time

from . import cache
from . import names
from .objects import small_object

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


class Memory(object):

    """Remember what Swift has said of paths, each for its time."""

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
        """Tell whether a path has content that never goes away."""
        return (names.image_file(path) in _LASTING
                and self.content(path) is not None)

    def stat(self, path):
        """Return the Stat of a complete image's layer, or None."""
        return self._stats.get(path) or _cached_stat(path + _COMPLETE)

    def is_complete(self, path):
        """Tell whether the image of a layer is remembered as complete."""
        return self._complete.get(path) is not None

    def put_complete(self, path):
        """Remember that the image of a layer is complete."""
        self._complete.put(path, True)

    def put_stat(self, path, stat):
        """Remember what Swift has just said of a complete image's layer."""
        self.put_complete(path)
        if stat.etag:
            cache.fill(path + _COMPLETE, json.dumps(stat))
            self._stats.put(path, stat)

    def written(self, path):
        """Return the Stat of a layer as it was last written, or None."""
        return self._written.get(path) or _cached_stat(path + _WRITTEN)

    def put_written(self, path, stat):
        """Remember the Stat of a layer that has just been written."""
        cache.fill(path + _WRITTEN, json.dumps(stat))
        self._written.put(path, stat)

    def put_exists(self, path, exists):
        """Remember whether Swift has just said that a path is there."""
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
        """Tell whether a path is a _checksum whose image has no json."""
        return (names.image_file(path) == '_checksum'
                and self._absent.get(names.beside(path, 'json')) is not None)

    def drop(self, *paths):
        """Forget paths, here and in Redis."""
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
        self.put_exists(path, True)


def _cached_stat(path):
    cached = cache.get(path)
    return cached and small_object.Stat(*json.loads(cached.decode('ascii')))


class _Recent(object):

    """Keep a number of values, each for a while.

    :param seconds: for how long
    :param count: how many at most, the last ones
    """

    def __init__(self, seconds, count):
        self._seconds = seconds
        self._count = count
        self._entries = collections.OrderedDict()
        # Held for a moment and never while waiting, so it does not matter
        # whether gevent has patched it.
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
