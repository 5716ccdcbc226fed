"""Puts the v2 API of a container together."""

from . import api
from . import push_api
from . import repositories


def application(found, settings, redirects, unavailable, report=None):
    """Return the v2 API of a container.

    :param found: contents.Contents
    :param settings: settings.Settings of the v2 API
    :param redirects: whether clients are sent to Swift for blobs:
        storage_redirect
    :param unavailable: callable that returns why no request can be answered
        at all, as text, or None
    :param report: as for api.Application
    :returns: api.Application
    """
    values, swift_container = found.settings, found.waiting_container()
    readable = repositories.in_container(values, swift_container)
    impatient = repositories.in_container(values, found.container)

    def lists():
        # What a client needs that pushes or pulls waits for Swift. Lists are
        # asked for by others, who would hold a thread each.
        return (impatient if found.connections.statistics()['silent']
                else readable)
    pushes = None
    if not settings.readonly:
        pushes = push_api.in_container(values, swift_container, readable,
                                       settings.deletes)
    return api.Application(readable, redirects, settings.realm,
                           settings.users, unavailable, pushes, report, lists)
