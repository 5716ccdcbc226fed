"""The body of a request to the registry, read as much at a time as is asked.

Knows gunicorn, and nothing of Swift.
"""

from gunicorn.http import body
from gunicorn.http import errors


def widen(environ):
    """Have a request's body read faster, and seen to end when it does.

    :param environ: WSGI environment of a request whose body is not read yet;
        what is of another server than gunicorn stays as it is
    """
    found = environ.get('wsgi.input')
    if type(found) is not body.Body:
        return
    reader = found.reader
    if isinstance(reader, body.ChunkedReader):
        reader.parser = reader.parse_chunked(_Unreader(reader.req.unreader))
    environ['wsgi.input'] = _Body(reader)


class _Unreader(object):

    """gunicorn's, of a client that still has something to send.

    Of one that is gone right after the bytes of a chunk gunicorn's parser
    waits for the end of the line, for ever, and nobody else gets his turn.

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

    """gunicorn's, which takes it from the connection by the KiB.

    Whatever it is asked for; and each time it copies all that has come and is
    not wanted yet, which takes as long as all the rest of a push.

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
