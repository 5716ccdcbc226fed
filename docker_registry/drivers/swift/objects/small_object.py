"""Reads and writes small objects as a whole, and asks HEAD of any object.

Knows Swift's headers; which objects change is known by names.py.
"""

import collections
import hashlib
import time

from . import reader
from .. import errors
from .. import names

#: The header with the checksum that a layer was pushed with. It is written
#: with the layer's object, so that it is always the checksum of these bytes.
CHECKSUM = 'x-object-meta-docker-checksum'

_CHUNK_BYTES = 128 * 1024
#: Within this time an object that is being removed is gone from all replicas.
_REMOVAL_SECONDS = 0.1

#: What HEAD says of an object: its size in bytes; its ETag without quotes, ''
#: where it says little of the content or GET does not heed it; and of a layer
#: the checksum that it was pushed with, as text, or None.
Stat = collections.namedtuple('Stat', 'size_bytes etag checksum')


class SmallObjects(object):

    """Read, write and look at the objects of a container.

    :param values: settings.Settings
    :param swift_container: container.Container
    :param chunk_bytes: how many bytes are read at a time
    """

    def __init__(self, values, swift_container, chunk_bytes=_CHUNK_BYTES):
        self._retries = values.retries
        self._container = swift_container
        self._chunk_bytes = chunk_bytes

    def read(self, object_name):
        """Return the content of an object as bytes.

        :raises errors.ObjectNotFoundError: there is none
        :raises errors.SwiftError: it cannot be read
        """
        return self.get(object_name)[1]

    def get(self, object_name):
        """Return what GET says of an object, and its content.

        :returns: headers as a dict with lower-case names, and bytes
        :raises errors.SwiftError: as read() raises it
        """
        for retries in range(self._retries, -1, -1):
            try:
                opened = reader.Reader(
                    self._container, object_name, self._chunk_bytes,
                    resumes=self._retries)
                return opened.headers, b''.join(opened)
            except errors.BrokenObjectError:
                # Asked for the newest of an object that is being removed,
                # Swift may give headers and no content.
                if not retries:
                    raise
                time.sleep(_REMOVAL_SECONDS)

    def write(self, object_name, content, only_new=False, headers=None):
        """Write bytes to an object; Swift compares their MD5.

        :param only_new: do nothing if there is an object of this name
        :param headers: more headers for the object, a dict
        :raises errors.ObjectExistsError: only_new, and there is
        :raises errors.SwiftError: it may not have been written
        """
        self._container.put(object_name, content, len(content),
                            hashlib.md5(content).hexdigest(), only_new,
                            headers, names.may_change(object_name))

    def stat(self, object_name):
        """Return the Stat of an object of any size, by one HEAD.

        :raises errors.ObjectNotFoundError: there is none
        """
        headers = self._container.head(object_name)
        return Stat(self._container.get_size(headers),
                    self._container.get_etag(headers), headers.get(CHECKSUM))
