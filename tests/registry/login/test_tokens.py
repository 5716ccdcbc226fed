"""Tokens that end."""

import concurrent.futures
import os
import time

import pytest

from stack.clients import v1client
from stack.clients import v2client
from stack.servers import registry
from stack.servers import serve


@pytest.fixture(params=['password', 'application credential'])
def short_lived(request, identity, settings, way, doors, cast, service_user):
    """Settings whose tokens end soon, and how many tokens a login takes."""
    url = {'swift_authurl': doors.url('keystone-short') + '/v3'}
    if request.param == 'password':
        return dict(settings, **url), 1
    made = identity.api.add_application_credential(
        cast.user, cast.project, 'short-lived')
    return dict(way(
        swift_application_credential_id=made.id,
        swift_application_credential_secret=made.secret,
        swift_region_name='composite', **service_user), **url), 2


def test_token_that_ends_while_16_push_and_pull_by_either_api(
        short_lived, directory, doors, short_life):
    settings, tokens_each = short_lived

    def tokens():
        return len([request for request in doors.requests('keystone-short')
                    if request.path == '/v3/auth/tokens'])
    tokens_before = tokens()
    started = time.monotonic()

    def goes_on():
        return (tokens() - tokens_before < 2 * tokens_each
                and time.monotonic() < started + 10 * short_life)

    def work(client, number):
        done = 0
        while goes_on():
            image = v1client.make_image(layer_bytes=150000)
            name = 'library/worker%d-%d' % (number, done)
            client.push(name, [image])
            assert client.pull(name) == [image]
            done += 1
        return done

    def upload(client, number):
        """Push one blob all the while."""
        name, pieces = 'team/upload%d' % number, [b'begin']
        location = client.append(client.start(name), pieces[0])
        while goes_on():
            pieces.append(os.urandom(100000))
            location = client.append(location, pieces[-1])
        content = b''.join(pieces)
        client.finish(location, v2client.digest(content))
        assert client.blob(name, v2client.digest(content)) == content
        return len(pieces)
    # One worker, never replaced: each worker has a login of its own.
    with registry.Registry(
            str(directory), dict(
                settings, swift_segment_size=65536,
                extensions={'swift_v2': {'enabled': True}}),
            workers=1, options=['--max-requests', '0']) as server:
        clients = [(work, v1client.V1Client(server.port))] * 12 + [
            (upload, v2client.V2Client(server.port))] * 4
        with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
            running = [pool.submit(push, client, number)
                       for number, (push, client) in enumerate(clients)]
            assert all(one.result() for one in running)
        log = server.log()
    made = tokens() - tokens_before
    # The first login, one for each token that was about to end since, and one
    # that the driver has not waited for.
    logins = 2 + int((time.monotonic() - started) / (0.9 * short_life))
    assert 2 * tokens_each <= made <= logins * tokens_each
    assert ': the token is good for %d s\n' % short_life in log


@pytest.mark.parametrize('kind, options', [
    (registry.Registry, {'workers': 1, 'options': ['--max-requests', '0']}),
    (serve.Serve, {'options': ['--workers', '1']})])
def test_token_that_is_revoked_in_an_upload(identity, cluster, settings,
                                            directory, doors, kind, options):
    user = identity.api.add_user('revoked by %s' % kind.__name__)
    identity.api.assign('member', user, identity.project)
    pieces = [os.urandom(100000) for _ in range(3)]
    content = b''.join(pieces)
    digest = v2client.digest(content)

    def revoke():
        identity.api.disable(user)
        # Keystone's revocations have no fractions of a second.
        time.sleep(2)
        identity.api.enable(user)
        # Swift's proxy remembers for minutes which tokens are good.
        cluster.proxy.stop()
        cluster.proxy.start()
        cluster.proxy.wait()
    with kind(str(directory), dict(
            settings, swift_user=user.name, swift_password=user.password,
            swift_segment_size=65536,
            extensions={'swift_v2': {'enabled': True}}), **options) as server:
        client = v2client.V2Client(server.port)
        location = client.append(client.start('team/revoked'), pieces[0])
        before = len(doors.requests('keystone'))
        revoke()
        location = client.append(location, pieces[1])
        revoke()
        client.finish(location, digest, pieces[2])
        # Each revocation has taken a new login.
        assert len(doors.requests('keystone')) >= before + 2
        assert client.blob('team/revoked', digest) == content
