"""Users and passwords from a file, as registry:2 has them.

The file is that of Apache's `htpasswd -B`: bcrypt and nothing else. One that
changes is read again. Knows nothing of HTTP.

Source: registry/auth/htpasswd in distribution 2.8.2
"""

import collections
import hashlib
import hmac
import io
import logging
import os
import re
import threading
import time

from ..objects import hashing

_HASH = re.compile(r'\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}\Z')
#: bcrypt takes no more into account, and some versions of it refuse more.
_MAX_BYTES = 72
#: A password that has been right is not reckoned again for so long.
_REMEMBER_SECONDS = 300
_REMEMBER_COUNT = 1000

logger = logging.getLogger(__name__)


class Htpasswd(object):

    """Tells whether a password is right.

    :param path: of the file
    :raises IOError: it cannot be read
    :raises ImportError: bcrypt is not installed
    :raises ValueError: something in it is not bcrypt, or nobody is in it
    """

    def __init__(self, path):
        # Not sooner: who has no passwords needs no bcrypt.
        import bcrypt
        self._bcrypt = bcrypt
        self._path = path
        self._lock = threading.Lock()
        self._signs = os.urandom(32)
        self._remembered = collections.OrderedDict()
        self._version = None
        self._users = {}
        self._no_user = bcrypt.hashpw(b'nobody', bcrypt.gensalt(10))
        self._read()

    def is_right(self, user, password):
        """Tell whether a user has this password.

        It takes as long for a user who is not there.

        :param user, password: text
        """
        self._read_again()
        user, password = _utf_8(user), _utf_8(password)[:_MAX_BYTES]
        expected = self._users.get(user)
        if b'\0' in password or expected is None:
            self._compare(b'', self._no_user)
            return False
        sign = hmac.new(self._signs, b'\0'.join([user, expected, password]),
                        hashlib.sha256).digest()
        if self._remembered.get(sign, 0) > time.time():
            return True
        if not self._compare(password, expected):
            return False
        with self._lock:
            self._remembered[sign] = time.time() + _REMEMBER_SECONDS
            while len(self._remembered) > _REMEMBER_COUNT:
                self._remembered.popitem(last=False)
        return True

    def _compare(self, password, expected):
        try:
            return hashing.beside(self._bcrypt.checkpw, password, expected)
        except ValueError:  # a salt that bcrypt does not take
            return False

    def _read(self):
        version = _version(self._path)
        users = {}
        with io.open(self._path, encoding='utf-8') as lines:
            for number, line in enumerate(lines, 1):
                line = line.strip()
                if not line or line.startswith('#'):
                    continue
                user, _, found = line.partition(':')
                if not user or not _HASH.match(found):
                    raise ValueError('line %d is not a user and a bcrypt '
                                     'hash, as `htpasswd -B` makes them'
                                     % number)
                users[_utf_8(user)] = found.encode('ascii')
        if not users:
            raise ValueError('nobody is in it')
        self._users, self._version = users, version

    def _read_again(self):
        try:
            if _version(self._path) != self._version:
                self._read()
        except (EnvironmentError, ValueError) as error:
            logger.error('%s: %s; going on with what was there before',
                         self._path, error)


def _version(path):
    found = os.stat(path)
    return found.st_mtime, found.st_size, found.st_ino


def _utf_8(text):
    return text if isinstance(text, bytes) else text.encode('utf-8')
