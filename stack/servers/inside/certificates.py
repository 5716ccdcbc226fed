"""Run by the Swift environment's Python: makes an authority of its own.

    python certificates.py DIRECTORY

Writes ca.pem, its certificate; server.pem, the certificate for localhost with
its key; client.pem and client-key.pem, those of a client.
"""

import os
import sys

import trustme


def write_all(directory):
    """Make the authority and what it signs; its own key is not kept."""
    authority = trustme.CA()
    server = authority.issue_cert('localhost', '127.0.0.1')
    client = authority.issue_cert('registry')

    def path(name):
        return os.path.join(directory, name)
    authority.cert_pem.write_to_path(path('ca.pem'))
    server.private_key_and_cert_chain_pem.write_to_path(path('server.pem'))
    client.cert_chain_pems[0].write_to_path(path('client.pem'))
    client.private_key_pem.write_to_path(path('client-key.pem'))


if __name__ == '__main__':
    write_all(sys.argv[1])
