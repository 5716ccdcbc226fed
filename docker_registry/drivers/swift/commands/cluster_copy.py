"""Copies layers within one account of Swift, by Swift itself.

Source: https://docs.openstack.org/api-ref/object-store/ (COPY), and
    swift/common/middleware/copy.py
"""

import hashlib
import time
import uuid

from . import sides
from .. import errors
from .. import names
from ..objects import small_object


def between(source, target, jobs):
    """Return the ClusterCopy between two sides, None where there is none.

    :param source, target: of sides.open_side()
    :param jobs: parallel.Jobs; copying ends where these are stopped
    """
    if not (isinstance(source, sides.SwiftSide)
            and isinstance(target, sides.SwiftSide)):
        return None
    if source.registry.container.storage_url() != (
            target.registry.container.storage_url()):
        return None
    return ClusterCopy(source.registry, target.registry, jobs)


class ClusterCopy(object):

    """Copies layers, segments included.

    :param source, target: opened.Opened
    :param jobs: parallel.Jobs
    """

    def __init__(self, source, target, jobs):
        self._jobs = jobs
        self._source = source
        self._target = target

    def copy(self, path):
        """Copy a layer; return whether that was possible.

        What Swift copies it compares itself: each part has the ETag that the
        source's listing or manifest gives.

        :param path: of the layer, at the source and at the target
        :raises errors.SwiftError: as Container.copy_to()
        """
        name = self._source.names.object_name(path)
        copied = self._target.names.object_name(path)
        headers = self._source.container.head(name)
        if 'x-object-manifest' in headers:
            return False
        if 'x-static-large-object' not in headers:
            self._source.container.copy_to(
                name, headers['etag'].strip('"'), self._target.container.name,
                copied)
            return True
        segments = self._source.container.read_manifest(name)
        if not all(segment and segment.startswith(names.SEGMENTS)
                   for segment, _, _ in segments):
            return False  # of blobs of v2, which may be manifests themselves
        self._copy_segments(segments, copied, headers)
        return True

    def _copy_segments(self, segments, copied, headers):
        prefix = names.segments_prefix(copied, '%d-%s' % (
            time.time(), uuid.uuid4().hex))
        made = []
        try:
            for number, (segment, size_bytes, etag) in enumerate(segments):
                self._jobs.check()
                new = names.segment_name(prefix, number)
                made.append((new, size_bytes, etag))
                self._source.container.copy_to(
                    segment, etag, self._target.container.name, new)
            etag = hashlib.md5(''.join(
                each for _, _, each in made).encode('ascii')).hexdigest()
            checksum = headers.get(small_object.CHECKSUM)
            self._target.container.put_manifest(
                copied, made, etag,
                headers=checksum and {small_object.CHECKSUM: checksum})
        except BaseException as error:
            # Whether or not the manifest is there: who runs this again finds
            # that there is a mark, and no layer or one with other segments.
            if not isinstance(error, errors.UnreachableError):
                self._target.container.delete_all(
                    name for name, _, _ in made)
            raise
