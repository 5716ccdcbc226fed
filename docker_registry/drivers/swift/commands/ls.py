"""docker-registry-swift ls: which repositories there are, and their tags."""

import itertools

from . import opened
from . import output
from . import stored
from .. import errors
from .. import names

#: What main.py shows of this command.
HELP = 'list repositories, or the tags of some'
DESCRIPTION = '''\
Without REPOSITORY: each repository, how many tags it has, and how long ago one
of them was pushed. This asks the container's listing alone, which follows
pushes at a distance of seconds. With REPOSITORY: each of its tags with the id
of its image, the size of all its layers together, how many they are, and how
long ago the tag was pushed. Of a damaged image the size is "damaged"; see
fsck.'''

_BATCH_TAGS = 512
_TAGS = '%-24s  %-16s  %-12s  %10s  %6s  %s'
_REPOSITORIES = '%-40s  %5s  %-8s  %s'


def add_options(parser):
    """Add the options of this command to its argparse.ArgumentParser."""
    parser.add_argument(
        'repository', metavar='REPOSITORY', nargs='?',
        help='name, such as library/demo, or demo for the same; or several: '
        "'*' for all, 'team/*'")
    parser.add_argument('--json', action='store_true',
                        help='print a JSON object for each, a line each')
    opened.add_jobs(parser)


def run(options):
    """List what is asked for; return the exit status."""
    with opened.Opened(options.config, options.flavor,
                       options.jobs) as registry:
        registry.look()
        listing = _Listing(registry, options.json)
        if options.repository is None:
            listing.repositories()
            return 0
        if listing.tags(options.repository):
            return 0
        raise errors.SwiftError('there is no repository %s'
                                % stored.full_name(options.repository))


class _Listing(object):

    """Prints a listing.

    :param registry: opened.Opened
    :param as_json: whether for machines
    """

    def __init__(self, registry, as_json):
        self._registry = registry
        self._as_json = as_json
        self._stored = stored.Stored(registry)
        self._now = registry.container.clock()
        self._sizes = {}

    def repositories(self):
        """Print all repositories."""
        self._head(_REPOSITORIES, 'REPOSITORY', 'TAGS', 'PUSHED', 'ACCESS')
        for repository in self._stored.repositories():
            written = [repository.files[name].written_at for name, _
                       in stored.listed_tags(repository.files)]
            access = ('private' if '_private' in repository.files
                      else 'public')
            if self._as_json:
                output.print_json({
                    'repository': repository.name, 'tags': len(written),
                    'access': access,
                    'pushed_at': written and output.iso8601(max(written))
                    or None})
            else:
                output.print_line(_REPOSITORIES % (
                    repository.name, len(written),
                    self._age(max(written)) if written else '-', access))

    def tags(self, pattern):
        """Print the tags of repositories; return whether there are any.

        :param pattern: as for stored.Stored.repositories()
        """
        found = []

        def repositories():
            for repository in self._stored.repositories(pattern):
                found.append(True)
                yield repository
        tags = self._stored.tags(repositories())
        first = True
        for batch in iter(lambda: list(itertools.islice(tags, _BATCH_TAGS)),
                          []):
            if first:
                self._head(_TAGS, 'REPOSITORY', 'TAG', 'IMAGE', 'SIZE',
                           'LAYERS', 'PUSHED')
            first = False
            self._print_tags(batch)
        return bool(found)

    def _print_tags(self, tags):
        jobs = self._registry.jobs
        layers = list(jobs.each(self._layers, tags))
        missing = {image_id for each in layers for image_id in each or ()
                   if image_id not in self._sizes}
        self._sizes.update(jobs.each(self._size, sorted(missing)))
        for tag, layer_ids in zip(tags, layers):
            sizes = [self._sizes[image_id] for image_id in layer_ids or ()]
            damaged = not sizes or None in sizes
            if self._as_json:
                output.print_json({
                    'repository': tag.repository.name, 'tag': tag.name,
                    'image': tag.image_id, 'damaged': damaged,
                    'size_bytes': None if damaged else sum(sizes),
                    'layers': len(sizes),
                    'pushed_at': output.iso8601(tag.written_at)})
            else:
                output.print_line(_TAGS % (
                    tag.repository.name, tag.name, tag.image_id[:12],
                    'damaged' if damaged else output.size(sum(sizes)),
                    len(sizes) or '-', self._age(tag.written_at)))

    def _layers(self, tag):
        """Return the ids of an image's layers, None where it is damaged."""
        if not names.is_image_id(tag.image_id):
            return None
        try:
            return self._stored.ancestry(tag.image_id)
        except (errors.ObjectNotFoundError, stored.UnreadableError):
            return None

    def _size(self, image_id):
        """Return an image's id and the size of its layer, None without."""
        try:
            return image_id, self._stored.layer_bytes(image_id)
        except errors.ObjectNotFoundError:
            return image_id, None

    def _head(self, line, *titles):
        if not self._as_json:
            output.print_line(line % titles)

    def _age(self, written_at):
        if self._now is None:  # Swift does not say what time it is
            return output.iso8601(written_at)
        return output.age(self._now - written_at)
