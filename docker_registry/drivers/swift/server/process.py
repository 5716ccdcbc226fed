"""Runs a WSGI application in gunicorn, with threads.

Knows gunicorn and TLS; knows nothing of what is served.
"""

import collections
import logging
import os
import socket
import ssl
import sys

from gunicorn.app import base

from .. import errors

#: Of each worker. Most wait for Swift or for clients, which may be slow, and
#: one is made when it is needed; requests to Swift have swift_connections.
_THREADS = 256
#: Clients keep their connections from one request to the next, and do not
#: send a PATCH again when one has been closed meanwhile.
_KEEPALIVE_SECONDS = 75
#: A worker that has not even looked for connections is started again.
_TIMEOUT_SECONDS = 120
_LINE_BYTES = 8190
#: When a client that says nothing is asked whether it is there; as registry:2.
_SILENT_SECONDS = 180

#: Where to listen, and how. host: text; port: int; workers: how many
#: processes; grace_seconds: for how long requests in flight may go on when the
#: server is stopped; tls: Tls, or None; level: of the log, such as "info";
#: logs_access: whether it has a line for each request.
Options = collections.namedtuple(
    'Options', 'host port workers grace_seconds tls level logs_access')
#: certificate, key: paths of files, which are read for each connection, so
#: that they may be renewed; the key is None if it is in the same file.
#: client_cas: files with what clients' certificates are signed by, where they
#: must have some; minimum: the least version, such as "TLSv1_2".
Tls = collections.namedtuple('Tls', 'certificate key client_cas minimum')

logger = logging.getLogger(__name__)


def default_workers():
    """Return one for each processor that this process may use, at least 2."""
    try:
        return max(2, len(os.sched_getaffinity(0)))
    except AttributeError:  # not Linux
        return max(2, os.cpu_count() or 0)


def run(application, options):
    """Serve until SIGTERM; it ends the process.

    :param application: WSGI application; it is used in forked processes
    :param options: Options
    :raises errors.ConfigError: the files of TLS cannot be used
    """
    host = '[%s]' % options.host if ':' in options.host else options.host
    chosen = {
        'bind': '%s:%d' % (host, options.port),
        'worker_class': 'gthread',
        'workers': options.workers,
        'threads': _THREADS,
        'keepalive': _KEEPALIVE_SECONDS,
        'timeout': _TIMEOUT_SECONDS,
        'graceful_timeout': options.grace_seconds,
        'limit_request_line': _LINE_BYTES,
        'when_ready': _ask_silent_clients,
        'loglevel': options.level,
        'accesslog': '-' if options.logs_access else None,
    }
    if options.tls:
        chosen.update(
            certfile=options.tls.certificate, keyfile=options.tls.key,
            ssl_context=_contexts(options.tls))
    parent = os.getpid()
    try:
        _Gunicorn(application, chosen).run()
    except SystemExit as end:
        # Of an address that it cannot have, say. 1 is of commands that find
        # something.
        if end.code == 1 and os.getpid() == parent:
            sys.exit(2)
        raise


def _contexts(tls):
    """Return what gives gunicorn the context of each connection.

    :raises errors.ConfigError: the files cannot be used. When they are renewed
        this may be so for a moment: the context before goes on.
    """
    latest = [_context(tls)]

    def renewed(config, default):
        try:
            latest[0] = _context(tls)
        except errors.ConfigError as error:
            logger.error('%s; going on with what was there before', error)
        return latest[0]
    return renewed


def _context(tls):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion[tls.minimum]
    path = tls.certificate
    try:
        # It does not ask a terminal for the password of a key.
        context.load_cert_chain(tls.certificate, tls.key, password='')
        for path in tls.client_cas:
            context.load_verify_locations(path)
    except (OSError, ValueError) as error:
        if path == tls.certificate and tls.key:
            path += ' and ' + tls.key
        raise errors.ConfigError('TLS: %s: %s' % (path, error))
    if tls.client_cas:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _ask_silent_clients(arbiter):
    """Have the system find out which clients are gone without a word.

    A thread would wait for each for ever. Connections have from the socket
    that they come to what is set here.
    """
    for listener in arbiter.LISTENERS:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, 'TCP_KEEPIDLE'):  # not everywhere
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE,
                                     _SILENT_SECONDS)


class _Gunicorn(base.BaseApplication):

    """gunicorn with options that do not come from its command line."""

    def __init__(self, application, options):
        self._application = application
        self._options = options
        super(_Gunicorn, self).__init__()

    def load_config(self):
        for name, value in self._options.items():
            self.cfg.set(name, value)
        # A socket in the user's home by which it can be told what to do;
        # older versions have none.
        if 'control_socket_disable' in self.cfg.settings:
            self.cfg.set('control_socket_disable', True)

    def load(self):
        return self._application
