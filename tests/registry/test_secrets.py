"""No secret in the logs and answers of the registries of all tests here."""

import glob

from stack.clients import v1client
from stack.servers import processes


def read(path):
    with open(path, errors='replace') as log:
        return log.read()


def test_no_secret_in_logs_and_answers(start_registry, directory, overheard,
                                       call_driver):
    server = start_registry()
    client = v1client.V1Client(server.port)
    client.push('library/secrets', [v1client.make_image()])
    call_driver('registry', server.settings, [['get_content', 'absent']])
    answers = overheard.text()
    assert 'answer of PUT /v1/repositories/library/secrets/' in answers
    assert overheard.leaks(answers) == []
    logs = glob.glob(str(directory / 'registry-*.log'))
    assert server.server.log in logs
    processes.until(lambda: 'DEBUG: PUT registry/' in server.log())
    for log in logs + [str(directory / 'calls-of-registry.log')]:
        assert overheard.leaks(read(log)) == [], log


def test_no_secret_in_a_url(cluster, directory, secret_of):
    # Swift logs the URL of each request, and the start of each token.
    logs = glob.glob(str(directory / '*' / 'proxy*.log'))
    assert cluster.proxy.log in logs
    secret = secret_of('nobody')
    for log in logs:
        text = read(log)
        assert '/v1/' in text
        assert secret[:10] not in text, log
