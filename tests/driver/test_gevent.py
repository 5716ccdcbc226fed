"""Greenlets in a process that gevent has patched, as in the registry."""

import json
import os
import subprocess
import sys

_SCRIPT = '''
import gevent.monkey
gevent.monkey.patch_all()
import json, os, sys
import gevent, gevent.pool
from docker_registry.drivers.swift import Storage
from docker_registry.testing import Config

storage = Storage('/registry', Config(json.loads(sys.argv[1])))

class Stream(object):
    def __init__(self, content):
        self.chunks = [content[:100000], content[100000:], b'']
    def read(self, size):
        gevent.sleep(0)  # as a client that sends slowly
        return self.chunks.pop(0)

def work(number):
    path, content = 'images/%d/layer' % number, os.urandom(300000 + number)
    storage.stream_write(path, Stream(content))
    abandoned = storage.stream_read(path)
    next(abandoned)
    received = b''
    for chunk in storage.stream_read(path):
        gevent.sleep(0)
        received += chunk
    assert received == content
    # A client that is gone: gevent ends the greenlet that reads.
    def read_forever():
        for chunk in storage.stream_read(path):
            gevent.sleep(1)
    reader = gevent.spawn(read_forever)
    gevent.sleep(0.05)
    reader.kill()
    # And one that waits for Swift.
    asker = gevent.spawn(storage.get_content, path)
    gevent.sleep(0.001 * number)
    asker.kill()
    return number

numbers = gevent.pool.Pool(16).map(work, range(64))
slots = storage._container._pool._process.slots
print(json.dumps([numbers, len(list(storage.list_directory('images'))),
                  slots.free()]))
'''


def test_greenlets(swift_settings):
    output = subprocess.check_output(
        [sys.executable, '-c', _SCRIPT, json.dumps(swift_settings)],
        env=dict(os.environ, PYTHONWARNINGS='ignore'))
    assert json.loads(output.decode('utf-8')) == [list(range(64)), 64, 32]
