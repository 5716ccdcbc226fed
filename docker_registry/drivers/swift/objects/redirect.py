"""Makes URLs by which clients fetch a layer from Swift itself.

Knows whether there may be one, and the key. Knows nothing of how a URL is
signed, or of registry paths.
"""

import logging
import time

from . import tempurl
from .. import errors

#: How long the container's key is remembered: a key that a rotation has moved
#: to second place must stay there for longer.
_KEY_SECONDS = 60

_HEADER = 'x-container-meta-temp-url-key'

logger = logging.getLogger(__name__)


class Redirects(object):

    """Makes URLs for objects of one container.

    :param settings: Settings
    :param container: Container
    """

    def __init__(self, settings, container):
        self._settings = settings
        self._container = container
        self._key_of_container = None
        self._asked_at = float('-inf')
        self._reason = None
        self._said_at = float('-inf')

    def url(self, object_name, etag=None):
        """Return a URL for GET, short-lived unless the container is public.

        :param etag: of the version that is meant; None is any
        :returns: URL; None if there is no way to sign one, which the log says
        :raises errors.ObjectNotFoundError: there is no such object
        :raises errors.ObjectExistsError: it is of another version
        :raises errors.SwiftError: Swift cannot be asked
        """
        settings = self._settings
        # A client that is sent to a layer that is not there is lost.
        headers = self._container.head(object_name)
        if etag and self._container.get_etag(headers) != etag:
            raise errors.from_status('HEAD %s' % object_name, object_name,
                                     412)
        storage_url = self._container.storage_url()
        url = tempurl.object_url(storage_url, settings.public_url,
                                 self._container.name, object_name)
        if settings.public_container:
            return url
        digest = self._container.capabilities().temp_url_digest
        if digest is None:
            return self._none('the cluster has no temporary URLs')
        try:
            key = settings.secret('temp_url_key') or self._key()
        except (IOError, ValueError) as error:
            return self._none('swift_temp_url_key_file: %s' % error)
        if not key:
            return self._none(
                'container %s shows the user no TempURL key, and there is '
                'no swift_temp_url_key; see docker-registry-swift check'
                % self._container.name)
        signed = tempurl.sign(url, storage_url, self._container.name,
                              object_name, key, digest,
                              int(time.time()) + settings.temp_url_ttl)
        return signed or self._none(
            'the path of %s has no account to sign' % storage_url)

    def set_key(self, key):
        """Set the container's TempURL key; the one before becomes the second.

        What has been signed with it stays good, and registries that have not
        noticed yet can go on signing with it.

        :param key: text
        :raises errors.AccessDeniedError: only owners of the account may
        """
        found = self._container.metadata().get(_HEADER)
        if found != key:
            headers = {_HEADER: key}
            if found:
                headers[_HEADER + '-2'] = found
            self._container.post(headers)
        self._asked_at = float('-inf')

    def _key(self):
        """Return the container's key; None where swift_user sees none."""
        now = time.time()
        # The clock may be set back.
        if abs(now - self._asked_at) > _KEY_SECONDS:
            self._key_of_container = self._container.metadata().get(_HEADER)
            self._asked_at = now
        return self._key_of_container

    def _none(self, reason):
        """Log, once a minute, why there is no URL; return None."""
        if reason != self._reason or time.time() - self._said_at > 60:
            logger.warning('no redirects: %s', reason)
            self._reason, self._said_at = reason, time.time()
        return None
