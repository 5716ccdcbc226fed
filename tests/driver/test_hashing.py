import hashlib
import os
import subprocess
import sys

from docker_registry.drivers.swift import hashing
import pytest

_SCRIPT = '''
import gevent.monkey
gevent.monkey.patch_all()
import hashlib, os
import gevent, gevent.pool
from docker_registry.drivers.swift import hashing

def work(number):
    chunks = [os.urandom(200000 + number) for _ in range(20)]
    md5 = hashing.Digest('md5')
    for chunk in chunks:
        md5.update(chunk)
        gevent.sleep(0)
    return md5.hexdigest() == hashlib.md5(b''.join(chunks)).hexdigest()

def give_up():
    md5 = hashing.Digest('md5')
    while True:
        md5.update(b'1' * 1000000)

victim = gevent.spawn(give_up)
gevent.sleep(0.05)
victim.kill()
assert gevent.pool.Pool(16).map(work, range(32)) == [True] * 32
assert gevent.get_hub().threadpool.size > 0
'''


@pytest.mark.parametrize('size', [0, 1, 1024 * 1024, 3 * 1024 * 1024 + 1])
def test_every_byte_in_order(size):
    content = os.urandom(size)
    md5 = hashing.Digest('md5')
    for first in range(0, size, 100000):
        md5.update(content[first:first + 100000])
    for _ in range(2):
        assert md5.hexdigest() == hashlib.md5(content).hexdigest()
    md5.update(b'more')
    assert md5.hexdigest() == hashlib.md5(content + b'more').hexdigest()


def test_native_threads_under_gevent():
    subprocess.check_call([sys.executable, '-c', _SCRIPT],
                          env=dict(os.environ, PYTHONWARNINGS='ignore'))
