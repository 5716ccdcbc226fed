"""make test: style, and the tests on every Python that the machine has."""

import glob
import os
import shutil
import subprocess
import xml.etree.ElementTree

from .. import environments

_RESULTS = os.path.join(environments.PROJECT, '.tox', 'results')


def check():
    """Run everything; return 0 if all passed.

    :raises environments.EnvironmentError: Python 2.7 or every Python 3 is
        missing
    """
    # Before tox, which would hide the progress.
    environments.build_together('registry', 'swift', 'keystone', 'legacy',
                                'debian')
    pythons = {version: environments.find_python(version)
               for version in environments.TESTED_PYTHONS}
    present = [version for version in pythons if pythons[version]]
    missing = [version for version in pythons if not pythons[version]]
    pythons['2.7'] = environments.find_python27()
    # The longest first, so that no core is idle at the end.
    names = (['registry', 'py27', 'v2', 'login']
             + ['py' + version.replace('.', '')
                for version in reversed(present)] + ['style'])
    shutil.rmtree(_RESULTS, ignore_errors=True)
    command = [environments.program('tools', 'tox'), 'run-parallel',
               # More than there are cores, for tests wait a lot.
               '--parallel', str(2 * os.cpu_count()),
               '--parallel-no-spinner', '-e',
               ','.join(names)]
    # Where tox looks for interpreters, those of pyenv among them.
    path = [os.path.dirname(pythons[version]) for version in present + ['2.7']]
    status = subprocess.call(command, cwd=environments.PROJECT, env=dict(
        os.environ, STACK_PYTHON=environments.build('swift'),
        PATH=os.pathsep.join(path + [os.environ.get('PATH', '')])))
    for version in missing:
        print('Not tested: Python %s is not on this machine.' % version)
    passed, failed = _count()
    print('%d passed, %d failed' % (passed, failed))
    return 1 if status or failed or not passed else 0


def _count():
    """Print a line an environment; return how many tests passed and failed.

    A skipped test counts as failed: nothing here is to be skipped.
    """
    passed = failed = 0
    for path in sorted(glob.glob(os.path.join(_RESULTS, '*.xml'))):
        suite = xml.etree.ElementTree.parse(path).getroot().find('testsuite')
        if suite is None:  # pytest 4 has no outer element
            suite = xml.etree.ElementTree.parse(path).getroot()
        bad = sum(int(suite.get(kind, 0))
                  for kind in ('failures', 'errors', 'skipped'))
        good = int(suite.get('tests')) - bad
        print('%-10s %4d passed, %d failed, %.0f s' % (
            os.path.basename(path)[:-len('.xml')], good, bad,
            float(suite.get('time'))))
        passed, failed = passed + good, failed + bad
    return passed, failed
