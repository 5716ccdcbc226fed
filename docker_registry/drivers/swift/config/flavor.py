"""Reads the registry's configuration file, for commands.

The registry has a reader of its own, which runs on Python 2 alone.

Source: docker_registry/lib/config.py
"""

import os

import yaml

from .. import errors


class _Section(object):

    """Keys of the file as attributes, None for those that are not set.

    Values of `_env:` are from the environment, as with the registry's own
    Config, and mappings are sections again.

    :param values: a dict
    """

    def __init__(self, values):
        self._config = values

    def keys(self):
        """Return the keys that are set, a list."""
        return list(map(str, self._config))

    def __getattr__(self, key):
        value = self._config.get(key)
        if hasattr(value, 'startswith') and value.startswith('_env:'):
            _, name, default = (value + '::').split(':', 2)
            try:
                value = yaml.safe_load(os.environ.get(name, default[:-2]))
            except yaml.YAMLError as error:
                raise not_yaml('$' + name, error)
        return _Section(value) if isinstance(value, dict) else value


class Flavor(_Section):

    """One flavor of the registry's configuration file.

    :param path: path of the file, for messages
    :param flavors: what the file has
    :param name: name of the flavor
    :raises errors.ConfigError: there is no such flavor
    """

    def __init__(self, path, flavors, name):
        if not isinstance(flavors, dict):
            raise errors.ConfigError('%s has no flavors' % path)
        if not isinstance(flavors.get(name), dict):
            raise errors.ConfigError('%s has no flavor %s; it has %s' % (
                path, name, ', '.join(sorted(map(str, flavors)))))
        super(Flavor, self).__init__(flavors[name])


def not_yaml(where, error):
    """Return the errors.ConfigError that says what YAML cannot read.

    :param where: the file or the variable
    :param error: yaml.YAMLError
    """
    # The text of the error has what it stands at, which may be a secret.
    mark = getattr(error, 'problem_mark', None)
    return errors.ConfigError('%s is not YAML%s' % (
        where, ', see line %d, column %d' % (mark.line + 1, mark.column + 1)
        if mark else ''))
