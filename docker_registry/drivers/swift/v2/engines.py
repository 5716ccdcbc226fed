"""Which docker engines have to go on with v1.

Engines ask /v2/ first from 1.6 on. Those before 1.10 then want manifests of a
kind that this registry has not. Those up to 17.11 that find a v2 registry
push to nothing else any more, also where it takes no pushes. To them there is
no /v2/, and they fall back on v1.

Source: registry/endpoint.go of docker 1.6.2, distribution/push.go of 1.13.1
"""

import re

_DOCKER = re.compile(r'docker/(\d+)\.(\d+)')
#: The first that takes manifests of schema 2.
_SCHEMA2 = (1, 10)
#: The first that speaks v2 alone.
_V2_ALONE = (17, 12)


def needs_v1(user_agent, takes_pushes):
    """Tell whether a client is a docker engine that must go on with v1.

    :param user_agent: header of its request, or None
    :param takes_pushes: whether the v2 API does
    """
    version = _DOCKER.match(user_agent or '')
    return bool(version) and tuple(map(int, version.groups())) < (
        _SCHEMA2 if takes_pushes else _V2_ALONE)
