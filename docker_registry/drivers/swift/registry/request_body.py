"""The body of a request to the registry, in place of gunicorn's.

Why it is replaced is in the table of replaced.py. Knows gunicorn, and nothing
of Swift.
"""

from gunicorn.http import body
from gunicorn.http import errors


def widening(application):
    """Return a WSGI application that widens the body of each request."""
    def answer(environ, start_response):
        widen(environ)
        return application(environ, start_response)
    return answer


def widen(environ):
    """Replace a request's body by one that is read in large pieces.

    It also ends when the client is gone.

    :param environ: WSGI environment of a request whose body is not read yet;
        the body of another server than gunicorn stays as it is
    """
    found = environ.get('wsgi.input')
    if type(found) is not body.Body:
        return
    reader = found.reader
    if isinstance(reader, body.ChunkedReader):
        reader.parser = reader.parse_chunked(_Unreader(reader.req.unreader))
    environ['wsgi.input'] = _Body(reader)


class _Unreader(object):

    """gunicorn's reader of a connection that must not end yet.

    When a client is gone right after the bytes of a chunk, gunicorn's parser
    waits for the end of the line for ever, and nobody else gets a turn. Here
    the end of the connection is an error.

    Source: ChunkedReader.parse_chunked() of gunicorn 19.1.1
    """

    def __init__(self, unreader):
        self._unreader = unreader
        self.unread = unreader.unread

    def read(self):
        content = self._unreader.read()
        if not content:
            raise errors.NoMoreData()
        return content


class _Body(body.Body):

    """gunicorn's body, read from the connection in one piece.

    gunicorn reads it by the KiB, however much it is asked for, and each time
    copies all that has come and is not wanted yet, which takes as long as all
    the rest of a push.

    Source: gunicorn/http/body.py of gunicorn 19.1.1
    """

    def read(self, size=None):
        """Return as many bytes as are asked for, fewer only at the end.

        :raises gunicorn.http.errors.NoMoreData: the client is gone before
            the last chunk
        """
        missing = self.getsize(size) - self.buf.tell()
        if missing > 0:
            self.buf.write(self.reader.read(missing))
        return body.Body.read(self, size)
