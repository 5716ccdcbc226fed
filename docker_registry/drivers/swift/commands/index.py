"""docker-registry-swift index: converts v1 images ahead of the first pull.

What is converted already costs three small requests, so that it may be stopped
and started again at any time, also beside registries that are in use.
"""

import fnmatch

from . import opened
from . import output
from .. import compat
from .. import errors
from ..v2 import facts
from ..v2 import layout
from ..v2 import repositories

#: What main.py shows of this command.
HELP = 'convert what v1 clients have pushed for those of v2, ahead of a pull'

_CONVERTED = 'converted'
_DONE_BEFORE = 'done before'
_FAILED = 'FAILED'


def add_options(parser):
    """Add the options of this command to its argparse.ArgumentParser."""
    parser.add_argument(
        '--repository', metavar='GLOB', default='*',
        help='only those whose name fits, such as "team/*" (default: all)')
    parser.add_argument('--json', action='store_true',
                        help='print a JSON object for each tag, a line each')
    parser.add_argument(
        '--jobs', metavar='N', type=opened.number(64), default=2,
        help='how many images and layers at a time (default: 2)')


def run(options):
    """Convert; return the exit status."""
    with opened.Opened(options.config, options.flavor,
                       options.jobs) as registry:
        registry.look()
        index = _Index(registry, options.jobs)
        tags = list(index.tags(options.repository))
        report = _Report(len(tags), options.json)
        with output.Progress('tags', len(tags), index.read) as progress:
            try:
                for name, outcome, error in progress.count(
                        index.convert(tags)):
                    report.add(name, outcome, error)
            except BaseException:
                output.print_error('index: stopped after %d of %d' % (
                    report.done, len(tags)))
                raise
        report.end()
    return 1 if report.failures else 0


class _Index(object):

    """Converts the tags of repositories.

    :param registry: opened.Opened
    :param jobs: how many layers at a time
    """

    def __init__(self, registry, jobs):
        self._registry = registry
        self._started = compat.monotonic()
        self._repositories = repositories.in_container(
            registry.settings, registry.container, jobs)

    def tags(self, pattern):
        """Yield (name of a repository, tag, why v2 cannot have it, or None).

        :param pattern: of names of repositories, as a shell has them
        """
        found = self._repositories.v1_repositories()
        for (namespace, repository), names in sorted(found.items()):
            full_name = '%s/%s' % (namespace, repository)
            if not any(fnmatch.fnmatchcase(name, pattern)
                       for name in names + [full_name]):
                continue
            if not names:
                yield (full_name, None,
                       'v2 allows no repository of this name')
                continue
            for tag in self._repositories.v1_tags(namespace, repository):
                yield (names[0], tag, None if layout.is_tag(tag)
                       else 'v2 allows no tag of this name')

    def convert(self, tags):
        """Convert tags; yield the name of each, what came of it, and why.

        :param tags: what tags() yields
        :raises errors.UnreachableError: Swift does not answer; what is left
            has not been tried
        """
        return self._registry.jobs.each(self._convert, tags)

    def read(self):
        """Return how much Swift has sent, and how fast, as people read it."""
        bytes_in = self._registry.connections.statistics()['bytes_in']
        seconds = max(compat.monotonic() - self._started, 0.001)
        return '%s read, %s/s' % (output.size(bytes_in),
                                  output.size(bytes_in / seconds))

    def _convert(self, each):
        repository, tag, error = each
        name = repository if tag is None else '%s:%s' % (repository, tag)
        if error:
            return name, _FAILED, error
        try:
            return name, (_CONVERTED if self._repositories.convert(
                repository, tag) else _DONE_BEFORE), None
        except errors.UnreachableError:
            raise
        except (errors.SwiftError, facts.DamagedError) as error:
            return name, _FAILED, str(error)


class _Report(object):

    """Prints what came of each tag.

    :param count: how many there are
    :param as_json: whether to print JSON
    :ivar done: how many have been dealt with
    :ivar failures: list of pairs of what it is, and why it has failed
    """

    def __init__(self, count, as_json):
        self._count = count
        self._as_json = as_json
        self.done = 0
        self.failures = []

    def add(self, name, outcome, error):
        """Print what came of a tag."""
        self.done += 1
        if error is not None:
            self.failures.append((name, error))
        if self._as_json:
            output.print_json({'kind': 'tag', 'name': name,
                               'outcome': outcome.lower(), 'error': error})
        else:
            output.print_line(': '.join(filter(None, (name, outcome, error))))

    def end(self):
        """Print what it is together, and once more what could not be done."""
        if self._as_json:
            output.print_json({'kind': 'total', 'tags': self._count,
                               'failed': len(self.failures)})
            return
        output.print_line('%d of %d can be pulled by v2 clients' % (
            self._count - len(self.failures), self._count))
        for name, error in self.failures:
            output.print_line('FAILED  %s: %s' % (name, error))
