"""What the registry asks of an image to answer one HTTP request, and which
of those questions need not be asked.

A plan for each endpoint: it asks together what the registry asks one after
the other, and puts answers that follow from others. The docstring of each
plan says why that is right. Knows nothing of HTTP.

Source: docker_registry/images.py of docker-registry 0.9.1, in whose order the
    registry asks
"""

import collections

from .. import errors

#: Paths of an image's files; the mark is _inprogress.
_Image = collections.namedtuple('_Image', 'json mark layer ancestry')


def prefetch(request, storage):
    """Follow the plan of a request's endpoint, if there is one.

    :param request: request.Request
    :param storage: Storage, which has been given that request
    :raises errors.SwiftError: what the plan asks first cannot be answered
    """
    plan = PLANS.get(request.endpoint)
    if plan is not None:
        plan(request, storage, _image(storage, request.image_id))


def _image(storage, image_id):
    return _Image(storage.image_json_path(image_id),
                  storage.image_mark_path(image_id),
                  storage.image_layer_path(image_id),
                  storage.image_ancestry_path(image_id))


def _get_image_ancestry(request, storage, image):
    """Read the ancestry; the registry looks for the mark then.

    An ancestry never changes, so it may be read before the mark, and the mark
    then tells whether the image is complete. Both at once would not do: the
    mark may be looked for before a push, and the ancestry read during it.
    """
    try:
        storage.get_content(image.ancestry)
    except errors.ObjectNotFoundError:
        pass


def _get_image_json(request, storage, image):
    """Read the json, then look for the mark and the layer together.

    A client that pushes asks whether the json is there, so nothing of this is
    remembered. As a rule it is not there, and then it makes no difference
    whether a push is under way. If the json is there, it never changes, and
    may be read before the mark.
    """
    try:
        storage.get_content(image.json)
    except errors.ObjectNotFoundError:
        request.put_answer('exists', image.mark, False)
        return
    request.ask_together(storage, ('exists', image.mark),
                         ('stat', image.layer))
    if storage.exists(image.mark):
        return
    try:
        storage.memory.put_stat(image.layer, storage.stat(image.layer))
    except errors.ObjectNotFoundError:
        # Perhaps the layer was looked for just before it was written, and
        # the mark after it was removed: let the registry ask again.
        request.forget(image.layer)


def _get_image_layer(request, storage, image):
    """Put the Stat of a complete image's layer, if it is remembered.

    The layer is read by its ETag, so it is the one that was complete.
    """
    stat = storage.memory.stat(image.layer)
    if stat is not None:
        request.put_answer('exists', image.mark, False)
        request.put_answer('stat', image.layer, stat)


def _put_image_json(request, storage, image):
    """Write the json in the background; ask for the parent's files together.

    Nobody reads the ancestry while the mark is there, with a json or without;
    so the ancestry and the json may be written at the same time.

    Whether the image is there yet may be asked together with the parent's
    files, unless that answer would be old when the index has answered.
    """
    parent_id = request.find_parent()
    request.background_path = image.json
    if parent_id is None:
        return
    parent = _image(storage, parent_id)
    _put_remembered(request, storage, parent.ancestry)
    asked = [('exists', parent.json), ('get_content', parent.ancestry)]
    if not request.asks_index:
        asked.append(('exists', image.json))
    request.ask_together(storage, *asked)


def _put_image_layer(request, storage, image):
    """Put the json, which the checksum begins with, if it is remembered; and
    that there is no layer: writing it finds out whether there is one, and
    then looks for the mark; see Storage.stream_write().
    """
    _put_remembered(request, storage, image.json)
    if storage.heeds_etags():
        request.put_answer('exists', image.layer, False)


def _put_image_checksum(request, storage, image):
    """Look for the layer alone.

    A layer is written after the json, which is not removed; and removing the
    mark tells whether it is there.
    """
    try:
        storage.stat(image.layer)
    except errors.ObjectNotFoundError:
        return
    request.put_answer('exists', image.json, True)
    request.put_answer('exists', image.mark, True)


def _put_remembered(request, storage, path):
    """Put the content of a json or ancestry, if it is remembered."""
    content = storage.memory.content(path)
    if content is not None:
        request.put_answer('get_content', path, content)


#: Name of the registry's function -> its plan.
PLANS = {
    'get_image_ancestry': _get_image_ancestry,
    'get_image_json': _get_image_json,
    'get_image_layer': _get_image_layer,
    'put_image_checksum': _put_image_checksum,
    'put_image_json': _put_image_json,
    'put_image_layer': _put_image_layer,
}
