# -*- coding: utf-8 -*-
import hashlib
import json
import resource

import hypothesis
from hypothesis import strategies
import pytest

from docker_registry.drivers.swift.v2 import conversion
from docker_registry.drivers.swift.v2 import facts


def digest_of(text):
    return 'sha256:' + hashlib.sha256(text.encode('ascii')).hexdigest()


def layer(name, kind='tar', is_empty=False):
    archive = digest_of('archive ' + name)
    stored = archive if kind == 'tar' else digest_of(kind + name)
    return facts.Facts(kind, stored, 2048, archive,
                       2048 if kind == 'tar' else 10240,
                       digest_of('checksum ' + name), is_empty)


def image(image_id, parent=None, kind='tar', is_empty=False, **description):
    description.update(id=image_id)
    if parent:
        description['parent'] = parent
    return conversion.Image(image_id, json.dumps(description).encode('utf-8'),
                            layer(image_id, kind, is_empty))


def converted(*images, **defaults):
    found = conversion.convert(list(images), **defaults)
    return (found, json.loads(found.config.decode('ascii')),
            json.loads(found.manifest.decode('ascii')))


def test_config_and_manifest():
    base = image('a1', created='2013-01-01T00:00:00Z', author='somebody',
                 container_config={'Cmd': ['/bin/sh', '-c', 'add files']})
    empty = image('b2', 'a1', is_empty=True, comment='nothing')
    top = image('c3', 'b2', kind='gzip', Size=5, throwaway=True, parent_id='x',
                layer_id='y', architecture='arm', os='linux',
                docker_version='1.5.0', config={'Cmd': ['run']}, unknown=[1.5])
    found, config, manifest = converted(base, empty, top)
    diff_ids = [digest_of('archive a1'), digest_of('archive c3')]
    assert config == {
        'architecture': 'arm', 'os': 'linux', 'docker_version': '1.5.0',
        'config': {'Cmd': ['run']}, 'unknown': [1.5],
        'rootfs': {'type': 'layers', 'diff_ids': diff_ids},
        'history': [
            {'created': '2013-01-01T00:00:00Z', 'author': 'somebody',
             'created_by': '/bin/sh -c add files'},
            {'comment': 'nothing', 'empty_layer': True}, {}]}
    prefix = 'application/vnd.docker.'
    assert manifest == {
        'schemaVersion': 2,
        'mediaType': prefix + 'distribution.manifest.v2+json',
        'config': {'mediaType': prefix + 'container.image.v1+json',
                   'size': len(found.config), 'digest': found.config_digest},
        'layers': [
            {'mediaType': prefix + 'image.rootfs.diff.tar', 'size': 2048,
             'digest': diff_ids[0]},
            {'mediaType': prefix + 'image.rootfs.diff.tar.gzip', 'size': 2048,
             'digest': digest_of('gzipc3')}]}
    for content, digest in ((found.config, found.config_digest),
                            (found.manifest, found.manifest_digest)):
        assert digest == 'sha256:' + hashlib.sha256(content).hexdigest()
    assert found.layers == [layer['digest'] for layer in manifest['layers']]


def test_bytes_are_those_of_every_version_to_come():
    """Who has pinned a digest gets the same bytes for ever."""
    description = (
        u'{"id": "a1", "created": "2013-06-13T14:03:50.821769-07:00", '
        u'"author": "J\xfcrgen \u2603 \U0001f433 \\ud800", "n": 1.10, '
        u'"big": 12345678901234567890, "e": 1e3, "config": {"Memory": 0, '
        u'"PortSpecs": ["8080:80"], "Entrypoint": "/run"}}').encode('utf-8')
    found = conversion.convert([conversion.Image(
        'a1', description + b' ', layer('a1', 'xz'))])
    assert found.config.startswith(
        b'{"architecture":"amd64","author":"J\\u00fcrgen \\u2603 '
        b'\\ud83d\\udc33 \\ud800","big":12345678901234567890,"config":'
        b'{"Entrypoint":["/run"],"ExposedPorts":{"80/tcp":{}},"Memory":0},'
        b'"created":"2013-06-13T14:03:50.821769-07:00","e":1000.0,"history":')
    assert found.manifest_digest == (
        'sha256:'
        '27e075ffd4114bf573a49b44b1d57bf5dea791ef1e20e877b9a746013036ecc3')


@pytest.mark.parametrize('kind', ['xz', 'bzip2'])
def test_what_not_every_client_takes_is_served_as_tar(kind):
    found, config, manifest = converted(image('a1', kind=kind))
    assert manifest['layers'] == [{
        'mediaType': 'application/vnd.docker.image.rootfs.diff.tar',
        'size': 10240, 'digest': digest_of('archive a1')}]
    assert config['rootfs']['diff_ids'] == found.layers


def test_image_of_empty_layers_keeps_one():
    found, config, manifest = converted(
        image('a1', is_empty=True), image('b2', 'a1', is_empty=True))
    assert config['history'] == [{}, {'empty_layer': True}]
    assert found.layers == [digest_of('archive a1')]


def test_many_layers():
    images = [image('%02x' % number, '%02x' % (number - 1) if number else None,
                    is_empty=number % 4 == 3) for number in range(127)]
    found, config, manifest = converted(*images)
    assert len(config['history']) == 127
    assert len(manifest['layers']) == len(config['rootfs']['diff_ids']) == 96
    assert sum('empty_layer' in entry for entry in config['history']) == 31


@pytest.mark.parametrize('description, expected', [
    ({}, {'architecture': 'amd64', 'os': 'linux'}),
    ({'architecture': '', 'os': None}, {'architecture': 'amd64'}),
    ({'architecture': 'x86_64'}, {'architecture': 'amd64'}),
    ({'architecture': 'i386'}, {'architecture': '386'}),
    ({'architecture': 'arm64', 'os': 'windows'},
     {'architecture': 'arm64', 'os': 'windows'}),
    ({'config': {'PortSpecs': ['80', '8080:90', '127.0.0.1::53/udp']}},
     {'config': {'ExposedPorts': {'80/tcp': {}, '90/tcp': {},
                                  '53/udp': {}}}}),
    ({'config': {'PortSpecs': None, 'Cmd': None, 'Image': None}},
     {'config': {}}),
    ({'config': {'PortSpecs': ['1'], 'ExposedPorts': {'2/tcp': {}}}},
     {'config': {'ExposedPorts': {'1/tcp': {}, '2/tcp': {}}}}),
    ({'config': {'Entrypoint': '/run it', 'Cmd': u'\xe9'}},
     {'config': {'Entrypoint': ['/run it'], 'Cmd': [u'\xe9']}}),
    ({'config': {'Entrypoint': [], 'Cmd': ['a', 'b'], 'Env': []}},
     {'config': {'Entrypoint': [], 'Cmd': ['a', 'b'], 'Env': []}}),
    ({'created': '2013-06-13T14:03:50.821769-07:00'},
     {'created': '2013-06-13T14:03:50.821769-07:00'}),
    ({'created': '2013-06-13T14:03:50+0200'},
     {'created': '2013-06-13T14:03:50+02:00'}),
    ({'created': '0001-01-01T00:00:00Z'},
     {'created': '0001-01-01T00:00:00Z'})])
def test_oddities(description, expected):
    _, config, _ = converted(image('a1', **description))
    for name, value in expected.items():
        assert config[name] == value


@pytest.mark.parametrize('name', ['created', 'config', 'container_config'])
@pytest.mark.parametrize('description', [{}, {'x': None}])
def test_what_is_absent_or_null_stays_absent(name, description):
    _, config, _ = converted(image('a1', **{
        name: value for value in description.values()}))
    assert name not in config and config['history'] == [{}]


@pytest.mark.parametrize('parent', ['absent', None, ''])
def test_no_parent(parent):
    description = {} if parent == 'absent' else {'parent': parent}
    content = json.dumps(dict(description, id='a1')).encode('ascii')
    assert 'parent' not in json.loads(conversion.convert([conversion.Image(
        'a1', content, layer('a1'))]).config.decode('ascii'))


def test_who_has_pushed_tells_the_machine():
    _, config, _ = converted(image('a1'), architecture='arm', os='plan9')
    assert (config['architecture'], config['os']) == ('arm', 'plan9')
    _, config, _ = converted(image('a1', architecture='ppc64', os='linux'),
                             architecture='arm', os='plan9')
    assert (config['architecture'], config['os']) == ('ppc64', 'linux')


@pytest.mark.parametrize('invalid, text', [
    (b'a\xffb', u'a\ufffdb'), (b'\xed\xa0\x80', 3 * u'\ufffd'),
    (b'\xe2\x98', 2 * u'\ufffd'), (b'\xc0\x80', 2 * u'\ufffd'),
    (b'\xf5\xe2\x98\x83', u'\ufffd\u2603'),
    (b'\xf0\x9f\x90\xb3', u'\U0001f433')])
def test_invalid_utf_8_is_the_same_on_every_python(invalid, text):
    content = b'{"id": "a1", "author": "' + invalid + b'"}'
    found = conversion.convert([conversion.Image('a1', content, layer('a1'))])
    assert json.loads(found.config.decode('ascii'))['author'] == text


@pytest.mark.once
def test_json_of_10_mib():
    """In several times its size, not in a hundred."""
    before = _max_memory_bytes()
    _, config, _ = converted(image('a1', x=10 * 1024 * 1024 * 'x'))
    assert len(config['x']) == 10 * 1024 * 1024
    assert _max_memory_bytes() - before < 400 * 1024 * 1024


def _max_memory_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize('content', [
    b'', b'null', b'[]', b'{', b'{"id": "b2"}', b'{"id": 1}', b'\x00',
    b'{"id": "a1", "n": NaN}', b'{"id": "a1", "n": 1e999}',
    b'{"id": "a1", "n": -Infinity}', b'{"id": "a1"} more',
    b'{"id": "a1", "n": ' + 5000 * b'1' + b'}', b'{"id": "a1", "a": "\n"}',
    b'{"id": "a1", "n": ' + 100000 * b'[' + 100000 * b']' + b'}',
    b'{"id": "a1", "parent": 5}', b'{"id": "a1", "author": ["x"]}',
    b'{"id": "a1", "architecture": 64}', b'{"id": "a1", "config": "x"}',
    b'{"id": "a1", "created": "yesterday"}', b'{"id": "a1", "created": 0}',
    b'{"id": "a1", "created": "2013-13-01T00:00:00Z"}',
    u'{"id": "a1", "created": "2\u0660\u0661\u0663-12-01T00:00:00Z"}'
    .encode('utf-8'),
    u'{"id": "a1", "config": {"PortSpecs": ["8\u0660"]}}'.encode('utf-8'),
    b'{"id": "a1", "config": {"Cmd": 5}}',
    b'{"id": "a1", "config": {"Env": "A=b"}}',
    b'{"id": "a1", "config": {"Env": [1]}}',
    b'{"id": "a1", "config": {"User": {}}}',
    b'{"id": "a1", "config": {"Volumes": []}}',
    b'{"id": "a1", "config": {"Labels": {"a": 1}}}',
    b'{"id": "a1", "config": {"PortSpecs": ["http"]}}',
    b'{"id": "a1", "config": {"PortSpecs": 80}}',
    b'{"id": "a1", "config": {"PortSpecs": ["99999"]}}',
    b'{"id": "a1", "container_config": {"Cmd": {"a": 1}}}'])
def test_json_that_no_engine_could_read(content):
    with pytest.raises(facts.DamagedError) as caught:
        conversion.convert([conversion.Image('a1', content, layer('a1'))])
    assert str(caught.value).startswith('image a1: its json')


@pytest.mark.parametrize('images, damaged', [
    ([image('b2', 'a1')], 'b2'),
    ([image('a1'), image('b2')], 'b2'),
    ([image('a1'), image('b2', 'c3')], 'b2')])
def test_image_that_does_not_stand_on_the_one_below_it(images, damaged):
    with pytest.raises(facts.DamagedError) as caught:
        conversion.convert(images)
    assert str(caught.value).startswith('image %s: it stands on' % damaged)


@pytest.mark.parametrize('parent', [
    '\\ud800', '\\n2015-01-01 all is well', '\\u001b[2J', 1000000 * '1'])
def test_parent_that_is_no_id_is_not_shown(parent):
    """It would be in logs and on terminals."""
    content = ('{"id": "a1", "parent": "%s"}' % parent).encode('ascii')
    with pytest.raises(facts.DamagedError) as caught:
        conversion.convert([conversion.Image('a1', content, layer('a1'))])
    assert str(caught.value) == (
        'image a1: it stands on what is no id by its json, and on none by the '
        'ancestry')


_ANYTHING = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers()
    | strategies.floats() | strategies.text(),
    lambda inner: strategies.lists(inner, max_size=3)
    | strategies.dictionaries(strategies.sampled_from(
        ['Cmd', 'Env', 'Entrypoint', 'PortSpecs', 'ExposedPorts', 'Labels',
         'User', 'Volumes', 'x', u'\xe9']), inner, max_size=3), max_leaves=8)
_DESCRIPTIONS = strategies.dictionaries(strategies.sampled_from(
    ['id', 'parent', 'created', 'config', 'container_config', 'author', 'os',
     'architecture', 'comment', 'Size', 'history', 'rootfs', u'\u2603']),
    _ANYTHING, max_size=5)


def check(content):
    """Convert what may be damaged: to what clients can read, or an error."""
    try:
        found = conversion.convert(
            [conversion.Image('a1', content, layer('a1'))])
    except facts.DamagedError as error:
        assert str(error).startswith('image a1: ')
        return
    config = json.loads(found.config.decode('ascii'))
    assert config['rootfs']['diff_ids'] == [digest_of('archive a1')]
    assert len(config['history']) == 1
    for name in ('architecture', 'os'):
        assert config[name] and isinstance(config[name], type(u''))
    for name in ('config', 'container_config'):
        assert isinstance(config.get(name, {}), dict)
    # Once more: what has been converted is what is to be converted.
    assert found == conversion.convert(
        [conversion.Image('a1', content, layer('a1'))])


@hypothesis.given(_DESCRIPTIONS)
def test_any_json(description):
    check(json.dumps(description).encode('utf-8'))


@hypothesis.given(_DESCRIPTIONS, strategies.integers(0, 200),
                  strategies.binary(max_size=5))
def test_any_damage_of_a_json(description, position, damage):
    content = json.dumps(dict(description, id='a1')).encode('utf-8')
    check(content[:position] + damage + content[position + len(damage):])


@hypothesis.given(strategies.binary(max_size=100))
def test_anything(content):
    check(content)
