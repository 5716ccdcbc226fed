"""Reads what a configuration has for each key: a value, an alias, a variable.

Pure: no I/O, but for environment variables that the configuration names.

Source: docker_registry/lib/config.py
"""

from . import keys
from .. import compat
from .. import errors


class Given(object):

    """The keys of one configuration, as they were written.

    :param config: anything that gives keys as attributes, and None for keys
        that are not set
    """

    def __init__(self, config):
        self._config = config

    def value(self, key):
        """Return the checked value of a key, its default if it is not set.

        :param key: a keys.Key
        :raises ValueError: what is wrong with it, without the value of a
            secret
        """
        given = self._get(key.name)
        if key.alias:
            other = self._get(key.alias)
            if other not in (None, ''):
                if given not in (None, ''):
                    raise ValueError('the same as %s; give one of them'
                                     % key.alias)
                given = other
        return key.default if given in (None, '') else key.parse(given)

    def unknown_keys(self):
        """Return a problem for each swift_* key that is none, as a list."""
        # core's test Config has no keys(): there is nothing to look through.
        list_keys = getattr(self._config, 'keys', None)
        known = keys.names()
        problems = []
        for name in sorted(list_keys() if callable(list_keys) else ()):
            if name.startswith('swift_') and name not in known:
                near = keys.meant_by(name)
                problems.append('%s: unknown%s' % (
                    name, near and '; did you mean %s?' % near))
        return problems

    def spelling(self):
        """Return a dict from keys to their aliases, where those are used."""
        spelling = dict(getattr(self._config, 'spelling', None) or {})
        for key in keys.TABLE:
            if key.alias and not self._is_set(key.name) and (
                    self._is_set(key.alias) or self._variable(key.alias)
                    and not self._variable(key.name)):
                spelling[key.name] = key.alias
        return spelling

    def unset_variables(self):
        """Return a dict from keys to their variables that are not set."""
        return {name: self._variable(name) for name in keys.names()
                if self._variable(name) and not self._is_set(name)}

    def _get(self, name):
        try:
            return getattr(self._config, name, None)
        except errors.ConfigError:  # whose text has the value
            raise ValueError('YAML cannot read the value of its variable; put '
                             'it in quotes')

    def _is_set(self, name):
        try:
            return self._get(name) not in (None, '')
        except ValueError:
            return True  # to something that YAML cannot read

    def _variable(self, name):
        """Return the variable of a key's `_env:NAME`, None without one."""
        # Where the registry's Config keeps what the file has.
        in_file = getattr(self._config, '_config', None)
        value = in_file.get(name) if isinstance(in_file, dict) else None
        if hasattr(value, 'startswith') and value.startswith('_env:'):
            return compat.native(value.split(':')[1])
        return None
