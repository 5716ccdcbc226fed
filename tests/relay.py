"""An HTTP relay that lets requests through, or does to them what it is told.

For Python 2.7 and 3. Sees whole requests, so that a fault can be aimed at
one operation on one object.
"""

import collections
import socket
import ssl
import struct
import threading
import time

try:
    import http.client as http_client
    import socketserver
except ImportError:  # Python 2
    import SocketServer as socketserver
    import httplib as http_client

#: method and part: which requests; times: how many of them; action: what is
#: done, see Relay.
_Rule = collections.namedtuple('_Rule', 'method part action')
Request = collections.namedtuple('Request', 'method path headers body')


class Relay(object):

    """Listens on a free port and relays to another.

    :param target_port: where to relay to
    :param certificate: file with a certificate and its key, to speak TLS
    :ivar asks: whether it asks for bodies (100 Continue) as Swift does

    Actions, for inject():

    ``status(503, {'Retry-After': '1'})``
        answers by itself, without asking the target
    ``drop()``
        resets the connection without asking the target
    ``lose()``
        lets the target do it, then resets the connection instead of answering
    ``cut(5)``
        resets the connection after 5 bytes of the answer's body
    ``end(5)``
        closes the connection in an orderly way after 5 bytes
    ``damage(5)``
        changes byte 5 of the answer's body
    ``damage_request(5)``
        changes byte 5 of the request's body
    ``answer('{}', {'X-Timestamp': '1'})``
        answers 200 with a JSON body by itself
    ``end_token()``
        has the target see a token that is not valid
    ``stall(2)``
        waits 2 seconds before the request is passed on
    ``freeze(5)``
        sends 5 bytes of the answer's body, and no more for a minute
    """

    def __init__(self, target_port, certificate=None):
        relay = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                relay._serve(self.request)

        class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 128

            def handle_error(self, request, client_address):
                pass  # a client that went away is what many tests are about

        self._target_port = target_port
        self._server = Server(('127.0.0.1', 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_SSLv23)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._lock = threading.Lock()
        self._rules = []
        self.connections = 0
        self.asks = True
        #: Every Request that came in, in order.
        self.requests = []

    def __enter__(self):
        thread = threading.Thread(target=self._server.serve_forever,
                                  args=(0.05,))
        thread.daemon = True
        thread.start()
        return self

    def __exit__(self, *exception):
        self._server.shutdown()
        self._server.server_close()

    def inject(self, action, method, part='', times=1):
        """Do something to the next requests of a method and path."""
        with self._lock:
            self._rules += [_Rule(method, part, action)] * times

    def count(self, method, part=''):
        """Return how many requests of a method and path have come."""
        with self._lock:
            return len([request for request in self.requests
                        if request.method == method and part in request.path])

    def _serve(self, client):
        with self._lock:
            self.connections += 1
        reader = client.makefile('rb')
        while True:
            request = _read_request(reader, client if self.asks else None)
            if request is None:
                return
            with self._lock:
                self.requests.append(request)
                rule = next((rule for rule in self._rules
                             if rule.method == request.method
                             and rule.part in request.path), None)
                if rule:
                    self._rules.remove(rule)
            (rule.action if rule else _pass)(self, client, request)

    def ask(self, request):
        """Pass a request on; return the answer: (head, body) as bytes."""
        upstream = http_client.HTTPConnection('127.0.0.1', self._target_port)
        try:
            upstream.putrequest(request.method, request.path,
                                skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers:
                upstream.putheader(name, value)
            upstream.endheaders()
            if request.body:
                upstream.send(request.body)
            response = upstream.getresponse()
            head = 'HTTP/1.1 %d %s\r\n' % (response.status, response.reason)
            for name, value in response.getheaders():
                if name.lower() not in ('connection', 'transfer-encoding'):
                    head += '%s: %s\r\n' % (name, value)
            body = response.read()
            if response.getheader('transfer-encoding'):
                head += 'Content-Length: %d\r\n' % len(body)
            return (head + '\r\n').encode('latin-1'), body
        finally:
            upstream.close()


def _read_request(reader, asked):
    """Read a request.

    :param asked: socket of the client who waits to be asked for the body
    """
    line = reader.readline().decode('latin-1')
    if not line.strip():
        return None
    method, path, _ = line.split(' ', 2)
    headers = []
    length = 0
    while True:
        line = reader.readline().decode('latin-1').rstrip('\r\n')
        if not line:
            break
        name, value = line.split(':', 1)
        headers.append((name, value.strip()))
        if name.lower() == 'content-length':
            length = int(value)
        if name.lower() == 'expect' and asked:
            asked.sendall(b'HTTP/1.1 100 Continue\r\n\r\n')
    body = reader.read(length)
    return Request(method, path, headers, body) if len(body) == length \
        else None


def _pass(relay, client, request):
    client.sendall(b''.join(relay.ask(request)))


def _reset(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                      struct.pack('ii', 1, 0))
    _close(client)


def _close(client):
    try:
        client.shutdown(socket.SHUT_RDWR)
    except socket.error:
        pass
    client.close()
    raise EOFError


def status(number, headers=None):
    """Answer as Swift does, whose answers have all a transaction id."""
    def action(relay, client, request):
        head = 'HTTP/1.1 %d Injected\r\nContent-Length: 0\r\n' % number
        for item in dict({'X-Trans-Id': 'tx0'}, **(headers or {})).items():
            head += '%s: %s\r\n' % item
        client.sendall((head + '\r\n').encode('latin-1'))
    return action


def drop():
    def action(relay, client, request):
        _reset(client)
    return action


def lose():
    def action(relay, client, request):
        relay.ask(request)
        _reset(client)
    return action


def cut(count):
    return _send_part(count, _reset)


def freeze(count):
    return _send_part(count, lambda client: time.sleep(60))


def end(count):
    return _send_part(count, _close)


def _send_part(count, hang_up):
    def action(relay, client, request):
        head, body = relay.ask(request)
        client.sendall(head + body[:count])
        time.sleep(0.1)  # a reset overtakes what has not been read
        hang_up(client)
    return action


def damage(position):
    def action(relay, client, request):
        head, body = relay.ask(request)
        body = bytearray(body)
        body[position] ^= 1
        client.sendall(head + bytes(body))
    return action


def damage_request(position):
    def action(relay, client, request):
        body = bytearray(request.body)
        body[position] ^= 1
        _pass(relay, client, request._replace(body=bytes(body)))
    return action


def end_token():
    def action(relay, client, request):
        _pass(relay, client, request._replace(headers=[
            (name, 'ended' if name.lower() == 'x-auth-token' else value)
            for name, value in request.headers]))
    return action


def answer(body, headers=None, status='200 OK'):
    def action(relay, client, request):
        head = ('HTTP/1.1 %s\r\nContent-Type: application/json\r\n'
                'Content-Length: %d\r\n' % (status, len(body)))
        for item in (headers or {}).items():
            head += '%s: %s\r\n' % item
        client.sendall((head + '\r\n' + body).encode())
    return action


def stall(seconds):
    def action(relay, client, request):
        time.sleep(seconds)
        _pass(relay, client, request)
    return action
