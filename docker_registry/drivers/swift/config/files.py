"""Reads a configuration file: the registry's own, or one of registry:2."""

import io
import os

import yaml

from . import flavor
from . import registry2
from .. import errors


def read(path, name):
    """Return what a file says, with the registry's keys as attributes.

    :param path: path of the file
    :param name: name of the flavor in it; one of registry:2 has none
    :returns: flavor.Flavor, or registry2.Registry2
    :raises errors.ConfigError: it cannot be read, or has no such flavor
    """
    try:
        with io.open(path, encoding='utf-8') as text:
            document = yaml.safe_load(text)
    except (IOError, UnicodeError) as error:
        raise errors.ConfigError('cannot read %s: %s' % (path, error))
    except yaml.YAMLError as error:
        raise flavor.not_yaml(path, error)
    if registry2.is_one(document):
        return registry2.Registry2(document, os.environ)
    return flavor.Flavor(path, document, name)


def default_path():
    """Return where the registry looks for its configuration file."""
    path = os.environ.get('DOCKER_REGISTRY_CONFIG', 'config.yml')
    try:
        from docker_registry import lib
    except ImportError:  # there is no registry
        return path
    return os.path.join(os.path.dirname(lib.__file__), '..', '..', 'config',
                        path)
