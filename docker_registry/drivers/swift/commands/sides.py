"""Where images are copied from and to: a container in Swift, or a directory.

Both have the same methods, and both tell what is not there from what cannot
be asked: core's file driver says "not there" of whatever it cannot read. What
other drivers have can be read alone; see driver_side.py.
"""

import contextlib
import errno
import fnmatch
import io
import os
import uuid

from . import driver_side
from . import opened
from . import stored
from .. import compat
from .. import errors
from .. import image_files
from ..config import files
from ..objects import small_object

_CHUNK_BYTES = 256 * 1024
_FILE = ('file', 'local')


def open_side(path, name, jobs, writes=False):
    """Open what a flavor says.

    :param path: path of the registry's configuration file
    :param name: name of the flavor
    :param jobs: requests at a time
    :param writes: whether it is copied to
    :returns: SwiftSide, FileSide or driver_side.DriverSide, to be used as a
        context manager
    :raises errors.ConfigError: it says nothing that can be opened
    """
    config = files.read(path, name)
    kind = str(config.storage).lower()
    if kind == 'swift':
        return SwiftSide(opened.Opened(path, name, jobs))
    if kind in _FILE:
        return FileSide(config.storage_path or './tmp')
    if writes:
        raise errors.ConfigError(
            'flavor %s: storage is %s; copy writes to swift and file' % (
                name, config.storage))
    return driver_side.open_driver(kind, config, name)


class SwiftSide(object):

    """A registry's container.

    Every method raises errors.SwiftError when Swift cannot be asked or fails;
    errors.ObjectNotFoundError only of what Swift says is not there.

    :param registry: opened.Opened
    """

    def __init__(self, registry):
        self.registry = registry
        self._stored = stored.Stored(registry)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.registry.__exit__(*exception)

    def look(self):
        """Look whether there is anything to be read.

        :raises errors.SwiftError: there is not
        """
        self.registry.look()

    def prepare(self):
        """Make the container, where it is missing and that is allowed.

        A PUT makes it; a COPY does not, and may be the first request.
        """
        try:
            self.registry.container.make()
        except errors.AccessDeniedError as error:
            if error.status != 403:
                raise
            # The user may only use its objects.

    def repositories(self, pattern):
        """Yield each stored.Repository whose name fits a pattern."""
        return self._stored.repositories(pattern)

    def tag_names(self, repository):
        """Return the names of what may be a repository's tags, a list."""
        return self._stored.tag_names(repository)

    def read(self, path):
        """Return the content of a path as bytes."""
        return self.registry.read(path)

    def stat(self, path):
        """Return the small_object.Stat of a path."""
        return self.registry.small_objects.stat(
            self.registry.names.object_name(path))

    def open(self, path):
        """Return an iterator over chunks of a path, with a close()."""
        return self.registry.readers.open(
            self.registry.names.object_name(path))

    def write(self, path, content):
        """Write bytes to a path; readers see all of it or nothing."""
        self.registry.write(path, content)

    def write_tag(self, path, content):
        """Write a tag; it shows at once, whatever the listing has."""
        self.registry.write(path, content)
        self.registry.recent_tags.written(path)

    def write_layer(self, path, stream, find_checksum):
        """Write a stream; readers see all of it or nothing.

        :param stream: has read(n)
        :param find_checksum: callable that returns the checksum as text, when
            the stream has ended; what it raises undoes the write
        """
        self.registry.large_objects.write(
            self.registry.names.object_name(path), stream,
            lambda: {small_object.CHECKSUM: find_checksum()})

    def delete(self, path):
        """Remove the path of a small content, if it is there."""
        try:
            self.registry.delete(path)
        except errors.ObjectNotFoundError:
            pass


class FileSide(object):

    """A directory, as core's file driver has it.

    Every method raises IOError or OSError when something cannot be read or
    written; errors.ObjectNotFoundError only of what is not there while the
    directory is.

    :param root: storage_path

    Source: docker_registry/drivers/file.py of docker-registry-core 2.0.3
    """

    def __init__(self, root):
        self._root = root
        self._mounted = None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def look(self):
        """Look whether there is anything to be read.

        A file system that is not mounted leaves an empty directory.

        :raises errors.SwiftError: there is not
        """
        if not os.path.isdir(self._path('repositories')):
            raise errors.SwiftError(
                'there is no registry in %s: it has no repositories; see '
                'storage_path' % self._root)
        self._mounted = self._identity()

    def repositories(self, pattern):
        """Yield each stored.Repository whose name fits a pattern."""
        for namespace in self._list('repositories'):
            for name in self._list('repositories/' + namespace):
                path = 'repositories/%s/%s' % (namespace, name)
                full_name = stored.repository_name(path)
                if stored.matches(full_name, pattern):
                    yield stored.Repository(
                        full_name, path, dict.fromkeys(self._list(path)))

    def tag_names(self, repository):
        """Return the names of what may be a repository's tags, a list."""
        return [tag for _, tag in stored.listed_tags(repository.files)]

    def read(self, path):
        """Return the content of a path as bytes."""
        with self._reading(path), io.open(self._path(path), 'rb') as content:
            return content.read()

    def stat(self, path):
        """Return the small_object.Stat of a path."""
        with self._reading(path):
            size_bytes = os.path.getsize(self._path(path))
        return small_object.Stat(size_bytes, '', None)

    def open(self, path):
        """Return an iterator over chunks of a path, with a close()."""
        with self._reading(path):
            return _chunks(io.open(self._path(path), 'rb'))

    def write(self, path, content):
        """Write bytes to a path; readers see all of it or nothing."""
        self.write_layer(path, io.BytesIO(content), lambda: None)

    write_tag = write

    def write_layer(self, path, stream, find_checksum):
        """Write a stream; see SwiftSide.write_layer()."""
        path = self._path(path)
        try:
            os.makedirs(os.path.dirname(path))
        except OSError as error:  # another thread may just have made it
            if error.errno != errno.EEXIST:
                raise
        # Beside the directory of the image, which is listed.
        part = '%s.%s.part' % (os.path.dirname(path), uuid.uuid4().hex)
        try:
            with io.open(part, 'wb') as file:
                for chunk in iter(lambda: stream.read(_CHUNK_BYTES), b''):
                    file.write(chunk)
                find_checksum()
                file.flush()
                os.fsync(file.fileno())
            os.rename(part, path)
        except BaseException:
            if os.path.exists(part):
                os.remove(part)
            raise

    def delete(self, path):
        """Remove the path of a small content, if it is there."""
        try:
            os.remove(self._path(path))
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise

    def _list(self, path):
        with self._reading(path):
            return sorted(
                each for each in map(compat.native, os.listdir(
                    self._path(path)))
                if not fnmatch.fnmatchcase(each, '*.part'))

    @contextlib.contextmanager
    def _reading(self, path):
        try:
            yield
        except EnvironmentError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                raise
            if self._mounted is not None and (
                    self._identity() != self._mounted):
                raise errors.SwiftError(
                    '%s is not what it was; perhaps it is not mounted any '
                    'more' % self._root)
            raise errors.ObjectNotFoundError('%s is not there'
                                             % self._path(path))

    def _identity(self):
        try:
            found = os.stat(self._path('repositories'))
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _path(self, path):
        return os.path.join(self._root, path)


def _chunks(file):
    with file:
        for chunk in iter(lambda: file.read(_CHUNK_BYTES), b''):
            yield chunk


def checksums(side, image_id):
    """Return the checksums that a layer was pushed with, a list of texts.

    :param side: SwiftSide or FileSide
    :returns: [] where there are none
    """
    found = side.stat(stored.image_path(image_id, 'layer')).checksum
    if found:
        return [found]
    try:
        content = side.read(stored.image_path(image_id, '_checksum'))
    except errors.ObjectNotFoundError:
        return []
    return image_files.checksums(content)
