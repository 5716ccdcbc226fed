"""v1 images and tags as the registry keeps them, and what is known of them.

Reads what v1 clients have pushed, past the registry. Beside an image's json it
keeps what conversion has found out: the facts of its layer, and which v2 image
it is. Knows nothing of registry:2's objects.

Source: the path helpers in docker_registry/core/driver.py of
    docker-registry-core 2.0.3; images.py, tags.py and toolkit.py of
    docker-registry 0.9.1
"""

import collections
import json
import logging
import re

from . import facts
from . import layout
from .. import compat
from .. import errors
from .. import image_files
from .. import names
from .. import recent_tags
from ..objects import read_ahead
from ..objects import small_object

_TAG = 'tag_'
#: What an image's directory has besides the registry's own files.
_FACTS, _MANIFEST, _ARCHIVE = '_facts', '_manifest', '_archive'

#: In the metadata of what was made of what v2 clients have pushed: of a tag,
#: the digest of its manifest; of a layer, its own.
DIGEST = 'x-object-meta-v2-digest'

#: What a v1 tag names. written_at: Unix time by Swift's clock. digest: the
#: manifest that it was made of for v1 clients; None of what they have pushed.
Tag = collections.namedtuple('Tag', 'image_id written_at digest')
#: Which v2 image an image is: digests of its manifest and config, and of its
#: layers, a list.
Record = collections.namedtuple('Record', 'manifest config layers')

logger = logging.getLogger(__name__)


class IncompleteError(facts.DamagedError):

    """An image is being pushed, or its push was given up."""


class Images(object):

    """Reads v1 images and tags; writes those of what v2 clients have pushed.

    Every method raises errors.SwiftError when Swift cannot be asked or fails.

    :param values: settings.Settings
    :param swift_container: container.Container
    """

    def __init__(self, values, swift_container):
        self._container = swift_container
        self._small_objects = small_object.SmallObjects(
            values, swift_container)
        self._readers = read_ahead.Readers(values, swift_container)
        self._names = names.Names(values.root)
        self._recent_tags = recent_tags.RecentTags(
            lambda path: (self._small_objects.read(
                self._names.object_name(path)), None), None, None, None)

    def repositories(self):
        """Yield the repositories that the listing has.

        :returns: iterator over pairs of a namespace and a repository
        """
        for namespace in self._container.directories(
                self._names.prefix('repositories')):
            for repository in self._container.directories(namespace):
                yield names.repository_of(self._names.path(repository))

    def tag(self, namespace, repository, tag):
        """Return the Tag of a name, None where there is none."""
        try:
            headers, content = self._small_objects.get(
                self._names.object_name(_tag_path(
                    namespace, repository, _TAG + tag)))
            image_id = compat.native(content).strip()
        except errors.ObjectNotFoundError:
            return None
        except ValueError:
            return None  # not UTF-8
        # The json of a tag "_x" has the name of a tag "x_json".
        if not names.is_image_id(image_id):
            return None
        return Tag(image_id, float(headers.get('x-timestamp', 0)),
                   headers.get(DIGEST))

    def put_tag(self, namespace, repository, tag, found):
        """Write a tag that was made of what v2 clients have pushed.

        :param found: Tag; written_at is when they have pushed it
        """
        description = json.dumps({
            'last_update': int(found.written_at), 'arch': 'amd64',
            'os': 'linux'}).encode('ascii')
        others = ['tag%s_json' % tag] + ['json'] * (tag == 'latest')
        for name in others:
            self._small_objects.write(self._names.object_name(_tag_path(
                namespace, repository, name)), description)
        self._small_objects.write(
            self._names.object_name(_tag_path(namespace, repository,
                                              _TAG + tag)),
            found.image_id.encode('ascii'), headers={DIGEST: found.digest})

    def put_index(self, namespace, repository):
        """Write the list of a repository's images, where there is none.

        Engines want one, and take the images of the tags as well.
        """
        self.put_new(self._names.object_name(_tag_path(
            namespace, repository, '_index_images')), b'[]')

    def place(self, image_id):
        """Return the name of a layer's object, and whether there is an image.

        :param image_id: id of an image that is made of a v2 layer
        """
        return (self._name(image_id, 'layer'),
                self._container.exists(self._name(image_id, 'json')))

    def put_files(self, image_id, ancestry, description):
        """Write an image's ancestry and then its json, bytes."""
        self.put_new(self._name(image_id, 'ancestry'), ancestry)
        self.put_new(self._name(image_id, 'json'), description)

    def put_new(self, object_name, content, digest=None):
        """Write an object, bytes, where there is none.

        :param digest: to be in its metadata, or None
        """
        try:
            self._small_objects.write(object_name, content, only_new=True,
                                      headers=digest and {DIGEST: digest})
        except errors.ObjectExistsError:
            pass

    def remove_tag(self, namespace, repository, tag):
        """Let a tag name nothing; there may be none."""
        paths = [_tag_path(namespace, repository, name)
                 for name in (_TAG + tag, 'tag%s_json' % tag)]
        self._container.delete_all(map(self._names.object_name, paths))

    def tag_names(self, namespace, repository):
        """Return the names of what may be a repository's tags, a set.

        Also of tags that the listing does not have yet; some may be gone.
        """
        directory = names.repository_path(namespace, repository)
        paths = set(self._recent_tags.paths(directory))
        prefix = self._names.prefix(directory)
        paths.update(self._names.path(entry['name'])
                     for entry in self._container.list(prefix + _TAG))
        found = {names.unquote_part(path.rsplit('/', 1)[-1]) for path in paths}
        return {name[len(_TAG):] for name in found if name.startswith(_TAG)}

    def machine(self, namespace, repository, tag):
        """Return what a tag's json says of who has pushed it.

        :returns: architecture and operating system, as text or None
        """
        try:
            found = json.loads(self._small_objects.read(
                self._names.object_name(_tag_path(
                    namespace, repository, 'tag%s_json' % tag))).decode(
                        'utf-8'))
        except (errors.ObjectNotFoundError, ValueError):
            return None, None
        if not isinstance(found, dict):
            return None, None
        return tuple(
            found[name] if isinstance(found.get(name), compat.TEXT_TYPES)
            and re.match('[a-z0-9_.-]+$', found[name]) else None
            for name in ('arch', 'os'))

    def ancestry(self, image_id):
        """Return the ids of an image and those below it, the base first.

        :raises facts.DamagedError: they are missing or damaged
        """
        try:
            return list(reversed(image_files.ancestry(
                image_id, self._read(image_id, 'ancestry'))))
        except errors.ObjectNotFoundError:
            self.check_complete(image_id)
            raise facts.DamagedError(image_id, 'its ancestry is missing')
        except image_files.UnreadableError as error:
            raise facts.DamagedError(image_id, 'its %s' % error)

    def json(self, image_id):
        """Return an image's json, bytes.

        :raises facts.DamagedError: it is missing
        """
        try:
            return self._read(image_id, 'json')
        except errors.ObjectNotFoundError:
            self.check_complete(image_id)
            raise facts.DamagedError(image_id, 'its json is missing')

    def check_complete(self, image_id):
        """Raise IncompleteError if an image's push has not ended."""
        if self._container.exists(self._name(image_id, '_inprogress')):
            raise IncompleteError(image_id, 'it is being pushed, or its push '
                                  'was given up')

    def layer(self, image_id):
        """Return the name of a layer's object, and what HEAD says of it.

        :raises facts.DamagedError: it is missing
        """
        object_name = self._name(image_id, 'layer')
        try:
            return object_name, self._container.head(object_name)
        except errors.ObjectNotFoundError:
            raise facts.DamagedError(image_id, 'its layer is missing')

    def archive_name(self, image_id):
        """Return the name of the object for a layer's decompressed archive."""
        return self._name(image_id, _ARCHIVE)

    def head(self, object_name):
        """Return what HEAD says of an object, a dict with lower-case names."""
        return self._container.head(object_name)

    def open_layer(self, object_name, headers):
        """Open the version of a layer that HEAD has told of.

        :returns: iterator over chunks of bytes, with a close()
        """
        return self._readers.open(
            object_name, None, self._container.get_etag(headers) or None)

    def checksums(self, image_id, headers):
        """Return the checksums that a layer was pushed with.

        :param headers: what HEAD says of the layer
        :returns: list of text, of "sha256:..." alone; [] where there is none
        """
        found = [headers.get(small_object.CHECKSUM)]
        if not found[0]:
            try:
                found = image_files.checksums(
                    self._read(image_id, '_checksum'))
            except errors.ObjectNotFoundError:
                return []
        return [each for each in found
                if re.match('sha256:[0-9a-f]{64}$', each)]

    def facts(self, image_id):
        """Return the Facts of a layer that are known, or None."""
        return self._known(image_id, _FACTS, _facts)

    def put_facts(self, image_id, found):
        """Keep the Facts of a layer."""
        self._keep(image_id, _FACTS, found)

    def record(self, image_id):
        """Return the Record of an image that has been converted, or None."""
        return self._known(image_id, _MANIFEST, _record)

    def put_record(self, image_id, record, only_new):
        """Keep the Record of an image.

        :param only_new: not where there is one already
        :raises errors.ObjectExistsError: only_new, and there is
        """
        self._keep(image_id, _MANIFEST, record, only_new)

    def _known(self, image_id, name, parse):
        """Return what is kept of an image; None where there is nothing.

        :param parse: callable of the JSON in it
        """
        try:
            return parse(json.loads(
                self._read(image_id, name).decode('utf-8')))
        except errors.ObjectNotFoundError:
            return None
        except (RuntimeError, TypeError, ValueError):
            # RuntimeError: nested too deep
            logger.warning('%s is not what was written; left out',
                           self._name(image_id, name))
            return None

    def _keep(self, image_id, name, value, only_new=False):
        content = json.dumps(dict(value._asdict()), sort_keys=True).encode(
            'ascii')
        self._small_objects.write(self._name(image_id, name), content,
                                  only_new)

    def _read(self, image_id, name):
        return self._small_objects.read(self._name(image_id, name))

    def _name(self, image_id, name):
        return self._names.object_name('images/%s/%s' % (image_id, name))


def _tag_path(namespace, repository, name):
    return '%s/%s' % (names.repository_path(namespace, repository),
                      names.quote_part(name))


def _facts(found):
    """Return the Facts in a JSON.

    :raises TypeError, ValueError: there are none
    """
    found = facts.Facts(**found)
    sizes = (found.size_bytes, found.tar_bytes)
    if found.kind not in facts.KINDS or not all(
            isinstance(size, compat.INTEGER_TYPES) for size in sizes):
        raise ValueError('not the facts of a layer')
    return found._replace(
        kind=compat.native(found.kind), digest=_digest(found.digest),
        diff_id=_digest(found.diff_id))


def _record(found):
    """Return the Record in a JSON.

    :raises TypeError, ValueError: there is none
    """
    found = Record(**found)
    return Record(_digest(found.manifest), _digest(found.config),
                  [_digest(layer) for layer in found.layers])


def _digest(value):
    if not layout.is_digest(value):
        raise ValueError('not a digest')
    return compat.native(value)
