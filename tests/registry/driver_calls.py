"""Run by a registry environment's Python 2.7: calls its Swift driver.

    echo '[{"swift_authurl": ...}, [["exists", "a"], ...]]' |
        python driver_calls.py

Prints the answers as JSON: bytes as text, iterators as lists, an exception
as the name of its class and its message. Logs to stderr.
"""

import io
import json
import logging
import sys

from docker_registry.drivers.swift import Storage
from docker_registry.lib.config import Config


def call(storage, method, *arguments):
    if method == 'stream_write':
        arguments = [arguments[0], io.BytesIO(arguments[1].encode('ascii'))]
    try:
        answer = getattr(storage, method)(*arguments)
        if method == 'stream_read':
            return b''.join(answer)
        if method == 'list_directory':
            return sorted(answer)
        return answer
    except Exception as error:
        return '%s: %s' % (type(error).__name__, error)


if __name__ == '__main__':
    logging.basicConfig(level=logging.DEBUG)
    settings, calls = json.load(sys.stdin)
    storage = Storage(settings['storage_path'], Config(settings))
    print(json.dumps([call(storage, *[str(argument) for argument in one])
                      for one in calls]))
