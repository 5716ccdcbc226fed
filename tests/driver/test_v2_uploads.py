"""Blobs that are uploaded, in pieces and in one, on real Swift."""

from concurrent import futures
import hashlib
import json
import os
import sys
import threading
import time

import pytest
import relay
from streams import Stream
import v1_images

from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift import names
from docker_registry.drivers.swift.objects import sha256
from docker_registry.drivers.swift.v2 import layout
from docker_registry.drivers.swift.v2 import repositories
from docker_registry.drivers.swift.v2 import states
from docker_registry.drivers.swift.v2 import store
from docker_registry.drivers.swift.v2 import uploads

_LAYOUT = layout.Layout('/registry')
_MIB = 1024 * 1024
_SEGMENT = 2 * _MIB
_DIGEST = v1_images.digest


def make(storage):
    return uploads.Uploads(storage.settings, storage.container, store.Store(
        storage.settings, storage.container))


@pytest.fixture
def v2(storage):
    return store.Store(storage.settings, storage.container)


@pytest.fixture
def workers(make_storage):
    """Two that share nothing but the container."""
    return [make(make_storage(swift_segment_size=_SEGMENT))
            for _ in range(2)]


@pytest.fixture
def listed(storage):
    """Tell the names of all objects that begin with a prefix."""
    return lambda prefix='': [
        entry['name'] for entry in storage.container.list(prefix)]


def content_of(v2, digest):
    return b''.join(v2.open_blob(digest))


def upload(workers, pieces, last=b'', digest=None, name='a/b'):
    """Upload pieces by turns; return the digest."""
    digest = digest or _DIGEST(b''.join(pieces) + last)
    found, number, size = uploads.new_name(), 0, 0
    for turn, piece in enumerate(pieces):
        state = workers[turn % len(workers)].append(
            name, found, number, Stream(piece))
        number, size = state.number, size + len(piece)
        assert states.size_bytes(state) == size
    workers[-1].finish(name, found, number, digest, Stream(last))
    return digest


@pytest.mark.parametrize('sizes, last', [
    ([], 0), ([0], 0), ([], 1), ([1], 0), ([10, 20, 0, 30], 7),
    ([_MIB], 0), ([_MIB + 1], 0), ([7 * _MIB], 0), ([], 7 * _MIB),
    ([5 * _MIB, 10], 0), ([5 * _MIB + 10, 3 * _MIB, 5], 3 * _MIB + 1),
    ([100, 5 * _MIB], 10)])
def test_upload(workers, v2, storage, listed, sizes, last):
    pieces = [os.urandom(size) for size in sizes]
    tail = os.urandom(last)
    digest = upload(workers, pieces, tail)
    assert content_of(v2, digest) == b''.join(pieces) + tail
    assert v2.blob_bytes(digest) == sum(sizes) + last
    assert v2.has_layer('a/b', digest)
    assert not v2.has_layer('a', digest)
    # Nothing else is left, and nothing that is needed is an orphan.
    assert list(storage.orphans(None)) == []
    blob = _LAYOUT.blob(digest)
    assert set(listed()) == {
        blob, _LAYOUT.layer_link('a/b', digest)} | {
            name for name in listed(names.SEGMENTS)}
    in_use = set(storage.container.get_manifest(blob))
    assert in_use == {name for name in listed(names.SEGMENTS)
                      if not names.is_owner_name(name)}
    storage.remove_orphans(None)
    assert content_of(v2, digest) == b''.join(pieces) + tail


@pytest.mark.once
def test_many_small_pieces_are_joined(workers, v2, storage):
    pieces = [os.urandom(100 * 1024) for _ in range(30)]
    digest = upload(workers, pieces)
    assert content_of(v2, digest) == b''.join(pieces)
    assert len(storage.container.get_manifest(_LAYOUT.blob(digest))) == 3


@pytest.mark.once
def test_pieces_do_not_run_out_of_segments(make_storage, v2, monkeypatch):
    storage = make_storage(swift_segment_size=_MIB + _MIB // 2)
    found = storage.container.capabilities()
    storage.container._capabilities = found._replace(max_segments=12)
    pieces = [os.urandom(_MIB + _MIB // 2) for _ in range(20)]
    digest = upload([make(storage)], pieces)
    segments = storage.container.get_manifest(_LAYOUT.blob(digest))
    assert 5 < len(segments) < 13
    assert content_of(v2, digest) == b''.join(pieces)
    assert list(storage.orphans(None)) == []


@pytest.mark.parametrize('size', [10, 5 * _MIB])
@pytest.mark.parametrize('in_pieces', [True, False])
def test_sha512(workers, v2, size, in_pieces):
    content = os.urandom(size)
    digest = 'sha512:' + hashlib.sha512(content).hexdigest()
    assert upload(workers, [content] if in_pieces else [],
                  b'' if in_pieces else content, digest) == digest
    assert content_of(v2, digest) == content


def test_without_a_sha256_that_goes_on(workers, v2, monkeypatch):
    monkeypatch.setattr(sha256, '_found', [None])
    pieces = [os.urandom(5 * _MIB), b'end']
    digest = upload(workers, pieces)
    assert content_of(v2, digest) == b''.join(pieces)
    with pytest.raises(uploads.DigestError):
        upload(workers, pieces, digest=_DIGEST(b''))


def test_sha256_of_another_machine(workers, v2, monkeypatch):
    content = os.urandom(5 * _MIB)
    found = uploads.new_name()
    state = workers[0].append('a', found, 0, Stream(content[:10]))
    assert state.sha256 is not None
    monkeypatch.setattr(sys, 'byteorder', 'big')
    state = workers[0].append('a', found, 1, Stream(content[10:]))
    assert state.sha256 is None
    monkeypatch.undo()
    workers[0].finish('a', found, 2, _DIGEST(content), Stream(b''))
    assert content_of(v2, _DIGEST(content)) == content


def test_cluster_without_static_large_objects(make_storage, v2, listed):
    storage = make_storage()
    found = storage.container.capabilities()
    storage.container._capabilities = found._replace(max_segments=0)
    pieces = [os.urandom(3 * _MIB) for _ in range(2)]
    digest = upload([make(storage)], pieces)
    assert content_of(v2, digest) == b''.join(pieces)
    assert storage.container.get_manifest(_LAYOUT.blob(digest)) == []
    assert listed(names.SEGMENTS) == []


@pytest.mark.once
@pytest.mark.parametrize('pieces, last', [
    ([], b'some'), ([b'some'], b''), ([3 * _MIB * b'x'], b'end')])
def test_wrong_digest(workers, storage, listed, pieces, last):
    digest = _DIGEST(b'other')
    found = uploads.new_name()
    for number, piece in enumerate(pieces):
        workers[0].append('a', found, number, Stream(piece))
    with pytest.raises(uploads.DigestError):
        workers[1].finish('a', found, len(pieces), digest, Stream(last))
    assert is_unknown(workers[0], found, len(pieces))
    assert set(listed()) == set(storage.orphans(None))
    storage.remove_orphans(None)
    assert listed() == []
    with pytest.raises(uploads.DigestError):
        workers[0].put('a', digest, Stream(b'some'))
    assert listed() == []


@pytest.mark.once
@pytest.mark.parametrize('pieces', [[b'some'], [3 * _MIB * b'x', b'x']])
def test_blob_that_is_there_already(workers, v2, listed, storage, pieces):
    digest = upload(workers, pieces)
    before = listed()
    assert upload(workers, pieces, name='other') == digest
    assert upload(workers, [], b''.join(pieces), name='third') == digest
    links = [_LAYOUT.layer_link(name, digest) for name in ('other', 'third')]
    assert listed() == sorted(before + links)
    assert list(storage.orphans(None)) == []


@pytest.mark.once
def test_layer_of_v1_that_is_there_already(workers, v2, listed, storage):
    v1 = v1_images.Images(storage)
    layer = v1_images.tar(3 * _MIB)
    v1.tag(v1.push([layer])[-1])
    repositories.in_container(storage.settings, storage.container).resolve(
        'x', 'latest')
    before = listed()
    assert upload(workers, [layer]) == _DIGEST(layer)
    assert listed() == sorted(before + [
        _LAYOUT.layer_link('a/b', _DIGEST(layer))])


@pytest.mark.once
@pytest.mark.parametrize('segments', [False, True])
@pytest.mark.parametrize('pieces', [0, 1, 2])
@pytest.mark.parametrize('becomes', ['gone', 'another'])
def test_layer_of_v1_that_was_removed(workers, v2, make_storage, segments,
                                      pieces, becomes):
    """Past the registry, which leaves the blob that has its bytes there."""
    storage = make_storage(
        swift_segment_size=_MIB if segments else 16 * _MIB)
    v1 = v1_images.Images(storage)
    layer = v1_images.tar(3 * _MIB)
    image_id = v1.push([layer])[-1]
    v1.tag(image_id)
    found = repositories.in_container(storage.settings, storage.container)
    found.resolve('x', 'latest')
    digest = _DIGEST(layer)
    assert found.blob_bytes('x', digest) == len(layer)
    path = 'images/%s/layer' % image_id
    storage.remove(path)
    if becomes == 'another':
        storage.stream_write(path, Stream(layer[::-1]))
    # Who pushes is told so, and pushes it.
    with pytest.raises(repositories.UnknownError):
        found.blob_bytes('x', digest)
    if becomes == 'gone':
        with pytest.raises((repositories.UnknownError, errors.SwiftError)):
            found.open_blob('x', digest)
    assert not workers[0].mount('a/b', digest, 'x')
    assert not v2.has_blob(digest)
    if pieces:
        assert upload(workers, [layer[:-10], layer[-10:]][:pieces],
                      b'' if pieces == 2 else layer[-10:]) == digest
    else:
        workers[0].put('a/b', digest, Stream(layer))
    assert content_of(v2, digest) == layer
    assert found.blob_bytes('x', digest) == len(layer)
    assert list(storage.orphans(None)) == []


def test_layer_of_v1_that_is_pushed_again(storage, v2):
    v1 = v1_images.Images(storage)
    layer = v1_images.tar(1000)
    image_id = v1.push([layer])[-1]
    v1.tag(image_id)
    found = repositories.in_container(storage.settings, storage.container)
    digest = found.resolve('x', 'latest')
    storage.remove('images/' + image_id)
    other = v1.push_one(layer)
    v1.tag(other)
    assert found.resolve('x', 'latest') == digest
    assert content_of(v2, _DIGEST(layer)) == layer


@pytest.mark.once
def test_start_that_is_not_the_end(workers, v2):
    found = uploads.new_name()
    workers[0].append('a', found, 0, Stream(b'0123'), 0)
    for number, start in ((1, 0), (1, 5), (0, 1), (0, 3)):
        with pytest.raises(uploads.OutOfOrderError) as raised:
            workers[1].append('a', found, number, Stream(b'4567'), start)
        assert raised.value.state.rest == b'0123'
        with pytest.raises(uploads.OutOfOrderError):
            workers[1].finish('a', found, number, _DIGEST(b'01234567'),
                              Stream(b'4567'), start)
    # From an address of before, by one who knows how far it is.
    workers[1].append('a', found, 0, Stream(b'4567'), 4)
    workers[0].finish('a', found, 0, _DIGEST(b'0123456789'), Stream(b'89'), 8)
    assert content_of(v2, _DIGEST(b'0123456789')) == b'0123456789'


@pytest.mark.parametrize('start', [None, 0])
def test_end_at_the_first_address(workers, v2, start):
    found, content = uploads.new_name(), os.urandom(3 * _MIB)
    workers[0].append('a', found, 0, Stream(content))
    for last in (b'', content, content[:4]):
        with pytest.raises(uploads.OutOfOrderError) as raised:
            workers[1].finish('a', found, 0, _DIGEST(content), Stream(last),
                              start)
        assert raised.value.state.number == 1
    workers[1].finish('a', found, 1, _DIGEST(content), Stream(b''))
    assert content_of(v2, _DIGEST(content)) == content


@pytest.mark.once
def test_end_at_addresses_of_before(make_storage, v2):
    storage = make_storage(swift_segment_size=_MIB + _MIB // 2)
    # So few that segments are joined, and those before removed.
    storage.container._capabilities = storage.container.capabilities(
        )._replace(max_segments=12)
    worker, found = make(storage), uploads.new_name()
    pieces = [os.urandom(_MIB + _MIB // 2) for _ in range(20)]
    digest = _DIGEST(b''.join(pieces))
    for number, piece in enumerate(pieces):
        worker.append('a', found, number, Stream(piece))
    for number in range(len(pieces)):
        start = sum(map(len, pieces[:number]))
        for last, start in ((b'', None), (pieces[number], start)):
            with pytest.raises(uploads.OutOfOrderError) as raised:
                worker.finish('a', found, number, digest, Stream(last), start)
            assert raised.value.state.number == len(pieces)
    worker.finish('a', found, len(pieces), digest, Stream(b''))
    assert content_of(v2, digest) == b''.join(pieces)
    storage.remove_orphans(None)
    assert content_of(v2, digest) == b''.join(pieces)


def test_an_upload_becomes_one_blob(workers, v2, storage):
    found = uploads.new_name()
    pieces = [os.urandom(3 * _MIB), os.urandom(3 * _MIB)]
    for number, piece in enumerate(pieces):
        workers[0].append('a', found, number, Stream(piece))
    first, whole = _DIGEST(pieces[0]), _DIGEST(b''.join(pieces))
    workers[0].finish('a', found, 1, first, Stream(b''))
    for there in (False, True):
        with pytest.raises(uploads.UnknownUploadError):
            workers[1].finish('a', found, 2, whole, Stream(b''))
        assert v2.has_blob(whole) is there
        assert content_of(v2, first) == pieces[0]
        upload(workers, pieces)
    storage.remove_orphans(None)
    assert content_of(v2, first) == pieces[0]
    assert content_of(v2, whole) == b''.join(pieces)


def test_two_digests_for_an_upload_at_once(workers, v2, storage):
    found, content = uploads.new_name(), os.urandom(3 * _MIB)
    digests = [_DIGEST(content),
               'sha512:' + hashlib.sha512(content).hexdigest()]
    workers[0].append('a', found, 0, Stream(content))

    def other(position):
        workers[1].finish('a', found, 1, digests[1], Stream(b''))
    with pytest.raises(uploads.UnknownUploadError):
        workers[0].finish('a', found, 1, digests[0],
                          Stream(b'', before_read=other))
    assert not v2.has_blob(digests[0])
    assert content_of(v2, digests[1]) == content
    assert list(storage.orphans(None)) == []


@pytest.mark.once
@pytest.mark.parametrize('status', [413, 429])
def test_answer_that_is_lost_and_then_a_refusal(make_faulty, faults, v2,
                                                status):
    worker = make(make_faulty(swift_segment_size=_MIB, swift_retries=1,
                              swift_retry_delay=0.02))
    found, content = uploads.new_name(), os.urandom(3 * _MIB)

    def fail(part, function, *arguments):
        faults.inject(relay.lose(), 'PUT', part)
        faults.inject(relay.status(status), 'PUT', part)
        with pytest.raises(errors.SwiftError) as caught:
            function('a', found, *arguments)
        assert caught.value.status == status
    fail('/step-', worker.append, 0, Stream(content))
    with pytest.raises(uploads.OutOfOrderError):
        worker.append('a', found, 0, Stream(content))
    fail('/data?', worker.finish, 1, _DIGEST(content), Stream(b''))
    worker.finish('a', found, 1, _DIGEST(content), Stream(b''))
    assert content_of(v2, _DIGEST(content)) == content


@pytest.mark.once
@pytest.mark.parametrize('size', [10, 3 * _MIB])
def test_two_that_append_at_once(workers, v2, storage, size):
    found = uploads.new_name()
    gate = threading.Barrier(2) if hasattr(threading, 'Barrier') else None
    pieces = [os.urandom(size) for _ in workers]
    results = []

    def append(worker, piece):
        if gate:
            gate.wait()
        try:
            results.append((worker.append('a', found, 0, Stream(piece)),
                            piece))
        except uploads.OutOfOrderError as error:
            results.append((error, None))
    threads = [threading.Thread(target=append, args=each)
               for each in zip(workers, pieces)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2
    # Where Swift takes both, the later counts.
    state = workers[0].state('a', found, 1)
    won, = [piece for told, piece in results
            if piece is not None and told.segments == state.segments
            and told.rest == state.rest]
    workers[0].finish('a', found, 1, _DIGEST(won), Stream(b''))
    assert content_of(v2, _DIGEST(won)) == won
    storage.remove_orphans(None)
    assert content_of(v2, _DIGEST(won)) == won


@pytest.mark.once
def test_newest_step(workers):
    found = uploads.new_name()
    for number in range(12):
        workers[0].append('a', found, number, Stream(b'x'))
        for known in range(0, number + 2, 3):
            state = workers[1].state('a', found, known)
            assert (state.number, state.rest) == (
                number + 1, (number + 1) * b'x')


@pytest.mark.once
def test_unknown_uploads(workers, listed):
    found = uploads.new_name()
    workers[0].append('a', found, 0, Stream(b'some'))
    before = listed()
    assert is_unknown(workers[0], found, 1, name='b')
    assert is_unknown(workers[0], found, 2)
    assert is_unknown(workers[0], uploads.new_name(), 1)
    assert listed() == before


def is_unknown(worker, upload, number, name='a'):
    """Tell that nothing can be done with an upload."""
    for ask in (
            lambda: worker.state(name, upload, number),
            lambda: worker.append(name, upload, number, Stream(b'x')),
            lambda: worker.finish(name, upload, number, _DIGEST(b''),
                                  Stream(b'')),
            lambda: worker.cancel(name, upload, number)):
        with pytest.raises(uploads.UnknownUploadError):
            ask()
    return True


@pytest.mark.once
@pytest.mark.parametrize('pieces', [[], [b'some'], [3 * _MIB * b'x', b'y']])
def test_cancel(workers, listed, pieces, storage):
    found = uploads.new_name()
    for number, piece in enumerate(pieces):
        workers[0].append('a', found, number, Stream(piece))
    workers[1].cancel('a', found, 0)
    assert is_unknown(workers[0], found, len(pieces))
    assert is_unknown(workers[0], found, 0)
    assert listed() == list(storage.orphans(None))
    storage.remove_orphans(None)
    assert listed() == []


@pytest.mark.once
@pytest.mark.parametrize('pieces, last', [
    ([], b'some'), ([b'some'], b''), ([b'some'], b'more'),
    ([3 * _MIB * b'x'], b'')])
def test_end_that_is_asked_for_twice(workers, v2, storage, pieces, last):
    found = uploads.new_name()
    content = b''.join(pieces) + last
    for number, piece in enumerate(pieces):
        workers[0].append('a', found, number, Stream(piece))
    for worker in workers:
        stream = Stream(last)
        worker.finish('a', found, len(pieces), _DIGEST(content), stream)
        assert not stream.read(1)  # many clients read no answer before that
    assert content_of(v2, _DIGEST(content)) == content
    assert list(storage.orphans(None)) == []
    # Without a step there is nothing that shows that it is over.
    with pytest.raises(uploads.UnknownUploadError if pieces
                       else uploads.DigestError):
        workers[0].finish('a', found, len(pieces), _DIGEST(b'else'),
                          Stream(last))


@pytest.mark.parametrize('fails_at', [0, 100, 3 * _MIB])
def test_client_that_goes_away(workers, v2, listed, fails_at):
    found = uploads.new_name()
    workers[0].append('a', found, 0, Stream(b'begin'))
    before = listed()
    content = os.urandom(5 * _MIB)
    with pytest.raises(IOError):
        workers[0].append('a', found, 1, Stream(content, fails_at))
    with pytest.raises(IOError):
        workers[0].finish('a', found, 1, _DIGEST(b'begin' + content),
                          Stream(content, fails_at))
    with pytest.raises(IOError):
        workers[0].put('a', _DIGEST(content), Stream(content, fails_at))
    assert listed() == before
    # It comes back.
    assert states.size_bytes(workers[1].state('a', found, 0)) == 5
    workers[1].finish('a', found, 1, _DIGEST(b'begin' + content),
                      Stream(content))
    assert content_of(v2, _DIGEST(b'begin' + content)) == b'begin' + content


def test_live_segments_whose_owner_is_not_listed(
        workers, storage, v2, monkeypatch):
    content = os.urandom(3 * _MIB)
    digest = upload(workers, [content])
    listed = storage.container.list
    monkeypatch.setattr(storage.container, 'list', lambda *arguments: (
        entry for entry in listed(*arguments)
        if not names.is_owner_name(entry['name'])))
    assert list(storage.orphans(None)) == []
    storage.remove_orphans(None)
    assert content_of(v2, digest) == content


@pytest.mark.once
def test_abandoned_uploads_are_orphans(workers, storage, listed, v2):
    digest = upload(workers, [3 * _MIB * b'x'])
    kept = listed()
    found = uploads.new_name()
    for number, size in enumerate((3 * _MIB, 10)):
        workers[0].append('a', found, number, Stream(size * b'y'))
    assert list(storage.orphans()) == []
    storage.remove_orphans(None)
    assert listed() == kept
    # Without its blob, which registry:2 may have removed, nobody needs the
    # rest.
    storage.container.delete(_LAYOUT.blob(digest))
    storage.remove_orphans(None)
    assert listed() == [_LAYOUT.layer_link('a/b', digest)]


def test_mount(workers, v2):
    digest = upload(workers, [b'some'], name='from')
    assert not workers[0].mount('a', digest, 'other')
    assert not workers[0].mount('a', _DIGEST(b''), 'from')
    assert not v2.has_layer('a', digest)
    assert workers[0].mount('a', digest, 'from')
    assert v2.has_layer('a', digest)


@pytest.mark.once
def test_no_request_is_open_while_the_client_pauses(make_storage, services):
    storage = make_storage(swift_segment_size=_SEGMENT)
    worker = make(storage)
    found = uploads.new_name()
    worker.append('a', found, 0, Stream(b'begin'))
    in_use = []

    def look(position):
        # What is on its way ends by itself.
        for _ in range(100):
            if not storage.statistics()['pool']['in_use']:
                break
            time.sleep(0.05)
        in_use.append(storage.statistics()['pool']['in_use'])
    content = os.urandom(5 * _MIB)
    worker.append('a', found, 1, Stream(content, before_read=look))
    assert len(in_use) > 5 and not any(in_use)


#: All that an upload asks of Swift, in order, by method and part of the path.
_REQUESTS = [
    ('PUT', '-00000000'), ('PUT', '/step-00000001'),
    ('GET', '/step-00000001'), ('PUT', '-last'), ('PUT', '/owner'),
    ('PUT', '/data'), ('PUT', '/link'),
    ('DELETE', '/step-00000001')]
_READS = [each for each in _REQUESTS if each[0] == 'GET']
_WRITES = [each for each in _REQUESTS if each[0] != 'GET']
#: What happens, and to which of them.
_FAULTS = {
    'refused': (relay.status(503), _REQUESTS),
    'failed': (relay.status(500), _REQUESTS),
    'dropped': (relay.drop(), _REQUESTS), 'lost': (relay.lose(), _REQUESTS),
    'token ended': (relay.end_token(), _REQUESTS),
    'not from Swift': (relay.answer('{}'), _REQUESTS),
    'answer cut': (relay.cut(5), _READS), 'ended': (relay.end(5), _READS),
    'answer damaged': (relay.damage(5), _READS),
    'frozen': (relay.freeze(5), _READS),
    'damaged': (relay.damage_request(5), _WRITES),
    'late': (None, _REQUESTS)}
#: swift_timeout of those that end by it; of others no busy machine meets it.
_TIMEOUTS_SECONDS = {'frozen': 4, 'late': 4}


def test_requests_of_an_upload(make_faulty, faults):
    worker = make(make_faulty(swift_segment_size=_MIB))
    before = len(faults.requests)
    upload_in_spite(worker, os.urandom(_MIB + 17))
    asked = faults.requests[before:]
    assert len(asked) == len(_REQUESTS)
    assert all(request.method == method and part in request.path
               for request, (method, part) in zip(asked, _REQUESTS))


@pytest.mark.once
@pytest.mark.parametrize('fault, retries', [
    (fault, 0) for fault in sorted(_FAULTS)] + [('lost', 3), ('late', 3)])
def test_faults(make_storage, storage, services, v2, fault, retries):
    """Each fault at each request of an upload, all of them at once."""
    storage.put_content('a', b'')  # makes the container
    action, requests = _FAULTS[fault]

    def survive(each):
        with relay.Relay(services['port']) as between:
            faulty = make_storage(
                swift_authurl='http://127.0.0.1:%d/auth/v1.0' % between.port,
                swift_retries=retries, swift_retry_delay=0.02,
                swift_segment_size=_MIB,
                swift_timeout=_TIMEOUTS_SECONDS.get(fault, 60))
            faulty.check()
            faulty.container.capabilities()
            arrived = threading.Event()

            def late(relay_, client, request):
                time.sleep(_TIMEOUTS_SECONDS['late'] + 1)  # nobody waits
                relay_.ask(request)
                arrived.set()
            between.inject(action or late, *each)
            content = os.urandom(_MIB + 17)
            digest = upload_in_spite(make(faulty), content)
            assert between.count(*each)
            assert action or arrived.wait(60)
        return digest, content
    with futures.ThreadPoolExecutor(len(requests)) as executor:
        pushed = list(executor.map(survive, requests))
    for _ in range(2):
        for digest, content in pushed:
            assert content_of(v2, digest) == content
        storage.remove_orphans(None)
    assert list(storage.orphans(None)) == []


def upload_in_spite(worker, content):
    """Upload but for the last bytes, then those; ask again where it fails."""
    digest = _DIGEST(content)
    found = uploads.new_name()
    try:
        again(worker.append, 'a', found, 0, Stream(content[:-10]))
    except uploads.OutOfOrderError as error:
        # The step was written, its answer lost.
        assert error.state.number == 1
    again(worker.finish, 'a', found, 1, digest, Stream(content[-10:]))
    return digest


def again(function, *arguments):
    """Call a function, again if Swift has failed."""
    for _ in range(9):
        try:
            return function(*arguments)
        except errors.SwiftError:
            for argument in arguments:
                if isinstance(argument, Stream):
                    argument._body.seek(0)
    return function(*arguments)


@pytest.mark.once
def test_state_that_is_not_one(workers, storage):
    found = uploads.new_name()
    name = '%s/step-%08d' % (names.segments_prefix(
        _LAYOUT.uploads('a'), found).rstrip('/'), 1)
    for content in (b'', b'[]', b'{}\n', b'\xff', json.dumps(
            {'segments': 1, 'sha256': None}).encode()):
        storage._small_objects.write(name, content)
        with pytest.raises(errors.BrokenObjectError):
            workers[0].append('a', found, 1, Stream(b''))
