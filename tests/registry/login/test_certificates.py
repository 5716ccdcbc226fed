"""TLS to Keystone and Swift."""

import pytest

from stack.clients import v1client


@pytest.mark.parametrize('door, region', [
    ('keystone-tls', 'doors'), ('keystone', 'tls'), ('keystone-tls', 'tls'),
], ids=['Keystone', 'Swift', 'both'])
def test_certificate_of_an_unknown_authority(settings, works, fails, cast,
                                             doors, door, region):
    secure = dict(settings, swift_authurl=doors.url(door) + '/v3',
                  swift_region_name=region)
    swift_door = 'swift-tls' if region == 'tls' else 'public'
    message = fails(secure, 'UnreachableError', 'swift_cacert')
    assert 'certificate verify failed' in message.lower()
    works(dict(secure, swift_cacert=doors.ca_file), cast.project, swift_door)
    works(dict(secure, swift_insecure=True), cast.project, swift_door)


@pytest.mark.parametrize('door, region', [
    ('keystone-certificates', 'doors'), ('keystone', 'certificates')],
    ids=['Keystone', 'Swift'])
def test_certificate_demanded_of_the_client(settings, works, fails, cast,
                                            doors, tmp_path, door, region):
    secure = dict(settings, swift_authurl=doors.url(door) + '/v3',
                  swift_region_name=region, swift_cacert=doors.ca_file)
    swift_door = ('swift-certificates' if region == 'certificates'
                  else 'public')
    fails(secure, 'UnreachableError', 'swift_cert')
    works(dict(secure, swift_cert=doors.client_file,
               swift_key=doors.client_key_file), cast.project, swift_door)
    both = tmp_path / 'both.pem'
    both.write_text(''.join(open(path).read() for path in (
        doors.client_file, doors.client_key_file)))
    works(dict(secure, swift_cert=str(both)), cast.project, swift_door)


def test_registry_over_tls(settings, start_registry, doors):
    client = v1client.V1Client(start_registry(dict(
        settings, swift_authurl=doors.url('keystone-certificates') + '/v3',
        swift_region_name='certificates', swift_cacert=doors.ca_file,
        swift_cert=doors.client_file, swift_key=doors.client_key_file,
        swift_segment_size=65536)).port)
    image = v1client.make_image(layer_bytes=300000)
    client.push('library/secure', [image])
    assert client.pull('library/secure') == [image]
