"""Registry path <-> object name.

Objects are named as docker-registry-driver-swift 0.2.1 named them: the root
(storage_path) without its outer slashes, a slash, the path. Pure: no I/O.
"""

import sys

from . import errors

if sys.version_info[0] < 3:
    from urllib import quote_plus
else:
    from urllib.parse import quote_plus


class Names(object):

    """Names of the objects below one root in a container.

    :param root: storage_path as configured: '/', '/registry', 'registry/'
        and '' are all understood
    """

    def __init__(self, root):
        root = root.strip('/')
        self._root = root + '/' if root else ''

    def object_name(self, path):
        """Return the name of the object that holds a path.

        :param path: path as the registry gives it, relative to the root
        :returns: the object's name, text or bytes as the path was
        :raises InvalidPathError: the path is empty or has a part '.' or '..',
            which HTTP libraries would resolve to another object's name
        """
        stripped = path.strip('/')
        if not stripped:
            raise errors.InvalidPathError(
                'the path %r names no object' % (path,), object_name=path)
        parts = stripped.split('/')
        if '.' in parts or '..' in parts:
            raise errors.InvalidPathError(
                'the path %r has a part . or ..' % (path,), object_name=path)
        return self._root + stripped

    def prefix(self, path=None):
        """Return what the names of all objects below a directory begin with.

        :param path: directory relative to the root; None or '' is the root
        :returns: a prefix that ends in a slash, or '' for the whole container
        :raises InvalidPathError: as for object_name()
        """
        if not (path or '').strip('/'):
            return self._root
        return self.object_name(path) + '/'

    def path(self, object_name):
        """Return the path relative to the root; undoes object_name().

        :param object_name: a name, or a pseudo-directory that ends in a slash
        """
        return object_name[len(self._root):].rstrip('/')


def quote_part(value):
    """Quote one part of a path as core's path helpers do on Python 2.

    :param value: anything that str() takes: namespace, repository, tag, id
    :returns: a str without a slash that is neither '.' nor '..'

    Source: check() in docker_registry/core/driver.py
    """
    value = str(value)
    if value in ('.', '..'):
        value = value.replace('.', '%2E')
    return quote_plus(value)
