"""What the small files of a v1 image say, checked. Pure: no I/O.

Source: images.py of docker-registry 0.9.1
"""

import json

from . import compat
from . import names


class UnreadableError(Exception):

    """A file of the registry is there, but is not what it should be."""


def ancestry(image_id, content):
    """Return the ids that the ancestry of an image has, its own first.

    :param content: bytes
    :raises UnreadableError: it is no list of ids, each once, that begins with
        its own
    """
    found = _parsed('ancestry', content)
    if not isinstance(found, list) or not all(
            isinstance(each, compat.TEXT_TYPES) for each in found):
        raise UnreadableError('ancestry is no list of ids')
    try:
        found = [compat.native(each) for each in found]
    except ValueError:  # half of a surrogate
        raise UnreadableError('ancestry is no list of ids')
    if (found[:1] != [image_id] or not all(map(names.is_image_id, found))
            or len(set(found)) != len(found)):
        raise UnreadableError('ancestry is not that of this image')
    return found


def parent(image_id, content):
    """Return the id of the image below one as its json has it, or None.

    :param content: bytes
    :raises UnreadableError: it is not the json of this image
    """
    found = _parsed('json', content)
    if not isinstance(found, dict) or found.get('id') != image_id:
        raise UnreadableError('json is not that of this image')
    below = found.get('parent') or None
    if below is None:
        return None
    if not isinstance(below, compat.TEXT_TYPES) or not names.is_image_id(
            below):
        raise UnreadableError('json has a parent that is no id')
    return compat.native(below)


def checksums(content):
    """Return the checksums that a _checksum has, a list of texts.

    :param content: bytes: a JSON list, or of old the checksum alone
    """
    text = content.decode('utf-8', 'replace')
    try:
        found = json.loads(text)
    except (ValueError, RuntimeError):
        found = text.strip()
    found = found if isinstance(found, list) else [found]
    return [compat.native(each) for each in found
            if isinstance(each, compat.TEXT_TYPES) and ':' in each]


def _parsed(name, content):
    try:
        return json.loads(content.decode('utf-8'))
    except (ValueError, RuntimeError):  # RuntimeError: nested too deep
        raise UnreadableError('%s is not JSON' % name)
