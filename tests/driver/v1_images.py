"""v1 images as the registry stores them, through the driver."""

import gzip
import hashlib
import io
import json
import os
import tarfile

from streams import Stream


def tar(*sizes):
    """Return an archive of files of random bytes.

    :param sizes: of the files, in bytes
    """
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode='w') as archive:
        for number, size in enumerate(sizes):
            member = tarfile.TarInfo('file%d' % number)
            member.size = size
            archive.addfile(member, io.BytesIO(os.urandom(size)))
    return content.getvalue()


def gzipped(content):
    found = io.BytesIO()
    with gzip.GzipFile('name', 'wb', fileobj=found) as stream:
        stream.write(content)
    return found.getvalue()


def digest(content):
    return 'sha256:' + hashlib.sha256(content).hexdigest()


class Images(object):

    """Pushes images as the registry does.

    :param storage: Storage
    """

    def __init__(self, storage):
        self._storage = storage

    def push(self, layers, **description):
        """Push an image.

        :param layers: of it and of those below it, the base first, bytes
        :param description: of the topmost image
        :returns: its ids, the base first
        """
        ids = []
        for number, layer in enumerate(layers):
            ids.append(self.push_one(
                layer, ids, **(description if number == len(layers) - 1
                               else {})))
        return ids

    def push_one(self, layer, below=(), image_id=None, checksum=True,
                 **description):
        """Push one image on those below it; return its id.

        :param checksum: whether the registry keeps one
        """
        image_id = image_id or hashlib.sha256(os.urandom(16)).hexdigest()
        description['id'] = image_id
        if below:
            description['parent'] = below[-1]
        content = json.dumps(description).encode('utf-8')
        path = 'images/%s/' % image_id
        self._storage.put_content(path + 'json', content)
        self._storage.put_content(path + 'ancestry', json.dumps(
            [image_id] + list(reversed(below))))
        self._storage.stream_write(path + 'layer', Stream(layer))
        if checksum:
            self._storage.put_content(path + '_checksum', json.dumps(
                ['tarsum+sha256:0', digest(content + b'\n' + layer)]))
        return image_id

    def tag(self, image_id, repository='library/x', tag='latest'):
        """Let a tag name an image, and describe who has done it.

        :param repository: namespace and repository as stored
        """
        directory = 'repositories/%s/' % repository
        self._storage.put_content('%stag_%s' % (directory, tag), image_id)
        self._storage.put_content(
            '%stag%s_json' % (directory, tag),
            json.dumps({'arch': 'arm', 'os': 'linux', 'last_update': 1}))

    def untag(self, repository='library/x', tag='latest'):
        self._storage.remove('repositories/%s/tag_%s' % (repository, tag))
