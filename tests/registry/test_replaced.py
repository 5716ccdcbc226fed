"""That what is replaced in the registry is what the replacements are for."""

import hashlib
import json
import re
import subprocess

import pytest

from stack import environments

#: SHA-256 of the source of each function or class; see registry/replaced.py.
_SOURCES = {
    ('docker_registry/tags.py', 'get_tags'):
        '3a02e28f1663726df8d681e621ac9c1b8522730e631794c67f7cc86ad26e530e',
    ('docker_registry/tags.py', 'delete_tag'):
        '64a84338b664b29b4a7a98c723be369adcb34055ebaaaf1ba23b923ae203e611',
    ('docker_registry/tags.py', 'delete_repository'):
        'cf2284dea74f41fdef99b2432f0960d4561deeff5cd6890fa54550194b73cc76',
    ('docker_registry/images.py', '_get_image_layer'):
        '00d9fafb0e38da856b92c48a435c66db8b7e615d5299d7b9d9f7cb6f38813103',
    ('docker_registry/images.py', 'get_image_layer'):
        '0ff5d109e9b556a1d3db3ba3a63fa7778ffe3c111ed245270bb848440ab740c5',
    ('docker_registry/images.py', 'put_image_layer'):
        '7243322516a3a921179d0d1fc41813d35d66971fad88d0d9580a98b70bfb7912',
    ('docker_registry/lib/cache.py', 'enable_redis_cache'):
        '83d37fe2f16f80ccfe841b8d15e001636562641480ea1ca9161eaf2bac4dfa04',
    ('docker_registry/lib/layers.py', 'enqueue_diff'):
        'a04ae399e7c7fac32055c4042736e03611808b4052036ca846419475cd92195c',
    ('docker_registry/lib/rqueue.py', 'CappedCollection'):
        '63cd4430e82e2287ae274bf7bd15e2c88d2acaca90194fd14de6d075b9ba073a',
    ('docker_registry/lib/mirroring.py', 'source_lookup_tag'):
        'b44395cac9c723cdf12b9595429f63de2e7d7a972ca9b9cda46349c0dbdfd2a3',
    ('docker_registry/lib/checksums.py', 'simple_checksum_handler'):
        '60ed025689975869d5f0134f942559386d740bd589953cfdae26091580d43f59',
    ('docker_registry/lib/index/__init__.py', 'load'):
        'afd6973ac11f1851ee5dbdeeea66140e3d53f706c9876c939b6b2b8bb05d1e3b',
    ('docker_registry/lib/index/db.py', 'SQLAlchemyIndex'):
        'dd29dd119780beb0cf9b8e93862b5b819b8621eabdd879dcc76cb1e111b81c60',
    ('docker_registry/lib/mirroring.py', 'lookup_source'):
        'eb6dc0d5047c92ccde90a05d116eba56ac578f975f531d007bd1573eaffd400e',
    ('docker_registry/lib/mirroring.py', '_handle_mirrored_layer'):
        '05aa33d02976747cacd571ad083ca1d65d5a30f9fbb4153383583dbf844793fc',
    ('gevent/baseserver.py', 'BaseServer'):
        '5e78ed1240608434fe6f45c8c385456e908deb94ab4e55deb3fb68d61c4220d6',
    ('gevent/server.py', 'StreamServer'):
        'a1840a0d36be3975b87e960b9956eb8c6424412f0c3df0d5b57706d396530414',
    ('gunicorn/workers/async.py', 'AsyncWorker'):
        'ab1a36d49125f02e044738ff714fb5a390b8982f76d83cacedc0df8f598e43e5',
    ('gunicorn/workers/ggevent.py', 'GeventWorker'):
        'a4ee668ac7af353e1c2e33a2915931ec97721551a8d07b4335456544bc930723',
    ('gunicorn/http/body.py', 'ChunkedReader'):
        'e1d3f56e9858e1875560c8b0d8acc6c9f5de20bc7ef016b1f189b9b3864303df',
    ('gunicorn/http/body.py', 'Body'):
        'a29080059c059830b7a4bd86a7c1e63a749ec550d07a9657d572fcb6276596c8',
}


@pytest.fixture(scope='module')
def packages():
    """Where the registry's environment has its packages."""
    return json.loads(subprocess.check_output(
        [environments.build('registry'), '-c', 'import json, sysconfig; '
         'print(json.dumps(sysconfig.get_path("purelib")))']))


@pytest.mark.parametrize('path, name', sorted(_SOURCES))
def test_source(packages, path, name):
    with open('%s/%s' % (packages, path)) as source:
        found = re.search(r'^(def|class) %s ?\(.*?(?=^\S|\Z)' % name,
                          source.read(), re.DOTALL | re.MULTILINE)
    digest = hashlib.sha256(found.group().strip().encode()).hexdigest()
    assert digest == _SOURCES[path, name]
