"""Copies layers within one account of Swift, by Swift itself.

Source: https://docs.openstack.org/api-ref/object-store/ (COPY), and
    swift/common/middleware/copy.py
"""

from . import parallel
from . import sides
from .. import errors
from .. import names
from ..objects import large_object
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
        prefix = large_object.new_prefix(copied)
        made = [(names.segment_name(prefix, number), size_bytes, etag)
                for number, (_, size_bytes, etag) in enumerate(segments)]
        manifest_sent = False
        try:
            # Several at a time, for there may be one large layer alone.
            jobs = parallel.Jobs(self._target.settings.upload_concurrency)
            try:
                for _ in jobs.each(self._copy_segment, (
                        (segment, etag, new) for (segment, _, etag), (
                            new, _, _) in zip(segments, made))):
                    pass
            finally:
                jobs.stop()
            checksum = headers.get(small_object.CHECKSUM)
            manifest_sent = True
            self._target.container.put_manifest(
                copied, made,
                headers=checksum and {small_object.CHECKSUM: checksum})
        except BaseException as error:
            # Once the manifest is sent it may be there: gc finds out.
            if not manifest_sent and not isinstance(
                    error, errors.UnreachableError):
                self._target.container.delete_all(
                    name for name, _, _ in made)
            raise

    def _copy_segment(self, segment):
        self._jobs.check()
        name, etag, new = segment
        self._source.container.copy_to(
            name, etag, self._target.container.name, new)
