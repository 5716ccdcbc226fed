"""What the driver adds to the registry's HTTP API; an entry point.

Answers 503 while Swift is away, shows health and metrics, gives the storage a
Request for each HTTP request about an image, and puts replaced.py in place.
The registry imports this module, as it does all extensions, before its
application has routes; importing it does nothing unless the storage is swift.

Source: docker_registry/extensions/factory.py, docker_registry/wsgi.py of
    docker-registry 0.9.1
"""

from concurrent import futures
import functools
import json
import logging
import re

import flask

from docker_registry.lib import config

from . import hangups
from . import replaced
from . import request as image_request
from . import request_body
from .. import compat
from .. import errors
from .. import lingering
from ..monitoring import health
from ..monitoring import metrics
from ..objects import hashing
from ..v2 import engines
from ..v2 import settings as v2_settings

_TAGS_AT_ONCE = 16

#: The registry's functions that remove tags, and all that look at them.
_REMOVALS = ('_delete_tag', 'delete_repository')
_OF_TAGS = _REMOVALS + ('_get_tags', 'get_tag', 'get_repository_images',
                        'get_repository_tag_json')

#: Others the registry refuses.
_IMAGE_ID = re.compile('[0-9a-f]+$')

logger = logging.getLogger(__name__)


class Extension(object):

    """Add routes and handlers to the registry's application.

    :param app: the flask.Flask
    :param toolkit: the module docker_registry.toolkit
    :param storage: the Storage that the registry uses
    :param settings: health.Settings
    :param standalone: whether the registry asks no index
    """

    def __init__(self, app, toolkit, storage, settings, standalone):
        self._toolkit = toolkit
        self._storage = storage
        self._standalone = standalone
        self._v2 = self._adoption = None
        self._health = health.Health(storage.check, settings)
        # The registry gives it a handler of its own, see wsgi.py: what goes on
        # to the root's would come twice.
        app.logger.propagate = False
        app.before_request(self._before_request)
        app.after_request(self._after_request)
        app.teardown_request(lambda error: storage.end())
        app.register_error_handler(errors.SwiftError, self._failed)
        self._hangups = hangups.Hangups(toolkit)
        self._hangups.install(app)
        for prefix in ('', '/v1'):
            app.add_url_rule(prefix + '/_health', 'swift_health',
                             self._show_health)
            app.add_url_rule(prefix + '/_metrics', 'swift_metrics',
                             self._show_metrics)

    def add_v2(self, app, settings, redirects):
        """Answer requests below /v2/ too, but for engines that have v1.

        :param app: the flask.Flask
        :param settings: settings.Settings of the v2 API
        :param redirects: whether clients are sent to Swift: storage_redirect
        """
        # Not sooner: who has no v2 API needs nothing of it.
        from ..v2 import adoption
        from ..v2 import assembly
        self._v2 = assembly.application(
            self._storage.contents, settings, redirects,
            self._health.unavailable, functools.partial(_report_v2, app))
        self._adoption = adoption.in_container(self._storage.settings,
                                               self._storage.container)
        app.wsgi_app = _Mount(app.wsgi_app, self._v2, not settings.readonly)

    def get_tags(self, namespace, repository):
        """Return a repository's tags, as a dict from tag to image id.

        In place of docker_registry.tags.get_tags(), whose greenlets drop
        what they cannot read and leave null.

        :raises errors.ObjectNotFoundError: there is no such repository
        :raises errors.SwiftError: a tag cannot be read. One that has been
            removed since is left out.
        """
        paths = {}
        for path in self._storage.list_directory(
                self._storage.tag_path(namespace, repository)):
            name = path.rsplit('/', 1)[-1]
            if name.startswith('tag_'):
                paths[name[len('tag_'):]] = path
        with futures.ThreadPoolExecutor(_TAGS_AT_ONCE) as executor:
            images = executor.map(self._storage.carry(self._read),
                                  paths.values())
            return {tag: image for tag, image in zip(paths, images)
                    if image is not None}

    def _read(self, path):
        try:
            return self._storage.get_content(path)
        except errors.ObjectNotFoundError:
            return None

    def _before_request(self):
        request = flask.request._get_current_object()
        self._hangups.begin()
        flask.g.tags_of_v2 = []
        image_id = (request.view_args or {}).get('image_id')
        if (image_id and _IMAGE_ID.match(image_id)
                # The answer to that, 304, needs the mark alone.
                and 'If-Modified-Since' not in request.headers):
            reads_layer = (request.endpoint == 'get_image_layer'
                           and 'Range' not in request.headers)
            self._storage.begin(image_request.Request(
                request.endpoint, image_id, lambda: _parent(request.data),
                reads=(self._storage.image_layer_path(image_id)
                       if reads_layer else None),
                asks_index=not self._standalone))
        # A push or a pull that a client has begun is not to fail because a
        # proxy is started again: engines do not repeat a push. Others need
        # not wait for a Swift that has been silent for a while.
        self._storage.wait_for_swift(
            always=request.method == 'PUT' or image_id is not None)
        unavailable = self._health.unavailable()
        for name, value in sorted((request.view_args or {}).items()):
            # core's path helpers fail at it; engines push no such name.
            if isinstance(value, type(u'')) and any(
                    ord(letter) > 126 for letter in value):
                return self._toolkit.api_error(
                    'Invalid %s: not ASCII' % name.replace('_', ' '), 400)
        path = request.path
        # But for /v1/_ping, /v1/_health and /v1/_metrics.
        if unavailable and path.startswith('/v1/') and (
                not path.startswith('/v1/_')):
            return self._toolkit.api_error(
                unavailable, 503, errors.later())
        if self._adoption is not None and request.endpoint in _OF_TAGS:
            self._adoption.refresh(*_repository(request))
            if request.endpoint in _REMOVALS:
                flask.g.tags_of_v2 = self._adoption.seen(*_repository(request))

    def _after_request(self, response):
        # A client that pushes gets its answer when everything is written.
        try:
            self._storage.request.wait_for_write()
            if response.status_code == 200 and flask.g.tags_of_v2:
                self._adoption.remove(flask.g.tags_of_v2)
        except errors.SwiftError as error:
            return self._failed(error)
        return response

    def simple_checksum_handler(self, json_data):
        """Return the digest of a layer that is pushed, and what takes bytes.

        In place of docker_registry.lib.checksums.simple_checksum_handler(),
        whose digest keeps the worker's other clients waiting.

        :param json_data: what the image's json says, bytes
        :returns: hashing.Digest, and a callable of bytes
        """
        digest = hashing.Digest('sha256')
        digest.update(json_data + b'\n')
        # The storage writes the checksum together with the layer.
        self._storage.request.find_checksum = (
            lambda: 'sha256:' + digest.hexdigest())
        return digest, digest.update

    def _failed(self, error):
        status, message, headers = errors.answer_to(error)
        if status >= 500:
            _report(flask.current_app._get_current_object(), status, error)
        else:
            logger.debug('%s', error)
        return self._toolkit.api_error(message, status, headers)

    def _show_health(self):
        report = self._health.report(self._storage.statistics())
        return self._toolkit.response(
            report, 503 if report['state'] == health.UNHEALTHY else 200)

    def _show_metrics(self):
        return flask.Response(
            metrics.text(self._health.finding, self._storage.statistics(),
                         self._v2 and self._v2.answers),
            content_type=metrics.CONTENT_TYPE)


class _Mount(object):

    """Hands requests below /v2/ to the v2 API, all others to the registry.

    :param v1, v2: WSGI applications
    :param takes_pushes: whether v2 does
    """

    def __init__(self, v1, v2, takes_pushes):
        self._v1 = v1
        self._v2 = v2
        self._takes_pushes = takes_pushes

    def __call__(self, environ, start_response):
        path = environ.get('PATH_INFO', '')
        if (path == '/v2' or path.startswith('/v2/')) and not engines.needs_v1(
                environ.get('HTTP_USER_AGENT'), self._takes_pushes):
            return self._v2(environ, start_response)
        return self._v1(environ, start_response)


def _report(app, status, error):
    """Tell an operator of the request that is being answered.

    By the application's logger and signal, as for what Flask itself answers
    with 500: email_exceptions and bugsnag listen there.

    :param app: the flask.Flask
    :param status: what the client is told, an int
    :param error: errors.SwiftError
    """
    app.logger.error('%s %s: %d: %s', flask.request.method,
                     compat.native(flask.request.path), status, error)
    flask.got_request_exception.send(app, exception=error)


def _report_v2(app, request, status, error):
    # Who listens may look at Flask's request.
    with app.request_context(request.environ):
        _report(app, status, error)


def _repository(request):
    """Return namespace, repository and tag that a request is about.

    :returns: a tuple; the tag is None where it is about all

    Source: parse_repository_name() in docker_registry/toolkit.py
    """
    name = compat.native(request.view_args['repository']).rstrip('/')
    namespace, slash, repository = name.partition('/')
    tag = request.view_args.get('tag')
    return ((namespace, repository) if slash else ('library', namespace)) + (
        tag and compat.native(tag),)


def _parent(description):
    """Return the id of the parent that an image's json names, or None."""
    try:
        parent = json.loads(description.decode('utf-8')).get('parent')
    except (AttributeError, ValueError):
        return None  # the registry will say so
    return parent if isinstance(parent, type(u'')) else None


def boot(cfg):
    """Extend the registry, if its storage is swift.

    :param cfg: the registry's configuration
    :raises errors.ConfigError: says everything that
        is wrong with `extensions: swift_health:` or `swift_v2:`
    """
    if str(cfg.storage).lower() != 'swift':
        return
    settings = health.parse(cfg.extensions)
    v2 = v2_settings.parse(cfg.extensions)
    # Not sooner: of a registry with other storage nothing is imported here.
    from docker_registry import storage
    from docker_registry import toolkit
    from docker_registry.app import app
    swift = storage.load()
    extension = Extension(app, toolkit, swift, settings, cfg.standalone)
    replaced.install(app, toolkit, swift, extension, cfg.storage_redirect)
    unguarded = v2.enabled and v2_settings.unguarded(v2, cfg)
    if unguarded:
        logger.error('there is no v2 API: %s; or swift_v2: enabled: false',
                     unguarded)
    elif v2.enabled:
        extension.add_v2(app, v2, cfg.storage_redirect)
    app.wsgi_app = request_body.widening(lingering.Lingering(app.wsgi_app))


boot(config.load())
