"""A stream of unknown length becomes an object.

Knows how a layer is laid out in the container. Knows nothing of registry
paths or connections.
"""

import hashlib
import tempfile

_MEMORY_BYTES = 8 * 1024 * 1024


def write(container, object_name, stream, chunk_size_bytes):
    """Write a stream to an object; readers see all of it or nothing.

    The stream is read to its end first: its length and MD5 go ahead of the
    bytes, the request can be sent again, and a client that pauses holds no
    request to Swift open.

    :param container: Container
    :param object_name: name of the object
    :param stream: has read(n), which returns b'' at the end; each byte is
        read once
    :param chunk_size_bytes: how much to read at a time
    :raises errors.SwiftError: Swift did not take it; nothing has changed
    :raises Exception: whatever stream.read() raises; nothing has changed
    """
    md5 = hashlib.md5()
    size_bytes = 0
    with tempfile.SpooledTemporaryFile(_MEMORY_BYTES) as spool:
        while True:
            chunk = stream.read(chunk_size_bytes)
            if not chunk:
                break
            md5.update(chunk)
            size_bytes += len(chunk)
            spool.write(chunk)
        container.put(object_name, spool, size_bytes, md5.hexdigest())
