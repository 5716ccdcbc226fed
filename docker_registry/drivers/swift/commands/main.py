"""docker-registry-swift: parses the command line and runs one command.

A command is a module of this package with HELP, a line of text, and perhaps
DESCRIPTION, several; add_options(parser), which adds what the command takes
besides --config and, unless it has OWN_FLAVORS, --flavor; and run(options),
which does it and returns the exit status.
"""

import argparse
import errno
import logging
import os
import sys
import traceback

try:
    from . import check
    from . import copy
    from . import du
    from . import fsck
    from . import gc
    from . import index
    from . import ls
    from . import output
    from . import repository
    from . import serve
    from . import tags
    from .. import errors
    from ..config import files
except KeyboardInterrupt:  # of somebody who has just started it
    sys.stderr.write('docker-registry-swift: stopped\n')
    sys.exit(2)

#: The commands by name.
_COMMANDS = {'check': check, 'copy': copy, 'du': du, 'fsck': fsck, 'gc': gc,
             'index': index, 'ls': ls, 'repository': repository,
             'serve': serve, 'tags': tags}
_EXIT_STATUS = ('exit status: 0 if all is well, 1 if something was found or '
                'fails, 2 if it could not be done')


def main(arguments=None):
    """Run the command line; return the exit status.

    :param arguments: list of text; None is that of the process
    """
    parser = argparse.ArgumentParser(prog='docker-registry-swift')
    commands = parser.add_subparsers(dest='command', metavar='COMMAND')
    commands.required = True
    for name, command in sorted(_COMMANDS.items()):
        options = commands.add_parser(
            name, help=command.HELP, epilog=_EXIT_STATUS,
            description=getattr(command, 'DESCRIPTION', command.HELP))
        options.add_argument(
            '--config', metavar='FILE', default=files.default_path(),
            help="the registry's configuration file (default: the one that "
            'the registry finds, $DOCKER_REGISTRY_CONFIG or config.yml)')
        if not getattr(command, 'OWN_FLAVORS', False):
            options.add_argument(
                '--flavor', metavar='NAME',
                default=os.environ.get('SETTINGS_FLAVOR', 'dev'),
                help='flavor in that file (default: $SETTINGS_FLAVOR, or dev)')
        command.add_options(options)
    chosen = parser.parse_args(arguments)
    # What fails is in what the command prints.
    logging.getLogger('docker_registry').addHandler(logging.NullHandler())
    try:
        return _COMMANDS[chosen.command].run(chosen)
    except (EnvironmentError, errors.ConfigError) as error:
        if getattr(error, 'errno', None) == errno.EPIPE:
            # Nobody reads any more what it prints: `ls | head`. Python would
            # fail once more when it ends, and say so.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        else:
            output.print_error('%s: %s' % (chosen.command, error))
    except KeyboardInterrupt:
        output.print_error('%s: stopped' % chosen.command)
    except Exception:
        # Nothing that the command has found: Python's own status would be 1.
        traceback.print_exc()
    return 2


if __name__ == '__main__':
    sys.exit(main())
