"""What the registry expects, beyond core's suite, on real Swift."""

import hashlib
import json
import os
import threading

import pytest
import relay
from streams import Stream

from docker_registry.core import driver
from docker_registry.core import exceptions
from docker_registry.drivers.swift import errors


def names(storage, root=''):
    """Every object name in the test's container, past the root."""
    return [entry['name'] for entry in storage._container.list(root)]


def read(storage, path, bytes_range=None):
    return b''.join(storage.stream_read(path, bytes_range))


def test_is_a_driver_like_any_other(storage):
    assert isinstance(storage, driver.Base)
    assert storage.supports_bytes_range is True
    assert 'swift' in driver.available()


@pytest.mark.parametrize('root, prefix', [
    ('/', ''), ('', ''), (None, ''), ('/registry', 'registry/'),
    ('registry/', 'registry/'), ('/a/b/', 'a/b/')])
def test_root(make_storage, root, prefix):
    storage = make_storage(root)
    storage.put_content('images/1/json', b'{}')
    storage.put_content('repositories/library/demo/json', b'1')
    assert names(storage) == [
        prefix + 'images/1/json',
        prefix + 'repositories/library/demo/json']
    assert list(storage.list_directory()) == ['images', 'repositories']
    assert list(storage.list_directory('images/1')) == ['images/1/json']
    assert storage.get_content('images/1/json') == b'{}'


def test_roots_do_not_see_each_other(make_storage):
    one, other = make_storage('/one'), make_storage('/onemore')
    one.put_content('a', b'1')
    other.put_content('a', b'2')
    assert one.get_content('a') == b'1'
    assert list(one.list_directory()) == ['a']
    with pytest.raises(exceptions.FileNotFoundError):
        one.remove('more')
    one.remove('a')
    assert other.get_content('a') == b'2'


def test_keyword_arguments_as_the_registry_uses_them(storage):
    storage.put_content(path='a', content=b'1')
    assert storage.get_content(path='a') == b'1'
    assert list(storage.list_directory(path=None)) == ['a']


def test_text_is_stored_as_utf8(storage):
    assert storage.put_content('a', u'\xdf') == 'a'
    assert storage.get_content('a') == b'\xc3\x9f'


def test_path_helpers(storage):
    assert storage.tag_path('lib', 'a/b', 'v 1') == \
        'repositories/lib/a%2Fb/tag_v+1'
    assert storage.tag_path('lib', 'demo') == 'repositories/lib/demo'
    assert storage.image_json_path(image_id='..') == \
        'images/%252E%252E/json'
    assert storage.private_flag_path('lib', 'demo') == \
        'repositories/lib/demo/_private'


@pytest.mark.parametrize('size', [0, 1, 128 * 1024, 128 * 1024 + 1, 9000001])
def test_stream(storage, size):
    content = os.urandom(size)
    storage.stream_write('images/1/layer', Stream(content))
    assert storage.get_size('images/1/layer') == size
    assert isinstance(storage.get_size('images/1/layer'), int)
    assert hashlib.md5(read(storage, 'images/1/layer')).digest() == \
        hashlib.md5(content).digest()
    assert storage.exists('images/1/layer') is True


@pytest.mark.parametrize('bytes_range, expected', [
    ((0, 9), b'0123456789'), ((0, 0), b'0'), ((3, 5), b'345'),
    ((9, 9), b'9'),
    # The registry's open-ended range ends one past the last byte.
    ((4, 10), b'456789'), ((4, 100), b'456789')])
def test_range(storage, bytes_range, expected):
    storage.put_content('a', b'0123456789')
    assert read(storage, 'a', bytes_range) == expected


def test_range_outside_is_an_error(storage):
    storage.put_content('a', b'0123456789')
    with pytest.raises(errors.SwiftError) as caught:
        storage.stream_read('a', (10, 12))
    assert caught.value.status == 416


def test_missing_object_is_known_before_the_first_chunk(storage):
    storage.put_content('b', b'')
    with pytest.raises(exceptions.FileNotFoundError) as caught:
        storage.stream_read('a')
    assert caught.value.object_name == 'registry/a'
    assert caught.value.status == 404
    assert caught.value.transaction_id.startswith('tx')


def test_failing_stream_leaves_what_was_there(storage):
    storage.stream_write('images/1/layer', Stream(b'old'))
    with pytest.raises(IOError):
        storage.stream_write('images/1/layer',
                             Stream(b'n' * 300000, fails_at=131072))
    assert read(storage, 'images/1/layer') == b'old'


def test_long_listing_comes_complete_and_in_pages(storage):
    # The tests' Swift lists 20 names a page.
    expected = ['many/%03d' % number for number in range(45)]
    for path in expected:
        storage.put_content(path, b'')
    storage.put_content('many/020/below/1', b'')
    storage.put_content('many/020/below/2', b'')
    # Once, although it is an object and a directory.
    assert list(storage.list_directory('many')) == expected
    assert list(storage.list_directory('many/020')) == ['many/020/below']
    storage.remove('many/020')
    assert storage.exists('many/020/below/1')
    storage.remove('many')
    assert names(storage) == []


def test_listing_holds_one_page_at_a_time(faulty_storage, faults):
    for number in range(45):
        faulty_storage.put_content('many/%03d' % number, b'')
    listing = faulty_storage.list_directory('many')
    for requests, names_read in ((1, 20), (2, 20), (3, 5)):
        for _ in range(names_read):
            next(listing)
            assert faults.count('GET', 'delimiter') == requests


@pytest.mark.parametrize('count, info, requests', [
    (19, None, 1), (20, None, 2),
    # Ceph's gateway, which may end a page early.
    (19, {'container_listing_limit': 20}, 2),
    # The cluster's limit has been lowered since: a page of what is taken for
    # the limit is refused.
    (45, {'container_listing_limit': 100, 'account_listing_limit': 100}, 5)])
def test_a_listing_asks_for_what_it_must(faulty_storage, faults, count, info,
                                         requests):
    if info:
        faults.inject(relay.answer(json.dumps({'swift': info})), 'GET',
                      '/info')
    for number in range(count):
        faulty_storage.put_content('many/%03d' % number, b'')
    assert len(list(faulty_storage.list_directory('many'))) == count
    assert faults.count('GET', 'delimiter') == requests


def test_a_listing_that_is_refused(faulty_storage, faults):
    faults.inject(relay.status(404), 'GET', '/info')
    faults.inject(relay.status(412), 'GET', 'delimiter')
    with pytest.raises(errors.SwiftError) as caught:
        list(faulty_storage.list_directory('many'))
    assert caught.value.status == 412


def test_removing_a_directory_spares_its_neighbours(storage):
    for path in ('a/b/1', 'a/b/c/2', 'a/bb', 'a/b.x'):
        storage.put_content(path, b'')
    storage.remove('a/b')
    assert names(storage) == ['registry/a/b.x', 'registry/a/bb']
    with pytest.raises(exceptions.FileNotFoundError):
        storage.remove('a/b')


def test_root_cannot_be_removed(storage):
    storage.put_content('a', b'1')
    for path in ('', '/'):
        with pytest.raises(errors.InvalidPathError):
            storage.remove(path)
    assert storage.exists('a')


def test_directory_markers_of_other_tools(storage):
    storage._container.put('registry/dir/', b'', 0,
                           hashlib.md5(b'').hexdigest())
    with pytest.raises(exceptions.FileNotFoundError):
        list(storage.list_directory('dir'))
    storage.put_content('dir/a', b'')
    assert list(storage.list_directory('dir')) == ['dir/a']
    storage.remove('dir')
    assert names(storage) == []


def test_empty_container_and_none_at_all(storage):
    for _ in range(2):
        assert storage.exists('a') is False
        with pytest.raises(exceptions.FileNotFoundError):
            list(storage.list_directory())
        with pytest.raises(exceptions.FileNotFoundError):
            storage.remove('a')
        storage.put_content('b', b'')
        storage.remove('b')


def test_container_that_is_missing_and_may_not_be_made(make_storage):
    storage = make_storage(swift_create_container=False)
    with pytest.raises(errors.SwiftError) as caught:
        storage.put_content('a', b'1')
    assert not isinstance(caught.value, exceptions.FileNotFoundError)
    assert 'swift_create_container' in str(caught.value)


def test_container_that_is_not_found_although_it_is_there(faulty_storage,
                                                          faults):
    """Another proxy has looked for it just before it was made."""
    faults.inject(relay.status(404), 'PUT', '/a', times=3)
    faulty_storage.put_content('a', b'1')
    assert faulty_storage.get_content('a') == b'1'
    faults.inject(relay.status(404), 'PUT', '/a', times=4)
    with pytest.raises(errors.SwiftError) as caught:
        faulty_storage.put_content('a', b'2')
    assert not isinstance(caught.value, exceptions.FileNotFoundError)
    assert 'has been created' in str(caught.value)


def test_credentials_that_may_not_make_the_container(make_storage, services):
    storage = make_storage(swift_user='test:guest',
                           swift_password=services['passwords']['test:guest'])
    with pytest.raises(errors.AccessDeniedError) as caught:
        storage.put_content('a', b'1')
    assert caught.value.status == 403
    assert 'cannot write to container' in str(caught.value)
    assert 'give swift_user the right' in str(caught.value)


@pytest.mark.parametrize('call', [
    lambda storage: storage.exists('a'),
    lambda storage: storage.get_size('a'),
    lambda storage: storage.get_content('a'),
    lambda storage: storage.stream_read('a'),
    lambda storage: storage.put_content('a', b'1'),
    lambda storage: storage.stream_write('a', Stream(b'1')),
    lambda storage: list(storage.list_directory('a')),
    lambda storage: storage.remove('a'),
], ids=['exists', 'get_size', 'get_content', 'stream_read', 'put_content',
        'stream_write', 'list_directory', 'remove'])
def test_no_call_takes_an_outage_for_absence(make_storage, call):
    # Nothing listens on the discard port.
    storage = make_storage(swift_authurl='http://127.0.0.1:9/auth/v1.0',
                           swift_retries=1, swift_timeout=1)
    with pytest.raises(IOError) as caught:
        call(storage)
    assert isinstance(caught.value, exceptions.UnreachableError)
    assert not isinstance(caught.value, exceptions.FileNotFoundError)


def test_threads(storage):
    contents = {'images/%d/layer' % number: os.urandom(1000000 + number)
                for number in range(16)}
    failures = []

    def work(path, content):
        try:
            for _ in range(3):
                storage.stream_write(path, Stream(content))
                assert storage.exists(path)
                assert storage.get_size(path) == len(content)
                abandoned = storage.stream_read(path)
                next(abandoned)
                assert read(storage, path) == content
                abandoned.close()
        except Exception as error:
            failures.append((path, error))
    threads = [threading.Thread(target=work, args=item)
               for item in contents.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(storage.list_directory('images')) == sorted(
        path.rsplit('/', 1)[0] for path in contents)


def test_404_is_no_error_in_the_log(storage, caplog):
    caplog.set_level('DEBUG')
    storage.put_content('a', b'1')
    assert storage.exists('b') is False
    with pytest.raises(exceptions.FileNotFoundError):
        storage.get_content('b')
    messages = [(record.levelname, record.exc_info)
                for record in caplog.records]
    assert messages
    assert set(messages) == {('DEBUG', None)}
    assert 'HEAD registry/b: 404' in caplog.text


def test_content_that_is_removed_while_it_is_read(faulty_storage, faults):
    # What Swift answers while one of three replicas is gone already.
    faulty_storage.put_content('a', b'1')
    without_content = relay.status(200, {
        'ETag': hashlib.md5(b'1').hexdigest(), 'X-Timestamp': '1'})
    faults.inject(without_content, 'GET', '/a', times=3)
    assert faulty_storage.get_content('a') == b'1'
    faults.inject(without_content, 'GET', '/a')
    faulty_storage._container.delete('registry/a')
    with pytest.raises(errors.ObjectNotFoundError):
        faulty_storage.get_content('a')
    faulty_storage.put_content('a', b'1')
    faults.inject(without_content, 'GET', '/a', times=4)
    with pytest.raises(errors.BrokenObjectError):
        faulty_storage.get_content('a')


def test_removal_of_a_tag_that_is_not_there(storage):
    storage.check()
    with pytest.raises(errors.ObjectNotFoundError) as caught:
        storage.remove('repositories/library/x/tag_latest')
    assert caught.value.transaction_id
