"""Prints what a command has to say."""

from __future__ import print_function

import sys


def print_line(line):
    """Print a line at once, also on a terminal that lacks some letters.

    :param line: native text
    """
    if not isinstance(line, bytes):
        encoding = sys.stdout.encoding or 'ascii'
        line = line.encode(encoding, 'backslashreplace').decode(encoding)
    print(line)
    sys.stdout.flush()
