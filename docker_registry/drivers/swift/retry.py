"""Sends one request to Swift, again where that may help.

The place where a failure becomes one of the driver's exceptions. Knows
nothing of what the requests are for.
"""

import logging
import random
import time

from swiftclient import client

from . import connections
from . import errors

_FIRST_DELAY_SECONDS = 0.2

logger = logging.getLogger(__name__)


class Requests(object):

    """Sends requests on connections from a pool.

    A failure that may pass is tried again, settings.retries times and no
    longer than settings.timeout after the first failure; a token that is
    refused is renewed once.

    :param settings: Settings
    :param pool: Connections
    """

    def __init__(self, settings, pool):
        self._settings = settings
        self._pool = pool

    def send(self, action, object_name, operation, keeps=False):
        """Do one operation on a borrowed connection, again where it helps.

        :param action: what it is, for messages: "GET registry/images/1/json"
        :param object_name: name of the object, None for other requests
        :param operation: callable that takes a Connection and raises what
            swiftclient's functions raise
        :param keeps: whether what it returns goes on using the connection
        :returns: what the operation returns
        :raises errors.SwiftError: it cannot be done
        """
        give_up_at = None
        retries = 0
        renewed = False
        while True:
            grant = None
            try:
                connection = self._pool.borrow()
                grant = connection.grant
                return self._attempt(connection, action, object_name,
                                     operation, keeps)
            except errors.SwiftError as error:
                if error.status == 401 and grant is not None and not renewed:
                    self._pool.forget(grant)
                    renewed = True
                    continue
                # Counted from the first failure: the attempt before it may
                # have been a long upload.
                give_up_at = give_up_at or (
                    time.time() + self._settings.timeout)
                if (retries == self._settings.retries
                        or time.time() > give_up_at
                        or not errors.is_transient(error)):
                    raise
                delay = error.retry_after_seconds
                if delay is None:
                    delay = (_FIRST_DELAY_SECONDS * 2 ** retries
                             * random.uniform(0.5, 1.5))
                delay = min(delay, max(0, give_up_at - time.time()))
                logger.warning('%s; trying again in %.1f s', error, delay)
            retries += 1
            time.sleep(delay)

    def _attempt(self, connection, action, object_name, operation, keeps):
        started = time.time()
        kept = False
        try:
            answer = operation(connection)
            kept = keeps
            logger.debug('%s: done in %.3f s', action, time.time() - started)
            return answer
        except client.ClientException as error:
            logger.debug('%s: %s in %.3f s', action, error.http_status,
                         time.time() - started)
            raise errors.from_status(
                action, object_name, error.http_status or None,
                error.transaction_id, error.http_response_headers)
        except errors.SwiftError:
            raise  # is an IOError, and one of these too
        except connections.TRANSPORT_ERRORS as error:
            raise errors.unreachable(action, error, object_name)
        except ValueError as error:
            raise errors.SwiftError('%s: the answer is not what Swift gives: '
                                    '%s' % (action, error), object_name)
        finally:
            if kept:
                self._pool.detach()
            else:
                self._pool.finish(connection)
