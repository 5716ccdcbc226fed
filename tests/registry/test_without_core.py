"""The driver's commands on a Python 3 that has no docker-registry-core."""

import json
import subprocess

import pytest

from stack import environments

_IMPORT = '''
import importlib, pkgutil
from docker_registry.drivers import swift

try:
    import docker_registry.core
except ImportError:
    pass
else:
    raise AssertionError('there is a core')

def imported(package):
    for found in pkgutil.walk_packages(package.__path__,
                                       package.__name__ + '.'):
        name = found.name[len(swift.__name__) + 1:]
        # The registry's, and what only the registry's driver has.
        if name.split('.')[0] not in (
                'cache', 'core_paths', 'memory', 'registry', 'storage'):
            importlib.import_module(found.name)
            yield name

assert not hasattr(swift, 'Storage')
print(' '.join(imported(swift)))
'''


@pytest.fixture(scope='module')
def command():
    binary = environments.program('serve', 'docker-registry-swift')

    def run(*arguments):
        return subprocess.run([binary] + list(arguments), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return run


def test_imports(tmp_path):
    names = subprocess.check_output(
        [environments.build('serve'), '-c', _IMPORT], text=True,
        cwd=str(tmp_path)).split()
    assert {'commands.main', 'contents', 'v2.api', 'v2.push_api'} < set(names)


def test_commands(command, cluster, tmp_path):
    config = tmp_path / 'config.yml'
    config.write_text(json.dumps({'prod': cluster.settings(
        storage='swift', swift_container='without-core')}))
    options = ['--config', str(config), '--flavor', 'prod']
    checked = command('check', *options)
    assert checked.returncode == 0, checked.stdout
    for name, arguments in [('ls', []), ('du', []), ('gc', []), ('fsck', []),
                            ('index', [])]:
        found = command(name, *options, *arguments)
        assert found.returncode == 0, found.stdout + found.stderr
    for arguments in (['tags', *options, 'rm', 'x', 'latest'],
                      ['repository', *options, 'rm', 'x']):
        found = command(*arguments)
        assert found.returncode == 1, found.stderr
        assert 'there is no' in found.stdout
