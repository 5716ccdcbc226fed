"""What a registry has in its container, by its paths.

Builds what reads and writes it: the storage driver, the commands and the v2
API have the same. Knows nothing of the registry's contract or of HTTP.
"""

from concurrent import futures

from . import errors
from . import names
from . import recent_tags
from .client import connections
from .client import container
from .objects import large_object
from .objects import orphans
from .objects import read_ahead
from .objects import small_object

#: Files of an image that are never large objects and have nothing below them.
#: Source: the path helpers in docker_registry/core/driver.py
_SMALL = ('json', 'ancestry', '_inprogress', '_checksum', '_files', '_diff')

#: How many requests for one answer are under way at the same time.
_AT_ONCE = 16


class Contents(object):

    """A registry's container, and what reads and writes it.

    Building it does no I/O. Safe for any number of greenlets or threads, and
    after a fork. What asks Swift raises errors.SwiftError when it cannot be
    asked or fails.

    :param values: settings.Settings
    :ivar settings: the same
    :ivar names: names.Names of the registry's paths
    :ivar connections: connections.Connections
    :ivar container: container.Container
    :ivar small_objects: small_object.SmallObjects
    :ivar large_objects: large_object.LargeObjects
    :ivar orphans: orphans.Orphans
    :ivar readers: read_ahead.Readers
    :ivar recent_tags: recent_tags.RecentTags
    """

    def __init__(self, values):
        self.settings = values
        self.names = names.Names(values.root)
        self.connections = connections.Connections(values)
        self.container = container.Container(values, self.connections)
        self.small_objects = small_object.SmallObjects(values, self.container)
        self.large_objects = large_object.LargeObjects(values, self.container)
        self.orphans = orphans.Orphans(values, self.container)
        self.readers = read_ahead.Readers(values, self.container)
        self.recent_tags = recent_tags.RecentTags(
            self._read_dated, self.write, self.delete,
            lambda path: self.container.age(self.names.object_name(path)))

    def waiting_container(self):
        """Return the container for requests that all wait for Swift.

        :returns: container.Container on the same connections, that waits for a
            Swift that does not answer, for no longer than swift_timeout
        """
        return container.Container(self.settings, self.connections,
                                   waits=True)

    def read(self, path):
        """Return the content of a path as it is in Swift, as bytes.

        :raises errors.ObjectNotFoundError: there is none
        """
        return self.small_objects.read(self.names.object_name(path))

    def write(self, path, content):
        """Write bytes to a path; readers see all of it or nothing."""
        self.small_objects.write(self.names.object_name(path), content)

    def delete(self, path):
        """Remove the path of a small object.

        :raises errors.ObjectNotFoundError: there is none
        """
        self.container.delete(self.names.object_name(path))

    def list_directory(self, path=None):
        """Yield the paths right below a directory, relative to the root.

        :raises errors.ObjectNotFoundError: there are none
        """
        prefix = self.names.prefix(path)
        # What is not of the registry; other tools mark a directory by an
        # object of its name.
        hidden = [prefix, names.SEGMENTS] + [
            prefix + name for name in recent_tags.OWN]
        not_listed = self.recent_tags.paths(path)
        empty = True
        for name in _without_twins(
                entry['name'] for entry in self.container.list(
                    prefix, delimiter='/')):
            if name not in hidden:
                empty = False
                listed = self.names.path(name)
                not_listed.discard(listed)
                yield listed
        for tag in self._present(not_listed):
            empty = False
            not_listed.discard(tag)
            yield tag
        if not_listed and self.recent_tags.drop(path, not_listed):
            # One may have been written while its note was dropped.
            for tag in self._present(not_listed):
                empty = False
                self.recent_tags.written(tag)
                yield tag
        if empty:
            raise errors.ObjectNotFoundError(
                '%s is no directory, or an empty one' % (path or 'the root'),
                object_name=prefix)

    def remove(self, path, forget=lambda object_names: None):
        """Remove a path, or a directory with everything below it.

        :param forget: called with each list of names below it that has been
            dealt with
        :raises errors.ObjectNotFoundError: there is neither
        """
        object_name = self.names.object_name(path)
        is_small = names.image_file(path) in _SMALL
        # Read now: their notes are among what is removed.
        unlisted = self.recent_tags.unlisted(path)
        try:
            if is_small:
                self.container.delete(object_name)
            else:
                self.large_objects.remove(object_name)
            if names.is_directory(path):
                # It was an object that marks the directory.
                self._remove_below(path, unlisted, forget)
        except errors.ObjectNotFoundError:
            if is_small or not self._remove_below(path, unlisted, forget):
                raise

    def _read_dated(self, path):
        """Return the content of a path, and what time it is at Swift."""
        headers, content = self.small_objects.get(
            self.names.object_name(path))
        return content, container.date(headers)

    def _remove_below(self, path, unlisted, forget):
        """Remove everything below a directory; return whether there was any.

        :param unlisted: paths that may be there although nothing lists them
        """
        found = self.large_objects.remove_below(self.names.prefix(path),
                                                forget)
        for path_not_listed in self._present(unlisted):
            found = True
            try:
                self.large_objects.remove(
                    self.names.object_name(path_not_listed))
            except errors.ObjectNotFoundError:
                pass  # somebody else was faster
        return found

    def _present(self, paths):
        """Return which of some paths are there; asks for several at once."""
        paths = list(paths)
        with futures.ThreadPoolExecutor(_AT_ONCE) as executor:
            found = list(executor.map(
                self.container.waits.carry(self._is_there), paths))
        return [path for path, is_there in zip(paths, found) if is_there]

    def _is_there(self, path):
        try:
            self.small_objects.stat(self.names.object_name(path))
        except (errors.ObjectNotFoundError,
                errors.InvalidPathError):  # of a note that is damaged
            return False
        return True


def _without_twins(listed):
    """Yield names of a listing; of an object and a directory, "a" and "a/",
    the first alone.

    :param listed: names as they sort. Between the two may be others, "a-b";
        all of them begin with "a".
    """
    objects = []
    for name in listed:
        objects = [each for each in objects if name.startswith(each)]
        if name.endswith('/'):
            if name[:-1] in objects:
                continue
        else:
            objects.append(name)
        yield name
