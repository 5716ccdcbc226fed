"""Makes the container when the first object is written to it."""

from swiftclient import client

from . import answers
from .. import errors

#: A proxy that has looked for the container just before it was made may
#: answer for seconds that it is not there; making it again has the proxy
#: forget that.
#: Source: swift/proxy/controllers/container.py, clear_info_cache()
_ATTEMPTS = 3


class Creation(object):

    """Makes the container where a PUT has not found it.

    :param settings: Settings
    :param requests: retry.Requests
    """

    def __init__(self, settings, requests):
        self._settings = settings
        self._requests = requests
        self._name = settings.container

    def put(self, put):
        """Write an object, and make the container if it is missing.

        :param put: callable that sends the PUT of the object, or asks for the
            container
        :raises errors.SwiftError: as put raises it; where the container
            cannot be written to, the message names the setting
        """
        try:
            for attempts_left in range(_ATTEMPTS, -1, -1):
                try:
                    return put()
                except errors.ObjectNotFoundError as error:
                    self._create(error, attempts_left)
        except errors.AccessDeniedError as error:
            if error.status != 403 or isinstance(error, errors.LoginError):
                raise
            # Swift says no before it looks whether the container is there.
            raise self._cannot_write(
                error, 'it must be there, and give %s the right to write' % (
                    self._settings.rights_keys()[0]), error.see)

    def _create(self, missing, attempts_left):
        """Make the container.

        :param missing: errors.ObjectNotFoundError of the object's PUT
        """
        if not self._settings.create_container:
            raise self._cannot_write(missing, 'it may be created by hand, '
                                     'or by swift_create_container: true')
        if not attempts_left:
            raise self._cannot_write(missing, 'it has been created, and yet '
                                     'is not found')
        try:
            self._requests.send('PUT container ' + self._name, None,
                                self._put_container)
        except (errors.AccessDeniedError, errors.ObjectNotFoundError) as error:
            raise self._cannot_write(
                missing, 'it is missing, and %s may not create it' % (
                    self._settings.rights_keys()[0]), error.see)

    def _put_container(self, connection):
        client.put_container(
            connection.storage_url, connection.grant.token, self._name,
            http_conn=connection.http)
        answers.expect_status(connection, 'PUT container ' + self._name, None,
                              201, 202)

    def _cannot_write(self, error, reason, see=()):
        """Return the exception for a container that cannot be written to.

        :param error: errors.SwiftError of the object's PUT
        :param see: keys of the settings that say who writes, and where
        """
        kind = (errors.AccessDeniedError if error.status == 403
                else errors.SwiftError)
        made = errors.reworded(error, kind, (
            'PUT %s: cannot write to container %s (see %s): %s' % (
                error.object_name or 'container', self._name,
                ', '.join(see or ['swift_container']), reason)))
        made.see = see
        return made
