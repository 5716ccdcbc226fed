"""What is asked before it is needed, and that it is what was asked for."""

import io
import os
import subprocess
import sys
import threading
import time

import pytest
import relay

from docker_registry.core import exceptions
from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift.registry import request

_ID, _CHILD_ID = '1' * 64, '2' * 64
_CHILD_JSON = 'images/%s/json' % _CHILD_ID
_MARK, _JSON, _ANCESTRY, _LAYER = (
    'images/%s/%s' % (_ID, name)
    for name in ('_inprogress', 'json', 'ancestry', 'layer'))
_CONTENT = b'content of a layer' * 10000


@pytest.fixture
def reader(faulty_storage, make_storage):
    """A storage that knows nothing of what another one has written."""
    writer = make_storage()
    writer.put_content(_JSON, b'{}')
    writer.put_content(_ANCESTRY, b'[]')
    writer.put_content(_LAYER, _CONTENT)
    # It logs in, and dials.
    assert not faulty_storage.exists('warm')
    return faulty_storage


def begin(storage, endpoint, image_id, reads=False, **options):
    """Begin a request as the extension does."""
    storage.begin(request.Request(
        endpoint, image_id, reads=(storage.image_layer_path(image_id)
                                   if reads else None), **options))


def begin_child(storage, **options):
    """Say that an image is pushed whose parent is the one that is there."""
    begin(storage, 'put_image_json', _CHILD_ID, find_parent=lambda: _ID,
          **options)


def in_use(storage):
    return storage.statistics()['pool']['in_use']


@pytest.mark.parametrize('asks_index,at_once', [(True, 2), (False, 3)])
def test_what_is_going_to_be_asked_is_asked_at_once(reader, faults,
                                                    asks_index, at_once):
    for verb, path in (('HEAD', _JSON), ('GET', _ANCESTRY),
                       ('HEAD', _CHILD_JSON)):
        faults.inject(relay.stall(1), verb, path)
    answers = []

    def serve():
        begin_child(reader, asks_index=asks_index)
        answers.append(reader.exists(_JSON))
        answers.append(reader.get_content(_ANCESTRY))
    serving = threading.Thread(target=serve)
    serving.start()
    most = 0
    while serving.is_alive():
        most = max(most, in_use(reader))
        time.sleep(0.01)
    assert most == at_once
    assert faults.count('HEAD', _CHILD_JSON) == at_once - 2
    assert answers == [True, b'[]']
    assert faults.count('HEAD', _JSON) == faults.count('GET', _ANCESTRY) == 1


def test_an_answer_is_true_until_it_is_written(reader, faults):
    begin(reader, 'put_image_checksum', _ID)
    for _ in range(2):
        assert reader.get_size(_LAYER) == len(_CONTENT)
        assert reader.exists('other') is False
    assert faults.count('HEAD', _LAYER) == faults.count('HEAD', 'other') == 1
    reader.put_content('other', b'')
    reader.stream_write(_LAYER, io.BytesIO(b'new'))
    assert reader.exists('other') is True
    assert reader.get_size(_LAYER) == 3
    reader.remove('other')
    assert reader.exists('other') is False


def test_a_failure_is_its_own_question_s(reader, faults):
    begin_child(reader)
    faults.inject(relay.status(507), 'GET', _ANCESTRY)
    assert reader.exists(_JSON) is True
    for _ in range(2):
        with pytest.raises(errors.SwiftError) as caught:
            reader.get_content(_ANCESTRY)
        assert caught.value.status == 507
    reader.end()
    assert reader.get_content(_ANCESTRY) == b'[]'


def test_a_failure_of_what_is_asked_first(reader, faults):
    begin(reader, 'get_image_json', _ID)
    faults.inject(relay.status(507), 'GET', _JSON)
    with pytest.raises(errors.SwiftError) as caught:
        reader.exists(_MARK)
    assert caught.value.status == 507


def test_nothing_is_asked_for_nothing(reader, faults):
    before = len(faults.requests)
    begin(reader, 'put_image_json', _ID,
          find_parent=lambda: pytest.fail('there was no question'))
    reader.end()
    begin(reader, 'put_image_json', _ID, find_parent=lambda: None)
    assert reader.exists(_MARK) is False
    assert len(faults.requests) == before + 1


def test_of_others_nothing_is_known(reader, faults):
    begin(reader, 'get_favicon', _ID)
    assert reader.exists(_MARK) is False
    assert reader.get_size(_LAYER) == len(_CONTENT)
    assert faults.count('HEAD', _MARK) == faults.count('HEAD', _LAYER) == 1


def test_what_was_served_before_is_forgotten(reader, faults):
    begin(reader, 'get_image_json', _ID)
    assert reader.exists(_MARK) is False
    reader.end()
    assert reader.get_size(_LAYER) == len(_CONTENT)
    assert faults.count('HEAD', _LAYER) == 2


def test_others_serve_something_else(reader, faults):
    begin(reader, 'get_image_layer', _ID, reads=True)
    other = threading.Thread(target=reader.exists, args=(_LAYER,))
    other.start()
    other.join()
    assert faults.count('HEAD', _LAYER) == 1
    assert faults.count('GET', 'registry/') == 0


def test_a_layer_is_opened_when_it_is_looked_for(reader, faults):
    before = len(faults.requests)
    begin(reader, 'get_image_layer', _ID, reads=True)
    assert reader.exists(_LAYER) is True
    assert reader.get_size(_LAYER) == len(_CONTENT)
    assert b''.join(reader.stream_read(_LAYER)) == _CONTENT
    assert len(faults.requests) == before + 1
    assert in_use(reader) == 0
    # Once.
    assert b''.join(reader.stream_read(_LAYER)) == _CONTENT
    assert len(faults.requests) == before + 2


def test_a_large_layer_is_opened_when_it_is_looked_for(make_storage):
    storage = make_storage(swift_segment_size=50000)
    storage.stream_write(_LAYER, io.BytesIO(_CONTENT))
    begin(storage, 'get_image_layer', _ID, reads=True)
    assert storage.exists(_LAYER) is True
    assert storage.get_size(_LAYER) == len(_CONTENT)
    assert b''.join(storage.stream_read(_LAYER)) == _CONTENT


def test_a_layer_that_is_not_there(reader, faults):
    begin(reader, 'get_image_layer', '2', reads=True)
    assert reader.exists('images/2/layer') is False
    with pytest.raises(exceptions.FileNotFoundError):
        reader.get_size('images/2/layer')
    with pytest.raises(exceptions.FileNotFoundError):
        reader.stream_read('images/2/layer')


def test_a_layer_that_cannot_be_opened_is_not_absent(reader, faults):
    faults.inject(relay.status(503, {'X-Trans-Id': 'tx1'}), 'GET', _LAYER,
                  times=9)
    begin(reader, 'get_image_layer', _ID, reads=True)
    with pytest.raises(errors.SwiftError) as caught:
        reader.exists(_LAYER)
    assert caught.value.status == 503


def test_a_part_is_asked_for_by_itself(reader):
    begin(reader, 'get_image_layer', _ID, reads=True)
    assert reader.exists(_LAYER) is True
    assert b''.join(reader.stream_read(_LAYER, (5, 9))) == _CONTENT[5:10]
    reader.end()
    assert in_use(reader) == 0


def test_what_is_not_read_is_closed(make_storage):
    storage = make_storage()
    storage.put_content(_LAYER, b'x' * 3000000)
    begin(storage, 'get_image_layer', _ID, reads=True)
    assert storage.exists(_LAYER) is True
    assert in_use(storage) == 1
    storage.end()
    assert in_use(storage) == 0


_PRELOADED = '''
from concurrent import futures
from docker_registry.drivers.swift import Storage
from docker_registry.drivers.swift.registry import request
from docker_registry.testing import Config
class Reader(object):
    object_size = 1
    def __init__(self, path):
        gevent.sleep(0.1)
        self.path = path
    def close(self):
        pass
asked = []
storage = Storage('/registry', Config({
    'swift_authurl': 'http://127.0.0.1:9/auth/v1.0', 'swift_user': 'a:b',
    'swift_password': 'c', 'swift_container': 'd'}))
storage._exists = asked.append

# As gunicorn does with --preload: after the application is there.
import gevent.monkey
gevent.monkey.patch_all()
import gevent

def work(path):
    storage.begin(request.Request(None, None, reads=path))
    own = storage.request
    own.ask_together(storage, ('exists', path), ('exists', path + '2'))
    assert own.open(path, Reader)
    storage.exists(path)
    gevent.sleep(0.1)
    assert storage.request is own
    assert own.reader('other') is None
    assert own.take_reader(path).path == path
    storage.exists(path + '2')

workers = [gevent.spawn(work, 'path%d' % number) for number in range(5)]
gevent.joinall(workers, raise_error=True)
assert len(asked) == 10, asked
'''


def test_greenlets_of_an_application_that_was_there_first():
    subprocess.check_call([sys.executable, '-c', _PRELOADED],
                          env=dict(os.environ, PYTHONWARNINGS='ignore'))


def test_one_by_one_while_swift_is_taken_for_silent(reader, faults):
    breaker = reader._connections.breaker
    breaker._open = True
    breaker._asked_at -= 2
    # One request a second gets through; its answer ends the silence.
    begin_child(reader)
    before = len(faults.requests)
    assert reader.exists(_JSON) is True
    assert len(faults.requests) == before + 1
    assert reader.get_content(_ANCESTRY) == b'[]'


def test_the_size_is_that_of_what_is_open(reader, make_storage):
    begin(reader, 'get_image_layer', _ID, reads=True)
    assert not reader.exists(_MARK)
    assert reader.exists(_LAYER)
    # Somebody else pushes it anew.
    make_storage().put_content(_LAYER, b'another')
    assert reader.get_size(_LAYER) == len(_CONTENT)
    assert b''.join(reader.stream_read(_LAYER)) == _CONTENT
