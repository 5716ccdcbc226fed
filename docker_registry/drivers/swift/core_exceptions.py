"""core's exceptions, which the registry catches.

Where there is no core there is no registry either, and they are others of the
same names: `docker-registry-swift` needs no core.

Source: docker_registry/core/exceptions.py of docker-registry-core 2.0.3
"""

try:
    from docker_registry.core.exceptions import BrokenError
    from docker_registry.core.exceptions import ConfigError
    from docker_registry.core.exceptions import ConnectionError
    from docker_registry.core.exceptions import FileNotFoundError
    from docker_registry.core.exceptions import UnreachableError
    from docker_registry.core.exceptions import UnspecifiedError
    from docker_registry.core.exceptions import WrongArgumentsError
    HAS_CORE = True
except ImportError:
    HAS_CORE = False

    class UnspecifiedError(Exception):

        """What all of them are."""

    class ConfigError(UnspecifiedError):

        """The configuration is wrong."""

    class FileNotFoundError(UnspecifiedError):

        """There is nothing at a path."""

    class WrongArgumentsError(UnspecifiedError):

        """What was asked for cannot be."""

    class ConnectionError(UnspecifiedError):

        """What was asked has failed."""

    class UnreachableError(ConnectionError):

        """What was asked has not answered."""

    class BrokenError(ConnectionError):

        """What was asked has answered something else."""

__all__ = ['BrokenError', 'ConfigError', 'ConnectionError',
           'FileNotFoundError', 'HAS_CORE', 'UnreachableError',
           'UnspecifiedError', 'WrongArgumentsError']
