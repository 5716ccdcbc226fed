"""Run by the Swift environment's Python: serves Keystone.

    python keystone_process.py CONFIG_FILE PORT
"""

import socketserver
import sys
from wsgiref import simple_server


class ThreadingServer(socketserver.ThreadingMixIn, simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 128


if __name__ == '__main__':
    config_file, port = sys.argv[1:]
    # Keystone reads the command line when it is imported.
    sys.argv = ['keystone', '--config-file', config_file]
    from keystone.server import wsgi
    application = wsgi.initialize_public_application()
    simple_server.make_server('127.0.0.1', int(port), application,
                              ThreadingServer).serve_forever()
