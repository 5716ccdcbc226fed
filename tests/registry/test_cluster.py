"""Two registries, two proxies, three storage nodes: faults and races."""

import concurrent.futures
import contextlib
import http.client
import itertools
import json
import lzma
import signal
import threading
import urllib.error
import urllib.request

import pytest
import switch

from stack.clients import v1client
from stack.clients import v2client
from stack.commands import cluster_test
from stack.servers import cluster
from stack.servers import processes
from stack.servers import registry
from stack.servers import relay


@pytest.fixture(scope='module')
def site(directory):
    with cluster.Cluster(str(directory / 'cluster')) as running:
        yield running


@pytest.fixture(scope='module', params=['Redis', 'no Redis'])
def clients(request, site, directory):
    """A client of each of two registries, A and B."""
    with contextlib.ExitStack() as stack:
        servers = list(site.registries.values())
        if request.param == 'no Redis':
            settings = dict(servers[0].settings, cache_lru=None)
            servers = [stack.enter_context(registry.Registry(
                str(directory), settings)) for _ in servers]
        yield [v1client.V1Client(server.port) for server in servers]


@pytest.fixture
def repository(request):
    """A repository that nobody else uses."""
    return 'cluster/' + ''.join(
        character for character in request.node.name.lower()
        if character.isalnum())


@pytest.fixture
def no_orphans(site):
    """Two pushes of one image at once may leave the segments of one."""
    site.swift.catch_up()  # the listing
    next(iter(site.registries.values())).orphans(remove=True)


@pytest.fixture
def meanwhile():
    """Call something again and again in threads, until the test ends."""
    ended = threading.Event()
    with concurrent.futures.ThreadPoolExecutor() as executor:
        running = []

        def repeat(call):
            while not ended.is_set():
                call()

        def start(call, threads=1):
            running.extend(executor.submit(repeat, call)
                           for _ in range(threads))

        def end():
            ended.set()
            for one in running:
                one.result()
        start.end = end
        try:
            yield start
        finally:
            ended.set()


@contextlib.contextmanager
def no_container_servers(site):
    """While no container server runs objects are written but not listed."""
    # A proxy that has just learned of the container goes on without them for
    # a minute.
    site.memcached.flush()
    site.swift.request('HEAD', 'registry')
    servers = site.swift.services('container')
    for server in servers:
        server.stop(signal.SIGKILL)
    try:
        yield
    finally:
        processes.start_all(servers)
        # A proxy leaves a server alone for a minute that has failed often.
        for proxy in site.swift.proxies:
            processes.until(lambda: answers(site.swift, proxy))


def answers(swift, proxy):
    """Tell whether a proxy finds a container server."""
    request = urllib.request.Request(
        'http://%s:%d/v1/%s/registry' % (processes.HOST, proxy.port,
                                         swift.account),
        method='HEAD', headers={'X-Auth-Token': swift.token()})
    try:
        urllib.request.urlopen(request).close()
        return True
    except urllib.error.HTTPError:
        return False


def test_push_is_pulled_at_once_although_the_listing_lags(
        site, clients, repository):
    first, second = clients

    def listed():
        return [name.split('/')[-1] for name in site.swift.list()
                if repository in name and '/tag_' in name]
    old, new = v1client.make_image(), v1client.make_image(layer_bytes=3000000)
    first.push(repository, [old], 'old')
    site.swift.catch_up()  # a busy machine lags by itself
    with no_container_servers(site):
        first.push(repository, [new], 'new')
        first.push(repository + '2', [new], 'new')
    assert listed() == ['tag_old']
    assert second.tags(repository) == {'old': old.id, 'new': new.id}
    assert second.pull(repository, 'new') == [new]
    assert second.pull(repository + '2', 'new') == [new]
    site.swift.catch_up()
    assert listed() == ['tag_new', 'tag_old', 'tag_new']
    assert second.tags(repository) == {'old': old.id, 'new': new.id}


def test_tags_that_are_written_at_once_although_the_listing_lags(
        site, clients, repository):
    image = v1client.make_image()
    clients[0].push(repository, [image], 'old')
    site.swift.catch_up()
    tags = ['v%d' % number for number in range(32)]
    with no_container_servers(site):
        with concurrent.futures.ThreadPoolExecutor(len(tags)) as executor:
            list(executor.map(
                lambda client, tag: client.tag(repository, tag, image.id),
                itertools.cycle(clients), tags))
    expected = dict.fromkeys(tags + ['old'], image.id)
    for client in clients:
        assert client.tags(repository) == expected
    site.swift.catch_up()
    assert clients[0].tags(repository) == expected


def test_storage_node_that_comes_back_with_what_it_had(
        site, clients, repository):
    first, second = clients
    old, new = v1client.make_image(), v1client.make_image(layer_bytes=3000000)
    first.push(repository, [old])
    # So that the node has seen a push begin and fail, and not the next one.
    first.expect(200, 'PUT', '/v1/images/%s/json' % new.id, new.json)
    first.push_layer(new._replace(layer=new.layer[::-1]))
    node = list(site.swift.storage[0].values())
    for server in node:
        server.stop(signal.SIGKILL)
    try:
        first.push(repository, [new])
        first.tag(repository, 'other', new.id)
    finally:
        processes.start_all(node)
    # Swift asks its nodes in any order.
    for _ in range(8):
        assert second.tags(repository) == {'latest': new.id, 'other': new.id}
        assert second.pull(repository) == [new]
    site.swift.catch_up()


@pytest.mark.parametrize('same_bytes', [True, False])
def test_same_image_pushed_at_once_through_two_registries(
        site, clients, repository, same_bytes):
    registry_b = list(site.registries.values())[1]
    for count in range(2):
        image = v1client.make_image(layer_bytes=2500000)
        other = image if same_bytes else image._replace(
            layer=v1client.make_image(layer_bytes=3500000).layer)

        def push(client, image):
            try:
                client.push(repository, [image], 'v%d' % count)
                return 1
            except v1client.RefusedError:  # "already exists", for instance
                return 0
        with concurrent.futures.ThreadPoolExecutor() as executor:
            pushed = sum(executor.map(push, clients, [image, other]))
        if not pushed:
            clients[0].push(repository, [image], 'v%d' % count)
        # One of the two, every byte, and no orphan is part of it.
        registry_b.orphans(remove=True)
        for client in clients:
            assert client.pull(repository, 'v%d' % count)[0] in (image, other)


def test_tag_that_moves_while_it_is_pulled(clients, repository, meanwhile):
    first, second = clients
    images = [v1client.make_image() for _ in range(2)]
    first.push(repository, images[:1])
    first.push(repository, images[1:])
    ids = {image.id for image in images}
    path = '/v1/repositories/%s/tags/latest' % repository

    def read():
        assert json.loads(second.expect(200, 'GET', path).body) in ids
        assert second.tags(repository)['latest'] in ids
        assert second.pull(repository)[0] in images
    meanwhile(read, threads=3)
    for count in range(10):
        moved_to = images[count % 2].id
        first.tag(repository, 'latest', moved_to)
        # Who asks after the move sees where it went.
        assert second.tags(repository) == {'latest': moved_to}
    meanwhile.end()


def test_repository_that_is_deleted_while_it_is_listed(
        clients, repository, meanwhile):
    first, second = clients
    image = v1client.make_image()
    path = '/v1/repositories/%s/' % repository
    expected = {'v%d' % number: image.id for number in range(4)}

    def read():
        answer = second.request('GET', path + 'tags')
        assert answer.status in (200, 404)
        if answer.status == 200:
            # null is what the registry says of a tag that went in between.
            assert all(expected[tag] == image_id or image_id is None
                       for tag, image_id in json.loads(answer.body).items())
    meanwhile(read, threads=3)
    for _ in range(2):
        for tag in expected:
            first.push(repository, [image], tag)
        assert second.tags(repository) == expected
        first.expect(200, 'DELETE', path)
        assert second.request('GET', path + 'tags').status == 404
    meanwhile.end()


@pytest.mark.usefixtures('no_orphans')
def test_registry_that_is_killed_in_a_conversion(site, directory):
    """Another one finishes it, while a storage node is away as well."""
    images = [v1client.make_image(layer_bytes=1000)]
    for size, change in ((3000000, bytes), (2000000, lzma.compress)):
        image = v1client.make_image(images[-1], size)
        images.append(image._replace(layer=change(image.layer)))
    layers = [image.layer for image in images]
    layers[-1] = lzma.decompress(layers[-1])
    first = next(iter(site.registries.values()))
    v1client.V1Client(first.port).push('cluster/killed', images)
    settings = dict(first.settings, swift_timeout=60, extensions={
        'swift_v2': {'enabled': True}})
    small = 'registry/registry/images/%s/_facts' % images[0].id
    with contextlib.ExitStack() as running:
        other = running.enter_context(registry.Registry(
            str(directory), settings))
        # It has read the small layer long before the others.
        slow = running.enter_context(relay.Relay(
            str(directory), site.swift.proxies[0].port, rate_bytes=300000))
        victim = running.enter_context(registry.Registry(
            str(directory), dict(settings, swift_authurl=(
                'http://%s:%d/auth/v1.0' % (processes.HOST, slow.port)))))
        node = list(site.swift.storage[0].values())
        for server in node:
            server.stop(signal.SIGKILL)
        try:
            with concurrent.futures.ThreadPoolExecutor() as executor:
                broken = executor.submit(
                    v2client.V2Client(victim.port).pull, 'cluster/killed')
                processes.until(lambda: is_there(site.swift, small))
                victim.server.stop(signal.SIGKILL)
                with pytest.raises((OSError, http.client.HTTPException)):
                    broken.result()
            # The link of the tag comes last: nothing was to be had yet.
            assert not [name for name in site.swift.list()
                        if 'cluster/killed/_manifests' in name]
            v2 = v2client.V2Client(other.port)
            found = v2.pull('cluster/killed')
            assert found.layers == layers
        finally:
            processes.start_all(node)
        # What is left of it belongs to the layer of xz, which is written anew.
        assert not [name for name in other.orphans(remove=True)
                    if images[-1].id not in name]
        assert other.orphans() == []
        assert v2.pull('cluster/killed') == found
        assert v2.pull('cluster/killed', found.digest) == found


def is_there(swift, path):
    """Tell whether there is an object."""
    try:
        swift.request('HEAD', path)
        return True
    except urllib.error.HTTPError as error:
        assert error.code == 404
        return False


# The last one here: proxies do without memcached for a minute after it.
@pytest.mark.usefixtures('no_orphans')
def test_machines_that_fail(site):
    result = cluster_test.run(
        site, seconds=10, clients=8, layer_bytes=(50000, 1500000), pace=0.2)
    assert result.breaches == [], str(result)
    assert all(row.requests for row in result.rows), str(result)
    pushed, pulled = result.totals[:2]
    assert pushed.count and pulled.count, str(result)


@pytest.fixture(scope='module')
def hanging(site, directory):
    """A Switch before two proxies, and a client of a registry behind it."""
    with switch.Switch(*site.swift.proxies) as proxies:
        settings = site.swift.settings(
            swift_authurl='http://%s:%d/auth/v1.0' % (processes.HOST,
                                                      proxies.port),
            swift_timeout=6, storage_path='/registry')
        with registry.Registry(str(directory), settings,
                               workers=1) as running:
            yield proxies, v1client.V1Client(running.port)


def test_proxy_that_goes_on_later_with_a_tag(site, hanging, repository):
    proxies, client = hanging
    images = [v1client.make_image() for _ in range(3)]
    for image in images:
        client.push(repository, [image])
    with proxies.hangs_at('PUT /v1/%s/registry/registry/repositories/%s/'
                          'tag_latest ' % (site.swift.account, repository)):
        # Through the other proxy, when the time for this one is over.
        client.tag(repository, 'latest', images[0].id)
        client.tag(repository, 'latest', images[1].id)
    assert client.tags(repository) == {'latest': images[1].id}


@pytest.mark.parametrize('path', ['tags/latest', ''])
def test_proxy_that_goes_on_later_with_a_removal(site, hanging, repository,
                                                 path):
    proxies, client = hanging
    image = v1client.make_image()
    client.push(repository, [image])
    with proxies.hangs_at('POST /v1/%s?bulk-delete ' % site.swift.account):
        client.expect(200, 'DELETE',
                      '/v1/repositories/%s/%s' % (repository, path))
        client.push(repository, [image])
    assert client.pull(repository) == [image]
