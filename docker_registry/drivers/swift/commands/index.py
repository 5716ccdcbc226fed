"""docker-registry-swift index: converts v1 images ahead of the first pull.

What is converted already costs two small requests, so that it may be stopped
and started again at any time, also beside registries that are in use.
"""

from concurrent import futures
import fnmatch
import sys
import threading
import time

from . import output
from .. import errors
from ..client import connections
from ..client import container
from ..config import files
from ..config import settings
from ..v2 import facts
from ..v2 import layout
from ..v2 import repositories

HELP = 'convert what v1 clients have pushed for those of v2, ahead of a pull'

_MIB = 1024.0 * 1024
_BAR_LETTERS = 20
_REPEAT_SECONDS = 0.5


class Index(object):

    """Converts the tags of repositories.

    :param found: repositories.Repositories
    :param pattern: of names of repositories, as a shell has them
    :param jobs: how many images at a time
    :ivar count: how many tags there are
    :ivar done: how many have been dealt with
    :ivar failures: list of pairs of what it is, and why it has failed
    """

    def __init__(self, found, pattern='*', jobs=1):
        self._repositories = found
        self._pattern = pattern
        self._jobs = jobs
        self.count = 0
        self.done = 0
        self.failures = []

    def run(self, report):
        """Convert them all.

        :param report: called for each tag, by one thread at a time, with its
            name and "converted", "done before" or why it has failed
        :raises errors.UnreachableError: Swift does not answer; what is left
            has not been tried
        """
        tags = self._tags(report)
        self.count = self.done + len(tags)
        with futures.ThreadPoolExecutor(self._jobs) as executor:
            pending = [executor.submit(self._convert, name, tag)
                       for name, tag in tags]
            try:
                for (name, tag), future in zip(tags, pending):
                    self._report(report, '%s:%s' % (name, tag),
                                 future.result())
            except BaseException:
                for future in pending:
                    future.cancel()
                raise

    def _tags(self, report):
        """Return the tags as pairs of names; report those v2 has no name for.
        """
        tags = []
        found = self._repositories.v1_repositories()
        for (namespace, repository), names in sorted(found.items()):
            full_name = '%s/%s' % (namespace, repository)
            if not any(fnmatch.fnmatchcase(name, self._pattern)
                       for name in names + [full_name]):
                continue
            if not names:
                self._report(report, full_name,
                             (False, 'v2 allows no repository of this name'))
                continue
            for tag in self._repositories.v1_tags(namespace, repository):
                if layout.is_tag(tag):
                    tags.append((names[0], tag))
                else:
                    self._report(
                        report, '%s:%s' % (names[0], tag),
                        (False, 'v2 allows no tag of this name'))
        return tags

    def _convert(self, name, tag):
        """Return whether that went well, and what came of it."""
        try:
            return True, ('converted' if self._repositories.convert(name, tag)
                          else 'done before')
        except errors.UnreachableError:
            raise
        except (errors.SwiftError, facts.DamagedError) as error:
            return False, str(error)

    def _report(self, report, name, outcome):
        went_well, text = outcome
        self.done += 1
        if not went_well:
            self.failures.append((name, text))
            text = 'FAILED: ' + text
        report(name, text)


class _Lines(object):

    """One line for each tag."""

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def report(self, name, text):
        output.print_line('%s: %s' % (name, text))


class _Bar(object):

    """A line of a terminal that says how far it is.

    :param index: Index
    :param read_bytes: callable that returns how much Swift has sent
    """

    def __init__(self, index, read_bytes):
        self._index = index
        self._read_bytes = read_bytes
        self._started = time.time()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._repeat)
        self._thread.daemon = True

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._stopped.set()
        self._thread.join()
        self._show()
        output.print_line('')

    def report(self, name, text):
        if text.startswith('FAILED'):
            output.print_line('\r\033[K%s: %s' % (name, text))

    def _repeat(self):
        while not self._stopped.wait(_REPEAT_SECONDS):
            self._show()

    def _show(self):
        index = self._index
        seconds = max(time.time() - self._started, 0.001)
        part = index.done / float(index.count or 1)
        mebibytes = self._read_bytes() / _MIB
        line = '[%s] %d of %d, %.0f MiB, %.0f MiB/s' % (
            ('#' * int(part * _BAR_LETTERS)).ljust(_BAR_LETTERS), index.done,
            index.count, mebibytes, mebibytes / seconds)
        if 0 < index.done < index.count:
            left = int(seconds * (index.count - index.done) / index.done)
            line += ', %d:%02d left' % (left // 60, left % 60)
        sys.stdout.write('\r\033[K' + line)
        sys.stdout.flush()


def add_options(parser):
    """Add what the command takes besides --config and --flavor."""
    parser.add_argument(
        '--repository', metavar='GLOB', default='*',
        help='only those whose name fits, such as "team/*" (default: all)')
    parser.add_argument(
        '--jobs', metavar='N', type=int, default=2, choices=range(1, 65),
        help='how many images and layers at a time (default: 2)')


def run(options):
    """Convert; return the exit status, 1 if something could not be."""
    try:
        config = files.read(options.config, options.flavor)
        parsed = settings.parse(None, config)
    except errors.ConfigError as error:
        output.print_line(str(error))
        return 2
    pool = connections.Connections(parsed)
    swift_container = container.Container(parsed, pool)
    index = Index(repositories.in_container(
        parsed, swift_container, options.jobs),
        options.repository, options.jobs)
    progress = _Lines()
    if sys.stdout.isatty():
        progress = _Bar(index, lambda: pool.statistics()['bytes_in'])
    try:
        swift_container.metadata()  # one that is not there is empty
        with progress:
            index.run(progress.report)
    except errors.SwiftError as error:
        output.print_line('stopped after %d of %d: %s' % (
            index.done, index.count, error))
        return 2
    except KeyboardInterrupt:
        output.print_line('stopped after %d of %d' % (index.done, index.count))
        return 2
    output.print_line('%d of %d can be pulled by v2 clients' % (
        index.done - len(index.failures), index.count))
    for name, text in index.failures:
        output.print_line('FAILED  %s: %s' % (name, text))
    return 1 if index.failures else 0
