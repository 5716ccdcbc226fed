"""Every way to log in."""

import time

import pytest

from stack.servers import secrets


def _root(settings):
    return settings['swift_authurl'][:-len('/v3')]


@pytest.mark.parametrize('changes', [
    lambda url: {},
    lambda url: {'swift_auth_version': 2},
    lambda url: {'swift_auth_version': None},
    lambda url: {'swift_auth_version': 'auto'},
    lambda url: {'swift_authurl': url},
    lambda url: {'swift_authurl': url, 'swift_auth_version': 'auto'},
    lambda url: {'swift_authurl': url + '/', 'swift_auth_version': 2},
    lambda url: {'swift_authurl': url + '/v2.0', 'swift_auth_version': 2},
    lambda url: {'swift_user': 'images:registry', 'swift_tenant_name': None},
], ids=['v3', '2 at v3', 'default', 'auto', 'root', 'auto at root',
        '2 at root', '2 at v2.0', 'tenant:user'])
def test_keys_of_0_2_1(settings, works, cast, changes):
    works(dict(settings, **changes(_root(settings))), cast.project)


def test_aliases_of_the_tenant(way, works, cast):
    user = {'swift_user': cast.user.name, 'swift_password': cast.user.password}
    works(way(swift_project_name=cast.project.name, **user), cast.project)
    works(way(swift_project_id=cast.project.id, **user), cast.project)


@pytest.mark.parametrize('version', [2, 3])
def test_ids(way, works, cast, version):
    # An id is of one domain alone, whatever the names are.
    works(way(swift_user_id=cast.cousin.id,
              swift_password=cast.cousin.password,
              swift_tenant_id=cast.branch.id, swift_auth_version=version),
          cast.branch)


@pytest.mark.parametrize('domains', [
    lambda domain: {'swift_user_domain_name': domain.name},
    lambda domain: {'swift_user_domain_id': domain.id},
    lambda domain: {'swift_user_domain_name': domain.name,
                    'swift_project_domain_name': domain.name},
    lambda domain: {'swift_user_domain_id': domain.id,
                    'swift_project_domain_id': domain.id},
], ids=['name', 'id', 'two names', 'two ids'])
def test_another_domain(settings, works, cast, domains):
    works(dict(settings, swift_password=cast.cousin.password,
               **domains(cast.branch.domain)), cast.branch)


def test_user_of_one_domain_and_project_of_another(settings, works, cast):
    works(dict(settings, swift_user_domain_name='Default',
               swift_project_domain_name=cast.branch.domain.name),
          cast.branch)


def test_application_credential(identity, way, works, cast):
    made = identity.api.add_application_credential(
        cast.cousin, cast.branch, 'images')
    secret = {'swift_application_credential_secret': made.secret}
    works(way(swift_application_credential_id=made.id, **secret), cast.branch)
    works(way(swift_application_credential_name='images',
              swift_user=cast.cousin.name,
              swift_user_domain_name=cast.cousin.domain.name, **secret),
          cast.branch)
    works(way(swift_application_credential_name='images',
              swift_user_id=cast.cousin.id, **secret), cast.branch)


def test_application_credential_that_has_ended(identity, way, works, fails,
                                               cast):
    api = identity.api
    ends_at = time.time() + 3
    brief = api.add_application_credential(
        cast.user, cast.project, 'brief',
        time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(ends_at)))
    revoked = api.add_application_credential(
        cast.user, cast.project, 'revoked')

    def login(made):
        return way(swift_application_credential_id=made.id,
                   swift_application_credential_secret=made.secret)
    works(login(revoked), cast.project)
    api.remove_application_credential(cast.user, revoked)
    time.sleep(max(0, ends_at - time.time()))
    for made in (revoked, brief):
        fails(login(made), 'LoginError', 'swift_application_credential_id',
              'swift_application_credential_secret')


def test_trust(identity, way, works, fails, cast):
    # The deputy has no role of their own: only the trust opens the account.
    trust_id = identity.api.add_trust(cast.user, cast.deputy, cast.project,
                                      'member')
    login = way(swift_user='deputy', swift_trust_id=trust_id,
                swift_user_domain_name=cast.deputy.domain.name,
                swift_password=cast.deputy.password)
    works(login, cast.project)
    identity.api.remove_trust(cast.user, cast.project, trust_id)
    fails(login, 'LoginError', 'swift_trust_id')


def test_service_user(settings, works, fails, cast, service_user):
    composite = dict(settings, swift_region_name='composite')
    fails(composite, 'AccessDeniedError', '403')
    works(dict(composite, **service_user), cast.project, prefix='SERVICE_')
    fails(dict(composite, **dict(
        service_user, swift_service_password=secrets.of('nobody'))),
        'LoginError', 'swift_service_user', 'swift_service_password')


def test_ready_token(identity, doors, works, fails, cast):
    token = identity.api.token(cast.user, cast.project)
    settings = {
        'swift_auth_token': token, 'swift_container': 'registry',
        'swift_object_storage_url': '%s/v1/AUTH_%s' % (
            doors.url('public'), cast.project.id),
        'swift_retries': 0, 'storage_path': '/registry'}
    logins = len(doors.requests('keystone'))
    works(settings, cast.project)
    assert len(doors.requests('keystone')) == logins
    void = identity.api.token(cast.user, cast.project)
    identity.api.revoke(void)
    fails(dict(settings, swift_auth_token=void), 'AccessDeniedError',
          'swift_auth_token')


def test_secrets_in_files(identity, doors, way, works, cast, tmp_path):
    made = identity.api.add_application_credential(
        cast.user, cast.project, 'in a file')

    def file(name, secret):
        (tmp_path / name).write_text(secret + '\n')
        return str(tmp_path / name)
    works(way(swift_user=cast.user.name, swift_tenant_name=cast.project.name,
              swift_password_file=file('password', cast.user.password)),
          cast.project)
    works(way(swift_application_credential_id=made.id,
              swift_application_credential_secret_file=file(
                  'secret', made.secret)), cast.project)
    works(way(swift_authurl=None, swift_region_name=None,
              swift_auth_token_file=file('token', identity.api.token(
                  cast.user, cast.project)),
              swift_object_storage_url='%s/v1/AUTH_%s' % (
                  doors.url('public'), cast.project.id)),
          cast.project)
