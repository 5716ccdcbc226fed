import hashlib
import os
import subprocess
import sys

import pytest

from docker_registry.drivers.swift.objects import hashing

_SCRIPT = '''
import gevent.monkey
gevent.monkey.patch_all()
import hashlib, os
import gevent, gevent.pool
from docker_registry.drivers.swift.objects import hashing

def work(number):
    name = ('md5', 'sha256')[number % 2]
    chunks = [os.urandom(200000 + number) for _ in range(20)]
    digest = hashing.Digest(name)
    for chunk in chunks:
        digest.update(chunk)
        gevent.sleep(0)
    found = [digest.hexdigest(), digest.hexdigest()]
    return found == 2 * [hashlib.new(name, b''.join(chunks)).hexdigest()]

def give_up():
    digest = hashing.Digest('sha256')
    while True:
        digest.update(b'1' * 1000000)

victim = gevent.spawn(give_up)
gevent.sleep(0.05)
victim.kill()
assert gevent.pool.Pool(16).map(work, range(32)) == [True] * 32
assert gevent.get_hub().threadpool.size > 0
'''


@pytest.mark.parametrize('name', ['md5', 'sha256'])
@pytest.mark.parametrize('size', [0, 1, 1024 * 1024, 3 * 1024 * 1024 + 1])
def test_every_byte_in_order(name, size):
    content = os.urandom(size)
    digest = hashing.Digest(name)
    for first in range(0, size, 100000):
        digest.update(content[first:first + 100000])
    for _ in range(2):
        assert digest.hexdigest() == hashlib.new(name, content).hexdigest()
    digest.update(b'more')
    assert digest.hexdigest() == hashlib.new(
        name, content + b'more').hexdigest()


def test_which_digests_let_others_run(monkeypatch):
    try:
        import _hashlib  # noqa: F401
        expected = hashlib.new
    except ImportError:
        expected = hashing._Unlocked
    assert hashing._find_unlocked() is expected
    # One that does not load is done without, and a Python 3 needs none.
    monkeypatch.setitem(sys.modules, 'cryptography.hazmat', None)
    assert hashing._find_unlocked() is hashlib.new


def test_native_threads_under_gevent():
    subprocess.check_call([sys.executable, '-c', _SCRIPT],
                          env=dict(os.environ, PYTHONWARNINGS='ignore'))
