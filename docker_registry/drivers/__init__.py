"""Namespace package, shared with docker-registry and docker-registry-core."""

try:
    import pkg_resources
    pkg_resources.declare_namespace(__name__)
except ImportError:  # Python 3 without setuptools
    import pkgutil
    __path__ = pkgutil.extend_path(__path__, __name__)
