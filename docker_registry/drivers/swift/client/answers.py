"""Tells an answer of Swift from one that something else gives in its place.

Knows what Swift's API promises of an answer; knows nothing of requests.

Source: https://docs.openstack.org/api-ref/object-store/
"""

from .. import errors

#: With each answer about an object, or about a container.
OBJECT_HEADER = 'x-timestamp'
CONTAINER_HEADER = 'x-container-object-count'
#: With each answer to COPY.
COPY_HEADER = 'x-copied-from'


def expect_header(connection, action, object_name, headers, expected):
    """Return the headers of an answer that has one which Swift always gives.

    :param connection: Connection that the request was sent on
    :param action: what was tried, for the message
    :param object_name: name of the object, None for other requests
    :param headers: of the answer, a dict with lower-case names
    :param expected: name of the header
    :raises errors.NotSwiftError: it is not there
    """
    if expected not in headers:
        raise not_swift(connection, action, object_name)
    return headers


def expect_status(connection, action, object_name, *statuses):
    """Raise errors.NotSwiftError unless the last answer has one of these.

    Whatever else is a success to HTTP may be a page that knows nothing of
    objects, as may an answer without the transaction id that Swift gives each.

    :param connection, action, object_name: as for expect_header()
    """
    answer = connection.answer()
    if answer.status not in statuses or not answer.transaction_id:
        raise not_swift(connection, action, object_name)


def not_swift(connection, action, object_name=None):
    """Return the errors.NotSwiftError for the last answer.

    :param connection, action, object_name: as for expect_header()
    """
    answer = connection.answer()
    return errors.not_swift(action, answer.status, object_name,
                            answer.transaction_id)
