"""docker-registry-swift copy: copies images from one flavor to another."""

import collections
import itertools

from . import cluster_copy
from . import copy_v1
from . import copy_v2
from . import opened
from . import output
from . import parallel
from . import sides
from .. import errors

#: What main.py shows of this command.
HELP = 'copy repositories from one flavor to another'
DESCRIPTION = '''\
Copies repositories with their tags and images: from what any driver of
docker-registry has, such as file or s3, into Swift; from one container, root,
cluster or account of Swift to another; and from either to file. Each image is
copied once; what the target has already, with the same size and checksum, is
not read. Within one cluster Swift copies, and no byte passes through this
machine, as far as the source's user may write at the target. Layers are
compared with their checksums on the way. What v2 clients pull comes along from
Swift to Swift. A tag comes last, so that the target never shows one whose
image is not whole. Registries may go on: what is being pushed is named, and
comes along when this is run again. Tags of the target that name something else
are written over; nothing is removed.'''
#: main.py adds no --flavor.
OWN_FLAVORS = True


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
                options.config, options.target, options.jobs,
                writes=True) as target:
        source.look()
        jobs = parallel.Jobs(min([options.jobs] + [
            side.registry.settings.connections for side in (source, target)
            if isinstance(side, sides.SwiftSide)]))
        try:
            cluster = cluster_copy.between(source, target, jobs)
            if cluster is not None:
                target.prepare()
            blobs = copy_v2.between(source, target, jobs, cluster,
                                    options.verify)
            copying = [copy_v1.Images(source, target, jobs, options, cluster,
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
