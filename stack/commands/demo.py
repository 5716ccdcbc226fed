"""make demo and make serve: a registry on Swift, to look at and to try."""

import contextlib
import os
import signal

from .. import environments
from ..clients import v1client
from ..servers import registry
from ..servers import swift

_REPOSITORY = 'library/demo'

_TRY = '''
The registry answers at http://{address}, its images are in Swift's container
"{container}". To try in another terminal:

  curl http://{address}/v1/_ping
  curl http://{address}/v1/repositories/{repository}/tags
  curl http://{address}/v1/images/{image_id}/json
  curl -o layer.tar http://{address}/v1/images/{image_id}/layer
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
        settings = cluster.settings(storage_path='/registry')
        print('Starting docker-registry 0.9.1 with storage: swift')
        with registry.Registry(directory, settings) as server:
            print('  answers at http://%s' % server.address)
            yield cluster, server
            print('Stopping the registry and Swift')


def _push_and_pull(cluster, server):
    base = v1client.make_image(layer_bytes=300000)
    top = v1client.make_image(base, layer_bytes=700000)
    client = v1client.V1Client(server.port)
    print('Pushing %s, two layers:' % _REPOSITORY)
    for image in (base, top):
        print('  %s  %7d bytes' % (image.id[:12], len(image.layer)))
    client.push(_REPOSITORY, [base, top])
    print('Pulling it back:')
    pulled = client.pull(_REPOSITORY)
    for sent, got in zip([base, top], pulled):
        same = 'every byte as pushed' if got == sent else 'DIFFERENT'
        print('  %s  %7d bytes  %s' % (got.id[:12], len(got.layer), same))
    print('swift list %s' % server.settings['swift_container'])
    for name in cluster.list():
        print('  ' + name)
    return pulled == [base, top], top


def demo(directory, options):
    """Push and pull an image; return 0 if every byte came back."""
    with _running(directory) as (cluster, server):
        same, _ = _push_and_pull(cluster, server)
    print('Done.' if same else 'FAILED: the image is not what was pushed.')
    return 0 if same else 1


def serve(directory, options):
    """Keep a registry with a first image running until ^C."""
    with _running(directory) as (cluster, server):
        _, top = _push_and_pull(cluster, server)
        print('\nThe configuration, %s:\n' % server.config_file)
        with open(server.config_file) as config_file:
            print(config_file.read())
        settings = server.settings
        print(_TRY.format(
            address=server.address, container=settings['swift_container'],
            repository=_REPOSITORY, image_id=top.id,
            bin=os.path.dirname(cluster.python), auth_url=cluster.auth_url,
            user=settings['swift_user'],
            password=settings['swift_password']), flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
    return 0
