"""Build what the benchmark needs, and run it in its own environment."""

import os
import sys

from stack import environments


def main():
    try:
        for name in ('swift', 'registry', 'legacy', 'debian'):
            environments.build(name)
        python = environments.build('bench')
    except environments.EnvironmentError as error:
        sys.exit(str(error))
    os.execv(python, [python, '-m', 'benchmarks.runner'] + sys.argv[1:])


if __name__ == '__main__':
    main()
