"""Opens what a flavor of the registry's configuration says.

Gives the commands the driver's parts, and threads to use them from.
"""

import argparse
import re

from . import parallel
from .. import compat
from .. import contents
from .. import errors
from ..config import files
from ..config import settings

_JOBS = 16


def add_jobs(parser):
    """Add --jobs to the options of a command."""
    parser.add_argument(
        '--jobs', metavar='N', type=number(10 ** 6), default=_JOBS,
        help='requests at a time (default: %d); never more than '
        'swift_connections' % _JOBS)


def number(most):
    """Return a function that reads a whole number from 1 to the most.

    Unlike argparse's choices it says so without a list of them.
    """
    def parse(text):
        if not re.match('[0-9]{1,9}\\Z', text) or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError('not a number from 1 to %d: %s'
                                             % (most, text))
        return int(text)
    return parse


def seconds(text):
    """Return the seconds of an age as an option has it, such as "24h"."""
    found = re.match(r'(\d+)(s|min|h|d)\Z', text)
    if not found:
        raise argparse.ArgumentTypeError(
            'not an age such as 90s, 30min, 24h or 7d: %s' % text)
    return int(found.group(1)) * {'s': 1, 'min': 60, 'h': 3600,
                                  'd': 86400}[found.group(2)]


def repository(text):
    """Return the name of one repository, as an option has it.

    A part without letters would be the directory of several.
    """
    if not all(tag(text).split('/')):
        raise argparse.ArgumentTypeError('no name of a repository: %r' % text)
    return text


def tag(text):
    """Return the name of one tag, as an option has it."""
    try:
        compat.encoded(text)
    except ValueError:
        raise argparse.ArgumentTypeError('not UTF-8: %r' % text)
    if not text:
        raise argparse.ArgumentTypeError('empty')
    return text


class Opened(contents.Contents):

    """A registry's container in Swift, and what reads and writes it.

    Use it as a context manager: nothing is under way afterwards.

    :param path: path of the registry's configuration file
    :param name: name of a flavor in it
    :param jobs: requests at a time
    :raises errors.ConfigError: there is no such flavor, or it is wrong
    :ivar config: what files.read() gives
    :ivar jobs: parallel.Jobs
    """

    def __init__(self, path, name, jobs=_JOBS):
        self.config = config = files.read(path, name)
        kinds = (config.storage, config.storage_alternate)
        if 'swift' not in [str(kind).lower() for kind in kinds]:
            raise errors.ConfigError(
                'flavor %s of %s: storage is %s, not swift' % (
                    name, path, kinds[0]))
        super(Opened, self).__init__(settings.parse(None, config))
        # Where there is no Swift, who runs a command is told at once. One that
        # is restarted does not end what has been running for hours.
        self.container.wait_later()
        self.jobs = parallel.Jobs(min(jobs, self.settings.connections))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.jobs.stop()

    def look(self):
        """Look whether the container is there.

        Listings of one that is not are empty.

        :raises errors.SwiftError: it is not, or Swift cannot be asked
        """
        try:
            return self.container.metadata()
        except errors.ObjectNotFoundError as error:
            raise errors.SwiftError(
                'there is no container %s; see swift_container' % (
                    self.container.name), None, 404, error.transaction_id)
