"""That the driver's modules import downwards only."""

import ast
import os

import pytest

from docker_registry.drivers import swift

_TOP = os.path.dirname(os.path.abspath(swift.__file__))

#: Packages and modules of the driver from the lowest to the highest. Each may
#: import itself, if it is a package, and what is in a row below its own.
_ROWS = (
    ('compat', 'core_exceptions'),
    ('errors', 'per_process'),
    ('names',),
    ('config',),
    ('client',),
    ('objects',),
    ('cache', 'core_paths', 'image_files', 'no_request', 'recent_tags'),
    ('contents', 'memory'),
    ('storage',),
    ('lingering', 'monitoring', 'v2'),
    ('registry', 'server'),
    ('commands',),
)
_HEIGHTS = {name: height for height, row in enumerate(_ROWS) for name in row}
_PACKAGE = ['docker_registry', 'drivers', 'swift']


def _modules():
    """Yield the path of each module below the driver, as a list of names."""
    for directory, _, files in os.walk(_TOP):
        parts = os.path.relpath(directory, _TOP).split(os.sep)
        for name in files:
            if name.endswith('.py'):
                yield [part for part in parts if part != '.'] + [name[:-3]]


def _imported(module, source):
    """Yield what a module imports of the driver: each a list of names."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            found = (node.module or '').split('.') if node.module else []
            if node.level:
                found = (_PACKAGE + module)[:-node.level] + found
            absolute = [found + [alias.name] for alias in node.names]
        elif isinstance(node, ast.Import):
            absolute = [alias.name.split('.') for alias in node.names]
        else:
            continue
        for names in absolute:
            if names[:3] == _PACKAGE:
                yield names[3:]


def _upward(module, source):
    """Return what a module imports and must not."""
    own = module[0]
    # An import of the package itself has no height: it imports Storage.
    return ['.'.join(names) for names in _imported(module, source)
            if not names or names[0] not in _HEIGHTS
            or (names[0] != own and _HEIGHTS[names[0]] >= _HEIGHTS[own])]


@pytest.mark.parametrize('module', sorted(_modules()), ids='.'.join)
def test_imports_go_down(module):
    if module == ['__init__']:
        return  # the package itself is above all
    assert module[0] in _HEIGHTS, 'put it in a row of _ROWS'
    with open(os.path.join(_TOP, *module) + '.py', 'rb') as source:
        assert _upward(module, source.read()) == []


@pytest.mark.parametrize('module, source, upward', [
    ('objects.reader', 'from .. import storage', ['storage']),
    ('objects.reader', 'from ..registry import request',
     ['registry.request']),
    ('objects.reader', 'def f():\n    from ..storage import Storage',
     ['storage.Storage']),
    ('client.login', 'import docker_registry.drivers.swift.objects.reader',
     ['objects.reader']),
    ('registry.request', 'from ..commands import ls', ['commands.ls']),
    ('storage', 'from docker_registry.drivers.swift import Storage',
     ['Storage']),
    ('storage', 'from .objects import reader\nfrom . import memory', []),
    ('client.login', 'from . import retry\nimport json', [])])
def test_upward_imports_are_seen(module, source, upward):
    assert _upward(module.split('.'), source) == upward
