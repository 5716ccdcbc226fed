"""Reads what another driver of docker-registry-core has, such as s3.

Such drivers do not tell an outage from what is not there in every case: boto
says of a bucket that is gone, or of a page that something else answers with
404, that there is no such key. So whenever a driver says that something is not
there, something is looked for that is. And s3 reads large keys by threads of
its own, whose failures nobody hears of: the reader waits for ever. So a range
is read, which is done without those.

Source: core/driver.py, core/boto.py and drivers/s3.py of docker-registry-core
    2.0.3 and docker-registry 0.9.1
"""

import contextlib

from . import stored
from .. import compat
from .. import core_exceptions
from .. import errors
from ..objects import small_object


def open_driver(kind, config, name):
    """Return the DriverSide of a flavor.

    To be called before anything has threads: s3 has gevent patch modules.

    :param kind: name of the driver
    :param config: what files.read() gives
    :param name: of the flavor
    :raises errors.ConfigError: there is no such driver
    :raises errors.SwiftError: it cannot be built
    """
    try:
        from docker_registry.core import driver
        storage = driver.fetch(kind)
    except (ImportError, core_exceptions.UnspecifiedError) as error:
        raise errors.ConfigError(
            'flavor %s: storage is %s, and its driver cannot be loaded; '
            'install it beside docker-registry, on Python 2.7: %s' % (
                name, kind, error))
    try:
        return DriverSide(storage(path=config.storage_path, config=config),
                          name)
    except Exception as error:
        raise _failed(name, 'open it', error)


class DriverSide(object):

    """What a driver reads; see sides.SwiftSide for the methods.

    Every method raises errors.SwiftError when the driver fails, whatever it
    raises; errors.ObjectNotFoundError only of what is not there while
    something else is.

    :param driver: core's driver.Base
    :param name: of the flavor
    """

    def __init__(self, driver, name):
        self._driver = driver
        self._name = name
        self._known = None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def look(self):
        """Look whether there is anything to be read.

        :raises errors.SwiftError: there is not
        """
        self._known = self._file('repositories')
        if self._known is None:
            raise errors.SwiftError(
                'there is no registry in flavor %s: it has no repositories; '
                'see storage_path' % self._name)

    def repositories(self, pattern):
        """Yield each stored.Repository whose name fits a pattern."""
        for namespace in self._list('repositories'):
            for path in self._list(namespace):
                name = stored.repository_name(path)
                if stored.matches(name, pattern):
                    yield stored.Repository(name, path, dict.fromkeys(
                        each.rsplit('/', 1)[1] for each in self._list(path)))

    def tag_names(self, repository):
        """Return the names of what may be a repository's tags, a list."""
        return [tag for _, tag in stored.listed_tags(repository.files)]

    def read(self, path):
        """Return the content of a path as bytes."""
        with self._asking(path):
            return self._driver.get_content(path)

    def stat(self, path):
        """Return the small_object.Stat of a path."""
        with self._asking(path):
            if not self._driver.exists(path):
                raise errors.ObjectNotFoundError('%s is not there' % path)
            return small_object.Stat(self._driver.get_size(path), '', None)

    def open(self, path):
        """Return an iterator over chunks of a path, with a close()."""
        with self._asking(path):
            size_bytes = self._driver.get_size(path)
        bytes_range = ((0, size_bytes - 1) if self._driver.supports_bytes_range
                       and size_bytes else None)
        return self._chunks(path, bytes_range)

    def _chunks(self, path, bytes_range):
        with self._asking(path):
            for chunk in self._driver.stream_read(path, bytes_range):
                yield chunk

    def _list(self, path):
        try:
            with self._asking(path):
                return sorted(compat.native(each).strip('/') for each
                              in self._driver.list_directory(path))
        except errors.ObjectNotFoundError:
            return []  # empty, or what another tool has left

    def _file(self, path):
        """Return the path of something that is there below a directory."""
        for each in self._list(path):
            with self._asking(each):
                if self._driver.exists(each):
                    return each
            found = self._file(each)
            if found is not None:
                return found
        return None

    @contextlib.contextmanager
    def _asking(self, path):
        try:
            try:
                yield
            except errors.ObjectNotFoundError:
                self._check(path)
                raise
            except core_exceptions.FileNotFoundError as error:
                self._check(path)
                raise errors.ObjectNotFoundError(str(error))
        except (errors.SwiftError, KeyboardInterrupt, GeneratorExit):
            raise
        except Exception as error:
            raise _failed(self._name, 'read %s' % path, error)

    def _check(self, path):
        """Raise errors.SwiftError unless what was there still is."""
        if self._known is not None and not self._driver.exists(self._known):
            raise errors.SwiftError(
                'flavor %s: neither %s nor %s is there, and the second was; '
                'perhaps the storage is away' % (self._name, path,
                                                 self._known))


def _failed(name, action, error):
    """Return what a driver has failed with as an errors.SwiftError."""
    text = str(error).strip().split('\n')[0]
    return errors.SwiftError('flavor %s: cannot %s: %s: %s' % (
        name, action, type(error).__name__, text))
