"""The registry's contract, kept on Swift: a few lines a method.

Source of the contract: docker_registry/core/driver.py of docker-registry-core
    2.0.3, and how images.py and tags.py of docker-registry 0.9.1 use it
"""

import json

from . import contents
from . import core_paths
from . import errors
from . import memory
from . import names
from . import no_request
from . import per_process
from .config import settings
from .objects import redirect
from .objects import small_object


class Storage(core_paths.Base):

    """Keep the registry's paths as objects of one Swift container.

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
    :raises errors.ConfigError: says everything that
        is wrong with it
    :ivar contents: contents.Contents, what it reads and writes with
    :ivar memory: memory.Memory, what is remembered across requests
    """

    supports_bytes_range = True

    def __init__(self, path=None, config=None):
        self.contents = found = contents.Contents(
            settings.parse(path, config))
        self._names = found.names
        self._connections = found.connections
        self._container = found.container
        self._small_objects = found.small_objects
        self._large_objects = found.large_objects
        self._readers = found.readers
        self._recent_tags = found.recent_tags
        self._redirects = redirect.Redirects(found.settings, found.container)
        self.memory = memory.Memory(self._url)
        self._requests = per_process.PerGreenlet(no_request.NoRequest)

    @property
    def settings(self):
        """The settings.Settings that it was built with."""
        return self.contents.settings

    @property
    def container(self):
        """The container.Container, for what is there beside the paths."""
        return self.contents.container

    @property
    def request(self):
        """What this greenlet or thread has been given by begin().

        A no_request.NoRequest where there is nothing.
        """
        return self._requests.get()

    def begin(self, request):
        """Say which HTTP request this greenlet or thread answers from now on.

        It is answered sooner, and with fewer requests to Swift; end() has to
        follow.

        :param request: registry.request.Request
        """
        self.end()
        self._requests.set(request)

    def end(self):
        """End the HTTP request that this greenlet or thread answers."""
        request = self.request
        self._requests.set(no_request.NoRequest())
        try:
            request.end()
        finally:
            self._container.waits.set(False)

    def wait_for_swift(self, always):
        """Have this greenlet or thread wait for a Swift that does not answer.

        For no longer than swift_timeout, until end(). Without it, requests
        fail after swift_retries, but for those that write, or read a layer.

        :param always: whether it waits also while Swift has been silent for a
            while already, when other requests fail at once
        """
        self._container.waits.set(
            always or not self._connections.statistics()['silent'])

    def carry(self, function):
        """Return a function that other greenlets or threads may call.

        :param function: uses this storage, and waits as this greenlet does
        """
        return self._container.waits.carry(function)

    def get_content(self, path):
        """Return the content of a path as bytes."""
        return self._answer('get_content', path, self._get_content)

    def put_content(self, path, content):
        """Write content, bytes or text (stored as UTF-8), to a path.

        :returns: the path; the write may still go on in the background of a
            request, see wait_for_write() of registry/request.py
        """
        if not isinstance(content, bytes):
            content = content.encode('utf-8')
        self.request.forget(path)
        self.request.write(path, lambda: self._put_content(path, content))
        return path

    def stream_read(self, path, bytes_range=None):
        """Open a path for reading.

        :param bytes_range: (first, last) byte offsets, inclusive; the
            registry's open-ended ranges end one past the last byte
        :returns: iterator over chunks of bytes; close() gives its connection
            back early
        :raises errors.ObjectExistsError: the layer is another one than that
            whose size get_size() has returned for this request
        """
        reader = bytes_range is None and self.request.take_reader(path)
        return reader or self._open(path, bytes_range)

    def stream_write(self, path, fp):
        """Write a stream to a path; readers see all of it or nothing.

        A layer that a client pushes (see find_checksum in no_request.py) is
        written with its checksum, and does not replace the layer of an image
        which somebody else has completed; except that one which is completed
        in the moment between looking and writing is replaced.

        :param fp: has read(n); what it raises is passed on, and then nothing
            has been written
        :raises errors.AlreadyPushedError: somebody else has completed the
            image of a pushed layer
        """
        find_checksum = self.request.find_checksum
        options = {}
        if find_checksum is not None:
            options = {
                'find_headers':
                    lambda: {small_object.CHECKSUM: find_checksum()},
                'may_replace': lambda: self._check_in_progress(path)}
        self.request.forget(path)
        try:
            self._large_objects.write(
                self._names.object_name(path), fp, **options)
        finally:
            self.memory.drop(path)

    def list_directory(self, path=None):
        """Yield the paths right below a directory, relative to the root.

        :raises errors.ObjectNotFoundError: there are none
        """
        return self.contents.list_directory(path)

    def exists(self, path):
        """Tell whether a path has content; a directory has none.

        :returns: False only if Swift says so, or where registry/prefetch.py
            says why Swift need not be asked
        """
        return self._answer('exists', path, self._exists)

    def remove(self, path):
        """Remove a path, or a directory with everything below it.

        :raises errors.AlreadyPushedError: it is the mark (_inprogress) of an
            image whose push this request ends, and somebody else has removed
            it
        """
        object_name = self._names.object_name(path)
        file_name = names.image_file(path)
        if file_name == '_checksum' and self.request.answered(
                'exists', names.beside(path, 'json')) is False:
            # The registry writes it after the json.
            raise errors.ObjectNotFoundError(
                '%s is not there, because its image is not' % path,
                object_name)
        was_pushed = (file_name == '_inprogress'
                      and self.request.answered('exists', path))
        self.request.forget(path)
        try:
            self.contents.remove(path, self._forget)
        except errors.ObjectNotFoundError:
            if was_pushed:
                raise errors.AlreadyPushedError(
                    'DELETE %s: the image has been completed already' % path,
                    object_name, 404)
            raise
        finally:
            self.memory.drop(path)

    def get_size(self, path):
        """Return the size of a path's content in bytes."""
        # What is open is what stream_read() is going to return.
        reader = self.request.reader(path)
        if reader is not None:
            return reader.object_size
        return self.stat(path).size_bytes

    def stat(self, path):
        """Return the small_object.Stat of a path: size, ETag, checksum."""
        return self._answer('stat', path, self._stat)

    def content_redirect_url(self, path):
        """Return where a client finds a path at Swift itself, for GET.

        Asked for with the registry's `storage_redirect: true` alone.

        :returns: temporary URL, good for swift_temp_url_ttl seconds; without
            a signature if swift_public_container says so; None where there
            is no key to sign with: the registry then serves the path itself
        """
        stat = self.request.answered('stat', path)
        return self._redirects.url(self._names.object_name(path),
                                   stat and stat.etag)

    def orphans(self, age_seconds=86400):
        """Yield the names of segments that belong to no layer.

        A registry that is killed in the middle of a push leaves them.

        :param age_seconds: leave out what has been written since, by Swift's
            clock; longer than any push takes. None leaves out nothing.
        """
        return self.contents.orphans.names(self._names.prefix(),
                                           age_seconds)

    def remove_orphans(self, age_seconds=86400):
        """Remove the segments that orphans() yields."""
        self._container.delete_all(self.orphans(age_seconds))

    def heeds_etags(self):
        """Tell whether the cluster does, see client/capabilities.py."""
        return self._container.capabilities().heeds_etags

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

    def _answer(self, question, path, ask):
        request = self.request
        request.prefetch(self)
        return request.answer(question, path, ask)

    def _put_content(self, path, content):
        try:
            self.contents.write(path, content)
        except BaseException:
            self.memory.drop(path)  # it may have been written
            raise
        self.memory.put_content(path, content)
        self._recent_tags.written(path)
        self._drop_incomplete(path)

    def _exists(self, path):
        try:
            if not self.request.open(path, self._open_newest):
                self.stat(path)
        except errors.ObjectNotFoundError:
            return False
        self._drop_incomplete(path)
        return True

    def _drop_incomplete(self, path):
        """Forget that an image was complete, if a path that is there says so.
        """
        if names.image_file(path) == '_inprogress':
            self.memory.drop(names.beside(path, 'layer'))

    def _get_content(self, path):
        content = None
        if names.image_file(path) == '_checksum':
            content = self._checksum_of_layer(names.beside(path, 'layer'))
        return self._read(path) if content is None else content

    def _checksum_of_layer(self, path):
        """Return what the registry writes to a layer's _checksum, as bytes.

        Two clients may push one image at the same time, and the _checksum may
        be of another than the layer.

        :returns: None for a layer without a checksum in its headers, such as
            0.2.1 has written
        """
        try:
            checksum = self.stat(path).checksum
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
        """Open a path; of a layer whose Stat was answered, that one alone."""
        stat = self.request.answered('stat', path)
        try:
            return self._readers.open(self._names.object_name(path),
                                      bytes_range, stat and stat.etag)
        except (errors.ObjectNotFoundError, errors.ObjectExistsError):
            self.memory.drop(path)
            raise

    def _open_newest(self, path):
        """Open a path whose size this request has not been answered yet."""
        try:
            return self._open(path)
        except errors.ObjectExistsError:
            # Another one than was remembered: is that complete, too?
            self.request.forget(path)
            if self._exists(names.beside(path, '_inprogress')):
                raise
            return self._open(path)

    def _read(self, path):
        """Return the content of a path as it is in Swift."""
        return self._ask(self._small_objects.read, path)

    def _stat(self, path):
        return self._ask(self._small_objects.stat, path)

    def _ask(self, ask, path):
        """Ask for a path's object; forget what is not there any more."""
        try:
            return ask(self._names.object_name(path))
        except errors.ObjectNotFoundError:
            self.memory.drop(path)
            raise

    def _url(self, path):
        """Return the URL of a path's object; None before the first login."""
        account = self._connections.known_storage_url()
        return account and '%s/%s/%s' % (account, self._container.name,
                                         self._names.object_name(path))

    def _forget(self, object_names):
        self.memory.drop(*map(self._names.path, object_names))
