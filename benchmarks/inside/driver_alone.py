"""Run by a registry environment's Python 2.7: a driver, or swiftclient.

    echo '{"settings": ..., "layer": ..., ...}' | python driver_alone.py

Prints as JSON what it has measured. Under gevent, as in the registry.
"""

from __future__ import division
from __future__ import print_function

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import os  # noqa: E402
import re  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402

_GIB = 1024 ** 3
_MIB = 1024 ** 2


class Measurements(object):

    def __init__(self):
        self.values = {}
        self.attempts = 0
        self.failures = []
        self.corrupt = []

    def take(self, action):
        """Do something.

        :returns: (what it returns, wall seconds, CPU seconds); Nones where
            it failed
        """
        self.attempts += 1
        started, cpu_before = time.time(), sum(os.times()[:2])
        try:
            answer = action()
        except Exception as error:
            self.failures.append('%s: %.200s' % (type(error).__name__, error))
            return None, None, None
        return (answer, time.time() - started,
                sum(os.times()[:2]) - cpu_before)


class RawSwift(object):

    """swiftclient's functions on one connection, named as a driver's."""

    def __init__(self, settings):
        from swiftclient import client
        self._client = client
        self._container = settings['swift_container']
        url, token = client.get_auth(
            settings['swift_authurl'], settings['swift_user'],
            settings['swift_password'], auth_version='1')
        self._arguments = (url, token)
        self._connection = client.http_connection(url)

    def put_content(self, path, content):
        self._client.put_object(*self._arguments, container=self._container,
                                name=path, contents=content,
                                http_conn=self._connection)

    def get_content(self, path):
        return self._client.get_object(
            *self._arguments, container=self._container, name=path,
            http_conn=self._connection)[1]

    def exists(self, path):
        try:
            self._client.head_object(
                *self._arguments, container=self._container, name=path,
                http_conn=self._connection)
        except self._client.ClientException as error:
            if error.http_status != 404:
                raise
            return False
        return True

    def list_directory(self, path):
        return self._client.get_container(
            *self._arguments, container=self._container,
            prefix='registry/%s/' % path, delimiter='/', full_listing=True,
            http_conn=self._connection)[1]


def make_storage(settings, is_driver):
    if not is_driver:
        return RawSwift(settings)
    from docker_registry.drivers.swift import Storage
    from docker_registry.lib.config import Config
    return Storage(settings['storage_path'], Config(settings))


def large(order, storage, measured):
    """Write a file to a path and read it back into another."""
    size_bytes = os.path.getsize(order['layer'])

    def write():
        with open(order['layer'], 'rb') as stream:
            storage.stream_write('images/large/layer', stream)

    def read():
        with open(order['copy'], 'wb') as copy:
            for chunk in storage.stream_read('images/large/layer'):
                copy.write(chunk)

    for name, action in (('write', write), ('read', read)):
        _, taken, cpu = measured.take(action)
        if taken:
            measured.values[name] = size_bytes / _MIB / taken
            measured.values[name + ' CPU'] = cpu * _GIB / size_bytes


def small(order, storage, measured):
    """Put, get and ask for small objects one by one."""
    contents = dict(('small/%d' % number, os.urandom(256))
                    for number in range(order['objects']))
    # Every second one is not there.
    asked = [path + ending for path in contents for ending in ('', '.not')]
    found = {}

    def put():
        for path in contents:
            storage.put_content(path, contents[path])

    def get():
        for path in contents:
            found[path] = storage.get_content(path)

    def exists():
        wrong = [path for path in asked
                 if storage.exists(path) != (path in contents)]
        if wrong:
            raise ValueError('wrong answers for %d paths' % len(wrong))

    for action, paths in ((put, contents), (get, contents), (exists, asked)):
        _, taken, _ = measured.take(action)
        if taken:
            measured.values[action.__name__] = 1000 * taken / len(paths)
    measured.corrupt += [path for path in found
                         if found[path] != contents[path]]


def peak_mib():
    # getrusage() would tell the peak of whoever has started this, too.
    with open('/proc/self/status') as status:
        return int(re.search(r'VmHWM:\s*(\d+)', status.read()).group(1)) / 1024


def main():
    order = json.load(sys.stdin)
    measured = Measurements()
    storage = make_storage(order['settings'], order['driver'])
    storage.put_content('warm', b'up')  # it logs in, and dials
    if order['driver']:
        large(order, storage, measured)
        measured.values['peak memory'] = peak_mib()
    small(order, storage, measured)
    names = make_storage(dict(
        order['settings'], swift_container=order['names_container']),
        order['driver'])
    listing, taken, _ = measured.take(
        lambda: list(names.list_directory('names')))
    if taken:
        measured.values.update({'list': taken, 'names': len(
            set(json.dumps(name) for name in listing))})
    print(json.dumps({'values': measured.values,
                      'attempts': measured.attempts,
                      'failures': measured.failures,
                      'corrupt': measured.corrupt}))


if __name__ == '__main__':
    main()
