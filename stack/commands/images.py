"""make images: the container images are built, and each is tried."""

import contextlib
import os
import re
import tarfile
import time

from .. import environments
from ..clients import programs
from ..clients import v1client
from ..clients import v2client
from ..environments import debian
from ..servers import processes
from ..servers import swift

_SECRET = '/run/secrets/swift'
#: podman's own are more than a process in a sandbox may have.
_LIMITS = ('--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024')

#: Folder below images/ -> release and packages of the Debian that stands in
#: for the base image where no hub can be reached.
_STAND_INS = {'serve': ('bookworm', ['ca-certificates', 'python3',
                                     'python3-venv']),
              'legacy': ('bullseye', ['ca-certificates'])}


class _Podman(programs.Podman):

    """podman, as far as it builds images and runs containers."""

    _timeout_seconds = 3600

    def image(self, name):
        """Pull an image; tell whether it could be had."""
        try:
            self._podman('pull', '--quiet', name)
            return True
        except programs.ClientError:
            return False

    def import_directory(self, directory, name):
        """Make an image of all that is in a directory."""
        archive = directory + '.tar'
        with tarfile.open(archive, 'w') as tar:
            tar.add(directory, '.')
        self._podman('import', '--quiet', archive, name)
        os.remove(archive)

    def build(self, folder, base, name):
        """Build an image of this project."""
        self._podman(
            'build', '--format', 'docker', '--layers=false',
            '--isolation', 'oci', *_LIMITS, '--network', 'host',
            '--build-arg', 'BASE=' + base, *_pip_options(),
            '--tag', name, '--file', _dockerfile(folder),
            environments.PROJECT)

    @contextlib.contextmanager
    def running(self, image, variables, secret_file):
        """Run a container on the host's network; give its name."""
        options = [word for name, value in variables.items()
                   for word in ('--env', '%s=%s' % (name, value))]
        container = self._podman(
            'run', '--detach', '--network', 'host', *_LIMITS, '--volume',
            '%s:%s:ro' % (secret_file, _SECRET), *options, image).split()[-1]
        try:
            yield container
        except BaseException:
            print(self._podman('logs', container))
            raise
        finally:
            self._podman('rm', '--force', '--time', '10', container)

    def is_healthy(self, container):
        """Run the image's HEALTHCHECK once."""
        try:
            self._podman('healthcheck', 'run', container)
            return True
        except programs.ClientError:
            return False

    def user(self, container):
        """Return the number of the user that a container runs as."""
        return int(self._podman('exec', container, 'id', '-u'))


def images(directory, options):
    """Build and try every image; return 0 if all work."""
    environments.build_together('swift', 'clients', 'debootstrap')
    began_at = time.monotonic()

    def show(line):
        print('%4d s  %s' % (time.monotonic() - began_at, line), flush=True)
    podman = _Podman(os.path.join(directory, 'podman'))
    names = {}
    for folder in _STAND_INS:
        base = _base(podman, folder, directory, show)
        names[folder] = 'localhost/docker-registry-swift-' + folder
        show('building images/%s/Dockerfile on %s' % (folder, base))
        podman.build(folder, base, names[folder])
    with swift.Swift(os.path.join(directory, 'swift')) as cluster:
        for folder, name in names.items():
            show('running ' + name)
            _try(podman, cluster, folder, name, directory, show)
    show('Both images work.')
    return 0


def _pip_options():
    """Return what lets pip find in a build what it finds here."""
    options = []
    if os.environ.get('PIP_INDEX_URL'):
        options += ['--build-arg', 'PIP_INDEX_URL']
    if os.environ.get('PIP_CERT'):
        options += ['--build-arg', 'PIP_CERT=/run/index.crt', '--volume',
                    os.environ['PIP_CERT'] + ':/run/index.crt:ro']
    return options


def _dockerfile(folder):
    return os.path.join(environments.PROJECT, 'images', folder, 'Dockerfile')


def _base(podman, folder, directory, show):
    """Return the name of the base image; make one that is like it."""
    with open(_dockerfile(folder)) as text:
        name = re.search('ARG BASE=(.+)', text.read()).group(1)
    show('fetching ' + name)
    if podman.image(name):
        return name
    release, packages = _STAND_INS[folder]
    show('it cannot be had; debootstrap makes a Debian %s' % release)
    root = os.path.join(directory, release)
    debian.bootstrap('debootstrap', root, release, packages)
    name = 'localhost/' + release
    podman.import_directory(root, name)
    return name


def _try(podman, cluster, folder, name, directory, show):
    settings = cluster.settings()
    secret_file = os.path.join(directory, 'secret')
    with open(secret_file, 'w') as secret:
        secret.write(settings['swift_password'])
    os.chmod(secret_file, 0o644)  # for whoever the registry runs as
    port = processes.free_port()
    with podman.running(name, {
            'SETTINGS_FLAVOR': 'v1', 'STORAGE_PATH': '/' + folder,
            'OS_AUTH_URL': settings['swift_authurl'],
            'OS_USERNAME': settings['swift_user'],
            'OS_PASSWORD_FILE': _SECRET, 'SWIFT_V2': 'true',
            'REGISTRY_HOST': processes.HOST, 'REGISTRY_PORT': port},
            secret_file) as container:
        processes.until(lambda: podman.is_healthy(container))
        show('  its HEALTHCHECK is content; it runs as user %d'
             % podman.user(container))
        if podman.user(container) == 0:
            raise programs.ClientError('%s runs as root' % name)
        v2 = v2client.V2Client(port)
        pushed = v2.push('team/app', [os.urandom(100000)])
        if v2.pull('team/app') != pushed:
            raise v1client.CorruptError(name)
        show('  pushed and pulled by the v2 API')
        if folder == 'legacy':
            v1 = v1client.V1Client(port)
            image = v1client.make_image()
            v1.push('library/demo', [image])
            if v1.pull('library/demo') != [image] or v2.pull(
                    'demo').layers != [image.layer]:
                raise v1client.CorruptError(name)
            show('  pushed by the v1 API, and pulled by both')
