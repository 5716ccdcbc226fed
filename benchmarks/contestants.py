"""Who is measured: each behind the same few attributes."""

from stack.servers import registry
from stack.servers import registry2

from . import engines

_TEMP_URL_KEY = 'a-key-for-temporary-urls'
#: As README.rst advises, for both drivers of the old registry.
GUNICORN_OPTIONS = ('--max-requests', '10000')


class Contestant:

    """One that does the works.

    :ivar name: what tables and charts call it
    :ivar environment: of stack/environments, whose Python has its driver;
        None where it cannot be used without a registry
    :ivar engine: class of the client for its registry
    """

    def __init__(self, name, environment=None, engine=None):
        self.name = name
        self.environment = environment
        self.engine = engine

    def registry(self, directory, settings, workers=2, redirect=False,
                 cache=None):
        """Return its registry, a context manager with a port and a server.

        :param settings: of this driver; for another they are translated
        :param workers: processes, where it has several
        :param redirect: whether pulls are sent to Swift
        :param cache: redis.Redis for small contents, or None
        """
        raise NotImplementedError


class _V1(Contestant):

    def registry(self, directory, settings, workers=2, redirect=False,
                 cache=None):
        settings = dict(settings)
        if redirect:
            settings['storage_redirect'] = True
            if self is THIS:  # 0.2.1 sends clients to an unsigned URL
                settings['swift_temp_url_key'] = _TEMP_URL_KEY
        if cache:
            settings['cache_lru'] = {'host': '127.0.0.1',
                                     'port': cache.server.port, 'db': 0,
                                     'password': None}
        return registry.Registry(directory, settings, self.environment,
                                 workers, GUNICORN_OPTIONS)


class _Registry2(Contestant):

    def registry(self, directory, settings, workers=2, redirect=False):
        return registry2.Registry2(directory, settings,
                                   _TEMP_URL_KEY if redirect else None)


class _Converted(_V1):

    def registry(self, directory, settings, **options):
        return super().registry(directory, dict(
            settings, extensions={'swift_v2': {'enabled': True}}), **options)


THIS = _V1('this driver', 'registry', engines.V1)
#: The same name: it is another client that pulls.
THIS_V2 = _Converted(THIS.name, 'registry', engines.Converted)
V0_2_1 = _V1('0.2.1', 'legacy', engines.V1)
REGISTRY_2 = _Registry2('registry:2', engine=engines.V2)
#: What the network and Swift give at most: curl for large objects, and
#: swiftclient's functions on one connection for small ones.
RAW = Contestant('curl/swiftclient', 'registry')

REGISTRIES = (THIS, V0_2_1, REGISTRY_2)


def allow_redirects(cluster):
    """Give Swift's account the key that signs TempURLs."""
    cluster.request('POST', '', {
        'X-Account-Meta-Temp-URL-Key': _TEMP_URL_KEY})
