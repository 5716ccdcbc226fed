"""make demo and make serve: a registry on Swift, to look at and to try."""

import contextlib
import io
import os
import signal
import tarfile

from .. import environments
from ..clients import programs
from ..clients import v1client
from ..clients import v2client
from ..servers import registry
from ..servers import swift

_REPOSITORY = 'library/demo'
#: What v2 clients call it.
_V2_REPOSITORY = 'demo'

_TRY = '''
The registry answers at http://{address}, its images are in Swift's container
"{container}". To try in another terminal:

  curl http://{address}/v1/_ping
  curl http://{address}/v1/repositories/{repository}/tags
  curl http://{address}/v1/images/{image_id}/json
  curl -o layer.tar http://{address}/v1/images/{image_id}/layer
  curl http://{address}/v2/{v2_repository}/tags/list
  docker pull {address}/{v2_repository}
  curl -X DELETE http://{address}/v1/repositories/{repository}/

Past the registry, in Swift itself:

  {bin}/swift -A {auth_url} -U {user} -K {password} list {container}

^C stops everything.
'''


@contextlib.contextmanager
def _running(directory):
    environments.build_together('registry', 'swift')
    print('Starting Swift: a proxy, an account, a container and an object '
          'server')
    with swift.Swift(os.path.join(directory, 'swift')) as cluster:
        print('  login at %s' % cluster.auth_url)
        settings = cluster.settings(storage_path='/registry', extensions={
            'swift_v2': {'enabled': True}})
        print('Starting docker-registry 0.9.1 with storage: swift')
        with registry.Registry(directory, settings) as server:
            print('  answers at http://%s' % server.address)
            yield cluster, server
            print('Stopping the registry and Swift')


def _push_and_pull(cluster, server, directory):
    base = v1client.make_image(layer_bytes=300000)
    top = v1client.make_image(base, layer_bytes=700000)
    client = v1client.V1Client(server.port)
    print('Pushing %s by the v1 API, two layers:' % _REPOSITORY)
    for image in (base, top):
        print('  %s  %7d bytes' % (image.id[:12], len(image.layer)))
    client.push(_REPOSITORY, [base, top])
    print('Pulling it back:')
    pulled = client.pull(_REPOSITORY)
    for sent, got in zip([base, top], pulled):
        print('  %s  %7d bytes  %s' % (got.id[:12], len(got.layer),
                                       _verdict(got == sent)))
    same_by_v2 = _pull_by_v2(server, [base, top], directory)
    print('swift list %s' % server.settings['swift_container'])
    for name in cluster.list():
        print('  ' + name)
    return pulled == [base, top] and same_by_v2, top


def _pull_by_v2(server, images, directory):
    """Pull what was pushed by v1; return whether it is the same."""
    # To fetch skopeo takes longer than all the rest.
    if environments.is_built('clients'):
        print('Pulling it by the v2 API, as skopeo does:')
        skopeo = programs.Skopeo(os.path.join(directory, 'skopeo'))
        same = skopeo.pull('%s/%s' % (server.address, _V2_REPOSITORY)) == {
            name: content for image in images
            for name, content in _files(image.layer)}
        print('  %d files  %s' % (len(images), _verdict(same)))
        return same
    print('Pulling it by the v2 API, as docker does from 17.12 on:')
    layers = v2client.V2Client(server.port).pull(_V2_REPOSITORY).layers
    for image, layer in zip(images, layers):
        print('  %s  %7d bytes  %s' % (
            v2client.digest(layer)[:19], len(layer),
            _verdict(layer == image.layer)))
    return layers == [image.layer for image in images]


def _files(layer):
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        for member in archive:
            yield member.name, archive.extractfile(member).read()


def _verdict(is_same):
    return 'every byte as pushed' if is_same else 'DIFFERENT'


def demo(directory, options):
    """Push an image, pull it by either API; 0 if every byte came back."""
    with _running(directory) as (cluster, server):
        same, _ = _push_and_pull(cluster, server, directory)
    print('Done.' if same else 'FAILED: the image is not what was pushed.')
    return 0 if same else 1


def serve(directory, options):
    """Keep a registry with a first image running until ^C."""
    with _running(directory) as (cluster, server):
        _, top = _push_and_pull(cluster, server, directory)
        print('\nThe configuration, %s:\n' % server.config_file)
        with open(server.config_file) as config_file:
            print(config_file.read())
        settings = server.settings
        print(_TRY.format(
            address=server.address, container=settings['swift_container'],
            repository=_REPOSITORY, v2_repository=_V2_REPOSITORY,
            image_id=top.id, bin=os.path.dirname(cluster.python),
            auth_url=cluster.auth_url, user=settings['swift_user'],
            password=settings['swift_password']), flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
    return 0
