"""Reads what a registry has in its container: repositories, tags, images.

The listing says what there is, page by page, and follows what Swift has
stored at a distance. What a tag names and what an image is made of is read
from the objects themselves, but for Stored.listed_tag(). Changes nothing.

Source: the path helpers in docker_registry/core/driver.py of
    docker-registry-core 2.0.3; images.py, tags.py and toolkit.py of
    docker-registry 0.9.1
"""

import collections
import fnmatch
import hashlib
import itertools
import re

from .. import compat
from .. import errors
from .. import image_files
from .. import names
from ..client import listing
from ..v2 import images

#: How many repositories or tags are held while they are asked for.
BATCH = 256

_TAG = 'tag_'
_KEPT_ANCESTRIES = 1000

#: What a listing says of an object: its size in bytes, of a static large
#: object that of all segments, Unix time in seconds when it was written, and
#: the MD5 of its bytes in hexadecimal, of a large object something else.
Entry = collections.namedtuple('Entry', 'size_bytes written_at md5')
#: files: dict from a file's name, such as "layer", to its Entry.
Image = collections.namedtuple('Image', 'id files')
#: name: as clients have it, "library/demo". path: as the registry has it.
#: files: as those of an Image.
Repository = collections.namedtuple('Repository', 'name path files')
#: image_id: the content of the tag, text; written_at: Unix time in seconds;
#: digest: of the manifest that it was made of for v1 clients, or None.
Tag = collections.namedtuple(
    'Tag', 'repository name image_id written_at digest')


def repository_path(name):
    """Return the path of a repository.

    :param name: as clients have it, "demo", "library/demo" or "a/b/c"
    """
    namespace, slash, repository = name.partition('/')
    if not slash:
        namespace, repository = 'library', namespace
    return names.repository_path(namespace, repository)


def full_name(name):
    """Return the name of a repository with its namespace."""
    return name if '/' in name else 'library/' + name


def matches(name, pattern):
    """Tell whether the name of a repository is meant by a pattern.

    :param name: with its namespace
    :param pattern: as for Stored.repositories()
    """
    # A name without a namespace, but "*" is all.
    return pattern in (None, '*') or fits(
        name, full_name(pattern))


def fits(name, pattern):
    """Tell whether a name fits a pattern with *, ? and [] as in a shell."""
    return fnmatch.fnmatchcase(name, pattern)


def tag_path(repository, tag):
    """Return the path of the tag of a repository's path."""
    return '%s/%s%s' % (repository, _TAG, names.quote_part(tag))


def tag_json_path(repository, tag):
    """Return the path of what the registry notes of who wrote a tag."""
    return '%s/tag%s_json' % (repository, names.quote_part(tag))


def image_path(image_id, name):
    """Return the path of one of an image's files."""
    return 'images/%s/%s' % (image_id, name)


class Stored(object):

    """What is stored.

    Every method raises errors.SwiftError when Swift cannot be asked or fails;
    errors.ObjectNotFoundError only of what Swift says is not there.

    :param opened: opened.Opened
    """

    def __init__(self, opened):
        self._opened = opened
        self._names = opened.names
        self._ancestries = {}

    def images(self):
        """Yield the Image of each directory that the listing has."""
        return (Image(path.split('/')[1], files) for path, files
                in self._directories('images', 2))

    def image(self, image_id):
        """Return the Image of an id; one without files is not listed."""
        return Image(image_id, self.files('images/' + image_id))

    def files(self, path):
        """Return the files of an image or a repository, a dict of Entry.

        :param path: of its directory
        """
        return next((files for _, files in self._directories(
            path, path.count('/') + 1)), {})

    def repositories(self, pattern=None):
        """Yield the Repository of each that the listing has.

        :param pattern: name with *, ? and [] as in a shell; None for all
        """
        if pattern is None or has_wildcards(pattern):
            found = self._directories('repositories', 3)
        else:
            found = self._directories(repository_path(pattern), 3)
        for path, files in found:
            name = repository_name(path)
            if matches(name, pattern):
                yield Repository(name, path, files)

    def tags(self, repositories):
        """Yield the Tag of each tag of repositories, read from the object.

        Also of tags that the listing does not have yet. Those that have been
        removed in the meantime are left out.

        :param repositories: iterable of Repository
        """
        # Two steps, for one that waits for the other would need threads of
        # its own.
        for batch in compat.batched(repositories, BATCH):
            listed = self._opened.jobs.each(self._tag_names, batch)
            found = itertools.chain.from_iterable(listed)
            for tag in self._opened.jobs.each(self._tag, found):
                if tag is not None:
                    yield tag

    def tag_names(self, repository):
        """Return the names of what may be a repository's tags, a list.

        Also of tags that the listing does not have yet; some may be gone.

        :param repository: Repository
        """
        return [name for _, name in self._tag_names(repository)]

    def tag(self, repository, name):
        """Return the Tag of a name.

        :param repository: Repository
        :returns: None where there is none
        """
        return self._tag((repository, name))

    def listed_tag(self, repository, name, ids):
        """Return the Tag of a name as the listing has it; asks nothing.

        :param repository: Repository
        :param ids: dict from listed_md5() of ids of images to these
        :returns: None where the listing has it not, or it names none of them
        """
        entry = repository.files.get(_TAG + names.quote_part(name))
        image_id = entry and ids.get(entry.md5)
        return image_id and Tag(repository, name, image_id, entry.written_at,
                                None)

    def ancestry(self, image_id):
        """Return the ids of an image and those below it, it first.

        :raises errors.ObjectNotFoundError: there is no such file
        :raises image_files.UnreadableError: it is no list of ids that begins
            with its own
        """
        found = self._ancestries.get(image_id)
        if found is None:
            found = image_files.ancestry(image_id, self._opened.read(
                image_path(image_id, 'ancestry')))
            # It does not change, and several tags may name one image.
            if len(self._ancestries) >= _KEPT_ANCESTRIES:
                self._ancestries.clear()
            self._ancestries[image_id] = found
        return found

    def parent(self, image_id):
        """Return the id of the image below one, None where there is none.

        :raises errors.ObjectNotFoundError: there is no such image
        :raises image_files.UnreadableError: its json is damaged
        """
        return image_files.parent(image_id, self._opened.read(
            image_path(image_id, 'json')))

    def layer_bytes(self, image_id):
        """Return the size of an image's layer in bytes.

        :raises errors.ObjectNotFoundError: there is none
        """
        return self._opened.small_objects.stat(self._names.object_name(
            image_path(image_id, 'layer'))).size_bytes

    def _directories(self, path, depth):
        """Yield (path, files) of directories that the listing has.

        :param path: one directory, or what several are below
        :param depth: how many parts the path of each has
        """
        entries = self._opened.container.list(self._names.prefix(path))
        for directory, group in itertools.groupby(
                entries, lambda entry: '/'.join(
                    self._names.path(entry['name']).split('/')[:depth])):
            files = {}
            for entry in group:
                name = self._names.path(entry['name'])[len(directory) + 1:]
                if name and not entry['name'].endswith('/'):
                    files[name] = Entry(entry['bytes'],
                                        listing.written_at(entry),
                                        entry['hash'])
            if files and directory.count('/') == depth - 1:
                yield directory, files

    def _tag_names(self, repository):
        """Return (repository, name) of each possible tag."""
        found = [(repository, tag)
                 for _, tag in listed_tags(repository.files)]
        found += [
            (repository, tag_name(path))
            for path in self._opened.recent_tags.paths(repository.path)
            if path.rsplit('/', 1)[1] not in repository.files]
        return found

    def _tag(self, tag):
        repository, name = tag
        path = tag_path(repository.path, name)
        try:
            headers, content = self._opened.small_objects.get(
                self._names.object_name(path))
        except errors.ObjectNotFoundError:
            return None
        return Tag(repository, name, compat.native(
            content.decode('utf-8', 'replace').encode(
                'ascii', 'backslashreplace').strip()),
            float(headers['x-timestamp']), headers.get(images.DIGEST))


def listed_tags(files):
    """Yield (name of the file, tag) of a Repository's files."""
    for name in sorted(files):
        # A tag "_x" is a file "tag__x", and beside it is its "tag_x_json",
        # which looks like that of a tag "x_json".
        if name.startswith(_TAG) and '/' not in name and not (
                name.endswith('_json')
                and 'tag_%s' % name[len('tag'):-len('_json')] in files):
            yield name, names.unquote_part(name[len(_TAG):])


def listed_md5(image_id):
    """Return what the listing has as the MD5 of a tag that names an image.

    :param image_id: id, text
    """
    return hashlib.md5(compat.encoded(image_id)).hexdigest()


def tag_name(path):
    """Return the name of the tag that a path is of."""
    return names.unquote_part(path.rsplit('/', 1)[1][len(_TAG):])


def repository_name(path):
    """Return the name of a repository's path, as clients have it."""
    return '%s/%s' % names.repository_of(path)


def has_wildcards(pattern):
    """Tell whether a pattern may be of several names."""
    return bool(re.search(r'[*?\[]', pattern))
