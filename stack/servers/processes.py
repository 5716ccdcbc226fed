"""Servers on loopback: free ports, start, wait, stop."""

import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request

HOST = '127.0.0.1'
#: Much longer than anything takes here, also on a busy machine.
_PATIENCE_SECONDS = 120
_PR_SET_PDEATHSIG = 1


class ServerError(Exception):

    """A server did not start; the message has the end of its log."""


def free_port():
    """Return a port that nothing listens on.

    Below the range that the kernel takes ports for outgoing connections
    from, so that none takes it before the server does.
    """
    while True:
        port = random.randint(10000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port


def until(condition):
    """Wait for what must come, such as a line in a log; return it.

    Whoever reads a log after an answer may be there before the line is.

    :param condition: called again and again until it returns what is true
    :raises TimeoutError: it did not within two minutes
    """
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > give_up_at:
            raise TimeoutError('%r is not so' % condition)
        time.sleep(0.05)


class Server:

    """One process that listens on one port.

    Ends with this process, however this one ends.

    :param name: what to call it in messages
    :param arguments: command line, a list
    :param port: the port it will listen on
    :param log: path of the file that takes its output
    :param environment: variables to set, besides those of this process
    :param ping: path that answers 200 over HTTP once it works; None for a
        server that works once it listens
    """

    def __init__(self, name, arguments, port, log, environment=None,
                 ping=None):
        self.name = name
        self.port = port
        self.log = log
        self._ping = ping
        self._arguments = [str(argument) for argument in arguments]
        self._environment = dict(os.environ, **(environment or {}))
        self._process = None

    @property
    def pid(self):
        return self._process.pid

    def start(self):
        """Start it; it may not listen yet."""
        with open(self.log, 'ab') as log:
            # A session of its own: some servers signal their process group.
            self._process = subprocess.Popen(
                self._arguments, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env=self._environment, start_new_session=True,
                preexec_fn=end_with_parent)

    def wait(self):
        """Wait until it works.

        :raises ServerError: it ended, or took more than two minutes
        """
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < give_up_at and self.running():
            if self._works():
                return
            time.sleep(0.05)
        self.stop()
        with open(self.log, errors='replace') as log:
            raise ServerError('%s did not start:\n%s' % (
                self.name, ''.join(log.readlines()[-30:])))

    def _works(self):
        try:
            if self._ping is None:
                socket.create_connection((HOST, self.port), 1).close()
            else:
                urllib.request.urlopen('http://%s:%d%s' % (
                    HOST, self.port, self._ping), timeout=5).close()
            return True
        except OSError:
            return False

    def running(self):
        """Return whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def stop(self, signal_number=signal.SIGTERM):
        """End it and what it started; again by SIGKILL after 5 seconds."""
        if self._process is None:
            return
        for number in (signal_number, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                break
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                pass
        self._process.wait()
        self._process = None


@contextlib.contextmanager
def frozen(server):
    """Stop a Server from going on: it takes connections, and answers nothing.
    """
    os.killpg(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(server.pid, signal.SIGCONT)


class Running:

    """What consists of one server, and runs inside a `with`.

    :ivar server: its Server, which a subclass makes
    """

    def __enter__(self):
        start_all([self.server])
        return self

    def __exit__(self, *exception):
        self.server.stop()

    @property
    def port(self):
        return self.server.port

    @property
    def address(self):
        return '%s:%d' % (HOST, self.port)


def end_with_parent():
    """Have this process, new and yet to be what it will be, end with ours."""
    if sys.platform.startswith('linux'):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def start_all(servers):
    """Start servers side by side and wait for all; if one fails, stop all."""
    try:
        for server in servers:
            server.start()
        for server in servers:
            server.wait()
    except BaseException:
        stop_all(servers)
        raise


def stop_all(servers):
    """Stop servers, the last one first."""
    for server in reversed(servers):
        server.stop()
