"""Answers of the v2 API that are not about one kind of thing.

Source: https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
"""

import json

from werkzeug import wrappers

from . import layout
from .. import compat


class Refusal(Exception):

    """What a request is answered with instead."""

    def __init__(self, status, code, message, headers=None, detail=None):
        super(Refusal, self).__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}
        self.detail = detail


def refused(refusal):
    """Return the answer that says why there is no other."""
    problem = {'code': refusal.code, 'message': refusal.message}
    if refusal.detail is not None:
        problem['detail'] = refusal.detail
    response = json_of({'errors': [problem]}, status=refusal.status)
    for name, value in refusal.headers.items():
        response.headers[name] = value
    return response


def json_of(value, kind='application/json', status=200):
    """Return an answer with a value as JSON."""
    return wrappers.Response(
        json.dumps(value, sort_keys=True) + '\n', status, content_type=kind)


def digest_of(reference):
    """Return a digest as text.

    :raises Refusal: it is none
    """
    if not layout.is_digest(reference):
        raise Refusal(400, 'DIGEST_INVALID', 'not a digest',
                      detail={'digest': reference})
    return compat.native(reference)
