"""Copies v1 repositories, tags and images from one side to another.

An image is copied as if it were pushed: with a mark, until all that is below
it is whole. Tags come last.
"""

import collections
import contextlib
import itertools
import json

from . import output
from . import sides
from . import stored
from . import transfer
from .. import compat
from .. import errors
from .. import image_files
from .. import names

_MARK = '_inprogress'
_BATCH_TAGS = 128


class Images(object):

    """Copies repositories with their tags and images.

    :param source, target: of sides.open_side()
    :param jobs: parallel.Jobs
    :param options: of the command
    :param cluster: cluster_copy.ClusterCopy, or None
    :param blobs: copy_v2.Blobs, None where one of them has none
    :ivar found: whether the source has any such repository
    """

    def __init__(self, source, target, jobs, options, cluster, blobs):
        self._source = source
        self._target = target
        self._jobs = jobs
        self._options = options
        self._cluster = cluster
        self._blobs = blobs
        #: By the id of an image that was copied or found: its size in bytes.
        self._done = {}
        self.found = False

    def run(self):
        """Copy all that the options say; yield a Result for each tag."""
        with output.Progress('tags') as progress:
            tags = progress.count(self._tags())
            for batch in compat.batched(tags, _BATCH_TAGS):
                for result in self._copy(batch):
                    yield result

    def _tags(self):
        """Yield (repository, name of a tag) of the source."""
        for repository in self._source.repositories(self._options.repository):
            self.found = True
            for name in sorted(set(self._source.tag_names(repository))):
                if stored.fits(name, self._options.tag):
                    yield repository, name

    def _copy(self, batch):
        """Copy tags and their images; yield a Result for each."""
        tags = [tag for tag in self._jobs.each(self._read_tag, batch)
                if tag is not None]
        depths = {}
        for _, _, _, ancestry, _ in tags:
            for depth, image_id in enumerate(reversed(ancestry)):
                depths[image_id] = depth
        failures, copied = {}, {}
        missing = [image_id for image_id in depths
                   if image_id not in self._done]
        with output.Progress('images') as progress:
            for image_id, size_bytes, was_there, reason in progress.count(
                    self._jobs.each(self._copy_image, missing)):
                if reason is not None:
                    failures[image_id] = reason
                    continue
                self._done[image_id] = size_bytes
                if not was_there:
                    copied[image_id] = size_bytes
        # Who finds an image finds all below it: from the base up, and nothing
        # that is on top of what was left.
        for _, _, _, ancestry, _ in tags:
            for image_id in itertools.dropwhile(
                    lambda each: each not in failures, reversed(ancestry)):
                copied.pop(image_id, None)
                self._done.pop(image_id, None)
        for _, group in itertools.groupby(
                sorted(copied, key=depths.get), key=depths.get):
            list(self._jobs.each(self._end_image, list(group)))
        done = {}
        for tag in tags:
            done.setdefault(tag[0].path, tag[0])
        list(self._jobs.each(self._copy_repository, done.values()))
        for result in self._jobs.each(
                lambda tag: self._copy_tag(tag, failures, copied), tags):
            yield result

    def _read_tag(self, tag):
        """Return a tag with its image's ancestry, and why it has none."""
        repository, name = tag
        path = stored.tag_path(repository.path, name)
        try:
            content = self._source.read(path)
        except errors.ObjectNotFoundError:
            return None  # removed meanwhile
        image_id = content.decode('ascii', 'replace').strip()
        try:
            if not names.is_image_id(image_id):
                raise transfer.LeftError('it has no id of an image in it')
            image_id = str(image_id)
            ancestry = image_files.ancestry(image_id, self._read_file(
                image_id, 'ancestry'))
            return repository, name, content, ancestry, None
        except (transfer.LeftError, image_files.UnreadableError) as error:
            return repository, name, content, [], str(error)

    def _copy_image(self, image_id):
        """Copy an image but for the end of its push.

        :returns: (id, size in bytes, whether it was there, why it was left or
            None)
        """
        try:
            size_bytes = self._source_size(image_id)
            was_there = self._is_there(image_id, size_bytes)
            if not was_there:
                self._copy_files(image_id, size_bytes)
            if self._options.verify:
                self._verify(image_id)
            return image_id, size_bytes, was_there, None
        except (transfer.LeftError, errors.BrokenObjectError) as error:
            return image_id, 0, False, str(error)

    def _source_size(self, image_id):
        """Return the size of a layer in bytes.

        :raises transfer.LeftError: the image is not whole
        """
        if self._has(self._source, image_id, _MARK):
            raise transfer.LeftError(
                'image %s is being pushed; run this again' % image_id)
        try:
            size_bytes = self._source.stat(
                stored.image_path(image_id, 'layer')).size_bytes
        except errors.ObjectNotFoundError:
            raise transfer.LeftError(
                'image %s is damaged: layer is missing' % image_id)
        if not size_bytes:
            raise transfer.LeftError(
                'image %s is damaged: layer has 0 bytes' % image_id)
        return size_bytes

    def _is_there(self, image_id, size_bytes):
        """Tell whether the target has the same image.

        :raises transfer.LeftError: it has another one with this id
        """
        if self._has(self._target, image_id, _MARK):
            return False
        for name in ('json', 'ancestry'):
            try:
                content = self._target.read(stored.image_path(image_id, name))
            except errors.ObjectNotFoundError:
                return False
            if name == 'json' and content != self._read_file(image_id, name):
                raise transfer.LeftError('the target has another image %s'
                                         % image_id)
        if not self._has_layer(image_id, size_bytes):
            if self._has(self._target, image_id, 'layer'):
                raise transfer.LeftError(
                    'the target has another layer of image %s' % image_id)
            return False
        return True

    def _has_layer(self, image_id, size_bytes):
        """Tell whether the target has a layer, by its size and checksum."""
        try:
            found = self._target.stat(stored.image_path(image_id, 'layer'))
            if found.size_bytes != size_bytes:
                return False
            expected = sides.checksums(self._source, image_id)
            return not expected or bool(set(expected) & set(
                sides.checksums(self._target, image_id)))
        except errors.ObjectNotFoundError:
            return False

    def _copy_files(self, image_id, size_bytes):
        """Copy an image as if it were being pushed."""
        description = self._read_file(image_id, 'json')
        expected = sides.checksums(self._source, image_id)
        self._target.write(stored.image_path(image_id, _MARK), b'true')
        self._target.write(stored.image_path(image_id, 'json'), description)
        self._target.write(stored.image_path(image_id, 'ancestry'),
                           self._read_file(image_id, 'ancestry'))
        if not self._has_layer(image_id, size_bytes):
            self._copy_layer(image_id, description, expected, size_bytes)
        try:
            content = self._source.read(
                stored.image_path(image_id, '_checksum'))
        except errors.ObjectNotFoundError:
            content = expected and json.dumps(expected).encode('ascii')
        if content:
            self._target.write(stored.image_path(image_id, '_checksum'),
                               content)

    def _copy_layer(self, image_id, description, expected, size_bytes):
        path = stored.image_path(image_id, 'layer')
        if self._blobs is not None and self._blobs.share(path):
            return
        if self._cluster is not None and self._cluster.copy(
                self._source.registry.names.object_name(path),
                self._target.registry.names.object_name(path)):
            return
        with contextlib.closing(self._source.open(path)) as reader:
            stream = _stream(reader, description, self._jobs)

            def find_checksum():
                if stream.size_bytes != size_bytes:
                    raise transfer.LeftError(
                        'layer of image %s has changed, or broke off after '
                        '%d of %d bytes' % (image_id, stream.size_bytes,
                                            size_bytes))
                return self._compared(
                    image_id, 'sha256:' + stream.hexdigest(), expected)
            self._target.write_layer(path, stream, find_checksum)

    def _compared(self, image_id, found, expected):
        """Return a checksum, compared with those that a layer has."""
        # Clients of old pushed with a tarsum alone.
        comparable = [each for each in expected
                      if each.startswith('sha256:')]
        if comparable and found not in comparable:
            raise transfer.LeftError(
                'image %s is damaged: its layer has another checksum than it '
                'was pushed with' % image_id)
        return found

    def _end_image(self, image_id):
        self._target.delete(stored.image_path(image_id, _MARK))

    def _verify(self, image_id):
        """Read an image at the target, and compare it with the source's."""
        for name in ('json', 'ancestry'):
            if self._target.read(stored.image_path(image_id, name)) != (
                    self._read_file(image_id, name)):
                raise transfer.LeftError('%s of image %s differs' % (
                    name, image_id))
        found = self._digest(self._target, image_id)
        expected = [each for each in sides.checksums(self._source, image_id)
                    if each.startswith('sha256:')] or [
                        self._digest(self._source, image_id)]
        if found not in expected:
            raise transfer.LeftError('layer of image %s differs' % image_id)

    def _digest(self, side, image_id):
        """Return the checksum of an image's layer, reckoned anew."""
        with contextlib.closing(side.open(
                stored.image_path(image_id, 'layer'))) as reader:
            stream = _stream(reader, self._read_file(image_id, 'json'),
                             self._jobs)
            while stream.read(0):
                pass
        return 'sha256:' + stream.hexdigest()

    def _copy_repository(self, repository):
        """Copy what a repository has beside its tags, before them."""
        # First, so that nobody sees for a moment what is private.
        # Nor where the listing does not have it yet.
        private = repository.path + '/_private'
        if '_private' in repository.files or self._has_path(
                self._source, private):
            self._target.write(private, b'')
        for name in ('_index_images', '_images_list', 'json'):
            if name in repository.files:
                path = '%s/%s' % (repository.path, name)
                try:
                    content = self._source.read(path)
                except errors.ObjectNotFoundError:
                    continue
                if name == '_index_images':
                    content = self._merged(path, content)
                self._target.write(path, content)

    def _merged(self, path, content):
        """Return a list of images with those that the target has.

        Source: update_index_images() in docker_registry/index.py
        """
        try:
            images = collections.OrderedDict()
            for side in (content, self._target.read(path)):
                for image in json.loads(side.decode('utf-8')):
                    if 'checksum' not in images.get(image['id'], {}):
                        images[image['id']] = image
            return json.dumps(list(images.values())).encode('utf-8')
        except errors.ObjectNotFoundError:
            return content
        except (KeyError, TypeError, ValueError):
            return content  # of something else; the source's as it is

    def _copy_tag(self, tag, failures, copied):
        repository, name, content, ancestry, reason = tag
        failed = [failures[image_id] for image_id in ancestry
                  if image_id in failures]
        if reason is None and failed:
            reason = failed[0]
        if reason is not None:
            return transfer.Result('v1', repository.name, name, 'left',
                                   reason, 0, 0)
        path = stored.tag_path(repository.path, name)
        try:
            is_there = self._target.read(path) == content
        except errors.ObjectNotFoundError:
            is_there = False
        if not is_there and not self._has(self._target, ancestry[0], 'json'):
            # As the registry does: gc may have removed it since it was found.
            return transfer.Result(
                'v1', repository.name, name, 'left', 'image %s has been '
                'removed from the target meanwhile; run this again'
                % ancestry[0], 0, 0)
        # An image counts for the first of its tags.
        sizes = [size_bytes for size_bytes in (
            copied.pop(image_id, None) for image_id in ancestry)
            if size_bytes is not None]
        if not is_there:
            json_path = stored.tag_json_path(repository.path, name)
            try:
                self._target.write(json_path, self._source.read(json_path))
            except errors.ObjectNotFoundError:
                pass  # not all who write tags write it
            self._target.write_tag(path, content)
        return transfer.Result(
            'v1', repository.name, name,
            'there' if is_there and not sizes else 'copied', None,
            len(sizes), sum(sizes))

    def _read_file(self, image_id, name):
        try:
            return self._source.read(stored.image_path(image_id, name))
        except errors.ObjectNotFoundError:
            raise transfer.LeftError('image %s is damaged: %s is missing' % (
                image_id, name))

    def _has(self, side, image_id, name):
        return self._has_path(side, stored.image_path(image_id, name))

    def _has_path(self, side, path):
        try:
            side.stat(path)
        except errors.ObjectNotFoundError:
            return False
        return True


def _stream(reader, description, jobs):
    """Return a layer as a stream with its checksum.

    :param description: the image's json, bytes
    """
    return transfer.Stream(reader, jobs, before=description + b'\n')
