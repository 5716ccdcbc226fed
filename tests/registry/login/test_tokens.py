"""Tokens that end."""

import concurrent.futures
import time

import pytest

from stack.clients import v1client
from stack.servers import registry


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


def test_token_that_ends_while_16_push_and_pull(
        short_lived, directory, doors, short_life):
    settings, tokens_each = short_lived

    def tokens():
        return len([request for request in doors.requests('keystone-short')
                    if request.path == '/v3/auth/tokens'])
    tokens_before = tokens()
    started = time.monotonic()

    def work(client, number):
        done = 0
        while (tokens() - tokens_before < 2 * tokens_each
               and time.monotonic() < started + 10 * short_life):
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
        log = server.log()
    made = tokens() - tokens_before
    # The first login, one for each token that was about to end since, and one
    # that the driver has not waited for.
    logins = 2 + int((time.monotonic() - started) / (0.9 * short_life))
    assert 2 * tokens_each <= made <= logins * tokens_each
    assert ': the token is good for %d s\n' % short_life in log
