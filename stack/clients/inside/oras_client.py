"""Pushes an artifact or pulls one with oras, whose environment runs this.

    oras_client.py push TARGET FILE [SUBJECT]
    oras_client.py pull TARGET DIRECTORY

SUBJECT and what a push prints are descriptors, in JSON.
"""

import dataclasses
import json
import sys

from oras import client
from oras import oci


def push(registry, target, path, subject=None):
    answer = registry.push(
        target, files=[path], disable_path_validation=True, quiet=True,
        subject=subject and oci.Subject(**json.loads(subject)))
    print(json.dumps(dataclasses.asdict(oci.Subject(
        answer.request.headers['Content-Type'],
        answer.headers['Docker-Content-Digest'], len(answer.request.body)))))


def pull(registry, target, directory):
    registry.pull(target, outdir=directory)


if __name__ == '__main__':
    {'push': push, 'pull': pull}[sys.argv[1]](
        client.OrasClient(insecure=True), *sys.argv[2:])
