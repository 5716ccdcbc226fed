"""What a Storage does while no HTTP request of the registry is announced.

It asks Swift whenever it is asked, writes before it returns, and opens an
object when that is read. registry/request.py overrides these methods with
what one HTTP request allows; so this class is also the list of everything
that the storage wants of a request. Knows nothing of Swift or of HTTP.
"""


class NoRequest(object):

    """Do everything at once and remember nothing.

    :ivar find_checksum: callable that returns the checksum, such as
        "sha256:..." as text, of what has been read so far of the layer that
        stream_write() is given; None if the layer is no client's push
    """

    def __init__(self):
        self.find_checksum = None

    def prefetch(self, storage):
        """Ask the storage for what the request is going to need."""

    def answer(self, question, path, ask):
        """Return the remembered answer about a path, or ask.

        :param question: name of the method of Storage that is answered
        :param ask: callable of the path that finds the answer
        :raises Exception: what `ask` raises
        """
        return ask(path)

    def answered(self, question, path):
        """Return the remembered answer; None if there is none."""

    def forget(self, path):
        """Forget the answers about a path, because it changes."""

    def write(self, path, write):
        """Write a path, in the background where the request allows that.

        :param write: callable that writes it
        :raises Exception: what `write` raises, unless in the background
        """
        write()

    def wait_for_write(self):
        """Wait for the background write.

        :raises Exception: why it has failed; raised once
        """

    def open(self, path, open_path):
        """Open a path now if the request is going to read it.

        :param open_path: callable of the path that returns a reader
        :returns: whether the path is open now
        :raises Exception: what `open_path` raises
        """
        return False

    def reader(self, path):
        """Return the reader that open() has opened, or None."""

    def take_reader(self, path):
        """Return the reader that open() has opened, once; then None."""

    def end(self):
        """End the request: wait for its write, close what it has not read."""
