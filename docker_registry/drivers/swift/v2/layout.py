"""Names of the objects of registry:2, and of v1's repositories in v2.

Whatever is written here a registry:2 of version 2.8 serves from the same
container, and what that has written is found here. Pure: no I/O.

Source: registry/storage/paths.go, registry/storage/driver/swift/swift.go and
    reference/regexp.go of distribution 2.8.2
"""

import collections
import re

from .. import compat

#: What registry:2 puts before its paths, after its `prefix`.
_ROOT = 'files/docker/registry/v2/'
_LINK = '/link'

_PART = '[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*'
_NAME = re.compile(r'%s(?:/%s)*\Z' % (_PART, _PART))
_MAX_NAME_LETTERS = 255
_TAG = re.compile(r'[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z')
_DIGEST = re.compile(r'(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})\Z')
#: v1's namespace of names that have none.
_LIBRARY = 'library'

#: What an object of a repository is. repository: its name. kind: LAYER, what
#: lets it have a layer or config; REVISION, a manifest; TAG, what a tag names;
#: INDEX, what it has named; REFERRER, what is about a subject; UPLOAD, what is
#: of one of registry:2's uploads. name: of the tag or upload, digest, subject:
#: text, None where it has none.
Part = collections.namedtuple('Part', 'repository kind name digest subject')
LAYER, REVISION, TAG, INDEX, REFERRER, UPLOAD = (
    'layer', 'revision', 'tag', 'index', 'referrer', 'upload')
#: Parts of the names of links, after that of the repository. A digest is two.
_KINDS = (
    (LAYER, re.compile('_layers/(?P<digest>[^/]+/[^/]+)/link\\Z')),
    (REVISION, re.compile(
        '_manifests/revisions/(?P<digest>[^/]+/[^/]+)/link\\Z')),
    (TAG, re.compile('_manifests/tags/(?P<name>[^/]+)/current/link\\Z')),
    (INDEX, re.compile('_manifests/tags/(?P<name>[^/]+)/index/'
                       '(?P<digest>[^/]+/[^/]+)/link\\Z')),
    (REFERRER, re.compile('_manifests/referrers/(?P<subject>[^/]+/[^/]+)/'
                          '(?P<digest>[^/]+/[^/]+)/link\\Z')),
    (UPLOAD, re.compile('_uploads/(?P<name>[^/]+)/')))


def is_name(text):
    """Tell whether v2 allows a name of a repository."""
    return len(text) <= _MAX_NAME_LETTERS and bool(_NAME.match(text))


def is_tag(text):
    """Tell whether v2 allows a name of a tag."""
    return bool(_TAG.match(text))


def is_digest(text):
    """Tell whether a text is a digest whose algorithm is known."""
    return bool(_DIGEST.match(text))


def v1_repository(name):
    """Return which v1 repository a v2 name stands for.

    :param name: such as "x", "library/x" or "a/b/c"
    :returns: (namespace, repository), such as ("library", "x"), or ("a",
        "b/c"), as v1 clients know them
    """
    namespace, slash, repository = name.partition('/')
    return (namespace, repository) if slash else (_LIBRARY, namespace)


def v2_names(namespace, repository):
    """Return by which names v2 clients find a v1 repository.

    :returns: list of names, the usual one first; [] where v2 allows none
    """
    names = ['%s/%s' % (namespace, repository)]
    if namespace == _LIBRARY and '/' not in repository:
        names.insert(0, repository)
    return [name for name in names if is_name(name)]


class Layout(object):

    """Names of registry:2's objects in one container.

    :param root: storage_path as configured, registry:2's `prefix`
    """

    def __init__(self, root):
        root = root.strip('/')
        self._root = (root + '/' if root else '') + _ROOT

    def blob(self, digest):
        """Return the name of the object that has a blob's bytes.

        :param digest: of a layer, a config or a manifest
        """
        algorithm, value = digest.split(':')
        return '%sblobs/%s/%s/%s/data' % (self._root, algorithm, value[:2],
                                          value)

    def blobs_prefix(self):
        """Return what the names of all blobs begin with."""
        return self._root + 'blobs/'

    def segments_prefix(self):
        """Return what the names of registry:2's segments begin with."""
        return self._root[:-len(_ROOT)] + 'segments/'

    def blob_digest(self, object_name):
        """Return the digest that a blob's name has; undoes blob().

        :returns: None for what is no blob
        """
        parts = object_name[len(self.blobs_prefix()):].split('/')
        if len(parts) != 4 or parts[3] != 'data':
            return None
        digest = '%s:%s' % (parts[0], parts[2])
        return digest if is_digest(digest) else None

    def part(self, object_name):
        """Return the Part that an object of a repository is.

        :param object_name: begins with repository_prefix()
        :returns: None for what registry:2 does not know
        """
        # No part of a repository's name begins with an underscore.
        repository, slash, rest = object_name[
            len(self.repository_prefix()):].partition('/_')
        for kind, pattern in _KINDS:
            found = pattern.match(slash[1:] + rest)
            if found:
                parts = found.groupdict()
                digests = [parts.get(each) and parts[each].replace('/', ':')
                           for each in ('digest', 'subject')]
                if all(each is None or is_digest(each) for each in digests):
                    return Part(repository, kind, parts.get('name'), *digests)
        return None

    def layer_link(self, name, digest):
        """Return the name of what lets a repository have a layer or config.

        :param name: of the repository
        """
        return self._link(name, '_layers', digest)

    def revision_link(self, name, digest):
        """Return the name of what lets a repository have a manifest."""
        return self._link(name, '_manifests/revisions', digest)

    def tag_index_link(self, name, tag, digest):
        """Return the name of what notes that a tag has named a manifest."""
        return self._link(name, '_manifests/tags/%s/index' % tag, digest)

    def tag_link(self, name, tag):
        """Return the name of the object that says what a tag names."""
        return '%s%s/current%s' % (self.tags_prefix(name), tag, _LINK)

    def referrer(self, name, subject, digest):
        """Return the name of what notes that a manifest has a subject.

        :param subject: digest of the manifest that it is about
        :param digest: of the manifest that has the subject
        """
        return '%s%s/link' % (self.referrers_prefix(name, subject),
                              digest.replace(':', '/'))

    def referrers_prefix(self, name, subject):
        """Return what the names of all that a subject has begin with."""
        return '%s_manifests/referrers/%s/' % (
            self.repository_prefix(name), subject.replace(':', '/'))

    def uploads(self, name):
        """Return the name under which a repository's uploads have segments.

        There is no such object; registry:2 has its own uploads below it.
        """
        return self.repository_prefix(name) + '_uploads'

    def tags_prefix(self, name):
        """Return what the names of all that is of a tag begin with."""
        return '%s_manifests/tags/' % self.repository_prefix(name)

    def links_prefixes(self, name):
        """Return what the names of all links of a repository begin with.

        :returns: list: of its manifests, of its layers
        """
        return [self.repository_prefix(name) + each
                for each in ('_manifests/', '_layers/')]

    def repository_prefix(self, name=''):
        """Return what all names of a repository begin with.

        :param name: of a repository, or the first parts of several's names;
            '' for all repositories
        """
        return '%srepositories/%s' % (self._root, name and name + '/')

    def tag(self, name, listed):
        """Return the tag of an object name or a pseudo-directory.

        :param name: of the repository
        :param listed: begins with tags_prefix()
        """
        return listed[len(self.tags_prefix(name)):].split('/')[0]

    def repository(self, listed):
        """Return the repository's name of a pseudo-directory.

        :param listed: begins with repository_prefix() and ends in a slash
        """
        return listed[len(self.repository_prefix()):-1]

    def _link(self, name, kind, digest):
        return '%s%s/%s%s' % (self.repository_prefix(name), kind,
                              digest.replace(':', '/'), _LINK)


def link_content(digest):
    """Return what a link to a digest has in it, as bytes."""
    return digest.encode('ascii')


def linked_digest(content):
    """Return the digest that a link has in it.

    :param content: bytes
    :returns: text; None where there is no digest in it
    """
    try:
        digest = compat.native(content).strip()
    except ValueError:
        return None
    return digest if is_digest(digest) else None
