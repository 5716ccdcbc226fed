"""docker-registry-swift gc: what nothing needs any more, and its removal."""

import collections
import itertools

from . import dynamic
from . import opened
from . import output
from . import reach
from . import removal
from . import removal_v2
from . import stored
from .. import compat
from .. import errors
from .. import names
from ..client import listing

#: What main.py shows of this command.
HELP = 'find what nothing needs, and remove it'
DESCRIPTION = '''\
The registry never removes an image. This finds images that no tag reaches;
segments that belong to no layer (what Storage.orphans() yields); blobs of v2
that no manifest needs; and uploads that were given up. Without --delete
nothing is changed, and the exit status is 1 if there is something. With
--delete they are removed; registries may go on meanwhile. Images of which
something was written lately stay, and all that are below them; so do layers
that a blob of v2 refers to. A manifest without a tag stays, for clients pull
it by its digest, unless --untagged is given. An image with a mark of a push,
its segments, and an upload stay for a day whatever --older-than says: the push
may be under way. Stopped in the middle, it leaves each image as it was, or
gone.'''

_BATCH = 2000
#: No push goes on for longer than this without writing anything.
_PUSH_SECONDS = 86400
_MARK = '_inprogress'
#: What is found, in the order in which the totals have it.
_KINDS = ('image', 'segment', 'manifest', 'blob', 'upload')
_LINE = '%-8s  %-64s  %10s  %s'


def add_options(parser):
    """Add the options of this command to its argparse.ArgumentParser."""
    parser.add_argument(
        '--older-than', metavar='AGE', type=opened.seconds, default='24h',
        help='leave what was written since, by Swift\'s clock: 90s, 30min, '
        '24h, 7d (default: 24h). Take more than the longest push, or push to '
        'nothing meanwhile')
    parser.add_argument('--delete', action='store_true',
                        help='remove what is found')
    parser.add_argument(
        '--untagged', action='store_true',
        help='also manifests of v2 that no tag reaches, but not what has one '
        'for its subject that stays, such as signatures')
    parser.add_argument('--json', action='store_true',
                        help='print a JSON object for each, a line each')
    opened.add_jobs(parser)


def run(options):
    """Find and perhaps remove; return the exit status."""
    with opened.Opened(options.config, options.flavor,
                       options.jobs) as registry:
        registry.look()
        garbage = _Garbage(registry, options.older_than)
        blobs = removal_v2.RemovalV2(registry, garbage.is_old,
                                     garbage.is_given_up, options.untagged)
        report = _Report(garbage.now, options)
        if options.delete:
            garbage.recover()
        found = blobs.find()
        # First, for they may have the layers of images.
        if options.delete:
            found = blobs.remove(found)
        for each in found:
            report.add(each.kind, each.name, each.size_bytes, each.written_at)
        found = garbage.images()
        if options.delete:
            found = garbage.remove_images(found)
        for image_id, size_bytes, written_at in found:
            report.add('image', image_id, size_bytes, written_at)
        left = dynamic.Segments(registry, garbage.is_given_up)
        for segments, remove in (
                (garbage.segments(), garbage.remove_segments),
                (left.find(), left.remove)):
            for entry in remove(segments) if options.delete else segments:
                report.add('segment', entry['name'], entry['bytes'],
                           listing.written_at(entry))
        report.end()
    return 1 if report.found and not options.delete else 0


class _Garbage(object):

    """What nothing needs.

    :param registry: opened.Opened
    :param age_seconds: how old it is at least
    :ivar now: Unix time by Swift's clock
    """

    def __init__(self, registry, age_seconds):
        self._registry = registry
        self._age_seconds = age_seconds
        self._stored = stored.Stored(registry)
        self._reach = reach.Reach(registry)
        self.now = registry.container.clock()
        if self.now is None:
            raise errors.SwiftError('Swift does not say what time it is, and '
                                    'so not how old anything is')
        started = compat.monotonic()
        # This machine's clock may be wrong, and be set meanwhile.
        self._clock = lambda: self.now + compat.monotonic() - started
        self._blobs = None
        self._candidates = set()

    def is_old(self, written_at):
        """Tell whether what was written then is old enough to be removed."""
        return self.now - written_at >= self._age_seconds

    def is_given_up(self, written_at):
        """Tell it of what somebody may be pushing."""
        return self.now - written_at >= max(_PUSH_SECONDS, self._age_seconds)

    def recover(self):
        """Undo what somebody has left who was killed while removing."""
        self._removal().recover(
            (image.id for image in self._stored.images()
             if _MARK in image.files))

    def images(self):
        """Return (id, size in bytes, Unix time) of images, a list."""
        old, new = {}, []
        with output.Progress('images') as progress:
            for image in progress.count(self._stored.images()):
                if not names.is_image_id(image.id):
                    continue
                newest = max(each.written_at for each in image.files.values())
                if self.is_old(newest) and not (
                        _MARK in image.files
                        and self._is_being_pushed(image.id, newest)):
                    old[image.id] = (
                        sum(each.size_bytes for each in image.files.values()),
                        newest)
                else:
                    new.append(image.id)
        # In this order: a tag that names one of them since is seen.
        needed = self._needed(new)
        return sorted(((image_id, size_bytes, newest) for image_id, (
            size_bytes, newest) in old.items() if image_id not in needed),
            key=lambda each: each[2])

    def remove_images(self, found):
        """Remove images that images() has returned; yield those gone.

        :param found: list
        """
        self._candidates.update(each[0] for each in found)
        for batch in compat.batched(found, _BATCH):
            by_id = {each[0]: each for each in batch}
            for image_id in self._removal().remove(list(by_id)):
                yield by_id[image_id]

    def segments(self):
        """Yield what the listing says of each segment without a manifest."""
        entries = self._registry.orphans.entries(
            self._registry.names.prefix(), self._age_seconds)
        for name, group in itertools.groupby(
                entries, lambda entry: names.segmented_object(entry['name'])):
            group = list(group)
            if not self._has_push(name, group):
                for entry in group:
                    if entry['name'] not in self._used_by_blobs():
                        yield entry

    def remove_segments(self, found):
        """Remove segments that segments() has yielded; yield those gone.

        Each after a second look at the manifest.

        :param found: iterable
        """
        for batch in compat.batched(found, _BATCH):
            gone = []
            for name, group in itertools.groupby(
                    batch,
                    lambda entry: names.segmented_object(entry['name'])):
                group = list(group)
                # The mark first: it goes after the manifest has come.
                if not self._has_push(name, group):
                    again = {
                        entry['name'] for entry
                        in self._registry.orphans.entries(
                            name, self._age_seconds)}
                    gone += [entry for entry in group
                             if entry['name'] in again]
            self._registry.container.delete_all(
                entry['name'] for entry in gone)
            for entry in gone:
                yield entry

    def _removal(self):
        return removal.Removal(self._registry, self._reach.tagged,
                               self._needed_now, self.is_old, self._clock)

    def _needed(self, new):
        """Return the ids of images that stay.

        :param new: ids of images that have been pushed lately
        """
        prefix = self._registry.names.prefix('images')
        return self._reach.tagged() | self._reach.below(new) | {
            name[len(prefix):].split('/')[0]
            for name in self._used_by_blobs() if name.startswith(prefix)}

    def _needed_now(self, pushed):
        """Return the ids of images that stay after a second look.

        :param pushed: ids of images that are being pushed
        """
        self._blobs = None
        since = self.now - max(_PUSH_SECONDS, self._age_seconds)
        new = [image.id for image in self._stored.images()
               if image.id not in self._candidates
               and any(each.written_at > since
                       for each in image.files.values())]
        return self._needed(new + sorted(pushed))

    def _used_by_blobs(self):
        if self._blobs is None:
            self._blobs = self._reach.used_by_blobs()
        return self._blobs

    def _is_being_pushed(self, image_id, newest):
        """Tell whether the push of an image with a mark may be under way."""
        # The files of a layer of many segments are as old as its push.
        prefix = names.segments_prefix(self._registry.names.object_name(
            stored.image_path(image_id, 'layer')) + '/')
        written = [newest] + [
            listing.written_at(entry)
            for entry in self._registry.container.list(prefix)]
        return not self.is_given_up(max(written))

    def _has_push(self, object_name, segments):
        """Tell whether segments may be of a push under way.

        :param object_name: of the object that they were written for; of an
            upload of v2 that of the upload
        :param segments: what the listing says of them
        """
        newest = [listing.written_at(entry) for entry in segments]
        if object_name.endswith('/layer'):
            try:
                headers = self._registry.container.head(
                    object_name[:-len('layer')] + _MARK)
            except errors.ObjectNotFoundError:
                return False
            newest.append(float(headers['x-timestamp']))
        return self.now - max(newest) < _PUSH_SECONDS


class _Report(object):

    """Prints what is found, or removed.

    :param now: Unix time by Swift's clock
    :param options: of the command
    :ivar found: whether there was anything
    """

    def __init__(self, now, options):
        self._now = now
        self._options = options
        self._totals = collections.OrderedDict(
            (kind, [0, 0]) for kind in _KINDS)
        self.found = False

    def add(self, kind, name, size_bytes, written_at):
        """Print one thing that is found."""
        self.found = True
        self._totals[kind][0] += 1
        self._totals[kind][1] += size_bytes
        if self._options.json:
            output.print_json({
                'kind': kind, 'name': name, 'size_bytes': size_bytes,
                'written_at': output.iso8601(written_at),
                'removed': self._options.delete})
        else:
            output.print_line(_LINE % (
                kind, name, output.size(size_bytes),
                output.age(self._now - written_at)))

    def end(self):
        """Print what it is together."""
        if self._options.json:
            output.print_json(dict(
                {kind + 's': count
                 for kind, (count, _) in self._totals.items()},
                kind='total', removed=self._options.delete,
                size_bytes=sum(size for _, size in self._totals.values())))
        else:
            output.print_line('%s %s' % (
                'removed:' if self._options.delete
                else 'found (--delete removes it):', '; '.join(
                    '%d %ss, %s' % (count, kind, output.size(size_bytes))
                    for kind, (count, size_bytes) in self._totals.items())))
