"""Removes objects, so that they are gone.

Source: https://docs.openstack.org/api-ref/object-store/, and for containers
that keep older versions swift/common/middleware/versioned_writes/legacy.py
"""

from swiftclient import client

from . import answers
from . import breaker
from . import bulk_delete
from .. import errors
from .. import names

#: A container with this header brings back the version before, when an object
#: is removed. One with X-History-Location or X-Versions-Enabled does not.
_VERSIONS_HEADER = 'x-versions-location'
#: How long it is remembered. A push of a layer has one DELETE.
_VERSIONS_SECONDS = 2
#: How much longer, where it could not be asked.
_AWAY_SECONDS = 30
#: What has been overwritten more often than that takes several removals.
_MAX_VERSIONS = 1000


class Deletion(object):

    """Removes objects of one container.

    :param requests: retry.Requests
    :param container: name of the container
    :param ask_metadata: callable that asks for the container's headers, once,
        which come to note_headers()
    :param capabilities: callable that returns the cluster's Capabilities
    """

    def __init__(self, requests, container, ask_metadata, capabilities):
        self._requests = requests
        self._container = container
        self._ask_metadata = ask_metadata
        self._capabilities = capabilities
        self._bulk_delete = bulk_delete.BulkDelete(requests, container)
        self._has_versions = False
        self._noted_at = float('-inf')

    def note_headers(self, headers):
        """Remember what an answer about the container says of versions.

        :param headers: a dict with lower-case names
        """
        self._has_versions = _VERSIONS_HEADER in headers
        self._noted_at = breaker.clock()

    def delete(self, object_name):
        """Remove an object, as Container.delete() does."""
        has_versions = self._brings_back_versions()
        if not has_versions:
            self._send(object_name, names.is_of_repository(object_name)
                       and self._capabilities().max_deletes)
            return
        self._send(object_name)
        for _ in range(_MAX_VERSIONS):
            try:
                self._send(object_name)
            except errors.ObjectNotFoundError:
                return
        raise errors.SwiftError(
            'DELETE %s: an older version is left after %d; container %s has '
            'them for its X-Versions-Location, see swift_container' % (
                object_name, _MAX_VERSIONS, self._container), object_name)

    def delete_all(self, object_names, written_once):
        """Remove objects, as Container.delete_all() does."""
        one_by_one = not written_once and self._brings_back_versions()
        self._bulk_delete.delete_all(
            object_names, 0 if one_by_one
            else self._capabilities().max_deletes,
            self._send if written_once else self.delete)

    def _brings_back_versions(self):
        """Tell whether DELETE brings back the version before.

        Asks Swift, unless an answer about the container has just said so.
        """
        if breaker.clock() - self._noted_at > _VERSIONS_SECONDS:
            try:
                self._ask_metadata()
            except errors.ObjectNotFoundError:
                return False  # it is yet to be made
            except errors.AccessDeniedError:
                self.note_headers({})  # the user may only use its objects
            except errors.SwiftError as error:
                # To remove the versions before is right in either case. If
                # the container's servers are away, those of objects may well
                # be there; proxies leave a server alone that fails too often.
                if error.status is not None:
                    self.note_headers({_VERSIONS_HEADER: ''})
                    self._noted_at += _AWAY_SECONDS
                return True
        return self._has_versions

    def _send(self, object_name, when_asked=False):
        """Send one DELETE.

        :param when_asked: whether to say which object it is when Swift asks
            for that: then a proxy that hangs, and goes on later, does not
            remove what has been written since
        :raises errors.ObjectNotFoundError: the object is not there, and it
            was not this that removed it: an attempt whose answer was lost
        """
        action = 'DELETE ' + object_name

        def send(connection):
            try:
                if when_asked:
                    self._bulk_delete.delete_one(connection, object_name)
                else:
                    client.delete_object(
                        connection.storage_url, connection.grant.token,
                        self._container, object_name,
                        http_conn=connection.http)
                    answers.expect_status(connection, action, object_name, 204)
            except client.ClientException as error:
                if error.http_status == 409:
                    # What is there is of a proxy whose clock is ahead of this
                    # one's. In a moment it is not.
                    error.http_status = 503
                raise
        try:
            self._requests.send(action, object_name, send)
        except errors.ObjectNotFoundError as error:
            if not error.may_have_happened:
                raise
        except errors.ObjectExistsError as error:
            raise errors.version_not_kept(action, self._container, error)
