"""docker-registry-swift gc, tags rm and repository rm, on a real Swift."""

import itertools
import json
import random
import sys
import time

import pytest
import relay
import steps
from streams import Stream
import v1_images

from docker_registry.drivers.swift.client import container
from docker_registry.drivers.swift.commands import gc as commands_gc
from docker_registry.drivers.swift.commands import reach
from docker_registry.drivers.swift.commands import removal

_FILES = ('json', 'ancestry', 'layer', '_checksum')


@pytest.fixture
def images(storage):
    return v1_images.Images(storage)


@pytest.fixture
def quick(monkeypatch):
    """No registry has asked for anything here."""
    monkeypatch.setattr(removal, 'SETTLE_SECONDS', 0.1)
    monkeypatch.setattr(removal, '_PAUSE_SECONDS', 0)


@pytest.fixture
def gc(json_command, next_second):
    """Run gc on what is a moment old; give its exit status and a list."""
    def gc(*options, **changes):
        next_second()
        return json_command('gc', '--older-than', '0s', *options, **changes)
    return gc


@pytest.fixture
def look(make_storage):
    """Tell which files an image has; () of one that is gone."""
    def look(image_id):
        found = make_storage()._container.list(
            'registry/images/%s/' % image_id)
        return {entry['name'].rsplit('/', 1)[1] for entry in found}
    return look


@pytest.fixture
def whole(look, make_storage):
    """Tell whether an image is as it was pushed."""
    def whole(image_id):
        storage = make_storage()
        return look(image_id) == set(_FILES) and json.loads(
            storage.get_content('images/%s/json' % image_id).decode('ascii')
        )['id'] == image_id and storage.get_size(
            'images/%s/layer' % image_id) > 0
    return whole


def found(lines, kind='image'):
    return [line['name'] for line in lines if line['kind'] == kind]


def test_clock_that_is_set_meanwhile(gc, images, look, quick, monkeypatch):
    """It waits as long as it has to, and its marks have the time of Swift."""
    image_id = images.push_one(b'a' * 100)
    real, hours = time.time, itertools.count()
    looked, marked = [], []
    tagged = reach.Reach.tagged
    monkeypatch.setattr(reach.Reach, 'tagged', lambda self: (
        looked.append(True), tagged(self))[1])
    make = removal._Mark.make
    monkeypatch.setattr(removal._Mark, 'make', classmethod(
        lambda _, files, had_mark, timestamp, now: (
            marked.append(now), make(files, had_mark, timestamp, now))[1]))

    class Clock(object):
        sleep = staticmethod(time.sleep)

        @staticmethod
        def time():
            return real() + 3600 * next(hours)
    for module in (commands_gc, removal):
        monkeypatch.setattr(module, 'time', Clock, raising=False)
    now = real()
    gc('--delete')
    assert look(image_id) == set()
    # Three times without those of the wait.
    assert len(looked) > 3
    assert abs(marked[0] - now) < 60


def test_images_that_no_tag_reaches(gc, images, look, whole, quick):
    base, tagged = images.push([b'a' * 1000, b'b'])
    other = images.push_one(b'c' * 500, [base])
    images.tag(tagged)
    status, lines = gc()
    assert (status, found(lines)) == (1, [other])
    total = lines[-1]
    assert total['images'] == 1
    assert 500 < total['size_bytes'] < 1000
    assert whole(other)
    status, lines = gc('--delete')
    assert (status, found(lines)) == (0, [other])
    assert look(other) == set()
    assert whole(base) and whole(tagged)
    assert gc()[0] == 0


def test_report_for_people(command, images, quick, next_second):
    other = images.push([b'a' * 1000])[-1]
    next_second()
    status, printed = command('gc', '--older-than', '0s')
    assert status == 1
    lines = printed.splitlines()
    assert lines[0].split()[:2] == ['image', other]
    assert lines[1].startswith('found (--delete removes it): 1 images, 1.')
    status, printed = command('gc', '--older-than', '0s', '--delete')
    assert status == 0
    assert printed.splitlines()[1].startswith('removed: 1 images, 1.')


@pytest.mark.once
def test_more_images_than_a_page_of_the_listing_has(gc, images,
                                                    quick):
    others = images.push([b'%d' % number for number in range(12)])
    kept = images.push([b'x'])[-1]
    images.tag(kept)
    status, lines = gc('--delete')
    assert (status, sorted(found(lines))) == (0, sorted(others))


@pytest.mark.once
def test_what_is_new_stays_with_all_below_it(json_command, images, whole,
                                             quick):
    base, middle = images.push([b'a', b'b'])
    time.sleep(2.1)
    new = images.push_one(b'c', [base, middle])
    status, lines = json_command('gc', '--older-than', '2s', '--delete')
    assert (status, found(lines)) == (0, [])
    assert all(map(whole, (base, middle, new)))


@pytest.mark.once
def test_image_that_is_being_pushed_stays(gc, images, storage,
                                          whole, quick):
    base, pushed = images.push([b'a', b'b'])
    storage.put_content('images/%s/_inprogress' % pushed, b'true')
    assert gc('--delete')[1][-1][
        'images'] == 0
    storage.remove('images/%s/_inprogress' % pushed)
    assert whole(base) and whole(pushed)


def test_layer_that_a_blob_refers_to_stays(gc, images, storage,
                                           whole, quick):
    image_id, other = [images.push([b'a' * 2048])[-1] for _ in range(2)]
    name = 'registry/images/%s/layer' % image_id
    etag = storage._container.head(name)['etag'].strip('"')
    storage._container.put_manifest(
        'registry/files/docker/registry/v2/blobs/sha256/aa/aaaa/data',
        [(name, 2048, etag)])
    status, lines = gc('--delete')
    assert found(lines) == [other]
    assert whole(image_id)


@pytest.fixture
def segment(storage):
    """Write a segment for the layer of an image; return its name."""
    def segment(image_id):
        name = '.segments/registry/images/%s/layer/1/00000000' % image_id
        storage._container.put(name, b'a' * 100, 100,
                               '36a92cc94a9e0fa21f625f8bfb007adf')
        return name
    return segment


def test_segments_without_a_manifest(json_command, gc, storage, make_storage,
                                     segment, quick):
    images = v1_images.Images(make_storage(swift_segment_size=1024 * 1024))
    kept = images.push([b'a' * 2500000])[-1]
    images.tag(kept)
    names = sorted([segment('f' * 64), segment(kept)])
    assert json_command('gc') == (0, [
        {'kind': 'total', 'images': 0, 'segments': 0, 'manifests': 0,
         'blobs': 0, 'uploads': 0, 'size_bytes': 0, 'removed': False}])
    status, lines = gc()
    assert (status, sorted(found(lines, 'segment'))) == (1, names)
    assert sorted(storage.orphans(None)) == names
    status, lines = gc('--delete')
    assert (status, sorted(found(lines, 'segment'))) == (0, names)
    assert lines[-1]['size_bytes'] == 200
    assert list(storage.orphans(None)) == []
    assert len(b''.join(storage.stream_read('images/%s/layer' % kept))) == (
        2500000)


@pytest.mark.once
def test_segments_of_a_push_under_way_stay(gc, images, storage,
                                           segment, quick):
    segment('f' * 64)
    storage.put_content('images/%s/_inprogress' % ('f' * 64), b'true')
    status, lines = gc('--delete')
    assert lines[-1]['segments'] == 0
    assert len(list(storage.orphans(None))) == 1


@pytest.mark.once
@pytest.mark.parametrize('step', ['_mark', '_watch_tags', '_begin', '_wait'])
def test_tag_that_comes_meanwhile(gc, images, whole, quick, look,
                                  monkeypatch, step):
    base, top = images.push([b'a', b'b'])
    other = images.push([b'c'])[-1]
    steps.during(monkeypatch, removal.Removal, step, lambda: images.tag(top))
    status, lines = gc('--delete')
    assert (status, found(lines)) == (0, [other])
    assert whole(base) and whole(top)
    assert look(other) == set()


@pytest.mark.once
@pytest.mark.parametrize('step', ['_mark', '_watch_tags', '_begin', '_wait',
                                  '_end'])
def test_image_that_is_pushed_again_meanwhile(
        gc, images, make_storage, quick, monkeypatch, step):
    base, top = images.push([b'a', b'b'])
    registry = make_storage()
    path = 'images/%s/' % top
    content = registry.get_content(path + 'json')

    def push():
        registry.put_content(path + '_inprogress', b'true')
        registry.put_content(path + 'json', content)
        registry.put_content(path + 'ancestry', json.dumps([top, base]))
    steps.during(monkeypatch, removal.Removal, step, push)
    gc('--delete', '--jobs', '1')
    # The push goes on.
    assert registry.get_content(path + '_inprogress') == b'true'
    assert registry.exists(path + 'json') and registry.exists(
        path + 'ancestry')
    registry.stream_write(path + 'layer', Stream(b'b'))
    registry.remove(path + '_inprogress')
    if step != '_end':  # where the registry has refused it for 11 seconds
        assert registry.exists('images/%s/json' % base)
        assert registry.exists('images/%s/layer' % base)


@pytest.mark.once
def test_image_that_is_pushed_while_it_goes(gc, images, storage, whole, quick,
                                            monkeypatch):
    image_id = images.push([b'a'])[-1]
    mark = 'images/%s/_inprogress' % image_id

    def push():
        storage.put_content(mark, b'true')
        images.push_one(b'a', image_id=image_id)
        storage.remove(mark)
    steps.during(monkeypatch, removal.Removal, '_finish', push)
    gc('--delete')
    assert whole(image_id)


@pytest.mark.once
def test_push_that_was_given_up(gc, images, storage, look, quick,
                                monkeypatch):
    image_id = images.push([b'a'])[-1]
    storage.put_content('images/%s/_inprogress' % image_id, b'true')
    monkeypatch.setattr(commands_gc, '_PUSH_SECONDS', -1)
    steps.during(monkeypatch, removal.Removal, '_begin',
                 lambda: images.tag(image_id))
    gc('--delete')
    assert storage.get_content('images/%s/_inprogress' % image_id) == b'true'
    storage.remove('repositories/library/x')
    gc('--delete')
    assert look(image_id) == set()


@pytest.mark.once
def test_who_stops_it_finds_images_whole_or_gone(
        command, gc, images, look, whole, quick, monkeypatch, next_second):
    kept = images.push([b'k'])[-1]
    images.tag(kept)
    numbers = random.Random(1)
    for method in ('put', 'delete', 'get', 'head') * 3:
        others = images.push([b'a', b'b', b'c'])
        plain = getattr(container.Container, method)
        calls, last = itertools.count(1), numbers.randrange(1, 12)

        def stop(*arguments, **keywords):
            if next(calls) == last:
                raise KeyboardInterrupt
            return plain(*arguments, **keywords)
        with monkeypatch.context() as patched:
            patched.setattr(container.Container, method, stop)
            next_second()
            command('gc', '--older-than', '0s', '--delete')
        for image_id in others:
            # Or clients take it for one that is not there.
            files = look(image_id)
            assert whole(image_id) or not files or (
                '_inprogress' in files and 'json' not in files)
        assert gc('--delete')[0] == 0
        assert set().union(*map(look, others)) == set()
        assert whole(kept)


@pytest.mark.once
def test_what_somebody_left_who_was_killed(gc, images, whole, quick,
                                           monkeypatch):
    image_id = images.push([b'a'])[-1]
    with monkeypatch.context() as patched:
        patched.setattr(removal.Removal, '_undo_all', lambda self: None)
        steps.during(patched, removal.Removal, '_wait', sys.exit)
        with pytest.raises(SystemExit):
            gc('--delete')
    images.tag(image_id)
    gc('--delete')
    assert not whole(image_id)  # perhaps the other one is still running
    monkeypatch.setattr(removal, '_LEFT_SECONDS', -1)
    gc('--delete')
    assert whole(image_id)


def test_redis_does_not_bring_it_back(gc, images, make_storage, redis_cache,
                                      quick):
    image_id = images.push([b'a'])[-1]
    registry = make_storage()
    path = 'images/%s/' % image_id
    assert registry.exists(path + 'json')
    assert b''.join(registry.stream_read(path + 'layer')) == b'a'
    gc('--delete')
    for storage in (registry, make_storage()):
        assert not storage.exists(path + 'json')
        assert not storage.exists(path + 'layer')
        assert not storage.exists(path + '_inprogress')


@pytest.mark.parametrize('options', [('gc',), ('gc', '--delete')])
def test_an_outage_removes_nothing(command, images, whole, options):
    other = images.push([b'a'])[-1]
    status, printed = command(
        *options, swift_object_storage_url='http://127.0.0.1:9/v1/AUTH_test',
        swift_retries=0)
    assert status == 2
    assert 'no answer' in printed
    assert whole(other)


@pytest.mark.once
def test_tag_that_cannot_be_read_removes_nothing(command, images, faults,
                                                 whole, quick, next_second):
    other = images.push([b'a'])[-1]
    images.tag(images.push([b'b'])[-1])
    faults.inject(relay.status(503), 'GET', 'tag_latest')
    next_second()
    status, printed = command(
        'gc', '--older-than', '0s', '--delete', swift_retries=0,
        swift_authurl='http://127.0.0.1:%d/auth/v1.0' % faults.port)
    assert status == 2
    assert '503' in printed
    assert whole(other)


@pytest.mark.parametrize('text', ['soon', '1', '-1h', '1 h', ''])
def test_age_that_is_none(command, text, capsys):
    with pytest.raises(SystemExit):
        command('gc', '--older-than=' + text)
    assert 'not an age' in capsys.readouterr()[1]


def test_tags_rm(json_command, images, storage):
    top = images.push([b'a'])[-1]
    for tag in ('latest', '1', '2'):
        images.tag(top, tag=tag)
    storage.put_content('repositories/library/x/json', b'{}')
    status, lines = json_command('tags', 'rm', 'x', 'latest', '1')
    assert (status, [line['removed'] for line in lines]) == (0, [True, True])
    assert sorted(storage.list_directory('repositories/library/x')) == [
        'repositories/library/x/tag2_json', 'repositories/library/x/tag_2']
    status, lines = json_command('tags', 'rm', 'x', 'latest', '2')
    assert (status, [line['removed'] for line in lines]) == (1, [False, True])


def test_repository_rm(command, json_command, images, storage):
    top = images.push([b'a'])[-1]
    images.tag(top)
    images.tag(top, 'library/x-y')
    storage.put_content('repositories/library/x/_index_images', b'[]')
    storage.put_content('repositories/library/x/_private', b'')
    assert command('repository', 'rm', 'x') == (
        0, 'removed library/x, 1 tags\n')
    assert list(storage.list_directory('repositories/library')) == [
        'repositories/library/x-y']
    assert command('repository', 'rm', 'x') == (
        1, 'there is no repository library/x\n')


@pytest.mark.once
def test_names_with_wildcards_mean_themselves(json_command, images):
    images.tag(images.push([b'a'])[-1])
    assert json_command('repository', 'rm', '*')[0] == 1
    assert json_command('tags', 'rm', 'x', '*')[0] == 1
    assert json_command('ls', 'x')[1][0]['tag'] == 'latest'


@pytest.mark.once
def test_outage_is_not_not_there(command, images):
    images.tag(images.push([b'a'])[-1])
    for options in (('tags', 'rm', 'x', 'latest'), ('repository', 'rm', 'x')):
        assert command(
            *options,
            swift_object_storage_url='http://127.0.0.1:9/v1/AUTH_test',
            swift_retries=0)[0] == 2


@pytest.mark.once
@pytest.mark.parametrize('name', ['team/', '', '/', '/app', 'team//app'])
def test_what_is_no_name_of_a_repository(command, images, storage, name):
    images.tag(images.push([b'a'])[-1], 'team/app')
    storage.put_content('repositories/team/a/_index_images', b'[]')
    for options in (('repository', 'rm', name), ('tags', 'rm', name, 'a'),
                    ('tags', 'rm', 'team/app', '')):
        with pytest.raises(SystemExit) as caught:
            command(*options)
        assert caught.value.code == 2
    assert storage.exists('repositories/team/app/tag_latest')
    assert storage.exists('repositories/team/a/_index_images')
