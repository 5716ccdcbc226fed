"""A v1 image's jsons, and the facts of its layers, to a v2 image.

The same bytes come out wherever and whenever this is done: a manifest is
known by the digest of its bytes. Pure: no I/O.

Source: pull_v1.go in distribution/ and imagev1.go in image/v1/ of the docker
    engine 1.13; https://github.com/opencontainers/image-spec/ and
    https://distribution.github.io/distribution/spec/manifest-v2-2/
"""

import collections
import hashlib
import json
import re
import time

from . import facts
from .. import compat

MANIFEST_TYPE = 'application/vnd.docker.distribution.manifest.v2+json'
CONFIG_TYPE = 'application/vnd.docker.container.image.v1+json'
LAYER_TYPES = {
    'tar': 'application/vnd.docker.image.rootfs.diff.tar',
    'gzip': 'application/vnd.docker.image.rootfs.diff.tar.gzip',
}

#: A v1 image: its id, its json as it is stored (bytes), its layer's Facts.
Image = collections.namedtuple('Image', 'id json facts')
#: A v2 image: config and manifest as bytes, their digests, and the digests of
#: its layers from the base up.
Converted = collections.namedtuple(
    'Converted', 'config config_digest manifest manifest_digest layers')

#: What one image alone says of itself in v1.
_OF_V1 = ('id', 'parent', 'Size', 'parent_id', 'layer_id', 'throwaway')
_TEXTS = ('parent', 'created', 'author', 'comment', 'container',
          'docker_version', 'architecture', 'os')
_CONFIGS = ('config', 'container_config')
_CONFIG_KINDS = {
    'texts': ('Hostname', 'Domainname', 'User', 'Image', 'WorkingDir',
              'MacAddress', 'StopSignal'),
    'lists': ('Env', 'Cmd', 'Entrypoint', 'OnBuild'),
    'mappings': ('ExposedPorts', 'Volumes', 'Labels'),
}
#: Engines of old take one word for a list of one.
_WORD_OR_LIST = ('Cmd', 'Entrypoint')
#: How others than Go call the machines.
_ARCHITECTURES = {'x86_64': 'amd64', 'x86-64': 'amd64', 'i386': '386',
                  'i486': '386', 'i586': '386', 'i686': '386',
                  'aarch64': 'arm64', 'armv6l': 'arm', 'armv7l': 'arm'}

# Not \d: on Python 3 that has the digits of all scripts.
_CREATED = re.compile(
    r'([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9])(\.[0-9]+)?'
    r'(?:(Z)|([+-](?:[01][0-9]|2[0-3])):?([0-5][0-9]))\Z')
_PORT = re.compile(r'(?:.*:)?([0-9]{1,5})(?:/(tcp|udp))?\Z')
_ID = re.compile('[0-9a-f]{1,64}\\Z')
_MAX_DIGITS = 300
#: What is UTF-8, a piece at a time: memory is taken for each letter of one.
_UTF8 = re.compile(
    b'((?:[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|'
    b'[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|'
    b'\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|'
    b'\xf4[\x80-\x8f][\x80-\xbf]{2}){1,1000})|.', re.DOTALL)
_REPLACEMENT = u'\ufffd'.encode('utf-8')


def convert(images, architecture=None, os=None):
    """Make a v2 image of a v1 image and those below it.

    :param images: list of Image, the base first
    :param architecture, os: of the client that has pushed it, for an image
        that does not say; None where that is not known
    :returns: Converted
    :raises facts.DamagedError: names the image whose json is damaged, or
        that does not stand on the one below it
    """
    descriptions = []
    below = None
    for image in images:
        description = parse(image.id, image.json)
        if (description.get('parent') or None) != below:
            raise facts.DamagedError(image.id, (
                'it stands on %s by its json, and on %s by the ancestry'
                % (_shown(description.get('parent')), below or 'none')))
        below = image.id
        descriptions.append(description)
    # Clients refuse an image of no layer at all.
    kept = [image for image in images if not image.facts.is_empty]
    kept = kept or list(images[:1])
    config = _config(images, descriptions, kept, architecture, os)
    config_digest = digest(config)
    manifest = _manifest(config, config_digest, kept)
    return Converted(config, config_digest, manifest, digest(manifest),
                     [blob_digest(image.facts) for image in kept])


def digest(content):
    """Return the digest of bytes, as text."""
    return 'sha256:' + hashlib.sha256(content).hexdigest()


def is_decompressed(layer):
    """Tell whether a layer is served as the tar archive in it.

    Clients of v2 take xz and bzip2 or not, each in its own way.

    :param layer: facts.Facts, or None
    """
    return layer.kind not in LAYER_TYPES


def blob_digest(layer):
    """Return the digest of the bytes that are served of a layer."""
    return layer.diff_id if is_decompressed(layer) else layer.digest


def blob_bytes(layer):
    """Return how many bytes are served of a layer."""
    return layer.tar_bytes if is_decompressed(layer) else layer.size_bytes


def parse(image_id, content):
    """Return what an image's json says, as clients of v2 can read it.

    :param image_id: id of the image
    :param content: the json, bytes
    :returns: a dict
    :raises facts.DamagedError: a docker engine could not read it either
    """
    try:
        return _parse(image_id, content)
    except _Wrong as error:
        raise facts.DamagedError(image_id, 'its json: %s' % error)


class _Wrong(Exception):

    """What is wrong with a json."""


def _parse(image_id, content):
    try:
        found = json.loads(
            _UTF8.sub(lambda match: match.group(1) or _REPLACEMENT,
                      content).decode('utf-8'),
            parse_int=_integer, parse_float=_float, parse_constant=_constant)
    except (ValueError, RuntimeError):  # RuntimeError: nested too deep
        raise _Wrong('not JSON')
    if not isinstance(found, dict):
        raise _Wrong('not an object')
    if found.get('id', image_id) != image_id:
        raise _Wrong('is of another image')
    found = {name: value for name, value in found.items()
             if value is not None or name not in _TEXTS + _CONFIGS}
    for name in _TEXTS:
        _check_text(found, name)
    if not found.get('created'):
        found.pop('created', None)
    else:
        found['created'] = _created(found['created'])
    if 'architecture' in found:
        found['architecture'] = _ARCHITECTURES.get(
            found['architecture'].lower(), found['architecture'])
    for name in _CONFIGS:
        if name in found:
            found[name] = _container_config(name, found[name])
    return found


def _integer(text):
    # How many digits Python takes depends on its version.
    if len(text) > _MAX_DIGITS:
        raise ValueError('a number of %d digits' % len(text))
    return int(text)


def _float(text):
    number = float(text)
    if number in (float('inf'), float('-inf')):
        raise ValueError('a number too large')
    return number


def _constant(text):
    raise ValueError('%s is not JSON' % text)


def _check_text(found, name):
    if name in found and not isinstance(found[name], compat.TEXT_TYPES):
        raise _Wrong('%s is not text' % name)


def _created(value):
    """Return a time as RFC 3339 has it, which older ones miss by a colon."""
    match = _CREATED.match(value)
    try:
        if not match:
            raise ValueError('not a time')
        time.strptime(match.group(1), '%Y-%m-%dT%H:%M:%S')
    except ValueError:
        raise _Wrong('created is not a time')
    seconds, fraction, utc, hours, minutes = match.groups()
    return seconds + (fraction or '') + (utc or '%s:%s' % (hours, minutes))


def _container_config(name, config):
    if not isinstance(config, dict):
        raise _Wrong('%s is not an object' % name)
    config = {key: value for key, value in config.items()
              if value is not None or not any(
                  key in keys for keys in _CONFIG_KINDS.values())}
    for key in _WORD_OR_LIST:
        if isinstance(config.get(key), compat.TEXT_TYPES):
            config[key] = [config[key]]
    for key in _CONFIG_KINDS['texts']:
        if not isinstance(config.get(key, u''), compat.TEXT_TYPES):
            raise _Wrong('%s of %s is not text' % (key, name))
    for key in _CONFIG_KINDS['lists']:
        if not _is_list_of_text(config.get(key, [])):
            raise _Wrong('%s of %s is not a list of words' % (key, name))
    for key in _CONFIG_KINDS['mappings']:
        if not isinstance(config.get(key, {}), dict):
            raise _Wrong('%s of %s is not an object' % (key, name))
    if not _is_list_of_text(list(config.get('Labels', {}).values())):
        raise _Wrong('Labels of %s is not of text' % name)
    ports = config.pop('PortSpecs', None)
    if ports:
        config['ExposedPorts'] = dict(config.get('ExposedPorts', {}),
                                      **_exposed(name, ports))
    return config


def _is_list_of_text(value):
    return isinstance(value, list) and all(
        isinstance(each, compat.TEXT_TYPES) for each in value)


def _exposed(name, ports):
    """Return what engines before 0.7 call PortSpecs, as ExposedPorts.

    :param ports: list such as ["80", "8080:80", "127.0.0.1:53:53/udp"]; the
        last number is the container's
    """
    if not _is_list_of_text(ports):
        raise _Wrong('PortSpecs of %s is not a list of words' % name)
    found = {}
    for port in ports:
        match = _PORT.match(port)
        if not match or not 0 < int(match.group(1)) < 65536:
            raise _Wrong('PortSpecs of %s has no port' % name)
        found['%d/%s' % (int(match.group(1)), match.group(2) or 'tcp')] = {}
    return found


def _shown(parent):
    """Return the parent that a json has as people read it, in a log too."""
    if not parent:
        return 'none'
    return parent if _ID.match(parent) else 'what is no id'


def _config(images, descriptions, kept, architecture, os):
    config = {name: value for name, value in descriptions[-1].items()
              if name not in _OF_V1}
    config['architecture'] = (config.get('architecture')
                              or architecture or u'amd64')
    config['os'] = config.get('os') or os or u'linux'
    config['rootfs'] = {
        'type': 'layers',
        'diff_ids': [image.facts.diff_id for image in kept]}
    config['history'] = [_history(description, image in kept)
                         for description, image in zip(descriptions, images)]
    try:
        return _dump(config)
    except RuntimeError:
        raise facts.DamagedError(images[-1].id, 'its json: nested too deep')


def _history(description, has_layer):
    entry = {name: description[name]
             for name in ('created', 'author', 'comment')
             if description.get(name)}
    command = description.get('container_config', {}).get('Cmd')
    if command:
        entry['created_by'] = u' '.join(command)
    if not has_layer:
        entry['empty_layer'] = True
    return entry


def _manifest(config, config_digest, kept):
    return _dump({
        'schemaVersion': 2,
        'mediaType': MANIFEST_TYPE,
        'config': {'mediaType': CONFIG_TYPE, 'size': len(config),
                   'digest': config_digest},
        'layers': [{
            'mediaType': LAYER_TYPES.get(image.facts.kind, LAYER_TYPES['tar']),
            'size': blob_bytes(image.facts),
            'digest': blob_digest(image.facts)} for image in kept]})


def _dump(value):
    """Return JSON, the same on every Python."""
    return json.dumps(value, sort_keys=True, separators=(',', ':')).encode(
        'ascii')
