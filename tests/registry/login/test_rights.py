"""Rights on one container."""

import json
import subprocess

import pytest

from stack import environments
from stack.clients import v1client
from stack.servers import registry


@pytest.mark.parametrize('who', ['reader', 'stranger'])
def test_rights_on_the_container_only(settings, directory, call_driver, fails,
                                      cluster, doors, cast, who):
    # The stranger is of another project, where their own account is.
    user = getattr(cast, who)
    project = cast.project if who == 'reader' else cast.elsewhere
    container = 'for-' + who
    grantee = '%s:%s' % (project.id, user.id)
    cluster.request('PUT', container, {'X-Container-Read': grantee,
                                       'X-Container-Write': grantee})
    account = '/v1/AUTH_' + cast.project.id
    login = dict(
        settings, swift_user=user.name, swift_password=user.password,
        swift_tenant_name=project.name,
        swift_object_storage_url=doors.url('container-only') + account)
    fails(login, 'AccessDeniedError', '403', 'swift_container')
    before = len(doors.requests('container-only'))
    login.update(swift_container=container, swift_segment_size=65536)
    base = v1client.make_image(layer_bytes=300000)
    image = v1client.make_image(base)
    # Ends before others come by the door.
    with registry.Registry(str(directory), login) as server:
        client = v1client.V1Client(server.port)
        client.push('library/ours', [base, image])
        assert client.pull('library/ours') == [base, image]
        assert client.tags('library/ours') == {'latest': image.id}
        client.expect(200, 'DELETE', '/v1/repositories/library/ours/')
        report = json.loads(subprocess.check_output(
            [environments.program('registry', 'docker-registry-swift'),
             'check', '--json', '--config', server.config_file, '--flavor',
             'prod']))
    assert call_driver('registry', login, [
        ['stream_write', 'images/1/layer', 'x' * 300000],
        ['get_size', 'images/1/layer'], ['remove', 'images/1/layer']
    ]) == [None, 300000, None]
    assert [name for name in cluster.list(container)
            if 'library/ours' in name or 'images/1/' in name] == []
    assert {step['status'] for step in report['steps']} == {'ok', 'skipped'}
    asked = doors.requests('container-only')[before:]
    assert {request.status for request in asked}.isdisjoint(['401', '403'])
    assert {(request.method, request.path) for request in asked
            if not request.path.startswith('%s/%s' % (account, container))
            } == {('GET', '/info'), ('POST', account + '?bulk-delete')}
