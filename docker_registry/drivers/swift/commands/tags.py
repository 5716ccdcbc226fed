"""docker-registry-swift tags: removes tags, as the API does."""

from . import opened
from . import output
from . import stored
from .. import errors
from ..v2 import layout
from ..v2 import store

#: What main.py shows of this command.
HELP = 'remove tags of a repository'
DESCRIPTION = '''\
Does what DELETE of /v1/repositories/REPOSITORY/tags/TAG does, where no
registry runs or beside one, for clients of v1 and v2. The images stay until gc
removes them.'''


def add_options(parser):
    """Add the options of this command to its argparse.ArgumentParser."""
    parser.add_argument('action', choices=['rm'], help='remove')
    parser.add_argument('repository', metavar='REPOSITORY',
                        type=opened.repository,
                        help='such as library/demo, or demo for the same')
    parser.add_argument('tags', metavar='TAG', nargs='+', type=opened.tag)
    parser.add_argument('--json', action='store_true',
                        help='print a JSON object for each, a line each')


def run(options):
    """Remove tags; return the exit status, 1 if one was not there."""
    name = stored.full_name(options.repository)
    missing = False
    with opened.Opened(options.config, options.flavor) as registry:
        registry.look()
        for tag in options.tags:
            was_there = remove(registry, name, tag)
            missing = missing or not was_there
            if options.json:
                output.print_json({'repository': name, 'tag': tag,
                                   'removed': was_there})
            else:
                output.print_line('%s %s:%s' % (
                    'removed' if was_there else 'there is no', name, tag))
    return 1 if missing else 0


def remove(registry, name, tag):
    """Remove a tag; return whether there was one.

    :param registry: opened.Opened
    :param name: of the repository, with its namespace
    :param tag: name of the tag

    Source: delete_tag() in docker_registry/tags.py
    """
    path = stored.repository_path(name)
    was_there = _remove(registry, stored.tag_path(path, tag))
    _remove(registry, stored.tag_json_path(path, tag))
    if tag == 'latest':
        _remove(registry, path + '/json')
    # After v1's: an older one must not come back.
    v2 = store.Store(registry.settings, registry.container)
    for each in layout.v2_names(*layout.v1_repository(name)):
        if layout.is_tag(tag) and v2.remove_tag_link(each, tag):
            was_there = True
    return was_there


def _remove(registry, path):
    try:
        registry.remove(path)
    except errors.ObjectNotFoundError:
        return False  # not all who write tags write all of it
    return True
