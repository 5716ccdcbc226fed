"""How far uploads are, each step a small object in Swift.

A worker keeps nothing of an upload: whichever gets the next request reads
here. A step is written where there is none of its number: of two requests
that go on from the same step one fails. Where Swift lets both through, which
it does in the same moment, the later is the step, and the other client is
told by the digest at the end. Steps stay until the upload ends: the newest is
found from any other. What has no byte yet is step 0, of which Swift has
nothing: who is told an upload's name by its POST goes on from there. Knows
nothing of HTTP or of what the bytes are.
"""

import collections
import json
import uuid

from .. import compat
from .. import errors
from .. import names
from ..objects import small_object

#: A step of an upload. number: 0 before the first bytes. segments: list of
#: (object name, size in bytes, MD5). rest: bytes after them that are in no
#: segment yet. sha256: of all bytes so far, as sha256.Sha256.state() gives it,
#: or None.
State = collections.namedtuple('State', 'number segments rest sha256')

#: An upload that has no bytes.
BEGINNING = State(0, [], b'', None)

#: What is in the place of the first step when an upload has been given up.
_OVER = b'over\n'


def size_bytes(state):
    """Return how many bytes an upload has."""
    return sum(size for _, size, _ in state.segments) + len(state.rest)


class States(object):

    """Reads and writes the steps of uploads.

    Every method raises errors.SwiftError when Swift cannot be asked or fails.
    An upload is known by what the names of its segments begin with.

    :param values: settings.Settings
    :param swift_container: container.Container
    """

    def __init__(self, values, swift_container):
        self._container = swift_container
        self._small_objects = small_object.SmallObjects(
            values, swift_container)

    def read(self, prefix, number):
        """Return a step of an upload.

        :param prefix: that of the upload
        :raises errors.ObjectNotFoundError: there is none, or not any more;
            of step 0 that is not found out
        :raises errors.BrokenObjectError: it is not what was written
        """
        if not number:
            return BEGINNING
        return self._parse(prefix, number, self._content(prefix, number))

    def newest(self, prefix, number):
        """Return the newest step of an upload.

        :param number: of a step that there has been
        :raises errors.ObjectNotFoundError: the upload is over, or never was
        """
        known, step = number, 1
        if known and not self._is_there(prefix, known):
            raise errors.ObjectNotFoundError('there is no upload ' + prefix,
                                             _name(prefix, known))
        while self._is_there(prefix, known + step):
            known, step = known + step, 2 * step
        while step > 1:
            step //= 2
            if self._is_there(prefix, known + step):
                known += step
        return self.read(prefix, known)

    def write(self, prefix, state):
        """Write a step.

        :raises errors.ObjectExistsError: somebody else has, or it is unknown
            whether the upload is there
        """
        # Two that say the same are yet of different requests.
        writer = uuid.uuid4().hex
        content = json.dumps({
            'segments': [[name[len(prefix):], size, md5]
                         for name, size, md5 in state.segments],
            'sha256': state.sha256, 'writer': writer}, sort_keys=True)
        content = content.encode('ascii') + b'\n' + state.rest
        self._write_new(_name(prefix, state.number), content)

    def end(self, prefix):
        """Let nobody begin an upload again that has ended without a blob.

        It takes the place of the first step, and is among the orphans.
        """
        self._small_objects.write(_name(prefix, 1), _OVER)

    def keep_for(self, prefix, object_name):
        """Say that an object, and no other, is going to have the segments.

        Of two objects with the same segments, who removes one would take those
        of the other.

        :returns: name of the object that says so
        :raises errors.ObjectNotFoundError: another object has them; the upload
            is over
        """
        name = names.owner_name(prefix)
        try:
            self._write_new(name, compat.encoded(object_name))
        except errors.ObjectExistsError:
            raise errors.ObjectNotFoundError(
                'the upload is over: ' + prefix, name)
        return name

    def names(self, prefix, number):
        """Return the names of all steps up to one, a list."""
        return [_name(prefix, each) for each in range(1, number + 1)]

    def _write_new(self, name, content):
        """Write an object, where there is none of other content.

        :raises errors.ObjectExistsError: there is one
        """
        try:
            self._small_objects.write(name, content, only_new=True)
        except errors.ObjectExistsError:
            # It may be our own, its answer lost.
            if self._small_objects.read(name) != content:
                raise

    def _content(self, prefix, number):
        return self._small_objects.read(_name(prefix, number))

    def _parse(self, prefix, number, content):
        if content == _OVER:
            raise errors.ObjectNotFoundError('the upload is over: ' + prefix,
                                             _name(prefix, number))
        head, _, rest = content.partition(b'\n')
        try:
            found = json.loads(head.decode('ascii'))
            state = found['sha256']
            return State(number, [
                (prefix + compat.native(name), size, compat.native(md5))
                for name, size, md5 in found['segments']], rest,
                state and compat.native(state))
        except (KeyError, TypeError, ValueError):
            raise errors.BrokenObjectError(
                'GET %s: it is not what was written'
                % _name(prefix, number), _name(prefix, number))

    def _is_there(self, prefix, number):
        return self._container.exists(_name(prefix, number))


def segments_prefix(prefix, number):
    """Return what the names of the segments of one request begin with.

    Of several requests that go on from the same step each has its own.

    :param prefix: that of the upload
    :param number: of the step that the request makes
    """
    return '%s%08d-%s-' % (prefix, number, uuid.uuid4().hex[:16])


def upload_prefix(object_name, upload):
    """Return what the names of all that is of an upload begin with.

    :param object_name: layout.Layout.uploads() of the repository
    :param upload: the upload's name
    """
    return names.segments_prefix(object_name, upload)


def _name(prefix, number):
    return '%sstep-%08d' % (prefix, number)
