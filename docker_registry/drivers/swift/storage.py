"""The registry's contract, kept on Swift: a few lines a method.

Source of the contract: docker_registry/core/driver.py, and how images.py and
tags.py of docker-registry use it.
"""

import functools
import hashlib
import json
import logging
import sys
import time

from docker_registry.core import driver

from .registry import ahead
from .client import connections
from .client import container
from .registry import endpoints
from . import errors
from .registry import known
from .objects import large_object
from . import names
from . import per_process
from .objects import read_ahead
from .objects import reader
from . import recent_tags
from .objects import redirect
from .config import settings

#: In a moment an object that is being removed is gone from every replica.
_REMOVAL_SECONDS = 0.1


#: Files of an image that are never large objects and have nothing below them.
#: Source: the path helpers in docker_registry/core/driver.py
_SMALL = ('json', 'ancestry', '_inprogress', '_checksum', '_files', '_diff')

#: Where the checksum of a layer is, so that it is always that of this layer.
_CHECKSUM = 'x-object-meta-docker-checksum'

logger = logging.getLogger(__name__)


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
        self._readers = read_ahead.Readers(values, self._container)
        self._redirects = redirect.Redirects(values, self._container)
        self._recent_tags = recent_tags.RecentTags(
            self._read, self._write, lambda path: self._container.delete(
                self._names.object_name(path)))
        self._known = known.Known()
        self._ahead = ahead.Ahead({'exists': self._exists,
                                   'get_content': self._get_content,
                                   'stat': self._head},
                                  # One request a second gets through then.
                                  lambda: self._connections.breaker.is_open)
        self._opened = ahead.Opened(self._open_to_read)
        self._meanwhile = ahead.Meanwhile()
        self._endpoints = endpoints.Endpoints(self, self._ahead,
                                              self._meanwhile, self._known,
                                              self._heeds_etags)
        self._checksums = per_process.PerGreenlet(lambda: None)

    def serve(self, endpoint, image_id, find_parent=None, reads=False,
              asks_index=True, checksum=None):
        """Say what this greenlet or thread is going to be asked for.

        For whoever knows it, to have it sooner and for fewer requests to
        Swift; to be followed by settle() and served().

        :param endpoint: name of the registry's function, such as
            "get_image_json"
        :param image_id: id of the image that it is about
        :param find_parent: callable that returns the id of the parent that a
            pushed json names, or None
        :param reads: whether stream_read() is going to be asked for the
            image's layer from its start, if exists() finds it
        :param asks_index: whether the registry asks its index for long after
            it has begun to ask the storage
        :param checksum: the one that who pushes names for the layer, as text
        """
        self._ahead.begin(lambda: self._endpoints.prepare(
            endpoint, image_id, find_parent, asks_index, checksum))
        if reads:
            self._opened.expect(self.image_layer_path(image_id))

    def expect_push(self, find_checksum):
        """Say that stream_write() is going to be given a layer by a client.

        The layer gets its checksum with it, and does not replace that of an
        image which somebody else has completed, unless that happens in the
        moment between looking and writing.

        :param find_checksum: callable that returns the checksum of what has
            been read of it, such as "sha256:...", as text
        """
        self._checksums.set(find_checksum)

    def settle(self):
        """Wait for what is written meanwhile, before who is served is told.

        :raises errors.SwiftError: it could not be written
        """
        self._meanwhile.settle()

    def served(self):
        """Say that what serve() has announced is over."""
        try:
            self._meanwhile.settle()
        except errors.SwiftError as error:
            # Who was served has been told of something else.
            logger.warning('%s', error)
        self._ahead.end()
        self._meanwhile.expect(None)
        self._opened.expect(None)
        self._checksums.set(None)

    def get_content(self, path):
        """Return the content of a path as bytes."""
        return self._ahead.answer('get_content', path)

    def put_content(self, path, content):
        """Write content, bytes or text (stored as UTF-8), to a path.

        :returns: the path; what serve() knows about may not be written yet,
            see settle()
        """
        if not isinstance(content, bytes):
            content = content.encode('utf-8')
        self._ahead.forget(path)
        self._meanwhile.write(path, lambda: self._put_content(path, content))
        return path

    def stream_read(self, path, bytes_range=None):
        """Open a path for reading.

        :param bytes_range: (first, last) byte offsets, inclusive; the
            registry's open-ended ranges end one past the last byte
        :returns: iterator over chunks of bytes; close() gives its connection
            back early
        :raises errors.ObjectExistsError: a layer is another one than that
            whose size get_size() has given to who is served
        """
        opened = bytes_range is None and self._opened.take(path)
        return opened or self._open(path, bytes_range)

    def stream_write(self, path, fp):
        """Write a stream to a path; readers see all of it or nothing.

        :param fp: has read(n); what it raises is passed on, and then nothing
            has been written
        :raises errors.AlreadyPushedError: after expect_push(), and the image
            has been completed meanwhile
        """
        find_checksum = self._checksums.get()
        options = {}
        if find_checksum is not None:
            options = {
                'find_headers': lambda: {_CHECKSUM: find_checksum()},
                'may_replace': lambda: self._check_in_progress(path)}
        self._ahead.forget(path)
        try:
            size_bytes, etag = self._large_objects.write(
                self._names.object_name(path), fp, **options)
        finally:
            self._known.drop(path)
        if find_checksum is not None and self._heeds_etags():
            self._known.fill_written(
                path, known.Stat(size_bytes, etag, find_checksum()))

    def list_directory(self, path=None):
        """Yield the paths right below a directory, relative to the root.

        :raises errors.ObjectNotFoundError: there are none
        """
        prefix = self._names.prefix(path)
        # What is not of the registry; other tools mark a directory by an
        # object of its name.
        hidden = (prefix, prefix + recent_tags.NOTES, names.SEGMENTS)
        not_listed = self._recent_tags.paths(path)
        empty = True
        for name in _without_twins(
                entry['name'] for entry in self._container.list(
                    prefix, delimiter='/')):
            if name not in hidden:
                empty = False
                listed = self._names.path(name)
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

        :returns: False only if Swift says so; for what serve() knows about,
            see endpoints.py
        """
        return self._ahead.answer('exists', path)

    def remove(self, path):
        """Remove a path, or a directory with everything below it.

        :raises errors.AlreadyPushedError: it is the mark of an image whose
            push is served, and somebody else has removed it
        """
        object_name = self._names.object_name(path)
        is_small = names.image_file(path) in _SMALL
        if self._known.is_absent(path):
            raise errors.ObjectNotFoundError(
                '%s is not there, for its image is not' % path, object_name)
        was_pushed = (names.image_file(path) == '_inprogress'
                      and self._ahead.told('exists', path))
        self._ahead.forget(path)
        # Their notes are among what is removed.
        unlisted = self._recent_tags.unlisted(path)
        try:
            if is_small:
                self._container.delete(object_name)
            else:
                self._large_objects.remove(object_name)
            if names.is_directory(path):
                # It was an object that marks the directory.
                self._remove_below(path, unlisted)
        except errors.ObjectNotFoundError:
            if was_pushed:
                raise errors.AlreadyPushedError(
                    'DELETE %s: the image has been completed already' % path,
                    object_name, 404)
            if is_small:
                raise
            if not self._remove_below(path, unlisted):
                raise
        finally:
            self._known.drop(path)
        if was_pushed:
            self._known.completed(names.beside(path, 'layer'))
        self._recent_tags.removed(path)

    def get_size(self, path):
        """Return the size of a path's content in bytes."""
        # First, for it is what stream_read() is going to return.
        size = self._opened.size(path)
        if size is None:
            size = self._ahead.answer('stat', path).size_bytes
        return size

    def content_redirect_url(self, path):
        """Return where a client finds a path at Swift itself, for GET.

        Asked for with the registry's `storage_redirect: true` alone.

        :returns: temporary URL, good for swift_temp_url_ttl seconds; without
            a signature if swift_public_container says so; None where there
            is no key to sign with: the registry then serves the path itself
        """
        stat = self._ahead.told('stat', path)
        return self._redirects.url(self._names.object_name(path),
                                   stat and stat.etag)

    def orphans(self, age_seconds=86400):
        """Yield the names of segments that belong to no layer.

        A registry that is killed in the middle of a push leaves them.

        :param age_seconds: leave out what has been written since, by Swift's
            clock; longer than any push takes. None leaves out nothing.
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

    def _put_content(self, path, content):
        self._known.drop(path)
        try:
            self._write(path, content)
        except BaseException:
            # Filled since; the write may have happened.
            self._known.drop(path)
            raise
        self._known.put_content(path, content)
        self._recent_tags.written(path)

    def _exists(self, path):
        if self._known.exists(path):
            return True
        try:
            if not self._opened.open(path):
                self._ahead.answer('stat', path)
        except errors.ObjectNotFoundError:
            self._known.note(path, False)
            return False
        self._known.note(path, True)
        return True

    def _get_content(self, path):
        content = None
        if names.image_file(path) == '_checksum':
            content = self._checksum_of_layer(names.beside(path, 'layer'))
        if content is None:
            content = self._known.content(path)
        if content is None:
            content = self._read(path)
            self._known.fill_content(path, content)
        return content

    def _checksum_of_layer(self, path):
        """Return what the registry writes to a layer's _checksum, as bytes.

        Two clients may push one image at the same time, and the _checksum may
        be of another than the layer.

        :returns: None for a layer that does not have it with it, one that
            0.2.1 has written
        """
        try:
            checksum = self._ahead.answer('stat', path).checksum
        except errors.ObjectNotFoundError:
            return None
        return checksum and json.dumps([checksum]).encode('ascii')

    def _check_in_progress(self, layer):
        """Raise AlreadyPushedError if a layer's image is complete."""
        if not self._exists(names.beside(layer, '_inprogress')):
            raise errors.AlreadyPushedError(
                'PUT %s: the image has been completed meanwhile' % layer,
                self._names.object_name(layer), 412)

    def _open(self, path, bytes_range=None):
        """Open a path; a layer whose Stat has been told is that or none."""
        stat = self._ahead.told('stat', path)
        try:
            return self._readers.open(self._names.object_name(path),
                                      bytes_range, stat and stat.etag)
        except (errors.ObjectNotFoundError, errors.ObjectExistsError):
            self._known.drop(path)
            raise

    def _open_to_read(self, path):
        """Open a path whose size has not been told to who is served."""
        try:
            return self._open(path)
        except errors.ObjectExistsError:
            # Another one than was known: is that complete, too?
            self._ahead.forget(path)
            if self._exists(names.beside(path, '_inprogress')):
                raise
            return self._open(path)

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
        return known.Stat(self._container.get_size(headers),
                          self._container.get_etag(headers),
                          headers.get(_CHECKSUM))

    def _heeds_etags(self):
        return self._container.capabilities().heeds_etags

    def _remove_below(self, path, unlisted):
        """Remove everything below a directory; return whether there was any.

        :param unlisted: paths that may be there although nothing lists them
        """
        found = self._large_objects.remove_below(
            self._names.prefix(path), self._forget)
        for path_not_listed in unlisted:
            found = self._remove_present(path_not_listed) or found
        return found

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
