"""No secret in what the driver logs and raises, in any of the tests here."""

import pytest


@pytest.fixture
def token(storage):
    return storage._container._pool._process.login.grant(10).token


def test_search_finds_what_it_looks_for(overheard, secret_of, token):
    for leak in (secret_of('somebody'), token,
                 '/v1/a/c/o?temp_url_sig=1&temp_url_expires=2'):
        assert overheard.leaks('one\nof %s three\n' % leak) == [
            'of %s three' % leak]


def test_no_secret_in_logs_and_exceptions(storage, make_storage, overheard,
                                          secret_of):
    storage.put_content('a', b'1')
    with pytest.raises(IOError):
        make_storage(swift_password=secret_of('nobody')).exists('a')
    text = overheard.text()
    # It does listen, at DEBUG, to requests, logins and exceptions.
    assert 'PUT registry/a' in text
    assert 'login at http' in text
    assert 'raised: ' in text
    assert overheard.leaks(text) == []
