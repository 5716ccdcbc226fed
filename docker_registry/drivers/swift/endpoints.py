"""What the registry asks of an image to serve a request, and what of that
need not be asked.

Each method is named after the endpoint that it prepares, says why it may be
done so, and asks or tells what comes next. Knows nothing of HTTP.

Source: docker_registry/images.py, in whose order the registry asks
"""

from . import errors


class Endpoints(object):

    """Prepares the answers of a storage for the registry's endpoints.

    :param paths: docker_registry.core.driver.Base, for its path helpers
    :param ahead: ahead.Ahead
    :param known: known.Known
    """

    def __init__(self, paths, ahead, known):
        self._paths = paths
        self._ahead = ahead
        self._known = known
        self._prepares = {
            'get_image_ancestry': self._get_image_ancestry,
            'get_image_json': self._get_image_json,
            'get_image_layer': self._get_image_layer,
            'put_image_json': self._put_image_json,
            'put_image_layer': self._put_image_layer,
            'put_image_checksum': self._put_image_checksum}

    def prepare(self, endpoint, image_id, find_parent):
        """Ask or tell what an endpoint is going to ask.

        :param endpoint, image_id, find_parent: as for Storage.serve()
        :raises errors.SwiftError: what is asked first cannot be asked
        """
        if endpoint == 'put_image_json':
            image_id = find_parent()
        prepare = self._prepares.get(endpoint)
        if prepare is not None and image_id is not None:
            prepare(self._paths.image_json_path(image_id),
                    self._paths.image_mark_path(image_id),
                    self._paths.image_layer_path(image_id),
                    self._paths.image_ancestry_path(image_id))

    def _get_image_ancestry(self, json, mark, layer, ancestry):
        """An ancestry never changes; it may be read before the mark."""
        if not self._is_complete(mark, layer):
            self._ahead.at_once(('exists', mark), ('get_content', ancestry))

    def _get_image_json(self, json, mark, layer, ancestry):
        """Who pushes wants to know whether the json is there; as a rule it is
        not, and whether a push is under way then makes no difference. If it
        is, it never changes, and may be read before the mark.
        """
        if self._is_complete(mark, layer):
            return
        try:
            self._ahead.answer('get_content', json)
        except errors.ObjectNotFoundError:
            self._ahead.tell('exists', mark, False)
            return
        self._ahead.at_once(('exists', mark), ('stat', layer))
        if self._ahead.answer('exists', mark):
            return
        try:
            self._known.fill_stat(layer, self._ahead.answer('stat', layer))
        except errors.ObjectNotFoundError:
            # Looked for just before it was written, and the mark removed?
            self._ahead.forget(layer)

    def _get_image_layer(self, json, mark, layer, ancestry):
        self._is_complete(mark, layer)

    def _put_image_json(self, json, mark, layer, ancestry):
        """All of it is the parent's. That of the image itself may not be
        asked yet: the registry may ask the index first, for long.
        """
        self._ahead.at_once(('exists', json), ('get_content', ancestry))

    def _put_image_layer(self, json, mark, layer, ancestry):
        """Writing the layer finds out whether there is one already, and does
        not replace one that is complete; see Storage.expect_push().
        """
        self._ahead.tell('exists', layer, False)

    def _put_image_checksum(self, json, mark, layer, ancestry):
        """A layer is written after the json, which is not removed; whether
        the mark is there, removing it tells.
        """
        try:
            self._ahead.answer('stat', layer)
        except errors.ObjectNotFoundError:
            return
        self._ahead.tell('exists', json, True)
        self._ahead.tell('exists', mark, True)

    def _is_complete(self, mark, layer):
        """Tell whether an image is known to be complete, for who reads it."""
        stat = self._known.stat(layer)
        if stat is None:
            return False
        self._ahead.tell('exists', mark, False)
        self._ahead.tell('stat', layer, stat)
        return True
