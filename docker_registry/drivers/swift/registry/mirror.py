"""Refuses what the source of a mirror (`mirroring:`) sends incompletely.

requests ends a body that the server breaks off as if it were whole. The
registry would store it, and serve the short layer from then on; and for the
json of an image it takes whatever has come with status 200.

Source: docker_registry/lib/mirroring.py; _handle_mirrored_layer() stores a
layer when the last byte has been read
"""

import contextlib
import functools
import json
import logging
import re

import flask
import requests

from .. import errors

#: Of an image, what is stored besides its layer.
_IMAGE_FILE = re.compile('images/([0-9a-f]+)/(json|ancestry)$')

logger = logging.getLogger(__name__)


def checking(lookup_source):
    """Return a replacement of mirroring.lookup_source().

    It raises errors.UnreachableError where the source does not answer, or
    fewer bytes come than it announces: a layer (stream=True) does so while it
    is read, all else at once. All else has to be JSON, and of this image.

    :param lookup_source: the registry's function
    """
    @functools.wraps(lookup_source)
    def wrapper(path, stream=False, source=None):
        with _explained(path):
            response = lookup_source(path, stream=stream, source=source)
        if response is None:
            return None
        if stream:
            response.iter_content = functools.partial(
                _iter_content, response, path, response.iter_content)
        else:
            _check(response, path)
            _check_content(path, response.content)
        if 'Content-Encoding' in response.headers:
            # The registry gives the headers to its client, but for this. The
            # body that it gives is longer.
            response.headers.pop('Content-Length', None)
        return response
    return wrapper


def storing(handle_layer):
    """Return a replacement of mirroring._handle_mirrored_layer().

    A layer that ends where the source closes the connection, without having
    said where that is, is handed on, and not stored.

    :param handle_layer: the registry's function
    """
    @functools.wraps(handle_layer)
    def wrapper(response, layer_path, store, headers):
        if response.raw.chunked or _announced(response) is not None:
            return handle_layer(response, layer_path, store, headers)
        logger.warning('mirroring: the source does not say how long %s is, '
                       'which is therefore not stored', layer_path)
        return flask.Response(response.iter_content(store.buffer_size),
                              headers=dict(headers))
    return wrapper


@contextlib.contextmanager
def _explained(path):
    """Raise errors.UnreachableError for what requests raises."""
    try:
        yield
    except requests.exceptions.RequestException as error:
        raise errors.unreachable('mirroring: GET %s of the source' % path,
                                 error)


def _iter_content(response, path, iter_content, *arguments, **keywords):
    is_empty = True
    with _explained(path):
        for chunk in iter_content(*arguments, **keywords):
            is_empty = False
            yield chunk
    _check(response, path)
    if is_empty:
        raise errors.UnreachableError(
            'mirroring: GET %s of the source: no layer is empty' % path)


def _check(response, path):
    """Raise errors.UnreachableError if a body that was read is short."""
    announced = _announced(response)
    # As sent: the body may be compressed.
    received = response.raw.tell()
    if announced is not None and received < announced:
        raise errors.UnreachableError(
            'mirroring: GET %s of the source broke off after %d of %d bytes'
            % (path, received, announced))


def _announced(response):
    """Return how many bytes were announced, None where nothing was.

    Also of a body in chunks: requests sees whether its last one has come.
    """
    announced = response.raw.headers.get('Content-Length', '')
    if response.raw.chunked or not announced.isdigit():
        return None
    return int(announced)


def _check_content(path, content):
    """Raise errors.UnreachableError for what is no answer of a registry.

    :param content: bytes, some of which engines of old have not made UTF-8
    """
    try:
        found = json.loads(content.decode('latin-1'))
        image = _IMAGE_FILE.search(path)
        if image and image.group(1) != found[
                'id' if image.group(2) == 'json' else 0]:
            raise ValueError
    except (LookupError, RuntimeError, TypeError, ValueError):
        raise errors.UnreachableError(
            'mirroring: GET %s of the source: the answer is not that of a '
            'registry' % path)
