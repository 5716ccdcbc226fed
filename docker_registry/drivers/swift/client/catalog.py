"""Finds the URL of the account in what a login says, or in the settings."""

import collections
import re

from . import login_failures
from .. import compat
from .. import errors

#: A URL that ends so is completed with the account of the login's own URL.
_WITHOUT_ACCOUNT = ('', '/v1')


def account_url(settings, action, access):
    """Return the URL of the account, and which region was chosen.

    :param settings: Settings
    :param action: what is tried, for messages
    :param access: keystoneauth1's AccessInfo
    :returns: URL; a sentence that says which of several regions was taken,
        None where there are not several
    :raises errors.LoginError: there is none; the message says what there is
    """
    given = settings.object_storage_url
    if given and compat.urlsplit(given).path not in _WITHOUT_ACCOUNT:
        return given, None
    try:
        url, region_choice = _find_in_catalog(settings, action, access)
    except errors.LoginError:
        if not given or not compat.urlsplit(given).path:
            raise
        return given, None  # Ceph's RADOS Gateway may leave out the account
    if not given:
        return url, region_choice
    parts = compat.urlsplit(given)
    return ('%s://%s%s' % (parts.scheme, parts.netloc,
                           compat.urlsplit(url).path), region_choice)


def _find_in_catalog(settings, action, access):
    if settings.login == 'v1':
        return _checked(settings, action, access.service_catalog.url_for(
            service_type='object-store')), None
    keys = settings.named('swift_region_name', 'swift_endpoint_type')
    if settings.object_storage_url:
        keys.insert(0, 'swift_object_storage_url')
    region = settings.region_name
    if isinstance(region, bytes):
        region = region.decode('utf-8')  # as it is in the catalog
    with login_failures.explained(settings, action, keys):
        catalog = access.service_catalog
        stores = catalog.get_endpoint_data_list('object-store', interface=None)
        if not stores and not access.project_id:
            raise login_failures.refused(
                settings, action + ': the user has no default project, and '
                'none is set', settings.named('swift_tenant_name'))
        matching = [store for store in stores
                    if _interface(store) == settings.endpoint_type
                    and region in (None, store.region_name)]
        if not matching:
            raise login_failures.refused(
                settings, '%s: no object store with a URL for %s use%s in the '
                'catalog; there are: %s' % (
                    action, settings.endpoint_type,
                    ' in region ' + settings.region_name if region else '',
                    _listed(stores)), keys)
        found = matching[0]
        others = _regions(matching)[1:]
    url = _checked(settings, action, found.url)
    if not others:
        return url, None
    choice = ('region %s was taken, the first in the catalog; others are %s; '
              'see swift_region_name' % (_regions(matching)[0],
                                         ', '.join(others)))
    variable = settings.unset_variables.get('swift_region_name')
    return url, choice + (
        '; not set: $%s of swift_region_name' % variable if variable else '')


def _checked(settings, action, url):
    """Return the URL that a login has given, without slashes at its end."""
    if not re.match('https?://[^/]', url or '', re.IGNORECASE):
        raise login_failures.refused(
            settings, '%s: what came as the URL of the account is none: %s' % (
                action, compat.native(errors.without_credentials(url or ''))),
            ['swift_object_storage_url'])
    return url.rstrip('/')


def _regions(stores):
    """Return the names of regions, each once, in the order of the catalog."""
    return list(collections.OrderedDict.fromkeys(
        compat.native(store.region_name or '') for store in stores))


def _listed(stores):
    return '; '.join(
        '%s (%s)' % (region, ', '.join(
            _interface(store) for store in stores
            if compat.native(store.region_name or '') == region))
        for region in _regions(stores)) or 'none at all'


def _interface(store):
    return re.sub('URL$', '', store.interface or '')  # it is v2's word
