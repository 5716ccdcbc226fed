"""A page with status 200 that something else answers in Swift's place."""

import io

import pytest
import relay

from docker_registry.core import exceptions
from docker_registry.drivers.swift import errors

_MD5 = 'c4ca4238a0b923820dcc509a6f75849b'  # of "1"
_PAGE = '<html>Back soon</html>'


@pytest.fixture
def storage(faulty_storage):
    faulty_storage.put_content('dir/there', b'1')
    return faulty_storage


@pytest.mark.once
@pytest.mark.parametrize('method, call', [
    ('PUT', lambda storage: storage.put_content('dir/new', b'2')),
    ('GET', lambda storage: storage.get_content('dir/there')),
    ('HEAD', lambda storage: storage.exists('dir/there')),
    ('HEAD', lambda storage: storage.get_size('dir/there')),
    ('DELETE', lambda storage: storage.remove('dir/there')),
    ('GET', lambda storage: list(storage.list_directory('dir'))),
    ('HEAD', lambda storage: storage.check()),
    ('POST', lambda storage: storage._container.post({'X-Trans-Id': 'a'})),
])
@pytest.mark.parametrize('page', [_PAGE, '', '[]', '{}'])
def test_page(storage, faults, make_storage, method, call, page):
    faults.inject(relay.answer(page), method, times=20)
    with pytest.raises(errors.NotSwiftError) as caught:
        call(storage)
    assert 'status 200' in str(caught.value)
    assert 'swift_object_storage_url' in str(caught.value)
    # Nothing has changed, and nobody believes that it has.
    other = make_storage()
    assert other.get_content('dir/there') == b'1'
    assert not other.exists('dir/new')


@pytest.mark.once
@pytest.mark.parametrize('method, call', [
    ('GET', lambda storage: storage.get_content('dir/there')),
    ('GET', lambda storage: b''.join(storage.stream_read('dir/there'))),
    ('HEAD', lambda storage: storage.exists('dir/there')),
    ('HEAD', lambda storage: storage.get_size('dir/there')),
    ('DELETE', lambda storage: storage.remove('dir/there')),
    ('GET', lambda storage: list(storage.list_directory('dir'))),
])
@pytest.mark.parametrize('status', [404, 412, 416])
def test_page_that_says_no(storage, faults, make_storage, method, call,
                           status):
    page = '%d No' % status
    faults.inject(relay.answer(_PAGE, status=page), method, times=20)
    with pytest.raises(errors.NotSwiftError) as caught:
        call(storage)
    assert not isinstance(caught.value, exceptions.FileNotFoundError)
    assert 'status %d' % status in str(caught.value)
    assert make_storage().get_content('dir/there') == b'1'


@pytest.mark.parametrize('method, status, call', [
    ('GET', '200 OK', lambda storage: storage.container.read_manifest(
        'registry/images/1/layer')),
    ('GET', '200 OK', lambda storage: storage.remove('images/1/layer')),
    ('POST', '200 OK', lambda storage: storage.remove('repositories/a/b')),
    ('POST', '200 OK', lambda storage: storage.remove(
        'repositories/a/b/tag_c')),
    ('COPY', '201 Created', lambda storage: storage.container.copy(
        'registry/images/1/json', 'registry/copy', _MD5)),
    ('DELETE', '204 No Content', lambda storage: storage.remove(
        'images/1/json'))])
def test_page_in_place_of_other_answers(make_storage, faults, method, status,
                                        call):
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_retry_delay=0.02, swift_retries=1, swift_segment_size=1000000)
    storage.stream_write('images/1/layer', io.BytesIO(b'1' * 2000000))
    for path in ('images/1/json', 'repositories/a/b/tag_c',
                 'repositories/a/b/tag_d'):
        storage.put_content(path, b'1')
    before = stored(make_storage())
    for page in (_PAGE, '', '[]', '{}', 'null', '[{}]', '[1]', '"a"'):
        if page and status.startswith('204'):
            continue  # has no body
        faults.inject(relay.answer(page, status=status), method, times=2)
        with pytest.raises(errors.NotSwiftError):
            call(storage)
        assert stored(make_storage()) == before
    call(storage)


def stored(storage):
    return [entry['name'] for entry in storage.container.list('')]


def test_page_that_goes_by(storage, faults):
    for method in ('PUT', 'HEAD', 'GET', 'DELETE'):
        faults.inject(relay.answer(_PAGE), method, 'dir')
    storage.put_content('dir/new', b'2')
    assert storage.exists('dir/new') is True
    assert storage.get_content('dir/new') == b'2'
    storage.remove('dir/new')
    assert storage.exists('dir/new') is False


@pytest.mark.parametrize('page', [
    _PAGE, '', '[]', '"swift"', '{}', '{"error": "back soon"}',
    '{"swift": ""}'])
def test_info(make_storage, faults, page):
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_retries=0)
    faults.inject(relay.answer(page), 'GET', '/info')
    with pytest.raises(errors.NotSwiftError):
        storage._container.capabilities()
    assert storage._container.capabilities().max_segments
