"""Bodies of requests, in the registry's own Python."""

import subprocess

import pytest

from stack import environments

_SCRIPT = '''
import io, random
from docker_registry.drivers.swift.registry import request_body
from gunicorn.http import body, errors, unreader

content = b''.join(b'%06d\\n' % number for number in range(100000))

def pieces(data):
    random.seed(1)
    while data:
        size = random.choice((1, 100, 8192))
        yield data[:size]
        data = data[size:]

def chunked(data, end=b'0\\r\\n\\r\\n'):
    for start in range(0, len(data), 65536):
        chunk = data[start:start + 65536]
        yield b'%x\\r\\n' % len(chunk) + chunk + b'\\r\\n'
    yield end

class Request(object):
    def __init__(self, data):
        self.unreader = unreader.IterUnreader(pieces(data))

def by_chunks(data, end=b'0\\r\\n\\r\\n'):
    return sent(b''.join(chunked(data, end)))

def sent(data):
    request = Request(data)
    return widened(body.ChunkedReader(request, request.unreader))

def by_length(data, length):
    source = unreader.IterUnreader(pieces(data))
    return widened(body.LengthReader(source, length))

def widened(reader):
    environ = {'wsgi.input': body.Body(reader)}
    request_body.widen(environ)
    assert type(environ['wsgi.input']) is not body.Body
    return environ['wsgi.input']

def read_all(stream, size):
    parts = list(iter(lambda: stream.read(size), b''))
    assert all(len(part) == size for part in parts[:-1])
    return b''.join(parts)
'''


@pytest.fixture
def run():
    def run(code):
        subprocess.check_call(
            [environments.build('registry'), '-c', _SCRIPT + code])
    return run


@pytest.mark.parametrize('size', [1000, 1024, 65536, 131072, 1000000])
def test_every_byte(run, size):
    run('assert read_all(by_chunks(content), %d) == content\n' % size)
    run('assert read_all(by_length(content + b"more", len(content)), %d)'
        ' == content\n' % size)


def test_all_of_it_and_lines(run):
    run('''
for stream in by_chunks(content), by_length(content, len(content)):
    assert stream.read(0) == b''
    assert stream.read(10) == content[:10]
    assert stream.readline() == content[10:14]
    assert stream.read() == content[14:]
    assert stream.read() == stream.read(5) == b''
assert b''.join(by_chunks(content)) == content
''')


def test_no_body(run):
    run('''
assert by_length(b'', 0).read() == b''
assert by_chunks(b'').read(1000) == b''
''')


def test_a_client_that_is_gone(run):
    # Wherever that is; it must not take for ever to see it.
    run('''
import signal
signal.alarm(30)
data = b''.join(chunked(b'hello', b'6\\r\\nworld!\\r\\n0\\r\\n'))
assert sent(data).read() == b'helloworld!'
for sent_bytes in range(len(data)):
    try:
        sent(data[:sent_bytes]).read()
    except errors.NoMoreData:
        continue
    assert False, 'taken for a whole body: %r' % data[:sent_bytes]
''')


def test_without_gunicorn(run):
    run('''
for found in io.BytesIO(b'1'), None:
    environ = {'wsgi.input': found}
    request_body.widen(environ)
    assert environ == {'wsgi.input': found}
''')
