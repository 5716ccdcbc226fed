"""What `docker-registry-swift serve` answers: the v2 API, health and metrics.

A WSGI application. Knows nothing of the server that it runs in.
"""

import json

from werkzeug import wrappers

from ..monitoring import health
from ..monitoring import metrics
from ..v2 import assembly
from ..v2 import engines

_NOT_FOUND = wrappers.Response('Not found\n', 404)


class Application(object):

    """Answers all requests to one address.

    :param found: contents.Contents
    :param v2: settings.Settings of the v2 API
    :param health_settings: health.Settings
    :param redirects: whether clients are sent to Swift for blobs:
        storage_redirect
    :param headers: pairs of name and value that every answer has, too
    :param prefix: path below which everything is, without slashes around it
    """

    def __init__(self, found, v2, health_settings, redirects=False,
                 headers=(), prefix=''):
        self._statistics = found.connections.statistics
        self._health = health.Health(found.container.check, health_settings)
        self._v2 = assembly.application(found, v2, redirects,
                                        self._health.unavailable)
        # Bytes as WSGI has them; registry:2 sends UTF-8.
        self._headers = [(name, value.encode('utf-8').decode('latin-1'))
                         for name, value in headers]
        self._prefix = prefix and '/' + prefix
        self._others = {'/': wrappers.Response}
        for prefix in ('', '/v1'):  # where the legacy registry has them
            self._others[prefix + '/_health'] = self._show_health
            self._others[prefix + '/_metrics'] = self._show_metrics

    def __call__(self, environ, start_response):
        def start(status, headers, *exc_info):
            return start_response(status, headers + self._headers, *exc_info)
        return self._choose(environ)(environ, start)

    def _choose(self, environ):
        path = environ.get('PATH_INFO', '')
        if not path.startswith(self._prefix + '/'):
            return _NOT_FOUND
        path = path[len(self._prefix):]
        environ['SCRIPT_NAME'] = self._prefix
        environ['PATH_INFO'] = path
        if path == '/v2' or path.startswith('/v2/'):
            # Where a proxy hands /v1/ to the legacy registry, they go there.
            if not engines.needs_v1(environ.get('HTTP_USER_AGENT'), True):
                return self._v2
        elif path in self._others:
            self._health.watch()
            return self._others[path]()
        return _NOT_FOUND

    def _show_health(self):
        report = self._health.report(self._statistics())
        return wrappers.Response(
            json.dumps(report, sort_keys=True) + '\n',
            503 if report['state'] == health.UNHEALTHY else 200,
            content_type='application/json')

    def _show_metrics(self):
        return wrappers.Response(
            metrics.text(self._health.finding, self._statistics(),
                         self._v2.answers),
            content_type=metrics.CONTENT_TYPE)
