"""docker-registry-swift check, against a real Swift."""

import itertools
import json
import os
import subprocess
import sys

import pytest
import relay
import yaml

from docker_registry.drivers.swift.client import container
from docker_registry.drivers.swift.commands import check
from docker_registry.drivers.swift.commands import main
from docker_registry.drivers.swift.config import files

_STEPS = ['settings', 'login', 'container', 'write', 'clock', 'read', 'range',
          'list', 'large object', 'TempURL', 'delete']


@pytest.fixture
def run(swift_settings, tmpdir, capsys):
    """Run the check; give its exit status and its report.

    Settings may be changed; None takes one away.
    """
    def run(*options, **changes):
        path = tmpdir.join('config.yml')
        flavor = dict(swift_settings, storage='swift',
                      storage_path='/registry')
        flavor.update(changes)
        path.write(yaml.safe_dump({'dev': flavor}))
        status = main.main(['check', '--config', str(path), '--flavor', 'dev']
                           + list(options))
        return status, capsys.readouterr()[0]
    return run


def steps(report):
    return {step['name']: step for step in json.loads(report)['steps']}


@pytest.fixture
def failed(run):
    """Run the check; give the first step that failed."""
    def failed(*options, **changes):
        status, report = run('--json', *options, **changes)
        assert (status, json.loads(report)['ok']) == (1, False)
        return next(step for step in json.loads(report)['steps']
                    if step['status'] == 'failed')
    return failed


def test_all_is_well(run):
    status, report = run('--json')
    assert status == 0
    assert [step['name'] for step in json.loads(report)['steps']] == _STEPS
    found = steps(report)
    assert found['TempURL']['status'] == 'skipped'
    assert {step['status'] for step in found.values()} == {'ok', 'skipped'}


def test_variables_that_are_not_set_are_named(run):
    status, report = run('--json', swift_region_name='_env:REGION_NOT_SET',
                         swift_endpoint_type='_env:TYPE_NOT_SET:public',
                         swift_cacert='_env:CA_NOT_SET:')
    assert status == 0
    assert steps(report)['settings']['detail'].endswith(
        '; not set: $CA_NOT_SET of swift_cacert, '
        '$REGION_NOT_SET of swift_region_name')


def test_report_for_people(run):
    status, report = run()
    assert status == 0
    lines = report.splitlines()
    assert [line[9:23].strip() for line in lines] == _STEPS
    assert lines[-1].startswith('ok       delete')


@pytest.mark.parametrize('header', [
    'X-Versions-Location', 'X-History-Location', 'X-Versions-Enabled'])
def test_container_that_keeps_older_versions(run, make_storage, header,
                                             swift_settings):
    storage = make_storage()
    storage.put_content('a', b'')
    value = 'true'
    if header != 'X-Versions-Enabled':
        value = swift_settings['swift_container'] + '-versions'
        make_storage(swift_container=value).put_content('a', b'')
    storage._container.post({header: value})
    status, report = run('--json')
    assert status == 0
    assert header in steps(report)['container']['detail']
    assert [entry['name'] for entry in storage._container.list('')] == [
        'registry/a']


def test_container_that_keeps_older_versions_no_more(run, make_storage):
    storage = make_storage()
    storage.put_content('a', b'')
    for value in ('true', 'false'):
        storage._container.post({'X-Versions-Enabled': value})
    status, report = run('--json')
    assert status == 0
    assert 'keeps' not in steps(report)['container']['detail']


def test_container_for_versions_that_is_not_there(make_storage, failed):
    storage = make_storage()
    storage.put_content('a', b'')
    storage._container.post({'X-Versions-Location': 'absent'})
    step = failed()
    assert step['name'] == 'write'
    assert 'X-Versions-Location' in step['detail']


def test_nothing_is_left_behind(run, make_storage):
    run()
    storage = make_storage('/')
    assert list(storage._container.list('')) == []


_V2 = {'swift_v2': {'enabled': True}}


def test_v2(run, make_storage):
    status, report = run('--json', extensions=_V2, standalone=True)
    assert status == 0
    step = steps(report)['v2 API']
    assert step['status'] == 'ok'
    assert 'stored once, by a static large object' in step['detail']
    assert list(make_storage('/').container.list('')) == []


def test_v2_that_nobody_may_read(failed):
    step = failed(extensions=_V2, standalone=False)
    assert step['name'] == 'v2 API'
    assert 'extensions: swift_v2: auth: htpasswd' in step['detail']


def test_v2_settings(failed):
    step = failed(extensions={'swift_v2': {'enabled': 1}})
    assert step['name'] == 'settings'
    assert 'swift_v2: enabled: neither true nor false' in step['detail']


@pytest.mark.parametrize('method, part', [
    ('PUT', '_manifests'), ('COPY', '/layer')])
def test_v2_fails(failed, make_storage, faults, method, part):
    for _ in range(4):
        faults.inject(relay.status(507), method, part)
    step = failed(
        extensions=_V2, standalone=True,
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port)
    assert step['name'] == 'v2 API'
    assert 'the cluster is full' in step['detail']
    # What it had written is gone nevertheless.
    assert list(make_storage('/').container.list('')) == []


def test_new_temp_url_key(run):
    status, report = run('--json', '--set-temp-url-key')
    assert status == 0
    assert steps(report)['TempURL']['status'] == 'ok'
    # The registry finds it, and so does the next check.
    status, report = run('--json', storage_redirect=True)
    assert (status, steps(report)['TempURL']['status']) == (0, 'ok')


def test_configured_temp_url_key_is_set(run, failed, tmpdir, secret_of):
    secret = tmpdir.join('key')
    secret.write(secret_of('check'))
    changes = {'swift_temp_url_key_file': str(secret),
               'storage_redirect': True}
    step = failed(**changes)
    assert step['name'] == 'TempURL'
    assert 'status 401' in step['detail']
    assert 'temp_url_sig' not in step['detail']
    status, report = run('--json', '--set-temp-url-key', **changes)
    assert status == 0
    assert secret_of('check') not in report


def test_redirects_without_a_key(failed):
    step = failed(storage_redirect=True)
    assert step['name'] == 'TempURL'
    assert '--set-temp-url-key' in step['detail']


def test_configuration_is_wrong(failed):
    step = failed(swift_timeout='soon', swift_usr='me')
    assert step['name'] == 'settings'
    assert 'swift_timeout: not a whole number' in step['detail']
    assert 'swift_usr: unknown; did you mean swift_user?' in step['detail']


def test_another_storage(failed):
    assert 'storage is s3, not swift' in failed(storage='s3')['detail']


def test_password_is_wrong(failed, secret_of):
    step = failed(swift_password=secret_of('nobody'))
    assert step['name'] == 'login'
    assert 'swift_password' in step['see']
    assert secret_of('nobody') not in json.dumps(step)


def test_nobody_answers(failed):
    step = failed(swift_authurl='http://127.0.0.1:9/auth/v1.0',
                  swift_retries=0)
    assert step['name'] == 'login'
    assert 'swift_authurl' in step['see']


def test_swift_does_not_answer(failed):
    step = failed(swift_object_storage_url='http://127.0.0.1:9/v1/AUTH_test',
                  swift_retries=0)
    assert step['name'] == 'container'
    assert 'swift_object_storage_url' in step['see']


@pytest.mark.parametrize('method, call', [
    ('put', 1), ('put', 2), ('put', 4), ('get', 1), ('get', 2), ('list', 1),
    ('put_manifest', 1), ('delete', 1), ('head', 1), ('head', 2)])
def test_nothing_is_left_behind_by_who_stops_it(run, make_storage,
                                                monkeypatch, method, call):
    make_storage().put_content('a', b'b')  # makes the container
    plain = getattr(container.Container, method)
    calls = itertools.count(1)

    def stop(*arguments, **keywords):
        if next(calls) == call:
            raise KeyboardInterrupt
        return plain(*arguments, **keywords)
    monkeypatch.setattr(container.Container, method, stop)
    assert run()[0] == 2
    monkeypatch.undo()
    assert [each['name'] for each in make_storage().container.list('')] == [
        'registry/a']


@pytest.mark.once
def test_who_may_not_write(failed, make_storage, services):
    make_storage().put_content('a', b'b')  # makes the container
    guest = {'swift_user': 'test:guest',
             'swift_password': services['passwords']['test:guest']}
    assert '403' in failed(**guest)['detail']
    make_storage().container.post(
        {'X-Container-Read': 'test:guest,.rlistings'})
    step = failed(**guest)
    assert (step['name'], '403' in step['detail']) == ('write', True)


def test_step_that_fails_otherwise(failed, monkeypatch):
    def fail(*arguments):
        raise KeyError('geheim')
    monkeypatch.setattr(check.Check, '_read_range', fail)
    step = failed()
    assert (step['name'], step['detail']) == (
        'range', 'a KeyError, which this check did not expect')


def test_storage_as_the_samples_of_the_registry_have_it(run):
    assert run(storage='Swift')[0] == 0
    assert run(storage='glance', storage_alternate='swift')[0] == 0


def test_container_that_is_not_to_be_made(failed):
    step = failed(swift_create_container=False, swift_container='absent')
    assert step['name'] == 'container'


def test_clock_that_is_wrong(failed, monkeypatch):
    now = check.time.time
    monkeypatch.setattr(check.time, 'time', lambda: now() + 600)
    step = failed()
    assert step['name'] == 'clock'
    assert '+600 s' in step['detail'] or '+599 s' in step['detail']


def test_file_that_is_not_there(capsys):
    assert main.main(['check', '--config', '/absent.yml']) == 1
    assert '/absent.yml' in capsys.readouterr()[0]


def test_flavor_that_is_not_there(capsys, tmpdir):
    path = tmpdir.join('config.yml')
    path.write('{dev: {}, prod: {}}')
    assert main.main(['check', '--config', str(path), '--flavor', 'x']) == 1
    assert 'no flavor x; it has dev, prod' in capsys.readouterr()[0]


@pytest.mark.parametrize('text', ['[1, 2]', 'text', '1', '', '{1: {}}',
                                  'dev: *geheim', 'dev: "geheim'])
def test_file_that_is_not_a_configuration(capsys, tmpdir, text):
    path = tmpdir.join('config.yml')
    path.write(text)
    assert main.main(['check', '--config', str(path), '--flavor', 'dev']) == 1
    report = capsys.readouterr()[0]
    assert 'FAILED   settings        %s ' % path in report
    assert 'geheim' not in report


def test_variable_that_yaml_cannot_read_is_not_shown(run, monkeypatch):
    for value in ('@geheim', '*geheim', 'a: geheim: b'):
        monkeypatch.setenv('SWIFT_CHECK', value)
        status, report = run(swift_password='_env:SWIFT_CHECK')
        assert status == 1
        assert 'swift_password' in report
        assert 'geheim' not in report


@pytest.mark.parametrize('value, expected', [
    ('_env:SWIFT_CHECK', 'from the environment'),
    ('_env:SWIFT_CHECK_2:', None),
    ('_env:SWIFT_CHECK_2', None),
    ('_env:SWIFT_CHECK_2:http://a:80/b', 'http://a:80/b'),
    ('_env:SWIFT_CHECK_2:12', 12),
    ('plain', 'plain'),
    (7, 7),
])
def test_values_are_those_that_the_registry_sees(tmpdir, monkeypatch, value,
                                                 expected):
    monkeypatch.setenv('SWIFT_CHECK', 'from the environment')
    path = tmpdir.join('config.yml')
    path.write(yaml.safe_dump({'dev': {
        'key': value, 'section': {'key': value}}}))
    found = files.read(str(path), 'dev')
    assert found.key == found.section.key == expected
    assert found.absent is None


def test_script_is_installed(swift_settings, tmpdir):
    path = tmpdir.join('config.yml')
    path.write(yaml.safe_dump({'prod': dict(swift_settings, storage='swift')}))
    script = os.path.join(os.path.dirname(sys.executable),
                          'docker-registry-swift')
    report = subprocess.check_output(
        [script, 'check', '--json'],
        env=dict(os.environ, DOCKER_REGISTRY_CONFIG=str(path),
                 SETTINGS_FLAVOR='prod'))
    assert json.loads(report.decode('utf-8'))['ok']
