"""Removes many objects, by few requests where the cluster can.

Source: swift/common/middleware/bulk.py
"""

import itertools
import json
import logging

from swiftclient import client

from . import answers
from . import expect
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
        names = iter(object_names)
        failure = None
        while True:
            batch = list(itertools.islice(names, max_deletes or 1))
            if not batch:
                break
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
        headers, result = self._post(connection, [self._path(object_name)])
        try:
            answer = json.loads(result.decode('utf-8'))
            if answer['Number Deleted'] == 1:
                return
            status = '404' if answer['Number Not Found'] else (
                answer['Errors'][0][1] if answer['Errors']
                else answer['Response Status'])
            status = int(status.split(' ')[0])
        except (KeyError, ValueError):
            raise answers.not_swift(connection, 'DELETE ' + object_name,
                                    object_name)
        raise client.ClientException('DELETE', http_status=status,
                                     http_response_headers=headers)

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
            answer = json.loads(result.decode('utf-8'))
            failed = [path for path, _ in answer['Errors']]
            done = answer['Number Deleted'] + answer['Number Not Found']
            if done + len(failed) == len(names):
                return [paths[path] for path in failed]
        except (KeyError, ValueError):
            pass
        logger.warning('bulk delete has not said what became of each object; '
                       'deleting one by one')
        return names

    def _path(self, object_name):
        return client.quote('/%s/%s' % (self._container, object_name))

    @staticmethod
    def _post(connection, paths):
        return client.post_account(
            connection.storage_url, connection.grant.token,
            # A proxy that hangs, and goes on later, removes nothing then.
            dict(expect.HEADERS, **{'Content-Type': 'text/plain',
                                    'Accept': 'application/json'}),
            http_conn=connection.http, query_string='bulk-delete',
            data='\n'.join(paths))
