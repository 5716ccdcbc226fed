"""Pushes and pulls artifacts, by the client that PyPI has: oras."""

import json
import os
import subprocess

from .. import environments

_SCRIPT = os.path.join(os.path.dirname(__file__), 'inside', 'oras_client.py')


def push(target, path, subject=None):
    """Push a file as an artifact.

    :param target: such as "127.0.0.1:5000/x:latest"
    :param subject: descriptor of what it is about, a dict, or None
    :returns: descriptor of its manifest, a dict
    """
    return json.loads(_oras('push', target, path, *(
        [] if subject is None else [json.dumps(subject)])))


def pull(target, directory):
    """Pull an artifact; its file comes into a directory, under its name."""
    _oras('pull', target, directory)


def _oras(*arguments):
    # The machine's proxy has no way to servers on loopback.
    others = {name: value for name, value in os.environ.items()
              if not name.lower().endswith('_proxy')}
    return subprocess.run(
        [environments.build('oras'), _SCRIPT, *arguments], check=True,
        stdout=subprocess.PIPE, text=True, timeout=300, env=others).stdout
