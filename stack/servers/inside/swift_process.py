"""Run by the Swift environment's Python: builds rings, runs one server.

    python swift_process.py rings DIRECTORY DEVICES REPLICAS
    python swift_process.py names DIRECTORY ACCOUNT CONTAINER PREFIX COUNT
    python swift_process.py proxy|account|container|object CONFIG_FILE
    python swift_process.py object-updater|container-replicator|... CONFIG_FILE

A script of its own because Swift reads its limits from /etc/swift when its
modules are imported, before a configuration file can say otherwise.
"""

import importlib
import json
import os
import sys

from swift.common import utils

_PART_POWER = 4


def build_rings(directory, devices, replicas):
    """Write account, container and object rings to a directory.

    :param devices: list of dicts: region, zone, ip, device, and a port for
        each of account, container and object
    """
    from swift.common.ring import RingBuilder
    for service in ('account', 'container', 'object'):
        builder = RingBuilder(_PART_POWER, replicas, 0)
        for number, device in enumerate(devices):
            builder.add_dev({
                'id': number, 'region': 1, 'zone': number + 1, 'weight': 1,
                'ip': device['ip'], 'port': device[service],
                'device': device['device']})
        builder.rebalance()
        builder.get_ring().save(
            os.path.join(directory, service + '.ring.gz'))


def add_names(directory, account, container, prefix, count):
    """Make names appear in a container's listing, without any objects.

    Tells the container servers what object servers tell them after a PUT: a
    hundred times faster than as many PUTs.
    """
    utils.set_swift_dir(directory)
    from swift.common import direct_client
    from swift.common.ring import Ring
    ring = Ring(directory, ring_name='container')
    partition, nodes = ring.get_nodes(account, container)
    for number in range(count):
        for node in nodes:
            direct_client.direct_put_container_object(
                node, partition, account, container,
                '%s%05d' % (prefix, number), headers={
                    'X-Timestamp': utils.Timestamp.now().internal,
                    'X-Size': '0', 'X-Content-Type': 'text/plain',
                    'X-Etag': 'd41d8cd98f00b204e9800998ecf8427e'})


def run(service, config_file):
    """Run a server in the foreground, or a daemon once.

    :param service: 'proxy' or 'object' for a server, 'object-updater' for a
        daemon of the object service
    """
    utils.set_swift_dir(os.path.dirname(config_file))
    from swift.common import constraints
    constraints.reload_constraints()
    service, _, daemon = service.partition('-')
    sys.argv = ['swift-%s-%s' % (service, daemon or 'server'), config_file,
                '--verbose'] + (['once'] if daemon else [])
    sys.exit(importlib.import_module('swift.%s.%s' % (
        {'object': 'obj'}.get(service, service), daemon or 'server')).main())


if __name__ == '__main__':
    if sys.argv[1] == 'rings':
        build_rings(sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4]))
    elif sys.argv[1] == 'names':
        add_names(*sys.argv[2:6], count=int(sys.argv[6]))
    else:
        run(sys.argv[1], sys.argv[2])
