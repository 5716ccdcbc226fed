"""Today's clients as Debian packages them: each pulls and pushes images.

They run as root, as their users run them; podman, buildah, containerd and
dockerd keep all that they have in a directory of the test.
"""

import contextlib
import io
import json
import os
import shutil
import subprocess
import tarfile

from . import v2client
from .. import environments
from ..servers import processes

_POLICY = {'default': [{'type': 'insecureAcceptAnything'}]}


class ClientError(Exception):

    """A client has failed; the message has the last of what it printed."""


class _Program:

    """What the clients have in common.

    :param directory: where it keeps what it has
    """

    _timeout_seconds = 300

    def __init__(self, directory):
        self._directory = directory
        # Where they look for it below HOME, before /etc.
        configuration = self._path('.config', 'containers')
        os.makedirs(configuration)
        with open(os.path.join(configuration, 'policy.json'),
                  'w') as policy:
            json.dump(_POLICY, policy)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def _path(self, *names):
        return os.path.join(self._directory, *names)

    def _run(self, program, *arguments):
        done = subprocess.run(
            [environments.program('clients', program), *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=self._timeout_seconds, env=self._variables())
        printed = done.stdout.decode('utf-8', 'replace')
        if done.returncode:
            # The reason is last; ctr's progress before it can be long.
            raise ClientError('%s %s: %s' % (
                program, ' '.join(arguments), printed[-2000:]))
        return printed

    def _variables(self):
        # They call each other, and conmon, runc and the like; the machine's
        # proxy has no way to servers on loopback.
        root = os.path.join(environments.ROOT, 'clients')
        others = {name: value for name, value in os.environ.items()
                  if not name.lower().endswith('_proxy')}
        return dict(others, HOME=self._directory, PATH=os.pathsep.join([
            os.path.join(root, 'bin'), os.path.join(root, 'root/usr/bin'),
            os.path.join(root, 'root/usr/sbin'), os.environ['PATH']]))

    @contextlib.contextmanager
    def _saved(self, layers, image):
        """Give the path of an archive with an image, until the context ends.

        :param layers, image: as for push()
        """
        path = self._path('saved')
        with open(path, 'wb') as archive:
            archive.write(saved(layers, image))
        try:
            yield path
        finally:
            os.remove(path)


class Skopeo(_Program):

    """skopeo, with umoci to unpack."""

    def pull(self, image):
        """Pull an image; return what is in it, as files() does.

        :param image: such as "127.0.0.1:5000/x:latest"
        """
        layout, bundle = self._path('layout'), self._path('bundle')
        try:
            self._run('skopeo', 'copy', '--src-tls-verify=false',
                      'docker://' + image, 'oci:%s:image' % layout)
            self._run('umoci', 'unpack', '--image', layout + ':image', bundle)
            return files(os.path.join(bundle, 'rootfs'))
        finally:
            shutil.rmtree(layout, ignore_errors=True)
            shutil.rmtree(bundle, ignore_errors=True)

    def push(self, layers, image):
        """Push an image that is made on the spot.

        :param layers: what is in each, as for layer(), the base first
        :param image: as for pull()
        """
        with self._saved(layers, image) as archive:
            self._run('skopeo', 'copy', '--dest-tls-verify=false',
                      'docker-archive:' + archive, 'docker://' + image)

    def copy(self, source, destination):
        """Copy an image from one registry to another."""
        self._run('skopeo', 'copy', '--src-tls-verify=false',
                  '--dest-tls-verify=false', 'docker://' + source,
                  'docker://' + destination)


class Podman(_Program):

    """podman."""

    def pull(self, image):
        """Pull an image; return what is in it, as files() does."""
        self._podman('pull', '--quiet', '--tls-verify=false', image)
        try:
            return files(self._podman('image', 'mount', image).strip())
        finally:
            self._podman('image', 'umount', image)
            self._podman('image', 'rm', '--all', '--force')

    def push(self, layers, image):
        """Push an image that is made on the spot; see Skopeo.push()."""
        with self._saved(layers, image) as archive:
            self._podman('load', '--quiet', '--input', archive)
        self._podman('push', '--quiet', '--format', 'oci',
                     '--tls-verify=false', image)
        self._podman('image', 'rm', '--all', '--force')

    def _podman(self, *arguments):
        return self._run(
            'podman', '--root', self._path('root'), '--runroot',
            self._path('run'), '--storage-driver', 'vfs', *arguments)


class Buildah(_Program):

    """buildah."""

    def pull(self, image):
        """Pull an image; return what is in it, as files() does."""
        container = self._buildah(
            'from', '--quiet', '--tls-verify=false', image).split()[-1]
        try:
            return files(self._buildah('mount', container).strip())
        finally:
            self._buildah('rm', container)
            self._buildah('rmi', '--all', '--force')

    def push(self, layers, image):
        """Push an image that is made on the spot; see Skopeo.push()."""
        with self._saved(layers, image) as archive:
            self._buildah('pull', '--quiet', 'docker-archive:' + archive)
        self._buildah('push', '--quiet', '--tls-verify=false', image,
                      'docker://' + image)
        self._buildah('rmi', '--all', '--force')

    def _buildah(self, *arguments):
        return self._run(
            'buildah', '--root', self._path('root'), '--runroot',
            self._path('run'), '--storage-driver', 'vfs', *arguments)


class _Daemon(_Program):

    """A client that is asked through its daemon, while inside a `with`."""

    def __enter__(self):
        self._log = open(self._path('log'), 'ab')
        self._process = subprocess.Popen(
            [environments.program('clients', self._daemon), *self._options()],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
            env=self._variables(), start_new_session=True,
            preexec_fn=processes.end_with_parent)
        processes.until(self._answers)
        return self

    def __exit__(self, *exception):
        self._process.terminate()
        self._process.wait()
        self._log.close()

    def _answers(self):
        if self._process.poll() is not None:
            with open(self._path('log'), errors='replace') as log:
                raise ClientError(self._daemon + ' has ended: '
                                  + log.read()[-2000:])
        with contextlib.suppress(ClientError):
            self._ask('version')
            return True
        return False


class Containerd(_Daemon):

    """containerd, through ctr."""

    _daemon = 'containerd'

    def pull(self, image):
        """Pull an image; return what is in it, as files() does."""
        self._ask('images', 'pull', '--plain-http', '--snapshotter', 'native',
                  image)
        try:
            snapshots = self._path(
                'root', 'io.containerd.snapshotter.v1.native', 'snapshots')
            # The last one has the layers of all before it.
            return files(os.path.join(snapshots, max(
                os.listdir(snapshots), key=int)))
        finally:
            self._ask('images', 'rm', '--sync', image)

    def push(self, layers, image):
        """Push an image that is made on the spot; see Skopeo.push()."""
        with self._saved(layers, image) as archive:
            self._ask('images', 'import', '--snapshotter', 'native', archive)
        self._ask('images', 'push', '--plain-http', image)
        self._ask('images', 'rm', '--sync', image)

    def _options(self):
        return ['--root', self._path('root'), '--state', self._path('state'),
                '--address', self._path('socket')]

    def _ask(self, *arguments):
        return self._run('ctr', '--address', self._path('socket'), *arguments)


class Docker(_Daemon):

    """dockerd, through docker."""

    _daemon = 'dockerd'

    def pull(self, image):
        """Pull an image; return what is in it, as files() does."""
        self._ask('pull', '--quiet', image)
        container = self._ask('create', image, 'true').split()[-1]
        try:
            archive = self._path('archive')
            self._ask('export', '--output', archive, container)
            root = self._path('unpacked')
            with tarfile.open(archive) as tar:
                tar.extractall(root)
            return {name: content for name, content in files(root).items()
                    if not _of_docker(name)}
        finally:
            shutil.rmtree(self._path('unpacked'), ignore_errors=True)
            self._ask('rm', container)
            self._ask('image', 'prune', '--all', '--force')

    def push(self, layers, image):
        """Push an image that is made on the spot; see Skopeo.push()."""
        with self._saved(layers, image) as archive:
            self._ask('load', '--quiet', '--input', archive)
        self._ask('push', '--quiet', image)
        self._ask('image', 'prune', '--all', '--force')

    def login(self, address, user, password):
        """Log in to a registry.

        :raises ClientError: it says no
        """
        self._ask('login', '--username', user, '--password', password,
                  address)

    def _options(self):
        return ['--data-root', self._path('root'), '--exec-root',
                self._path('run'), '--pidfile', self._path('pid'),
                '--host', 'unix://' + self._path('socket'),
                '--storage-driver', 'vfs', '--bridge', 'none',
                '--iptables=false', '--ip6tables=false']

    def _ask(self, *arguments):
        return self._run('docker', '--host',
                         'unix://' + self._path('socket'), *arguments)


#: All of them by name.
ALL = {'skopeo and umoci': Skopeo, 'podman': Podman, 'buildah': Buildah,
       'containerd': Containerd, 'docker': Docker}


def _of_docker(name):
    """Tell whether a path is what docker adds to each container."""
    return name.split('/')[0] in ('.dockerenv', 'dev', 'etc', 'proc', 'sys')


def files(root):
    """Return what is in a directory.

    But for what AUFS has for itself, which umoci and containerd unpack too.

    :returns: dict from each path to its content (bytes), or to where a
        symbolic link leads (text)
    """
    found = {}
    for directory, _, names in os.walk(root):
        for name in names:
            path = os.path.join(directory, name)
            relative = os.path.relpath(path, root)
            if relative.startswith('.wh..wh.'):
                continue
            if os.path.islink(path):
                found[relative] = os.readlink(path)
            else:
                with open(path, 'rb') as content:
                    found[relative] = content.read()
    return found


def layer(contents):
    """Return a layer, a tar archive.

    :param contents: dict from paths to content (bytes), to where a symbolic
        link leads (text), to the path of a hard link's other name in a
        tuple, or to None for a directory
    """
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode='w',
                      format=tarfile.GNU_FORMAT) as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            if content is None:
                member.type, member.mode = tarfile.DIRTYPE, 0o755
            elif isinstance(content, tuple):
                member.type, member.linkname = tarfile.LNKTYPE, content[0]
            elif isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
            else:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
                continue
            tar.addfile(member)
    return archive.getvalue()


def saved(layers, image):
    """Return an image as `docker save` writes it, which all of them read.

    :param layers: what is in each, as for layer(), the base first
    :param image: its name
    """
    archives = [layer(contents) for contents in layers]
    config = json.dumps({
        'architecture': 'amd64', 'os': 'linux',
        'config': {'Cmd': ['/bin/sh']}, 'rootfs': {
            'type': 'layers', 'diff_ids': [
                v2client.digest(archive) for archive in archives]},
        'history': [{'created_by': 'saved()'} for _ in archives]}).encode()
    members = {'%d/layer.tar' % number: archive
               for number, archive in enumerate(archives)}
    return layer(dict(members, **{
        'config.json': config,
        'manifest.json': json.dumps([{
            'Config': 'config.json', 'RepoTags': [image],
            'Layers': list(members)}]).encode()}))
