"""core's own suite for drivers, as it is, on real Swift."""

import unittest

import pytest

from docker_registry import testing


class QueryTest(testing.Query, unittest.TestCase):

    def __init__(self, method):
        unittest.TestCase.__init__(self, method)
        testing.Query.__init__(self, 'swift')


class DriverTest(testing.Driver, unittest.TestCase):

    path = '/'

    def __init__(self, method):
        unittest.TestCase.__init__(self, method)
        testing.Driver.__init__(self, 'swift', self.path)

    @pytest.fixture(autouse=True)
    def _configure(self, swift_settings):
        self.config = testing.Config(swift_settings)


class DriverBelowPathTest(DriverTest):

    path = '/a/registry'

    def tearDown(self):
        assert self._storage._names.prefix() == 'a/registry/'


class DriverInSegmentsTest(DriverTest):

    """Everything that is streamed, 7 bytes, becomes a large object."""

    path = '/registry'

    @pytest.fixture(autouse=True)
    def _configure(self, swift_settings):
        self.config = testing.Config(dict(
            swift_settings, swift_segment_size=3,
            swift_download_concurrency=2))
