"""Packages of Debian and Ubuntu, unpacked beside the system.

The system stays as it is, and any user may do it: apt-get has lists and
archives of its own here. It verifies signatures as ever.
"""

import glob
import os
import re
import shutil
import subprocess

from . import steps

_NO_APT = '''
%s: not in /usr/sbin or /usr/bin, and there is no apt-get to fetch them with.
Install them; docker-registry is what Debian calls registry:2, of version 2.8.
'''

#: Packages that PyPI does not have, and their programs.
SERVERS = {'haproxy': ['haproxy'], 'memcached': ['memcached'],
           'docker-registry': ['docker-registry']}
#: The same for clients of the v2 API.
CLIENTS = {'skopeo': ['skopeo'], 'umoci': ['umoci'], 'podman': ['podman'],
           'buildah': ['buildah'], 'runc': ['runc'],
           'containerd': ['containerd', 'containerd-shim-runc-v2', 'ctr'],
           'docker.io': ['dockerd', 'docker']}
#: The same for what makes a Debian of packages.
DEBOOTSTRAP = {'debootstrap': ['debootstrap']}
#: Where a distribution has them. Not PATH: the registry of old has a script
#: of the name docker-registry too.
_SYSTEM_PROGRAMS = '/usr/sbin:/usr/bin'

#: The last release of each distribution that has CPython 2.7: its name, the
#: component of those packages, and the libraries that they are linked with.
_PYTHON27_RELEASES = {
    'debian': ('bullseye', 'main', ('libssl1.1', 'libffi7', 'libreadline8')),
    'ubuntu': ('jammy', 'main universe',
               ('libssl3', 'libffi8', 'libreadline8'))}
_PYTHON27_PACKAGES = (
    'python2.7', 'python2.7-minimal', 'python2.7-dev', 'libpython2.7',
    'libpython2.7-minimal', 'libpython2.7-stdlib', 'libpython2.7-dev',
    'libssl-dev', 'libsqlite3-0')
#: Read by distutils for all that is built with that Python. Headers and
#: libraries are looked for there before the system's, which may be of another
#: OpenSSL; directories are of os.pathsep in between.
_DISTUTILS_CFG = '''[build_ext]
include_dirs = {includes}
swig_opts = {swig_options}
library_dirs = {libraries}
rpath = {libraries}
'''


def install_programs(name, directory, packages):
    """Make directory/bin/PROGRAM of each program of some packages.

    Those that the system lacks are fetched.

    :param name: of the environment
    :param packages: SERVERS, CLIENTS or DEBOOTSTRAP
    :raises EnvironmentError: there is no apt-get, or it fails
    """
    os.makedirs(os.path.join(directory, 'bin'))
    missing = [package for package, programs in packages.items()
               if not all(shutil.which(program, path=_SYSTEM_PROGRAMS)
                          for program in programs)]
    if missing and not shutil.which('apt-get'):
        raise steps.EnvironmentError(_NO_APT % ', '.join(missing))
    root = os.path.join(directory, 'root')
    if missing:
        archives = os.path.join(directory, 'archives')
        apt_get = _apt_get(directory)
        steps.run(name, apt_get + ['update'])
        steps.run(name, apt_get + [
            'install', '--yes', '--download-only', '--no-install-recommends',
            ] + missing)
        _unpack(name, archives, root)
    libraries = glob.glob(os.path.join(root, 'usr', 'lib', '*-linux-*'))
    for each in sum(packages.values(), []):
        program = os.path.join(directory, 'bin', each)
        target = shutil.which(each, path=os.pathsep.join(
            [_SYSTEM_PROGRAMS] + [os.path.join(root, 'usr', place)
                                  for place in ('sbin', 'bin')]))
        with open(program, 'w') as script:
            script.write('#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' % (
                ':'.join(libraries), target))
        os.chmod(program, 0o755)


def has_python27():
    """Return whether install_python27() can be tried on this system."""
    return bool(_distribution() and _mirrors() and shutil.which('dpkg-deb'))


def install_python27(directory, patchelf):
    """Make directory/bin/python2.7 and bin/python, a CPython 2.7.18.

    From the last release of the system's distribution that has it, with the
    OpenSSL and SQLite of that release and the headers to build modules with;
    from the mirror that the system's apt uses.

    :param patchelf: path of that program, which tells each library where the
        others are
    :raises EnvironmentError: the mirror has it no longer, or is away
    """
    release, components, libraries = _PYTHON27_RELEASES[_distribution()]
    archives = os.path.join(directory, 'archives')
    os.makedirs(archives)
    sources = os.path.join(directory, 'sources.list')
    with open(sources, 'w') as source_list:
        for mirror in _mirrors():
            source_list.write('deb %s %s %s\n' % (
                mirror, release, components))
    apt_get = _apt_get(
        directory, 'Dir::Etc::SourceList=' + sources,
        'Dir::Etc::SourceParts=/dev/null', 'Dir::State::status=/dev/null')
    steps.run('python2.7', apt_get + ['update'])
    steps.run('python2.7', apt_get + ['download', *_PYTHON27_PACKAGES,
                                      *libraries], cwd=archives)
    root = os.path.join(directory, 'root')
    _unpack('python2.7', archives, root)
    usr = os.path.join(root, 'usr')
    found = (glob.glob(os.path.join(usr, 'lib', '*-linux-*'))
             + glob.glob(os.path.join(root, 'lib', '*-linux-*')))
    python = os.path.join(usr, 'bin', 'python2.7')
    modules = glob.glob(os.path.join(usr, 'lib', 'python2.7', 'lib-dynload',
                                     '*.so'))
    steps.run('python2.7', [patchelf, '--set-rpath', ':'.join(found),
                            python, *modules])
    headers = os.path.join(usr, 'include')
    includes = [os.path.join(headers, 'python2.7'), headers] + glob.glob(
        os.path.join(headers, '*-linux-*'))
    with open(os.path.join(usr, 'lib', 'python2.7', 'distutils',
                           'distutils.cfg'), 'w') as config:
        config.write(_DISTUTILS_CFG.format(
            includes=os.pathsep.join(includes),
            swig_options=' '.join('-I' + path for path in includes),
            libraries=os.pathsep.join(found)))
    os.makedirs(os.path.join(directory, 'bin'))
    for name in ('python2.7', 'python'):
        os.symlink(python, os.path.join(directory, 'bin', name))


def bootstrap(name, root, release, packages):
    """Make a Debian of its own, which can be a container's.

    :param name: environment with debootstrap
    :param root: directory that is to be made
    :param release: such as "bookworm"
    :param packages: what it has besides what is essential, a list of names
    :raises EnvironmentError: debootstrap fails
    """
    tools = os.path.join(steps.ROOT, name)
    scripts = os.path.join(tools, 'root/usr/share/debootstrap')
    if not os.path.exists(scripts):  # the system has it
        scripts = '/usr/share/debootstrap'
    steps.run(name, [
        'env', 'DEBOOTSTRAP_DIR=' + scripts,
        os.path.join(tools, 'bin', 'debootstrap'), '--variant=minbase',
        '--include=' + ','.join(packages), release, root, *_mirrors()[:1]])


def _distribution():
    """Return the key of _PYTHON27_RELEASES for this system, or None."""
    try:
        with open('/etc/os-release') as release:
            lines = dict(line.strip().split('=', 1) for line in release
                         if '=' in line)
    except OSError:
        return None
    names = ' '.join(lines.get(key, '').strip('"\'')
                     for key in ('ID', 'ID_LIKE')).split()
    # Ubuntu is like Debian too, and says so last.
    return next((name for name in names if name in _PYTHON27_RELEASES), None)


def _mirrors():
    """Return the addresses that apt fetches packages from, each once."""
    if not shutil.which('apt-get'):
        return []
    # Known without lists, which a container's image may lack.
    uris = subprocess.run(
        ['apt-get', '-o', 'Debug::NoLocking=1', 'update', '--print-uris'],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    # Security updates of the old release have another place, and may be gone.
    return list(dict.fromkeys(
        site for site in re.findall("^'(.+?)/dists/", uris, re.MULTILINE)
        if 'security' not in site))


def _apt_get(directory, *options):
    """Return the start of a command line, for lists and archives here."""
    for name in ('archives', 'lists'):
        os.makedirs(os.path.join(directory, name, 'partial'), exist_ok=True)
    options += (
        'Dir::State::lists=' + os.path.join(directory, 'lists'),
        'Dir::Cache=' + directory,
        'Dir::Cache::archives=' + os.path.join(directory, 'archives'),
        # Nothing of the system is changed, so no lock, and no user that could
        # not write here.
        'Debug::NoLocking=1', 'APT::Sandbox::User=')
    return ['apt-get'] + [word for option in options
                          for word in ('-o', option)]


def _unpack(name, archives, root):
    # dpkg-deb takes one archive at a time.
    steps.run(name, [
        'sh', '-ec', 'for archive in "$0"/*.deb; do '
        'dpkg-deb --extract "$archive" "$1"; done', archives, root])
