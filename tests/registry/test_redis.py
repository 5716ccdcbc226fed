"""Registries with and without a Redis, on one container."""

import contextlib
import subprocess

import pytest

from stack import environments
from stack.clients import v1client
from stack.servers import processes

_WORKERS = 2
_AWAY = 'cache_lru: Redis is not used until it is back: '
_BACK = 'cache_lru: Redis is back'


@pytest.fixture(scope='module')
def redis_cli(redis_server):
    """Ask Redis; return what it prints, as a list of lines."""
    def ask(*command):
        return subprocess.check_output(
            [environments.program('swift', 'redis-cli'), '-p',
             str(redis_server.port)] + list(command), text=True).splitlines()
    return ask


@pytest.fixture(scope='module')
def with_redis(start_registry, redis_server):
    """Two registries with one Redis, for either of its caches."""
    address = {'host': processes.HOST, 'port': redis_server.port,
               'password': None}
    settings = {'cache_lru': dict(address, db=0),
                'cache': dict(address, db=1)}
    # Each worker says what it has found out; none is replaced in between.
    options = {'workers': _WORKERS, 'options': ['--max-requests', '0']}
    one = start_registry(settings, **options)
    settings['swift_container'] = one.settings['swift_container']
    return one, start_registry(settings, **options)


@pytest.fixture(scope='module')
def clients(with_redis, start_registry):
    """Of both, and of two without it: this driver, and 0.2.1."""
    container = {'swift_container': with_redis[0].settings['swift_container']}
    without = [start_registry(container),
               start_registry(container, environment='legacy')]
    return [v1client.V1Client(server.port)
            for server in list(with_redis) + without]


def push_and_pull(clients, repository):
    """What one does with a tag and its image each of the others sees."""
    images = [v1client.make_image() for _ in clients]
    for image, client in zip(images, clients):
        client.push(repository, [image])
        for other in clients:
            assert other.tags(repository) == {'latest': image.id}
            assert other.pull(repository) == [image]
    for number, client in enumerate(clients):
        tag = 'removed-by-%d' % number
        client.tag(repository, tag, images[0].id)
        for other in clients:
            assert other.tags(repository)[tag] == images[0].id
        client.expect(200, 'DELETE', '/v1/repositories/%s/tags/%s' % (
            repository, tag))
        for other in clients:
            assert tag not in other.tags(repository)
            other.expect(404, 'GET', '/v1/repositories/%s/tags/%s' % (
                repository, tag))


def test_registries_with_and_without_redis(clients, redis_cli, cluster,
                                           with_redis):
    push_and_pull(clients, 'library/shared')
    url = 'docker-registry-driver-swift:%s/v1/%s/%s/registry/images/' % (
        cluster.url, cluster.account,
        with_redis[0].settings['swift_container'])
    keys = redis_cli('keys', '*')
    assert {key.split('/')[-1] for key in keys} == {
        'json', 'ancestry', 'layer'}
    assert all(key.startswith(url) for key in keys)


def wait_until_back(server, seen, count):
    """Wait until as many workers have said that Redis is back."""
    processes.until(lambda: server.log()[seen:].count(_BACK) >= count)


def test_redis_that_hangs(clients, with_redis, redis_server):
    seen = [len(server.log()) for server in with_redis]
    with processes.frozen(redis_server):
        push_and_pull(clients[:3], 'library/frozen')
        logs = [server.log()[start:] for server, start
                in zip(with_redis, seen)]
        for log in logs:
            assert 1 <= log.count(_AWAY) <= _WORKERS
            assert log.count('cache_lru') == log.count(_AWAY)
    for server, start, log in zip(with_redis, seen, logs):
        wait_until_back(server, start, log.count(_AWAY))
    push_and_pull(clients[:3], 'library/frozen')


@contextlib.contextmanager
def refusing(reason, redis_cli, directory):
    """Have Redis answer reads and refuse writes, for one of its reasons."""
    settings = {'OOM': ('maxmemory', '0', '1'),
                'NOREPLICAS': ('min-replicas-to-write', '0', '1'),
                'MISCONF': ('save', '', '3600 1')}
    if reason == 'READONLY':
        redis_cli('replicaof', processes.HOST, '9')
    else:
        name, before, value = settings[reason]
        redis_cli('config', 'set', name, value)
    if reason == 'MISCONF':  # its disk is gone
        redis_cli('config', 'set', 'dir', str(directory))
        directory.rmdir()
        redis_cli('bgsave')
        processes.until(lambda: 'rdb_last_bgsave_status:err' in redis_cli(
            'info', 'persistence'))
    try:
        assert redis_cli('set', 'a', 'b')[0].startswith(reason)
        yield
    finally:
        if reason == 'READONLY':
            redis_cli('replicaof', 'no', 'one')
        else:
            redis_cli('config', 'set', name, before)


@pytest.mark.parametrize('reason', ['READONLY', 'OOM', 'NOREPLICAS',
                                    'MISCONF'])
def test_redis_that_refuses_writes(clients, with_redis, redis_cli, tmp_path,
                                   reason):
    seen = [len(server.log()) for server in with_redis]
    repository = 'library/' + reason.lower()
    with refusing(reason, redis_cli, tmp_path):
        push_and_pull(clients[:3], repository)
    for server, start in zip(with_redis, seen):
        away = server.log()[start:].count(_AWAY)
        assert 1 <= away <= _WORKERS
        wait_until_back(server, start, away)
    push_and_pull(clients[:3], repository)


def test_child_of_an_image_that_was_removed_past_the_registry(
        clients, cluster, with_redis):
    parent = v1client.make_image()
    child = v1client.make_image(parent)
    for client in clients[:3]:
        for other in clients[:3]:
            other.push('library/parent', [parent])
            assert other.pull('library/parent') == [parent]
        container = with_redis[0].settings['swift_container']
        prefix = 'registry/images/%s/'
        for name in cluster.list(container):
            if name.startswith((prefix % parent.id, prefix % child.id)):
                cluster.request('DELETE', '%s/%s' % (container, name))
        client.push('library/child', [parent, child])
        for other in clients:
            assert other.pull('library/child') == [child, parent][::-1]
