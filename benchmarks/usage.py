"""What a server's processes have used so far. Linux's /proc tells."""

import os
import threading

_INTERVAL_SECONDS = 0.2
_TICKS = os.sysconf('SC_CLK_TCK')


def cpu_seconds(server):
    """Return the CPU seconds of a server, with those of ended workers.

    :param server: processes.Server; it has a session of its own
    """
    # User and system time, and both again for children that have ended.
    return sum(sum(map(int, fields[11:15]))
               for _, fields in _session(server)) / _TICKS


class Peak:

    """The peak resident memory of a server's largest process, while watched.

    Looks again and again: a worker that ends takes what is known of it along.

    :param server: processes.Server
    :ivar mib: what has been seen so far, in MiB
    """

    def __init__(self, server):
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.mib = 0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._stop.set()
        self._thread.join()

    def _watch(self):
        while True:
            last = self._stop.wait(_INTERVAL_SECONDS)
            for pid, _ in _session(self._server):
                self.mib = max(self.mib, _peak_mib(pid))
            if last:
                return


def _peak_mib(pid):
    try:
        with open('/proc/%s/status' % pid) as status:
            fields = dict(line.split(':', 1) for line in status)
    except OSError:
        return 0  # it has ended
    return int(fields.get('VmHWM', '0').split()[0]) / 1024


def _session(server):
    """Yield (pid, fields of its stat from the state on) of each process."""
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open('/proc/%s/stat' % pid) as stat:
                # The name of the program may have spaces and parentheses.
                fields = stat.read().rpartition(')')[2].split()
        except OSError:
            continue
        if int(fields[3]) == server.pid:
            yield pid, fields
