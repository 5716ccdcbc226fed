"""What the stack does on a machine that has no CPython 2.7."""

import os
import subprocess

import pytest

from stack import environments

_CHECK = '''
import bz2, ctypes, hashlib, readline, sqlite3, ssl, sys, zlib
from M2Crypto import Rand
print('%d.%d.%d' % sys.version_info[:3])
print(len(Rand.rand_bytes(7)))
'''


@pytest.fixture
def no_python27(tmp_path, monkeypatch):
    """PATH and home directory of such a machine."""
    programs = tmp_path / 'programs'
    programs.mkdir()
    for directory in ('/usr/sbin', '/usr/bin', '/bin'):
        for name in os.listdir(directory):
            if not name.startswith('python2') and not os.path.lexists(
                    programs / name):
                (programs / name).symlink_to(os.path.join(directory, name))
    monkeypatch.setenv('PATH', str(programs))
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.delenv('PYENV_ROOT', raising=False)


@pytest.mark.usefixtures('no_python27')
def test_python27_is_fetched(tmp_path):
    assert environments.find_python('2.7') is None
    python = environments.find_python27()
    assert python.startswith(environments.ROOT)
    # It makes virtual environments, and modules with its own OpenSSL.
    environment = tmp_path / 'environment'
    subprocess.check_call([environments.program('tools', 'virtualenv'), '-q',
                           '-p', python, environment])
    swig = os.path.dirname(environments.program('tools', 'swig'))
    subprocess.check_call(
        [environment / 'bin' / 'python', '-m', 'pip', '-q', 'install',
         '--no-cache-dir', '-c',
         os.path.join(environments.PROJECT, 'constraints.txt'), 'M2Crypto'],
        env=dict(os.environ, PATH=os.pathsep.join(
            [swig, os.environ['PATH']])))
    answer = subprocess.check_output(
        [environment / 'bin' / 'python', '-c', _CHECK], text=True)
    assert answer.split() == ['2.7.18', '7']
