"""Refuses what the source of a mirror (`mirroring:`) sends incompletely.

requests ends a body that the server breaks off as if it were whole. The
registry would store it, and serve the short layer from then on.

Source: docker_registry/lib/mirroring.py; _handle_mirrored_layer() stores a
layer when the last byte has been read
"""

import functools

from .. import errors


def checking(lookup_source):
    """Return a replacement of mirroring.lookup_source().

    What it returns raises errors.UnreachableError where fewer bytes come than
    Content-Length announces: a layer (stream=True) while it is read, all else
    at once.

    :param lookup_source: the registry's function
    """
    @functools.wraps(lookup_source)
    def wrapper(path, stream=False, source=None):
        response = lookup_source(path, stream=stream, source=source)
        if response is None:
            return None
        if stream:
            response.iter_content = functools.partial(
                _iter_content, response, response.iter_content)
        else:
            _check(response)
        return response
    return wrapper


def _iter_content(response, iter_content, *arguments, **keywords):
    for chunk in iter_content(*arguments, **keywords):
        yield chunk
    _check(response)


def _check(response):
    """Raise errors.UnreachableError if a body that was read is short."""
    announced = response.headers.get('Content-Length', '')
    # As sent: the body may be compressed.
    received = response.raw.tell()
    if announced.isdigit() and received < int(announced):
        raise errors.UnreachableError(
            'mirroring: %s broke off after %d of %s bytes'
            % (response.url.split('?')[0], received, announced))
