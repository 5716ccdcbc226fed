"""Every way to log in at a real Keystone, and what is said when it fails."""

import collections
import concurrent.futures
import itertools
import json
import subprocess
import time
import urllib.parse
import urllib.request

import forward_proxy
import pytest

from stack import environments
from stack.clients import v1client
from stack.servers import front
from stack.servers import keystone
from stack.servers import registry
from stack.servers import secrets
from stack.servers import swift

#: Seconds that the tokens of the second Keystone server live.
_SHORT_LIFE = 15
_names = ('object%d' % number for number in itertools.count())

#: Who there is: cousin and branch are named as the registry's user and its
#: project are, but are of another domain; the deputy has no role anywhere;
#: the reader is in the registry's project, but no operator of its account.
Cast = collections.namedtuple('Cast', 'user project cousin branch deputy '
                                      'reader stranger elsewhere helper')


@pytest.fixture(scope='module')
def identity(directory):
    with keystone.Keystone(str(directory / 'keystone')) as running:
        yield running


@pytest.fixture(scope='module')
def cluster(directory, identity):
    """In place of the session's: a Swift that trusts the Keystone."""
    with swift.Swift(str(directory / 'with-keystone'),
                     keystone=identity) as running:
        yield running


@pytest.fixture(scope='module')
def doors(directory, identity, cluster):
    """Ways to Keystone and Swift that note who came; in the catalog too."""
    with identity.short_lived(_SHORT_LIFE) as short_port, front.Front(
            str(directory / 'front'), {
                'keystone': (identity.server.port, 'none'),
                'keystone-tls': (identity.server.port, 'server'),
                'keystone-certificates': (identity.server.port, 'both'),
                'keystone-short': (short_port, 'none'),
                'public': (cluster.proxy.port, 'none'),
                'internal': (cluster.proxy.port, 'none'),
                'admin': (cluster.proxy.port, 'none'),
                'container-only': (cluster.proxy.port, 'none'),
                'swift-tls': (cluster.proxy.port, 'server'),
                'swift-certificates': (cluster.proxy.port, 'both'),
            }) as running:
        # Nothing listens on the discard port.
        for region, url, prefix, interface in (
                ('doors', running.url('public'), 'AUTH', 'public'),
                ('doors', running.url('internal'), 'AUTH', 'internal'),
                ('doors', running.url('admin'), 'AUTH', 'admin'),
                ('tls', running.url('swift-tls'), 'AUTH', 'public'),
                ('certificates', running.url('swift-certificates'), 'AUTH',
                 'public'),
                ('composite', running.url('public'), 'SERVICE', 'public'),
                ('south', 'http://127.0.0.1:9', 'AUTH', 'public')):
            identity.api.add_object_store(
                region, '%s/v1/%s_%%(tenant_id)s' % (url, prefix), interface)
        yield running


@pytest.fixture(scope='module')
def cast(identity):
    api = identity.api
    domain = api.add_domain('partner')
    people = Cast(
        user=identity.user, project=identity.project,
        cousin=api.add_user(identity.user.name, domain),
        branch=api.add_project(identity.project.name, domain),
        deputy=api.add_user('deputy', domain),
        reader=api.add_user('reader'), stranger=api.add_user('stranger'),
        elsewhere=api.add_project('elsewhere'),
        helper=api.add_user('helper', domain))
    api.assign('member', people.cousin, people.branch)
    api.assign('member', people.user, people.branch)
    api.assign('reader', people.reader, people.project)
    api.assign('member', people.stranger, people.elsewhere)
    api.assign('service', people.helper, people.branch)
    return people


@pytest.fixture
def settings(doors, cluster):
    """Settings that work, with the names of a v3 password."""
    return cluster.settings(
        swift_authurl=doors.url('keystone') + '/v3',
        swift_region_name='doors', swift_retries=0, storage_path='/registry',
        loglevel='debug')


@pytest.fixture
def way(settings):
    """Make settings of no login but where it is, and what a test adds."""
    return lambda **login: dict(settings, **dict(dict.fromkeys(
        ['swift_user', 'swift_password', 'swift_tenant_name']), **login))


@pytest.fixture
def works(call_driver, doors):
    """Check that settings lead to an account, through a door."""
    def check(settings, project, door='public', prefix='AUTH_',
              variables=None):
        name = next(_names)
        assert call_driver('registry', settings, [
            ['put_content', name, '1'], ['get_content', name],
            ['list_directory', ''], ['remove', name]],
            variables)[:2] == [name, '1']
        path = '/v1/%s%s/%s/registry/%s' % (
            prefix, project.id, settings['swift_container'], name)
        assert front.Request('PUT', path, '201') in doors.requests(door)
        assert front.Request('GET', path, '200') in doors.requests(door)
    return check


@pytest.fixture
def fails(call_driver):
    """Return the message of the driver's exception, of a kind."""
    def check(settings, kind, *parts, variables=None):
        message, = call_driver('registry', settings, [['exists', 'a']],
                               variables)
        assert str(message).startswith(kind + ': ')
        for part in parts:
            assert part in message
        assert secrets.PREFIX not in message
        assert not secrets.TOKEN.search(message)
        return message
    return check


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


@pytest.mark.parametrize('endpoint_type', ['public', 'internal', 'admin'])
def test_endpoint_type(settings, works, cast, doors, endpoint_type):
    others = [door for door in ('public', 'internal', 'admin')
              if door != endpoint_type]
    before = [len(doors.requests(door)) for door in others]
    works(dict(settings, swift_endpoint_type=endpoint_type), cast.project,
          door=endpoint_type)
    assert [len(doors.requests(door)) for door in others] == before


def _service_user(cast):
    return {'swift_service_user': cast.helper.name,
            'swift_service_password': cast.helper.password,
            'swift_service_project_name': cast.branch.name,
            'swift_service_user_domain_name': cast.helper.domain.name,
            'swift_service_project_domain_id': cast.branch.domain.id}


def test_service_user(settings, works, fails, cast):
    composite = dict(settings, swift_region_name='composite')
    fails(composite, 'AccessDeniedError', '403')
    service = _service_user(cast)
    works(dict(composite, **service), cast.project, prefix='SERVICE_')
    fails(dict(composite, **dict(
        service, swift_service_password=secrets.of('nobody'))), 'LoginError',
        'swift_service_user', 'swift_service_password')


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


@pytest.mark.parametrize('changes, kind, parts', [
    ({'swift_password': secrets.of('nobody')}, 'LoginError',
     ['swift_user', 'swift_password']),
    ({'swift_user': 'nobody'}, 'LoginError', ['swift_user']),
    ({'swift_tenant_name': 'absent'}, 'LoginError', ['swift_tenant_name']),
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
     ['login at http://127.0.0.1:9/v3', 'port=9']),
], ids=lambda value: '-'.join(value) if isinstance(value, dict) else '')
def test_what_is_wrong_is_named(settings, fails, cast, changes, kind, parts):
    fails(dict(settings, **changes), kind, *parts)


def test_login_that_fails_while_the_registry_runs_is_not_absence(
        identity, settings, start_registry):
    user = identity.api.add_user('leaver')
    identity.api.assign('member', user, identity.project)
    image = v1client.make_image()

    def expect_error(*parts):
        for path in ('json', 'layer', 'ancestry'):
            answer = client.request('GET', '/v1/images/%s/%s' % (image.id,
                                                                 path))
            assert answer.status >= 500
        for part in parts:
            assert part in server.log()
    with identity.short_lived(_SHORT_LIFE) as port:
        login = 'login at http://127.0.0.1:%d/v3' % port
        server = start_registry(dict(
            settings, swift_authurl=login.split()[-1],
            swift_user='leaver', swift_password=user.password))
        client = v1client.V1Client(server.port)
        client.push('library/leaver', [image])
        identity.api.disable(user)
        time.sleep(_SHORT_LIFE)  # so long the last token may be good
        expect_error(login + ' failed', 'see swift_user, swift_password')
    expect_error(login + ': no answer')


# TLS

@pytest.mark.parametrize('door, region', [
    ('keystone-tls', 'doors'), ('keystone', 'tls'), ('keystone-tls', 'tls'),
], ids=['Keystone', 'Swift', 'both'])
def test_certificate_of_an_unknown_authority(settings, works, fails, cast,
                                             doors, door, region):
    secure = dict(settings, swift_authurl=doors.url(door) + '/v3',
                  swift_region_name=region)
    swift_door = 'swift-tls' if region == 'tls' else 'public'
    message = fails(secure, 'UnreachableError', 'swift_cacert')
    assert 'certificate verify failed' in message.lower()
    works(dict(secure, swift_cacert=doors.ca_file), cast.project, swift_door)
    works(dict(secure, swift_insecure=True), cast.project, swift_door)


@pytest.mark.parametrize('door, region', [
    ('keystone-certificates', 'doors'), ('keystone', 'certificates')],
    ids=['Keystone', 'Swift'])
def test_certificate_demanded_of_the_client(settings, works, fails, cast,
                                            doors, tmp_path, door, region):
    secure = dict(settings, swift_authurl=doors.url(door) + '/v3',
                  swift_region_name=region, swift_cacert=doors.ca_file)
    swift_door = ('swift-certificates' if region == 'certificates'
                  else 'public')
    fails(secure, 'UnreachableError', 'swift_cert')
    works(dict(secure, swift_cert=doors.client_file,
               swift_key=doors.client_key_file), cast.project, swift_door)
    both = tmp_path / 'both.pem'
    both.write_text(''.join(open(path).read() for path in (
        doors.client_file, doors.client_key_file)))
    works(dict(secure, swift_cert=str(both)), cast.project, swift_door)


def test_registry_over_tls(settings, start_registry, doors):
    client = v1client.V1Client(start_registry(dict(
        settings, swift_authurl=doors.url('keystone-certificates') + '/v3',
        swift_region_name='certificates', swift_cacert=doors.ca_file,
        swift_cert=doors.client_file, swift_key=doors.client_key_file,
        swift_segment_size=65536)).port)
    image = v1client.make_image(layer_bytes=300000)
    client.push('library/secure', [image])
    assert client.pull('library/secure') == [image]


# Proxies

def _address(doors, door):
    return doors.url(door).split('//')[1]


def test_http_proxy(settings, works, cast, doors):
    with forward_proxy.ForwardProxy() as proxy:
        works(settings, cast.project, variables={'HTTP_PROXY': proxy.url})
        asked = set(proxy.asked)
    assert 'POST ' + _address(doors, 'keystone') in asked
    assert 'PUT ' + _address(doors, 'public') in asked


def test_https_proxy(settings, works, cast, doors):
    secure = dict(settings, swift_authurl=doors.url('keystone-tls') + '/v3',
                  swift_region_name='tls', swift_cacert=doors.ca_file)
    with forward_proxy.ForwardProxy() as proxy:
        works(secure, cast.project, 'swift-tls',
              variables={'HTTPS_PROXY': proxy.url})
        asked = set(proxy.asked)
    assert asked == {'CONNECT ' + _address(doors, 'keystone-tls'),
                     'CONNECT ' + _address(doors, 'swift-tls')}


def test_no_proxy(settings, works, fails, cast):
    nowhere = {'HTTP_PROXY': 'http://127.0.0.1:9'}
    fails(settings, 'UnreachableError', variables=nowhere)
    works(settings, cast.project,
          variables=dict(nowhere, NO_PROXY='localhost'))


# Tokens that end

@pytest.fixture(params=['password', 'application credential'])
def short_lived(request, identity, settings, way, doors, cast):
    """Settings whose tokens end soon, and how many tokens a login takes."""
    url = {'swift_authurl': doors.url('keystone-short') + '/v3'}
    if request.param == 'password':
        return dict(settings, **url), 1
    made = identity.api.add_application_credential(
        cast.user, cast.project, 'short-lived')
    return dict(way(
        swift_application_credential_id=made.id,
        swift_application_credential_secret=made.secret,
        swift_region_name='composite', **_service_user(cast)), **url), 2


def test_token_that_ends_while_16_push_and_pull(short_lived, directory,
                                                doors):
    settings, tokens_each = short_lived

    def tokens():
        return len([request for request in doors.requests('keystone-short')
                    if request.path == '/v3/auth/tokens'])

    def refusals():
        return len([request for request in doors.requests('public')
                    if request.status == '401'])
    tokens_before, refusals_before = tokens(), refusals()
    started = time.monotonic()

    def work(client, number):
        done = 0
        while (tokens() - tokens_before < 2 * tokens_each
               and time.monotonic() < started + 10 * _SHORT_LIFE):
            image = v1client.make_image(layer_bytes=150000)
            name = 'library/worker%d-%d' % (number, done)
            client.push(name, [image])
            assert client.pull(name) == [image]
            done += 1
        return done
    # One worker, never replaced: each worker has a login of its own.
    with registry.Registry(
            str(directory), dict(settings, swift_segment_size=65536),
            workers=1, options=['--max-requests', '0']) as server:
        client = v1client.V1Client(server.port)
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            assert all(pool.map(lambda number: work(client, number),
                                range(16)))
    made = tokens() - tokens_before
    # The first login, and one for each token that has ended since.
    logins = 1 + int((time.monotonic() - started) / _SHORT_LIFE)
    assert 2 * tokens_each <= made <= logins * tokens_each
    assert refusals() > refusals_before


def test_redirect_to_names_that_are_not_ascii(settings, call_driver, cluster):
    key = secrets.of('TempURL')
    container = urllib.parse.quote('b\xfccher')
    cluster.request('PUT', container, {'X-Container-Meta-Temp-URL-Key': key})
    _, url = call_driver('registry', dict(
        settings, swift_container='b\xfccher', storage_path='/b\xfccher',
        swift_temp_url_key=key), [['stream_write', 'images/1/layer', '1'],
                                  ['content_redirect_url', 'images/1/layer']])
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b'1'


# Rights on one container

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
