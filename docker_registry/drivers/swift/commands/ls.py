"""docker-registry-swift ls: which repositories there are, and their tags."""

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
HELP = 'list repositories, or the tags of some'
DESCRIPTION = '''\
Without REPOSITORY: each repository, how many tags it has, how long ago one of
them was pushed, and whether there are tags of v1, v2 or both. This asks the
container's listing alone, which follows pushes at a distance of seconds. With
REPOSITORY: each of its tags with the id of its v1 image, or else the digest of
its manifest, for clients of which API it is stored, the size of all its layers
together, how many they are, and how long ago the tag was pushed. What is
stored for one API is made for the other when its clients ask. Of a damaged
image the size is "damaged"; see fsck. With several repositories the listing
says, too, which image a tag of v1 names, and how large layers are.'''

_BATCH_TAGS = 512
_TAGS = '%-24s  %-16s  %-12s  %-5s  %10s  %6s  %s'
_REPOSITORIES = '%-40s  %5s  %-8s  %-5s  %s'


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

    For several repositories it holds three hundred bytes for each image.

    :param registry: opened.Opened
    :param as_json: whether for machines
    """

    def __init__(self, registry, as_json):
        self._registry = registry
        self._as_json = as_json
        self._stored = stored.Stored(registry)
        self._stored_v2 = stored_v2.StoredV2(registry)
        self._ids = {}
        self._tagged = tagged.Tagged(registry, self._stored, self._stored_v2,
                                     self._ids)
        self._now = registry.container.clock()
        self._sizes = {}

    def repositories(self):
        """Print all repositories."""
        self._head(_REPOSITORIES, 'REPOSITORY', 'TAGS', 'PUSHED', 'API',
                   'ACCESS')
        # Of each only what is printed.
        for line in sorted(map(_summary, self._tagged.repositories())):
            name, tags, pushed_at, apis, access = line
            if self._as_json:
                output.print_json({
                    'repository': name, 'tags': tags, 'access': access,
                    'apis': apis,
                    'pushed_at': pushed_at and output.iso8601(pushed_at)})
            else:
                output.print_line(_REPOSITORIES % (
                    name, tags, self._age(pushed_at) if pushed_at else '-',
                    ' '.join(apis), access))

    def tags(self, pattern):
        """Print the tags of repositories; return whether there are any.

        :param pattern: as for stored.Stored.repositories()
        """
        found = []
        if stored.has_wildcards(pattern):
            # Fewer requests than one for each tag and one for each layer.
            self._look_at_images()

        def repositories():
            for repository in self._tagged.repositories(pattern):
                found.append(True)
                yield repository
        tags = self._tagged.tags(repositories())
        first = True
        for batch in compat.batched(tags, _BATCH_TAGS):
            if first:
                self._head(_TAGS, 'REPOSITORY', 'TAG', 'IMAGE', 'API', 'SIZE',
                           'LAYERS', 'PUSHED')
            first = False
            self._print_tags(batch)
        return bool(found)

    def _look_at_images(self):
        with output.Progress('images') as progress:
            for image in progress.count(self._stored.images()):
                self._ids[stored.listed_md5(image.id)] = image.id
                layer = image.files.get('layer')
                # Of a dynamic large object the listing has no size.
                if layer and layer.size_bytes:
                    self._sizes[image.id] = layer.size_bytes

    def _print_tags(self, tags):
        jobs = self._registry.jobs
        found = jobs.results(self._layers, map(tagged.named, tags))
        self._sizes.update(jobs.results(self._size, (
            layer for layers in found.values() for layer in layers or ()
            if layer not in self._sizes)))
        for tag in tags:
            layers_of_tag = found[tagged.named(tag)]
            sizes = [self._sizes[layer] for layer in layers_of_tag or ()]
            damaged = layers_of_tag is None or None in sizes
            if self._as_json:
                output.print_json({
                    'repository': tag.repository.name, 'tag': tag.name,
                    'image': tag.image_id, 'digest': tag.digest,
                    'apis': tag.apis, 'damaged': damaged,
                    'size_bytes': None if damaged else sum(sizes),
                    'layers': len(sizes),
                    'pushed_at': output.iso8601(tag.written_at)})
            else:
                image = tag.image_id or (tag.digest or '-').split(':')[-1]
                output.print_line(_TAGS % (
                    tag.repository.name, tag.name, image[:12],
                    ' '.join(tag.apis),
                    'damaged' if damaged else output.size(sum(sizes)),
                    len(sizes) or '-', self._age(tag.written_at)))

    def _layers(self, image):
        """Return ids or digests of layers, None where an image is damaged.

        :param image: what tagged.named() returns
        """
        image_id, digest = image
        try:
            if image_id is None:
                return digest and self._stored_v2.layers(digest)
            if not names.is_image_id(image_id):
                return None
            return self._stored.ancestry(image_id)
        except (errors.ObjectNotFoundError, image_files.UnreadableError):
            return None

    def _size(self, layer):
        """Return the size of a layer, an id or a digest; None without it."""
        try:
            if layout.is_digest(layer):
                return self._stored_v2.store.blob_bytes(layer)
            return self._stored.layer_bytes(layer)
        except errors.ObjectNotFoundError:
            return None

    def _head(self, line, *titles):
        if not self._as_json:
            output.print_line(line % titles)

    def _age(self, written_at):
        if self._now is None:  # Swift does not say what time it is
            return output.iso8601(written_at)
        return output.age(self._now - written_at)


def _summary(repository):
    """Return what ls prints of a tagged.Repository, a tuple."""
    files = repository.v1.files
    written = {tag: files[name].written_at
               for name, tag in stored.listed_tags(files)}
    apis = (['v1'] if written else []) + (['v2'] if repository.v2 else [])
    for tags in repository.v2.values():
        for tag, written_at in tags.items():
            written[tag] = max(written_at, written.get(tag, 0))
    return (repository.v1.name, len(written),
            max(written.values()) if written else None, apis,
            'private' if '_private' in files else 'public')
