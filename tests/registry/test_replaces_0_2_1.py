"""The real docker-registry-driver-swift 0.2.1 and ours in one container."""

import pytest


@pytest.fixture(params=['/', '/registry', 'registry/', '//registry',
                        'registry//', '/a//b'])
def drivers(cluster, request, call_driver):
    """Both drivers, as functions from calls to answers."""
    container = 'replaces-%d' % request.param_index
    cluster.request('PUT', container)
    settings = cluster.settings(swift_container=container,
                                storage_path=request.param)

    def driver(environment):
        return lambda *calls: call_driver(environment, settings, calls)
    return driver('registry'), driver('legacy')


@pytest.mark.parametrize('ours_writes', [True, False])
def test_one_reads_lists_and_removes_what_the_other_wrote(
        drivers, ours_writes):
    ours, theirs = drivers
    writer, reader = (ours, theirs) if ours_writes else (theirs, ours)
    writer(['put_content', 'repositories/library/demo/tag_latest', '123'],
           ['put_content', 'images/1/json', '{}'],
           ['stream_write', 'images/1/layer', 'x' * 300000])
    tag = 'repositories/library/demo/tag_latest'
    exists, content, layer, size, tags, images = reader(
        ['exists', tag], ['get_content', tag],
        ['stream_read', 'images/1/layer'], ['get_size', 'images/1/layer'],
        ['list_directory', 'repositories/library/demo'],
        ['list_directory', 'images/1'])
    assert (exists, content) == (True, '123')
    assert layer == 'x' * 300000
    assert int(size) == 300000  # 0.2.1 gives a text
    # The registry takes no notice of other names there; ours notes its tags.
    assert [name for name in tags if '/tag_' in name] == [tag]
    assert images == ['images/1/json', 'images/1/layer']
    reader(['remove', tag], ['remove', 'images/1/json'],
           ['remove', 'images/1/layer'])
    left = writer(['exists', tag], ['exists', 'images/1/json'],
                  ['exists', 'images/1/layer'], ['get_content', tag])
    assert left[:3] == [False, False, False]
    assert left[3].split(':')[0] in ('ObjectNotFoundError',
                                     'FileNotFoundError')
