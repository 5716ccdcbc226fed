"""A real OpenStack Swift cluster on loopback."""

import contextlib
import getpass
import json
import os
import subprocess
import urllib.error
import urllib.request
import uuid

from . import processes
from . import swift_logins
from .. import environments

_SCRIPT = os.path.join(os.path.dirname(__file__), 'inside',
                       'swift_process.py')

_SWIFT_CONF = '''
[swift-hash]
swift_hash_path_suffix = stack
[storage-policy:0]
name = default
default = yes
[swift-constraints]
%(constraints)s
'''

_SERVER_CONF = '''
[DEFAULT]
bind_ip = %(host)s
bind_port = %(port)d
workers = 0
user = %(user)s
swift_dir = %(directory)s
'''

_PROXY_CONF = _SERVER_CONF + '''\
log_level = INFO
[pipeline:main]
pipeline = %(pipeline)s
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:proxy-logging]
use = egg:swift#proxy_logging
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:cache]
%(cache)s
[filter:bulk]
use = egg:swift#bulk
[filter:tempurl]
use = egg:swift#tempurl
%(login)s
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
[filter:symlink]
use = egg:swift#symlink
'''

_PIPELINE = ('catch_errors gatekeeper healthcheck proxy-logging '
             'listing_formats cache bulk tempurl %s copy slo dlo '
             'versioned_writes symlink proxy-logging proxy-server')

_MEMORY_CACHE = 'paste.filter_factory = memory_cache:filter_factory'
_MEMCACHED = '''\
use = egg:swift#memcache
memcache_servers = %s:%d
'''

_STORAGE_CONF = _SERVER_CONF + '''\
devices = %(devices)s
mount_check = false
disable_fallocate = true
log_level = WARNING
[pipeline:main]
pipeline = %(service)s-server
[app:%(service)s-server]
use = egg:swift#%(service)s
# Their level is INFO.
log_requests = false
# A listing is to lag behind where a test makes it, not where the machine is
# busy.
container_update_timeout = 20
# What these repair with needs no rsync.
[object-replicator]
sync_method = ssync
[object-updater]
[container-replicator]
'''

#: What a cluster runs all the time to repair itself, in this order: object
#: servers tell container servers what those have missed, replicas are made
#: equal. Here catch_up() runs each once.
_DAEMONS = (('object', 'updater'), ('container', 'replicator'),
            ('object', 'replicator'))


class Swift:

    """Proxies, and one to three storage nodes with a device each.

    :param directory: where its configuration, data and logs go; on a file
        system with user xattrs
    :param nodes: number of storage nodes
    :param constraints: [swift-constraints] of swift.conf, such as
        {'max_file_size': 16777216}
    :param keystone: Keystone that says who users are; None for tempauth
    :param proxies: number of proxies
    :param memcached_port: port of the memcached that the proxies share; None
        for a cache inside the proxy, which must be the only one then
    """

    def __init__(self, directory, nodes=1, constraints=None,
                 keystone=None, proxies=1, memcached_port=None):
        self._directory = directory
        self._nodes = nodes
        self._constraints = constraints or {}
        self._keystone = keystone
        self._login = (swift_logins.KeystoneLogin(keystone) if keystone
                       else swift_logins.Tempauth())
        self._cache = (_MEMORY_CACHE if memcached_port is None else
                       _MEMCACHED % (processes.HOST, memcached_port))
        self.python = environments.build(self._login.environment)
        self.proxies = [None] * proxies
        #: One dict a node: service name -> Server.
        self.storage = []

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exception):
        self.stop()

    @property
    def proxy(self):
        """The first proxy, which is asked directly."""
        return self.proxies[0]

    @property
    def url(self):
        return 'http://%s:%d' % (processes.HOST, self.proxy.port)

    @property
    def auth_url(self):
        return (self._keystone.url if self._keystone
                else self.url + '/auth/v1.0')

    @property
    def account(self):
        return self._login.account

    def start(self):
        """Configure and start every server; return when all answer."""
        os.makedirs(self._directory)
        self._write('swift.conf', _SWIFT_CONF % {'constraints': '\n'.join(
            '%s = %s' % item for item in self._constraints.items())})
        devices = [self._add_node(number) for number in range(self._nodes)]
        subprocess.check_call(
            [self.python, _SCRIPT, 'rings', self._directory,
             json.dumps(devices), str(min(3, self._nodes))])
        self._add_proxies()
        processes.start_all(self._servers())
        if self._keystone:
            self._keystone.api.add_object_store(
                self._keystone.region, self.url + '/v1/AUTH_%(tenant_id)s')

    def stop(self):
        """Stop every server."""
        processes.stop_all(self._servers())

    def settings(self, **others):
        """Return the registry configuration for this cluster, as a dict."""
        login = self._login.settings(self.auth_url)
        return dict(login, **dict({'swift_container': 'registry'}, **others))

    def token(self, user=None):
        """Log in and return a token.

        :param user: who, as the cluster's login knows them; None for the
            registry's user
        """
        return self._login.token(self.auth_url, user)

    def request(self, method, path, headers=None, user=None):
        """Ask the proxy directly, past the driver.

        :param path: below the account, such as "registry?format=json"
        :returns: (headers, body)
        """
        request = urllib.request.Request(
            '%s/v1/%s/%s' % (self.url, self.account, path), method=method,
            headers=dict(headers or {}, **{'X-Auth-Token': self.token(user)}))
        with urllib.request.urlopen(request) as answer:
            return answer.headers, answer.read()

    def logged(self, since=0):
        """Return what the proxy has logged of all requests answered so far.

        :param since: size of its log at which to start
        """
        # Its lines are in the order of the answers' ends. This one is last.
        last = 'nothing-%s' % uuid.uuid4().hex
        with contextlib.suppress(urllib.error.HTTPError):
            self.request('HEAD', last)

        def text():
            with open(self.proxy.log, errors='replace') as log:
                log.seek(since)
                found = log.read().split(last)
            return found[0] if len(found) > 1 else None
        return processes.until(text)

    def list(self, container='registry'):
        """Return the container's object names, as `swift list` prints them."""
        return self.request('GET', container)[1].decode('utf-8').splitlines()

    def add_names(self, container, prefix, count):
        """Add names to a container's listing that have no object."""
        subprocess.check_call(
            [self.python, _SCRIPT, 'names', self._directory, self.account,
             container, prefix, str(count)])

    def services(self, service):
        """Return a service's servers, one a node.

        :param service: 'account', 'container' or 'object'
        """
        return [node[service] for node in self.storage]

    def catch_up(self):
        """Have the cluster repair itself: listings, then replicas.

        :raises processes.ServerError: a daemon fails
        """
        steps = [('%s-%s' % (service, daemon), [
            self._config_file('node%d-%s' % (number + 1, service))
            for number in range(self._nodes)]) for service, daemon in _DAEMONS]
        failed = subprocess.run(
            [self.python, _SCRIPT, 'daemons', json.dumps(steps)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if failed.returncode:
            raise processes.ServerError('Swift %s' % failed.stderr)

    def _servers(self):
        servers = [server for node in self.storage
                   for server in node.values()]
        return servers + [proxy for proxy in self.proxies if proxy]

    def _add_node(self, number):
        name = 'node%d' % (number + 1)
        os.makedirs(os.path.join(self._directory, name, 'device'))
        device = {'ip': processes.HOST, 'device': 'device'}
        servers = {}
        for service in ('account', 'container', 'object'):
            device[service] = processes.free_port()
            servers[service] = self._server(
                service, '%s-%s' % (name, service), device[service],
                _STORAGE_CONF,
                devices=os.path.join(self._directory, name))
        self.storage.append(servers)
        return device

    def _add_proxies(self):
        login = self._login.configuration()  # the same keys in all
        self.proxies = [self._server(
            'proxy', 'proxy%d' % (number + 1), processes.free_port(),
            _PROXY_CONF, cache=self._cache, login=login,
            pipeline=_PIPELINE % self._login.middleware)
            for number in range(len(self.proxies))]

    def _server(self, service, name, port, template, **values):
        config_file = self._write(name + '.conf', template % dict(
            values, service=service, port=port, host=processes.HOST,
            user=getpass.getuser(), directory=self._directory))
        return processes.Server(
            'Swift ' + name, [self.python, _SCRIPT, service, config_file],
            port, os.path.join(self._directory, name + '.log'))

    def _config_file(self, name):
        return os.path.join(self._directory, name + '.conf')

    def _write(self, name, text):
        path = os.path.join(self._directory, name)
        with open(path, 'w') as config_file:
            config_file.write(text)
        return path
