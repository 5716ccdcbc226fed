"""An HTTP proxy as companies have them, which notes what it is asked for."""

import http.client
import http.server
import select
import socket
import threading
import urllib.parse

_HOP_BY_HOP = ('connection', 'proxy-connection', 'keep-alive',
               'transfer-encoding')


class ForwardProxy:

    """Listens on a free port; passes on what comes, and tunnels.

    :param refuses_with: status to answer everything with instead, None for
        none
    :param breaks_off: part of the paths whose answers end after one byte
    :ivar asked: 'METHOD host:port' of every request, in order; the method is
        CONNECT for a tunnel
    """

    def __init__(self, refuses_with=None, breaks_off=None):
        self.asked = asked = []

        class Handler(_Handler):
            refusal = refuses_with
            part = breaks_off

            def note(self, address):
                asked.append('%s %s' % (self.command, address))
        self._server = http.server.ThreadingHTTPServer(('127.0.0.1', 0),
                                                       Handler)
        self.url = 'http://127.0.0.1:%d' % self._server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.05,),
                         daemon=True).start()
        return self

    def __exit__(self, *exception):
        self._server.shutdown()
        self._server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):

    refusal = part = None

    def do_CONNECT(self):
        self.note(self.path)
        if self.refusal:
            return self.send_error(self.refusal)
        host, port = self.path.rsplit(':', 1)
        with socket.create_connection((host, int(port))) as target:
            self.send_response(200)
            self.end_headers()
            other = {self.connection: target, target: self.connection}
            while True:
                for ready in select.select(list(other), [], [])[0]:
                    received = ready.recv(65536)
                    if not received:
                        return
                    other[ready].sendall(received)

    def _pass_on(self):
        url = urllib.parse.urlsplit(self.path)
        self.note(url.netloc)
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        if self.refusal:
            return self.send_error(self.refusal)
        target = http.client.HTTPConnection(url.netloc)
        try:
            target.request(
                self.command, url._replace(scheme='', netloc='').geturl(),
                body, {name: value for name, value in self.headers.items()
                       if name.lower() not in _HOP_BY_HOP})
            answer = target.getresponse()
            content = answer.read()
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            self.end_headers()
            if self.part and self.part in url.path:
                content = content[:1]
            self.wfile.write(content)
        finally:
            target.close()

    do_DELETE = do_GET = do_HEAD = do_POST = do_PUT = _pass_on

    def log_message(self, *arguments):
        pass
