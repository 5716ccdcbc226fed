"""Removes images that nothing needs, while registries go on.

A client that pushes asks first which images are there, and does not push those
again. So an image is not simply removed, but in three steps; at any of them
it stays if it is needed after all.

1. It gets a mark (_inprogress), as if it were being pushed. From now on
   registries answer clients that it is not there yet, and those push it anew;
   that replaces the mark. Tags are looked at for some seconds: a client that
   had asked before may let a tag name the image. The mark then goes, and the
   image is as it was.
2. json and ancestry go; the mark has them. From now on registries refuse a tag
   that names the image, and an image on top of it. Those that had looked for
   the json just before may still write theirs. So some seconds later tags and
   new images are looked at once more. Where one needs the image both are
   written again, and the mark goes.
3. The layer and the rest go, the mark as the last of it.

Whoever stops this in the middle has the first two steps undone, and the third
ended. After somebody has killed it, or Swift has failed, recover() does that.
"""

import json
import time
import uuid

from . import output
from . import stored
from .. import compat
from .. import errors

#: Longer than it takes a registry that has found an image to write what needs
#: it, and Swift to list that.
SETTLE_SECONDS = 10
_PAUSE_SECONDS = 1
_MARK = '_inprogress'
#: The key in the mark's JSON by which it is known.
_KIND = 'docker-registry-swift gc'
#: Of a mark that whoever wrote it has left.
_LEFT_SECONDS = 900
#: What the mark begins with when nothing can be undone any more.
_REMOVING = b'being removed '
#: What a registry writes to a mark.
_PUSHED = b'true'


class _Mark(object):

    """The mark of one image that is being removed.

    :param content: of the mark, bytes
    """

    def __init__(self, content):
        self.content = content
        found = json.loads(content.decode('ascii'))
        self.written_at = found['written_at']
        #: Whether there was a mark already, of a push that was given up.
        self.had_mark = found['had_mark']
        #: Contents of files that go first, by their names.
        self.files = {
            compat.native(name): text.encode('latin-1')
            for name, text in found[_KIND].items()}
        #: x-timestamp of the json as it was, None where there was none.
        self.json_timestamp = found['json_timestamp']

    @property
    def below(self):
        """The ids in the image's ancestry, or [] where it is damaged."""
        try:
            return [compat.native(each) for each
                    in json.loads(self.files['ancestry'].decode('ascii'))]
        except (KeyError, TypeError, ValueError):
            return []

    @classmethod
    def make(cls, files, had_mark, json_timestamp, now):
        return cls(json.dumps({
            # Any bytes as text, so that JSON can have them.
            _KIND: {name: content.decode('latin-1')
                    for name, content in files.items()
                    if content is not None},
            'had_mark': had_mark, 'json_timestamp': json_timestamp,
            'written_at': now, 'nonce': uuid.uuid4().hex}).encode('ascii'))

    @classmethod
    def read(cls, content):
        """Return the _Mark that a content is, None if it is another."""
        try:
            return cls(content)
        except (AttributeError, KeyError, TypeError, ValueError):
            return None


class Removal(object):

    """Removes images.

    :param registry: opened.Opened
    :param reached: callable that returns the ids of all images that a tag
        reaches now, a set
    :param needed: callable that returns those that are needed now for any
        reason; takes ids of images that are being pushed
    :param is_old: callable that tells of Unix time in seconds whether what
        was written then is old enough
    :param clock: callable that returns Unix time by Swift's clock
    """

    def __init__(self, registry, reached, needed, is_old, clock):
        self._registry = registry
        self._reached = reached
        self._needed = needed
        self._is_old = is_old
        self._clock = clock
        self._stored = stored.Stored(registry)
        self._marks = {}
        self._pushed = set()

    def remove(self, image_ids):
        """Remove images; return the ids of those that are gone, a list.

        :param image_ids: list of ids
        :raises Exception: as Swift has it; those that were not gone yet are
            as they were, as far as that could be
        """
        try:
            self._each(self._mark, image_ids)
            self._watch_tags()
            self._spare_needed()
            self._each(self._begin, self._marks)
            self._wait()
            self._spare_needed(begun=True)
            return [image_id for image_id, gone
                    in self._each(self._end, self._marks) if gone]
        except BaseException:
            self._registry.jobs.stop()
            self._undo_all()
            raise

    def recover(self, image_ids):
        """Undo or end what somebody has left who was killed.

        :param image_ids: iterable of ids of images with a mark
        """
        def recover(image_id):
            content = self._read(image_id, _MARK) or b''
            if content.startswith(_REMOVING):
                self._finish(image_id, content)
                return
            mark = _Mark.read(content)
            if mark is not None and (
                    self._clock() - mark.written_at > _LEFT_SECONDS):
                self._marks[image_id] = mark
                self._undo(image_id)
        self._each(recover, image_ids)

    def _each(self, function, image_ids):
        """Do something with each; return what that has returned, a list."""
        return list(self._registry.jobs.each(function, list(image_ids)))

    def _mark(self, image_id):
        files = {name: self._read(image_id, name)
                 for name in ('json', 'ancestry')}
        timestamp = self._timestamp(image_id, 'json')
        mark_timestamp = self._timestamp(image_id, _MARK)
        if not all(each is None or self._is_old(float(each))
                   for each in (timestamp, mark_timestamp)):
            self._pushed.add(image_id)
            return
        mark = _Mark.make(files, mark_timestamp is not None, timestamp,
                          self._clock())
        # Before it is there: whoever is stopped in between looks for it.
        self._marks[image_id] = mark
        try:
            self._write(image_id, _MARK, mark.content,
                        only_new=not mark.had_mark)
        except errors.ObjectExistsError:
            del self._marks[image_id]
            self._pushed.add(image_id)

    def _watch_tags(self):
        until = compat.monotonic() + SETTLE_SECONDS
        while self._marks and compat.monotonic() < until:
            self._spare(self._reached())
            time.sleep(_PAUSE_SECONDS)

    def _spare_needed(self, begun=False):
        """Spare images that are needed now, or that somebody pushes."""
        self._each(lambda image_id: self._is_own(image_id, begun),
                   self._marks)
        if self._marks:
            self._spare(self._needed(self._pushed))

    def _spare(self, needed):
        # What is below them may be known from the marks alone by now.
        needed = {below for image_id in needed.intersection(self._marks)
                  for below in self._marks[image_id].below} | needed
        self._each(self._undo, needed.intersection(self._marks))

    def _begin(self, image_id):
        if self._is_own(image_id):
            for name in ('json', 'ancestry'):
                self._delete(image_id, name)

    def _wait(self):
        if self._marks:
            time.sleep(SETTLE_SECONDS)

    def _end(self, image_id):
        """Remove the rest of an image; return its id and whether it's gone."""
        if not self._is_own(image_id, begun=True):
            return image_id, False
        mark = _REMOVING + uuid.uuid4().hex.encode('ascii')
        self._write(image_id, _MARK, mark)
        # From here on nothing can be undone, but by a push.
        del self._marks[image_id]
        self._finish(image_id, mark)
        return image_id, True

    def _finish(self, image_id, mark):
        """Remove what is left of an image that has no json any more.

        :param mark: content of its mark, bytes
        """
        names = set(self._stored.image(image_id).files)
        for name in sorted((names | {'layer', '_checksum'}) - {_MARK}):
            if self._read(image_id, _MARK) != mark:
                return  # somebody has begun to push it
            try:
                self._registry.large_objects.remove(
                    self._name(image_id, name))
            except errors.ObjectNotFoundError:
                pass
        if self._read(image_id, _MARK) == mark:
            self._delete(image_id, _MARK)

    def _is_own(self, image_id, begun=False):
        """Tell whether nobody has begun to push an image; else let it be.

        :param begun: whether its json has been removed
        """
        mark = self._marks[image_id]
        is_own = self._read(image_id, _MARK) == mark.content
        if is_own and self._timestamp(image_id, 'json') == (
                None if begun else mark.json_timestamp):
            return True
        if is_own:  # written over the mark of a push
            self._write(image_id, _MARK, _PUSHED)
        self._restore(image_id)
        del self._marks[image_id]
        self._pushed.add(image_id)
        return False

    def _undo(self, image_id):
        """Let an image be as it was before, or as who pushes it has it."""
        mark = self._marks[image_id]
        self._restore(image_id)
        found = self._read(image_id, _MARK) or b''
        if found == mark.content or found.startswith(_REMOVING):
            if mark.had_mark:
                self._write(image_id, _MARK, _PUSHED)
            else:
                self._delete(image_id, _MARK)
        del self._marks[image_id]

    def _undo_all(self):
        # One by one: the threads have been stopped.
        for image_id in list(self._marks):
            try:
                self._undo(image_id)
            except errors.UnreachableError:
                break
            except errors.SwiftError:
                pass
        if self._marks:
            output.print_error(
                '%d images are left with a mark of this command, as if they '
                'were being pushed; gc --delete undoes that %d minutes from '
                'now' % (len(self._marks), _LEFT_SECONDS / 60))

    def _restore(self, image_id):
        """Write json and ancestry again, if they are gone and all is not."""
        if not self._timestamp(image_id, 'layer') and not self._timestamp(
                image_id, _MARK):
            return  # somebody else has removed the image
        for name, content in self._marks[image_id].files.items():
            try:
                self._write(image_id, name, content, only_new=True)
            except errors.ObjectExistsError:
                pass

    def _timestamp(self, image_id, name):
        try:
            return self._registry.container.head(
                self._name(image_id, name))['x-timestamp']
        except errors.ObjectNotFoundError:
            return None

    def _read(self, image_id, name):
        """Return the content of a file, None where there is none."""
        try:
            return self._registry.read(stored.image_path(image_id, name))
        except errors.ObjectNotFoundError:
            return None

    def _write(self, image_id, name, content, only_new=False):
        self._registry.small_objects.write(self._name(image_id, name),
                                           content, only_new)

    def _delete(self, image_id, name):
        try:
            self._registry.container.delete(self._name(image_id, name))
        except errors.ObjectNotFoundError:
            pass

    def _name(self, image_id, name):
        return self._registry.names.object_name(
            stored.image_path(image_id, name))
