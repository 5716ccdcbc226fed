"""Many clients at once through the registry: this driver, then 0.2.1.

    python3 -m benchmarks.many_clients [--clients 32] [--images 200]

Each pushes images of its own and pulls them back, without a single retry, on
the same Swift; every byte is compared.
"""

import argparse
import os
import shutil
import sys

from stack import __main__ as cli
from stack import load
from stack import registry
from stack import swift


def main():
    parser = argparse.ArgumentParser(prog='python3 -m benchmarks.many_clients')
    parser.add_argument('--clients', type=int, default=32)
    parser.add_argument('--images', type=int, default=200)
    parser.add_argument('--layer-bytes', type=int, default=300000)
    options = parser.parse_args()
    directory = cli.scratch_directory()
    try:
        with swift.Swift(os.path.join(directory, 'swift')) as cluster:
            cluster.request('PUT', 'registry')  # 0.2.1 makes none
            for environment in ('registry', 'legacy'):
                settings = cluster.settings(storage_path='/' + environment)
                with registry.Registry(directory, settings,
                                       environment) as server:
                    result = load.run([server.port], options.clients,
                                      options.images, options.layer_bytes)
                print('%-8s  %d pushed in %.1f s, %d pulled in %.1f s, '
                      '%d failures, %d corrupt images' % (
                          'this' if environment == 'registry' else '0.2.1',
                          result.pushed, result.push_seconds, result.pulled,
                          result.pull_seconds, len(result.failures),
                          len(result.corrupt)), flush=True)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())
