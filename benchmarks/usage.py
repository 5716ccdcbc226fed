"""What a server's processes have used so far. Linux's /proc tells."""

import os

_TICKS = os.sysconf('SC_CLK_TCK')


def cpu_seconds(server):
    """Return the CPU seconds of a server, with those of ended workers.

    :param server: processes.Server; it has a session of its own
    """
    # User and system time, and both again for children that have ended.
    return sum(sum(map(int, fields[11:15]))
               for _, fields in _session(server)) / _TICKS


def peak_mib(server):
    """Return the peak resident memory of a server's largest process."""
    peaks = [0]
    for pid, _ in _session(server):
        try:
            with open('/proc/%s/status' % pid) as status:
                fields = dict(line.split(':', 1) for line in status)
        except OSError:
            continue  # it has ended
        peaks.append(int(fields.get('VmHWM', '0').split()[0]) / 1024)
    return max(peaks)


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
