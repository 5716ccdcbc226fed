"""docker-registry-swift repository: removes one, as the API does."""

from . import opened
from . import output
from . import stored
from . import tags
from .. import errors

#: What main.py shows of this command.
HELP = 'remove a repository with its tags'
DESCRIPTION = '''\
Does what DELETE of /v1/repositories/REPOSITORY/ does, where no registry runs
or beside one. The images stay until gc removes them.'''


def add_options(parser):
    """Add the options of this command to its argparse.ArgumentParser."""
    parser.add_argument('action', choices=['rm'], help='remove')
    parser.add_argument('repository', metavar='REPOSITORY',
                        help='such as library/demo, or demo for the same')
    parser.add_argument('--json', action='store_true',
                        help='print one JSON object instead of a line')


def run(options):
    """Remove a repository; return the exit status, 1 if there is none."""
    name = stored.full_name(options.repository)
    path = stored.repository_path(name)
    with opened.Opened(options.config, options.flavor) as registry:
        registry.look()
        contents = stored.Stored(registry)
        # A name may have what is a wildcard elsewhere.
        files = contents.files(path)
        found = [tag.name for tag in contents.tags(
            [stored.Repository(name, path, files)])]
        for tag in found:
            tags.remove(registry, path, tag)
        was_there = bool(files or found)
        try:
            registry.remove(path)
        except errors.ObjectNotFoundError:
            pass  # there was nothing but tags
    if options.json:
        output.print_json({'repository': name, 'tags': found,
                           'removed': was_there})
    else:
        output.print_line('%s %s%s' % (
            'removed' if was_there else 'there is no repository', name,
            ', %d tags' % len(found) if was_there else ''))
    return 0 if was_there else 1
