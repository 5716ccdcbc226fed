"""Listens to whatever is logged, raised or answered while tests run.

At DEBUG, for every test of either suite; the test_secrets.py of each, which
comes last, then searches all of it.
"""

import io
import logging
import os
import tempfile

import pytest

_PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

#: stack/servers/secrets.py, also for a Python that cannot import stack/.
SECRETS = {}
with open(os.path.join(_PROJECT, 'stack', 'servers', 'secrets.py')) as _source:
    exec(_source.read(), SECRETS)
_SIGNATURE = 'temp_url_sig='


class Overheard(object):

    """What has been heard so far."""

    def __init__(self):
        descriptor, self._path = tempfile.mkstemp(suffix='.log')
        os.close(descriptor)
        self._handler = logging.FileHandler(self._path, encoding='utf-8')
        self._handler.setFormatter(logging.Formatter('%(name)s %(message)s'))

    def start(self):
        logging.getLogger().addHandler(self._handler)
        logging.getLogger().setLevel(logging.DEBUG)
        # Apart from the log, which some tests count the lines of.
        self.others = logging.getLogger('others')
        self.others.propagate = False
        self.others.addHandler(self._handler)

    def stop(self):
        logging.getLogger().removeHandler(self._handler)
        self._handler.close()
        os.remove(self._path)

    def text(self):
        self._handler.flush()
        with io.open(self._path, encoding='utf-8', errors='replace') as log:
            return log.read()

    @staticmethod
    def leaks(text):
        """Return the lines that have a password, token, key or signature."""
        return [line for line in text.splitlines()
                if SECRETS['PREFIX'] in line or _SIGNATURE in line
                or SECRETS['TOKEN'].search(line)]


_overheard = Overheard()


def pytest_configure():
    _overheard.start()


def pytest_unconfigure():
    _overheard.stop()


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.module.__name__ == 'test_secrets')


@pytest.fixture(scope='session')
def overheard():
    return _overheard


@pytest.fixture(scope='session')
def secret_of():
    """Make a secret that can be found, for an owner."""
    return SECRETS['of']
