"""Layers in segments, on a Swift that takes objects of up to 16 MiB."""

import hashlib
import os
import threading
import time

import pytest
import relay
from streams import Stream

from docker_registry import testing
from docker_registry.core import exceptions
from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift.client import capabilities
from docker_registry.drivers.swift.client import container
from docker_registry.drivers.swift.config import settings
from docker_registry.drivers.swift.objects import large_object
from docker_registry.drivers.swift.objects import segmentation

_MIB = 1024 * 1024
_SEGMENT = 100000
_CONTENT = os.urandom(4 * _SEGMENT + 1)
_PATH = 'images/1/layer'


@pytest.fixture
def segmenting(make_storage, faults):
    """A storage with small segments, at the relay's far side."""
    return make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_segment_size=_SEGMENT)


def write(storage, content, path=_PATH, **keywords):
    storage.stream_write(path, Stream(content, **keywords))


class Bytes(bytes):

    """Bytes of which pytest shows no differences, which takes it minutes."""

    def __eq__(self, other):
        return bytes(self) == bytes(other)

    def __ne__(self, other):
        return not self == other

    __hash__ = None

    def __repr__(self):
        return '<%d bytes>' % len(self)


def read(storage, bytes_range=None, path=_PATH):
    return Bytes(b''.join(storage.stream_read(path, bytes_range)))


def names(storage):
    return [entry['name'] for entry in storage._container.list('')]


def segments(storage):
    return [name for name in names(storage) if name.startswith('.segments/')]


def until(condition):
    """Wait, and fail after two minutes."""
    give_up_at = time.time() + 120
    while not condition():
        assert time.time() < give_up_at
        time.sleep(0.05)


def headers(storage, path=_PATH):
    return storage._container.head('registry/' + path)


@pytest.mark.parametrize('size, count', [
    (0, 0), (1, 0), (16 * _MIB, 0), (16 * _MIB + 1, 2), (200 * _MIB, 13)])
def test_sizes_around_swifts_limit(storage, size, count):
    content = os.urandom(_MIB) * (size // _MIB) + os.urandom(size % _MIB)
    write(storage, content)
    assert len(segments(storage)) == count
    assert ('x-static-large-object' in headers(storage)) == bool(count)
    assert storage.get_size(_PATH) == size
    found = hashlib.sha256()
    for chunk in storage.stream_read(_PATH):
        found.update(chunk)
    assert found.digest() == hashlib.sha256(content).digest()
    storage.remove(_PATH)
    assert names(storage) == []


def test_ranges_across_segments(make_storage):
    storage = make_storage(swift_segment_size=_SEGMENT)
    write(storage, _CONTENT)
    assert len(segments(storage)) == 5
    for bytes_range in ((0, 0), (_SEGMENT - 1, _SEGMENT), (0, _SEGMENT),
                        (5, 3 * _SEGMENT + 5), (4 * _SEGMENT, 4 * _SEGMENT),
                        (10, len(_CONTENT)), (10, 10 * len(_CONTENT))):
        first, last = bytes_range
        assert read(storage, bytes_range) == _CONTENT[first:last + 1]


def test_layer_up_to_the_segment_size_is_one_object(segmenting, faults):
    write(segmenting, _CONTENT[:_SEGMENT])
    assert names(segmenting) == ['registry/' + _PATH]
    assert headers(segmenting)['etag'] == hashlib.md5(
        _CONTENT[:_SEGMENT]).hexdigest()
    put, = [request for request in faults.requests if request.method == 'PUT'
            and request.path.endswith('layer') and request.body][-1:]
    sent = {name.lower(): value for name, value in put.headers}
    assert sent['content-length'] == str(_SEGMENT)
    assert sent['etag'] == headers(segmenting)['etag']


def test_segments_are_out_of_sight(make_storage):
    for root in ('/', '/registry'):
        storage = make_storage(root, swift_segment_size=_SEGMENT)
        write(storage, _CONTENT)
        assert list(storage.list_directory()) == ['images']
        assert list(storage.list_directory('images/1')) == [_PATH]
    with pytest.raises(errors.InvalidPathError):
        make_storage('/').get_content('.segments/images/1/layer')


def test_nothing_is_open_while_the_client_pauses(segmenting):
    segmenting.put_content('a', b'')
    slots = segmenting._container._pool._process.slots
    pauses = []

    def pause(position):
        until(lambda: len(segments(segmenting)) == position // _SEGMENT)
        until(lambda: slots.free() == 32)
        pauses.append(position)
    write(segmenting, _CONTENT, before_read=pause, at_most=_SEGMENT // 2 + 1)
    assert len(pauses) > 8
    assert read(segmenting) == _CONTENT


@pytest.mark.parametrize('fails_at', [0, 1, _SEGMENT, 3 * _SEGMENT + 5])
@pytest.mark.parametrize('before', [None, b'old', _CONTENT[::-1]])
def test_client_that_vanishes(segmenting, fails_at, before):
    if before:
        write(segmenting, before)
    there = names(segmenting)
    with pytest.raises(IOError) as caught:
        write(segmenting, _CONTENT, fails_at=fails_at, at_most=1000)
    assert 'the client went away' in str(caught.value)
    assert names(segmenting) == there
    if before:
        assert read(segmenting) == before


@pytest.mark.once
@pytest.mark.parametrize('part', ['00000000', '00000002', '00000004',
                                  'multipart-manifest=put'])
@pytest.mark.parametrize('status', [403, 413, 503])
def test_swift_refuses(make_storage, faults, part, status):
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_segment_size=_SEGMENT, swift_retries=0)
    write(storage, b'old')
    # After a 403 it logs in again, once.
    faults.inject(relay.status(status), 'PUT', part,
                  times=2 if status == 403 else 1)
    with pytest.raises(errors.SwiftError) as caught:
        write(storage, _CONTENT)
    assert caught.value.status == status
    assert read(storage) == b'old'
    if status == 503 and part == 'multipart-manifest=put':
        # It may still be written: its segments have to wait for orphans().
        assert len(list(storage.orphans(-10))) == 5
        assert list(storage.orphans()) == []
        storage.remove_orphans(-10)
    assert names(storage) == ['registry/' + _PATH]


@pytest.mark.parametrize('status', [403, 413, 429, 498])
def test_manifest_that_is_lost_and_then_refused(make_storage, faults, status):
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_segment_size=_SEGMENT, swift_retries=1, swift_retry_delay=0.02)
    faults.inject(relay.lose(), 'PUT', 'multipart-manifest=put')
    faults.inject(relay.status(status), 'PUT', 'multipart-manifest=put',
                  times=2 if status == 403 else 1)
    with pytest.raises(errors.SwiftError) as caught:
        write(storage, _CONTENT)
    assert caught.value.status == status
    # It was written.
    assert read(storage) == _CONTENT
    assert list(storage.orphans(None)) == []


@pytest.mark.parametrize('fault', [
    relay.status(408), relay.status(429), relay.status(498),
    relay.status(500), relay.status(503), relay.status(401), relay.drop(),
    relay.end_token(), relay.lose(), relay.end(0), relay.stall(3)])
@pytest.mark.parametrize('part', ['00000001', 'multipart-manifest=put'])
def test_faults_that_pass(make_storage, faults, fault, part):
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_segment_size=_SEGMENT, swift_timeout=2)
    faults.inject(fault, 'PUT', part)
    write(storage, _CONTENT)
    assert read(storage) == _CONTENT
    assert len(segments(storage)) == 5
    storage.remove(_PATH)
    assert names(storage) == []


def test_segment_damaged_on_its_way_is_sent_again(segmenting, faults):
    faults.inject(relay.damage_request(7), 'PUT', '00000003')
    write(segmenting, _CONTENT)
    assert read(segmenting) == _CONTENT


class Stop(BaseException):

    """As SystemExit, or gevent's GreenletExit."""


def test_process_told_to_stop(segmenting):
    def stop(position):
        if position > 3 * _SEGMENT:
            raise Stop
    segmenting.put_content('a', b'')
    with pytest.raises(Stop):
        write(segmenting, _CONTENT, before_read=stop)
    assert names(segmenting) == ['registry/a']


def limits(max_file_size_bytes, max_segments):
    return capabilities.DEFAULT._replace(
        max_file_size_bytes=max_file_size_bytes, max_segments=max_segments)


class StuckContainer(object):

    """Stands in for a Swift that takes segments and does not answer."""

    def __init__(self):
        self.started = []
        self.go_on = threading.Event()

    def capabilities(self):
        return capabilities.DEFAULT

    def put(self, name, content, size_bytes, etag):
        self.started.append(name)
        self.go_on.wait(120)

    def put_manifest(self, name, segments, only_new, headers):
        self.manifest = segments

    def list(self, prefix, delimiter):
        return []


def test_push_holds_no_more_than_it_says(swift_settings):
    stuck = StuckContainer()
    objects = large_object.LargeObjects(settings.parse('/', testing.Config(
        dict(swift_settings, swift_segment_size=1000,
             swift_upload_concurrency=3))), stuck)
    positions = []
    stream = Stream(b'x' * 10000, before_read=positions.append, at_most=100)
    writer = threading.Thread(target=objects.write, args=('a', stream))
    writer.start()
    until(lambda: len(stuck.started) == 3 and 4000 in positions)
    time.sleep(0.5)  # in which nothing more is begun
    # Three on their way; one filled, and the first bytes of the next.
    assert len(stuck.started) == 3
    assert max(positions) == 4000
    assert objects._memory._left == large_object._MEMORY_BYTES - 4000
    stuck.go_on.set()
    writer.join()
    assert len(stuck.manifest) == 10
    assert objects._memory._left == large_object._MEMORY_BYTES


def test_manifest_whose_answer_is_lost_for_good(make_storage, faults):
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_segment_size=_SEGMENT, swift_retries=0)
    storage.put_content('a', b'')
    faults.inject(relay.lose(), 'PUT', 'multipart-manifest=put')
    with pytest.raises(errors.UnreachableError):
        write(storage, _CONTENT)
    # It stands: its segments must not be taken away from below it.
    assert read(storage) == _CONTENT


@pytest.mark.parametrize('old', [_CONTENT[::-1], b'old'])
@pytest.mark.parametrize('new', [_CONTENT, b'new'])
def test_overwriting(segmenting, old, new):
    write(segmenting, old)
    write(segmenting, new)
    assert read(segmenting) == new
    assert len(segments(segmenting)) == (5 if new is _CONTENT else 0)


def test_reader_of_the_old_layer_never_gets_a_mixture(segmenting, faults):
    write(segmenting, _CONTENT[::-1])
    faults.inject(relay.end(250000), 'GET', _PATH)
    reader = segmenting.stream_read(_PATH)
    received = [next(reader)]
    write(segmenting, _CONTENT)
    with pytest.raises(errors.SwiftError):
        for chunk in reader:
            received.append(chunk)
    assert sum(map(len, received)) == 250000
    assert _CONTENT[::-1].startswith(b''.join(received))


@pytest.mark.parametrize('bulk', [True, False])
def test_removing_a_directory(segmenting, faults, bulk):
    if not bulk:
        faults.inject(relay.status(405), 'POST', 'bulk-delete', times=9)
    for number in range(3):
        write(segmenting, _CONTENT, 'images/%d/layer' % number)
        segmenting.put_content('images/%d/json' % number, b'{}')
    write(segmenting, _CONTENT, 'imagesque/layer')
    segmenting.remove('images')
    left = names(segmenting)
    assert [name for name in left if not name.startswith('.segments')] == [
        'registry/imagesque/layer']
    assert len(left) == 6
    assert read(segmenting, path='imagesque/layer') == _CONTENT
    assert (faults.count('DELETE') > 10) is not bulk


def test_bulk_delete_is_checked_item_by_item(segmenting, faults):
    write(segmenting, _CONTENT)
    victim = segments(segmenting)[2]
    answer = ('{"Response Status": "200 OK", "Number Deleted": 4, '
              '"Number Not Found": 0, '
              '"Errors": [["/%s/%s", "503 Service Unavailable"]]}' % (
                  segmenting._container.name, victim))
    faults.inject(relay.answer(answer, {'X-Trans-Id': 'tx0'}), 'POST',
                  'bulk-delete')
    segmenting.remove(_PATH)
    assert faults.count('DELETE', '.segments') == 1
    assert victim not in names(segmenting)


@pytest.mark.once
@pytest.mark.parametrize('answer', [
    '', '{}', '{"Response Status": "400 Bad Request", "Number Deleted": 0, '
    '"Number Not Found": 0, "Errors": [["/c/o", "401 Unauthorized"]]}'])
def test_bulk_delete_that_stops_in_between(segmenting, faults, answer):
    write(segmenting, _CONTENT)
    faults.inject(relay.answer(answer, {'X-Trans-Id': 'tx0'}), 'POST',
                  'bulk-delete')
    segmenting.remove(_PATH)
    assert names(segmenting) == []


def test_object_that_a_lagging_listing_hides_keeps_its_segments(
        segmenting, faults):
    write(segmenting, _CONTENT)
    segmenting.put_content('images/1/json', b'{}')
    for listing in '[{"name": "registry/images/1/json"}]', '[]':
        faults.inject(relay.answer(listing, {'X-Container-Object-Count': '1'}),
                      'GET', 'prefix=registry/images/1/')
    segmenting.remove('images/1')
    assert segmenting.exists('images/1/json') is False
    assert read(segmenting) == _CONTENT


def test_write_that_swift_takes_for_an_older_one(segmenting, faults):
    segmenting.put_content('a', b'1')
    faults.inject(relay.status(202), 'PUT', 'registry/a')
    segmenting.put_content('a', b'2')
    assert segmenting.get_content('a') == b'2'
    faults.inject(relay.status(202), 'PUT', 'registry/a', times=4)
    with pytest.raises(errors.SwiftError) as caught:
        segmenting.put_content('a', b'3')
    assert caught.value.status == 202


def test_missing_segment_is_an_error(segmenting):
    write(segmenting, _CONTENT)
    segmenting._container.delete(segments(segmenting)[3])
    received = []
    with pytest.raises(IOError):
        for chunk in segmenting.stream_read(_PATH):
            received.append(chunk)
    assert sum(map(len, received)) <= 3 * _SEGMENT


@pytest.mark.parametrize('fault', [relay.cut(250000), relay.end(250000)])
def test_reading_a_large_object_goes_on_where_it_broke(
        segmenting, faults, fault):
    write(segmenting, _CONTENT)
    faults.inject(fault, 'GET', _PATH)
    assert read(segmenting) == _CONTENT


@pytest.mark.parametrize('count', [3, 25])
def test_dynamic_large_objects_of_others(make_storage, count):
    # The tests' Swift lists 20 names a page.
    storage = make_storage(swift_retry_delay=0.02)
    parts = [os.urandom(1000) for _ in range(count)]
    for number, part in enumerate(parts):
        storage.put_content('segments/%03d' % number, part)
    storage._container._requests.send(
        'PUT registry/dlo', 'registry/dlo',
        lambda connection: container.client.put_object(
            connection.storage_url, connection.grant.token,
            storage._container.name, 'registry/dlo', b'', headers={
                'X-Object-Manifest': '%s/registry/segments/' % (
                    storage._container.name)}, http_conn=connection.http))
    assert storage.get_size('dlo') == 1000 * count
    assert read(storage, path='dlo') == b''.join(parts)
    assert read(storage, (999, 2000), 'dlo') == b''.join(parts)[999:2001]
    if count == 25:  # Swift ignores this range: an error, not other bytes
        with pytest.raises(exceptions.BrokenError):
            read(storage, (999, 21000), 'dlo')
    storage.remove('dlo')
    assert storage.exists('segments/000')


def test_orphans(segmenting):
    write(segmenting, _CONTENT)
    prefix = '.segments/registry/images/2/layer/1-a/'
    for number in range(3):
        segmenting._container.put('%s%08d' % (prefix, number), b'1', 1,
                                  hashlib.md5(b'1').hexdigest())
    old = '.segments/registry/' + _PATH + '/1-a/00000000'
    segmenting._container.put(old, b'1', 1, hashlib.md5(b'1').hexdigest())
    assert list(segmenting.orphans()) == []
    assert list(segmenting.orphans(-10)) == [old] + [
        '%s%08d' % (prefix, number) for number in range(3)]
    segmenting.remove_orphans(-10)
    assert list(segmenting.orphans(-10)) == []
    assert read(segmenting) == _CONTENT


def test_orphans_by_the_clock_of_swift(segmenting, monkeypatch):
    segmenting._container.put(
        '.segments/registry/images/2/layer/1-a/00000000', b'1', 1,
        hashlib.md5(b'1').hexdigest())
    real = time.time
    monkeypatch.setattr(time, 'time', lambda: real() + 10 * 86400)
    assert list(segmenting.orphans()) == []


def test_cluster_without_large_objects(storage, monkeypatch):
    monkeypatch.setattr(storage._container, '_capabilities',
                        limits(1000, 0))
    write(storage, b'x' * 1000)
    assert names(storage) == ['registry/' + _PATH]
    with pytest.raises(errors.TooLargeError) as caught:
        write(storage, b'x' * 1001)
    assert 'no static large objects' in str(caught.value)
    assert names(storage) == ['registry/' + _PATH]
    assert storage.get_size(_PATH) == 1000


def test_cluster_that_hides_what_it_can(segmenting, faults):
    faults.inject(relay.status(403), 'GET', '/info')
    write(segmenting, _CONTENT)
    assert read(segmenting) == _CONTENT
    assert segmenting._container.capabilities().max_segments == 1000


@pytest.mark.parametrize('first', [
    _MIB, 16 * _MIB, 32 * _MIB, 1024 * _MIB, 5 * 1024 * _MIB])
def test_a_tebibyte_has_a_plan(first):
    swift = limits(5 * 1024 * _MIB, 1000)
    sizes = list(segmentation.sizes(first, swift))
    assert len(sizes) == 1000
    assert sizes[0] == first
    assert sizes == sorted(sizes)
    assert max(sizes) <= swift.max_file_size_bytes
    assert sum(sizes) >= 1024 ** 4


def test_segments_grow_no_faster_than_needed():
    swift = limits(5 * 1024 * _MIB, 1000)
    total = 0
    at = {}
    for size in segmentation.sizes(32 * _MIB, swift):
        total += size
        at.setdefault(total // (1024 * _MIB), size // _MIB)
    assert (at[3], at[10], at[100]) == (32, 104, 1395)


def test_more_than_all_segments_hold(storage, monkeypatch):
    monkeypatch.setattr(storage._container, '_capabilities',
                        limits(1000, 4))
    with pytest.raises(errors.TooLargeError) as caught:
        write(storage, b'x' * 4001)
    assert 'larger than 4000 bytes' in str(caught.value)
    assert names(storage) == []
    write(storage, b'x' * 4000)
    assert storage.get_size(_PATH) == 4000
