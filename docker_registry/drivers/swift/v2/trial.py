"""Converts an image of its own and reads it back: whether v2 works here.

Leaves nothing behind.
"""

import hashlib
import json
import time

from . import conversion
from . import repositories
from .. import names
from ..objects import large_object
from ..objects import small_object

_LISTING_SECONDS = 10
_IMAGE_ID = hashlib.sha256(b'docker-registry-swift check').hexdigest()
_LAYER = b'docker-registry-swift check'.ljust(512, b'\1')


class TrialError(Exception):

    """Something else was read than was written."""


def run(values, swift_container, root):
    """Push a v1 image, convert it, and read its v2 image.

    :param values: settings.Settings
    :param swift_container: container.Container
    :param root: what the names of all objects that are written begin with;
        nothing else may be there
    :returns: how the layer has become a blob, a sentence
    :raises TrialError, errors.SwiftError: it does not work
    """
    values = values._replace(root=root)
    try:
        return _run(values, swift_container)
    finally:
        _remove(values, swift_container)


def _run(values, swift_container):
    registry_names = names.Names(values.root)
    small_objects = small_object.SmallObjects(values, swift_container)
    for path, content in [
            ('images/%s/json' % _IMAGE_ID,
             json.dumps({'id': _IMAGE_ID}).encode('ascii')),
            ('images/%s/ancestry' % _IMAGE_ID,
             json.dumps([_IMAGE_ID]).encode('ascii')),
            ('images/%s/layer' % _IMAGE_ID, _LAYER),
            ('repositories/library/check/tag_latest',
             _IMAGE_ID.encode('ascii'))]:
        small_objects.write(registry_names.object_name(path), content)
    _copy(swift_container, small_objects, registry_names)
    found = repositories.in_container(values, swift_container)
    digest = found.resolve('check', 'latest')
    manifest = json.loads(found.manifest('check', digest).decode('ascii'))
    blob, = manifest['layers']
    if blob['digest'] != conversion.digest(_LAYER):
        raise TrialError('the layer has the digest %s and should have %s' % (
            blob['digest'], conversion.digest(_LAYER)))
    content = b''.join(found.open_blob('check', blob['digest']))
    if content != _LAYER:
        raise TrialError('%d bytes came of a layer, and not the %d that were '
                         'written' % (len(content), len(_LAYER)))
    return 'an image is converted and read; its layer is stored %s' % (
        'once, by a static large object'
        if swift_container.capabilities().max_segments
        else 'twice: the cluster has no static large objects')


def _copy(swift_container, small_objects, registry_names):
    """Copy the layer, as it is done with dynamic large objects."""
    source, target = [registry_names.object_name(
        'images/%s/%s' % (_IMAGE_ID, name)) for name in ('layer', 'copy')]
    swift_container.copy(source, target, swift_container.get_etag(
        swift_container.head(source)))
    if small_objects.read(target) != _LAYER:
        raise TrialError('COPY has written other bytes')


def _remove(values, swift_container):
    # Swift's listings follow its objects at a distance. The tag's link is
    # the last of them.
    give_up_at = time.time() + _LISTING_SECONDS
    while time.time() < give_up_at and not any(
            entry['name'].endswith('/current/link')
            for entry in swift_container.list(values.root)):
        time.sleep(0.5)
    large_object.LargeObjects(values, swift_container).remove_below(
        values.root, lambda object_names: None)
