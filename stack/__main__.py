"""Command line of the stack: python3 -m stack COMMAND."""

import argparse
import os
import shutil
import signal
import sys
import tempfile

from . import environments
from .commands import check
from .commands import cluster_test
from .commands import demo
from .commands import images
from .commands import services
from .servers import processes


def scratch_directory():
    """Make a directory for one run's configuration, data and logs.

    Not in /tmp, which on some machines takes no user xattrs.
    """
    parent = os.path.join(environments.ROOT, 'run')
    os.makedirs(parent, exist_ok=True)
    return tempfile.mkdtemp(dir=parent)


def main():
    parser = argparse.ArgumentParser(prog='python3 -m stack')
    commands = parser.add_subparsers(dest='command', required=True)
    commands.add_parser(
        'demo', help='push and pull an image').set_defaults(run=demo.demo)
    commands.add_parser(
        'serve', help='a registry on Swift, until ^C').set_defaults(
            run=demo.serve)
    commands.add_parser(
        'check', help='style and tests on every Python').set_defaults(
            run=lambda directory, options: check.check())
    command = commands.add_parser(
        'cluster-test', help='let machines fail while clients push and pull')
    command.add_argument('--seconds', type=float, default=60)
    command.set_defaults(run=cluster_test.cluster_test)
    commands.add_parser(
        'images', help='build the container images and try them').set_defaults(
            run=images.images)
    command = commands.add_parser(
        'services', help='Swift and Redis, until stdin ends')
    command.add_argument('--nodes', type=int, default=1)
    command.add_argument('--constraints', default='{}', metavar='JSON',
                         help='[swift-constraints] of swift.conf')
    command.set_defaults(run=services.services)
    options = parser.parse_args()

    # End by the same way whichever signal asks for it, so that servers stop.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    directory = scratch_directory()
    try:
        return options.run(directory, options)
    except (environments.EnvironmentError, processes.ServerError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())
