"""A v2 image to v1 images, one for each layer. Pure: no I/O.

The same ids come out wherever and whenever this is done, and images that
begin alike have the same ones.

Source: image/v1/imagev1.go of the docker engine 1.13;
    https://github.com/moby/docker-image-spec/
"""

import collections
import hashlib
import json

from . import conversion
from . import facts
from . import manifests
from .. import compat

#: What engines of v1 unpack.
_LAYER_TYPES = tuple(conversion.LAYER_TYPES.values()) + (
    'application/vnd.oci.image.layer.v1.tar',
    'application/vnd.oci.image.layer.v1.tar+gzip')
_CONFIG_TYPES = (conversion.CONFIG_TYPE,
                 'application/vnd.oci.image.config.v1+json')
#: Engines refuse more.
_MAX_IMAGES = 127
_OF_V2 = ('rootfs', 'history')
_OF_HISTORY = ('created', 'author', 'comment')

#: A v1 image: its id; its json, bytes; ids of it and those below it, from the
#: top; digest of its layer, None for an empty one.
Image = collections.namedtuple('Image', 'id json ancestry layer')


class UnreadableError(Exception):

    """Engines of v1 could not use the image; the message says why."""


def choose(content):
    """Return which manifest of an index v1 clients get.

    :param content: the index or the manifest, bytes
    :returns: digest; None where it is a manifest itself
    :raises UnreadableError: there is none for them
    """
    found = json.loads(content.decode('utf-8'))
    if 'manifests' not in found:
        return None
    for each in found['manifests']:
        platform = each.get('platform') or {}
        if (platform.get('os'), platform.get('architecture')) == (
                'linux', 'amd64'):
            return compat.native(each['digest'])
    raise UnreadableError('there is none for linux/amd64 in the index')


def parse(content):
    """Return the digests of a manifest's config and layers.

    :param content: the manifest, bytes
    :returns: digest, and list of digests from the base up
    :raises UnreadableError: v1 clients cannot unpack one of them
    """
    found = json.loads(content.decode('utf-8'))
    try:
        manifests.parse(content)
        if found['config']['mediaType'] not in _CONFIG_TYPES:
            raise UnreadableError('its config is of type %s' % (
                found['config']['mediaType']))
        for layer in found['layers']:
            if layer['mediaType'] not in _LAYER_TYPES:
                raise UnreadableError('a layer is of type %s'
                                      % layer['mediaType'])
        return compat.native(found['config']['digest']), [
            compat.native(layer['digest']) for layer in found['layers']]
    except (KeyError, manifests.InvalidError) as error:
        raise UnreadableError(str(error))


def convert(config, layers, digest):
    """Make v1 images.

    :param config: bytes
    :param layers: digests of the layers from the base up
    :param digest: of what the tag names, so that the topmost image is of that
        alone
    :returns: list of Image, the base first
    :raises UnreadableError: the config is damaged, or there is no layer
    """
    try:
        found = conversion.parse(None, config)
    except facts.DamagedError as error:
        raise UnreadableError(error.reason)
    images = []
    steps = _steps(found.get('history'), layers)
    for number, (entry, layer) in enumerate(steps):
        is_top = number == len(steps) - 1
        below = images[-1].id if images else None
        image_id = hashlib.sha256('\n'.join([
            below or '', layer or '', json.dumps(entry, sort_keys=True),
            digest if is_top else '']).encode('ascii')).hexdigest()
        description = {name: value for name, value in found.items()
                       if name not in _OF_V2} if is_top else {}
        description.update(
            {name: entry[name] for name in _OF_HISTORY if entry.get(name)},
            id=image_id)
        if below:
            description['parent'] = below
        if entry.get('created_by'):
            description['container_config'] = {'Cmd': [entry['created_by']]}
        images.append(Image(
            image_id, json.dumps(description, sort_keys=True).encode('ascii'),
            [image_id] + (images[-1].ancestry if images else []), layer))
    return images


def _steps(history, layers):
    """Return pairs of an entry of the history and a layer, or None."""
    if not layers:
        raise UnreadableError('it has no layer')
    steps, left, fits = [], list(layers), True
    for entry in history if isinstance(history, list) else []:
        if not isinstance(entry, dict) or not all(
                isinstance(entry.get(name) or '', compat.TEXT_TYPES)
                for name in _OF_HISTORY + ('created_by',)):
            raise UnreadableError('its history is damaged')
        is_empty = entry.get('empty_layer')
        fits = fits and bool(is_empty or left)
        steps.append((entry, None if is_empty or not left else left.pop(0)))
    if left or not fits:
        # It is not of these layers.
        steps = [({}, layer) for layer in layers]
    if len(steps) > _MAX_IMAGES:
        steps = [step for step in steps if step[1]]
    if len(steps) > _MAX_IMAGES:
        raise UnreadableError('it has %d layers' % len(steps))
    return steps
