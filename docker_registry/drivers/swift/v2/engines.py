"""Which docker engines have to go on with v1.

Engines ask /v2/ first from 1.6 on. Those before 1.10 then want manifests of a
kind that this registry has not. Those up to 17.11 that find a v2 registry
push to nothing else any more, and this one takes no pushes. To all of them
there is no /v2/, and they fall back on v1.

Source: registry/endpoint.go of docker 1.6.2, distribution/push.go of 1.13.1
"""

import re

_DOCKER = re.compile(r'docker/(\d+)\.(\d+)')
#: The first that speaks v2 alone.
_V2_ALONE = (17, 12)


def has_v1(user_agent):
    """Tell whether a client is a docker engine that still has v1.

    :param user_agent: header of its request, or None
    """
    version = _DOCKER.match(user_agent or '')
    return bool(version) and tuple(
        map(int, version.groups())) < _V2_ALONE
