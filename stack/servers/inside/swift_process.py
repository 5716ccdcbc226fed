"""Run by the Swift environment's Python: builds rings, runs one server.

    python swift_process.py rings DIRECTORY DEVICES REPLICAS
    python swift_process.py names DIRECTORY ACCOUNT CONTAINER PREFIX COUNT
    python swift_process.py proxy|account|container|object CONFIG_FILE
    python swift_process.py daemons STEPS

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


def run_daemons(steps):
    """Run daemons once, one step after the other.

    They fork, so that what they import is imported once.

    :param steps: list of (name, such as "object-updater", paths of the
        configuration files of those that run at a time)
    """
    for name, config_files in steps:
        _import_module(name, config_files[0])
        children = []
        for config_file in config_files:
            children.append(os.fork())
            if not children[-1]:
                run(name, config_file)
        if any([os.waitpid(child, 0)[1] for child in children]):
            sys.exit('%s failed' % name)


def _import_module(name, config_file):
    utils.set_swift_dir(os.path.dirname(config_file))
    from swift.common import constraints
    constraints.reload_constraints()
    service, _, daemon = name.partition('-')
    return importlib.import_module('swift.%s.%s' % (
        {'object': 'obj'}.get(service, service), daemon or 'server'))


def run(name, config_file):
    """Run a server in the foreground, or a daemon once.

    :param name: 'proxy' or 'object' for a server, 'object-updater' for a
        daemon of the object service
    """
    module = _import_module(name, config_file)
    sys.argv = ['swift-' + name, config_file, '--verbose']
    if '-' in name:
        sys.argv.append('once')
    sys.exit(module.main())


if __name__ == '__main__':
    if sys.argv[1] == 'rings':
        build_rings(sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4]))
    elif sys.argv[1] == 'daemons':
        run_daemons(json.loads(sys.argv[2]))
    elif sys.argv[1] == 'names':
        add_names(*sys.argv[2:6], count=int(sys.argv[6]))
    else:
        run(sys.argv[1], sys.argv[2])
