"""Tokens that are remembered: only while they are good, and only while the accounts stay as they are."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from ecumene.api import tokens as module
from ecumene.api.accounts import Accounts
from ecumene.api.tokens import Tokens
from ecumene.core.errors import Unauthenticated
from tests.api.conftest import assertion

BASE = "http://127.0.0.1:1"


@pytest.fixture
def accounts(tmp_path, database):
    made = Accounts.of(tmp_path)
    yield made
    made.engine.dispose()


@pytest.fixture
def key(accounts):
    return accounts.create("ann", BASE)


def bearer(accounts, key):
    return f"Bearer {accounts.issue(key['private_key_id'])}"


def counted(accounts, monkeypatch):
    """How often the database is asked for a token."""
    asked = []
    inner = Accounts.holder_of
    monkeypatch.setattr(
        Accounts, "holder_of", lambda self, token: asked.append(token) or inner(self, token)
    )
    return asked


def test_a_token_is_looked_up_once(accounts, key, monkeypatch):
    asked = counted(accounts, monkeypatch)
    tokens, header = Tokens(accounts), bearer(accounts, key)
    assert tokens.recall(header) is None
    assert tokens.ask(header) == "ann"
    assert [tokens.recall(header) for _ in range(5)] == ["ann"] * 5
    assert len(asked) == 1
    counters = tokens.caches()["tokens"]()
    assert (counters.hits, counters.entries) == (5, 1)


def test_revoked_is_refused_at_once(accounts, key):
    tokens, header = Tokens(accounts), bearer(accounts, key)
    tokens.ask(header)
    assert accounts.revoke(key["private_key_id"]) == 1
    assert tokens.recall(header) is None
    with pytest.raises(Unauthenticated):
        tokens.ask(header)
    assert tokens.recall(header) is None


def test_revoked_by_another_process_is_refused_at_once(accounts, key, tmp_path):
    tokens, header = Tokens(accounts), bearer(accounts, key)
    tokens.ask(header)
    assert tokens.recall(header) == "ann"
    command = [
        sys.executable,
        "-m",
        "ecumene.cli",
        "keys",
        "revoke",
        "ann",
        "--data",
        str(tmp_path),
    ]
    subprocess.run(command, check=True, capture_output=True)
    assert tokens.recall(header) is None
    with pytest.raises(Unauthenticated):
        tokens.ask(header)


def test_other_changes_only_cost_another_look(accounts, key, monkeypatch):
    asked = counted(accounts, monkeypatch)
    tokens, header = Tokens(accounts), bearer(accounts, key)
    tokens.ask(header)
    accounts.create("bob", BASE)
    assert tokens.recall(header) is None
    assert tokens.ask(header) == "ann"
    assert tokens.recall(header) == "ann"
    assert len(asked) == 2


def test_what_changes_while_one_looks_is_not_missed(accounts, key, monkeypatch):
    """The key is revoked after the row was read and before it is remembered."""
    tokens, header = Tokens(accounts), bearer(accounts, key)
    inner = Accounts.holder_of

    def slow(self, token):
        found = inner(self, token)
        self.revoke(key["private_key_id"])
        return found

    monkeypatch.setattr(Accounts, "holder_of", slow)
    assert tokens.ask(header) == "ann"
    assert tokens.recall(header) is None


def test_expired_is_refused(accounts, key, monkeypatch):
    tokens, header = Tokens(accounts), bearer(accounts, key)
    tokens.ask(header)
    later = time.time() + 3700
    monkeypatch.setattr(time, "time", lambda: later)
    assert tokens.recall(header) is None
    with pytest.raises(Unauthenticated):
        tokens.ask(header)


def test_signed_tokens_are_remembered_until_they_expire(accounts, key, monkeypatch):
    tokens = Tokens(accounts)
    header = f"Bearer {assertion(key, aud=None, exp=int(time.time()) + 60)}"
    assert tokens.ask(header) == "ann"
    assert tokens.recall(header) == "ann"
    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)
    assert tokens.recall(header) is None


@pytest.mark.parametrize(
    "header", [None, "", "Bearer nonsense", "Basic abc", "Bearer", "Bearer \xff"]
)
def test_bad_headers_are_never_remembered(accounts, header):
    tokens = Tokens(accounts)
    for _ in range(2):
        assert tokens.recall(header) is None
        with pytest.raises(Unauthenticated):
            tokens.ask(header)
    assert tokens.caches()["tokens"]().entries == 0


def test_accounts_are_told_apart(accounts):
    tokens = Tokens(accounts)
    headers = {}
    for name in ("ann", "bob"):
        headers[name] = bearer(accounts, accounts.create(name, BASE))
        tokens.ask(headers[name])
    for name, header in headers.items():
        assert (tokens.recall(header) or tokens.ask(header)) == name
        assert tokens.recall(header) == name


def test_without_authentication_everybody_is_anonymous():
    tokens = Tokens(None)
    assert (tokens.recall("Bearer x"), tokens.recall(None), tokens.ask(None)) == ("anonymous",) * 3


def test_anonymous_requests_where_they_are_let_in(accounts, key):
    tokens = Tokens(accounts, anonymous=True)
    assert tokens.recall(None) == "anonymous"
    assert tokens.recall("Bearer nonsense") is None
    with pytest.raises(Unauthenticated):
        tokens.ask("Bearer nonsense")


def test_the_memory_is_bounded(accounts, key, monkeypatch):
    monkeypatch.setattr(module, "MOST", 3)
    tokens = Tokens(accounts)
    headers = [bearer(accounts, key) for _ in range(5)]
    for header in headers:
        tokens.ask(header)
    assert tokens.caches()["tokens"]().entries == 3
