"""core's driver.Base, with path helpers that also work on Python 3.

core's helpers call urllib.quote_plus and dict.iteritems, which Python 3 does
not have; there they are wrapped so that their arguments are quoted here.

Source: check() in docker_registry/core/driver.py of docker-registry-core
    2.0.3
"""

import functools

from docker_registry.core import driver

from . import compat
from . import names


class Base(driver.Base):

    """What a storage driver inherits from core."""


def _quoting(helper):
    @functools.wraps(helper)
    def wrapper(self, *args, **kwargs):
        return helper(self, *map(names.quote_part, args), **{
            key: names.quote_part(value) for key, value in kwargs.items()})
    return wrapper


if not compat.PY2:
    for _name, _helper in vars(driver.Base).items():
        # core decorates by functools.wraps(), which keeps the plain helper.
        if hasattr(_helper, '__wrapped__'):
            setattr(Base, _name, _quoting(_helper.__wrapped__))
