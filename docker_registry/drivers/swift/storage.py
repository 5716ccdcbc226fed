"""The registry's contract, kept on Swift: a few lines a method.

Source of the contract: docker_registry/core/driver.py, and how images.py and
tags.py of docker-registry use it.
"""

import functools
import hashlib
import sys
import time

from docker_registry.core import driver

from . import ahead
from . import connections
from . import container
from . import errors
from . import known
from . import large_object
from . import names
from . import read_ahead
from . import reader
from . import recent
from . import redirect
from . import settings

#: In a moment an object that is being removed is gone from every replica.
_REMOVAL_SECONDS = 0.1


#: Files of an image that are never large objects and have nothing below them.
#: Source: the path helpers in docker_registry/core/driver.py
_SMALL = ('json', 'ancestry', '_inprogress', '_checksum', '_files', '_diff')


class Storage(driver.Base):

    """Keeps the registry's paths as objects of one Swift container.

    Safe for any number of greenlets or threads, and after a fork. Building
    it does no I/O, so a registry starts while Swift is away.

    Every method that talks to Swift raises errors.SwiftError (an IOError and
    core's UnspecifiedError) when Swift cannot be asked or fails, and
    errors.ObjectNotFoundError (also core's FileNotFoundError) for a 404
    alone; a path that cannot be an object's name is an
    errors.InvalidPathError.

    :param path: where the images live in the container, the registry's
        storage_path
    :param config: the registry's configuration
    :raises docker_registry.core.exceptions.ConfigError: says everything that
        is wrong with it
    """

    supports_bytes_range = True

    def __init__(self, path=None, config=None):
        values = settings.parse(path, config)
        self._settings = values
        self._names = names.Names(values.root)
        self._connections = connections.Connections(values)
        self._container = container.Container(values, self._connections)
        self._large_objects = large_object.LargeObjects(
            values, self._container)
        self._readers = read_ahead.Readers(values, self._container,
                                           self.buffer_size)
        self._redirects = redirect.Redirects(values, self._container)
        self._recent_tags = recent.RecentTags(
            self._read, self._write, lambda path: self._container.delete(
                self._names.object_name(path)))
        self._known = known.Known()
        self._ahead = ahead.Ahead({'exists': self._exists,
                                   'get_content': self._get_content,
                                   'get_size': self._get_size},
                                  # One request a second gets through then.
                                  lambda: self._connections.breaker.is_open)
        self._opened = ahead.Opened(lambda path: self._readers.open(
            self._names.object_name(path)))

    def expect(self, find=list, to_read=None):
        """Say what this greenlet or thread is going to ask for.

        For whoever knows it beforehand, to have it sooner. Replaces what was
        said before; without arguments nothing is expected.

        :param find: as for ahead.Ahead.expect(); the questions are names of
            methods: exists, get_content and get_size
        :param to_read: path that stream_read() is going to read from its
            start, if exists() finds it
        """
        self._ahead.expect(find)
        self._opened.expect(to_read)

    def get_content(self, path):
        """Return the content of a path as bytes."""
        return self._ahead.answer('get_content', path)

    def put_content(self, path, content):
        """Write content, bytes or text (stored as UTF-8), to a path.

        :returns: the path
        """
        if not isinstance(content, bytes):
            content = content.encode('utf-8')
        self._known.drop(path)
        try:
            self._write(path, content)
        except BaseException:
            # Filled since; the write may have happened.
            self._known.drop(path)
            raise
        self._known.put_content(path, content)
        self._recent_tags.written(path)
        return path

    def stream_read(self, path, bytes_range=None):
        """Open a path for reading.

        :param bytes_range: (first, last) byte offsets, inclusive; the
            registry's open-ended ranges end one past the last byte
        :returns: iterator over chunks of bytes; close() gives its connection
            back early
        :raises errors.ObjectExistsError: a layer is another one than that
            whose size get_size() has given
        """
        opened = bytes_range is None and self._opened.take(path)
        if opened:
            return opened
        stat = self._known.stat(path)
        try:
            return self._readers.open(self._names.object_name(path),
                                      bytes_range, stat and stat.etag)
        except errors.ObjectNotFoundError:
            self._known.drop(path)
            raise
        except errors.ObjectExistsError:
            # Pushed anew meanwhile. The client has been told the size.
            self._known.drop(path)
            headers = self._head(path)
            if self._container.get_size(headers) != stat.size_bytes:
                raise
            return self._readers.open(
                self._names.object_name(path), bytes_range,
                headers.get('etag', '').strip('"'))

    def stream_write(self, path, fp):
        """Write a stream to a path; readers see all of it or nothing.

        :param fp: has read(n); what it raises is passed on, and then nothing
            has been written
        """
        try:
            self._large_objects.write(self._names.object_name(path), fp)
        finally:
            self._known.drop(path)

    def list_directory(self, path=None):
        """Yield the paths right below a directory, relative to the root.

        :raises errors.ObjectNotFoundError: there are none
        """
        prefix = self._names.prefix(path)
        # What is not of the registry; other tools mark a directory by an
        # object of its name.
        hidden = (prefix, prefix + recent.NOTES, names.SEGMENTS)
        not_listed = self._recent_tags.paths(path)
        empty = True
        for entry in self._container.list(prefix, delimiter='/'):
            if entry['name'] not in hidden:
                empty = False
                listed = self._names.path(entry['name'])
                not_listed.discard(listed)
                yield listed
        for tag in not_listed:
            if self.exists(tag):
                empty = False
                yield tag
        if empty:
            raise errors.ObjectNotFoundError(
                '%s is no directory, or an empty one' % (path or 'the root'),
                object_name=prefix)

    def exists(self, path):
        """Tell whether a path has content; a directory has none.

        :returns: False only if Swift says so
        """
        return self._ahead.answer('exists', path)

    def remove(self, path):
        """Remove a path, or a directory with everything below it."""
        object_name = self._names.object_name(path)
        is_small = names.image_file(path) in _SMALL
        if self._known.is_absent(path):
            raise errors.ObjectNotFoundError(
                '%s is not there, for its image is not' % path, object_name)
        # Their notes are among what is removed.
        unlisted = self._recent_tags.unlisted(path)
        try:
            if is_small:
                self._container.delete(object_name)
            else:
                self._large_objects.remove(object_name)
        except errors.ObjectNotFoundError:
            if is_small:
                raise
            found = self._large_objects.remove_below(
                self._names.prefix(path), self._forget)
            for path_not_listed in unlisted:
                found = self._remove_present(path_not_listed) or found
            if not found:
                raise
        finally:
            self._known.drop(path)
        self._recent_tags.removed(path)

    def get_size(self, path):
        """Return the size of a path's content in bytes."""
        return self._ahead.answer('get_size', path)

    def content_redirect_url(self, path):
        """Return where a client finds a path at Swift itself, for GET.

        Asked for with the registry's `storage_redirect: true` alone.

        :returns: temporary URL, good for swift_temp_url_ttl seconds; without
            a signature if swift_public_container says so; None where there
            is no key to sign with: the registry then serves the path itself
        """
        return self._redirects.url(self._names.object_name(path))

    def orphans(self, age_seconds=86400):
        """Yield the names of segments that belong to no layer.

        A registry that is killed in the middle of a push leaves them.

        :param age_seconds: leave out what has been written since; longer
            than any push takes
        """
        return self._large_objects.orphans(self._names.prefix(), age_seconds)

    def remove_orphans(self, age_seconds=86400):
        """Remove the segments that orphans() yields."""
        self._container.delete_all(self.orphans(age_seconds))

    def check(self):
        """Ask Swift whether the container can be used, in one request."""
        self._container.check()

    def statistics(self):
        """Return what this process has done, and has open, as a dict.

        :returns: requests, retries, logins, bytes_in (read from Swift) and
            bytes_out; silent, whether nothing is asked of Swift but once a
            second; pool, with the connections that are open and in_use, and
            the requests waiting for one
        """
        return self._connections.statistics()

    def _exists(self, path):
        if self._known.exists(path) or self._known.stat(path):
            return True
        try:
            if not self._opened.open(path):
                self._head(path)
        except errors.ObjectNotFoundError:
            self._known.tell(path, False)
            return False
        self._known.tell(path, True)
        return True

    def _get_content(self, path):
        content = self._known.content(path)
        if content is None:
            content = self._read(path)
            self._known.fill_content(path, content)
        return content

    def _get_size(self, path):
        # First, for it is what stream_read() is going to return.
        size = self._opened.size(path)
        if size is not None:
            return size
        stat = self._known.stat(path)
        if stat:
            return stat.size_bytes
        return self._container.get_size(self._head(path))

    def _read(self, path):
        """Return the content of a path as it is in Swift."""
        for retries in range(self._settings.retries, -1, -1):
            try:
                return b''.join(reader.Reader(
                    self._container, self._names.object_name(path),
                    self.buffer_size, resumes=self._settings.retries))
            except errors.BrokenObjectError:
                # Asked for the newest of an object that is being removed,
                # Swift may give headers and no content.
                if not retries:
                    raise
                time.sleep(_REMOVAL_SECONDS)

    def _write(self, path, content):
        self._container.put(self._names.object_name(path), content,
                            len(content), hashlib.md5(content).hexdigest())

    def _head(self, path):
        headers = self._container.head(self._names.object_name(path))
        self._known.fill_stat(path, headers)
        return headers

    def _remove_present(self, path):
        """Remove a path; return whether it was there."""
        try:
            self._large_objects.remove(self._names.object_name(path))
        except errors.ObjectNotFoundError:
            return False
        finally:
            self._known.drop(path)
        return True

    def _forget(self, object_names):
        self._known.drop(*map(self._names.path, object_names))


def _quoting(helper):
    @functools.wraps(helper)
    def wrapper(self, *args, **kwargs):
        return helper(self, *map(names.quote_part, args), **{
            key: names.quote_part(value) for key, value in kwargs.items()})
    return wrapper


if sys.version_info[0] > 2:
    # core's path helpers call urllib.quote_plus and dict.iteritems. Wrapped
    # by functools, each has the plain helper below it.
    for _name, _helper in vars(driver.Base).items():
        if hasattr(_helper, '__wrapped__'):
            setattr(Storage, _name, _quoting(_helper.__wrapped__))
