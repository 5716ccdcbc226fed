"""What the driver's tests run on, for a Python that cannot import stack/."""

import json
import os
import sys

from ..servers import redis
from ..servers import swift
from ..servers import swift_logins


def services(directory, options):
    """Run Swift and Redis for a test run of any Python, until stdin ends."""
    constraints = json.loads(options.constraints)
    with swift.Swift(os.path.join(directory, 'swift'), options.nodes,
                     constraints) as cluster, redis.Redis(directory) as cache:
        print(json.dumps({'settings': cluster.settings(),
                          'passwords': {
                              user: password for user, (password, _)
                              in swift_logins.USERS.items()},
                          'port': cluster.proxy.port,
                          'redis_port': cache.server.port,
                          'redis_pid': cache.server.pid}), flush=True)
        sys.stdin.read()
