import pytest

from docker_registry.core import exceptions
from docker_registry.drivers.swift import errors


@pytest.mark.parametrize('status, kind', [
    (401, errors.AccessDeniedError),
    (403, errors.AccessDeniedError),
    (404, exceptions.FileNotFoundError),
    (409, errors.SwiftError),
    (413, errors.SwiftError),
    (422, exceptions.BrokenError),
    (503, errors.SwiftError),
    (507, errors.SwiftError),
])
def test_status_to_error(status, kind):
    error = errors.from_status('GET a/b', 'a/b', status, 'tx1')
    assert isinstance(error, kind)
    assert isinstance(error, IOError)
    assert isinstance(error, exceptions.UnspecifiedError)
    assert (isinstance(error, exceptions.FileNotFoundError)
            == (status == 404))
    assert (error.object_name, error.status, error.transaction_id) == (
        'a/b', status, 'tx1')
    assert 'GET a/b' in str(error)
    assert 'status %d, transaction tx1' % status in str(error)
    assert error.message == str(error)


def test_unreachable_is_an_ioerror_and_cores():
    error = errors.unreachable('GET a', ValueError('refused'), 'a')
    assert isinstance(error, IOError)
    assert isinstance(error, exceptions.UnreachableError)
    assert str(error) == 'GET a: no answer: refused'
    assert error.status is None


def test_the_innermost_cause_is_named(make_storage):
    # Nothing listens on the discard port.
    storage = make_storage(
        swift_object_storage_url='http://127.0.0.1:9/v1/AUTH_test',
        swift_retries=0)
    with pytest.raises(IOError) as caught:
        storage.exists('a')
    message = str(caught.value)
    assert message.startswith('HEAD registry/a at 127.0.0.1:9: no answer: ')
    assert 'Connection refused' in message
    assert 'Max retries' not in message
    assert 'object at' not in message


def test_credentials_of_a_proxy_are_not_shown():
    error = errors.unreachable('GET a', ValueError(
        'Failed to parse: http://user:se/cret@proxy:3128'))
    assert 'Failed to parse: http://proxy:3128' in str(error)


def test_message_is_native_text():
    assert str(errors.SwiftError(u'GET b\xfccher')).startswith('GET b')


def test_cause_without_text_is_named():
    assert 'KeyError' in str(errors.unreachable('GET a', KeyError()))


@pytest.mark.parametrize('status, transient', [
    (400, False), (401, False), (403, False), (404, False), (408, True),
    (413, False), (429, True), (498, True), (500, True), (503, True),
    (507, False)])
def test_transient(status, transient):
    assert errors.is_transient(
        errors.from_status('GET a', 'a', status)) is transient


def test_retry_after():
    error = errors.from_status('PUT a', 'a', 503, None, {'retry-after': '7'})
    assert error.retry_after_seconds == 7
    assert errors.from_status(
        'PUT a', 'a', 503, None, {}).retry_after_seconds is None
