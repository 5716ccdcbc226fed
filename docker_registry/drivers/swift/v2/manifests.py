"""What a manifest that a client pushes says, checked. Pure: no I/O.

Source: https://github.com/opencontainers/image-spec/ and
    https://distribution.github.io/distribution/spec/manifest-v2-2/
"""

import collections
import json

from . import layout
from .. import compat

#: No registry takes less; registry:2 takes no more.
MAX_BYTES = 4 * 1024 * 1024

INDEX_TYPE = 'application/vnd.oci.image.index.v1+json'
MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'
_DOCKER_MANIFEST_TYPE = 'application/vnd.docker.distribution.manifest.v2+json'
_DOCKER_LIST_TYPE = (
    'application/vnd.docker.distribution.manifest.list.v2+json')
_IMAGES = (MANIFEST_TYPE, _DOCKER_MANIFEST_TYPE)
INDEX_TYPES = (INDEX_TYPE, _DOCKER_LIST_TYPE)
#: Of layers that may be elsewhere alone.
_FOREIGN = ('.foreign.', '.nondistributable.')
#: Of the media types of layers, and of BuildKit's list of them.
_OF_LAYERS = ('.layer.', '.rootfs.', '.cacheconfig.')
#: More than any size or version has.
_MAX_DIGITS = 20

#: media_type: what it is. blobs, manifests: digests of what it cannot do
#: without, lists; the first blob of an image is its config. subject: digest of
#: the manifest that it is about, or None. artifact_type: text or None.
#: annotations: a dict.
Manifest = collections.namedtuple(
    'Manifest', 'media_type blobs manifests subject artifact_type annotations')


class InvalidError(Exception):

    """It is not a manifest that a client could use; the message says why."""


def parse(content, content_type=None):
    """Return the Manifest in what a client has pushed.

    :param content: bytes
    :param content_type: what the request says that it is; None where it does
        not say
    :raises InvalidError: it is none, or another than the request says
    """
    found = _json(content)
    if not isinstance(found, dict):
        raise InvalidError('not a JSON object')
    if found.get('schemaVersion') != 2 or found['schemaVersion'] is True:
        raise InvalidError('schemaVersion is not 2')
    kind = _text(found, 'mediaType')
    if content_type and kind and content_type != kind:
        raise InvalidError('mediaType is %s, and Content-Type %s' % (
            kind, content_type))
    if not kind and content_type in (_DOCKER_MANIFEST_TYPE,
                                     _DOCKER_LIST_TYPE):
        raise InvalidError('mediaType is missing')
    kind = kind or content_type or (
        INDEX_TYPE if 'manifests' in found else MANIFEST_TYPE)
    subject = found.get('subject')
    if subject is not None:
        subject = _descriptor(subject, 'subject')
    artifact_type = _text(found, 'artifactType')
    blobs, manifests = [], []
    if kind in _IMAGES:
        _refuse(found, 'manifests')
        config = found.get('config')
        blobs.append(_descriptor(config, 'config'))
        for number, layer in enumerate(_list(found, 'layers')):
            digest = _descriptor(layer, 'layers[%d]' % number)
            if not _is_elsewhere(layer):
                blobs.append(digest)
        artifact_type = artifact_type or _text(config, 'mediaType')
    elif kind in INDEX_TYPES:
        _refuse(found, 'layers')
        for number, each in enumerate(_list(found, 'manifests')):
            digest = _descriptor(each, 'manifests[%d]' % number)
            (blobs if _is_layer(each) else manifests).append(digest)
    else:
        raise InvalidError('this registry takes no manifest of type %s' % kind)
    return Manifest(kind, blobs, manifests, subject, artifact_type,
                    _annotations(found))


def _json(content):
    try:
        return json.loads(content.decode('utf-8'), parse_int=_integer,
                          parse_constant=_constant)
    except (ValueError, RuntimeError):  # RuntimeError: nested too deep
        raise InvalidError('not JSON')


def _integer(text):
    # Python takes a minute for a million digits, or refuses them.
    if len(text) > _MAX_DIGITS:
        raise ValueError('a number of %d digits' % len(text))
    return int(text)


def _constant(text):
    raise ValueError('%s is not JSON' % text)


def _text(found, name):
    """Return a field as text; None where there is none."""
    value = found.get(name)
    if value is None or value == '':
        return None
    try:
        if isinstance(value, compat.TEXT_TYPES):
            return compat.native(value)
    except ValueError:  # half of a surrogate
        pass
    raise InvalidError('%s is not text' % name)


def _list(found, name):
    value = found.get(name)
    if not isinstance(value, list):
        raise InvalidError('%s is not a list' % name)
    return value


def _refuse(found, name):
    # What is a manifest to one client and an index to another.
    # Source: https://github.com/opencontainers/image-spec/security/
    #     advisories/GHSA-77vh-xpmg-72qh
    if found.get(name) is not None:
        raise InvalidError('it has %s, which its type has not' % name)


def _descriptor(value, name):
    """Return the digest of a descriptor.

    :param name: what it is, for errors
    """
    if not isinstance(value, dict):
        raise InvalidError('%s is not a descriptor' % name)
    digest = value.get('digest')
    size = value.get('size')
    if not isinstance(digest, compat.TEXT_TYPES) or (
            not layout.is_digest(digest)):
        raise InvalidError('%s has no digest that is known' % name)
    if isinstance(size, (bool, float)) or not isinstance(
            size, compat.INTEGER_TYPES) or size < 0:
        raise InvalidError('%s has no size' % name)
    if not _text(value, 'mediaType'):
        raise InvalidError('%s has no mediaType' % name)
    return compat.native(digest)


def _is_elsewhere(layer):
    kind = _text(layer, 'mediaType')
    return bool(layer.get('urls')) or any(word in kind for word in _FOREIGN)


def _is_layer(descriptor):
    """Tell whether what an index has is a layer, and no manifest.

    BuildKit exports its cache so.

    Source: cache/remotecache/export.go of BuildKit
    """
    kind = _text(descriptor, 'mediaType')
    return any(part in kind for part in _OF_LAYERS)


def _annotations(found):
    value = found.get('annotations')
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(
            isinstance(each, compat.TEXT_TYPES) for each in value.values()):
        raise InvalidError('annotations is not of text')
    return value
