"""What `extensions: swift_v2:` says, checked."""

import collections
import re

from . import htpasswd
from .. import errors
from ..config import sections
from ..config import values

#: enabled: whether there is a v2 API; readonly: whether it takes no pushes;
#: deletes: whether what was pushed can be removed. realm: what clients are
#: told that they log in to, text; users: htpasswd.Htpasswd. None where nobody
#: has to log in.
Settings = collections.namedtuple(
    'Settings', 'enabled readonly deletes realm users')

_SECTION = 'extensions: swift_v2'
#: What every server and client takes in a header.
_HEADER = re.compile('[ -~]+\\Z')


def parse(extensions):
    """Check the settings of the v2 API.

    :param extensions: the registry's `extensions`; None where there is none
    :returns: Settings
    :raises errors.ConfigError: names every key that is wrong

    Source of the keys: auth.htpasswd, storage.delete and
    storage.maintenance.readonly in registry:2's configuration,
    https://distribution.github.io/distribution/about/configuration/
    """
    problems = []
    section = sections.mapping(
        sections.get(extensions, 'swift_v2'), _SECTION,
        ('enabled', 'readonly', 'delete', 'auth'), problems)
    enabled = _enabled(section, _SECTION, problems)
    readonly, deletes = [
        _enabled(sections.mapping(
            section.get(key), '%s: %s' % (_SECTION, key), ('enabled',),
            problems), '%s: %s' % (_SECTION, key), problems)
        for key in ('readonly', 'delete')]
    realm = users = None
    if section.get('auth') is not None:
        where = _SECTION + ': auth'
        auth = sections.mapping(section['auth'], where, ('htpasswd',),
                                problems)
        realm, users = _htpasswd(auth.get('htpasswd'), where + ': htpasswd',
                                 problems)
    if problems:
        raise errors.ConfigError(
            'storage: swift cannot start, the configuration is wrong:\n'
            + '\n'.join('  ' + problem for problem in problems))
    return Settings(enabled, readonly, deletes, realm, users)


def unguarded(settings, config):
    """Return why there must be no v2 API, as text, or None.

    Where the index says who may read what, clients of v2 cannot ask it.

    :param settings: Settings
    :param config: the registry's configuration
    """
    if settings.users is not None or config.standalone is True or (
            config.disable_token_auth is True):
        return None
    return ('standalone is not true, and clients of v2 cannot log in as those '
            'of v1 do. Set extensions: swift_v2: auth: htpasswd: with realm '
            'and path, and whoever is in that file may read every repository')


def _enabled(section, where, problems):
    """Return whether a section says that it is enabled."""
    value = section.get('enabled')
    try:
        return value is not None and values.boolean(value)
    except ValueError as error:
        problems.append('%s: enabled: %s' % (where, error))
    return False


def _htpasswd(section, where, problems):
    """Return the realm and the htpasswd.Htpasswd of a section."""
    if section is None:
        problems.append('%s: missing; it is the only way to log in' % where)
    before = len(problems)
    section = sections.mapping(section, where, ('realm', 'path'), problems)
    found = {}
    for key in ('realm', 'path'):
        try:
            if section.get(key) in (None, ''):
                raise ValueError('missing')
            found[key] = values.text(section[key])
            if key == 'realm' and not _HEADER.match(found[key]):
                raise ValueError('has letters that HTTP headers cannot have')
        except ValueError as error:
            if len(problems) == before or section:
                problems.append('%s: %s: %s' % (where, key, error))
    if len(problems) > before or len(found) < 2:
        return None, None
    try:
        return found['realm'], htpasswd.Htpasswd(found['path'])
    except (EnvironmentError, ValueError) as error:
        problems.append('%s: path: %s: %s' % (where, found['path'], error))
    except ImportError as error:
        problems.append(
            '%s: %s; it needs bcrypt: pip install '
            "'docker-registry-driver-swift[htpasswd]'" % (where, error))
    return None, None
