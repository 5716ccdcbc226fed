"""Keeps the clients of a gunicorn worker that is replaced.

Why is in the table of replaced.py. Knows gunicorn, and nothing of Swift.

Source: GeventWorker.run() in gunicorn/workers/ggevent.py and
    AsyncWorker.handle() in gunicorn/workers/async.py of gunicorn 19.1.1;
    gevent/baseserver.py and gevent/server.py of gevent 1.5.0
"""

from gunicorn.workers import ggevent


def install():
    """Have a worker that ends answer the connections that it has accepted.

    It closes its listening socket first. Of that socket the handler of each
    connection asks the address, and fails where it begins only now: the client
    gets a reset. Here it asks its own connection, whose address is the one
    that the client has used.
    """
    handle = ggevent.AsyncWorker.handle

    def answer(worker, listener, connection, address):
        return handle(worker, connection, connection, address)
    ggevent.AsyncWorker.handle = answer
    ggevent.StreamServer = _Server


class _Server(ggevent.StreamServer):

    """gevent's server, which forgets its handler as soon as it is closed.

    With TLS it looks for the handler when the handshake is over.
    """

    def close(self):
        handle = self.handle
        super(_Server, self).close()
        self.handle = handle
