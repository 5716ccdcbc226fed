"""What operators of the registry see: start, outage, forks, many clients."""

import os
import re
import subprocess

import pytest

from stack import environments
from stack.clients import load
from stack.clients import v1client
from stack.servers import processes
from stack.servers import registry
from stack.servers import swift

#: As tempauth makes them: with and without compression.
_TOKEN = re.compile('AUTH_z?f?tk')


def test_many_clients(cluster, start_registry):
    server = start_registry()
    result = load.run([server.port], clients=32, images=200,
                      layer_bytes=300000)
    assert result.failures == []
    assert result.corrupt == []
    assert (result.pushed, result.pulled) == (200, 200)


@pytest.mark.parametrize('options', [(), ('--preload',)])
def test_workers_that_are_forked_and_replaced(start_registry, options):
    # A worker lives for 100 requests: all are replaced a few times.
    server = start_registry(options=options)
    result = load.run([server.port], clients=16, images=40, layer_bytes=50000)
    assert result.failures == []
    assert (result.pulled, result.corrupt) == (40, [])


def test_three_storage_nodes(directory, start_registry):
    with swift.Swift(str(directory / 'three'), nodes=3) as cluster:
        client = v1client.V1Client(start_registry(cluster.settings()).port)
        image = v1client.make_image(layer_bytes=300000)
        client.push('library/demo', [image])
        # Two of three replicas are enough to read.
        cluster.storage[0]['object'].stop()
        assert client.pull('library/demo') == [image]


def test_wrong_configuration_stops_the_registry(directory, cluster):
    server = registry.Registry(str(directory), dict(
        cluster.settings(), swift_regoin_name='north', swift_retries='many'))
    with pytest.raises(processes.ServerError) as caught:
        server.__enter__()
    assert 'swift_regoin_name: unknown; did you mean swift_region_name?' in \
        str(caught.value)
    assert 'swift_retries: not a whole number' in str(caught.value)


_SAMPLE = os.path.join(environments.PROJECT, 'config_sample.yml')
_LOGINS = {
    'v2': 'password',
    'keystone': 'password', 'keystone_ids': 'password',
    'keystone_0_2_1': 'password', 'trust': 'password',
    'service_user': 'password', 'redirect': 'password',
    'health': 'password', 'special': 'password',
    'dev': 'password', 'prod': 'password', 'v1': 'v1', 'token': 'token',
    'application_credential': 'application_credential_id',
    'application_credential_by_name': 'application_credential_name',
    'tls': 'application_credential_id'}


def test_every_sample_is_tested():
    with open(_SAMPLE) as sample:
        flavors = re.findall(r'^(\w+):', sample.read(), re.MULTILINE)
    assert sorted(flavors) == sorted(['common'] + list(_LOGINS))


@pytest.mark.parametrize('flavor', _LOGINS)
def test_sample_configuration(flavor):
    variables = {
        name: '12345' for name in (
            'ST_KEY', 'OS_USERNAME', 'OS_USER_ID', 'OS_PASSWORD',
            'OS_PROJECT_NAME', 'OS_PROJECT_ID', 'OS_TRUST_ID',
            'OS_APPLICATION_CREDENTIAL_ID', 'OS_APPLICATION_CREDENTIAL_NAME',
            'OS_APPLICATION_CREDENTIAL_SECRET', 'OS_AUTH_TOKEN',
            'SWIFT_SERVICE_USER', 'SWIFT_SERVICE_PASSWORD')}
    output = subprocess.check_output(
        [environments.build('registry'), '-c',
         'from docker_registry import storage\n'
         'settings = storage.load().settings\n'
         'print(settings.container, settings.login)'], text=True,
        env=dict(os.environ, SETTINGS_FLAVOR=flavor,
                 DOCKER_REGISTRY_CONFIG=_SAMPLE,
                 ST_AUTH='http://swift.example.com/auth/v1.0',
                 ST_USER='test:tester', OS_CERT='/etc/registry.pem',
                 OS_KEY='/etc/registry-key.pem',
                 OS_STORAGE_URL='https://swift.example.com/v1/AUTH_12345',
                 SWIFT_PUBLIC_URL='https://images.example.com',
                 OS_AUTH_URL='https://keystone.example.com:5000',
                 OS_CONTAINER='registry-images', **variables))
    assert output.splitlines()[-1] == str(('registry-images', _LOGINS[flavor]))


def test_log_has_no_secrets_and_no_tracebacks_of_404s(
        cluster, start_registry):
    server = start_registry({'loglevel': 'debug'})
    client = v1client.V1Client(server.port)
    client.push('library/demo', [v1client.make_image()])
    assert client.request(
        'GET', '/v1/images/%s/json' % ('a' * 64)).status == 404
    processes.until(
        lambda: 'DEBUG: HEAD registry/images/' in server.log())
    log = server.log()
    assert 'Traceback' not in log
    assert 'ERROR' not in log
    assert server.settings['swift_password'] not in log
    assert not _TOKEN.search(log)
    assert _TOKEN.search(cluster.token())


def test_12000_names(cluster, start_registry):
    server = start_registry()
    client = v1client.V1Client(server.port)
    image = v1client.make_image()
    client.push('library/many', [image])
    cluster.add_names(server.settings['swift_container'],
                      'registry/repositories/library/', 12000)
    python = environments.build('registry')
    output = subprocess.check_output([python, '-c', '''
from docker_registry.drivers.swift import Storage
from docker_registry.lib.config import Config
storage = Storage('/registry', Config(dict(%r)))
print(sum(1 for _ in storage.list_directory('repositories/library')))
''' % server.settings], text=True)
    assert output.split() == ['12001']
