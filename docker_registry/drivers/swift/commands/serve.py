"""docker-registry-swift serve: the v2 API without the legacy registry."""

import logging
import socket

from . import opened
from .. import compat
from .. import contents
from .. import errors
from .. import lingering
from ..config import files
from ..config import registry2
from ..config import settings
from ..monitoring import health
from ..v2 import settings as v2_settings

#: What main.py shows of this command.
HELP = 'answer clients of the v2 API, on Python 3, without the registry'
DESCRIPTION = '''\
Answers the v2 API on the registry's container, by the registry's
configuration or one of registry:2. What options say counts. On SIGTERM it
stops, as soon as requests in flight are answered.'''

_LEVELS = ('debug', 'info', 'warning', 'error', 'critical')
_LOG = '%(asctime)s [%(process)d] [%(levelname)s] %(message)s'
_PORT, _GRACE_SECONDS = 5000, 300

logger = logging.getLogger(__name__)


def add_options(parser):
    """Add the options of this command to its argparse.ArgumentParser."""
    parser.add_argument('--host', metavar='ADDRESS',
                        help='address to listen at (default: all)')
    parser.add_argument(
        '--port', type=opened.number(65535), metavar='PORT',
        help='port to listen at (default: %d)' % _PORT)
    parser.add_argument('--certificate', metavar='FILE',
                        help='certificate of a server that speaks TLS')
    parser.add_argument('--key', metavar='FILE',
                        help='its key, if it is not in the same file')
    parser.add_argument(
        '--workers', type=opened.number(64), metavar='N',
        help='how many processes (default: one for each processor, at least '
        '2)')
    parser.add_argument(
        '--grace', type=opened.number(86400), metavar='SECONDS',
        help='for how long requests in flight may go on after SIGTERM '
        '(default: %d)' % _GRACE_SECONDS)


def run(options):
    """Serve until it is stopped; it ends the process.

    :raises errors.ConfigError: it cannot be served so
    """
    if compat.PY2:
        raise errors.ConfigError(
            'it needs Python 3.8 or later. On Python 2.7 the registry itself '
            'answers the v2 API; see extensions: swift_v2: in docs/v2.rst')
    try:
        from ..server import application
        from ..server import process
    except ImportError as error:
        raise errors.ConfigError(
            "%s; it needs more than the driver: pip install "
            "'docker-registry-driver-swift[serve]'" % error)
    config = files.read(options.config, options.flavor)
    http, notes = registry2.defaults(), []
    if isinstance(config, registry2.Registry2):
        http, notes = config.http, config.notes
    if str(config.storage).lower() != 'swift':
        raise errors.ConfigError('storage is %s, not swift' % config.storage)
    level = str(config.loglevel or 'info').lower()
    if level not in _LEVELS:
        raise errors.ConfigError('loglevel: not one of ' + ', '.join(_LEVELS))
    if options.certificate:
        http = http._replace(certificate=options.certificate, key=options.key)
    elif options.key:
        raise errors.ConfigError('--certificate: missing, that of --key')
    found = contents.Contents(settings.parse(None, config))
    v2 = v2_settings.parse(config.extensions)
    unguarded = v2_settings.unguarded(v2, config)
    if unguarded:
        raise errors.ConfigError(unguarded)
    served = application.Application(
        found, v2, health.parse(config.extensions), config.storage_redirect,
        http.headers, http.prefix)
    logging.basicConfig(level=level.upper(), format=_LOG)
    for note in notes:
        logger.warning('%s: %s', options.config, note)
    logger.info('container %s, names begin with "%s"; pushes: %s; removal: '
                '%s; users: %s', found.container.name, found.names.prefix(),
                'no' if v2.readonly else 'yes', 'yes' if v2.deletes else 'no',
                'those of htpasswd' if v2.users else 'anybody')
    process.run(lingering.Lingering(served), process.Options(
        (options.host or '').strip('[]') or http.host or _every_address(),
        options.port or http.port or _PORT,
        options.workers or process.default_workers(),
        options.grace or http.grace_seconds or _GRACE_SECONDS,
        http.certificate and process.Tls(
            http.certificate, http.key, http.client_cas, http.minimum_tls),
        level, http.logs_access))


def _every_address():
    """Return what to listen at for clients of IPv4 and of IPv6, as registry:2.
    """
    try:
        with socket.socket(socket.AF_INET6) as probe:
            if not probe.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
                return '::'
    except EnvironmentError:
        pass  # a system without IPv6
    return '0.0.0.0'
