"""Tags that a listing does not show yet."""

from concurrent import futures
import itertools
import json
import threading
import time

import pytest
import relay

from docker_registry.drivers.swift import errors
from docker_registry.drivers.swift import recent_tags

REPOSITORY = 'repositories/library/demo'
TAG = REPOSITORY + '/tag_latest'
OTHER_TAG = REPOSITORY + '/tag_other'
NOTES = REPOSITORY + '/_recent_tags'
WRITING, ANNOUNCED = NOTES + '_writing', NOTES + '_announced'


@pytest.fixture
def lagging(storage, monkeypatch):
    """A storage whose listings show no tag."""
    hide_tags(storage, monkeypatch)
    return storage


@pytest.fixture
def unhurried(monkeypatch):
    """However busy the machine is, who writes notes is in time."""
    monkeypatch.setattr(recent_tags, '_WRITE_SECONDS', 60)


@pytest.fixture
def hurried(monkeypatch):
    """Who is not alone does not wait for long; for two who write in turn."""
    monkeypatch.setattr(recent_tags, '_WRITE_SECONDS', 0.5)


def hide_tags(storage, monkeypatch):
    listing = storage._container.list
    monkeypatch.setattr(storage._container, 'list', lambda *args, **keys: (
        entry for entry in listing(*args, **keys)
        if '/tag_' not in entry['name']))


def noted(storage):
    return sorted(json.loads(storage.get_content(NOTES).decode('utf-8')))


def test_tag_that_is_not_listed_yet(lagging):
    lagging.put_content(TAG, b'1')
    assert list(lagging.list_directory(REPOSITORY)) == [TAG]
    assert list(lagging.list_directory('/%s/' % REPOSITORY)) == [TAG]
    lagging.put_content(REPOSITORY + '/_index_images', b'[]')
    assert sorted(lagging.list_directory(REPOSITORY)) == [
        REPOSITORY + '/_index_images', TAG]


def test_tag_that_has_been_removed(lagging):
    lagging.put_content(TAG, b'1')
    lagging.put_content(REPOSITORY + '/tag_v1', b'1')
    lagging.remove(TAG)
    assert list(lagging.list_directory(REPOSITORY)) == [
        REPOSITORY + '/tag_v1']
    # As another driver removes it, which leaves the note.
    lagging._container.delete('registry/%s/tag_v1' % REPOSITORY)
    with pytest.raises(errors.ObjectNotFoundError):
        list(lagging.list_directory(REPOSITORY))


@pytest.mark.usefixtures('unhurried')
def test_nothing_is_left_of_a_repository(storage):
    storage.put_content(TAG, b'1')
    storage.put_content(REPOSITORY + '/tag_v1', b'1')
    storage.remove(TAG)
    assert list(storage.list_directory(REPOSITORY)) == [
        REPOSITORY + '/tag_v1']
    assert noted(storage) == ['tag_v1']
    storage.remove(REPOSITORY + '/tag_v1')
    with pytest.raises(errors.ObjectNotFoundError):
        list(storage.list_directory(REPOSITORY))
    assert not list(storage._container.list('registry/'))
    storage.put_content(TAG, b'1')
    storage.remove(REPOSITORY)
    assert not list(storage._container.list('registry/'))


def test_repository_that_is_not_listed_yet_is_removed(storage, monkeypatch):
    storage.put_content(TAG, b'1')
    for name in ('json', '_images_list', '_index_images', '_private'):
        storage.put_content('%s/%s' % (REPOSITORY, name), b'1')
    with monkeypatch.context() as patch:
        patch.setattr(storage._container, 'list', lambda *args: iter([]))
        storage.remove(REPOSITORY)
        with pytest.raises(errors.ObjectNotFoundError):
            storage.remove(REPOSITORY)
    assert not list(storage._container.list('registry/'))


def test_repository_of_which_the_listing_shows_a_part(storage, monkeypatch):
    storage.put_content(TAG, b'1')
    storage.put_content(REPOSITORY + '/taglatest_json', b'1')
    storage.put_content(REPOSITORY + '/json', b'1')
    listing = storage._container.list
    monkeypatch.setattr(storage._container, 'list', lambda *args, **keys: (
        entry for entry in listing(*args, **keys)
        if '/tag' not in entry['name']))
    storage.remove(REPOSITORY)
    monkeypatch.undo()
    assert not list(storage._container.list('registry/'))


def test_each_tag_comes_once(storage):
    storage.put_content(TAG, b'1')
    storage.put_content(TAG, b'2')
    storage.put_content(REPOSITORY + '/tag_v1', b'1')
    assert sorted(storage.list_directory(REPOSITORY)) == [
        TAG, REPOSITORY + '/tag_v1']


@pytest.mark.parametrize('path', [
    'repositories/library/demo/json', 'repositories/library/tag_1',
    'images/1/tag_1', 'tag_1', 'repositories/library/demo/tag_1/x'])
def test_what_is_no_tag_is_not_noted(storage, path):
    storage.put_content(path, b'1')
    storage.remove(path)
    assert not list(storage._container.list('registry/'))
    storage.put_content(path, b'1')
    assert [entry['name'] for entry in storage._container.list('')] == [
        'registry/' + path]


@pytest.fixture
def lagging_storages(make_storage, monkeypatch):
    """Make storages of one container whose listings show no tag."""
    def make(count):
        storages = [make_storage() for _ in range(count)]
        for storage in storages:
            hide_tags(storage, monkeypatch)
        return storages
    return make


@pytest.mark.parametrize('registries', [1, 8])
def test_many_write_tags_at_once(lagging_storages, registries):
    storages = lagging_storages(registries)
    tags = {'%s/tag_%d' % (REPOSITORY, number) for number in range(32)}
    with futures.ThreadPoolExecutor(len(tags)) as executor:
        list(executor.map(lambda storage, tag: storage.put_content(tag, b'1'),
                          itertools.cycle(storages), tags))
    assert set(storages[0].list_directory(REPOSITORY)) == tags


@pytest.mark.parametrize('content', [
    b'', b'{', b'[]', b'\xff', b'{"tag_a": null}', b'{"tag_a": []}'])
def test_notes_that_are_broken(lagging, content):
    lagging.contents.write(NOTES, content)
    lagging.put_content(TAG, b'1')
    assert list(lagging.list_directory(REPOSITORY)) == [TAG]


@pytest.mark.parametrize('name', [
    'version', 'json', '_recent_tags', '', '.', '..', '../x', 'tag_a/b',
    'tag_a\n', 'tag_\x00', u'tag_\xe4', u'tag_\ud800', 'tag_' + 2000 * 'x'])
def test_notes_that_have_other_things_in_them(lagging, name):
    """As those of another version may, or that are damaged."""
    lagging.put_content(REPOSITORY + '/json', b'{}')
    lagging.contents.write(NOTES, json.dumps(
        {name: time.time(), 'tag_seen': time.time()}).encode())
    lagging.put_content(REPOSITORY + '/tag_seen', b'1')
    lagging.put_content(TAG, b'1')
    expected = [REPOSITORY + '/json', TAG, REPOSITORY + '/tag_seen']
    assert sorted(lagging.list_directory(REPOSITORY)) == expected
    lagging.remove(REPOSITORY)
    with pytest.raises(errors.ObjectNotFoundError):
        list(lagging.list_directory(REPOSITORY))


def test_who_looks_for_tags_waits_for_swift(make_storage, faults,
                                            monkeypatch):
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port,
        swift_retries=1, swift_retry_delay=0.02)
    hide_tags(storage, monkeypatch)
    storage.put_content(TAG, b'1')
    storage.wait_for_swift(always=True)
    # As often as a request is sent that does not wait.
    faults.inject(relay.drop(), 'HEAD', '/tag_latest', times=2)
    assert list(storage.list_directory(REPOSITORY)) == [TAG]
    storage.end()


def test_old_notes_go(lagging):
    lagging.contents.write(NOTES, b'{"tag_old": 1.0}')
    lagging.put_content(TAG, b'1')
    assert noted(lagging) == ['tag_latest']


def test_notes_that_cannot_be_written_fail_no_push(
        lagging, monkeypatch, caplog):
    write = lagging._container.put

    def put(object_name, *args):
        if object_name.endswith('/_recent_tags'):
            raise errors.SwiftError('no')
        write(object_name, *args)
    monkeypatch.setattr(lagging._container, 'put', put)
    lagging.put_content(TAG, b'1')
    assert lagging.get_content(TAG) == b'1'
    assert REPOSITORY + ': tags are written, but not noted: no' in caplog.text


@pytest.mark.usefixtures('unhurried')
def test_notes_of_tags_that_are_not_there(make_storage, faults, monkeypatch):
    """They are looked for at the same time, and once."""
    writer = make_storage()
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port)
    notes = {'tag_%d' % number: time.time() for number in range(100)}
    writer.contents.write(NOTES, json.dumps(notes).encode())
    writer.put_content(REPOSITORY + '/tag_7', b'1')
    assert not storage.exists('warm')
    with futures.ThreadPoolExecutor(1) as executor:
        listing = executor.submit(
            lambda: list(storage.list_directory(REPOSITORY)))
        most = 0
        while not listing.done():
            most = max(most, storage.statistics()['pool']['in_use'])
            time.sleep(0.001)
    assert listing.result() == [REPOSITORY + '/tag_7']
    assert most > 4
    # Once to see that they are not there, once after their notes are dropped.
    assert faults.count('HEAD', '/tag_') == 2 * 99
    assert noted(writer) == ['tag_7']
    before = faults.count('HEAD', '/tag_')
    assert list(storage.list_directory(REPOSITORY)) == [REPOSITORY + '/tag_7']
    assert faults.count('HEAD', '/tag_') == before


@pytest.mark.usefixtures('unhurried')
def test_tag_that_is_written_while_its_note_is_dropped(
        lagging, make_storage, monkeypatch):
    other = make_storage()
    lagging.put_content(TAG, b'1')
    lagging.remove(TAG)
    write, written = lagging._container.put, []

    def put(object_name, *args, **keys):
        if object_name.endswith('/_recent_tags') and not written:
            written.append(object_name)
            other.put_content(TAG, b'2')  # whose note it finds
        write(object_name, *args, **keys)
    lagging.put_content(REPOSITORY + '/tag_v1', b'1')
    monkeypatch.setattr(lagging._container, 'put', put)
    for _ in range(2):
        assert sorted(lagging.list_directory(REPOSITORY)) == [
            TAG, REPOSITORY + '/tag_v1']
    assert written
    assert noted(lagging) == ['tag_latest', 'tag_v1']


def test_notes_are_not_dropped_among_several_who_write(lagging):
    lagging.contents.write(NOTES, json.dumps(
        {'tag_latest': time.time()}).encode())
    lagging.contents.write(WRITING, b'somebody')
    with pytest.raises(errors.ObjectNotFoundError):
        list(lagging.list_directory(REPOSITORY))
    assert noted(lagging) == ['tag_latest']


@pytest.mark.usefixtures('hurried')
def test_who_was_killed_while_he_wrote(lagging, monkeypatch):
    lagging.contents.write(WRITING, b'somebody')
    lagging.put_content(TAG, b'1')
    assert noted(lagging) == ['tag_latest']
    assert lagging.get_content(WRITING) != b''
    # Some time later.
    age = lagging._container.age
    monkeypatch.setattr(recent_tags, '_WRITE_SECONDS', 60)
    monkeypatch.setattr(lagging._container, 'age',
                        lambda name: age(name) + 600)
    monkeypatch.setattr(time, 'sleep', lambda seconds: pytest.fail('waits'))
    lagging.put_content(REPOSITORY + '/tag_v1', b'1')
    assert noted(lagging) == ['tag_latest', 'tag_v1']
    assert not lagging.exists(WRITING)


def test_who_announces_himself_meanwhile(lagging, make_storage, monkeypatch):
    """Nobody takes himself for the only one; no note is lost."""
    other = make_storage()
    write, others = lagging._container.put, []

    def put(object_name, *args, **keys):
        write(object_name, *args, **keys)
        if object_name.endswith('/_recent_tags_writing') and not others:
            others.append(threading.Thread(
                target=other.put_content, args=(OTHER_TAG, b'1')))
            others[0].start()
            while not announced_by_other():
                time.sleep(0.01)

    def announced_by_other():
        return lagging._read(ANNOUNCED) not in own
    own = []

    def remember(path, content):
        if path == ANNOUNCED:
            own.append(content)
        lagging_write(path, content)
    lagging_write = lagging._recent_tags._write
    monkeypatch.setattr(lagging._recent_tags, '_write', remember)
    monkeypatch.setattr(lagging._container, 'put', put)
    lagging.put_content(TAG, b'1')
    others[0].join()
    assert noted(lagging) == ['tag_latest', 'tag_other']


@pytest.mark.usefixtures('hurried')
def test_stale_notes_that_somebody_writes(lagging, make_storage, monkeypatch):
    """Who is not alone looks whether his note stays."""
    other = make_storage()
    lagging.contents.write(WRITING, b'somebody')
    write, written = lagging._container.put, []

    def put(object_name, *args, **keys):
        write(object_name, *args, **keys)
        if object_name.endswith('/_recent_tags'):
            written.append(object_name)
            if len(written) == 1:
                other.contents.write(NOTES, b'{"tag_other": 1e11}')
    monkeypatch.setattr(lagging._container, 'put', put)
    lagging.put_content(TAG, b'1')
    assert noted(lagging) == ['tag_latest', 'tag_other']
    assert len(written) == 2


@pytest.mark.usefixtures('unhurried')
def test_a_tag_that_is_noted_already(lagging, make_storage, faults):
    storage = make_storage(
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port)
    lagging.put_content(TAG, b'1')
    assert not storage.exists('warm')
    before = len(faults.requests)
    storage.put_content(TAG, b'2')
    assert len(faults.requests) == before + 2
    storage.put_content(OTHER_TAG, b'2')
    assert [(one.method, one.path.rsplit('/')[-1])
            for one in faults.requests[before + 2:]
            if '/registry/' in one.path] == [
                ('PUT', 'tag_other'), ('GET', '_recent_tags'),
                ('PUT', '_recent_tags_announced'),
                ('HEAD', '_recent_tags_writing'),
                ('PUT', '_recent_tags_writing'),
                ('GET', '_recent_tags_announced'), ('GET', '_recent_tags'),
                ('PUT', '_recent_tags'), ('DELETE', '_recent_tags_writing')]


@pytest.mark.usefixtures('unhurried')
@pytest.mark.parametrize('days', [-30, 30])
def test_host_whose_clock_is_wrong(lagging, monkeypatch, days):
    lagging.put_content(TAG, b'1')
    now = time.time
    with monkeypatch.context() as patch:
        patch.setattr(recent_tags.time, 'time',
                      lambda: now() + days * 86400)
        lagging.put_content(OTHER_TAG, b'1')
    lagging.put_content(REPOSITORY + '/tag_v1', b'1')
    assert noted(lagging) == ['tag_latest', 'tag_other', 'tag_v1']
    written = json.loads(lagging.get_content(NOTES).decode('utf-8'))
    assert max(written.values()) - min(written.values()) < 3600
