"""Storage driver that keeps a Docker registry's images in OpenStack Swift."""

from .storage import Storage

__all__ = ['Storage']
