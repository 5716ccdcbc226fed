"""Lists what a container has, page by page."""

import calendar
import time

from swiftclient import client

from . import answers
from .. import compat
from .. import errors


def entries(requests, container, page_entries, note_headers, prefix,
            delimiter=None):
    """Yield what the listing of a container says of each name.

    Asks for a page when it is needed, and holds one at a time.

    :param requests: retry.Requests
    :param container: name of the container; one that is not there is empty
    :param page_entries: see capabilities.Capabilities
    :param note_headers: called with the headers of each answer
    :param prefix, delimiter: as for Container.list()
    :returns: iterator over dicts, as for Container.list()
    :raises errors.SwiftError: it cannot be listed
    """
    marker = ''
    limit = page_entries
    while True:
        try:
            headers, page = _page(requests, container, prefix, delimiter,
                                  marker, limit)
        except errors.ObjectExistsError:
            if limit is None:
                raise
            # More than the cluster gives since its limit was lowered.
            limit = None
            continue
        if headers:
            note_headers(headers)
        for entry in page:
            marker = compat.native(entry.get('name') or entry['subdir'])
            yield dict(entry, name=marker)
        if not page or limit and len(page) < limit:
            return


def _page(requests, container, prefix, delimiter, marker, limit):
    action = 'GET container ' + container

    def ask(connection):
        try:
            headers, page = client.get_container(
                connection.storage_url, connection.grant.token, container,
                prefix=prefix, delimiter=delimiter, marker=marker,
                limit=limit, http_conn=connection.http)
        except ValueError:  # neither JSON nor empty
            headers, page = {}, None
        return answers.expect_header(
            connection, action, None, headers, answers.CONTAINER_HEADER), page
    try:
        return requests.send(action, None, ask)
    except errors.ObjectNotFoundError:  # no container yet: nothing in it
        return {}, []


def written_at(entry):
    """Return when an object was written, as its listing has it.

    :param entry: one of entries(), of an object
    :returns: Unix time in seconds by Swift's clock, a float
    """
    # Swift gives UTC, with or without fractions of a second.
    seconds, _, fraction = entry['last_modified'].rstrip('Z').partition('.')
    return calendar.timegm(time.strptime(
        seconds, '%Y-%m-%dT%H:%M:%S')) + float('0.' + (fraction or '0'))
