"""Installing beside docker-registry on Python 2.7, in every order."""

import glob
import itertools
import os
import shutil
import subprocess

import pytest

from stack import environments

_CHECK = '''
import pkg_resources
from docker_registry.core import driver
import docker_registry.server
# Those of core and of the registry, and swift.
assert sorted(driver.available()) == ['dumb', 'file', 's3', 'swift'], \
    driver.available()
storage = driver.fetch('swift')
point, = pkg_resources.iter_entry_points('docker_registry.drivers')
assert point.load() is storage
print(storage.__module__)
'''
_PIP = ('-m', 'pip', 'install', '-q', '--no-deps', '--no-index',
        '--disable-pip-version-check')


def run(*arguments, **keywords):
    return subprocess.check_output([str(part) for part in arguments],
                                   text=True, **keywords)


@pytest.fixture(scope='module')
def parts(tmp_path_factory):
    """What there is to install, by name, and where its dependencies are."""
    directory = tmp_path_factory.mktemp('packaging')
    source = directory / 'source'
    shutil.copytree(
        environments.PROJECT, source, ignore=shutil.ignore_patterns(
            '.*', 'build', 'dist', '*.egg-info'))
    python = environments.build('registry')
    run(python, 'setup.py', '-q', 'sdist', 'bdist_wheel', cwd=source)
    run(python, '-m', 'pip', 'wheel', '-q', '--no-deps', '-w', directory,
        'docker-registry==0.9.1', 'docker-registry-core==2.0.3')
    found = {'core': directory / 'docker_registry_core-*.whl',
             'registry': directory / 'docker_registry-*.whl',
             'sdist': source / 'dist' / '*.tar.gz',
             'wheel': source / 'dist' / '*.whl'}
    found = {name: glob.glob(str(pattern))
             for name, pattern in found.items()}
    assert all(len(files) == 1 for files in found.values()), found
    # Dependencies without the three packages, from the environment that has
    # everything.
    dependencies = directory / 'dependencies'
    shutil.copytree(
        run(python, '-c', 'import os, six; '
            'print(os.path.dirname(six.__file__))').strip(),
        dependencies, ignore=shutil.ignore_patterns(
            'docker_registry*', 'docker-registry*', '*.pth'))
    return dict(found, editable=['-e', source]), dependencies


@pytest.mark.parametrize('kind', ['sdist', 'wheel', 'editable'])
@pytest.mark.parametrize('order', list(itertools.permutations(
    ['core', 'registry', 'driver'])), ids='-'.join)
def test_order(parts, tmp_path, order, kind):
    packages, dependencies = parts
    environment = tmp_path / 'environment'
    run(environments.program('tools', 'virtualenv'), '-q', '-p',
        environments.find_python27(), environment)
    python = environment / 'bin' / 'python'
    pth = glob.glob(str(environment / 'lib' / 'python2.7' / 'site-packages'))
    with open(os.path.join(pth[0], 'dependencies.pth'), 'w') as pth_file:
        pth_file.write('%s\n' % dependencies)
    for name in order:
        package = packages[kind if name == 'driver' else name]
        # Not in the project: its metadata would count as installed.
        run(python, *_PIP, *package, stderr=subprocess.DEVNULL, cwd=tmp_path)
    assert run(python, '-c', _CHECK, cwd=tmp_path).strip() == \
        'docker_registry.drivers.swift.storage'
