"""Storage driver that keeps a Docker registry's images in OpenStack Swift."""

from . import core_exceptions

__all__ = []

# What the registry finds here is core's: without core there is no registry.
if core_exceptions.HAS_CORE:
    from .storage import Storage
    __all__ = ['Storage']
