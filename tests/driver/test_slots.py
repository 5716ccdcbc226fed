"""Slots, where gevent ends those who wait for one."""

import subprocess
import sys

_SCRIPT = '''
import gevent.monkey
gevent.monkey.patch_all()
import gevent
from docker_registry.drivers.swift.client import slots

one = slots.Slots(1)
one.acquire()
ended = gevent.spawn(one.acquire)
waiting = gevent.spawn(one.acquire)
gevent.sleep(0)
ended.kill()
one.release()
waiting.get(timeout=10)
print(one.free())
'''


def test_one_who_is_ended_takes_no_turn_from_another():
    assert subprocess.check_output(
        [sys.executable, '-c', _SCRIPT]).split() == [b'0']
