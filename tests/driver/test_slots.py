"""Slots: which requests wait for one, and for how long."""

import contextlib
import io
import subprocess
import sys
import threading

import pytest
import relay

from docker_registry.core import exceptions
from docker_registry.drivers.swift.v2 import states
from docker_registry.drivers.swift.v2 import store
from docker_registry.drivers.swift.v2 import uploads

_SCRIPT = '''
import gevent.monkey
gevent.monkey.patch_all()
import gevent
from docker_registry.drivers.swift.client import slots

one = slots.Slots(1)
one.acquire()
ended = gevent.spawn(one.acquire, 60)
waiting = gevent.spawn(one.acquire, 60)
gevent.sleep(0)
ended.kill()
one.release()
waiting.get(timeout=60)
print(one.free())
'''


def test_one_who_is_ended_takes_no_turn_from_another():
    assert subprocess.check_output(
        [sys.executable, '-c', _SCRIPT]).split() == [b'0']


@contextlib.contextmanager
def stalled(storage, faults, pushes):
    """Let threads push until they have all slots of uploads; give those."""
    faults.inject(relay.stall(3), 'PUT', '.segments', times=100)
    for push in pushes:
        push.start()
    slots = storage._container._pool._process.upload_slots
    while slots.free() or not slots.waiting:
        assert any(push.is_alive() for push in pushes)
    yield slots
    faults._rules = []
    for push in pushes:
        push.join()
    assert slots.free() == 3


def test_small_requests_do_not_wait_for_uploads(make_storage, faults):
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_segment_size=1000, swift_connections=4)
    storage.put_content('a', b'1')
    pushes = [threading.Thread(target=storage.stream_write, args=(
        'layer%d' % number, io.BytesIO(b'1' * 6000))) for number in range(6)]
    with stalled(storage, faults, pushes) as slots:
        assert storage.get_content('a') == b'1'
        storage.put_content('a', b'2')
        assert not slots.free()
    assert storage.get_size('layer5') == 6000


def test_small_requests_do_not_wait_for_pieces_of_uploads(make_storage,
                                                          faults):
    """Of v2, whose last bytes are written together with how far it is."""
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_connections=4)
    storage.put_content('a', b'1')
    worker = uploads.Uploads(
        storage.settings, storage.container,
        store.Store(storage.settings, storage.container))
    names = [uploads.new_name() for _ in range(6)]
    pushes = [threading.Thread(target=worker.append, args=(
        'a', name, 0, io.BytesIO(600000 * b'1'))) for name in names]
    with stalled(storage, faults, pushes) as slots:
        assert storage.get_content('a') == b'1'
        assert not slots.free()
    assert states.size_bytes(worker.state('a', names[5], 0)) == 600000


@pytest.mark.parametrize('upload', [True, False])
def test_waiting_for_a_slot_is_bounded(make_storage, upload):
    storage = make_storage(swift_connections=1, swift_timeout=1)
    storage.put_content('a', b'1')
    process = storage._container._pool._process
    taken = process.upload_slots if upload else process.slots
    assert taken.acquire()
    with pytest.raises(exceptions.UnreachableError) as caught:
        if upload:
            storage.stream_write('layer', io.BytesIO(b'1'))
        else:
            storage.exists('a')
    assert 'swift_connections' in str(caught.value)
    taken.release()
    assert storage.exists('a') is True
    storage.stream_write('layer', io.BytesIO(b'1'))
    assert taken.free() == 1
