"""Proxies of the environment."""

import forward_proxy
import pytest

from stack.servers import secrets

#: Nothing listens on the discard port.
_DEAD = 'http://me:%s@127.0.0.1:9' % secrets.of('proxy')


def _address(doors, door):
    return doors.url(door).split('//')[1]


def test_http_proxy(settings, works, cast, doors):
    with forward_proxy.ForwardProxy() as proxy:
        works(settings, cast.project, variables={'HTTP_PROXY': proxy.url})
        asked = set(proxy.asked)
    assert 'POST ' + _address(doors, 'keystone') in asked
    assert 'PUT ' + _address(doors, 'public') in asked


def test_https_proxy(settings, works, cast, doors):
    secure = dict(settings, swift_authurl=doors.url('keystone-tls') + '/v3',
                  swift_region_name='tls', swift_cacert=doors.ca_file)
    with forward_proxy.ForwardProxy() as proxy:
        works(secure, cast.project, 'swift-tls',
              variables={'HTTPS_PROXY': proxy.url})
        asked = set(proxy.asked)
    assert asked == {'CONNECT ' + _address(doors, 'keystone-tls'),
                     'CONNECT ' + _address(doors, 'swift-tls')}


def test_no_proxy(settings, works, fails, cast):
    nowhere = {'HTTP_PROXY': 'http://127.0.0.1:9'}
    fails(settings, 'UnreachableError', variables=nowhere)
    works(settings, cast.project,
          variables=dict(nowhere, NO_PROXY='localhost'))


@pytest.mark.parametrize('variable', ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY'])
def test_proxy_that_is_away_is_named(settings, fails, variable):
    fails(settings, 'UnreachableError', 'login at %s through the proxy '
          'http://127.0.0.1:9 (%s): no answer' % (
              settings['swift_authurl'], variable),
          variables={variable: _DEAD})


@pytest.mark.parametrize('variable', ['HTTPS_PROXY', 'all_proxy'])
def test_proxy_of_tls_that_is_away_is_named(settings, fails, doors, variable):
    fails(dict(settings, swift_authurl=doors.url('keystone-tls') + '/v3',
               swift_cacert=doors.ca_file), 'UnreachableError',
          ' through the proxy http://127.0.0.1:9 (%s): no answer' % variable,
          variables={variable: _DEAD})


def test_proxy_before_swift_alone_is_named(settings, fails, doors, identity):
    message = fails(
        dict(settings, swift_authurl=identity.url), 'UnreachableError',
        ' at %s through the proxy http://127.0.0.1:9 (HTTP_PROXY): no answer'
        % _address(doors, 'public'),
        variables={'HTTP_PROXY': _DEAD, 'NO_PROXY': '127.0.0.1'})
    assert message.startswith('UnreachableError: HEAD registry/a')


@pytest.mark.parametrize('status', [407, 403, 502])
def test_proxy_that_refuses_is_named(settings, fails, identity, status):
    with forward_proxy.ForwardProxy(refuses_with=status) as proxy:
        variables = {'HTTP_PROXY': proxy.url.replace(
            '//', '//me:%s@' % secrets.of('proxy'))}
        via = ' through the proxy %s (HTTP_PROXY)' % proxy.url
        for version in (3, 2):
            fails(dict(settings, swift_auth_version=version), '', via,
                  variables=variables)
        message = fails(
            dict(settings, swift_authurl=identity.url), '', via,
            variables=dict(variables, NO_PROXY='127.0.0.1'))
        assert 'HEAD registry/a' in message
        assert 'status %d' % status in message


def test_proxy_that_breaks_off_is_named(settings, call_driver):
    path = 'images/broken/layer'
    with forward_proxy.ForwardProxy(breaks_off=path) as proxy:
        message = call_driver('registry', settings, [
            ['stream_write', path, 'x' * 1000], ['stream_read', path]],
            {'HTTP_PROXY': proxy.url})[1]
    assert ' through the proxy %s (HTTP_PROXY), after 1 of 1000 bytes' % (
        proxy.url) in message
