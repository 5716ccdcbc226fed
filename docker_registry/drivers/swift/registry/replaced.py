"""What is replaced inside docker-registry 0.9.1 and its gunicorn, and why.

==================================  =========================================
In the registry                     Why
==================================  =========================================
tags.get_tags                       drops what it cannot read and leaves
                                    null: an outage looks like an empty tag
tags.delete_tag                     404 for a tag without a json, which it has
                                    just removed
tags.delete_repository (the view)   404 for a repository with nothing but
                                    tags, which it has just removed
images._get_image_layer             wrong arithmetic of ranges
lib.checksums.                      its digest keeps the worker's other
simple_checksum_handler             clients waiting
lib.mirroring.lookup_source         takes a body that breaks off for a whole
                                    one, and a page for the json of an image
lib.mirroring.                      stores a layer of which nobody knows
_handle_mirrored_layer              whether it is whole
lib.cache.redis_conn, also of       has no timeout; a Redis that takes no
lib.layers.diff_queue               writes fails pushes
lib.index.load                      its search index keeps the registry from
                                    starting while Swift is away
gunicorn's AsyncWorker.handle       a worker that is replaced drops clients
and StreamServer
gunicorn's Body                     is read in small steps; replaced for each
                                    request, see request_body.py
==================================  =========================================

tests/registry/test_replaced.py notices when the code of the registry or of
gunicorn (19.1.1) is another than this was written for.
"""

from . import byte_range
from . import deletion
from . import mirror
from . import restarts
from . import search_index
from . import tags_cache


def install(app, toolkit, storage, extension, redirects):
    """Replace all of it; to be called once, before the first request.

    :param app: the flask.Flask
    :param toolkit: the module docker_registry.toolkit
    :param storage: the Storage that the registry uses
    :param extension: the Extension, for get_tags() and
        simple_checksum_handler()
    :param redirects: whether clients are sent to Swift: storage_redirect
    """
    # Not sooner: of a registry with other storage nothing is imported here.
    from docker_registry import images
    from docker_registry import tags
    from docker_registry.lib import cache
    from docker_registry.lib import checksums
    from docker_registry.lib import index
    from docker_registry.lib import layers
    from docker_registry.lib import mirroring
    from docker_registry.lib import signals
    tags.get_tags = extension.get_tags
    removals = deletion.Deletion(storage, tags, toolkit, signals)
    tags.delete_tag = removals.delete_tag
    app.view_functions['delete_repository'] = toolkit.parse_repository_name(
        toolkit.requires_auth(removals.delete_repository))
    images._get_image_layer = byte_range.Layers(storage, redirects).answer
    checksums.simple_checksum_handler = extension.simple_checksum_handler
    cache.redis_conn = layers.diff_queue.redis = tags_cache.client(
        cache.redis_conn)
    index.load = search_index.loading(index.load, storage)
    mirroring.lookup_source = mirror.checking(mirroring.lookup_source)
    mirroring._handle_mirrored_layer = mirror.storing(
        mirroring._handle_mirrored_layer)
    restarts.install()
