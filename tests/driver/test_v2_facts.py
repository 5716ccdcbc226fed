import bz2
import hashlib
import random
import subprocess
import sys

import hypothesis
from hypothesis import strategies
import pytest
import v1_images

from docker_registry.drivers.swift import compat
from docker_registry.drivers.swift.v2 import facts

if compat.PY2:
    from backports import lzma
else:
    import lzma

_JSON = b'{"id": "1"}'


_COMPRESS = {'tar': bytes, 'gzip': v1_images.gzipped, 'bzip2': bz2.compress,
             'xz': lzma.compress}


def chunks(content, size):
    return [content[start:start + size]
            for start in range(0, len(content), size)]


def read(content, size=100000):
    """Return the Facts of a layer, and the archive in it."""
    found = facts.Pass('ab', _JSON)
    archive = b''.join(found.read(chunks(content, size)))
    return found.facts(), archive


def sha256(content):
    return 'sha256:' + hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize('kind', sorted(_COMPRESS))
@pytest.mark.parametrize('chunk_bytes', [1, 1000, 10 ** 7])
def test_facts(kind, chunk_bytes):
    archive = v1_images.tar(2000 if chunk_bytes == 1 else 3000000)
    layer = _COMPRESS[kind](archive)
    found, read_archive = read(layer, chunk_bytes)
    assert read_archive == archive
    assert found == facts.Facts(
        kind, sha256(layer), len(layer), sha256(archive), len(archive),
        sha256(_JSON + b'\n' + layer), False)


@pytest.mark.parametrize('kind', sorted(_COMPRESS))
def test_layer_of_zero_bytes_is_empty(kind):
    found, archive = read(_COMPRESS[kind](10240 * b'\0'))
    assert found.is_empty and archive == 10240 * b'\0'
    # Padding of any length behind the archive counts for the diff_id.
    assert found.diff_id == sha256(10240 * b'\0')


def test_one_byte_at_the_end_is_not_empty():
    assert not read(3000000 * b'\0' + b'1')[0].is_empty


@pytest.mark.parametrize('kind', ['gzip', 'bzip2', 'xz'])
def test_several_streams_are_one_layer(kind):
    parts = [v1_images.tar(3000), b'', v1_images.tar(200000), v1_images.tar(1)]
    layer = b''.join(map(_COMPRESS[kind], parts))
    for size in (1, 100, 10 ** 6):
        assert read(layer, size)[1] == b''.join(parts)
    # A chunk ends where a stream ends.
    found = facts.Pass('ab', _JSON)
    assert b''.join(found.read(map(_COMPRESS[kind], parts))) == b''.join(parts)


def test_padding_of_xz():
    archive = v1_images.tar(3000)
    padded = lzma.compress(archive) + 8 * b'\0'
    assert read(padded + padded, 50)[1] == 2 * archive
    assert read(padded, 10 ** 6)[1] == archive


@pytest.mark.parametrize('kind', ['gzip', 'bzip2', 'xz'])
@pytest.mark.parametrize('change', [
    lambda layer: layer[:-1], lambda layer: layer[:len(layer) // 2],
    lambda layer: layer[:8], lambda layer: layer[:-5],
    lambda layer: layer + b'more',
    lambda layer: layer[:60] + b'damaged' + layer[67:]])
def test_damaged_layer(kind, change):
    layer = change(_COMPRESS[kind](v1_images.tar(3000)))
    for size in (1, 10 ** 6):
        with pytest.raises(facts.DamagedError) as caught:
            read(layer, size)
        assert str(caught.value).startswith('image ab: its layer')
        assert caught.value.image_id == 'ab'


def test_layer_of_no_bytes():
    with pytest.raises(facts.DamagedError) as caught:
        read(b'')
    assert str(caught.value) == 'image ab: its layer has no bytes'


def test_zstd():
    with pytest.raises(facts.DamagedError) as caught:
        read(b'\x28\xb5\x2f\xfd' + 100 * b'1')
    assert 'zstd' in str(caught.value)


def test_short_layer_is_a_tar():
    assert read(b'BZ')[0].kind == 'tar'


@hypothesis.given(strategies.sampled_from(['gzip', 'bzip2', 'xz']),
                  strategies.binary(max_size=300), strategies.data())
def test_any_damage_is_told(kind, archive, data):
    layer = bytearray(_COMPRESS[kind](archive))
    position = data.draw(strategies.integers(0, len(layer) - 1))
    layer[position] ^= data.draw(strategies.integers(1, 255))
    try:
        found, read_archive = read(bytes(layer))
    except facts.DamagedError as error:
        assert str(error).startswith('image ab: its layer')
    else:
        # Another kind, or a field of gzip's that says nothing of the content.
        assert found.kind == 'tar' or read_archive == archive
        assert found.digest == sha256(bytes(layer))


_BOMBS = '''
import bz2, hashlib, io, resource, sys, zlib
try:
    from backports import lzma
except ImportError:
    import lzma
from docker_registry.drivers.swift.v2 import facts

def stream(compressor, mebibytes):
    # A layer of so many MiB of nothing.
    chunk = 1024 * 1024 * b'\\0'
    for _ in range(mebibytes):
        yield compressor.compress(chunk)
    yield compressor.flush()

compressors = {
    'gzip': lambda: zlib.compressobj(9, zlib.DEFLATED, 31),
    'bzip2': bz2.BZ2Compressor, 'xz': lzma.LZMACompressor}
# In one chunk each: what comes out is bounded, not only what goes in.
mebibytes = int(sys.argv[2])
layer = b''.join(stream(compressors[sys.argv[1]](), mebibytes))
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = facts.Pass('ab', b'{}')
for piece in found.read([layer]):
    pass
assert found.facts().tar_bytes == mebibytes * 1024 * 1024
assert found.facts().is_empty
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used)
'''


@pytest.mark.parametrize('kind, mebibytes', [
    ('gzip', 800), ('bzip2', 400), ('xz', 600)])
def test_memory_is_bounded(kind, mebibytes):
    used_kib = int(subprocess.check_output(
        [sys.executable, '-c', _BOMBS, kind, str(mebibytes)]))
    assert used_kib < 200 * 1024


_GEVENT = '''
import gevent.monkey
gevent.monkey.patch_all()
import gevent, gzip, hashlib, io, os, sys
from docker_registry.drivers.swift.v2 import facts

content = os.urandom(4000000) + 40000000 * b'1'
packed = io.BytesIO()
with gzip.GzipFile('name', 'wb', fileobj=packed) as stream:
    stream.write(content)
packed = packed.getvalue()
turns = []

def others():
    while True:
        turns.append(1)
        gevent.sleep(0)

other = gevent.spawn(others)
found = facts.Pass('ab', b'{}')
for _ in found.read([packed]):
    pass
assert found.facts().diff_id == (
    'sha256:' + hashlib.sha256(content).hexdigest())
assert found.facts().digest == 'sha256:' + hashlib.sha256(packed).hexdigest()
other.kill()
assert len(turns) > 30, turns
try:
    list(facts.Pass('ab', b'{}').read([packed[:-1]]))
except facts.DamagedError:
    pass
else:
    raise AssertionError('not damaged')
'''


def test_others_have_their_turn_under_gevent():
    subprocess.check_output([sys.executable, '-c', _GEVENT])


def test_what_reading_raises_is_passed_on():
    def broken():
        yield v1_images.gzipped(v1_images.tar(3000))[:100]
        raise KeyError('broken')
    with pytest.raises(KeyError):
        list(facts.Pass('ab', _JSON).read(broken()))


def test_layer_in_random_chunks():
    archive = v1_images.tar(300000)
    layer = v1_images.gzipped(archive)
    pieces = []
    while layer:
        size = random.choice([0, 1, 5, 1000, 70000])
        pieces.append(layer[:size])
        layer = layer[size:]
    assert b''.join(facts.Pass('ab', _JSON).read(pieces)) == archive
