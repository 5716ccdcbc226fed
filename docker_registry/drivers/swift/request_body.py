"""The body of a request to the registry, read as much at a time as is asked.

Knows gunicorn, and nothing of Swift.
"""

from gunicorn.http import body


def widen(environ):
    """Have a request's body read faster; without gunicorn leave it as it is.

    :param environ: WSGI environment of a request whose body is not read yet
    """
    found = environ.get('wsgi.input')
    if type(found) is body.Body:
        environ['wsgi.input'] = _Body(found.reader)


class _Body(body.Body):

    """gunicorn's, which takes it from the connection by the KiB.

    Whatever it is asked for; and each time it copies all that has come and is
    not wanted yet, which takes as long as all the rest of a push.

    Source: gunicorn/http/body.py of gunicorn 19.1.1
    """

    def read(self, size=None):
        """Return as many bytes as are asked for, fewer only at the end.

        :raises gunicorn.http.errors.NoMoreData: in the middle of a chunk the
            client is gone
        """
        missing = self.getsize(size) - self.buf.tell()
        if missing > 0:
            self.buf.write(self.reader.read(missing))
        return body.Body.read(self, size)
