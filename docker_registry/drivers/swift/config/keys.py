"""Lists the swift_* keys, and the names that other tools have for them.

Each key is a row: its name, what checks its value, its default. Pure: no I/O.
"""

import collections
import difflib
import re

from . import values

#: A key of the registry's configuration. parse checks a value, see values.py;
#: default counts where the key is not set; alias is another name for the same
#: key, or None. A secret may also stand in a file, which has a key of its own.
Key = collections.namedtuple('Key', 'name parse default alias is_secret')


def _key(name, parse=values.text, default=None, alias=None):
    return Key(name, parse, default, alias, False)


def _secret(name, parse=values.secret):
    return [Key(name, parse, None, None, True),
            _key(name + '_file', values.path)]


TABLE = (
    [_key('swift_authurl', values.auth_url),
     _key('swift_auth_version', values.auth_version, 'auto'),
     _key('swift_user'),
     _key('swift_user_id'),
     _key('swift_user_domain_name'),
     _key('swift_user_domain_id')]
    + _secret('swift_password') +
    [_key('swift_tenant_name', alias='swift_project_name'),
     _key('swift_tenant_id', alias='swift_project_id'),
     _key('swift_project_domain_name'),
     _key('swift_project_domain_id'),
     _key('swift_trust_id'),
     _key('swift_application_credential_id'),
     _key('swift_application_credential_name')]
    + _secret('swift_application_credential_secret')
    + _secret('swift_auth_token', values.token) +
    [_key('swift_service_user')]
    + _secret('swift_service_password') +
    [_key('swift_service_project_name'),
     _key('swift_service_user_domain_name'),
     _key('swift_service_user_domain_id'),
     _key('swift_service_project_domain_name'),
     _key('swift_service_project_domain_id'),
     _key('swift_region_name'),
     _key('swift_endpoint_type', values.endpoint_type, 'public'),
     _key('swift_object_storage_url', values.storage_url),
     _key('swift_cacert', values.path),
     _key('swift_cert', values.path),
     _key('swift_key', values.path),
     _key('swift_insecure', values.boolean, False),
     _key('swift_container', values.container, 'dev_container'),
     _key('swift_create_container', values.boolean, True),
     _key('swift_segment_size', values.integer(1, 5 * 1024 ** 3),
          16 * 1024 ** 2),
     _key('swift_upload_concurrency', values.integer(1, 64), 6),
     _key('swift_download_concurrency', values.integer(1, 64), 6),
     _key('swift_buffer_directory', values.path),
     _key('swift_connections', values.integer(1, 1000), 32),
     _key('swift_timeout', values.integer(1, 3600), 60),
     _key('swift_connect_timeout', values.seconds(0.1, 3600), 5),
     _key('swift_retries', values.integer(0, 10), 3),
     _key('swift_retry_delay', values.seconds(0, 60), 0.2)]
    + _secret('swift_temp_url_key') +
    [_key('swift_temp_url_ttl', values.integer(1, 7 * 86400), 1200),
     _key('swift_public_url', values.public_url),
     _key('swift_public_container', values.boolean, False)]
)

#: Names that other tools have for a key, without underscores and a leading
#: OS_: registry:2's, those of Rackspace's clients and of openrc files.
_ELSEWHERE = {
    'apikey': 'swift_password', 'authaddress': 'swift_authurl',
    'authversion': 'swift_auth_version',
    'identityapiversion': 'swift_auth_version',
    'username': 'swift_user', 'userid': 'swift_user_id',
    'tenant': 'swift_tenant_name', 'tenantname': 'swift_tenant_name',
    'tenantid': 'swift_tenant_id',
    'project': 'swift_project_name', 'projectname': 'swift_project_name',
    'projectid': 'swift_project_id',
    'domain': 'swift_user_domain_name', 'domainname': 'swift_user_domain_name',
    'domainid': 'swift_user_domain_id', 'userdomain': 'swift_user_domain_name',
    'tenantdomain': 'swift_project_domain_name',
    'tenantdomainid': 'swift_project_domain_id',
    'projectdomain': 'swift_project_domain_name',
    'trustid': 'swift_trust_id', 'region': 'swift_region_name',
    'endpointtype': 'swift_endpoint_type', 'interface': 'swift_endpoint_type',
    'insecureskipverify': 'swift_insecure', 'chunksize': 'swift_segment_size',
    'secretkey': 'swift_temp_url_key', 'tempurlkey': 'swift_temp_url_key',
    'storageurl': 'swift_object_storage_url', 'token': 'swift_auth_token',
    'containername': 'swift_container', 'prefix': 'storage_path',
    'rootdirectory': 'storage_path', 'cacertfile': 'swift_cacert',
    'storagepath': 'storage_path', 'bucket': 'swift_container',
    'auth': 'swift_authurl', 'stauth': 'swift_authurl',
    'stuser': 'swift_user', 'stkey': 'swift_password',
    'authkey': 'swift_password', 'userkey': 'swift_password',
    'pass': 'swift_password', 'verify': 'swift_insecure',
    'skipverify': 'swift_insecure',
    'maxretries': 'swift_retries', 'concurrency': 'swift_upload_concurrency',
    'defaultdomain': 'swift_user_domain_name',
    'defaultdomainname': 'swift_user_domain_name',
    'defaultdomainid': 'swift_user_domain_id',
}


def names():
    """Return the names of all keys, aliases among them, as a list."""
    return [name for key in TABLE for name in (key.name, key.alias) if name]


def meant_by(name):
    """Return which key was likely meant by a name that is not one of them.

    :returns: the key's name; '' where nothing is close
    """
    own = name[len('swift_'):].lower()
    short = re.sub('^os', '', own.replace('_', ''))
    # Without what all have: it makes any two look close.
    return _ELSEWHERE.get(short) or ''.join(
        'swift_' + near for near in difflib.get_close_matches(
            own, [each[len('swift_'):] for each in names()], 1, 0.8))
