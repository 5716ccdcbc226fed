"""docker-registry-swift repository: removes one, as the API does."""

from . import opened
from . import output
from . import stored
from . import stored_v2
from . import tagged
from . import tags
from .. import errors
from ..v2 import layout

#: What main.py shows of this command.
HELP = 'remove a repository with its tags'
DESCRIPTION = '''\
Does what DELETE of /v1/repositories/REPOSITORY/ does, where no registry runs
or beside one; and lets the repository have no manifests and layers for v2
clients, by digest either. The images stay until gc removes them.'''


def add_options(parser):
    """Add the options of this command to its argparse.ArgumentParser."""
    parser.add_argument('action', choices=['rm'], help='remove')
    parser.add_argument('repository', metavar='REPOSITORY',
                        type=opened.repository,
                        help='such as library/demo, or demo for the same')
    parser.add_argument('--json', action='store_true',
                        help='print one JSON object instead of a line')


def run(options):
    """Remove a repository; return the exit status, 1 if there is none."""
    name = stored.full_name(options.repository)
    path = stored.repository_path(name)
    with opened.Opened(options.config, options.flavor) as registry:
        registry.look()
        v1, v2 = stored.Stored(registry), stored_v2.StoredV2(registry)
        # A name may have what is a wildcard elsewhere.
        files = v1.files(path)
        names = layout.v2_names(*layout.v1_repository(name))
        found = [tag.name for tag in tagged.Tagged(registry, v1, v2).tags(
            [tagged.Repository(stored.Repository(name, path, files), {
                each.name: each.tags for found in names
                for each in v2.repositories(found) if each.name in names})])]
        for tag in found:
            tags.remove(registry, name, tag)
        was_there = bool(files or found)
        try:
            registry.remove(path)
        except errors.ObjectNotFoundError:
            pass  # there was nothing but tags
        for each in names:
            was_there = v2.store.remove_links(each) or was_there
    if options.json:
        output.print_json({'repository': name, 'tags': found,
                           'removed': was_there})
    else:
        output.print_line('%s %s%s' % (
            'removed' if was_there else 'there is no repository', name,
            ', %d tags' % len(found) if was_there else ''))
    return 0 if was_there else 1
