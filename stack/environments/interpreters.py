"""The CPythons that the system has."""

import glob
import os
import shutil
import subprocess


def find_python(version):
    """Return the path of a CPython of a version such as '2.7', or None.

    A name on PATH may be a shim that has no such Python behind it, so each
    candidate is asked.
    """
    name = 'python' + version
    candidates = [shutil.which(name)]
    for root in (os.environ.get('PYENV_ROOT'), '~/.pyenv', '/opt/pyenv'):
        if root:
            candidates += sorted(glob.glob(os.path.join(
                os.path.expanduser(root), 'versions', version + '*', 'bin',
                name)), reverse=True)
    for candidate in candidates:
        if not candidate:
            continue
        asked = subprocess.run(
            [candidate, '-c', 'import sys; print("%d.%d" % '
             'sys.version_info[:2] + "\\n" + sys.executable)'],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        answer = asked.stdout.split('\n')
        if asked.returncode == 0 and answer[0] == version:
            return answer[1]
    return None
