"""docker-registry-swift check: tries a configuration, step by step.

Tries all that the registry needs of Swift, with the driver's own parts, and
says of what fails which setting to look at. Leaves nothing behind.
"""

import binascii
import collections
import io
import json
import logging
import os
import time
import uuid

import requests

from . import output
from .. import errors
from .. import names
from ..client import connections
from ..client import container
from ..client import session
from ..config import files
from ..config import settings
from ..objects import large_object
from ..objects import orphans
from ..objects import read_ahead
from ..objects import redirect
from ..v2 import settings as v2_settings
from ..v2 import trial

#: What main.py shows of this command.
HELP = 'try what the registry needs of Swift, step by step'

_CONTENT = b'docker-registry-swift check'
#: Clusters of old take no smaller segment, but for the last.
_SEGMENT_BYTES = 1024 * 1024
_LISTING_SECONDS = 10
_CLOCK_SECONDS = 60

#: Headers of a container that keeps older versions, and what follows.
_VERSIONS = (
    ('X-Versions-Location', 'a DELETE is repeated until none comes back'),
    ('X-History-Location', 'also of layers that are gone, which take room'),
    ('X-Versions-Enabled', 'also of layers that are gone, which take room'))

#: One line of the report: name; status 'ok', 'failed' or 'skipped'; detail,
#: a sentence; see, the settings to look at; seconds it took.
Step = collections.namedtuple('Step', 'name status detail see seconds')


class _Failure(Exception):

    """A step found something else than it should."""


class Check(object):

    """The steps, in the order that an operator wants to know.

    :param path: path of the registry's configuration file
    :param flavor: name of a flavor in it
    :param new_temp_url_key: whether to give the container a TempURL key
    :ivar steps: list of Step, those that have been made
    """

    def __init__(self, path, flavor, new_temp_url_key=False):
        self._path = path
        self._flavor = flavor
        self._new_temp_url_key = new_temp_url_key
        self.steps = []

    @property
    def ok(self):
        """Whether nothing has failed."""
        return all(step.status != 'failed' for step in self.steps)

    def run(self):
        """Make the steps; yield each Step when it is done."""
        for step in self._run():
            self.steps.append(step)
            yield step

    def _run(self):
        yield self._step('settings', self._parse)
        if not self.ok:
            return
        yield self._step('login', self._log_in, 'swift_authurl',
                         *self._settings.login_keys())
        if not self.ok:
            return
        yield self._step('container', self._look_at_container,
                         'swift_container', 'swift_create_container')
        try:
            for step in self._trials():
                yield step
        finally:  # also where somebody has lost patience
            self._clean()

    def _trials(self):
        yield self._step('write', self._write, 'swift_container',
                         'swift_create_container')
        if self.steps[-1].status == 'failed':
            return
        yield self._step('clock', self._compare_clocks)
        yield self._step('read', self._read, 'swift_container')
        yield self._step('range', self._read_range)
        yield self._step('list', self._list, 'swift_container')
        yield self._step('large object', self._write_large,
                         'swift_segment_size')
        if self._new_temp_url_key:
            yield self._step('new TempURL key', self._set_temp_url_key,
                             'swift_temp_url_key')
        if self._config.storage_redirect or self._new_temp_url_key:
            yield self._step('TempURL', self._redirect, 'swift_temp_url_key',
                             'swift_public_url')
        else:
            yield Step('TempURL', 'skipped', 'storage_redirect is not true',
                       (), 0)
        if self._v2.enabled:
            yield self._step('v2 API', self._try_v2)
        yield self._step('delete', self._delete, 'swift_container')

    def _clean(self):
        for name in (self._small, self._large):
            try:
                self._large_objects.remove(name)
            except errors.SwiftError:
                pass  # as a rule it is gone
        try:
            # Of who has stopped it before Swift had all of the large one.
            self._large_objects.discard(list(
                self._orphans.names(self._prefix, None)))
        except errors.SwiftError:
            pass  # what fails has been reported

    def _step(self, name, method, *see):
        started = time.time()
        try:
            detail, status = method(), 'ok'
        except (_Failure, errors.SwiftError, errors.ConfigError) as error:
            detail, status = str(error), 'failed'
            if isinstance(error, errors.UnreachableError):
                see = ['swift_authurl'] if name == 'login' else (
                    self._settings.address_keys())
            see = getattr(error, 'see', ()) or see
        except Exception as error:  # whose text may have anything in it
            detail = 'a %s, which this check did not expect' % (
                type(error).__name__)
            status = 'failed'
        return Step(name, status, detail, see if status == 'failed' else (),
                    round(time.time() - started, 3))

    def _parse(self):
        self._config = files.read(self._path, self._flavor)
        # Either is what the registry's samples have: swift, or glance with
        # swift for what Glance does not keep.
        kinds = (self._config.storage, self._config.storage_alternate)
        if 'swift' not in [str(kind).lower() for kind in kinds]:
            raise _Failure('storage is %s, not swift' % kinds[0])
        self._settings = values = settings.parse(None, self._config)
        self._v2 = v2_settings.parse(self._config.extensions)
        registry_names = names.Names(values.root)
        path = 'docker-registry-swift-check/%s/' % uuid.uuid4().hex
        self._prefix = registry_names.prefix(path)
        self._small = registry_names.object_name(path + 'small')
        self._large = registry_names.object_name(path + 'large')
        self._pool = connections.Connections(values)
        self._container = container.Container(values, self._pool)
        self._readers = read_ahead.Readers(values, self._container)
        self._redirects = redirect.Redirects(values, self._container)
        self._large_objects = large_object.LargeObjects(
            values._replace(segment_size=_SEGMENT_BYTES), self._container)
        self._orphans = orphans.Orphans(values, self._container)
        detail = 'login by %s' % ', '.join(values.login_keys())
        unset = values.unset_variables
        if unset:  # those keys have their defaults
            detail += '; not set: ' + ', '.join(
                '$%s of %s' % (unset[key], key) for key in sorted(unset))
        return detail

    def _log_in(self):
        grant = self._pool.grant()
        return 'account ' + '; '.join(filter(None, (
            grant.storage_url, grant.region_choice)))

    def _look_at_container(self):
        try:
            headers = self._container.metadata()
        except errors.ObjectNotFoundError:
            if not self._settings.create_container:
                raise
            return '%s is missing; the first write makes it' % (
                self._container.name)
        detail = '%s has %s objects' % (
            self._container.name, headers.get('x-container-object-count'))
        for header, consequence in _VERSIONS:
            # Swift's word for one that has kept them until it was told not to.
            if headers.get(header.lower(), 'False') != 'False':
                detail += '; it keeps older versions (%s: %s): %s' % (
                    header, headers[header.lower()], consequence)
        return detail

    def _write(self):
        for _ in range(2):  # where older versions are kept, there is one
            self._large_objects.write(self._small, io.BytesIO(_CONTENT))
        return self._small

    def _compare_clocks(self):
        clock = self._container.clock()
        if clock is None:
            return 'Swift does not say what time it is'
        seconds = time.time() - clock
        detail = "this machine's is %+d s from Swift's" % seconds
        if abs(seconds) > _CLOCK_SECONDS:
            raise _Failure(detail + '; temporary URLs depend on it: '
                           'synchronize it, with NTP for example')
        return detail

    def _read(self):
        return self._compare(self._small, _CONTENT)

    def _read_range(self):
        return self._compare(self._small, _CONTENT[1:5], (1, 4))

    def _list(self):
        # Swift's listings follow its objects at a distance.
        give_up_at = time.time() + _LISTING_SECONDS
        while self._small not in [
                entry['name'] for entry in self._container.list(self._prefix)]:
            if time.time() > give_up_at:
                raise _Failure('%s is not listed after %d s; the container '
                               'servers are behind' % (self._small,
                                                       _LISTING_SECONDS))
            time.sleep(0.5)
        return self._prefix

    def _write_large(self):
        if not self._container.capabilities().max_segments:
            return ('the cluster has no static large objects: a layer may '
                    'have %d bytes at most'
                    % self._container.capabilities().max_file_size_bytes)
        content = b'\0' * _SEGMENT_BYTES + _CONTENT
        self._large_objects.write(self._large, io.BytesIO(content))
        try:
            return 'two segments: ' + self._compare(self._large, content)
        finally:
            self._large_objects.remove(self._large)

    def _set_temp_url_key(self):
        key = self._settings.secret('temp_url_key')
        self._redirects.set_key(
            key or binascii.hexlify(os.urandom(32)).decode('ascii'))
        return '%s has %s; the one before stays good as its second' % (
            self._container.name, 'swift_temp_url_key' if key
            else 'a new key, which the registry finds there')

    def _redirect(self):
        url = self._redirects.url(self._small)
        if url is None:
            raise _Failure('no URL: the cluster has no temporary URLs, or '
                           'the container no key that the user may see; '
                           'the registry serves layers itself. See '
                           'check --set-temp-url-key')
        where = url.split('?')[0]
        # Its DEBUG lines have the URL, and with it the signature.
        lines = logging.getLogger('urllib3')
        level = lines.level
        lines.setLevel(logging.INFO)
        try:
            answer = requests.get(
                url, timeout=self._settings.timeout,
                verify=not self._settings.insecure
                and (self._settings.cacert or True))
        except requests.exceptions.RequestException as error:
            # Its text has the URL, and with it the signature.
            raise _Failure('%s%s: no answer: %s' % (
                where, session.through_proxy(where), type(error).__name__))
        finally:
            lines.setLevel(level)
        if answer.content != _CONTENT:
            raise _Failure('%s: status %d: the signature is wrong, or the '
                           'clock, or clients need another address' % (
                               where, answer.status_code))
        return where

    def _try_v2(self):
        unguarded = v2_settings.unguarded(self._v2, self._config)
        if unguarded:
            raise _Failure('there will be no v2 API: ' + unguarded)
        try:
            return trial.run(self._settings, self._container,
                             self._prefix + 'v2/')
        except trial.TrialError as error:
            raise _Failure(str(error))

    def _delete(self):
        self._large_objects.remove(self._small)
        if self._container.exists(self._small):
            raise _Failure('%s is still there' % self._small)
        return self._small

    def _compare(self, name, content, bytes_range=None):
        found = b''.join(self._readers.open(name, bytes_range))
        if found != content:
            raise _Failure('%s: %d bytes came, and not the %d that were '
                           'written' % (name, len(found), len(content)))
        return '%d bytes' % len(found)


def add_options(parser):
    """Add the options of this command to its argparse.ArgumentParser."""
    parser.add_argument('--json', action='store_true',
                        help='print one JSON object instead of lines')
    parser.add_argument(
        '--set-temp-url-key', action='store_true',
        help='give the container swift_temp_url_key, or a new key where that '
        'is not set; the key before it stays good as its second')


def run(options):
    """Make the check and print its report; return the exit status."""
    check = Check(options.config, options.flavor, options.set_temp_url_key)
    for step in check.run():
        if not options.json:
            output.print_line(_line(step))
    if options.json:
        output.print_line(json.dumps({
            'ok': check.ok,
            'steps': [step._asdict() for step in check.steps]}, indent=2))
    return 0 if check.ok else 1


def _line(step):
    line = '%-7s  %-14s  %s' % (
        {'failed': 'FAILED', 'skipped': '-'}.get(step.status, step.status),
        step.name, step.detail.replace('\n', '\n' + 25 * ' '))
    if step.see:
        line += '\n%25ssee %s' % ('', ', '.join(step.see))
    return line
