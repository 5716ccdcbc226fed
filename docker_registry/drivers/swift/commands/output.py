"""Prints what a command has to say, and how far it has come."""

from __future__ import print_function

import json
import sys
import threading
import time

import tqdm

_PLAIN_SECONDS = 10
_TEXT_SECONDS = 0.5
_UNITS = ((86400, 'd'), (3600, 'h'), (60, 'min'), (1, 's'))


def print_line(line):
    """Print a line at once, also on a terminal that lacks some letters.

    :param line: native text
    """
    _print(line, sys.stdout)


def print_error(line):
    """Print a line to standard error.

    :param line: native text
    """
    _print(line, sys.stderr)


def print_json(value):
    """Print a value as one line of JSON."""
    print_line(json.dumps(value, sort_keys=True))


def size(size_bytes):
    """Return a size as people read it, such as "1.5 GiB"."""
    for unit in ('B', 'KiB', 'MiB', 'GiB', 'TiB'):
        if size_bytes < 1024 or unit == 'TiB':
            break
        size_bytes /= 1024.0
    return ('%d %s' if unit == 'B' else '%.1f %s') % (size_bytes, unit)


def age(seconds):
    """Return a time span as people read it, such as "3 d"."""
    for length, unit in _UNITS:
        if seconds >= length:
            break
    return '%d %s' % (max(0, seconds) // length, unit)


def iso8601(seconds):
    """Return Unix time as ISO 8601 in UTC."""
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(seconds))


class Progress(object):

    """How far a command has come, on standard error.

    A bar on a terminal; elsewhere a line now and then. Use it as a context
    manager.

    :param what: what is counted, such as "images"
    :param total: how many there are; None where that is not known
    :param find_text: callable that returns what the bar says besides, such
        as how much has been read; another thread calls it now and then
    """

    def __init__(self, what, total=None, find_text=None):
        self._what = what
        self._count = 0
        self._is_terminal = sys.stderr.isatty()
        self._bar = tqdm.tqdm(
            total=total, unit=' ' + what, leave=False, file=sys.stderr,
            disable=not self._is_terminal)
        self._next_at = time.time() + _PLAIN_SECONDS
        self._find_text = find_text
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._show_text)

    def __enter__(self):
        if self._is_terminal and self._find_text:
            self._bar.set_postfix_str(self._find_text())
            self._thread.start()
        return self

    def __exit__(self, *exception):
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._bar.close()

    def add(self, count=1):
        """Count some more."""
        self._count += count
        self._bar.update(count)
        if not self._is_terminal and time.time() > self._next_at:
            self._next_at = time.time() + _PLAIN_SECONDS
            print_error('%d %s' % (self._count, self._what))

    def count(self, items):
        """Yield items, and count each when it has been dealt with."""
        for item in items:
            yield item
            self.add()

    def _show_text(self):
        # One large thing may take minutes.
        while not self._ended.wait(_TEXT_SECONDS):
            self._bar.set_postfix_str(self._find_text())


def _print(line, file):
    if not isinstance(line, bytes):
        encoding = file.encoding or 'ascii'
        line = line.encode(encoding, 'backslashreplace').decode(encoding)
    with tqdm.tqdm.external_write_mode():  # no bar in the middle of it
        print(line, file=file)
        file.flush()
