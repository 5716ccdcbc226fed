"""Finds out what a cluster can do, from its /info.

Source: https://docs.openstack.org/swift/latest/middleware.html
"""

import collections
import logging
import re

from swiftclient import client

from . import answers
from .. import compat
from .. import errors

_GIB = 1024 ** 3
#: More would keep one request waiting for too long.
_MAX_DELETES = 1000
#: Those of temporary URLs, the strongest first.
_DIGESTS = ('sha512', 'sha256', 'sha1')

#: max_file_size_bytes of one object; max_segments of a static large object, 0
#: where it has none; max_deletes in one request, 0 where it has no bulk
#: delete; temp_url_digest, the strongest that it takes, None where it has no
#: temporary URLs; page_entries, how many a page of a listing has that is not
#: the last, None where also a shorter one may be followed by others;
#: heeds_etags, whether PUT heeds If-None-Match, and the ETag of a large object
#: says which one it is.
Capabilities = collections.namedtuple(
    'Capabilities', 'max_file_size_bytes max_segments max_deletes '
    'temp_url_digest page_entries heeds_etags')

#: Swift's, for clusters that do not show their /info.
DEFAULT = Capabilities(5 * _GIB + 2, 1000, _MAX_DELETES, 'sha256', None,
                       False)

logger = logging.getLogger(__name__)


def ask(requests):
    """Ask a cluster what it can do, and return its Capabilities.

    :param requests: retry.Requests
    :returns: DEFAULT where the cluster does not show its /info
    :raises errors.SwiftError: it cannot be asked
    """
    try:
        info = requests.send('GET /info', None, _get_info)
    except errors.LoginError:
        raise
    except errors.SwiftError as error:
        if error.status is None or errors.is_transient(error):
            raise
        logger.debug('the cluster does not show its /info: %s', error)
        return DEFAULT
    return DEFAULT if info is None else parse(info)


def _get_info(connection):
    """Return what /info says; None where the cluster does not show it."""
    url = compat.urlparse(connection.storage_url)
    path = re.sub('/v1[^/]*(/[^/]*)?$', '/info', url.path)
    try:
        info = client.get_capabilities(
            (url._replace(path=path), connection.http[1]))
    except client.ClientException as error:
        if error.http_status not in (401, 403):
            raise
        # No token went along: a new one is of no use.
        return None
    except ValueError:  # not JSON
        info = None
    # Every Swift has this section, and so has Ceph's gateway.
    if not isinstance(info, dict) or not isinstance(info.get('swift'), dict):
        raise answers.not_swift(connection, 'GET /info')
    return info


def parse(info):
    """Return the Capabilities of a cluster.

    :param info: what its /info says, a dict
    """
    digest = None
    if 'tempurl' in info:
        # One that does not name its digests is of the time of sha1.
        allowed = info['tempurl'].get('allowed_digests', ['sha1'])
        digest = next((each for each in _DIGESTS if each in allowed), None)
    constraints = info['swift']
    # Ceph's gateway may end a page early, lets PUT replace what is there, and
    # gives the ETag of the manifest itself. Its /info has fewer entries.
    # Source: rgw_rest_swift.cc and rgw_op.cc; for the pages
    # https://github.com/ceph/ceph/pull/33864
    is_swift = 'account_listing_limit' in constraints
    return Capabilities(
        constraints.get('max_file_size', DEFAULT.max_file_size_bytes),
        info.get('slo', {}).get('max_manifest_segments', 0),
        min(_MAX_DELETES, info.get('bulk_delete', {}).get(
            'max_deletes_per_request', 0)),
        digest,
        constraints.get('container_listing_limit') if is_swift else None,
        is_swift)
