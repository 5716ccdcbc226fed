"""Sends one request to Swift, again where that may help.

The place where a failure becomes one of the driver's exceptions, and where
requests are logged: each attempt at DEBUG, one that is repeated at WARNING.
What is given up is raised, for the caller to report. Knows nothing of what
the requests are for.
"""

import logging
import random
import time

import requests
from swiftclient import client

from . import breaker
from . import connections
from . import session
from .. import errors

#: Who wants to know whether Swift can be used does not want to wait for long.
_CHECK_SECONDS = 10

#: Answers to a token that is good, besides those that are a success.
_ACCEPTED = (404, 412, 416)
#: A proxy of the environment gives them as well as Swift.
_OF_PROXIES = (403, 407, 500, 502, 503, 504)

logger = logging.getLogger(__name__)


class Wait(object):

    """How long a request and its repetitions may go without an answer.

    :param total_seconds: all attempts, and the pauses between them, together
    :param connect_seconds: how long a connection may take to be made
    :ivar left_seconds: how long it still may
    :ivar limit_seconds: how long the attempt under way may go without an
        answer, its connection apart
    :ivar since: clock() when it began to wait
    """

    def __init__(self, total_seconds, connect_seconds):
        self._total_seconds = total_seconds
        self._connect_seconds = connect_seconds
        self.left_seconds = total_seconds
        self.limit_seconds = None
        self.since = None

    def allot(self, is_last):
        """Set the limit for the next attempt.

        Half of what is left, so that another proxy can be asked when this
        one is stuck; the last one gets what a connection does not need.
        """
        half = self.left_seconds / 2.0
        self.limit_seconds = half
        if is_last:
            self.limit_seconds += half - min(half, self._connect_seconds)

    def begin(self):
        """Begin to wait, or begin anew: something has moved on."""
        self.since = breaker.clock()

    def end(self):
        """Stop waiting: there is an answer, or none comes."""
        if self.since is not None:
            self.pause(breaker.clock() - self.since)
            self.since = None

    def pause(self, seconds):
        """Take a pause from what is left."""
        self.left_seconds -= seconds

    def renew(self):
        """Start over: some of what was waited for has come."""
        self.left_seconds = self._total_seconds
        self.since = None


class Upload(object):

    """A request's body; while it moves on nobody waits.

    :param content: has read(size)
    :param wait: Wait of the request
    """

    def __init__(self, content, wait):
        self._content = content
        self._wait = wait

    def read(self, size):
        self._wait.begin()
        return self._content.read(size)


class Requests(object):

    """Sends requests on connections from a pool.

    A failure that may pass is tried again, settings.retries times, while
    Swift has not kept it waiting for settings.timeout; a token that is
    refused is renewed once.

    :param settings: Settings
    :param pool: Connections
    """

    def __init__(self, settings, pool):
        self._settings = settings
        self._pool = pool

    def send(self, action, object_name, operation, keeps=False, wait=None,
             is_slow=False):
        """Do one operation on a borrowed connection, again where it helps.

        :param action: what it is, for messages: "GET registry/images/1/json"
        :param object_name: name of the object, None for other requests
        :param operation: callable that takes a Connection and raises what
            swiftclient's functions raise
        :param keeps: whether what it returns goes on using the connection,
            and reports its answer
        :param wait: Wait of the request that this one goes on with
        :param is_slow: whether Swift has much to do before it answers; all
            of the time is for the first attempt then
        :returns: what the operation returns
        :raises errors.SwiftError: it cannot be done
        """
        wait = wait or Wait(self._settings.timeout,
                            self._settings.connect_timeout)
        return self._repeat(action, object_name, operation, keeps, wait,
                            self._settings.retries, is_slow)

    def check(self, action, operation):
        """Do one operation once, and soon, however silent Swift has been.

        :raises errors.SwiftError: it cannot be done
        """
        wait = Wait(min(_CHECK_SECONDS, self._settings.timeout),
                    self._settings.connect_timeout)
        self._repeat(action, None, operation, False, wait, retries=0,
                     is_check=True)

    def _repeat(self, action, object_name, operation, keeps, wait, retries,
                is_slow=False, is_check=False):
        pool = self._pool
        delay = self._settings.retry_delay
        renewed = False
        while True:
            grant = None
            wait.allot(is_last=is_slow or not retries)
            try:
                connection = pool.borrow(wait, is_check)
                grant = connection.grant
                result = self._attempt(connection, action, object_name,
                                       operation, keeps)
                pool.breaker.answered()
                pool.accepted(grant)
                return result
            except errors.NotAskedError:
                raise
            except errors.SwiftError as error:
                if isinstance(error, errors.UnreachableError):
                    pool.breaker.failed(wait.since)
                elif error.status is not None:
                    pool.breaker.answered()
                wait.end()
                if error.status in _ACCEPTED:
                    pool.accepted(grant)
                if (error.status in (401, 403) and grant is not None
                        and pool.refused(grant, error.status, renewed)
                        and wait.left_seconds > 0):
                    renewed = True
                    continue
                pause = error.retry_after_seconds
                if pause is None:
                    pause = delay * random.uniform(0.5, 1.5)
                if (not retries or not errors.is_transient(error)
                        or pause >= wait.left_seconds
                        or pool.breaker.is_open):
                    raise
                logger.warning('%s; trying again in %.1f s', error, pause)
            pool.counters.add('retries')
            wait.pause(pause)
            time.sleep(pause)
            retries -= 1
            delay *= 2

    def _attempt(self, connection, action, object_name, operation, keeps):
        pool = self._pool
        pool.counters.add('requests')
        started = breaker.clock()
        kept = False
        try:
            result = operation(connection)
            kept = keeps
            if not keeps:
                answer = connection.answer()
                pool.counters.add('bytes_in', answer.bytes_in)
                pool.counters.add('bytes_out', answer.bytes_out)
                log_answer(action, answer.status, started,
                           answer.bytes_in or answer.bytes_out,
                           answer.transaction_id)
            return result
        except client.ClientException as error:
            log_answer(action, error.http_status, started, 0,
                       error.transaction_id)
            status = error.http_status or None
            if status in _OF_PROXIES:
                action += session.through_proxy(connection.storage_url)
            raise errors.from_status(
                action, object_name, status, error.transaction_id,
                error.http_response_headers, self._see(status))
        except errors.SwiftError:
            raise  # is an IOError, and one of these too
        except requests.exceptions.InvalidHeader:  # whose text has the value
            raise errors.SwiftError('%s: no HTTP header can have such a token '
                                    'or key' % action, object_name)
        except connections.TRANSPORT_ERRORS as error:
            logger.debug('%s: no answer in %.3f s', action,
                         breaker.clock() - started)
            raise errors.unreachable('%s at %s%s' % (
                action, connection.http[0].netloc,
                session.through_proxy(connection.storage_url)), error,
                object_name)
        except ValueError as error:
            # Or Python 2's for a header, whose text has the value.
            raise errors.SwiftError(
                '%s: what was asked or answered cannot be: %s' % (
                    action, type(error).__name__), object_name)
        finally:
            if kept:
                pool.detach(connection)
            else:
                pool.finish(connection)

    def _see(self, status):
        """Return the keys of the settings that a status may come from."""
        if status == 401:
            return self._settings.login_keys()
        if status == 403:
            return self._settings.rights_keys()
        if status in errors.REDIRECTS:
            return self._settings.address_keys()
        return ()


def log_answer(action, status, started, size_bytes, transaction_id):
    """Write the one line that a request has in the log.

    :param started: clock() when it began
    :param size_bytes: of the body that was sent or read
    """
    logger.debug('%s: %s, %d bytes in %.3f s, transaction %s', action, status,
                 size_bytes, breaker.clock() - started, transaction_id)
