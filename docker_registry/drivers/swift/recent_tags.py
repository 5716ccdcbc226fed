"""Notes of the tags that the container's listing may not show yet.

Swift answers for an object as soon as it is written, but lists it later: a
moment later as a rule, minutes where a container server was away or slow. The
registry finds the tags of a repository by listing it, and what was pushed has
to be there for a pull at once, from any registry. So the names of tags that
were written lately are noted in an object beside them.

Swift cannot append to an object: a writer reads the notes, adds to them and
writes them back, which drops what another writer has added in between. So a
writer first finds out whether it is the only one: it announces itself, looks
whether another one is writing, says that it is writing, and looks whether
another one has announced itself since. The only one writes at once; that is
the usual case. Of several, each waits two seconds, in which all of them see
that there are several, writes, waits again, and looks whether its note is
there. A note can be lost only where Swift takes longer than two seconds for
one of these small objects. A note that cannot be written fails no push.

Knows nothing of how contents are read or written.

Source: L. Lamport, A Fast Mutual Exclusion Algorithm, ACM Transactions on
    Computer Systems 5, 1987, of which this has the part that takes no waiting
"""

import collections
import json
import logging
import random
import re
import threading
import time
import uuid

from . import compat
from . import errors
from . import per_process

#: Names of objects beside the tags, which the registry ignores: the notes, the
#: writer that has announced itself last, the writer that is writing them.
NOTES = '_recent_tags'
_ANNOUNCED, _WRITING = NOTES + '_announced', NOTES + '_writing'
OWN = (NOTES, _ANNOUNCED, _WRITING)

#: The other files that a repository may have.
#: Source: the path helpers in docker_registry/core/driver.py, which also name
#: the tags
_OTHERS = OWN + ('json', '_images_list', '_index_images', '_private')
_REPOSITORY = r'(repositories/[^/]+/[^/]+)'
#: As the registry quotes the names of tags, ASCII.
_NAME = r'tag_[!-.0-~]+\Z'
_TAG = re.compile('%s/(%s)' % (_REPOSITORY, _NAME))
_KEPT_SECONDS = 7 * 86400
#: A tag with a note of this age at most is not noted again.
_FRESH_SECONDS = 86400
_KEPT_NOTES = 1000

#: How long a writer may take to find out that it is the only one and to write.
_WRITE_SECONDS = 2
#: How many times _WRITE_SECONDS the sign of several writers (_WRITING) counts,
#: and after how many of them a waiting writer writes it anew.
_SIGN_TIMES, _REPLACED_TIMES = 6, 3
_ATTEMPTS = 20
#: Of this process, so that the tags of other repositories seldom wait.
_LOCKS = 64

logger = logging.getLogger(__name__)


class RecentTags(object):

    """Note which tags have been written lately.

    :param read: callable that returns the content of a path as bytes, as it is
        in Swift, and what time it is there, Unix time, or None
    :param write: callable that writes content, bytes, to a path
    :param remove: callable that removes a path
    :param age: callable that returns how many seconds ago a path was written,
        by Swift's clock
    """

    def __init__(self, read, write, remove, age):
        self._read = read
        self._write = write
        self._remove = remove
        self._age = age
        #: How far the clock of Swift is ahead of that of this host, which may
        #: be wrong by days: notes of others would be dropped as too old.
        self._ahead_seconds = 0
        self._waiting = per_process.PerProcess(_Waiting)

    def written(self, path):
        """Note that a path has been written, if it is a tag's."""
        tag = _TAG.match(path.strip('/'))
        if not tag:
            return
        directory, name = tag.groups()
        try:
            if self._has(directory, [name]):
                return
            waiting = self._waiting.get()
            waiting.add(directory, name)
            with waiting.lock(directory):
                if waiting.has(directory, name):  # not noted by another
                    self._add(directory, waiting)
        except errors.SwiftError as error:
            logger.warning('%s: tags are written, but not noted: %s',
                           directory, error)

    def drop(self, directory, paths):
        """Drop the notes of absent tags, if this is the only writer.

        Afterwards one of them may be there again: it was noted when it was
        written, and is to be noted anew.

        :returns: whether they are dropped
        """
        directory = directory.strip('/')
        try:
            with self._waiting.get().lock(directory):
                began = compat.monotonic()
                if not self._is_alone(directory, _new_name()):
                    return False
                is_dropped = self._change(
                    directory, began, (),
                    [path.rsplit('/', 1)[-1] for path in paths])
                self._remove_if_there(directory, _WRITING)
                return is_dropped
        except errors.SwiftError as error:
            logger.warning('notes of absent tags in %s are not dropped: %s',
                           directory, error)
            return False

    def paths(self, directory):
        """Return the tags of a repository that were written lately.

        Some may have been removed since.

        :param directory: a path; one that is no repository has no tags
        :returns: set of paths
        :raises errors.SwiftError: Swift cannot be asked
        """
        if not _is_repository(directory):
            return set()
        directory = directory.strip('/')
        return {'%s/%s' % (directory, name)
                for name in self._notes(directory)}

    def unlisted(self, directory):
        """Return what a repository may have although nothing lists it.

        :param directory: a path; one that is no repository has nothing
        :returns: set of paths
        """
        if not _is_repository(directory):
            return set()
        directory = directory.strip('/')
        names = set(_OTHERS)
        for name in self._notes(directory):
            names |= {name, 'tag%s_json' % name[len('tag_'):]}
        return {'%s/%s' % (directory, name) for name in names}

    def _has(self, directory, names):
        """Tell whether names are noted, and not for long."""
        notes = self._notes(directory)
        oldest = self._clock() - _FRESH_SECONDS
        return all(notes.get(name, 0) > oldest for name in names)

    def _add(self, directory, waiting):
        names = set()

        def change(began):
            # With those that have come meanwhile.
            names.update(waiting.take(directory))
            return self._change(directory, began, names)
        own = _new_name()
        began = compat.monotonic()
        if (self._is_alone(directory, own) and change(began)
                and compat.monotonic() - began < _WRITE_SECONDS):
            self._remove_if_there(directory, _WRITING)
            return
        for _ in range(_ATTEMPTS):
            if self._change_among_others(directory, own, change):
                time.sleep(_WRITE_SECONDS)
                if self._has(directory, names):
                    return
        logger.warning('%s: too many write notes; the tags %s may be missing '
                       'until they are listed', directory,
                       ', '.join(sorted(names)))

    def _is_alone(self, directory, own):
        """Tell whether this is the only writer, for _WRITE_SECONDS.

        If so, _WRITING is there until it is removed; if not, it is there as
        a sign that there are several.
        """
        self._write('%s/%s' % (directory, _ANNOUNCED), own)
        age = self._sign_age(directory)
        if age is not None and age < _SIGN_TIMES * _WRITE_SECONDS:
            return False
        self._write('%s/%s' % (directory, _WRITING), own)
        return self._read_if_there(directory, _ANNOUNCED) == own

    def _change_among_others(self, directory, own, change):
        """Change the notes while others may write them, too.

        :param change: callable of the time when others were looked for
        :returns: whether they are written; others may drop that yet
        """
        sign = self._read_if_there(directory, _WRITING)
        # Not all at the same time.
        time.sleep(_WRITE_SECONDS * (1 + random.random()))
        age = self._sign_age(directory)
        if age is None or age > _REPLACED_TIMES * _WRITE_SECONDS:
            self._write('%s/%s' % (directory, _WRITING), own)
            return False
        # A writer that is the only one may just have begun.
        return (self._read_if_there(directory, _WRITING) == sign
                and change(compat.monotonic()))

    def _change(self, directory, began, added, dropped=()):
        """Write the notes anew.

        :param began: compat.monotonic() when others were last looked for
        :returns: False if it is too late for that
        """
        notes = self._notes(directory)
        if compat.monotonic() - began > _WRITE_SECONDS:
            return False
        notes.update(dict.fromkeys(added, self._clock()))
        for name in dropped:
            notes.pop(name, None)
        oldest = self._clock() - _KEPT_SECONDS
        newest_first = sorted(notes.items(), key=lambda note: -note[1])
        kept = {name: written_at for name, written_at
                in newest_first[:_KEPT_NOTES] if written_at > oldest}
        if kept:
            self._write('%s/%s' % (directory, NOTES),
                        json.dumps(kept).encode('ascii'))
        else:
            self._remove_if_there(directory, NOTES)
            self._remove_if_there(directory, _ANNOUNCED)
        return True

    def _notes(self, directory):
        content = self._read_if_there(directory, NOTES)
        if content is None:
            return {}
        try:
            notes = json.loads(content.decode('utf-8'))
            # One of another version may have other things in it.
            return {name: float(written_at)
                    for name, written_at in notes.items()
                    if re.match(_NAME, name)}
        except (ArithmeticError, AttributeError, RuntimeError, TypeError,
                ValueError):
            pass
        logger.warning('%s/%s is not what was written; left out', directory,
                       NOTES)
        return {}

    def _sign_age(self, directory):
        """Return how old _WRITING is in seconds; None if it is not there."""
        try:
            return self._age('%s/%s' % (directory, _WRITING))
        except errors.ObjectNotFoundError:
            return None

    def _read_if_there(self, directory, name):
        try:
            content, now = self._read('%s/%s' % (directory, name))
        except errors.ObjectNotFoundError:
            return None
        if now is not None:
            self._ahead_seconds = now - time.time()
        return content

    def _clock(self):
        """Return Unix time by the clock of Swift, as far as it is known."""
        return time.time() + self._ahead_seconds

    def _remove_if_there(self, directory, name):
        try:
            self._remove('%s/%s' % (directory, name))
        except errors.ObjectNotFoundError:
            pass


class _Waiting(object):

    """Names that threads of one process wait to note; one writes them all."""

    def __init__(self):
        self._locks = [threading.Lock() for _ in range(_LOCKS)]
        self._names = collections.defaultdict(set)
        self._names_lock = threading.Lock()  # held for a moment

    def lock(self, directory):
        """Return the lock that a writer of a directory's notes holds."""
        return self._locks[hash(directory) % _LOCKS]

    def add(self, directory, name):
        with self._names_lock:
            self._names[directory].add(name)

    def has(self, directory, name):
        """Tell whether a name still waits."""
        with self._names_lock:
            return name in self._names.get(directory, ())

    def take(self, directory):
        """Return the names that wait, once."""
        with self._names_lock:
            return self._names.pop(directory, ())


def _new_name():
    """Return a name that no other writer has, as bytes."""
    return uuid.uuid4().hex.encode('ascii')


def _is_repository(path):
    return bool(re.match(_REPOSITORY + '$', (path or '').strip('/')))
