"""Passwords and keys that the stack gives out, made so that each can be found.

Whatever one of them turns up in, be it a log, a message or an answer, has
leaked it: no other text looks like them.
"""

import hashlib
import re

#: What all of them begin with, whichever process made them.
PREFIX = 'Xq7ZstackW'
#: Tokens, which the servers make: Keystone's, and tempauth's with and
#: without compression.
TOKEN = re.compile(r'gAAAAA[\w-]{40,}|AUTH_z?f?tk\w+')

_given = set()


def of(owner):
    """Return the secret of an owner, the same in every process.

    :param owner: whose it is, such as a user's name
    """
    secret = PREFIX + hashlib.sha256(owner.encode()).hexdigest()[:40]
    _given.add(secret)
    return secret


def in_use():
    """Return every secret that this process has given out, as a list."""
    return sorted(_given)
