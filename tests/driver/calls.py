"""The calls that docker_registry/images.py makes to push and to pull an image,
in its order, each in the request that the extension announces.
"""

import contextlib
import io
import json
import os

import pytest

from docker_registry.core import exceptions
from docker_registry.drivers.swift.registry import request as image_request

ID, PARENT_ID = '1' * 64, '2' * 64
IMAGE = 'images/%s/' % ID
PARENT = 'images/%s/' % PARENT_ID
JSON, LAYER, MARK, CHECKSUM, ANCESTRY = (
    IMAGE + name for name in ('json', 'layer', '_inprogress', '_checksum',
                              'ancestry'))
CONTENT = os.urandom(1000)


@contextlib.contextmanager
def served(storage, endpoint, reads=False, **options):
    """Do as the extension does for a request to the registry."""
    storage.begin(image_request.Request(
        endpoint, ID, reads=LAYER if reads else None, asks_index=False,
        **options))
    try:
        yield
        storage.request.wait_for_write()
    finally:
        storage.end()


def find_json(storage):
    """Look whether the image needs to be pushed, as clients do."""
    with served(storage, 'get_image_json'):
        assert not storage.exists(MARK)
        with pytest.raises(exceptions.FileNotFoundError):
            storage.get_content(JSON)


def put_parent(storage):
    """Push what put_json() names as the image's parent, but for its layer."""
    storage.put_content(PARENT + 'json', '{"id": 2}')
    storage.put_json(PARENT + 'ancestry', [2])


def put_json(storage):
    with served(storage, 'put_image_json', find_parent=lambda: PARENT_ID):
        assert storage.exists(PARENT + 'json')
        if storage.exists(JSON):
            assert storage.exists(MARK)
        storage.put_content(MARK, 'true')
        try:
            storage.remove(CHECKSUM)
        except exceptions.FileNotFoundError:
            pass
        storage.put_content(JSON, '{"id": 1}')
        storage.put_json(ANCESTRY,
                         [1] + storage.get_json(PARENT + 'ancestry'))


def put_layer(storage, content=CONTENT, checksum='sha256:1'):
    with served(storage, 'put_image_layer'):
        assert storage.get_content(JSON) == b'{"id": 1}'
        if storage.exists(LAYER):
            assert storage.exists(MARK)
        storage.request.find_checksum = lambda: checksum
        storage.stream_write(LAYER, io.BytesIO(content))
        storage.put_content(CHECKSUM, json.dumps([checksum]))


def put_checksum(storage, checksum='sha256:1'):
    with served(storage, 'put_image_checksum'):
        assert storage.exists(JSON)
        assert storage.exists(MARK)
        assert get_checksums(storage) == [checksum]
        storage.remove(MARK)


def push(*storages):
    """Push an image; its requests go to these registries in turn."""
    for number, request in enumerate((find_json, put_json, put_layer,
                                      put_checksum)):
        request(storages[number % len(storages)])


def get_checksums(storage):
    return json.loads(storage.get_content(CHECKSUM).decode())


def get_json(storage, content=CONTENT, checksum='sha256:1'):
    with served(storage, 'get_image_json'):
        assert not storage.exists(MARK)
        assert storage.get_content(JSON) == b'{"id": 1}'
        assert storage.get_size(LAYER) == len(content)
        assert get_checksums(storage) == [checksum]


def get_ancestry(storage):
    with served(storage, 'get_image_ancestry'):
        assert not storage.exists(MARK)
        assert storage.get_json(ANCESTRY) == [1, 2]


def get_layer(storage, content=CONTENT):
    with served(storage, 'get_image_layer', reads=True):
        assert not storage.exists(MARK)
        assert storage.exists(LAYER)
        assert storage.get_size(LAYER) == len(content)
        assert b''.join(storage.stream_read(LAYER)) == content


def counted(faults, action, *arguments):
    """Return how many requests to Swift an action costs."""
    before = len(faults.requests)
    action(*arguments)
    return len(faults.requests) - before
