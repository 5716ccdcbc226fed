"""Removes many objects, by few requests where the cluster can.

Source: swift/common/middleware/bulk.py
"""

import json
import logging

from swiftclient import client

from . import answers
from . import expect
from .. import compat
from .. import errors

logger = logging.getLogger(__name__)


class BulkDelete(object):

    """Removes objects of one container.

    :param requests: retry.Requests
    :param container: name of the container
    """

    def __init__(self, requests, container):
        self._requests = requests
        self._container = container

    def delete_all(self, object_names, max_deletes, delete):
        """Remove objects; those that are not there are fine.

        Tries all before it raises for those that are left, unless Swift does
        not answer: waiting for each of them would take long.

        :param object_names: iterable of names
        :param max_deletes: how many the cluster takes in one request, 0 where
            it has no bulk delete
        :param delete: callable that removes the one object that it is given
            the name of, by a request of its own
        :raises errors.SwiftError: the first of the failures
        """
        failure = None
        for batch in compat.batched(object_names, max_deletes or 1):
            if len(batch) > 1:
                batch = self._send(batch)
            for name in batch:
                try:
                    delete(name)
                except errors.ObjectNotFoundError:
                    pass  # the listing lags behind, or somebody was faster
                except errors.UnreachableError:
                    raise
                except errors.SwiftError as error:
                    failure = failure or error
        if failure:
            raise failure

    def delete_one(self, connection, object_name):
        """Remove one object, whose name is sent when Swift asks for it.

        :param connection: Connection to send the request on
        :raises client.ClientException: as client.delete_object() does
        """
        action = 'DELETE ' + object_name
        headers, result = self._post(connection, [self._path(object_name)])
        try:
            deleted, not_found, failed, status = _outcome(result)
            status = int((failed[0][1] if failed else status)[:3])
        except ValueError:
            raise answers.not_swift(connection, action, object_name)
        if not deleted:
            error = client.ClientException(
                action, http_status=404 if not_found else status,
                http_response_headers=headers)
            # swiftclient looks for it by a name that these have not.
            error.transaction_id = headers.get('x-trans-id')
            raise error

    def _send(self, names):
        """Remove objects in one request; return those that may be left.

        The answer is 200 whatever happens; its body has what became of each.
        """
        paths = {self._path(name): name for name in names}
        try:
            _, result = self._requests.send(
                'POST %d objects to delete' % len(names), None,
                lambda connection: self._post(connection, paths))
        except errors.UnreachableError:
            raise
        except errors.SwiftError as error:
            logger.warning('%s; deleting one by one', error)
            return names
        try:
            deleted, not_found, failed, _ = _outcome(result)
            if deleted + not_found + len(failed) == len(names):
                return [paths[path] for path, _ in failed]
        except (KeyError, ValueError):
            pass
        logger.warning('bulk delete has not said what became of each object; '
                       'deleting one by one')
        return names

    def _path(self, object_name):
        return client.quote('/%s/%s' % (self._container, object_name))

    @staticmethod
    def _post(connection, paths):
        answer = client.post_account(
            connection.storage_url, connection.grant.token,
            # A proxy that hangs, and goes on later, removes nothing then.
            dict(expect.HEADERS, **{'Content-Type': 'text/plain',
                                    'Accept': 'application/json'}),
            http_conn=connection.http, query_string='bulk-delete',
            data='\n'.join(paths))
        answers.expect_status(connection, 'POST bulk-delete', None, 200)
        return answer


def _outcome(result):
    """Return what an answer to a bulk delete says.

    :param result: its body, bytes
    :returns: how many objects were removed; how many were not there; list of
        (path, status as text) of those that are left; and a status as text
        that is about the whole request
    :raises ValueError: it says something else
    """
    try:
        answer = json.loads(result.decode('utf-8'))
        return (int(answer['Number Deleted']), int(answer['Number Not Found']),
                [(path, str(status)) for path, status in answer['Errors']],
                str(answer['Response Status']))
    except (KeyError, TypeError):
        raise ValueError('no answer to a bulk delete')
