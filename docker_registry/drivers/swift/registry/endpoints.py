"""What the registry asks of an image to serve a request, and what of that
need not be asked.

Each method is named after the endpoint that it prepares, says why it may be
done so, and asks or tells what comes next. Knows nothing of HTTP.

Source: docker_registry/images.py, in whose order the registry asks
"""

import collections

from .. import errors

#: Paths of an image's files.
_Image = collections.namedtuple('_Image', 'json mark layer ancestry')


class Endpoints(object):

    """Prepares the answers of a storage for the registry's endpoints.

    :param paths: docker_registry.core.driver.Base, for its path helpers
    :param ahead: ahead.Ahead
    :param meanwhile: ahead.Meanwhile
    :param known: known.Known
    :param heeds_etags: callable that tells whether the cluster does, see
        capabilities.py
    """

    def __init__(self, paths, ahead, meanwhile, known, heeds_etags):
        self._paths = paths
        self._ahead = ahead
        self._meanwhile = meanwhile
        self._known = known
        self._heeds_etags = heeds_etags
        self._prepares = {
            'get_image_ancestry': self._get_image_ancestry,
            'get_image_json': self._get_image_json,
            'get_image_layer': self._get_image_layer,
            'put_image_layer': self._put_image_layer}

    def prepare(self, endpoint, image_id, find_parent, asks_index, checksum):
        """Ask or tell what an endpoint is going to ask.

        :param endpoint, image_id, find_parent, asks_index, checksum: as for
            Storage.serve()
        :raises errors.SwiftError: what is asked first cannot be asked
        """
        image = self._image(image_id)
        if endpoint == 'put_image_json':
            self._put_image_json(image, find_parent(), asks_index)
        elif endpoint == 'put_image_checksum':
            self._put_image_checksum(image, checksum)
        elif endpoint in self._prepares:
            self._prepares[endpoint](image)

    def _image(self, image_id):
        return _Image(self._paths.image_json_path(image_id),
                      self._paths.image_mark_path(image_id),
                      self._paths.image_layer_path(image_id),
                      self._paths.image_ancestry_path(image_id))

    def _get_image_ancestry(self, image):
        """An ancestry never changes; it may be read before the mark, and
        then the mark tells whether the image is complete. Both at once would
        not: the one may be looked for before a push, the other read in it.
        """
        if self._is_complete(image):
            return
        try:
            self._ahead.answer('get_content', image.ancestry)
        except errors.ObjectNotFoundError:
            return
        if not self._ahead.answer('exists', image.mark):
            self._known.completed(image.layer)

    def _get_image_json(self, image):
        """Who pushes wants to know whether the json is there; as a rule it is
        not, and whether a push is under way then makes no difference. If it
        is, it never changes, and may be read before the mark.
        """
        if self._layer_is_known(image):
            return
        try:
            self._ahead.answer('get_content', image.json)
        except errors.ObjectNotFoundError:
            self._ahead.tell('exists', image.mark, False)
            return
        self._ahead.at_once(('exists', image.mark), ('stat', image.layer))
        if self._ahead.answer('exists', image.mark):
            return
        try:
            self._known.fill_stat(image.layer,
                                  self._ahead.answer('stat', image.layer))
        except errors.ObjectNotFoundError:
            # Looked for just before it was written, and the mark removed?
            self._ahead.forget(image.layer)

    def _get_image_layer(self, image):
        """If it is known which layer it has, that is read by its ETag."""
        self._is_complete(image)

    def _put_image_json(self, image, parent_id, asks_index):
        """Its ancestry says nothing to anybody while the mark is there, with
        a json or without; so both are written at once.

        Whether the image is there yet may be asked with what its parent has,
        unless that is an old answer when the index has given its own.
        """
        self._meanwhile.expect(image.json)
        if parent_id is None:
            return
        parent = self._image(parent_id)
        asked = [('exists', parent.json), ('get_content', parent.ancestry)]
        if not asks_index:
            asked.append(('exists', image.json))
        self._ahead.at_once(*asked)

    def _put_image_layer(self, image):
        """Writing the layer finds out whether there is one already, and then
        looks for the mark; see Storage.expect_push().
        """
        if self._heeds_etags():
            self._ahead.tell('exists', image.layer, False)

    def _put_image_checksum(self, image, checksum):
        """A layer is written after the json, which is not removed; whether
        the mark is there, removing it tells.
        """
        written = self._known.written(image.layer)
        if written is not None and written.checksum == checksum:
            self._ahead.tell('stat', image.layer, written)
        try:
            self._ahead.answer('stat', image.layer)
        except errors.ObjectNotFoundError:
            return
        self._ahead.tell('exists', image.json, True)
        self._ahead.tell('exists', image.mark, True)

    def _is_complete(self, image):
        """Tell whether an image is known to be complete, for who reads it."""
        if self._layer_is_known(image):
            return True
        is_complete = self._known.is_complete(image.layer)
        if is_complete:
            self._ahead.tell('exists', image.mark, False)
        return is_complete

    def _layer_is_known(self, image):
        """Tell whether it is known which layer a complete image has."""
        stat = self._known.stat(image.layer)
        if stat is None:
            return False
        self._ahead.tell('exists', image.mark, False)
        self._ahead.tell('stat', image.layer, stat)
        return True
