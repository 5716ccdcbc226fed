"""docker-registry-swift fsck: finds what clients could not pull, and why."""

import collections
import uuid

from . import damage
from . import damage_v2
from . import opened
from . import output
from . import stored
from . import stored_v2
from . import tagged
from . import tags
from .. import errors
from .. import names

#: What main.py shows of this command.
HELP = 'find damaged images, and tags, marks and links that lead nowhere'
DESCRIPTION = '''\
Looks at each tag, and at json, ancestry, layer, segments and checksum of each
image, by at most four requests for an image and one for each segment; with
--deep at every byte. Registries may go on meanwhile: what is being pushed is
left out. Says of each finding which tags it hurts, and what to do. --repair
does what loses nothing: it removes notes of tags that are gone, marks of
pushes long over whose image is complete (it reads the layer to find out), and
links of v2 to blobs that are not there. --remove removes what a finding names:
a damaged image or blob, or a tag that leads nowhere.'''

_MARK = '_inprogress'
_TAGS_SHOWN = 20


def add_options(parser):
    """Add the options of this command to its argparse.ArgumentParser."""
    parser.add_argument('--deep', action='store_true',
                        help='read each layer, and compare every byte')
    parser.add_argument('--repair', action='store_true',
                        help='do what loses nothing')
    parser.add_argument(
        '--remove', metavar='NAME', action='append', default=[],
        help='remove this damaged image, blob or tag, as a finding names it; '
        'may be given several times')
    parser.add_argument(
        '--older-than', metavar='AGE', type=opened.seconds, default='24h',
        help='what has a mark of a push and was written since is being pushed '
        '(default: 24h)')
    parser.add_argument('--json', action='store_true',
                        help='print a JSON object for each, a line each')
    opened.add_jobs(parser)


def run(options):
    """Look at everything; return the exit status, 1 if something is left."""
    left = count = 0
    wanted = set(options.remove)
    with opened.Opened(options.config, options.flavor,
                       options.jobs) as registry:
        registry.look()
        survey = _Survey(registry, options)
        for finding in survey.findings():
            count += 1
            done = False
            if finding.name in wanted and finding.kind in _REMOVABLE:
                wanted.discard(finding.name)
                done = survey.remove(finding)
            elif options.repair and finding.repair is not None:
                done = finding.repair()
            left += not done
            _print(finding, done, options.json)
    if wanted:
        raise errors.SwiftError(
            'nothing is removed by --remove %s: no finding has that name, or '
            'there is nothing to be removed' % ' '.join(sorted(wanted)))
    if not options.json:
        output.print_line('%d images, %d tags: %s' % (
            survey.images, survey.tags, 'all is well' if not count else
            '%d found, %d of it mended' % (count, count - left)))
    return 1 if left else 0


def _print(finding, done, as_json):
    if as_json:
        output.print_json({
            'kind': finding.kind, 'name': finding.name,
            'problems': finding.problems, 'hurts': finding.hurts,
            'advice': finding.advice, 'mended': done})
        return
    output.print_line('%-7s  %s%s' % (finding.kind, finding.name,
                                      ': mended' if done else ''))
    for problem in finding.problems:
        output.print_line('         %s' % problem)
    if finding.hurts:
        more = len(finding.hurts) - _TAGS_SHOWN
        output.print_line('         hurts %s%s' % (
            ' '.join(finding.hurts[:_TAGS_SHOWN]),
            ' and %d more' % more if more > 0 else ''))
    if not done:
        output.print_line('         %s' % finding.advice)


class _Survey(object):

    """Looks at everything.

    Holds two hundred bytes or so for each image and blob.

    :param registry: opened.Opened
    :param options: of the command
    :ivar images: how many images there are
    :ivar tags: how many tags
    """

    def __init__(self, registry, options):
        self._registry = registry
        self._age_seconds = options.older_than
        self._repairs = options.repair
        self._stored = stored.Stored(registry)
        self._looker = damage.Images(registry, options.deep)
        stored_by_v2 = stored_v2.StoredV2(registry)
        self._tagged = tagged.Tagged(registry, self._stored, stored_by_v2)
        self._blobs = damage_v2.Blobs(registry, stored_by_v2, self._looker,
                                      options.deep)
        self._now = registry.container.clock()
        if self._now is None:
            raise errors.SwiftError('Swift does not say what time it is, and '
                                    'so not which pushes are long over')
        self._ids = {}
        # By the id of an image: (id of its parent or None, depth or None).
        self._below = {}
        # By the id of an image that is not as it should be: its State.
        self._states = {}
        self._unlike_parent = set()
        self._hurts = collections.defaultdict(list)
        self.images = self.tags = 0

    def findings(self):
        """Yield each damage.Finding."""
        with output.Progress('images') as progress:
            images = progress.count(self._stored.images())
            for image, state in self._registry.jobs.each(
                    lambda image: (image, self._looker.state(image)),
                    (image for image in images
                     if names.is_image_id(image.id))):
                self.images += 1
                self._add(state)
                for finding in self._minor(image, state):
                    yield finding
        self._compare_depths()
        self._blobs.look()
        for finding in self._look_at_tags():
            yield finding
        for image_id in sorted(self._states):
            finding = self._finding(self._states[image_id])
            if finding is not None:
                yield finding
        for finding in self._blobs.findings():
            yield finding
        for name, written_at in sorted(self._blobs.unlisted().items()):
            finding = self._listing(written_at, name)
            if finding is not None:
                yield finding

    def remove(self, finding):
        """Remove what was found; return whether it was still so.

        It takes a while to look at everything, and clients push meanwhile.
        """
        name = finding.name
        if finding.kind in ('image', 'mark'):
            state = self._looker.state(self._stored.image(name))
            if state.pushed_at is not None:
                if self._now - state.pushed_at < self._age_seconds:
                    return False
            elif not state.problems and name not in self._unlike_parent:
                return False
            _remove_image(self._registry, name, name in self._blobs.images)
        else:
            _REMOVALS[finding.kind](self._registry, name)
        return True

    def _add(self, state):
        image_id = self._own(state.id)
        self._below[image_id] = self._own(state.parent), state.depth
        if state.problems or state.pushed_at is not None:
            self._states[image_id] = state

    def _own(self, image_id):
        """Return the one text that is kept of an id."""
        return image_id and self._ids.setdefault(image_id, image_id)

    def _compare_depths(self):
        """Look whether what an image says is below it is there."""
        for image_id, (parent, depth) in list(self._below.items()):
            if parent is None or self._is_being_pushed(image_id):
                continue
            while parent is not None and parent not in self._below:
                # Not listed, perhaps: what is there tells.
                self._add(self._looker.state(stored.Image(parent, {})))
                parent = self._below[parent][0]
            parent = self._below[image_id][0]
            parent_depth = self._below[parent][1]
            if depth is not None and parent_depth is not None and (
                    depth != parent_depth + 1):
                self._problem(image_id, 'ancestry is another one than that of '
                              'its parent %s' % parent)

    def _problem(self, image_id, text):
        self._unlike_parent.add(image_id)
        state = self._states.get(image_id) or damage.State(
            image_id, None, None, [], True, None, None)
        self._states[image_id] = state._replace(
            problems=state.problems + [text])

    def _look_at_tags(self):
        repositories = self._noting(self._tagged.repositories())
        with output.Progress('tags') as progress:
            for tag, digests, problem in progress.count(
                    self._registry.jobs.each(
                        self._blobs.reached, self._tagged.tags(repositories))):
                self.tags += 1
                name = '%s:%s' % (tag.repository.name, tag.name)
                self._blobs.tag(name, digests)
                finding = 'v1' in tag.apis and self._tag(tag, name) or (
                    problem and self._tag_of_v2(tag, name, problem))
                if finding:
                    yield finding
        for repository, name in self._dangling:
            yield self._note(repository, name)

    def _noting(self, repositories):
        """Yield repositories; with --repair find notes of tags that are gone.

        Each removal of a tag leaves one, until somebody lists the tags; so
        they are no damage.
        """
        self._dangling = []
        if not self._repairs:
            return repositories
        return self._with_notes(repositories)

    def _with_notes(self, repositories):
        for found in repositories:
            repository = found.v1
            for path in sorted(self._registry.recent_tags.paths(
                    repository.path) if repository.files else ()):
                name = stored.tag_name(path)
                if path.rsplit('/', 1)[1] not in repository.files and (
                        self._stored.tag(repository, name) is None):
                    self._dangling.append((repository, name))
            yield found

    def _tag_of_v2(self, tag, full_name, problem):
        again = self._tagged.again(tag)
        if again is None or again.digest != tag.digest:
            return None  # somebody has just changed it
        return damage.Finding(
            'tag', full_name, [problem], [full_name],
            'push it again with a v2 client, or remove it with --remove', None)

    def _tag(self, tag, full_name):
        image_id = tag.image_id
        if not names.is_image_id(image_id):
            return damage.Finding(
                'tag', full_name, ['has no id of an image in it'], [full_name],
                'push it again, or remove it with --remove', None)
        if image_id not in self._below:
            self._add(self._looker.state(self._stored.image(image_id)))
        if self._is_absent(image_id):
            again = self._stored.tag(tag.repository, tag.name)
            if again is None or again.image_id != image_id:
                return None  # somebody has just changed it
            return damage.Finding(
                'tag', full_name, ['names image %s, which is not there'
                                   % image_id], [full_name],
                'push it again, or remove it with --remove', None)
        seen = set()
        while image_id is not None and image_id not in seen:
            seen.add(image_id)
            if image_id in self._states:
                self._hurts[image_id].append(full_name)
            if image_id not in self._below:
                self._add(self._looker.state(stored.Image(image_id, {})))
            image_id = self._below[image_id][0]
        path = stored.tag_path(tag.repository.path, tag.name)
        if path.rsplit('/', 1)[1] not in tag.repository.files:
            return self._listing(
                tag.written_at, self._registry.names.object_name(path))
        return None

    def _is_absent(self, image_id):
        state = self._states.get(image_id)
        return (state is not None and state.pushed_at is None
                and state.layer_at is None
                and 'json is missing' in state.problems)

    def _is_being_pushed(self, image_id):
        state = self._states.get(image_id)
        return (state is not None and state.pushed_at is not None
                and self._now - state.pushed_at < self._age_seconds)

    def _minor(self, image, state):
        """Yield findings of an image that clients can pull."""
        if state.problems or state.pushed_at is not None:
            return
        if 'layer' not in image.files:
            finding = self._listing(
                state.layer_at, self._registry.names.object_name(
                    stored.image_path(image.id, 'layer')))
            if finding is not None:
                yield finding
        if not state.has_checksum:
            yield damage.Finding(
                'checksum', image.id,
                ['there is no checksum to compare the layer with'], [],
                'clients pull it as ever', None)

    def _listing(self, written_at, name):
        if self._now - written_at < self._age_seconds:
            return None
        return damage.Finding(
            'listing', name,
            ['is there, but the listing of the container has it not since %s'
             % output.iso8601(written_at)], [],
            'ask who runs Swift to look at its container-updater', None)

    def _finding(self, state):
        hurts = sorted(self._hurts.get(state.id, ()))
        if self._is_being_pushed(state.id):
            return None
        if state.pushed_at is not None:
            return damage.Finding(
                'mark', state.id,
                ['a push of it has not ended since %s'
                 % output.iso8601(state.pushed_at)] + state.problems, hurts,
                'push it again, or leave it to gc' if state.problems else
                'use --repair, which reads its layer and, if that is whole, '
                'removes the mark; or push it again',
                None if state.problems else lambda: self._end_push(state.id))
        if not hurts and self._is_absent(state.id):
            return None  # gone meanwhile, and nobody needs it
        if not hurts and state.id in self._blobs.images and (
                'json is missing' in state.problems):
            return None  # removed but for the layer, which v2 clients need
        return damage.Finding(
            'image', state.id, state.problems, hurts,
            'remove it with --remove, and push one of the tags again' if hurts
            else 'remove it with --remove, or leave it to gc', None)

    def _end_push(self, image_id):
        """Remove the mark of an image that is complete; tell whether it is."""
        if not self._looker.is_whole(image_id):
            return False
        pushed_at = self._looker.pushed_at(self._stored.image(image_id))
        if pushed_at is None or self._now - pushed_at < self._age_seconds:
            return False  # somebody pushes it again
        try:
            self._registry.delete(stored.image_path(image_id, _MARK))
        except errors.ObjectNotFoundError:
            pass
        return True

    def _note(self, repository, name):
        def repair():
            try:
                # The driver does it when it lists the tags.
                list(self._registry.list_directory(repository.path))
            except errors.ObjectNotFoundError:
                pass
            # It does not say so where it could not.
            return stored.tag_path(repository.path, name) not in (
                self._registry.recent_tags.paths(repository.path))
        return damage.Finding(
            'note', '%s:%s' % (repository.name, name),
            ['is noted as pushed lately, and is not there'], [],
            'list the tags', repair)


def _remove_image(registry, image_id, has_blob):
    """Remove a damaged image, so that clients push it again.

    :param has_blob: whether a blob of v2 has its bytes in the image's layer,
        which stays then
    """
    files = set(stored.Stored(registry).image(image_id).files)
    files |= {'json', 'ancestry', 'layer', '_checksum'}
    if has_blob:
        files -= {'layer', '_archive'}
    # First, so that nobody takes half of it for an image; and its own, so that
    # whoever begins to push it is seen.
    path = stored.image_path(image_id, _MARK)
    mark = b'fsck ' + uuid.uuid4().hex.encode('ascii')
    registry.write(path, mark)
    for name in sorted(files - {_MARK}) + [_MARK]:
        try:
            if registry.read(path) != mark:
                return
            registry.large_objects.remove(registry.names.object_name(
                stored.image_path(image_id, name)))
        except errors.ObjectNotFoundError:
            pass


def _remove_tag(registry, name):
    repository, _, tag = name.rpartition(':')
    tags.remove(registry, repository, tag)


def _remove_blob(registry, name):
    """Remove a damaged blob, so that clients push it again."""
    registry.large_objects.remove(name)


_REMOVALS = {'tag': _remove_tag, 'blob': _remove_blob}
_REMOVABLE = ('image', 'mark') + tuple(_REMOVALS)
