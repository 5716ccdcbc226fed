"""docker-registry-swift du: what takes how much room."""

import collections
import heapq
import itertools
import operator

from . import opened
from . import output
from . import stored
from . import stored_v2
from . import tagged
from .. import compat
from .. import errors
from .. import image_files
from .. import names
from ..v2 import layout

#: What main.py shows of this command.
HELP = 'show what repositories and layers really take'
DESCRIPTION = '''\
Layers are stored once however many images and repositories have them, of
whichever API. SIZE is all that a repository's tags need; ALONE is what no
other repository needs, and what removing it and gc would free. Then the
largest repositories and layers. Sizes are bytes of v1's layers and v2's blobs,
as they were pushed, before Swift's replicas.'''

_LARGEST = 10
#: In place of the number of a repository.
_SEVERAL = -1
_REPOSITORIES = '%-40s  %5s  %10s  %10s'
_LAYERS = '%-71s  %10s'

_Usage = collections.namedtuple(
    '_Usage', 'repository tags size_bytes alone_bytes')


def add_options(parser):
    """Add the options of this command to its argparse.ArgumentParser."""
    parser.add_argument(
        'repository', metavar='REPOSITORY', nargs='?',
        help="show this one, or several ('team/*'), instead of the %d largest"
        % _LARGEST)
    parser.add_argument('--json', action='store_true',
                        help='print one JSON object instead of lines')
    opened.add_jobs(parser)


def run(options):
    """Show what takes how much room; return the exit status."""
    with opened.Opened(options.config, options.flavor,
                       options.jobs) as registry:
        headers = registry.look()
        usage = _Survey(registry)
        usage.survey()
        report = {
            'container': {
                'name': registry.container.name,
                'objects': int(headers['x-container-object-count']),
                'size_bytes': int(headers['x-container-bytes-used'])},
            'layers': len(usage.sizes),
            'layers_bytes': sum(usage.sizes.values()),
            'tagged_bytes': sum(map(usage.sizes.__getitem__, usage.owners)),
            'repositories': [
                dict(each._asdict()) for each
                in usage.repositories(options.repository)],
            'largest': [
                {'digest' if layout.is_digest(layer) else 'image': layer,
                 'size_bytes': size_bytes} for layer, size_bytes
                in heapq.nlargest(_LARGEST, usage.sizes.items(),
                                  operator.itemgetter(1))]}
    if options.repository and not report['repositories']:
        raise errors.SwiftError('there is no repository %s with a tag'
                                % stored.full_name(options.repository))
    if options.json:
        output.print_json(report)
    else:
        _print(report)
    return 0


class _Survey(object):

    """Finds out which layer is of which repositories.

    Holds two or three hundred bytes for each layer and blob. A layer is known
    by the id of its image, and one that v2 clients have pushed by its digest.

    :param registry: opened.Opened
    :ivar sizes: dict from layers to their sizes in bytes
    :ivar owners: dict from layers that a tag reaches to the number of its
        repository, or _SEVERAL
    """

    def __init__(self, registry):
        self._registry = registry
        self._stored = stored.Stored(registry)
        self._stored_v2 = stored_v2.StoredV2(registry)
        self.sizes = {}
        self.owners = {}
        # What has its bytes in another: a layer in a blob, or the other way.
        self._aliases = {}
        self._repositories = []

    def survey(self):
        """Ask Swift."""
        jobs = self._registry.jobs
        adopted, ids = [], {}
        with output.Progress('images') as progress:
            for image in progress.count(self._stored.images()):
                ids[stored.listed_md5(image.id)] = image.id
                if 'layer' in image.files:
                    self.sizes[image.id] = image.files['layer'].size_bytes
                    if '_checksum' not in image.files:
                        adopted.append(image.id)  # perhaps
        blobs, shared = {}, []
        with output.Progress('blobs') as progress:
            sizes = set(self.sizes.values())
            for blob in progress.count(self._stored_v2.blobs()):
                blobs[blob.digest] = blob.size_bytes
                if blob.size_bytes in sizes:
                    shared.append(blob.digest)  # perhaps
        self.sizes.update(blobs)
        # Of a dynamic large object the listing has no size.
        empty = [layer for layer, size in self.sizes.items() if not size]
        self.sizes.update(jobs.each(self._size, empty))
        for layer, alias in itertools.chain(
                jobs.each(self._alias_of_layer, adopted),
                jobs.each(self._alias_of_blob, shared)):
            if alias in self.sizes:
                self._aliases[layer] = alias
                del self.sizes[layer]
        found = tagged.Tagged(self._registry, self._stored, self._stored_v2,
                              ids)
        with output.Progress('tags') as progress:
            tags = progress.count(found.tags(found.repositories()))
            for batch in compat.batched(tags, stored.BATCH):
                layers = jobs.results(self._layers, map(tagged.named, batch))
                for tag in batch:
                    self._add(tag, layers[tagged.named(tag)])

    def repositories(self, pattern):
        """Return the _Usage of repositories, the largest first.

        :param pattern: of their names; None for the _LARGEST
        """
        alone = collections.Counter()
        for image_id, owner in self.owners.items():
            alone[owner] += self.sizes[image_id]
        found = [_Usage(name, tags, size_bytes, alone[number])
                 for number, (name, tags, size_bytes)
                 in enumerate(self._repositories)
                 if stored.matches(name, pattern)]
        found.sort(key=lambda usage: (-usage.size_bytes, usage.repository))
        return found if pattern else found[:_LARGEST]

    def _add(self, tag, layers):
        name = tag.repository.name
        if not self._repositories or self._repositories[-1][0] != name:
            self._repositories.append((name, 0, 0))
            self._seen = set()
        _, tags, size_bytes = self._repositories[-1]
        number = len(self._repositories) - 1
        for layer in layers:
            while layer in self._aliases:
                layer = self._aliases[layer]
            if layer in self._seen or layer not in self.sizes:
                continue
            self._seen.add(layer)
            size_bytes += self.sizes[layer]
            if self.owners.setdefault(layer, number) != number:
                self.owners[layer] = _SEVERAL
        self._repositories[-1] = name, tags + 1, size_bytes

    def _layers(self, image):
        """Return ids and digests of all that an image needs, a set.

        :param image: what tagged.named() returns
        """
        image_id, digest = image
        found = set()
        try:
            if digest is not None:
                found = self._stored_v2.mentioned(digest)
            if image_id is not None and names.is_image_id(image_id):
                found.update(self._stored.ancestry(image_id))
        except (errors.ObjectNotFoundError, errors.BrokenObjectError,
                image_files.UnreadableError):
            pass  # fsck tells
        return found

    def _size(self, layer):
        try:
            if layout.is_digest(layer):
                return layer, self._stored_v2.store.blob_bytes(layer)
            return layer, self._stored.layer_bytes(layer)
        except errors.ObjectNotFoundError:
            return layer, 0

    def _alias_of_layer(self, image_id):
        """Return an id, and the digest of the blob that has its layer."""
        name = self._stored_v2.only_segment(self._registry.names.object_name(
            stored.image_path(image_id, 'layer')))
        return image_id, name and self._stored_v2.layout.blob_digest(name)

    def _alias_of_blob(self, digest):
        """Return a digest, and the id of the image whose layer it is."""
        name = self._stored_v2.alias(digest)
        parts = name and self._registry.names.path(name).split('/')
        return digest, parts[1] if parts and len(parts) == 3 and (
            parts[0], parts[2]) == ('images', 'layer') else None


def _print(report):
    output.print_line('container %s: %d objects, %s' % (
        report['container']['name'], report['container']['objects'],
        output.size(report['container']['size_bytes'])))
    output.print_line('%d layers and blobs: %s; tags reach %s of it' % (
        report['layers'], output.size(report['layers_bytes']),
        output.size(report['tagged_bytes'])))
    output.print_line('')
    output.print_line(_REPOSITORIES % ('REPOSITORY', 'TAGS', 'SIZE', 'ALONE'))
    for each in report['repositories']:
        output.print_line(_REPOSITORIES % (
            each['repository'], each['tags'], output.size(each['size_bytes']),
            output.size(each['alone_bytes'])))
    output.print_line('')
    output.print_line(_LAYERS % ('LAYER', 'SIZE'))
    for each in report['largest']:
        output.print_line(_LAYERS % (each.get('image') or each['digest'],
                                     output.size(each['size_bytes'])))
