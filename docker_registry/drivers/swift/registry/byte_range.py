"""Answers GET of a layer, whole or a range of it.

Replaces images._get_image_layer() of docker-registry 0.9.1. Its arithmetic
promises one byte too many of an open-ended range, refuses a range of one
byte, passes ranges outside the layer on, and leaves `bytes` out of
Content-Range.

Source: RFC 9110, section 14; docker_registry/images.py
"""

import flask

from .. import errors
from ..objects import ranges


class Layers(object):

    """Answers requests for layers.

    :param storage: the Storage that the registry uses
    :param redirects: whether clients are sent to Swift: storage_redirect
    """

    def __init__(self, storage, redirects):
        self._storage = storage
        self._redirects = redirects

    def answer(self, image_id, headers=None, bytes_range=None):
        """Answer GET of a layer; in place of images._get_image_layer().

        :param image_id: id of the image
        :param headers: headers of a successful answer, a dict
        :param bytes_range: what the registry makes of the Range header; not
            used
        :returns: flask.Response
        :raises errors.ObjectNotFoundError: there is no such layer
        :raises errors.SwiftError: Swift cannot be asked
        """
        path = self._storage.image_layer_path(image_id)
        if self._redirects:
            url = self._redirect_url(path)
            if url:
                # Swift heeds the Range header, which the client sends along.
                return flask.redirect(url, 302)
        if not self._storage.exists(path):
            raise errors.ObjectNotFoundError('GET %s: not there' % path, path)
        size_bytes = self._storage.get_size(path)
        try:
            found = ranges.parse(ranges.header_of(
                flask.request.method, flask.request.headers,
                (headers or {}).get('Last-Modified')), size_bytes)
        except ranges.UnsatisfiableError:
            return _unsatisfiable(size_bytes)
        if not size_bytes:
            # A layer of no bytes is damaged: the end of an archive alone has
            # 1024. The registry answers so.
            return _unsatisfiable(size_bytes)
        headers = dict(headers or {},
                       **{'Content-Type': 'application/octet-stream'})
        status = 200
        if found is not None:
            status = 206
            headers['Content-Range'] = 'bytes %d-%d/%d' % (
                found + (size_bytes,))
        first, last = found or (0, size_bytes - 1)
        headers['Content-Length'] = last - first + 1
        return flask.Response(self._storage.stream_read(path, found),
                              headers=headers, status=status)

    def _redirect_url(self, path):
        try:
            return self._storage.content_redirect_url(path)
        except errors.SwiftError:
            # What is wrong shows when the layer is asked for.
            return None


def _unsatisfiable(size_bytes):
    return flask.Response(status=416, headers={
        'Accept-Ranges': 'bytes', 'Content-Range': 'bytes */%d' % size_bytes})
