"""Lets clients that are refused while they send a body read why.

A server that closes a connection on which more comes resets it: such a client
may see "broken pipe", and nothing of the answer. gunicorn does that once it
has read 64 KiB more (27.0), or for two seconds (19.1.1).

Source: https://www.rfc-editor.org/rfc/rfc9112#section-9.6 and lingering_close
    in https://nginx.org/en/docs/http/ngx_http_core_module.html
"""

import time

from . import compat

#: As nginx: how long is read, and for how long a client may say nothing.
_SECONDS = 30
_SILENT_SECONDS = 5
_CHUNK_BYTES = 64 * 1024


class Lingering(object):

    """WSGI middleware right below gunicorn; elsewhere it does nothing.

    Where the application refuses a request (4xx, 5xx) before it has read the
    whole body, or because the body is broken, the connection is closed after
    the answer, which says so: where the next request begins is not known. But
    first what the client still sends is read and dropped, for a while.

    :param application: WSGI application that calls start_response() before it
        returns
    """

    def __init__(self, application):
        self._application = application

    def __call__(self, environ, start_response):
        # gunicorn's Response, which ignores "Connection: close" among an
        # application's headers.
        response = getattr(start_response, '__self__', None)
        if not hasattr(response, 'force_close'):
            return self._application(environ, start_response)
        body = environ['wsgi.input'] = _Body(environ)
        refusals = []

        def start(status, *arguments):
            if status[0] in '45' and body.has_more():
                refusals.append(status)
                response.force_close()
            return start_response(status, *arguments)
        answer = self._application(environ, start)
        if refusals:
            return _and_linger(answer, environ['gunicorn.socket'])
        return answer


class _Body(object):

    """The body of a request, which knows whether there is more of it."""

    def __init__(self, environ):
        self._body = environ['wsgi.input']
        self._is_chunked = 'HTTP_TRANSFER_ENCODING' in environ
        # gunicorn looks at the length, and checks it, where no chunks come.
        self._left = (0 if self._is_chunked
                      else int(environ.get('CONTENT_LENGTH') or 0))
        self._is_broken = False

    def __getattr__(self, name):
        return getattr(self._body, name)

    def __iter__(self):
        return iter(self._body)

    def read(self, size=None):
        try:
            chunk = self._body.read(size)
        except Exception:  # each version has its own
            self._is_broken = True
            raise
        self._left -= len(chunk)
        if size is None or size < 0 or size and not chunk:
            self._is_chunked = False
        return chunk

    def has_more(self):
        """Tell whether what comes next may be no request.

        What is read otherwise than by read() counts as not read.
        """
        return self._is_broken or self._is_chunked or self._left > 0


def _and_linger(answer, connection):
    """Yield an answer; then read, without looking at it, what comes."""
    try:
        for chunk in answer:
            yield chunk
        yield b''  # has gunicorn send the headers, if nothing else has
    finally:
        if hasattr(answer, 'close'):
            answer.close()
    ends_at = compat.monotonic() + _SECONDS
    try:
        connection.settimeout(_SILENT_SECONDS)
        while compat.monotonic() < ends_at:
            if not connection.recv(_CHUNK_BYTES):
                return
            time.sleep(0)  # a greenlet lets others go on
    except EnvironmentError:
        pass  # it is gone, or silent
