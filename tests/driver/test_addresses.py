"""URLs of Swift that are nearly right: they work, or it is said why not."""

import io
import json

import pytest
import relay
import yaml

from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift.commands import main


@pytest.mark.parametrize('status', [301, 302, 303, 307, 308])
@pytest.mark.parametrize('act', [
    lambda storage: storage.exists('a'),
    lambda storage: storage.get_content('a'),
    lambda storage: storage.put_content('a', b'1'),
    lambda storage: storage.remove('a'),
    lambda storage: list(storage.list_directory('a'))],
    ids=['HEAD', 'GET', 'PUT', 'DELETE', 'listing'])
def test_redirect(faulty_storage, faults, status, act):
    for method in ('HEAD', 'GET', 'PUT', 'DELETE'):
        faults.inject(relay.status(status, {
            'Location': 'https://me:geheim@swift:443/v1/AUTH_test/c/a'
                        '?temp_url_sig=geheim'}), method, '/v1/', times=9)
    with pytest.raises(errors.SwiftError) as caught:
        act(faulty_storage)
    assert not isinstance(caught.value, errors.ObjectNotFoundError)
    assert 'to https://swift:443/v1/AUTH_test/c/a; see ' in str(caught.value)
    assert 'geheim' not in str(caught.value)
    assert caught.value.see == ('swift_object_storage_url',)
    assert caught.value.status == status


def test_redirect_that_goes_nowhere(faulty_storage, faults):
    faults.inject(relay.status(301), 'HEAD')
    with pytest.raises(errors.SwiftError) as caught:
        faulty_storage.exists('a')
    assert 'to nowhere; see swift_object_storage_url' in str(caught.value)


@pytest.fixture
def failed_step(swift_settings, tmpdir, capsys, faults):
    """Run the check, Swift behind the relay; give the first failed step."""
    def run(url='http://127.0.0.1:%d/v1/AUTH_test', port=faults.port):
        config = tmpdir.join('config.yml')
        config.write(yaml.safe_dump({'dev': dict(
            swift_settings, storage='swift', swift_retries=0,
            swift_object_storage_url=url % port)}))
        assert main.main(['check', '--json', '--config', str(config),
                          '--flavor', 'dev']) == 1
        return next(
            step for step in json.loads(capsys.readouterr()[0])['steps']
            if step['status'] == 'failed')
    return run


@pytest.mark.parametrize('action, part', [
    (relay.status(301, {'Location': 'https://swift/v1/x'}),
     'https://swift/v1/x'),
    (relay.status(400), 'status 400'), (relay.status(405), 'status 405')])
def test_check_of_an_address_that_is_not_swifts(failed_step, faults, action,
                                                part):
    faults.inject(action, 'HEAD')
    step = failed_step()
    assert part in step['detail']
    assert step['see'] == ['swift_object_storage_url']


def test_check_of_what_answers_404_to_all(failed_step, faults):
    faults.inject(relay.answer('', status='404 Gone'), 'HEAD', times=9)
    step = failed_step()
    assert 'not that of Swift' in step['detail']
    assert 'swift_object_storage_url' in step['see']


def test_check_of_https_where_there_is_none(failed_step, services):
    step = failed_step('https://127.0.0.1:%d/v1/AUTH_test', services['port'])
    assert 'http://, not https://' in step['detail']
    assert step['see'] == ['swift_object_storage_url']


@pytest.mark.parametrize('path', ['', '/', '/v1', '/v1/', '//v1//AUTH_test/'])
def test_account_of_the_login_completes_the_url(make_storage, services, path):
    storage = make_storage(swift_object_storage_url=(
        ' http://127.0.0.1:%d%s\n' % (services['port'], path)))
    storage.put_content('a', b'1')
    assert storage.get_content('a') == b'1'
    assert storage._container.storage_url() == (
        'http://127.0.0.1:%d/v1/AUTH_test' % services['port'])


@pytest.mark.parametrize('root, prefix', [
    ('', ''), ('/', ''), ('registry', 'registry/'), ('/registry', 'registry/'),
    ('registry/', 'registry/'), ('//registry', '/registry/'),
    ('registry//', 'registry//'), ('/a//b', 'a//b/'), ('//', '/'),
    (' registry ', ' registry /')])
def test_names_below_a_root_are_those_of_0_2_1(make_storage, root, prefix):
    storage = make_storage(root, swift_segment_size=4)

    def names():
        return [entry['name'] for entry in storage._container.list('')]
    storage.put_content('images/1/json', b'1')
    assert names() == [prefix + 'images/1/json']
    assert storage.get_content('images/1/json') == b'1'
    assert list(storage.list_directory('images')) == ['images/1']
    storage.stream_write('images/1/layer', io.BytesIO(b'0123456789'))
    assert b''.join(storage.stream_read('images/1/layer')) == b'0123456789'
    assert prefix + 'images/1/layer' in names()
    storage.remove('images/1')
    assert names() == []
