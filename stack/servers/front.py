"""haproxy before the stack's servers: TLS, and who came by which way."""

import collections
import os
import subprocess
import urllib.request
import uuid

from . import processes
from .. import environments

_SCRIPT = os.path.join(os.path.dirname(__file__), 'inside',
                       'certificates.py')
_CONF = '''
global
    log stdout format raw local0
    nbthread 1
defaults
    mode http
    log global
    log-format "%%f %%HM %%HU %%ST"
    timeout connect 10s
    timeout client 120s
    timeout server 120s
frontend last
    bind %(host)s:%(port)d
    http-request return status 200
'''
_DOOR = '''
frontend %(name)s
    bind %(host)s:%(port)d %(tls)s
    http-request set-header X-Forwarded-Proto https if { ssl_fc }
    default_backend %(name)s
backend %(name)s
    server target %(host)s:%(target_port)d
'''
_TLS = {'none': '',
        'server': 'ssl crt server.pem',
        'both': 'ssl crt server.pem ca-file ca.pem verify required'}

Request = collections.namedtuple('Request', 'method path status')


def certificates(directory):
    """Make those of an authority of its own; see inside/certificates.py."""
    subprocess.check_call([environments.build('swift'), _SCRIPT, directory])


class Front:

    """Further doors to servers that are running.

    :param directory: where certificates, configuration and log go
    :param doors: dict from a door's name to (port of the server, TLS), where
        TLS is 'none', 'server' or, with certificates demanded of clients,
        'both'
    """

    def __init__(self, directory, doors):
        self._directory = directory
        self._doors = doors
        self._last_port = processes.free_port()
        self._ports = {name: processes.free_port() for name in doors}
        self._server = None
        #: What the servers' certificates are signed by; a client's own.
        self.ca_file, self.client_file, self.client_key_file = (
            os.path.join(directory, name)
            for name in ('ca.pem', 'client.pem', 'client-key.pem'))

    def __enter__(self):
        os.makedirs(self._directory)
        certificates(self._directory)
        config_file = os.path.join(self._directory, 'haproxy.cfg')
        with open(config_file, 'w') as config:
            config.write(_CONF % {'host': processes.HOST,
                                  'port': self._last_port})
            for name, (target_port, tls) in self._doors.items():
                config.write(_DOOR % {
                    'name': name, 'port': self._ports[name],
                    'host': processes.HOST, 'target_port': target_port,
                    'tls': _TLS[tls]})
        self._server = processes.Server(
            'haproxy', [environments.program('debian', 'haproxy'), '-db',
                        '-C', self._directory, '-f', config_file],
            next(iter(self._ports.values())),
            os.path.join(self._directory, 'haproxy.log'))
        processes.start_all([self._server])
        return self

    def __exit__(self, *exception):
        self._server.stop()

    def url(self, door):
        """Return the URL of a door, without a path."""
        tls = self._doors[door][1] != 'none'
        return 'http%s://localhost:%d' % ('s' if tls else '',
                                          self._ports[door])

    def requests(self, door):
        """Return the Requests that came by a door, in order of their ends.

        All that have been answered.
        """
        # There is one thread: when its log has this, it has all before it.
        last = '/' + uuid.uuid4().hex
        urllib.request.urlopen('http://%s:%d%s' % (
            processes.HOST, self._last_port, last)).close()

        def logged():
            with open(self._server.log, errors='replace') as log:
                lines = [line.split() for line in log]
            return ['last', 'GET', last, '200'] in lines and lines
        lines = processes.until(logged)
        return [Request(*line[1:4]) for line in lines
                if len(line) == 4 and line[0].rstrip('~') == door]
