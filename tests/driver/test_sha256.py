"""SHA-256 that goes on in another process."""

import hashlib
import os
import sys

import pytest

from docker_registry.drivers.swift.objects import sha256


@pytest.mark.parametrize('sizes', [
    [0], [1], [63, 1, 64], [55, 9, 200], [100000, 7, 0, 3]])
def test_goes_on(sizes):
    assert sha256.is_available()
    content, state = b'', None
    for size in sizes:
        piece = os.urandom(size)
        digest = sha256.Sha256(state)
        digest.update(piece)
        content += piece
        # Twice, for asking changes nothing.
        for _ in range(2):
            assert digest.hexdigest() == hashlib.sha256(content).hexdigest()
        state = digest.state()
    assert type(state) is str


@pytest.mark.parametrize('state', ['', ':', 'little:', 'little:zz', 'x' * 224,
                                   sys.byteorder + ':' + 'ab' * 111])
def test_state_of_nobody(state):
    with pytest.raises(ValueError):
        sha256.Sha256(state)


def test_state_of_another_machine(monkeypatch):
    state = sha256.Sha256().state()
    monkeypatch.setattr(sys, 'byteorder', 'middle')
    with pytest.raises(ValueError):
        sha256.Sha256(state)


def test_library_that_does_not_do(monkeypatch):
    monkeypatch.setattr(sha256, '_works', lambda library: False)
    monkeypatch.setattr(sha256, '_found', [])
    assert not sha256.is_available()


def test_no_library(monkeypatch):
    monkeypatch.setattr(sha256, '_names', lambda: ['/nowhere/libcrypto.so'])
    monkeypatch.setattr(sha256, '_found', [])
    assert not sha256.is_available()
