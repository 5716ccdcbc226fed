"""Keeps the clients of a gunicorn worker that is replaced.

Why is in the table of replaced.py. Knows gunicorn, and nothing of Swift.
"""

import importlib


def install():
    """Have a worker that ends answer the connections that it has accepted.

    It closes its listening socket first. Of that socket the handler of each
    connection asks the address, and fails where it begins only now: the client
    gets a reset. Here it asks its own connection, which has the address too.

    Source: GeventWorker.run() in gunicorn/workers/ggevent.py and
        AsyncWorker.handle() in gunicorn/workers/async.py of gunicorn 19.1.1
    """
    # "async" is a keyword of newer Pythons.
    workers = importlib.import_module('gunicorn.workers.async')
    handle = workers.AsyncWorker.handle

    def answer(worker, listener, connection, address):
        return handle(worker, connection, connection, address)
    workers.AsyncWorker.handle = answer
