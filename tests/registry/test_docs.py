"""Every command, configuration and link of the documents.

Each code block says what language it is in. Here each is run, by the rule of
its language; one that no rule handles fails.
"""

import collections
import glob
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.parse

import pytest

from stack import environments
from stack.clients import v1client
from stack.clients import v2client
from stack.servers import front
from stack.servers import processes
from stack.servers import registry
from stack.servers import registry2
from stack.servers import serve
from stack.servers import swift_logins

_PAGES = ['README.rst', 'CONTRIBUTING.rst', 'CHANGES.rst'] + sorted(
    os.path.relpath(page, environments.PROJECT) for page in glob.glob(
        os.path.join(environments.PROJECT, 'docs', '*.rst')))
_DRIVER = os.path.join(environments.PROJECT, 'docker_registry', 'drivers',
                       'swift')
#: What logs in at the Keystone of an example.
_LOGIN = re.compile('swift_(auth|user|password|tenant|project)')

_Block = collections.namedtuple('_Block', 'page line language caption text')


def read(page):
    with open(os.path.join(environments.PROJECT, page)) as text:
        return text.read()


def blocks(page):
    """Yield the code blocks of a page; a bare '::' is one of no language."""
    lines = read(page).splitlines()
    for number, line in enumerate(lines):
        start = re.match(r'( *)\.\. code-block::(.*)', line)
        is_bare = line.endswith('::') and not line.lstrip().startswith('..')
        if not start and not is_bare:
            continue
        indent = len(line) - len(line.lstrip())
        body = []
        for below in lines[number + 1:]:
            if below.strip() and len(below) - len(below.lstrip()) <= indent:
                break
            body.append(below)
        text = textwrap.dedent('\n'.join(body)).strip('\n')
        # README.rst is for PyPI, too, which knows no captions.
        caption = re.match(r'(?::caption: |# (?=haproxy))(.*)\n+', text)
        if caption:
            text = text[caption.end():]
        yield _Block(page, number + 1, start.group(2).strip() if start else '',
                     caption.group(1) if caption else '', text + '\n')


_BLOCKS = [block for page in _PAGES for block in blocks(page)]


def of(*languages):
    return pytest.mark.parametrize('block', [
        block for block in _BLOCKS if block.language in languages],
        ids=lambda block: '%s:%d' % (block.page, block.line))


def commands():
    """Return the commands of all pages, each once, joined and uncommented."""
    found = {}
    for block in _BLOCKS:
        if block.language == 'sh':
            for line in block.text.replace('\\\n', ' ').splitlines():
                command = ' '.join(line.split('#')[0].split())
                if command:
                    found[command] = True
    return list(found)


def run(*arguments, **keywords):
    done = subprocess.run(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=300, **keywords)
    assert done.returncode == 0, done.stdout
    return done.stdout


def without_proxy(**variables):
    return dict({name: value for name, value in os.environ.items()
                 if not name.lower().endswith('_proxy')}, **variables)


def test_every_block_has_a_rule():
    assert {block.language for block in _BLOCKS} <= {
        'sh', 'yaml', 'python', 'json', 'text'}
    for block in _BLOCKS:
        if block.language == 'text':
            assert block.caption.startswith(
                ('haproxy.cfg', 'Path of', 'Output of ')), block


def test_readme_is_short():
    assert len(read('README.rst').splitlines()) <= 150


# Configurations

@of('yaml')
def test_the_registry_starts_with_the_configuration(block, tmp_path):
    # As it is; what is a part of one is put into a whole one.
    config = tmp_path / 'config.yml'
    text = block.text
    if 'storage: swift' not in text:
        text += textwrap.indent(
            'loglevel: info\nstorage: swift\nswift_auth_version: 1\n'
            'swift_user: a:b\nswift_password: secret\n'
            'swift_authurl: http://swift.example.com/auth/v1.0\n', '    ')
    config.write_text(text)
    output = run(
        environments.build('registry'), '-c',
        'from docker_registry import storage, wsgi\n'
        'print(storage.load().settings.container)',
        env=dict(os.environ, DOCKER_REGISTRY_CONFIG=str(config),
                 SETTINGS_FLAVOR='prod', OS_PASSWORD='secret'))
    assert output.splitlines()[-1] == (
        'registry' if 'swift_container' in text else 'dev_container')


@of('yaml')
def test_push_and_pull_with_the_configuration(block, cluster, directory):
    # But for the login: the stack's Swift has another.
    settings = json.loads(run(
        environments.build('registry'), '-c', 'import json, sys, yaml\n'
        'print(json.dumps(yaml.safe_load(sys.argv[1])["prod"]))', block.text))
    others = {key: value for key, value in settings.items()
              if not _LOGIN.match(key)}
    server = registry.Registry(str(directory), cluster.settings(**others))
    if 'storage' in settings:  # a whole one: with no more than it says
        with open(server.config_file, 'w') as config:
            config.write(json.dumps({'prod': cluster.settings(**others)}))
    with server:
        client = v1client.V1Client(server.port)
        image = v1client.make_image()
        client.push('library/demo', [image])
        assert client.pull('library/demo') == [image]


@of('text')
def test_haproxy_takes_the_configuration(block, tmp_path):
    if block.caption == 'haproxy.cfg':
        config = tmp_path / 'haproxy.cfg'
        config.write_text(block.text)
        run(environments.program('debian', 'haproxy'), '-c', '-f', str(config))


@of('text')
def test_modules_in_pictures_are_there(block):
    if block.caption.startswith('Path of'):
        modules = re.findall(r'[\w/]+\.py', block.text)
        assert len(modules) > 2
        assert [module for module in modules if not os.path.exists(
            os.path.join(_DRIVER, module))] == []


@of('json')
def test_health_has_these_keys(block, client):
    answer = client.request('GET', '/_health')
    shown, real = json.loads(block.text), json.loads(answer.body)
    assert sorted(shown) == sorted(real)
    assert sorted(shown['pool']) == sorted(real['pool'])


def test_every_setting_is_in_the_table():
    rows = json.loads(run(
        environments.build('registry'), '-c', 'import json\n'
        'from docker_registry.drivers.swift.config import keys\n'
        'print(json.dumps([[key.name, key.is_secret, key.alias or "",\n'
        '                   str(key.default)] for key in keys.TABLE]))'))
    text = read('docs/settings.rst')
    shown = set(re.findall(r'\bswift_\w+', text))
    # An asterisk stands for the key of a secret's file.
    files = {key + '_file' for key, is_secret, _, _ in rows if is_secret}
    for key, is_secret, alias, default in rows:
        assert key in shown | files, key
        assert not alias or alias in shown, alias
        assert not is_secret or key + '*' in text, key
        assert default == 'None' or re.search(r'^%s +%s( |$)' % (
            key, re.escape(default.lower())), text, re.MULTILINE), key
    known = {name for row in rows for name in (row[0], row[2])}
    assert shown - known <= {'swift_health', 'swift_v2'}


# Commands

@pytest.fixture(scope='module')
def operator(cluster, tmp_path_factory):
    """Run a command as the registry's operator; give what it prints."""
    directory = tmp_path_factory.mktemp('operator')
    settings = cluster.settings(storage_path='/registry')
    prefix = os.path.dirname(environments.build('registry'))
    server = registry.Registry(str(directory), settings)
    os.rename(server.config_file, str(directory / 'config.yml'))
    swift_bin = os.path.dirname(environments.build('swift'))

    def operate(*arguments):
        return run(*arguments, cwd=str(directory), env=without_proxy(
            PATH=os.pathsep.join([prefix, swift_bin, os.environ['PATH']]),
            DOCKER_REGISTRY_CONFIG=str(directory / 'config.yml'),
            SETTINGS_FLAVOR='prod', ST_AUTH=cluster.auth_url,
            ST_USER=settings['swift_user'],
            ST_KEY=settings['swift_password']))
    return operate


def run_check(operator, cluster, words):
    report = operator(*words)
    if '--set-temp-url-key' not in words:
        assert 'large object' in report
        assert '--json' not in words or json.loads(report)['ok']


def run_index(operator, cluster, words):
    assert 'can be pulled by v2 clients' in operator(
        *[word.strip("'") for word in words])


def fill(cluster):
    """Fill the container that the operator's commands are about."""
    with tempfile.TemporaryDirectory() as directory, registry.Registry(
            directory, cluster.settings(storage_path='/registry')) as server:
        client = v1client.V1Client(server.port)
        base = v1client.make_image()
        for repository, tags in (('library/demo', ['1.0']),
                                 ('library/demo', ['1.1', 'latest']),
                                 ('team/app', ['7'])):
            image = v1client.make_image(base)
            for tag in tags:
                client.push(repository, [base, image], tag)
        client.expect(200, 'PUT', '/v1/repositories/team/app/properties',
                      b'{"access": "private"}')


_ADD_FLAVORS = '''
import yaml
flavors = yaml.safe_load(open('config.yml'))
flavors['files'] = {'storage': 'file', 'storage_path': 'files'}
flavors['old'] = dict(flavors['prod'], swift_container='old')
open('config.yml', 'w').write(yaml.safe_dump(flavors))
'''


def run_copy(operator, cluster, words):
    fill(cluster)
    operator('python', '-c', _ADD_FLAVORS)
    if 'files' in words:
        operator('docker-registry-swift', 'copy', '--from', 'prod', '--to',
                 'files')
    operator(*[word.strip("'") for word in words])


def damage(cluster):
    """Remove the layer that all tags of fill() have."""
    def read(path):
        return cluster.request('GET', 'registry/registry/' + path)[
            1].decode('ascii')
    top = read('repositories/team/app/tag_7')
    base = json.loads(read('images/%s/ancestry' % top))[1]
    cluster.request('DELETE', 'registry/registry/images/%s/layer' % base)


def run_command(operator, cluster, words):
    fill(cluster)
    operator(*[word.strip("'") for word in words])


def run_way_out(operator, cluster, words):
    """Move two repositories of a registry of ours, as written."""
    with tempfile.TemporaryDirectory() as directory, registry.Registry(
            directory, cluster.settings(
                storage_path='/registry', swift_container='skopeo',
                extensions={'swift_v2': {'enabled': True}})) as server, \
            registry2.Registry2(directory, cluster.settings(
                swift_container='other')) as go:
        images = {name: v1client.make_image() for name in ('app', 'team/app')}
        for name, image in images.items():
            v1client.V1Client(server.port).push(
                name if '/' in name else 'library/' + name, [image], 'v1')
        if words[0] == 'for':
            _run_out(server, go, directory, next(
                command for command in commands() if '_catalog' in command))
        _run_out(server, go, directory, ' '.join(words))
        found = sorted(read(os.path.join(directory, 'repositories')).split())
        assert found == sorted(images)
        for name, image in images.items():
            layer = v2client.digest(image.layer)
            if 'backup/$(dirname' in words:
                with open(os.path.join(directory, 'backup', name + ':v1',
                                       layer.split(':')[1]), 'rb') as copied:
                    assert copied.read() == image.layer
            elif words[0] == 'for':
                assert v2client.V2Client(go.port).pull(name, 'v1') == (
                    v2client.V2Client(server.port).pull(name, 'v1'))


def _run_out(server, go, directory, command):
    """Run a command of the way out, but for names of hosts and TLS."""
    for name, port in (('registry.example.com', server.port),
                       ('other.example.com', go.port)):
        command = command.replace('https://' + name, 'http://' + name)
        command = command.replace(name, '127.0.0.1:%d' % port)
    home = os.path.join(directory, '.config', 'containers')
    os.makedirs(home, exist_ok=True)
    with open(os.path.join(home, 'policy.json'), 'w') as text:
        text.write('{"default": [{"type": "insecureAcceptAnything"}]}')
    with open(os.path.join(home, 'registries.conf'), 'w') as text:
        for port in (server.port, go.port):
            text.write('[[registry]]\nlocation = "127.0.0.1:%d"\n'
                       'insecure = true\n' % port)
    run('sh', '-ec', command, cwd=directory, env=without_proxy(
        HOME=directory, PATH=os.pathsep.join([
            os.path.dirname(environments.program('clients', 'skopeo')),
            os.environ['PATH']])))


def run_swift_post(operator, cluster, words):
    # The same access list as this cluster calls the user: tempauth's.
    operator(*[word.strip("'").replace('PROJECT_ID:USER_ID', 'test:guest')
               for word in words])
    # Enough for somebody with no other rights, as the page says.
    cluster.request('PUT', 'registry/by-guest', user='test:guest')
    assert 'by-guest' in cluster.list()
    assert swift_logins.USERS['test:guest'][1] == ''
    cluster.request('DELETE', 'registry/by-guest', user='test:guest')


def run_pip(operator, cluster, words):
    # It changes nothing: the stack has installed it so, from the same file.
    # --no-index: whatever were missing would fail.
    words = [os.path.join(environments.PROJECT, word)
             if word == 'constraints.txt' else word.strip("'")
             for word in words]
    if words[-1].endswith('[serve]'):
        python = environments.build('serve')
        # Not where another Python has noted its requirements.
        run(python, '-m', *words, '--no-index',
            '--disable-pip-version-check', cwd=os.path.dirname(python),
            env=dict(os.environ, PYTHONPATH=''))
        return
    # What the driver requires is noted beside its source, and tox has had a
    # Python 3 write it there, which requires other versions.
    run(environments.build('registry'), 'setup.py', '--quiet', 'egg_info',
        cwd=environments.PROJECT)
    operator('python', '-m', *words, '--no-index',
             '--disable-pip-version-check')


def run_serve(operator, cluster, words):
    # With the stack's Python 3, configuration, port and certificates.
    with tempfile.TemporaryDirectory() as directory:
        front.certificates(directory)
        options = dict(zip(words[2::2], words[3::2]))
        for name in ('--config', '--flavor', '--port'):
            options.pop(name, None)
        files = [os.path.join(directory, 'server.pem')
                 if each.endswith('.pem') else each
                 for pair in options.items() for each in pair]
        with serve.Serve(directory, cluster.settings(), files,
                         ping=None if files else '/_health') as server:
            assert server.server.running()


def run_apt_get(operator, cluster, words):
    # What the stack says is missing, and SWIG, which it gets from PyPI.
    known = read('stack/environments/steps.py') + read('constraints.txt')
    assert words[1] == 'install'
    assert [word for word in words[2:] if word not in known] == []


def run_make(operator, cluster, words):
    # What it would run; make demo and make serve are run below.
    planned = run('make', '-n', *words[1:], cwd=environments.PROJECT)
    assert re.search(' -m (stack|benchmarks)', planned)


def run_docker_build(operator, cluster, words):
    # `make images` builds and runs it.
    dockerfile = words[words.index('-f') + 1]
    assert os.path.exists(os.path.join(environments.PROJECT, dockerfile))


def run_tox(operator, cluster, words):
    _, command, _, name, _, path = words
    assert command == 'run'
    assert name in re.search('env_list = (.*)', read('tox.ini')).group(
        1).split(', ')
    assert os.path.exists(os.path.join(environments.PROJECT, path))


_COMMANDS = {'docker-registry-swift check': run_check,
             'docker-registry-swift index': run_index,
             'docker-registry-swift ls': run_command,
             'docker-registry-swift du': run_command,
             'docker-registry-swift tags rm': run_command,
             'docker-registry-swift repository rm': run_command,
             'docker-registry-swift gc': run_command,
             'docker-registry-swift fsck': run_command,
             'docker-registry-swift copy': run_copy,
             'curl': run_way_out,
             'for name in': run_way_out,
             'docker-registry-swift serve': run_serve,
             'swift post': run_swift_post,
             'pip install': run_pip,
             'apt-get': run_apt_get,
             'docker build': run_docker_build,
             'make': run_make,
             '.stack/tools/bin/tox': run_tox}


@pytest.mark.parametrize('command', commands())
def test_command(command, operator, cluster):
    rule, = [rule for start, rule in _COMMANDS.items()
             if (command + ' ').startswith(start + ' ')]
    rule(operator, cluster, command.split())


def shape(text):
    """Return what lines of output have in common, whatever they are about."""
    text = re.sub(r'\b([0-9a-f]{64}|[0-9a-f]{12})\b', 'ID', text)
    text = re.sub(r'\d+(\.\d+)? [KMGT]?i?B\b', 'SIZE', text)
    text = re.sub(r'\b\d+ (s|min|h|d)\b', 'AGE', text)
    text = re.sub(r'\b\d+\b(?!\.)', 'N', text)
    return {' '.join(line.split()) for line in text.splitlines()}


@of('text')
def test_output_is_as_it_looks(block, operator, cluster):
    command = block.caption.partition('Output of ')[2]
    if command:
        if 'registry' in cluster.list(''):  # what other commands have left
            operator('swift', 'delete', 'registry')
        fill(cluster)
        if ' gc' in command:  # something that is old enough, and exit status 1
            operator('docker-registry-swift', 'tags', 'rm', 'library/demo',
                     '1.0')
            time.sleep(1)
            command += ' --older-than 0s || true'
        if ' copy' in command:
            run_copy(operator, cluster, command.split())
            operator('swift', 'delete', 'registry')
        if ' fsck' in command:
            damage(cluster)
            command += ' || true'
        output = operator('sh', '-c', command)
        assert shape(block.text) - shape(output) == set()


def test_make_demo():
    output = run('make', 'demo', 'PYTHON=' + sys.executable,
                 cwd=environments.PROJECT, env=without_proxy())
    # Two layers by v1; by v2 these, or skopeo's files together.
    by_v2 = 1 if environments.is_built('clients') else 2
    assert output.count('every byte as pushed') == 2 + by_v2
    assert 'Done.' in output.splitlines()


def heed_interrupts():
    # Whatever is started in the background, as these tests may be, ignores
    # ^C, and so does what it starts.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_make_serve():
    server = subprocess.Popen(
        ['make', 'serve', 'PYTHON=' + sys.executable],
        cwd=environments.PROJECT, stdout=subprocess.PIPE, text=True,
        env=without_proxy(), start_new_session=True,
        preexec_fn=heed_interrupts)
    try:
        for line in server.stdout:
            if '^C stops everything' in line:
                break
        else:
            raise processes.ServerError('make serve has ended')
        # As on a terminal: to all of them.
        os.killpg(server.pid, signal.SIGINT)
        server.communicate(timeout=120)
    finally:
        if server.poll() is None:  # it stops its servers for this one too
            os.killpg(server.pid, signal.SIGTERM)
            server.communicate(timeout=120)
        server.stdout.close()


@of('python')
def test_python(block, operator, cluster):
    # A segment that no layer has; with the page's age it is too new.
    name = '.segments/registry/images/%s/layer/1/00000000' % ('a' * 64)
    cluster.request('PUT', 'registry')
    cluster.request('PUT', 'registry/' + name)
    assert operator('python', '-c', block.text).split() == []
    assert name in cluster.list()
    now = block.text.replace('86400', 'None')  # any age
    assert operator('python', '-c', now).split() == [name]
    assert name not in cluster.list()


# Links

@pytest.mark.parametrize('page', _PAGES)
def test_links(page):
    text = read(page)
    directory = os.path.join(environments.PROJECT, os.path.dirname(page))
    for target in re.findall(r'`[^`<]+<([^`>]+)>`_', text) + re.findall(
            r'\.\. image:: (\S+)', text) + re.findall(
            r'^\.\. _[^:]+: (\S+)', text, re.MULTILINE):
        address = urllib.parse.urlsplit(target)
        if address.scheme:
            assert address.scheme == 'https' and '.' in address.netloc, target
        else:
            assert os.path.exists(os.path.join(directory, target)), target
    # Names of files in the text.
    for name in re.findall(
            r'``((?:docs|benchmarks|tests|stack|registry|objects|client|'
            r'config|commands)/[\w./]*)``', text):
        assert any(os.path.exists(os.path.join(place, name)) for place in
                   (environments.PROJECT, _DRIVER)), name


def test_modules_in_contributing_are_there():
    table = read('CONTRIBUTING.rst').split('To change', 1)[1]
    for name in re.findall(r'\b(?:\w+/)*\w+\.py\b', table):
        assert any(os.path.exists(os.path.join(place, name)) for place in (
            environments.PROJECT, _DRIVER,
            os.path.join(environments.PROJECT, 'tests', 'registry'),
            os.path.join(environments.PROJECT, 'tests', 'driver'),
            os.path.join(environments.PROJECT, 'tests'),
            os.path.join(environments.PROJECT, 'stack'))), name
