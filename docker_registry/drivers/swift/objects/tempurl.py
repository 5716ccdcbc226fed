"""Signs temporary URLs, by which one object can be read for a while.

Pure: no I/O, no clock.

Source: https://docs.openstack.org/swift/latest/middleware.html#tempurl
"""

import hashlib
import hmac
import re

from .. import compat


def object_url(storage_url, public_url, container, object_name):
    """Return the URL of an object for clients.

    :param storage_url: URL of the account as the registry uses it
    :param public_url: URL of the account for clients, or only its scheme and
        host; None if they use the registry's
    """
    account = public_url or storage_url
    if not compat.urlsplit(account).path:
        account += compat.urlsplit(storage_url).path
    return '/'.join([account, compat.quote(compat.encoded(container), ''),
                     compat.quote(compat.encoded(object_name))])


def sign(url, storage_url, container, object_name, key, digest, expires_at):
    """Return a URL with a signature for GET.

    :param url: of object_url()
    :param storage_url: URL of the account as Swift itself sees it; the path
        in there, and not that of url, is what Swift signs
    :param key: TempURL key of the account or container
    :param digest: 'sha1', 'sha256' or 'sha512'
    :param expires_at: Unix time in whole seconds
    :returns: URL, or None where Swift could not check the signature: its
        path has no account
    """
    account_path = compat.urlsplit(storage_url).path
    if not re.match('/v1[^/]*/[^/]+$', account_path):
        return None
    path = b'/'.join([compat.unquote_to_bytes(account_path),
                      compat.encoded(container),
                      compat.encoded(object_name)])
    message = b'\n'.join([b'GET', str(expires_at).encode('ascii'), path])
    signature = hmac.new(compat.encoded(key), message,
                         getattr(hashlib, digest)).hexdigest()
    return '%s?temp_url_sig=%s&temp_url_expires=%d' % (
        url, signature, expires_at)
