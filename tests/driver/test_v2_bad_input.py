"""Whatever v2 clients push: the specification's error, and nothing is stored.

At the WSGI seam, on real Swift.
"""

import io
import json
import logging
import re
import sys

import hypothesis
from hypothesis import strategies
import pytest
from werkzeug import test

from docker_registry.drivers.swift import Storage
from docker_registry.drivers.swift.v2 import api
from docker_registry.drivers.swift.v2 import manifests
from docker_registry.drivers.swift.v2 import push_api
from docker_registry.drivers.swift.v2 import repositories
from docker_registry.testing import Config

_MIB = 1024 * 1024
_NOBODY = 'sha256:' + 64 * '0'
_OCI = 'application/vnd.oci.image.manifest.v1+json'
_BLOB = {'digest': _NOBODY, 'size': 1, 'mediaType': 'text/plain'}
_GOOD = {'schemaVersion': 2, 'mediaType': _OCI, 'config': _BLOB,
         'layers': [_BLOB], 'annotations': {'a': 'b'}, 'subject': _BLOB}

# Source: https://github.com/opencontainers/distribution-spec/blob/v1.1.0/
#     spec.md#pulling-manifests
_NAME = re.compile(r'[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*'
                   r'(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\Z')
_TAG = re.compile(r'[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}\Z')
_DIGEST = re.compile(r'(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})\Z')

#: What means something to URLs, HTTP, Swift, JSON or Python.
_HOSTILE = [
    u'', u'.', u'..', u'a/../b', u'/a', u'a//b', u'a/', u'A', u'%2F', u'%00',
    u'\0', u'a\n', u'a\r\nX: 1', u' ', u'+', u'a?b=c', u'#', u'&', u'\\',
    u'{}', u'*', u'\xe4', u'\u0661', u'\U0001f433', u'\u202e', u'_uploads',
    u'a___b', u'a-', u'.segments', 256 * u'a', 5000 * u'x', 128 * u'a/' + u'a',
    u'sha256:', u'sha256:' + 63 * u'0', u'sha256:' + 64 * u'G',
    u'sha256:' + 64 * u'A', u'sha256:' + 64 * u'0' + u'\n', u'sha512:'
    + 64 * u'0', u'md5:' + 32 * u'0', u'sha256:../../' + 58 * u'0',
    u'-1', u'0x1', u'1e3', u'9' * 30, u'0-', u'-', u'0--1', u'5-2', u'0-3/9',
    u'bytes=0-1,3-4', u'bytes 0-3/*', u'00000-3', u'0-' + 20 * u'9']
_TEXTS = strategies.one_of(
    strategies.sampled_from(_HOSTILE), strategies.text(max_size=30),
    strategies.from_regex(r'\A[a-z0-9._/:-]{1,40}\Z'))
_LATIN = _TEXTS.map(lambda text: re.sub(u'[^ -~\xa1-\xff]', u'', text))
_UPLOAD = '/v2/a/blobs/uploads/{upload}'


def _path(method, template, kind, *codes):
    """Requests whose path has a bad part.

    :param kind: what would be a good one
    :param codes: of which one is the answer
    """
    return _TEXTS.filter(lambda text: not kind.match(text) or len(
        text) > 255).map(lambda text: (method, template.replace('*', text),
                                       '', {}, b'some', codes))


def _query(method, path, *codes):
    """Requests with a bad digest in the query."""
    return _TEXTS.filter(lambda text: not _DIGEST.match(text)).map(
        lambda text: (method, path, 'digest=' + _quoted(text), {}, b'some',
                      codes))


def _header(method, path, name, *codes):
    return _LATIN.map(lambda text: (method, path, 'digest=' + _NOBODY,
                                    {name: text}, b'some', codes))


def _manifest(contents):
    return strategies.tuples(contents, strategies.sampled_from(
        [_OCI, '', 'text/plain', 'application/json; charset=x'])).map(
            lambda found: (
                'PUT', '/v2/a/manifests/latest', '',
                {'CONTENT_TYPE': found[1]}, found[0],
                ('MANIFEST_INVALID', 'MANIFEST_BLOB_UNKNOWN')))


def _quoted(text):
    return ''.join('%%%02x' % byte
                   for byte in bytearray(text.encode('utf-8')))


_VALUES = strategies.recursive(
    strategies.one_of(
        strategies.none(), strategies.booleans(), strategies.integers(),
        strategies.floats(), strategies.text(max_size=5),
        strategies.sampled_from([_NOBODY, _OCI, 'http://a/', 2])),
    lambda inner: strategies.one_of(
        strategies.lists(inner, max_size=3),
        strategies.dictionaries(strategies.sampled_from(
            sorted(_BLOB) + sorted(_GOOD) + ['urls', 'manifests']), inner,
            max_size=4)), max_leaves=8)
#: A manifest with one field that is something else, at any depth.
_MANIFESTS = strategies.tuples(
    strategies.sampled_from(sorted(_GOOD) + [
        'manifests', 'artifactType', 'layers.0.digest', 'layers.0.size',
        'layers.0.mediaType', 'layers.0.urls', 'config.digest',
        'config.size', 'subject.digest', 'subject.size', 'annotations.a']),
    _VALUES)


def _changed(change):
    place, value = change
    found = json.loads(json.dumps(_GOOD))
    at = found
    names = [int(name) if name.isdigit() else name
             for name in place.split('.')]
    for name in names[:-1]:
        at = at[name]
    at[names[-1]] = value
    return json.dumps(found).encode('utf-8')


_PATHS = strategies.one_of(
    _path('POST', u'/v2/*/blobs/uploads/', _NAME, 'NAME_INVALID',
          'UNSUPPORTED'),
    _path('PUT', u'/v2/*/manifests/latest', _NAME, 'NAME_INVALID',
          'UNSUPPORTED'),
    _path('DELETE', u'/v2/*/blobs/' + _NOBODY, _NAME, 'NAME_INVALID',
          'UNSUPPORTED'),
    _path('PATCH', u'/v2/a/blobs/uploads/*', re.compile('$'),
          'BLOB_UPLOAD_UNKNOWN', 'UNSUPPORTED', 'NAME_INVALID'),
    _path('PUT', u'/v2/a/manifests/*', _TAG, 'TAG_INVALID', 'DIGEST_INVALID',
          'UNSUPPORTED', 'NAME_INVALID'))
_DIGESTS = strategies.one_of(
    _path('DELETE', u'/v2/a/blobs/*', _DIGEST, 'DIGEST_INVALID',
          'UNSUPPORTED', 'NAME_INVALID'),
    _query('PUT', _UPLOAD, 'DIGEST_INVALID'),
    _query('POST', '/v2/a/blobs/uploads/', 'DIGEST_INVALID'))
#: What is right is of a step that has not been, or of another digest.
_HEADERS = strategies.one_of(
    _header('PATCH', _UPLOAD + '.5', 'HTTP_CONTENT_RANGE', 'RANGE_INVALID',
            'SIZE_INVALID', 'BLOB_UPLOAD_UNKNOWN'),
    _header('PUT', _UPLOAD + '.5', 'HTTP_CONTENT_RANGE', 'RANGE_INVALID',
            'SIZE_INVALID', 'BLOB_UPLOAD_UNKNOWN'),
    _header('POST', '/v2/a/blobs/uploads/', 'CONTENT_LENGTH', 'SIZE_INVALID',
            'DIGEST_INVALID'))
_CONTENTS = strategies.one_of(
    _manifest(_MANIFESTS.map(_changed)),
    _manifest(strategies.binary(max_size=50)),
    _manifest(_VALUES.map(lambda value: json.dumps(value).encode('utf-8'))))


def _wsgi(text):
    """Return text as servers hand it to applications."""
    return text.encode('utf-8') if str is bytes else text.encode(
        'utf-8').decode('latin-1')


def ask(application, method, path, query='', headers=(), body=b''):
    """Return the status and the body of an answer."""
    environ = {
        'REQUEST_METHOD': method, 'SCRIPT_NAME': '',
        'PATH_INFO': _wsgi(path), 'QUERY_STRING': query,
        'SERVER_NAME': 'localhost', 'SERVER_PORT': '80',
        'SERVER_PROTOCOL': 'HTTP/1.1', 'HTTP_HOST': 'localhost',
        'CONTENT_LENGTH': str(len(body)), 'wsgi.input': io.BytesIO(body),
        'wsgi.errors': sys.stderr, 'wsgi.url_scheme': 'http',
        'wsgi.version': (1, 0), 'wsgi.multithread': True,
        'wsgi.multiprocess': True, 'wsgi.run_once': False}
    for name, value in dict(headers).items():
        environ[name] = value if isinstance(value, str) else value.encode(
            'latin-1')
    chunks, status, _ = test.run_wsgi_app(application, environ)
    return int(status.split()[0]), b''.join(chunks)


class Registry(object):

    """An application, and what its container has."""

    def __init__(self, settings):
        self._container = Storage('/registry', Config(settings)).container
        self.application = self._application(settings)
        #: The name of an upload that has some bytes.
        self.upload = 32 * 'a'
        status, _ = self.ask(
            'PATCH', '/v2/a/blobs/uploads/%s.0' % self.upload, '',
            {}, b'some')
        assert status == 202
        self.before = self.stored()

    @staticmethod
    def _application(settings):
        storage = Storage('/registry', Config(settings))
        found = repositories.in_container(storage.settings, storage.container)
        return api.Application(found, pushes=push_api.in_container(
            storage.settings, storage.container, found, True))

    def ask(self, *request):
        return ask(self.application, *request)

    def stored(self):
        return [entry['name'] for entry in self._container.list('')]


@pytest.fixture(scope='module')
def registry(services):
    return Registry(dict(services['settings'], swift_container='bad-input'))


def problem(status, content):
    """Return the code of an answer, which is an error of the client."""
    assert 400 <= status < 500, content
    assert len(content) < 20000
    found, = json.loads(content.decode('utf-8'))['errors']
    assert found['message']
    return found['code']


@pytest.fixture(autouse=True)
def nothing_happens(registry, caplog):
    """Nothing is stored, and nothing logged: no traceback, no warning."""
    yield
    assert registry.stored() == registry.before
    assert [record.getMessage() for record in caplog.get_records('call')
            if record.levelno > logging.INFO] == []


_all = hypothesis.settings(suppress_health_check=list(hypothesis.HealthCheck))


def check(registry, request):
    method, path, query, headers, body, codes = request
    path = path.replace('{upload}', registry.upload)
    assert problem(*registry.ask(
        method, path, query, headers, body)) in codes


@_all
@hypothesis.given(request_=_PATHS)
def test_names_and_tags(registry, request_):
    check(registry, request_)


@_all
@hypothesis.given(request_=_DIGESTS)
def test_digests(registry, request_):
    check(registry, request_)


@_all
@hypothesis.given(request_=_HEADERS)
def test_ranges_and_lengths(registry, request_):
    check(registry, request_)


@_all
@hypothesis.given(request_=_CONTENTS)
def test_manifests(registry, request_):
    check(registry, request_)


_OPENED = b'{"schemaVersion": 2, "annotations": '


@pytest.mark.once
@pytest.mark.parametrize('chunks', [True, False])
@pytest.mark.parametrize('content', [
    lambda size: size * b' ', lambda size: size * b'[',
    lambda size: _OPENED + size * b'[', lambda size: size * b'{"a":',
    lambda size: size * b'9', lambda size: b'"' + size * b'x' + b'"',
    lambda size: _OPENED + b'{' + size // 8 * b'"a":"b",' + b'"a":"b"}}',
    lambda size: b'[' + size // 3 * b'{},' + b'{}]',
    lambda size: b'"' + size // 6 * b'\\ud800' + b'"'])
@pytest.mark.parametrize('size', [manifests.MAX_BYTES - 1000, 10 * _MIB])
def test_bombs(registry, content, size, chunks):
    headers = {'HTTP_TRANSFER_ENCODING': 'chunked', 'CONTENT_LENGTH': ''} if (
        chunks) else {}
    assert problem(*registry.ask(
        'PUT', '/v2/a/manifests/latest', '', headers, content(size))) == (
            'MANIFEST_INVALID')
