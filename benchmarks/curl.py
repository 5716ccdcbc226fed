"""curl: what Swift and the network give at most, on one connection."""

import collections
import os
import subprocess
import time

from stack.servers import processes

#: What one transfer took: wall seconds, and CPU seconds of curl.
Transfer = collections.namedtuple('Transfer', 'seconds cpu_seconds')


class Curl:

    """Writes and reads one plain object.

    :param bench: Bench
    :param container: name of the container
    :param port: of a relay to Swift, instead of Swift's own
    """

    def __init__(self, bench, container, port=None):
        self._command = _command(bench, container, 'layer', port)

    def write(self, path):
        """Write the object from a file.

        :returns: Transfer
        :raises OSError: curl has failed
        """
        return self._run('--upload-file', path)

    def read(self, path):
        """Read the object into a file.

        :returns, raises: as for write()
        """
        return self._run('--output', path)

    def _run(self, *options):
        started = time.monotonic()
        pid = os.posix_spawnp(
            self._command[0], self._command + list(options), os.environ,
            file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY,
                           0)])
        _, status, usage = os.wait4(pid, 0)
        taken = time.monotonic() - started
        if status:
            raise OSError('curl has ended with %d'
                          % os.waitstatus_to_exitcode(status))
        return Transfer(taken, usage.ru_utime + usage.ru_stime)


def digest(bench, container, object_name):
    """Read an object, as `curl | sha256sum`; return its SHA-256 as text.

    :raises OSError: curl has failed
    """
    with subprocess.Popen(_command(bench, container, object_name),
                          stdout=subprocess.PIPE) as curl:
        found = subprocess.run(['sha256sum'], stdin=curl.stdout, text=True,
                               stdout=subprocess.PIPE, check=True).stdout
    if curl.returncode:
        raise OSError('curl has ended with %d' % curl.returncode)
    return found.split()[0]


def _command(bench, container, object_name, port=None):
    return [
        'curl', '--silent', '--show-error', '--fail', '--header',
        'X-Auth-Token: ' + bench.cluster.token(),
        'http://%s:%d/v1/AUTH_test/%s/%s' % (
            processes.HOST, port or bench.cluster.proxy.port, container,
            object_name)]
