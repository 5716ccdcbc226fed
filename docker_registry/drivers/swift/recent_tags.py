"""Notes of the tags that the container's listing may not show yet.

Swift answers for an object as soon as it is written, but lists it later: a
moment later as a rule, minutes where a container server was away or slow. The
registry finds the tags of a repository by listing it, and what was pushed has
to be there for a pull at once, from any registry. So the names of tags that
were written lately are noted in an object beside them.

A note that cannot be written fails no push. When two registries write notes
in the same moment, one note may be lost although each reads its own again;
that tag then shows when the listing has it. Knows nothing of how contents are
read or written.
"""

import json
import logging
import re
import time

from . import errors

#: Name of the object beside the tags; the registry takes no notice of it.
NOTES = '_recent_tags'

#: The other files that a repository may have.
#: Source: the path helpers in docker_registry/core/driver.py, which also name
#: the tags
_OTHERS = (NOTES, 'json', '_images_list', '_index_images', '_private')
_REPOSITORY = r'(repositories/[^/]+/[^/]+)'
_TAG = re.compile(_REPOSITORY + r'/(tag_[^/]+)$')
_KEPT_SECONDS = 7 * 86400
#: A tag with a note of this age at most is not noted again.
_FRESH_SECONDS = 86400
_KEPT_NOTES = 1000
_ATTEMPTS = 3

logger = logging.getLogger(__name__)


class RecentTags(object):

    """Note which tags have been written lately.

    :param read: callable that returns the content of a path as bytes, as it
        is in Swift
    :param write: callable that writes content, bytes, to a path
    :param remove: callable that removes a path
    """

    def __init__(self, read, write, remove):
        self._read = read
        self._write = write
        self._remove = remove

    def written(self, path):
        """Note that a path has been written, if it is a tag's."""
        self._change(path, _add)

    def removed(self, path):
        """Drop the note of a path that has been removed, if there is one."""
        self._change(path, _drop)

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

    def _change(self, path, change):
        """Change the notes beside a tag.

        :param change: _add or _drop
        """
        tag = _TAG.match(path.strip('/'))
        if not tag:
            return
        directory, name = tag.groups()
        try:
            # Read again after each write: another registry's notes may have
            # replaced it.
            for _ in range(_ATTEMPTS):
                notes = self._notes(directory)
                if not change(notes, name):
                    return
                self._replace(directory, notes)
        except errors.SwiftError as error:
            logger.warning('%s is changed, but not noted: %s', path, error)

    def _notes(self, directory):
        try:
            content = self._read('%s/%s' % (directory, NOTES))
        except errors.ObjectNotFoundError:
            return {}
        try:
            notes = json.loads(content.decode('utf-8'))
            return {name: float(written_at)
                    for name, written_at in notes.items()}
        except (AttributeError, TypeError, ValueError):
            pass
        logger.warning('%s/%s is not what was written; left out', directory,
                       NOTES)
        return {}

    def _replace(self, directory, notes):
        path = '%s/%s' % (directory, NOTES)
        oldest = time.time() - _KEPT_SECONDS
        newest_first = sorted(notes.items(), key=lambda note: -note[1])
        kept = {name: written_at for name, written_at
                in newest_first[:_KEPT_NOTES] if written_at > oldest}
        if kept:
            self._write(path, json.dumps(kept).encode('ascii'))
        else:
            self._remove(path)


def _is_repository(path):
    return bool(re.match(_REPOSITORY + '$', (path or '').strip('/')))


def _add(notes, name):
    """Note a name; return whether that has changed the notes."""
    now = time.time()
    if now - notes.get(name, 0) < _FRESH_SECONDS:
        return False
    notes[name] = now
    return True


def _drop(notes, name):
    """Drop a name; return whether that has changed the notes."""
    return notes.pop(name, None) is not None
