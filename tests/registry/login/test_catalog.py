"""Which of the catalog's URLs of Swift is taken."""

import json
import subprocess

import pytest

from stack import environments
from stack.clients import v1client
from stack.servers import processes
from stack.servers import registry


@pytest.fixture
def check(tmp_path):
    """Run `docker-registry-swift check`; give its steps by name."""
    def check(settings):
        config = tmp_path / 'config.yml'
        config.write_text(json.dumps({'prod': dict(settings,
                                                   storage='swift')}))
        report = subprocess.run(
            [environments.program('registry', 'docker-registry-swift'),
             'check', '--json', '--config', str(config), '--flavor', 'prod'],
            stdout=subprocess.PIPE, text=True).stdout
        return {step['name']: step for step in json.loads(report)['steps']}
    return check


@pytest.mark.parametrize('endpoint_type', ['public', 'internal', 'admin'])
def test_endpoint_type(settings, works, cast, doors, endpoint_type):
    others = [door for door in ('public', 'internal', 'admin')
              if door != endpoint_type]
    before = [len(doors.requests(door)) for door in others]
    works(dict(settings, swift_endpoint_type=endpoint_type), cast.project,
          door=endpoint_type)
    assert [len(doors.requests(door)) for door in others] == before


_REGIONS = {'north', 'doors', 'tls', 'certificates', 'composite', 'south'}


def _regions(text):
    """Return the region that was taken, and the others."""
    taken, others = text.split('region ', 1)[1].split(
        ' was taken, the first in the catalog; others are ')
    assert others.endswith('; see swift_region_name')
    return taken, set(others.split(';')[0].split(', '))


def test_check_says_which_region_was_taken(settings, check):
    login = check(dict(settings, swift_region_name=None))['login']
    taken, others = _regions(login['detail'])
    assert {taken} | others == _REGIONS
    login = check(dict(settings, swift_region_name='_env:NOT_SET'))['login']
    assert login['detail'].endswith('; not set: $NOT_SET of swift_region_name')
    login = check(settings)['login']
    assert (login['status'], 'region' in login['detail']) == ('ok', False)
    # There is one alone with such a URL.
    login = check(dict(settings, swift_region_name=None,
                       swift_endpoint_type='internal'))['login']
    assert (login['status'], 'region' in login['detail']) == ('ok', False)


def test_registry_says_once_which_region_it_takes(settings, directory):
    with registry.Registry(str(directory), dict(
            settings, swift_region_name=None, loglevel='warning'),
            workers=1, options=['--max-requests', '0']) as server:
        client = v1client.V1Client(server.port)
        for _ in range(3):
            client.request('GET', '/v1/repositories/library/none/tags')
        processes.until(lambda: 'was taken' in server.log())
        line, = [line for line in server.log().splitlines()
                 if 'was taken' in line]
    taken, others = _regions(line)
    assert {taken} | others == _REGIONS


@pytest.mark.parametrize('changes, part', [
    ({'swift_region_name': 'east'}, 'for public use in region east in the '
                                    'catalog; there are: '),
    ({'swift_region_name': 'north', 'swift_endpoint_type': 'admin'},
     'for admin use in region north in the catalog; there are: '),
    ({'swift_region_name': 'North'}, 'in region North in the catalog')])
def test_regions_that_are_there_are_listed(settings, fails, check, changes,
                                           part):
    message = fails(dict(settings, **changes), 'LoginError', part)
    listed = message.split('there are: ')[1].split('; see ')[0]
    assert set(listed.split('; ')) == {
        'doors (public, internal, admin)'} | {
            region + ' (public)' for region in _REGIONS - {'doors'}}
    login = check(dict(settings, **changes))['login']
    assert login['status'] == 'failed'
    assert login['see'] == ['swift_region_name', 'swift_endpoint_type']
    assert listed in login['detail']


def test_account_of_the_catalog_completes_the_url(settings, works, cast,
                                                  doors):
    for path in ('', '/', '/v1'):
        works(dict(settings, swift_object_storage_url=doors.url(
            'container-only') + path), cast.project, door='container-only')
