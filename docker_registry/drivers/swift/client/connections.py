"""Lends connections to Swift, with a token, to the requests of a process.

Knows how greenlets or threads share them, and one login.
Knows nothing of how to log in, of containers, objects or retries.
"""

import collections
import functools
import logging
import weakref

import requests
import swiftclient.client
import urllib3

from . import breaker
from . import counters
from . import login
from . import session
from . import shared_login
from . import slots
from .. import errors
from .. import per_process

#: Whatever a request or the reading of a body raises when the network, and
#: not Swift, is the cause.
TRANSPORT_ERRORS = (requests.exceptions.RequestException,
                    urllib3.exceptions.HTTPError, IOError)

# retry.py writes one line a request; swiftclient's own lines show the first
# characters of tokens, and every expected 404 at INFO.
logging.getLogger('swiftclient').setLevel(logging.WARNING)


#: status as an int, transaction_id or None, and the sizes of the two bodies,
#: that of the answer and that of the request.
Answer = collections.namedtuple('Answer',
                                'status transaction_id bytes_in bytes_out')


class Connection(object):

    """One connection that is kept; it is used by one request at a time.

    :param grant: Grant
    :param settings: Settings
    :param sessions: session.Sessions
    :ivar storage_url: URL of the account
    :ivar grant: the Grant to use for the next request
    :ivar http: what swiftclient's functions take as http_conn
    :ivar wait: the Wait of the request that it is lent to
    :ivar slots: the Slots of which that request has one each; () where it
        does not count as one in flight
    """

    def __init__(self, grant, settings, sessions):
        self.storage_url = grant.storage_url
        self.http = swiftclient.client.http_connection(
            grant.storage_url, cacert=settings.cacert,
            insecure=settings.insecure, cert=settings.cert,
            cert_key=settings.key)
        self.http[1].request_session = sessions.make()
        self.wait = None
        self.slots = ()
        self.use(grant)

    def use(self, grant):
        """Make the next requests with a Grant for the same account."""
        self.grant = grant
        # swiftclient's functions add their headers to the session's.
        self.http[1].request_session.headers = (
            {'X-Service-Token': grant.service_token}
            if grant.service_token else {})

    def answer(self):
        """Return what is known of the last answer, as an Answer."""
        response = self.http[1].resp
        request = response.request
        length = 0
        if request.method != 'HEAD':
            length = int(response.headers.get('content-length', 0))
        return Answer(response.status_code,
                      response.headers.get('x-trans-id'), length,
                      int(request.headers.get('content-length', 0)))

    def headers(self):
        """Return the headers of the last answer as they were sent.

        :returns: dict from lower-case names to native text
        """
        # HTTP libraries take their bytes for Latin-1 on Python 3.
        return {name.lower(): value if isinstance(value, bytes) else
                value.encode('latin-1').decode('utf-8', 'replace')
                for name, value in self.http[1].resp.headers.items()}

    def lend(self, wait, slots_held):
        """Prepare it for one request."""
        self.wait = wait
        self.slots = slots_held
        self.http[1].requests_args['timeout'] = wait.limit_seconds

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


class _Process(object):

    """What the connections of one process share."""

    def __init__(self, authenticate, connections):
        self.login = shared_login.SharedLogin(authenticate)
        self.slots = slots.Slots(connections)
        # The others are for small requests, which must not wait for layers.
        self.upload_slots = slots.Slots(
            max(1, connections - max(1, connections // 4)))
        self.uploaded_at = breaker.clock()
        self.breaker = breaker.Breaker(connections)
        self.counters = counters.Counters('requests', 'retries', 'bytes_in',
                                          'bytes_out')
        self.idle = collections.deque(maxlen=connections)
        # Weak: one that is lost without being given back is not kept.
        self.lent = weakref.WeakSet()


class Connections(object):

    """A pool of authenticated connections.

    Requests in flight are limited to settings.connections. Three quarters of
    those may be uploads. A body that is handed out to a slow reader does not
    count, for there may be as many as the registry has clients.

    :param settings: Settings
    """

    def __init__(self, settings):
        self._settings = settings
        self._sessions = session.Sessions(settings.connect_timeout)
        self._processes = per_process.PerProcess(lambda: _Process(
            functools.partial(login.authenticate, settings),
            settings.connections))

    @property
    def _process(self):
        return self._processes.get()

    def grant(self):
        """Return the current Grant; log in where there is none.

        :raises errors.SwiftError: the login failed
        """
        return self._process.login.grant(self._settings.timeout)

    def known_storage_url(self):
        """Return the URL of the account; None while nobody has logged in."""
        return self._process.login.known_storage_url()

    @property
    def breaker(self):
        """The Breaker of this process."""
        return self._process.breaker

    @property
    def counters(self):
        """The Counters of this process: requests (attempts that were made),
        retries, bytes_in (read from Swift) and bytes_out (written to it).
        """
        return self._process.counters

    def borrow(self, wait, is_last, is_check=False, is_upload=False):
        """Lend a connection to one request; waits for a free slot.

        :param wait: Wait of the request
        :param is_last: whether this is the last attempt; see Wait.allot()
        :param is_check: a check of whether Swift answers needs no slot, and
            is made however silent Swift has been
        :param is_upload: whether the request sends a large body
        :returns: Connection; to be given to finish() when the request is
            over, or to detach() and then finish() when its body is
        :raises errors.NotAskedError: Swift is silent, or no slot gets free
            within the time that the request has
        :raises errors.SwiftError: the login failed
        """
        process = self._process
        held = ()
        if not is_check:
            held = self._take_slots(process, wait, is_upload)
        try:
            wait.allot(is_last)
            wait.begin()
            connection = self._connection(
                process, process.login.grant(wait.limit_seconds))
            connection.lend(wait, held)
            process.lent.add(connection)
            return connection
        except BaseException:
            _release(held)
            raise

    def upload_moves(self):
        """Note that Swift has taken some of an upload just now."""
        self._process.uploaded_at = breaker.clock()

    def detach(self, connection):
        """Let the next request begin: a body is now read by its client."""
        held, connection.slots = connection.slots, ()
        _release(held)

    def finish(self, connection):
        """Take a connection back; an answer that was not read is dropped."""
        process = self._process
        # The next one may borrow it before this is over.
        held, connection.slots = connection.slots, ()
        try:
            process.lent.discard(connection)
            connection.drop_answer()
            if len(process.idle) < process.idle.maxlen:
                process.idle.append(connection)
            else:
                connection.close()
        finally:  # last, so that the next request finds the connection
            _release(held)

    def accepted(self, grant):
        """Note that Swift has done something for a Grant's token."""
        self._process.login.accepted(grant)

    def is_accepted(self, grant):
        """Tell whether Swift has done something for a Grant's token."""
        return self._process.login.is_accepted(grant)

    def refused(self, grant, status, is_repeated):
        """Tell whether a new login may help a request that was refused.

        See SharedLogin.refused().
        """
        return self._process.login.refused(grant, status, is_repeated)

    def statistics(self):
        """Return what this process has done, and has open, as a dict."""
        process = self._process
        in_use, idle = len(process.lent), len(process.idle)
        return dict(process.counters.values(), logins=process.login.attempts,
                    silent=process.breaker.is_open,
                    pool={'open': in_use + idle, 'in_use': in_use,
                          'waiting': (process.slots.waiting
                                      + process.upload_slots.waiting)})

    def _take_slots(self, process, wait, is_upload):
        """Take a slot, and for an upload one of those for uploads before it.

        :returns: tuple of the Slots that one was taken of
        """
        was_open = process.breaker.is_open
        process.breaker.check()
        held = ()
        try:
            for wanted in ((process.upload_slots, process.slots) if is_upload
                           else (process.slots,)):
                # Where all slots are held by requests that nothing answers,
                # those that come to see whether that has changed would queue
                # up.
                if was_open:
                    if not wanted.acquire():
                        raise process.breaker.silence()
                else:
                    self._wait_for_slot(process, wanted, wait, is_upload)
                held += (wanted,)
            if process.breaker.is_open and not was_open:
                raise process.breaker.silence()
        except BaseException:
            _release(held)
            raise
        process.breaker.asking()
        return held

    def _wait_for_slot(self, process, wanted, wait, is_upload):
        """Take a slot within the time that the request has left.

        :raises errors.NotAskedError: there is none in time
        """
        idle_since = breaker.clock()
        seconds = max(0, wait.left_seconds)
        while not wanted.acquire(seconds):
            # As long as other uploads move on, an upload is not stuck.
            if is_upload:
                idle_since = max(idle_since, process.uploaded_at)
            seconds = wait.left_seconds + idle_since - breaker.clock()
            if seconds <= 0:
                wait.pause(wait.left_seconds)
                raise errors.NotAskedError(
                    'all connections to Swift have been in use for %d s; see '
                    'swift_connections' % self._settings.timeout)
        if is_upload:
            idle_since = max(idle_since, process.uploaded_at)
        wait.pause(max(0, breaker.clock() - idle_since))

    def _connection(self, process, grant):
        while True:
            try:
                connection = process.idle.pop()
            except IndexError:
                return Connection(grant, self._settings, self._sessions)
            if connection.storage_url == grant.storage_url:
                connection.use(grant)
                return connection
            connection.close()


def _release(held):
    """Give back one slot each of what _take_slots() has returned."""
    for one in reversed(held):
        one.release()
