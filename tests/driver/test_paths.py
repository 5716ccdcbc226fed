"""Whatever path comes: a clear error before any request, or a round trip."""

import io
import os

import hypothesis
from hypothesis import strategies
import pytest

from docker_registry.drivers.swift import Storage
from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift import names
from docker_registry.drivers.swift.compat import encoded
from docker_registry.drivers.swift.compat import native
from docker_registry.testing import Config

#: What means something to URLs, HTTP, Swift, JSON, Python or the registry.
_HOSTILE = [
    u'', u'.', u'..', u'...', u'%', u'%2F', u'%2e%2e', u'%00', u'\0', u'\n',
    u'a\r\nX-Evil: 1', u'\x7f', u' ', u'a b ', u'+', u'?', u'a?b=c', u'#',
    u'&', u';', u':', u'~', u'"', u"'", u'\\', u'{}', u'[', u'*', u'<>',
    u'\xe4', u'\u20ac', u'\U0001f433', u'\u202e', u'.segments', u'_inprogress',
    u'images', u'a' * 1100]

_PARTS = strategies.one_of(strategies.sampled_from(_HOSTILE),
                           strategies.text(max_size=20))
_PATHS = strategies.one_of(
    strategies.lists(_PARTS, min_size=1, max_size=4).map(u'/'.join),
    # Whatever bytes, as the text that Python 3 makes of them.
    strategies.binary(max_size=20).map(lambda path: path if str is bytes
                                       else os.fsdecode(path)))

# Real requests take what they take.
_ON_SWIFT = hypothesis.settings(
    deadline=None, max_examples=50,
    suppress_health_check=list(hypothesis.HealthCheck))


@hypothesis.given(_PATHS, strategies.sampled_from(
    ['', '/', '/registry', u'/b\xfccher']))
def test_name_and_path_undo_each_other(path, root):
    found = names.Names(native(root))
    try:
        name = found.object_name(path)
    except errors.InvalidPathError as error:
        assert repr(path) in str(error)
        return
    assert isinstance(name, str)
    assert found.path(name) == native(path).strip('/')
    assert not name.startswith(names.SEGMENTS)
    assert not set(name.split('/')) & {'', '.', '..'}
    assert len(encoded(name)) <= 1024


@pytest.fixture(scope='module')
def storages(services):
    """A small object's storage and one that segments, in one container."""
    settings = dict(services['settings'], swift_container='paths')
    return [Storage('/registry', Config(settings)),
            Storage('/registry', Config(dict(settings,
                                             swift_segment_size=3)))]


def round_trip(storage, path):
    try:
        storage.stream_write(path, io.BytesIO(b'a layer'))
    except errors.InvalidPathError:
        with pytest.raises(errors.InvalidPathError):
            storage.exists(path)
        return
    try:
        assert storage.exists(path)
        assert storage.get_size(path) == 7
        assert b''.join(storage.stream_read(path)) == b'a layer'
        directory = native(path).strip('/').rpartition('/')[0]
        assert native(path).strip('/') in storage.list_directory(directory)
    finally:
        storage.remove(path)
    assert not storage.exists(path)
    assert list(storage.orphans(0)) == []


@hypothesis.given(path=_PATHS)
@_ON_SWIFT
def test_round_trip(storages, path):
    round_trip(storages[0], path)


@hypothesis.given(path=_PATHS)
@_ON_SWIFT
def test_round_trip_in_segments(storages, path):
    round_trip(storages[1], path)


@hypothesis.given(parts=strategies.tuples(*[
    strategies.text(min_size=1, max_size=12)] * 3))
@_ON_SWIFT
def test_whatever_the_registry_quotes_makes_a_path(storages, parts):
    storage = storages[0]
    path = storage.tag_path(*[native(part) for part in parts])
    assert storage.put_content(path, b'1') == path
    assert list(storage.list_directory(
        storage.tag_path(*map(native, parts[:2])))) == [path]
    storage.remove(path)


@pytest.mark.parametrize('path', [
    '.segments', 'a/../b', '/', 'a//b', 'a\0b', 'a' * 1025, u'\ud800',
    b'\xff' if str is bytes else u'\udcff'])
def test_nothing_is_asked_of_swift_for_a_bad_path(make_storage, path):
    # Nobody answers there: a request would be another error.
    storage = make_storage('/', swift_authurl='http://127.0.0.1:9/auth/v1.0',
                           swift_retries=0)
    for call in (storage.get_content, storage.stream_read, storage.exists,
                 storage.get_size, storage.remove,
                 storage.content_redirect_url,
                 lambda path: storage.put_content(path, b''),
                 lambda path: storage.stream_write(path, io.BytesIO(b'1'))):
        with pytest.raises(errors.InvalidPathError) as caught:
            call(path)
        assert repr(path) in str(caught.value)
