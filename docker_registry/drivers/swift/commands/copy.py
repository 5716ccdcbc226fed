"""docker-registry-swift copy: copies images from one flavor to another."""

import collections
import contextlib
import itertools
import json

from . import cluster_copy
from . import copy_v2
from . import opened
from . import output
from . import parallel
from . import sides
from . import stored
from .. import errors
from .. import names

#: What main.py shows of this command.
HELP = 'copy repositories from one flavor to another'
DESCRIPTION = '''\
Copies repositories with their tags and images, between flavors whose storage
is swift or file: into Swift, from one container, root, cluster or account to
another, and back. Each image is copied once; what the target has already, with
the same size and checksum, is not read. Within one account Swift copies, and
no byte passes through this machine. Layers are compared with their checksums
on the way. A tag comes last, so that the target never shows one whose image is
not whole. Registries may go on: what is being pushed is named, and comes along
when this is run again. Tags of the target that name something else are written
over; nothing is removed.'''
#: main.py adds no --flavor.
OWN_FLAVORS = True

_MARK = '_inprogress'
_BATCH_TAGS = 128


def add_options(parser):
    """Add the options of this command to its argparse.ArgumentParser."""
    parser.add_argument('--from', metavar='FLAVOR', required=True,
                        dest='source', help='flavor to copy from')
    parser.add_argument('--to', metavar='FLAVOR', required=True,
                        dest='target', help='flavor to copy to')
    parser.add_argument(
        '--repository', metavar='GLOB',
        help="names of repositories, such as 'team/*' (default: all)")
    parser.add_argument('--tag', metavar='GLOB', default='*',
                        help='names of tags (default: all)')
    parser.add_argument(
        '--verify', action='store_true',
        help='afterwards read all of it at the target, and compare')
    parser.add_argument('--json', action='store_true',
                        help='print a JSON object for each tag, a line each')
    opened.add_jobs(parser)


def run(options):
    """Copy; return the exit status, 1 if something was left."""
    with sides.open_side(
            options.config, options.source, options.jobs) as source, \
            sides.open_side(
                options.config, options.target, options.jobs) as target:
        source.look()
        jobs = parallel.Jobs(options.jobs)
        try:
            cluster = cluster_copy.between(source, target, jobs)
            blobs = copy_v2.between(source, target, jobs, cluster,
                                    options.verify)
            copying = [_Copying(source, target, jobs, options, cluster,
                                blobs)]
            if blobs is not None:
                copying.append(copy_v2.Repositories(blobs, jobs, options))
            elif isinstance(source, sides.SwiftSide):
                copying.append(copy_v2.Left(source.registry, options))
            totals = collections.Counter()
            for result in itertools.chain.from_iterable(
                    each.run() for each in copying):
                totals[result.outcome] += 1
                totals[result.api] += result.parts
                totals['size_bytes'] += result.size_bytes
                _print(result, options.json)
        finally:
            jobs.stop()
    if not any(each.found for each in copying):
        raise errors.SwiftError('flavor %s has no repository %s' % (
            options.source, options.repository or ''))
    if not options.json:
        output.print_line(
            '%d tags copied, %d were there, %d left; %d images, %d blobs, %s'
            % (totals['copied'], totals['there'], totals['left'],
               totals['v1'], totals['v2'],
               output.size(totals['size_bytes'])))
    return 1 if totals['left'] else 0


def _print(result, as_json):
    if as_json:
        output.print_json(dict(result._asdict()))
        return
    detail = result.reason
    if result.outcome == 'copied':
        detail = '%d %s, %s' % (
            result.parts, 'images' if result.api == 'v1' else 'blobs',
            output.size(result.size_bytes))
    output.print_line(('%-7s  %s  %s:%s  %s' % (
        result.outcome, result.api, result.repository, result.tag, detail or ''
    )).rstrip())


class _Copying(object):

    """Copies from one side to another.

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
        """Copy all that the options say; yield a _Result for each tag."""
        with output.Progress('tags') as progress:
            tags = progress.count(self._tags())
            for batch in iter(
                    lambda: list(itertools.islice(tags, _BATCH_TAGS)), []):
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
        """Copy tags and their images; yield a _Result for each."""
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
                raise copy_v2.LeftError('it has no id of an image in it')
            image_id = str(image_id)
            ancestry = stored.ancestry(image_id, self._read_file(
                image_id, 'ancestry'))
            return repository, name, content, ancestry, None
        except (copy_v2.LeftError, stored.UnreadableError) as error:
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
        except (copy_v2.LeftError, errors.BrokenObjectError) as error:
            return image_id, 0, False, str(error)

    def _source_size(self, image_id):
        """Return the size of a layer in bytes.

        :raises copy_v2.LeftError: the image is not whole
        """
        if self._has(self._source, image_id, _MARK):
            raise copy_v2.LeftError('image %s is being pushed; run this again'
                             % image_id)
        try:
            size_bytes = self._source.stat(
                stored.image_path(image_id, 'layer')).size_bytes
        except errors.ObjectNotFoundError:
            raise copy_v2.LeftError('image %s is damaged: layer is missing'
                             % image_id)
        if not size_bytes:
            raise copy_v2.LeftError('image %s is damaged: layer has 0 bytes'
                             % image_id)
        return size_bytes

    def _is_there(self, image_id, size_bytes):
        """Tell whether the target has the same image.

        :raises copy_v2.LeftError: it has another one with this id
        """
        if self._has(self._target, image_id, _MARK):
            return False
        for name in ('json', 'ancestry'):
            try:
                content = self._target.read(stored.image_path(image_id, name))
            except errors.ObjectNotFoundError:
                return False
            if name == 'json' and content != self._read_file(image_id, name):
                raise copy_v2.LeftError('the target has another image %s'
                                 % image_id)
        if not self._has_layer(image_id, size_bytes):
            if self._has(self._target, image_id, 'layer'):
                raise copy_v2.LeftError('the target has another layer of image %s'
                                 % image_id)
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
                    raise copy_v2.LeftError(
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
            raise copy_v2.LeftError('image %s is damaged: its layer has another '
                             'checksum than it was pushed with' % image_id)
        return found

    def _end_image(self, image_id):
        self._target.delete(stored.image_path(image_id, _MARK))

    def _verify(self, image_id):
        """Read an image at the target, and compare it with the source's."""
        for name in ('json', 'ancestry'):
            if self._target.read(stored.image_path(image_id, name)) != (
                    self._read_file(image_id, name)):
                raise copy_v2.LeftError('%s of image %s differs' % (name, image_id))
        found = self._digest(self._target, image_id)
        expected = [each for each in sides.checksums(self._source, image_id)
                    if each.startswith('sha256:')] or [
                        self._digest(self._source, image_id)]
        if found not in expected:
            raise copy_v2.LeftError('layer of image %s differs' % image_id)

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
        if '_private' in repository.files:
            self._target.write(repository.path + '/_private', b'')
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
            return copy_v2.Result('v1', repository.name, name, 'left', reason,
                                  0, 0)
        path = stored.tag_path(repository.path, name)
        try:
            is_there = self._target.read(path) == content
        except errors.ObjectNotFoundError:
            is_there = False
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
        return copy_v2.Result('v1', repository.name, name,
                       'there' if is_there and not sizes else 'copied', None,
                       len(sizes), sum(sizes))

    def _read_file(self, image_id, name):
        try:
            return self._source.read(stored.image_path(image_id, name))
        except errors.ObjectNotFoundError:
            raise copy_v2.LeftError('image %s is damaged: %s is missing' % (
                image_id, name))

    def _has(self, side, image_id, name):
        try:
            side.stat(stored.image_path(image_id, name))
        except errors.ObjectNotFoundError:
            return False
        return True


def _stream(reader, description, jobs):
    """Return a layer as a stream with its checksum.

    :param description: the image's json, bytes
    """
    return copy_v2.Stream(reader, jobs, before=description + b'\n')
