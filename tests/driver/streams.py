"""Request bodies as gunicorn gives them to the driver."""

import io


class Stream(object):

    """Has read(n), and no more.

    :param content: what it has
    :param fails_at: raise an IOError once so many bytes have been read
    :param before_read: called with the number of bytes read so far
    :param at_most: a read gives no more bytes than this
    """

    def __init__(self, content, fails_at=None, before_read=None,
                 at_most=None):
        self._body = io.BytesIO(content)
        self._fails_at = fails_at
        self._before_read = before_read
        self._at_most = at_most

    def read(self, size):
        position = self._body.tell()
        if self._before_read:
            self._before_read(position)
        if self._fails_at is not None and position >= self._fails_at:
            raise IOError('the client went away')
        return self._body.read(min(size, self._at_most or size))
