"""Packaging of docker-registry-driver-swift."""

import io
import sys

import setuptools


def _read(path):
    with io.open(path, encoding='utf-8') as text:
        return text.read()


_PYTHON_2 = sys.version_info[0] < 3

_REQUIRES = [
    'PyYAML>=3.11',
    # core's is 2.10.3; from 6 on a dead server is tried for seconds.
    'redis>=2.10,<6',
    'requests>=2.20',
    'urllib3>=1.24',
]
# No environment markers: the setuptools 5.8 that core brings along, still
# found beside many a registry, does not understand them.
if _PYTHON_2:
    # Later ones install on Python 2.7 and then do not run there.
    _REQUIRES += ['cryptography>=2.1,<3.4', 'futures',
                  'keystoneauth1>=3.4,<4.3', 'prometheus_client>=0.7,<0.13',
                  'python-swiftclient>=3.8,<4', 'tqdm>=4.19,<4.63']
else:
    _REQUIRES += ['keystoneauth1>=3.4', 'prometheus_client>=0.7',
                  'python-swiftclient>=3.8', 'tqdm>=4.19']

#: The v2 API: passwords by htpasswd, and layers that xz has compressed. The
#: registry on 2.7 has Werkzeug and backports.lzma. As the name of an extra, v2
#: would be a version to pip up to 24.2, which then takes no other extra.
if _PYTHON_2:
    _HTPASSWD_REQUIRES = ['backports.lzma', 'bcrypt>=3.1,<3.2', 'Werkzeug<2']
    _SERVE_REQUIRES = []  # it says that it needs Python 3
else:
    _HTPASSWD_REQUIRES = ['bcrypt>=3.1', 'Werkzeug>=2']
    _SERVE_REQUIRES = _HTPASSWD_REQUIRES + ['gunicorn>=23']

setuptools.setup(
    name='docker-registry-driver-swift',
    version='1.0.0.dev0',
    description='OpenStack Swift storage driver for docker-registry',
    long_description=_read('README.rst') + '\n\n' + _read('CHANGES.rst'),
    long_description_content_type='text/x-rst',
    license='Apache 2.0',
    classifiers=[
        'Development Status :: 4 - Beta',
        'Environment :: OpenStack',
        'Intended Audience :: System Administrators',
        'License :: OSI Approved :: Apache Software License',
        'Operating System :: OS Independent',
        'Programming Language :: Python :: 2.7',
        'Programming Language :: Python :: 3',
    ],
    packages=setuptools.find_packages(include=['docker_registry*']),
    # Shared with docker-registry-core and docker-registry. On Python 2.7 all
    # who share must declare it. On Python 3 the code in the two __init__.py
    # does it alone; a declaration would keep core from being built beside us.
    namespace_packages=(['docker_registry', 'docker_registry.drivers']
                        if _PYTHON_2 else []),
    python_requires='>=2.7, !=3.0.*, !=3.1.*, !=3.2.*, !=3.3.*, !=3.4.*, '
                    '!=3.5.*, !=3.6.*, !=3.7.*',
    # Not docker-registry-core: its pins (setuptools==5.8, simplejson==3.6.2)
    # would take the environment down with them. Who has a registry has it, and
    # the commands need none; README.rst says how to install it elsewhere.
    install_requires=_REQUIRES,
    extras_require={'htpasswd': _HTPASSWD_REQUIRES, 'serve': _SERVE_REQUIRES},
    entry_points={
        'console_scripts': [
            'docker-registry-swift = '
            'docker_registry.drivers.swift.commands.main:main',
        ],
        'docker_registry.drivers': [
            'swift = docker_registry.drivers.swift:Storage',
        ],
        # Imported by the registry when it starts.
        'docker_registry.extensions': [
            'swift = docker_registry.drivers.swift.registry.extension',
        ],
    },
    zip_safe=False,
)
