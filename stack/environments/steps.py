"""Steps of a build: programs that run with progress, and their output kept."""

import os
import subprocess
import sys
import time

PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
ROOT = os.path.join(PROJECT, '.stack')

_FAILED = '''
%s
The %s environment could not be built; above is the end of %s.
Where a compiler or a header file is missing, on Debian and Ubuntu:

    apt-get install build-essential libssl-dev liblzma-dev python3-venv
'''


class EnvironmentError(Exception):

    """An environment cannot be built; the message says what to install."""


def run(name, arguments, cwd=None, variables=None):
    """Run a step of a build; show that it goes on, keep its output.

    :param name: of the environment
    :param variables: environment variables to set, a dict
    :raises EnvironmentError: has the end of the output of a step that failed
    """
    log_path = os.path.join(ROOT, name + '.log')
    path = os.environ.get('PATH', '')
    if name != 'tools':
        path = os.path.join(ROOT, 'tools', 'bin') + os.pathsep + path
    with open(log_path, 'ab') as log:
        log.truncate(0)
        process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=log,
            stderr=subprocess.STDOUT, cwd=cwd,
            env=dict(os.environ, PATH=path, **variables or {}))
        started = time.monotonic()
        while True:
            try:
                process.wait(1 if sys.stderr.isatty() else 10)
                break
            except subprocess.TimeoutExpired:
                _show('building the %s environment: %d s, %s' % (
                    name, time.monotonic() - started, _last_line(log_path)))
    if process.returncode:
        with open(log_path, errors='replace') as log:
            raise EnvironmentError(_FAILED % (
                ''.join(log.readlines()[-20:]), name, log_path))
    _show('building the %s environment: done in %d s' % (
        name, time.monotonic() - started), '\n')


def _show(line, end=None):
    # On a terminal one line changes; in a log each report is a line.
    if sys.stderr.isatty():
        sys.stderr.write('\r\033[K' + line[:100] + (end or ''))
    else:
        sys.stderr.write(line[:100] + '\n')
    sys.stderr.flush()


def _last_line(path):
    with open(path, errors='replace') as log:
        return ([''] + [line.strip() for line in log if line.strip()])[-1]
