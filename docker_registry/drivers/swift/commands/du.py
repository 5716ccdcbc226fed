"""docker-registry-swift du: what takes how much room."""

import collections
import heapq
import operator

from . import opened
from . import output
from . import stored
from .. import errors
from .. import names

#: What main.py shows of this command.
HELP = 'show what repositories and layers really take'
DESCRIPTION = '''\
Layers are stored once however many images and repositories have them. SIZE is
all that a repository's tags need; ALONE is what no other repository needs, and
what removing it and gc would free. Then the largest repositories and layers.
Sizes are bytes of layers, as they were pushed, before Swift's replicas.'''

_LARGEST = 10
#: In place of the number of a repository.
_SEVERAL = -1
_REPOSITORIES = '%-40s  %5s  %10s  %10s'
_LAYERS = '%-64s  %10s'

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
            'images': len(usage.sizes),
            'layers_bytes': sum(usage.sizes.values()),
            'tagged_bytes': sum(map(usage.sizes.__getitem__, usage.owners)),
            'repositories': [
                dict(each._asdict()) for each
                in usage.repositories(options.repository)],
            'layers': [{'image': image_id, 'size_bytes': size_bytes}
                       for image_id, size_bytes in heapq.nlargest(
                           _LARGEST, usage.sizes.items(),
                           operator.itemgetter(1))]}
    if options.json:
        output.print_json(report)
    else:
        _print(report)
    return 0


class _Survey(object):

    """Finds out which image is of which repositories.

    Holds a hundred bytes or two for each image.

    :param registry: opened.Opened
    :ivar sizes: dict from the id of an image to the size of its layer in bytes
    :ivar owners: dict from the id of an image that a tag reaches to the number
        of its repository, or _SEVERAL
    """

    def __init__(self, registry):
        self._registry = registry
        self._stored = stored.Stored(registry)
        self.sizes = {}
        self.owners = {}
        self._repositories = []

    def survey(self):
        """Ask Swift."""
        with output.Progress('images') as progress:
            for image in progress.count(self._stored.images()):
                if 'layer' in image.files:
                    self.sizes[image.id] = image.files['layer'].size_bytes
        # Of a dynamic large object the listing has no size.
        empty = [image_id for image_id, size in self.sizes.items() if not size]
        self.sizes.update(self._registry.jobs.each(self._size, empty))
        with output.Progress('tags') as progress:
            tags = progress.count(
                self._stored.tags(self._stored.repositories()))
            for tag, image_ids in self._registry.jobs.each(
                    self._layers, tags):
                self._add(tag, image_ids)

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

    def _add(self, tag, image_ids):
        name = tag.repository.name
        if not self._repositories or self._repositories[-1][0] != name:
            self._repositories.append((name, 0, 0))
            self._seen = set()
        _, tags, size_bytes = self._repositories[-1]
        number = len(self._repositories) - 1
        for image_id in image_ids:
            if image_id in self._seen or image_id not in self.sizes:
                continue
            self._seen.add(image_id)
            size_bytes += self.sizes[image_id]
            if self.owners.setdefault(image_id, number) != number:
                self.owners[image_id] = _SEVERAL
        self._repositories[-1] = name, tags + 1, size_bytes

    def _layers(self, tag):
        if not names.is_image_id(tag.image_id):
            return tag, []
        try:
            return tag, self._stored.ancestry(tag.image_id)
        except (errors.ObjectNotFoundError, stored.UnreadableError):
            return tag, []

    def _size(self, image_id):
        try:
            return image_id, self._stored.layer_bytes(image_id)
        except errors.ObjectNotFoundError:
            return image_id, 0


def _print(report):
    output.print_line('container %s: %d objects, %s' % (
        report['container']['name'], report['container']['objects'],
        output.size(report['container']['size_bytes'])))
    output.print_line('%d layers: %s; tags reach %s of it, gc can free %s' % (
        report['images'], output.size(report['layers_bytes']),
        output.size(report['tagged_bytes']),
        output.size(report['layers_bytes'] - report['tagged_bytes'])))
    output.print_line('')
    output.print_line(_REPOSITORIES % ('REPOSITORY', 'TAGS', 'SIZE', 'ALONE'))
    for each in report['repositories']:
        output.print_line(_REPOSITORIES % (
            each['repository'], each['tags'], output.size(each['size_bytes']),
            output.size(each['alone_bytes'])))
    output.print_line('')
    output.print_line(_LAYERS % ('LAYER OF IMAGE', 'SIZE'))
    for each in report['layers']:
        output.print_line(_LAYERS % (each['image'],
                                     output.size(each['size_bytes'])))
