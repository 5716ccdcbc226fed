"""Counts how long a request has been waiting for Swift.

Pure bookkeeping. Knows nothing of what is sent, or whether it is sent again.
"""

from . import breaker


class Wait(object):

    """How long a request and its repetitions may go without an answer.

    :param total_seconds: all attempts, the pauses between them and the waiting
        for a slot together
    :param connect_seconds: how long a connection may take to be made
    :ivar total_seconds: as above
    :ivar left_seconds: how long it still may
    :ivar limit_seconds: how long the attempt in flight may go without an
        answer, its connection apart
    :ivar at_most_seconds: the most that allot() gives to an attempt, or None
    :ivar since: clock() when it began to wait; None while it does not
    """

    def __init__(self, total_seconds, connect_seconds):
        self.total_seconds = total_seconds
        self._connect_seconds = connect_seconds
        self.left_seconds = total_seconds
        self.limit_seconds = self.at_most_seconds = None
        self.since = None

    def allot(self, is_last):
        """Set the limit for the next attempt.

        Half of what is left, so that another proxy can be asked when this
        one is stuck; the last one gets what a connection does not need.
        """
        half = self.left_seconds / 2.0
        self.limit_seconds = half
        if is_last:
            self.limit_seconds += half - min(half, self._connect_seconds)
        if self.at_most_seconds is not None:
            self.limit_seconds = min(self.limit_seconds, self.at_most_seconds)

    def begin(self):
        """Begin to wait, or begin anew: something has moved on."""
        self.since = breaker.clock()

    def end(self):
        """Stop waiting: there is an answer, or none comes."""
        if self.since is not None:
            self.pause(breaker.clock() - self.since)
            self.since = None

    def pause(self, seconds):
        """Take a pause from what is left."""
        self.left_seconds -= seconds

    def renew(self):
        """Start over: some of what was waited for has come."""
        self.left_seconds = self.total_seconds
        self.since = None


class Upload(object):

    """A body that is sent; while it moves on, nobody is waiting.

    :param content: has read(size)
    :param wait: Wait of the request
    :param moved: called each time that Swift has taken some of it
    """

    def __init__(self, content, wait, moved):
        self._content = content
        self._wait = wait
        self._moved = moved

    def read(self, size):
        self._wait.begin()
        self._moved()
        return self._content.read(size)
