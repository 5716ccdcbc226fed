"""swift_cacert, with a certificate that was made for this test."""

import subprocess

import pytest
import relay

from docker_registry.core import exceptions


@pytest.fixture(scope='module')
def certificate(tmpdir_factory):
    """Path of a file with a certificate for localhost and its key."""
    directory = tmpdir_factory.mktemp('tls')
    key, pem = directory.join('key.pem'), directory.join('both.pem')
    made = subprocess.check_output(
        ['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days',
         '1', '-subj', '/CN=localhost', '-addext',
         'subjectAltName=DNS:localhost', '-keyout', str(key)],
        stderr=subprocess.STDOUT)
    start = made.index(b'-----BEGIN CERTIFICATE')
    pem.write_binary(made[start:] + key.read_binary())
    return str(pem)


@pytest.fixture
def secure(services, certificate, make_storage):
    """Build a storage that reaches Swift and its login over TLS."""
    with relay.Relay(services['port'], certificate) as running:
        def make(asks=True, **settings):
            running.asks = asks
            url = 'https://localhost:%d' % running.port
            return make_storage(
                swift_authurl=url + '/auth/v1.0',
                swift_object_storage_url=url + '/v1/AUTH_test', **settings)
        yield make


def test_certificate_that_is_trusted(secure, certificate):
    storage = secure(swift_cacert=certificate)
    storage.put_content('a', b'1')
    assert storage.get_content('a') == b'1'


def test_certificate_that_is_not(secure):
    with pytest.raises(exceptions.UnreachableError) as caught:
        secure(swift_retries=0).exists('a')
    assert 'certificate verify failed' in str(caught.value).lower()


@pytest.mark.parametrize('asks', [True, False])
def test_body_that_is_asked_for(secure, certificate, asks):
    storage = secure(asks, swift_cacert=certificate)
    for content in (b'1', b'2'):
        storage.put_content('repositories/a/b/tag_c', content)
        assert storage.get_content('repositories/a/b/tag_c') == content
