"""Lets clients read why they are refused while they still send.

WSGI middleware. A server that answers before it has read a whole body, and
closes the connection, resets it: the client may see "broken pipe" and nothing
of the answer, such as that a quota is full. gunicorn 19.1.1 reads what is left
for 2 seconds, and 27.0 64 KiB of it.

Source: https://www.rfc-editor.org/rfc/rfc9112#section-9.6
"""

from . import compat

#: A client that does not look for the answer sooner may miss it.
_SECONDS = 30
_CHUNK_BYTES = 64 * 1024


class Lingering(object):

    """Answers as an application does, and then reads what the client sends.

    :param application: WSGI application; where the server is not gunicorn,
        nothing is added: others may wait at the end of a body for ever
    """

    def __init__(self, application):
        self._application = application

    def __call__(self, environ, start_response):
        answer = self._application(environ, start_response)
        if 'gunicorn.socket' not in environ or not _has_body(environ):
            return answer
        return _Answer(answer, environ)


class _Answer(object):

    """An answer that ends when the request's body has been read."""

    def __init__(self, answer, environ):
        self._answer = answer
        self._environ = environ

    def __iter__(self):
        for chunk in self._answer:
            yield chunk
        _read_on(self._environ['wsgi.input'], self._environ['gunicorn.socket'])

    def close(self):
        if hasattr(self._answer, 'close'):
            self._answer.close()


def _has_body(environ):
    return (environ.get('CONTENT_LENGTH', '0') not in ('', '0')
            or 'HTTP_TRANSFER_ENCODING' in environ)


def _read_on(body, connection):
    """Read and drop the rest of a body, while there is time.

    :param body: file-like object; at its end already, where nothing was
        refused
    :param connection: socket that it comes from
    """
    until = compat.monotonic() + _SECONDS
    timeout = connection.gettimeout()
    try:
        while True:
            left_seconds = until - compat.monotonic()
            if left_seconds <= 0:
                return
            connection.settimeout(left_seconds)
            if not body.read(_CHUNK_BYTES):
                return
    except Exception:  # each server has its own
        pass  # the client is gone, as it may be now
    finally:
        try:
            connection.settimeout(timeout)
        except EnvironmentError:
            pass  # closed
