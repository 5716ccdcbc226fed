"""Sends a request's body when the server asks for it: 100 Continue.

A proxy of Swift that hangs may go on when its request has long been repeated
through another, and more has happened since. What it has in its socket it then
carries out, whether or not anybody still listens. A body that it never asked
for is not in its socket: Swift finds that the client has gone, and leaves the
object as it is. It takes the time of a request before it asks for the body, so
that a proxy that hangs afterwards has the older version, which loses.

Knows http.client, and neither what is sent nor whether it is sent again.

Source: RFC 9110, 10.1.1; swift/proxy/controllers/obj.py, and eventlet's
    wsgi.py, which sends 100 Continue when a body is first read
"""

import socket
import ssl

from . import breaker

try:
    from http import client as http_client
except ImportError:  # Python 2
    import httplib as http_client

#: What a request has whose body is to wait.
HEADERS = {'expect': '100-continue'}
#: How long a body waits for a server that may not know of the header.
_TRIAL_SECONDS = 1
#: So many bodies in a row that nobody has asked for, while other requests are
#: answered, mean that the server does not ask any more.
_NOT_ASKED = 4


class Server(object):

    """What is known of the server that some connections lead to.

    HTTP has servers, and what is before them, that do not ask for bodies.
    Where it is not known, a body follows after a second.

    :ivar asks: whether it asks for bodies; None where that is not known
    """

    def __init__(self):
        self.asks = None
        self._not_asked = 0

    def asked(self):
        """Note that it has asked for a body."""
        self.asks = True
        self._not_asked = 0

    def not_asked(self):
        """Note that it has not, in all of a request's time."""
        self._not_asked += 1

    def answered(self):
        """Note that it has answered a request whose body did not wait."""
        if self._not_asked >= _NOT_ASKED:
            self.__init__()


class _Answer(http_client.HTTPResponse, object):

    """An answer whose first line can be read before the others."""

    def __init__(self, server, is_late, *arguments, **keywords):
        super(_Answer, self).__init__(*arguments, **keywords)
        self._server = server
        self._is_late = is_late
        self._is_early = False
        self._first = None

    def asks_for_body(self):
        """Wait for an answer, and tell whether it is 100 Continue.

        If not, the body is not going to be sent, and the connection ends with
        this answer: the server may be waiting for the body.
        """
        self._first = self._read_status()
        self._is_early = self._first[1] != http_client.CONTINUE
        return not self._is_early

    def begin(self):
        super(_Answer, self).begin()
        if self._is_early:
            self.will_close = True
        if (self.status == http_client.EXPECTATION_FAILED
                or self._is_late and 200 <= self.status < 300
                and self._server.asks is None):
            self._server.asks = False

    def _read_status(self):
        first, self._first = self._first, None
        if first is None:
            first = super(_Answer, self)._read_status()
        if first[1] == http_client.CONTINUE:
            self._server.asked()
        return first


def connection(base, server):
    """Return a class of connections that heed HEADERS.

    :param base: class of urllib3's connections
    :param server: Server
    """
    class Connection(base):
        _expects = _withheld = _is_late = False
        _answer = None
        _waited_seconds = 0

        def putrequest(self, *arguments, **keywords):
            self._expects = self._withheld = self._is_late = False
            self._waited_seconds = 0
            return super(Connection, self).putrequest(*arguments, **keywords)

        def putheader(self, header, *values):
            if header.lower() in HEADERS:
                if server.asks is False:
                    return
                self._expects = True
            super(Connection, self).putheader(header, *values)

        def endheaders(self, message_body=None, **keywords):
            if not self._expects:
                super(Connection, self).endheaders(message_body, **keywords)
                return
            super(Connection, self).endheaders()
            self._wait()
            if message_body is not None:
                self.send(message_body)

        def send(self, data):
            if not self._withheld:
                super(Connection, self).send(data)

        def getresponse(self, *arguments, **keywords):
            if self._waited_seconds:
                # One time for both answers.
                self.timeout = max(0.1, self.timeout - self._waited_seconds)
                self.sock.settimeout(self.timeout)
            answer = super(Connection, self).getresponse(*arguments,
                                                         **keywords)
            if not self._expects:
                server.answered()
            return answer

        def response_class(self, *arguments, **keywords):
            answer, self._answer = self._answer, None
            return answer or _Answer(server, self._is_late, *arguments,
                                     **keywords)

        def close(self):
            self._drop_answer()
            super(Connection, self).close()

        def _wait(self):
            """Wait until the server wants the body, or does not."""
            limit_seconds = self.sock.gettimeout()
            since = breaker.clock()
            if server.asks is None:
                self.sock.settimeout(min(_TRIAL_SECONDS, limit_seconds))
            self._answer = _Answer(
                server, False, self.sock, method=self._method,
                # Python 2 reads single bytes without.
                **({'buffering': True} if hasattr(socket, '_fileobject')
                   else {}))
            try:
                self._withheld = not self._answer.asks_for_body()
            except BaseException as error:
                self._drop_answer()
                if not _is_timeout(error):
                    raise
                if server.asks:
                    server.not_asked()
                    raise socket.timeout(
                        'timed out before Swift asked for the body')
                self._is_late = True
            self.sock.settimeout(limit_seconds)
            self._waited_seconds = breaker.clock() - since

        def _drop_answer(self):
            # Else the socket would stay open for it.
            answer, self._answer = self._answer, None
            if answer is not None:
                answer.close()

    return Connection


def _is_timeout(error):
    # Python 2 has no class of its own for those of TLS.
    return isinstance(error, (socket.timeout, ssl.SSLError)) and (
        'timed out' in str(error))
