"""Writes one line into the log where a client has hung up.

Flask logs a traceback of what reading the body raises, and gunicorn one of
what writing the answer raises, both as errors; but nothing is wrong with the
registry.

Source: handle_request() in gunicorn/workers/async.py of gunicorn 19.1.1
"""

import errno
import logging
import socket

import flask
from gunicorn.http import errors

from .. import compat
from .. import per_process

_HUNG_UP = (errno.EPIPE, errno.ECONNRESET)

logger = logging.getLogger(__name__)


class Hangups(object):

    """Says once of each request that its client has hung up.

    :param toolkit: the module docker_registry.toolkit
    """

    def __init__(self, toolkit):
        self._toolkit = toolkit
        self._is_said = per_process.PerGreenlet(lambda: False)

    def install(self, app):
        """Have the application and gunicorn say so."""
        for kind in (errors.NoMoreData, errors.InvalidChunkSize,
                     errors.ChunkMissingTerminator):
            app.register_error_handler(kind, self._answer)
        logging.getLogger('gunicorn.error').addFilter(self)

    def begin(self):
        """Begin with another request."""
        self._is_said.set(False)

    def filter(self, record):
        """Make one line of gunicorn's traceback, or none after _answer().

        :param record: logging.LogRecord
        :returns: whether it is written
        """
        error = record.exc_info and record.exc_info[1]
        if not isinstance(error, socket.error) or error.errno not in _HUNG_UP:
            return True
        vars(record).update(
            exc_info=None, msg='a client has hung up: %s', args=(error,),
            levelno=logging.INFO, levelname='INFO')
        return not self._is_said.get()

    def _answer(self, error):
        """Answer a request whose body has ended too early."""
        self._is_said.set(True)
        logger.warning('%s %s: the client has hung up, or its body is broken: '
                       '%s', flask.request.method,
                       compat.native(flask.request.path), error)
        return self._toolkit.api_error('The body is incomplete', 400)
