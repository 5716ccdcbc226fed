"""Registry path <-> object name <-> segment name.

Objects are named as docker-registry-driver-swift 0.2.1 named them: the root
(storage_path) without one slash at its start, a slash unless it ends in one,
the path. Further slashes of the root are part of the names. The segments of
an object begin with SEGMENTS, the object's name, and what is new for each
upload. Pure: no I/O.
"""

import re

from . import compat
from . import errors

#: Swift's default for max_object_name_length.
_MAX_BYTES = 1024
_CONTROL = re.compile('[\x00-\x1f\x7f]')

_DIRECTORY = re.compile('(images|repositories)(/[^/]+)?$|'
                        'repositories/[^/]+/[^/]+$')

#: v1's files, the notes of tags, and registry:2's links.
_OF_REPOSITORY = re.compile(
    '(^|/)repositories/.*/(tag[^/]*|json|_index_images|_images_list|_private|'
    '_recent_tags|link)$')

_IMAGE_ID = re.compile('([0-9a-f]{16}|[0-9a-f]{64})\\Z')

#: Where segments are, in the same container, so that what opens the
#: container opens them; outside every root but that of the whole container.
SEGMENTS = '.segments/'
_OWNER = 'owner'


class Names(object):

    """Names of the objects below one root in a container.

    :param root: storage_path as configured: '/', '/registry', 'registry/'
        and '' are all understood
    """

    def __init__(self, root):
        self._root = _prefix(root)

    def object_name(self, path):
        """Return the name of the object that holds a path.

        :param path: path as the registry gives it, relative to the root
        :returns: the object's name
        :raises InvalidPathError: the path is empty or has an empty part, or
            one that is '.' or '..', which HTTP libraries would resolve to
            another object's name; has a control character in it, is not
            UTF-8, or is too long; or is where segments are

        Source: check_utf8() and check_object_creation() in
            swift/common/constraints.py
        """
        try:
            stripped = compat.native(path).strip('/')
            size_bytes = len(compat.encoded(self._root + stripped))
        except ValueError:
            raise errors.InvalidPathError('the path %r is not UTF-8'
                                          % (path,), object_name=path)
        name = self._root + stripped
        wrong = None
        if not stripped:
            wrong = 'names no object'
        elif '' in stripped.split('/'):
            wrong = 'has an empty part'
        else:
            wrong = _wrong(name, size_bytes)
        if wrong:
            raise errors.InvalidPathError('the path %r %s' % (path, wrong),
                                          object_name=path)
        return name

    def prefix(self, path=None):
        """Return what the names of all objects below a directory begin with.

        :param path: directory relative to the root; None or '' is the root
        :returns: a prefix that ends in a slash, or '' for the whole container
        :raises InvalidPathError: as for object_name()
        """
        if not (path or '').strip('/'):
            return self._root
        return self.object_name(path) + '/'

    def path(self, object_name):
        """Return the path relative to the root; undoes object_name().

        :param object_name: a name, or a pseudo-directory that ends in a slash
        """
        return object_name[len(self._root):].rstrip('/')


def wrong_root(root):
    """Return what is wrong with a root, None if nothing is.

    :raises ValueError: it is not UTF-8
    """
    name = _prefix(root) + 'a'
    return _wrong(name, len(compat.encoded(name)))


def _prefix(root):
    if not root.endswith('/'):
        root += '/'
    return root[1:] if root.startswith('/') else root


def _wrong(name, size_bytes):
    parts = name.split('/')
    if '.' in parts or '..' in parts:
        return 'has a part . or ..'
    if _CONTROL.search(name):
        return 'has a control character in it'
    if (name + '/').startswith(SEGMENTS):
        return 'is where segments are'
    if size_bytes > _MAX_BYTES:
        return 'makes a name of more than %d bytes' % _MAX_BYTES
    return None


def image_file(path):
    """Return which of an image's files a path is, such as "layer".

    :returns: the last part of images/IMAGE/FILE, None for any other path

    Source: the path helpers in docker_registry/core/driver.py
    """
    parts = path.split('/')
    return parts[2] if len(parts) == 3 and parts[0] == 'images' else None


def is_directory(path):
    """Tell whether a path is one that the registry has as a directory alone.

    Other tools may have left an empty object of its name, to mark it as such.

    Source: the path helpers in docker_registry/core/driver.py
    """
    return bool(_DIRECTORY.match(path.strip('/')))


def is_of_repository(object_name):
    """Tell whether a small object is one that v1 or v2 clients change.

    They let it name something else, remove it, and write it again.
    """
    return bool(_OF_REPOSITORY.search(object_name))


def may_change(object_name):
    """Tell whether a small object may have other content later, or none.

    Of an image only its mark does: the others are the same whoever writes
    them.
    """
    return (is_of_repository(object_name)
            or object_name.endswith('/_inprogress'))


def beside(path, name):
    """Return the path of another file of the same image, or upload.

    :param path: of one of the files
    :param name: which file, such as "layer"
    """
    return '%s/%s' % (path.rsplit('/', 1)[0], name)


def segments_prefix(object_name, upload=None):
    """Return what the names of an object's segments begin with.

    :param object_name: name of the object, or what several begin with
    :param upload: what tells one upload of the object from the others
    """
    prefix = SEGMENTS + object_name
    return prefix if upload is None else '%s/%s/' % (prefix, upload)


def segment_name(prefix, number):
    """Return the name of a segment; names sort as the segments follow.

    :raises InvalidPathError: it is longer than Swift allows
    """
    name = '%s%08d' % (prefix, number)
    if len(compat.encoded(name)) > _MAX_BYTES:
        raise errors.InvalidPathError(
            'the name %r of a segment has more than %d bytes'
            % (name, _MAX_BYTES), object_name=name)
    return name


def segmented_object(segment):
    """Return the name of the object that a segment was written for.

    Not of one beside which there is an owner_name().
    """
    return segment[len(SEGMENTS):].rsplit('/', 2)[0]


def owner_name(segment):
    """Return the name of the object that says whose some segments are.

    There is one where segments were written before anybody knew what object
    they would be of. Its content is that object's name.

    :param segment: name of one of them, or what all their names begin with
    """
    return beside(segment, _OWNER)


def is_owner_name(name):
    """Tell whether an object among segments says whose they are."""
    return name.rsplit('/', 1)[-1].startswith(_OWNER)


def is_image_id(text):
    """Tell whether a text may be the id of an image, of engines of any age."""
    return bool(_IMAGE_ID.match(text))


def repository_path(namespace, repository):
    """Return the path of a repository.

    The registry quotes its name once, and core's path helper again: b/c is
    b%252Fc.

    Source: docker_registry/toolkit.py of docker-registry 0.9.1
    """
    return 'repositories/%s/%s' % (
        quote_part(namespace), quote_part(compat.quote_plus(repository)))


def repository_of(path):
    """Return the namespace and the repository that a repository_path() is of.
    """
    _, namespace, repository = path.split('/')[:3]
    return unquote_part(namespace), unquote_part(unquote_part(repository))


def unquote_part(part):
    """Undo quote_part(); what is not UTF-8 stays quoted.

    :param part: native text
    """
    try:
        return compat.native(compat.unquote_to_bytes(part.replace('+', ' ')))
    except ValueError:
        return part


def quote_part(value):
    """Quote one part of a path as core's path helpers do on Python 2.

    :param value: anything that str() takes: namespace, repository, tag, id
    :returns: a str without a slash that is neither '.' nor '..'

    Source: check() in docker_registry/core/driver.py
    """
    value = str(value)
    if value in ('.', '..'):
        value = value.replace('.', '%2E')
    # Python 3.7 and later leave the tilde as it is.
    return compat.quote_plus(value).replace('~', '%7E')
