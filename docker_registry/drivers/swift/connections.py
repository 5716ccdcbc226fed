"""Lends authenticated connections to Swift; one login a process.

Knows how to share the login and the connections among greenlets or threads.
Knows nothing of how to log in, of containers, objects or retries.
"""

import collections
import logging
import os
import threading

import requests
import swiftclient.client
import urllib3

from . import errors
from . import login

#: Whatever a request or the reading of a body raises when the network, and
#: not Swift, is the cause.
TRANSPORT_ERRORS = (requests.exceptions.RequestException,
                    urllib3.exceptions.HTTPError, IOError)

# The container module has one line a request; swiftclient's own lines show
# the first characters of tokens, and every expected 404 at INFO.
logging.getLogger('swiftclient').setLevel(logging.WARNING)


class Connection(object):

    """One keep-alive connection; serves one request at a time.

    :ivar storage_url: URL of the account
    :ivar grant: the Grant to use for the next request
    :ivar http: what swiftclient's functions take as http_conn
    """

    def __init__(self, grant, settings):
        self.storage_url = grant.storage_url
        self.http = swiftclient.client.http_connection(
            grant.storage_url, cacert=settings.cacert,
            insecure=settings.insecure, cert=settings.cert,
            cert_key=settings.key, timeout=settings.timeout)
        self.use(grant)

    def use(self, grant):
        """Make the next requests with a Grant for the same account."""
        self.grant = grant
        # swiftclient's functions add their headers to the session's.
        self.http[1].request_session.headers = (
            {'X-Service-Token': grant.service_token}
            if grant.service_token else None)

    def drop_answer(self):
        """Make room for the next request.

        Hangs up if the last answer was not read to its end: what is left
        would be taken for the next one. The next request dials again.
        """
        answer = self.http[1].resp
        if answer is not None:
            answer.close()

    def close(self):
        self.http[1].close()


class Login(object):

    """One login shared by all who need it; renewed by one of them.

    :param authenticate: callable that logs in and returns a Grant
    """

    def __init__(self, authenticate):
        self._authenticate = authenticate
        self._lock = threading.Lock()
        self._attempts = 0
        self._grant = None
        self._error = None

    def forget(self, refused):
        """Forget a Grant, unless it has been replaced in the meantime."""
        with self._lock:
            if self._grant is refused:
                self._grant = None

    def grant(self):
        """Return the current Grant; log in where there is none.

        :raises errors.SwiftError: the login failed. Those who waited for
            that attempt fail with it: had each its own, an identity service
            that does not answer would hold them up one after the other.
        """
        attempts_seen = self._attempts
        with self._lock:
            if self._attempts != attempts_seen and self._error is not None:
                raise self._error
            if self._grant is None:
                try:
                    self._grant = self._authenticate()
                    self._error = None
                except errors.SwiftError as error:
                    self._error = error
                    raise
                finally:
                    self._attempts += 1
            return self._grant


class Slots(object):

    """A number of slots, to be taken and given back.

    What threading.Semaphore is, but for greenlets that gevent ends while they
    give back: that one may then lose the slot, for it waits for a lock first.

    :param count: how many there are
    """

    def __init__(self, count):
        self._free = collections.deque([None] * count)
        self._changed = threading.Condition()

    def free(self):
        """Return how many can be taken now."""
        return len(self._free)

    def acquire(self):
        """Take a slot; wait for one where all are taken."""
        while True:
            try:
                self._free.pop()
                return
            except IndexError:
                with self._changed:
                    if not self._free:
                        self._changed.wait()

    def release(self):
        """Give a slot back."""
        self._free.append(None)  # now it is back, whatever happens
        with self._changed:
            # As many as there are: the one before may have been ended here.
            self._changed.notify(len(self._free))


class _Process(object):

    """What the connections of one process share."""

    def __init__(self, authenticate, slots):
        self.login = Login(authenticate)
        self.slots = Slots(slots)
        self.idle = collections.deque(maxlen=slots)


class Connections(object):

    """A pool of authenticated connections.

    Requests under way are limited to settings.connections; a body that is
    handed out to a slow reader does not count, for there may be as many as
    the registry has clients.

    :param settings: Settings
    """

    def __init__(self, settings):
        self._settings = settings
        self._authenticate = lambda: login.authenticate(settings)
        # A worker forked off after the first use (gunicorn --preload) must
        # not share sockets with its parent, nor wait on locks that were made
        # before gevent patched them: each process makes its own.
        self._processes = {}

    @property
    def _process(self):
        pid = os.getpid()
        if pid not in self._processes:
            # setdefault is atomic: two threads get the same one.
            self._processes.setdefault(
                pid, _Process(self._authenticate, self._settings.connections))
        return self._processes[pid]

    def storage_url(self):
        """Return the URL of the account that the login leads to.

        :raises errors.SwiftError: the login failed
        """
        return self._process.login.grant().storage_url

    def borrow(self):
        """Lend a connection to one request; waits for a free slot.

        :returns: Connection; to be given to finish() when the request is
            over, or to detach() and then finish() when its body is
        :raises errors.SwiftError: the login failed
        """
        process = self._process
        process.slots.acquire()
        try:
            grant = process.login.grant()
            while True:
                try:
                    connection = process.idle.pop()
                except IndexError:
                    return Connection(grant, self._settings)
                if connection.storage_url == grant.storage_url:
                    connection.use(grant)
                    return connection
                connection.close()
        except BaseException:
            process.slots.release()
            raise

    def detach(self):
        """Let the next request begin: a body is now read by its client."""
        self._process.slots.release()

    def finish(self, connection, detached=False):
        """Take a connection back; an answer that was not read is dropped.

        :param detached: whether detach() has been called for it
        """
        process = self._process
        try:
            connection.drop_answer()
            if len(process.idle) < process.idle.maxlen:
                process.idle.append(connection)
            else:
                connection.close()
        finally:  # last, so that who waits finds the connection
            if not detached:
                process.slots.release()

    def forget(self, grant):
        """Have the next borrow() log in again, unless somebody has already.

        :param grant: the Grant that Swift answered with 401
        """
        self._process.login.forget(grant)
