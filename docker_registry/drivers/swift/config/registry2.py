"""Reads a configuration file of registry:2 as if it were the registry's own.

Its environment variables count, too. What cannot be done here is named: it
stops the start where clients would get less protection, or another registry,
than the file says, and is a note elsewhere. Pure: no I/O.

Source: configuration/configuration.go, configuration/parser.go and
    registry/storage/driver/swift/swift.go of distribution 2.8.2;
    https://distribution.github.io/distribution/about/configuration/
"""

import collections
import math
import re

import yaml

from . import values
from .. import compat
from .. import errors

_VARIABLE = 'REGISTRY_'
_GO_LEVELS = {'error': 'error', 'warn': 'warning', 'info': 'info',
              'debug': 'debug'}
_TLS_VERSIONS = {'tls1.0': 'TLSv1', 'tls1.1': 'TLSv1_1', 'tls1.2': 'TLSv1_2',
                 'tls1.3': 'TLSv1_3'}
#: A name that a header of HTTP can have. Source: RFC 9110, section 5.6.2
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_STORAGES = ('azure', 'filesystem', 'gcs', 'inmemory', 'oss', 's3', 's3aws')

#: How to listen, None where the file does not say. host: text; port: int;
#: prefix: path below which everything is; headers: pairs of name and value
#: for every answer; certificate, key: paths; client_cas: paths; minimum_tls: a
#: name of ssl.TLSVersion; grace_seconds: for requests in flight, an int;
#: logs_access: whether each request is logged.
Http = collections.namedtuple(
    'Http', 'host port prefix headers certificate key client_cas minimum_tls '
    'grace_seconds logs_access')


def defaults():
    """Return the Http of a file that says nothing of it."""
    return Http(None, None, '', [], None, None, [], 'TLSv1_2', None, True)


def is_one(document):
    """Tell whether a parsed YAML file is one of registry:2.

    :param document: what the file has. In the registry's own file each key is
        the name of a flavor, which is a mapping.
    """
    return isinstance(document, dict) and not isinstance(
        document.get('version', {}), dict)


class Registry2(object):

    """A configuration of registry:2, with the registry's keys as attributes.

    None where a key is not set, as for flavor.Flavor.

    :param document: what the file has, a dict
    :param environment: environment variables, a dict
    :raises errors.ConfigError: names everything that cannot be
    :ivar http: Http
    :ivar notes: list of sentences: what is not done here
    :ivar spelling: dict from the registry's keys to those of the file
    """

    def __init__(self, document, environment):
        self._problems = []
        self.notes = []
        self._found = {}
        # A copy: lists and mappings of the file are changed.
        document = _overridden(document, environment, self.notes)
        if str(document.get('version')) != '0.1':
            self._problems.append('version: not 0.1')
        self._read(document, ())
        auth = document.get('auth')
        if auth and list(auth) != ['htpasswd']:
            self._problems.append('auth: %s: there is no such way to log in '
                                  'here; there is htpasswd' % ', '.join(
                                      str(kind) for kind in auth))
        elif auth:
            self._problems += [
                'auth: htpasswd: %s: missing' % name for name, key in (
                    ('realm', 'realm'), ('path', 'htpasswd'))
                if not self._found.get(key)]
        if 'swift' not in (document.get('storage') or ()):
            self._problems.append('storage: not swift')
        found, get = self._found, self._found.get
        certificate = get('certificate')
        if get('key') and not certificate:
            self._problems.append('http: tls: certificate: missing, that of '
                                  'its key')
        if not certificate and get('letsencrypt'):
            self._problems.append('http: tls: letsencrypt: there is none '
                                  'here; see http: tls: certificate')
        if self._problems:
            raise errors.ConfigError(
                'the configuration of registry:2 cannot be served:\n'
                + '\n'.join('  ' + problem for problem in self._problems))
        host, port = get('addr', (None, None))
        self.http = Http(
            host, port, get('http_prefix', ''), get('headers', []),
            certificate, get('key'), get('client_cas', []),
            get('minimum_tls', 'TLSv1_2'), get('grace_seconds') or None,
            not get('no_access_log'))
        self._has_users = bool(auth)
        self._config = dict(
            {key: value for key, value in found.items()
             if key.startswith('swift_')},
            storage='swift', storage_path=found.get('prefix', ''),
            storage_redirect=not found.get('no_redirect'), standalone=True,
            loglevel=found.get('level'), extensions=self._extensions())
        self.spelling = {name: ': '.join(path) for path, (name, _)
                         in _TAKEN.items() if name.startswith('swift_')}
        self.spelling['storage_path'] = 'storage: swift: prefix'

    def keys(self):
        """Return the registry's keys that are set, a list."""
        return list(self._config)

    def __getattr__(self, key):
        return self._config.get(key)

    def _extensions(self):
        get = self._found.get
        v2 = {'enabled': True, 'readonly': {'enabled': get('readonly', False)},
              'delete': {'enabled': get('delete', False)}}
        if self._has_users:
            v2['auth'] = {'htpasswd': {'realm': get('realm'),
                                       'path': get('htpasswd')}}
        health = {}
        if get('health'):
            health = {'enforce': True, 'interval': get('interval', 10),
                      'threshold': get('threshold') or 1}
        return {'swift_v2': v2, 'swift_health': health}

    def _read(self, node, path):
        """Take what stands at a path, or look further down."""
        where = ': '.join(path)
        if path in _TAKEN:
            self._take(path, where, node)
        elif node in (None, '', [], {}, False):
            pass  # as if it were not there
        elif path in _REFUSED:
            self._problems.append('%s: %s' % (where, _REFUSED[path]))
        elif path in _NOTED:
            self.notes.append('%s: %s' % (where, _NOTED[path]))
        elif path not in _INNER:
            self.notes.append('%s: not understood, and left out' % where)
        elif isinstance(node, dict):
            for key in sorted(node, key=str):
                self._read(node[key], path + (str(key).lower(),))
        else:
            self._problems.append('%s: not a mapping of keys to values'
                                  % where)

    def _take(self, path, where, node):
        name, parse = _TAKEN[path]
        if node in (None, ''):
            return
        try:
            self._found[name] = parse(node)
        except ValueError as error:
            self._problems.append('%s: %s' % (where, error))


def _overridden(document, environment, notes):
    """Return the document with what environment variables say.

    REGISTRY_A_B is a: b; shorter names come first, as they do there.
    """
    document = dict(document)
    for variable in sorted(environment):
        if not variable.startswith(_VARIABLE):
            continue
        names = variable[len(_VARIABLE):].lower().split('_')
        if names[0] not in _SECTIONS:
            # Kubernetes makes such, of a service that is called registry.
            notes.append('$%s: not understood, and left out' % variable)
            continue
        try:
            value = yaml.safe_load(environment[variable])
        except yaml.YAMLError:  # whose text has the value
            raise errors.ConfigError('$%s is not YAML; put it in quotes'
                                     % variable)
        if not _set(document, names, value):
            notes.append('$%s: reaches into a list, and is left out, as '
                         'registry:2 does' % variable)
    for section in ('storage', 'auth'):
        if isinstance(document.get(section), compat.TEXT_TYPES):
            document[section] = {document[section]: {}}
    return document


def _set(node, names, value):
    """Set what a variable says; return whether it could be."""
    for name in names[:-1]:
        name = _key(node, name)
        below = node.get(name)
        if isinstance(below, list):
            return False
        if not isinstance(below, dict):
            # `auth: htpasswd` is the kind alone.
            below = {below: {}} if below else {}
        node[name] = dict(below)
        node = node[name]
    node[_key(node, names[-1])] = value
    return True


def _key(node, name):
    """Return the key of a mapping that has a name, whatever its case."""
    return next((key for key in node if str(key).lower() == name), name)


def _address(value):
    match = re.match(r'(.*):(\d{1,5})\Z', values.text(value))
    if not match or not 1 <= int(match.group(2)) <= 65535:
        raise ValueError('not an address such as :5000 or 127.0.0.1:5000')
    return match.group(1).strip('[]') or None, int(match.group(2))


def _headers(value):
    if not isinstance(value, dict):
        raise ValueError('not a mapping of names to lists of values')
    found = []
    for name, each in sorted(value.items(), key=str):
        if not _HEADER.match(values.text(name)):
            raise ValueError('no name of a header: ' + values.quoted(name))
        for one in each if isinstance(each, list) else [each]:
            found.append((values.text(name), values.secret(one)))
    return found


def _paths(value):
    return [values.path(each) for each in (
        value if isinstance(value, list) else [value])]


def _choice(known):
    def parse(value):
        try:
            return known[str(value).lower()]
        except KeyError:
            raise ValueError('not one of ' + ', '.join(sorted(known)))
    return parse


def _prefix(value):
    # It leaves out all slashes that a name begins with.
    value = values.text(value).lstrip('/')
    if value.endswith('/'):
        raise ValueError('ends in a slash, which registry:2 doubles in the '
                         'names of objects; there is none of that here')
    return value


def _exactly(expected, reason):
    def parse(value):
        if str(value).lower() != expected:
            raise ValueError(reason)
    return parse


def _given(value):
    return value


def _go_duration(least, most):
    """Return what parses a duration of Go: a number alone is nanoseconds."""
    parse = values.duration(least, most)

    def parse_go(value):
        if isinstance(value, compat.INTEGER_TYPES):
            value = value / 1e9
        return parse(value)
    return parse_go


def _whole_seconds(value):
    # gunicorn takes no others.
    return int(math.ceil(_go_duration(0, 86400)(value)))


def _row(path, name, parse):
    return tuple(path.split(': ')), (name, parse)


#: Path in the file -> what it is called here, and what checks its value.
#: Values of swift_* keys are checked as those of the registry's own file.
_TAKEN = dict(
    [_row('storage: swift: ' + key, name, _given) for key, name in (
        ('username', 'swift_user'), ('password', 'swift_password'),
        ('authurl', 'swift_authurl'), ('authversion', 'swift_auth_version'),
        ('tenant', 'swift_tenant_name'), ('tenantid', 'swift_tenant_id'),
        ('domain', 'swift_user_domain_name'),
        ('domainid', 'swift_user_domain_id'),
        ('tenantdomain', 'swift_project_domain_name'),
        ('tenantdomainid', 'swift_project_domain_id'),
        ('trustid', 'swift_trust_id'), ('region', 'swift_region_name'),
        ('container', 'swift_container'),
        ('endpointtype', 'swift_endpoint_type'),
        ('insecureskipverify', 'swift_insecure'),
        ('chunksize', 'swift_segment_size'))]
    + [_row(*row) for row in (
        ('version', 'version', _given),
        ('log: level', 'level', _choice(_GO_LEVELS)),
        ('loglevel', 'level', _choice(_GO_LEVELS)),
        ('log: accesslog: disabled', 'no_access_log', values.boolean),
        ('storage: swift: prefix', 'prefix', _prefix),
        ('storage: delete: enabled', 'delete', values.boolean),
        ('storage: redirect: disable', 'no_redirect', values.boolean),
        ('storage: maintenance: readonly: enabled', 'readonly',
         values.boolean),
        ('auth: htpasswd: realm', 'realm', values.text),
        ('auth: htpasswd: path', 'htpasswd', values.path),
        ('http: addr', 'addr', _address),
        ('http: net', 'net', _exactly('tcp', 'not tcp, which is all there is '
                                      'here')),
        ('http: prefix', 'http_prefix',
         lambda value: values.text(value).strip('/')),
        ('http: draintimeout', 'grace_seconds', _whole_seconds),
        ('http: headers', 'headers', _headers),
        ('http: tls: certificate', 'certificate', values.path),
        ('http: tls: key', 'key', values.path),
        ('http: tls: clientcas', 'client_cas', _paths),
        ('http: tls: minimumtls', 'minimum_tls', _choice(_TLS_VERSIONS)),
        ('http: tls: letsencrypt', 'letsencrypt', _given),
        ('health: storagedriver: enabled', 'health', values.boolean),
        ('health: storagedriver: interval', 'interval',
         _go_duration(0.1, 3600)),
        ('health: storagedriver: threshold', 'threshold',
         values.integer(0, 1000)))])


def _rows(sentences):
    return {tuple(path.split(': ')): sentence
            for sentence, paths in sentences.items() for path in paths}


#: Path -> why nothing is served with it.
_REFUSED = _rows({
    'this registry is no mirror of another': ['proxy: remoteurl'],
    'there is no storage here but swift': [
        'storage: ' + kind for kind in _STORAGES],
})
#: Path -> what an operator may want to know.
_NOTED = _rows({
    'left out, as registry:2 does; `prefix` is what names begin with': [
        'storage: swift: rootdirectory'],
    'not needed here': [
        'http: secret', 'http: host', 'http: relativeurls', 'redis',
        'storage: cache', 'storage: swift: tempurlcontainerkey',
        'storage: swift: tempurlmethods', 'storage: tag'],
    'the key of the container counts, where registry:2 has put it': [
        'storage: swift: secretkey'],
    'clients of HP Cloud are not redirected': ['storage: swift: accesskey'],
    'uploads that were given up are removed by docker-registry-swift gc '
    'alone': ['storage: maintenance: uploadpurging'],
    'the versions of TLS have their own': ['http: tls: ciphersuites'],
    'health is at /_health and metrics are at /_metrics, of the same address':
        ['http: debug'],
    'HTTP/1.1 is all there is': ['http: http2'],
    'nothing but the storage is checked': [
        'health: file', 'health: http', 'health: tcp'],
    'a list has at most 1000 names': ['catalog'],
    'nobody is notified': ['notifications'],
    'there is no schema 1': ['compatibility'],
    'not done here': ['log: fields', 'log: formatter', 'log: hooks',
                      'middleware', 'policy', 'reporting', 'validation',
                      'proxy: username', 'proxy: password', 'proxy: ttl'],
})
#: Paths of what is above those.
_INNER = {path[:length] for table in (_TAKEN, _REFUSED, _NOTED)
          for path in table for length in range(len(path))}
_SECTIONS = {path[0] for path in _INNER if path} | {
    path[0] for table in (_TAKEN, _NOTED) for path in table}
