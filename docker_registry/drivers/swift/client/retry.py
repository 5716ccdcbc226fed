"""Sends one request to Swift, and sends it again where that may help.

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

from . import answers
from . import breaker
from . import connections
from . import repetitions
from . import session
from . import waiting
from .. import errors
from .. import per_process

#: For how long a request waits that only finds out whether Swift answers.
_CHECK_SECONDS = 10
#: And a request of the registry that is sent although Swift has been silent.
_PROBE_SECONDS = 5
#: A request that waits for Swift looks once a second whether it is back.
_LOOK_SECONDS = 1
#: Answers to a token that is good, besides those that are a success.
_ACCEPTED = (404, 412, 416)
#: A proxy of the environment gives them as well as Swift.
_OF_PROXIES = (403, 407, 500, 502, 503, 504)

logger = logging.getLogger(__name__)


class Requests(object):

    """Sends requests on connections from a pool.

    A failure that may pass is tried again, settings.retries times. Where no
    answer has come then, and `waits` says so, the request waits until Swift
    answers a HEAD of the container, and is tried again: to start a proxy or a
    machine takes longer than a few repetitions. A Swift that has answered the
    HEAD all the time fails at this very request; that is given up.

    Without `waits` a request fails at once while the breaker is open.

    While Swift has not kept it waiting for settings.timeout, all this goes on.
    A token that is refused is renewed once.

    :param settings: Settings
    :param pool: Connections
    :param waits: what the ivar of this name is at first
    :ivar waits: per_process.PerGreenlet: whether requests of this greenlet or
        thread wait for a Swift that does not answer
    :ivar waits_later: whether all of them do, once Swift has answered any
    """

    def __init__(self, settings, pool, waits=False):
        self._settings = settings
        self._pool = pool
        self.waits = per_process.PerGreenlet(lambda: waits)
        self.waits_later = False

    def send(self, action, object_name, operation, keeps=False, wait=None,
             is_slow=False, is_upload=False, waits=False):
        """Do one operation on a connection of the pool, with repetitions.

        :param action: what it is, for messages: "GET registry/images/1/json"
        :param object_name: name of the object, None for other requests
        :param operation: callable that takes a Connection and raises what
            swiftclient's functions raise
        :param keeps: whether what it returns goes on using the connection,
            and reports its answer
        :param wait: Wait of the request that this one goes on with
        :param is_slow: whether Swift has much to do before it answers; all
            of the time is for the first attempt then
        :param is_upload: whether it sends a large body, for which it needs
            one of the slots for uploads
        :param waits: whether it waits for a Swift that does not answer, also
            where the greenlet's other requests do not
        :returns: what the operation returns
        :raises errors.SwiftError: it cannot be done
        """
        wait = wait or waiting.Wait(self._settings.timeout,
                                    self._settings.connect_timeout)
        return self._repeat(
            action, object_name, operation, keeps, wait,
            repetitions.Repetitions(
                self._settings, self._pool.breaker, waits or self.waits.get()
                or self.waits_later and self._pool.breaker.has_answered),
            is_slow, is_upload)

    def check(self, action, operation):
        """Do one operation once, also while the breaker is open.

        It waits for 10 seconds at most.

        :raises errors.SwiftError: it cannot be done
        """
        wait = waiting.Wait(min(_CHECK_SECONDS, self._settings.timeout),
                            self._settings.connect_timeout)
        self._repeat(action, None, operation, False, wait, None)

    def _repeat(self, action, object_name, operation, keeps, wait, attempts,
                is_slow=False, is_upload=False):
        """Send a request until it succeeds or is given up.

        :param attempts: Repetitions; None for a check, which is not
            repeated and does not ask the breaker
        """
        pool = self._pool
        renewed = may_have_happened = False
        wait.at_most_seconds = (
            None if not attempts or attempts.persists
            else _PROBE_SECONDS)
        while True:
            grant = None
            is_last = is_slow or not attempts or not attempts.left
            try:
                connection = pool.borrow(wait, is_last, not attempts,
                                         is_upload)
                grant = connection.grant
                result = self._attempt(connection, action, object_name,
                                       operation, keeps)
                pool.breaker.answered()
                pool.accepted(grant)
                return result
            except errors.SwiftError as error:
                # Not without a grant: then it was the login that failed.
                may_have_happened |= (
                    grant is not None and error.may_have_happened)
                error.may_have_happened = may_have_happened
                was_asked = not isinstance(error, errors.NotAskedError)
                if was_asked and isinstance(error, errors.UnreachableError):
                    pool.breaker.failed(wait.since)
                elif error.status is not None:
                    pool.breaker.answered()
                wait.end()
                # A login can answer so, too; then there is no grant.
                if error.status in _ACCEPTED and grant is not None:
                    pool.accepted(grant)
                if (error.status in (401, 403) and grant is not None
                        and pool.refused(grant, error.status, renewed)
                        and wait.left_seconds > 0):
                    renewed = True
                    continue
                pause = attempts and attempts.pause(error)
                if pause is None or pause >= wait.left_seconds:
                    if not (attempts and attempts.waits_for(error)
                            and attempts.renew(self._is_back(error, wait))):
                        raise
                    pause = 0
                elif was_asked:
                    logger.warning('%s; trying again in %.1f s', error, pause)
                if was_asked:
                    pool.counters.add('retries')
            wait.pause(pause)
            time.sleep(pause)

    def _is_back(self, error, wait):
        """Wait for a Swift that does not answer.

        :param error: errors.SwiftError of the last attempt
        :param wait: Wait of the request
        :returns: True where it answers after a time without answers; False
            where it answers at once; None where it does not
        """
        breaker_of_pool = self._pool.breaker
        was_away = isinstance(error, errors.NotAskedError)
        was_open = False
        if not was_away:
            logger.warning('%s; waiting for Swift', error)
        while wait.left_seconds > _LOOK_SECONDS:
            if was_open and not breaker_of_pool.is_open:
                return True  # another request has been answered
            was_open = breaker_of_pool.is_open
            try:
                breaker_of_pool.check()
                breaker_of_pool.asking()
                if self._answers(wait):
                    return was_away
                was_away = True
            except errors.NotAskedError:
                pass  # another request has looked just now
            pause = (breaker_of_pool.seconds_to_probe()
                     + random.uniform(0.01, 0.1))
            wait.pause(pause)
            time.sleep(pause)
        return None

    def _answers(self, wait):
        """Tell whether Swift answers.

        :param wait: Wait of a request that waits for it
        """
        look = waiting.Wait(min(_CHECK_SECONDS, wait.left_seconds),
                            self._settings.connect_timeout)
        try:
            self._repeat('HEAD container ' + self._settings.container, None,
                         self._look, False, look, None)
        except errors.SwiftError as error:
            return not repetitions.is_away(error)
        finally:
            wait.pause(look.total_seconds - look.left_seconds)
        return True

    def _look(self, connection):
        answers.expect_header(
            connection, 'HEAD container ' + self._settings.container, None,
            client.head_container(
                connection.storage_url, connection.grant.token,
                self._settings.container, http_conn=connection.http),
            answers.CONTAINER_HEADER)

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
            if status in _ACCEPTED and not error.transaction_id:
                # Whatever answers in Swift's place does not know what is
                # there.
                raise errors.not_swift(action, status, object_name)
            if status in _OF_PROXIES:
                action += session.through_proxy(connection.storage_url)
            raise errors.from_status(
                action, object_name, status, error.transaction_id,
                error.http_response_headers,
                self._see(status, connection.grant))
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

    def _see(self, status, grant):
        """Return the keys of the settings that a status may come from."""
        if status == 401:
            return self._settings.login_keys()
        if status == 403:
            return self._settings.rights_keys()
        if status in errors.REDIRECTS or (
                # Perhaps it has never been Swift that answered.
                status in (400, 405) and not self._pool.is_accepted(grant)):
            return self._settings.address_keys()
        return ()


def log_answer(action, status, started, size_bytes, transaction_id):
    """Write the one line that a request has in the log.

    :param started: clock() when it began
    :param size_bytes: of the body that was sent or read
    """
    logger.debug('%s: %s, %d bytes in %.3f s, transaction %s', action, status,
                 size_bytes, breaker.clock() - started, transaction_id)
