"""Copies layers and blobs within one cluster, by Swift itself.

Source: https://docs.openstack.org/api-ref/object-store/ (COPY), and
    swift/common/middleware/copy.py
"""

from . import parallel
from . import sides
from .. import errors
from .. import names
from ..objects import segmentation
from ..objects import small_object


def between(source, target, jobs):
    """Return the ClusterCopy between two sides, None where there is none.

    :param source, target: of sides.open_side()
    :param jobs: parallel.Jobs; copying ends where these are stopped
    """
    if not (isinstance(source, sides.SwiftSide)
            and isinstance(target, sides.SwiftSide)):
        return None
    (cluster, account), (target_cluster, target_account) = [
        side.registry.container.storage_url().rsplit('/', 1)
        for side in (source, target)]
    if cluster != target_cluster:
        return None
    return ClusterCopy(source.registry, target.registry, jobs,
                       None if account == target_account else target_account)


class ClusterCopy(object):

    """Copies layers and blobs, segments included.

    :param source, target: opened.Opened
    :param jobs: parallel.Jobs
    :param account: of the target, None where it is that of the source; the
        source's user may have no right to write there, or the cluster not let
        it: then nothing is copied
    """

    def __init__(self, source, target, jobs, account):
        self._jobs = jobs
        self._source = source
        self._target = target
        self._account = account
        self._is_denied = False

    def copy(self, name, copied):
        """Copy an object; return whether that was possible.

        What Swift copies it compares itself: each part has the ETag that the
        source's listing or manifest gives.

        :param name: of the object at the source
        :param copied: of the object at the target
        :raises errors.SwiftError: as Container.copy_to()
        """
        if self._is_denied:
            return False
        try:
            return self._copy(name, copied)
        except errors.AccessDeniedError:
            if self._account is None:
                raise
            self._is_denied = True
            return False

    def _copy(self, name, copied):
        headers = self._source.container.head(name)
        if 'x-object-manifest' in headers:
            return False
        if 'x-static-large-object' not in headers:
            self._copy_to(name, headers['etag'].strip('"'), copied)
            return True
        segments = self._source.container.read_manifest(name)
        if not all(segment and segment.startswith(names.SEGMENTS)
                   for segment, _, _ in segments):
            # A layer that is a blob, or a blob that is a layer.
            return len(segments) == 1 and segments[0][0] is not None and (
                self._copy(segments[0][0], copied))
        self._copy_segments(segments, copied, headers)
        return True

    def _copy_segments(self, segments, copied, headers):
        prefix = segmentation.new_prefix(copied)
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
        self._copy_to(name, etag, new)

    def _copy_to(self, name, etag, copied):
        self._source.container.copy_to(
            name, etag, self._target.container.name, copied, self._account)
