"""Opens what a flavor of the registry's configuration says.

Gives the commands the driver's parts, and threads to use them from.
"""

import argparse
import re

from docker_registry.core import exceptions

from . import parallel
from .. import errors
from .. import names
from .. import recent_tags
from ..client import connections
from ..client import container
from ..config import flavor
from ..config import settings
from ..objects import large_object
from ..objects import read_ahead
from ..objects import small_object

_JOBS = 16


def add_jobs(parser):
    """Add --jobs to the options of a command."""
    parser.add_argument(
        '--jobs', metavar='N', type=_count, default=_JOBS,
        help='requests at a time (default: %d); never more than '
        'swift_connections' % _JOBS)


def seconds(text):
    """Return the seconds of an age as an option has it, such as "24h"."""
    found = re.match(r'(\d+)(s|min|h|d)\Z', text)
    if not found:
        raise argparse.ArgumentTypeError(
            'not an age such as 90s, 30min, 24h or 7d: %s' % text)
    return int(found.group(1)) * {'s': 1, 'min': 60, 'h': 3600,
                                  'd': 86400}[found.group(2)]


def _count(text):
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError('not a number from 1 on: %s' % text)
    return int(text)


class Opened(object):

    """A registry's container in Swift, and what reads and writes it.

    Use it as a context manager: nothing is under way afterwards.

    :param path: path of the registry's configuration file
    :param name: name of a flavor in it
    :param jobs: requests at a time
    :raises exceptions.ConfigError: there is no such flavor, or it is wrong
    :ivar config: flavor.Flavor
    :ivar names: names.Names of the registry's paths
    :ivar container: container.Container
    :ivar small_objects: small_object.SmallObjects
    :ivar large_objects: large_object.LargeObjects
    :ivar readers: read_ahead.Readers
    :ivar recent_tags: recent_tags.RecentTags
    :ivar jobs: parallel.Jobs
    """

    def __init__(self, path, name, jobs=_JOBS):
        self.config = config = flavor.Flavor(path, name)
        kinds = (config.storage, config.storage_alternate)
        if 'swift' not in [str(kind).lower() for kind in kinds]:
            raise exceptions.ConfigError(
                'flavor %s of %s: storage is %s, not swift' % (
                    name, path, kinds[0]))
        self.settings = values = settings.parse(None, config)
        self.names = names.Names(values.root)
        self.container = container.Container(
            values, connections.Connections(values))
        self.small_objects = small_object.SmallObjects(
            values, self.container)
        self.large_objects = large_object.LargeObjects(values, self.container)
        self.readers = read_ahead.Readers(values, self.container)
        self.recent_tags = recent_tags.RecentTags(
            self.read, self.write, self.delete,
            lambda path: self.container.age(self.names.object_name(path)))
        self.jobs = parallel.Jobs(min(jobs, values.connections))

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

    def read(self, path):
        """Return the content of a path as it is in Swift, as bytes.

        :raises errors.ObjectNotFoundError: there is none
        """
        return self.small_objects.read(self.names.object_name(path))

    def write(self, path, content):
        """Write bytes to a path."""
        self.small_objects.write(self.names.object_name(path), content)

    def delete(self, path):
        """Remove a path of a small object.

        :raises errors.ObjectNotFoundError: there is none
        """
        self.container.delete(self.names.object_name(path))
