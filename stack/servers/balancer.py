"""A real haproxy on loopback, as operators put it before what it balances."""

import collections
import os
import re

from . import processes
from .. import environments

#: Header by which a client gives a request a name, to find it in the log.
REQUEST_ID = 'X-Request-Id'

_CONFIG = '''\
global
    log stdout format raw local0
    maxconn 4096

defaults
    mode http
    log global
    log-format "%%[capture.req.hdr(0)] %%s %%ST %%ts %%Ts.%%ms %%Ta %%rc"
    timeout connect 2s
    timeout check 2s
    # A push is answered when Swift has every byte of the layer.
    timeout client 5m
    timeout server 5m
    # No connection: try again, the first time already on another server.
    retries 3
    option redispatch 1

frontend clients
    bind %(host)s:%(port)d
    http-request capture req.hdr(%(request_id)s) len 64
    default_backend servers

backend servers
    balance leastconn
    # A server is left out after two failed checks, and back after one that
    # succeeds.
    option httpchk GET %(check)s
    http-check expect status 200
    default-server check inter 1s fall 2 rise 1
%(options)s
%(servers)s
'''

#: Before registries. Their workers end after 100 requests each, so that a
#: kept connection may be closed when the next request is sent on it; and a
#: GET that got no byte of an answer may be sent to the other registry, while
#: what has changed something may not.
REGISTRIES = '''\
    option http-server-close
    retry-on conn-failure empty-response
    http-request disable-l7-retry unless { method GET HEAD }
'''
#: Before Swift's proxies: the driver repeats what may be repeated.
PROXIES = ''

#: A request as the log has it. request_id: as the client named it; server:
#: who has answered or broken off; status: what the client was told;
#: termination: haproxy's two letters, "S" first where the server broke off;
#: began_at: Unix time in seconds; seconds: how long it took; tries: how often
#: it was sent again, "+" before it where to another server
Entry = collections.namedtuple(
    'Entry', 'request_id server status termination began_at seconds tries')

_LINE = re.compile(r'^(\S+) (\S+) (-?\d+) (\S\S) (\d+\.\d+) (\d+) (\+?\d+)$',
                   re.MULTILINE)


class Balancer:

    """One haproxy before several servers.

    :param directory: where its configuration and log go
    :param name: what to call it
    :param servers: dict from name to processes.Server
    :param check: path that a server that works answers with 200
    :param options: PROXIES or REGISTRIES
    """

    def __init__(self, directory, name, servers, check, options):
        os.makedirs(directory, exist_ok=True)
        self.port = processes.free_port()
        self.config_file = os.path.join(directory, name + '.cfg')
        with open(self.config_file, 'w') as config_file:
            config_file.write(_CONFIG % {
                'host': processes.HOST, 'port': self.port, 'check': check,
                'request_id': REQUEST_ID, 'options': options.rstrip('\n'),
                'servers': '\n'.join('    server %s %s:%d' % (
                    server_name, processes.HOST, server.port)
                    for server_name, server in servers.items())})
        self.server = processes.Server(
            name, [environments.program('debian', 'haproxy'), '-db', '-f',
                   self.config_file],
            self.port, os.path.join(directory, name + '.log'), ping=check)

    def __enter__(self):
        processes.start_all([self.server])
        return self

    def __exit__(self, *exception):
        self.server.stop()

    def entries(self):
        """Return what the log says of requests so far, a list of Entry."""
        with open(self.server.log, errors='replace') as log:
            return [Entry(request_id, server, int(status), termination,
                          float(began_at), int(milliseconds) / 1000, tries)
                    for request_id, server, status, termination, began_at,
                    milliseconds, tries in _LINE.findall(log.read())]
