"""One large layer through the registry: time, memory, requests to Swift.

    python3 -m benchmarks.large_layer [--mib 2048] [--against-mib 64]

Pushes a small layer first, to tell how much more of the worker's memory the
large one takes, then the large one, and pulls it back; every byte counts.
"""

import argparse
import collections
import glob
import hashlib
import http.client
import json
import os
import re
import shutil
import sys
import time

from stack import __main__ as cli
from stack import processes
from stack import registry
from stack import swift
from stack import v1client

_MIB = 1024 * 1024
_REQUEST = re.compile(r' (GET|HEAD|PUT|POST|DELETE) /(?:v1|info)')


class Layer:

    """A layer too large to be held: the same bytes whenever it is read.

    Its blocks differ, so that one in the wrong place is noticed.
    """

    def __init__(self, mib):
        self.mib = mib
        self._seed = os.urandom(_MIB - 8)

    def __iter__(self):
        for number in range(self.mib):
            yield number.to_bytes(8, 'big') + self._seed


def worker_peaks(master):
    """Return the peak resident memory of a server's workers, in MiB."""
    peaks = []
    for path in glob.glob('/proc/[0-9]*/status'):
        try:
            with open(path) as status:
                fields = dict(line.split(':', 1) for line in status)
        except OSError:
            continue  # it has ended
        if int(fields['PPid']) == master:
            peaks.append(int(fields['VmHWM'].split()[0]) // 1024)
    return peaks


def requests(cluster):
    """Count the requests that the proxy has logged so far, by method."""
    with open(cluster.proxy.log, errors='replace') as log:
        return collections.Counter(
            found.group(1) for found in map(_REQUEST.search, log) if found)


def push_and_pull(client, layer):
    """Return (seconds to push, seconds to pull) a layer.

    :raises v1client.CorruptError: what came back is something else
    """
    image = v1client.make_image()
    digest = hashlib.sha256(image.json + b'\n')

    def body():
        for block in layer:
            digest.update(block)
            yield block
    client.expect(200, 'PUT', '/v1/images/%s/json' % image.id, image.json)
    path = '/v1/images/%s/layer' % image.id
    started = time.monotonic()
    client.expect(200, 'PUT', path, body(), {'Transfer-Encoding': 'chunked'},
                  chunked=True)
    pushed = time.monotonic() - started
    client.expect(200, 'PUT', '/v1/images/%s/checksum' % image.id, b'', {
        'X-Docker-Checksum-Payload': 'sha256:' + digest.hexdigest()})
    found = hashlib.sha256(image.json + b'\n')
    started = time.monotonic()
    connection = http.client.HTTPConnection(processes.HOST, client.port)
    connection.request('GET', path)
    response = connection.getresponse()
    for block in iter(lambda: response.read(_MIB), b''):
        found.update(block)
    if found.digest() != digest.digest():
        raise v1client.CorruptError('a layer of %d MiB' % layer.mib)
    return pushed, time.monotonic() - started


def main():
    parser = argparse.ArgumentParser(prog='python3 -m benchmarks.large_layer')
    parser.add_argument('--mib', type=int, default=2048)
    parser.add_argument('--against-mib', type=int, default=64)
    options = parser.parse_args()
    directory = cli.scratch_directory()
    try:
        with swift.Swift(os.path.join(directory, 'swift')) as cluster, \
                registry.Registry(directory, cluster.settings(
                    storage_path='/registry'), workers=1) as server:
            client = v1client.V1Client(server.port, timeout=3600)
            peaks = []
            for mib in (options.against_mib, options.mib):
                before = requests(cluster)
                pushed, pulled = push_and_pull(client, Layer(mib))
                made = requests(cluster) - before
                peaks.append(max(worker_peaks(server.server.pid)))
                print('%6d MiB: push %.1f s, %.0f MiB/s; pull %.1f s, '
                      '%.0f MiB/s; peak of the worker %d MiB; requests %s' % (
                          mib, pushed, mib / pushed, pulled, mib / pulled,
                          peaks[-1],
                          json.dumps(made, sort_keys=True)), flush=True)
            growth = peaks[1] - peaks[0]
            print('The worker grew by %d MiB; at most 64 are allowed.'
                  % growth)
            return 0 if growth <= 64 else 1
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())
