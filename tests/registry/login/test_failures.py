"""What is said when a login fails."""

import time

import pytest

from stack.clients import v1client
from stack.servers import processes
from stack.servers import secrets


@pytest.mark.parametrize('changes, kind, parts', [
    ({'swift_password': secrets.of('nobody')}, 'LoginError',
     ['swift_user', 'swift_password']),
    ({'swift_user': 'nobody'}, 'LoginError', ['swift_user']),
    ({'swift_tenant_name': 'absent'}, 'LoginError', ['swift_tenant_name']),
    ({'swift_tenant_name': None, 'swift_project_name': 'absent'},
     'LoginError', ['swift_password, swift_project_name (']),
    ({'swift_tenant_name': None, 'swift_project_id': 'absent',
      'swift_project_name': 'images'},
     'LoginError', ['swift_password, swift_project_id (']),
    ({'swift_tenant_name': None, 'swift_user': 'absent:registry'},
     'LoginError', ['see swift_user, swift_password (']),
    ({'swift_tenant_name': None, 'swift_project_name': '_env:OS_NOT_SET'},
     'LoginError', ['no default project', '; see swift_project_name; '
                    'not set: $OS_NOT_SET of swift_project_name']),
    ({'swift_tenant_name': None}, 'LoginError',
     ['no default project, and none is set; see swift_tenant_name']),
    ({'swift_cacert': '/absent.pem'}, 'LoginError',
     ["'/absent.pem'", '; see swift_cacert']),
    ({'swift_tenant_name': 'elsewhere'}, 'LoginError', ['swift_tenant_name']),
    ({'swift_user_domain_name': 'absent'}, 'LoginError',
     ['swift_user_domain_name']),
    ({'swift_project_domain_name': 'absent'}, 'LoginError',
     ['swift_project_domain_name']),
    ({'swift_region_name': 'east'}, 'LoginError',
     ['swift_region_name', 'east']),
    ({'swift_region_name': 'north', 'swift_endpoint_type': 'admin'},
     'LoginError', ['swift_endpoint_type']),
    ({'swift_region_name': 'south'}, 'UnreachableError', ['127.0.0.1:9']),
    ({'swift_authurl': 'http://127.0.0.1:9/v3'}, 'UnreachableError',
     ['login at http://127.0.0.1:9/v3: no answer: ', 'Connection refused']),
], ids=lambda value: '-'.join(value) if isinstance(value, dict) else '')
def test_what_is_wrong_is_named(settings, fails, cast, changes, kind, parts):
    fails(dict(settings, **changes), kind, *parts)


def test_login_that_fails_while_the_registry_runs_is_not_absence(
        identity, settings, start_registry, short_life):
    user = identity.api.add_user('leaver')
    identity.api.assign('member', user, identity.project)
    image = v1client.make_image()

    def expect_error(*parts):
        for path in ('json', 'layer', 'ancestry'):
            answer = client.request('GET', '/v1/images/%s/%s' % (image.id,
                                                                 path))
            assert answer.status >= 500
        for part in parts:
            processes.until(lambda: part in server.log())
    with identity.short_lived(short_life) as port:
        login = 'login at http://127.0.0.1:%d/v3' % port
        server = start_registry(dict(
            settings, swift_authurl=login.split()[-1],
            swift_user='leaver', swift_password=user.password))
        client = v1client.V1Client(server.port)
        client.push('library/leaver', [image])
        identity.api.disable(user)
        time.sleep(short_life)  # so long the last token may be good
        expect_error(login + ' failed', 'see swift_user, swift_password')
    expect_error(login + ': no answer')
