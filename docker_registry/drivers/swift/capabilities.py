"""What a cluster can do, as its /info tells.

Pure: no I/O.

Source: https://docs.openstack.org/swift/latest/middleware.html
"""

import collections

from . import tempurl

_GIB = 1024 ** 3
#: More would keep one request waiting for too long.
_MAX_DELETES = 1000

#: max_file_size_bytes of one object; max_segments of a static large object, 0
#: where it has none; max_deletes in one request, 0 where it has no bulk
#: delete; temp_url_digest, the strongest that it takes, None where it has no
#: temporary URLs.
Capabilities = collections.namedtuple(
    'Capabilities',
    'max_file_size_bytes max_segments max_deletes temp_url_digest')

#: Swift's, for clusters that do not tell.
DEFAULT = Capabilities(5 * _GIB + 2, 1000, _MAX_DELETES, 'sha256')


def parse(info):
    """Return the Capabilities of a cluster.

    :param info: what its /info says, a dict
    """
    digest = None
    if 'tempurl' in info:
        # One that does not name its digests is of the time of sha1.
        digest = tempurl.strongest(
            info['tempurl'].get('allowed_digests', ['sha1']))
    return Capabilities(
        info.get('swift', {}).get(
            'max_file_size', DEFAULT.max_file_size_bytes),
        info.get('slo', {}).get('max_manifest_segments', 0),
        min(_MAX_DELETES, info.get('bulk_delete', {}).get(
            'max_deletes_per_request', 0)),
        digest)
