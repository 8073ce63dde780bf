"""Addresses that need a signature: tokens of a service that the operator names, kept until they expire.

``sources.toml`` in the data folder::

    [[signing]]
    hosts = "blob.core.windows.net"                                 # this host and all below it
    tokens = "https://planetarycomputer.microsoft.com/api/sas/v1/token"
    key = "…"                                                       # of a subscription; may be left out

A token of a container is asked for at ``TOKENS/ACCOUNT/CONTAINER``, where the account is the first part of the host and
the container the first of the path; the answer is ``{"token": QUERY, "msft:expiry": TIME}``. An address is signed when it is
opened, so records, caches and answers never hold a token.
"""

from __future__ import annotations

import threading
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ecumene.core.errors import FailedPrecondition, Unavailable

SETTINGS = "sources.toml"
SPARE = 120.0
"""Seconds before its end from which a token is not used any more."""

UNSIGNED = 600.0
"""Seconds for which a container of which the service knows nothing is read without a token."""

SECONDS = 20.0
_MOST_BYTES = 64 * 1024
_CURL = "/vsicurl/"


@dataclass(frozen=True, slots=True)
class Rule:
    """Which hosts are signed, and who gives the tokens."""

    hosts: str
    tokens: str
    key: str = field(default="", repr=False)

    def signs(self, host: str) -> bool:
        """Whether addresses of a host need a token."""
        return host == self.hosts or host.endswith(f".{self.hosts}")


class Signer:
    """Adds tokens to addresses. Thread-safe: one request for a token at a time, the others wait for it."""

    def __init__(self) -> None:
        self._rules: dict[str, Rule] = {}
        self._held: dict[tuple[str, str, str], tuple[float, str]] = {}
        self._lock = threading.Lock()

    def use(self, rules: Mapping[str, Rule]) -> None:
        """Adds rules, by hosts, to those that hold in this process."""
        with self._lock:
            self._rules = {**self._rules, **rules}

    def forget(self) -> None:
        """Drops all rules and tokens."""
        with self._lock:
            self._rules, self._held = {}, {}

    def signed(self, address: str) -> str:
        """An address (a URL, or GDAL's name of one) as it is to be opened; most are returned as they are.

        Raises Unavailable if the service gives no token.
        """
        if not self._rules:
            return address
        url = address.removeprefix(_CURL)
        parts = urlsplit(url)
        host = parts.hostname or ""
        rule = next((one for one in self._rules.values() if one.signs(host)), None)
        container = parts.path.lstrip("/").partition("/")[0]
        if parts.scheme not in ("http", "https") or rule is None or not container or parts.query:
            return address
        token = self._token(rule, host.partition(".")[0], container)
        return f"{address}?{token}" if token else address

    def _token(self, rule: Rule, account: str, container: str) -> str:
        key = (rule.hosts, account, container)
        with self._lock:
            until, token = self._held.get(key, (0.0, ""))
            if until <= time.time():
                until, token = _asked(rule, account, container)
                self._held[key] = until, token
        return token


def _asked(rule: Rule, account: str, container: str) -> tuple[float, str]:
    """Until when a new token may be used, and the token."""
    headers = {"Ocp-Apim-Subscription-Key": rule.key} if rule.key else {}
    address = f"{rule.tokens.rstrip('/')}/{account}/{container}"
    problem = Unavailable(f"No token for the container '{container[:100]}' of '{account[:100]}'.")
    try:
        asked = urllib.request.Request(address, headers=headers)
        with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
            found: Any = msgspec.json.decode(answer.read(_MOST_BYTES))
        token, expiry = str(found["token"]), str(found["msft:expiry"])
        return datetime.fromisoformat(expiry).timestamp() - SPARE, token
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return time.time() + UNSIGNED, ""
        raise problem from None
    except (OSError, ValueError, KeyError, TypeError, msgspec.DecodeError):
        raise problem from None


SIGNER = Signer()
"""Of this process, as GDAL's credentials are."""


def configure(folder: Path) -> None:
    """Takes the rules of a data folder, if it has any. FailedPrecondition if they cannot be read."""
    file = folder / SETTINGS
    if not file.exists():
        return
    try:
        entries = tomllib.loads(file.read_text()).get("signing", [])
        rules = [Rule(**entry) for entry in entries]
    except (tomllib.TOMLDecodeError, TypeError, UnicodeDecodeError) as error:
        raise FailedPrecondition(f"The server's {SETTINGS} cannot be read: {error}") from None
    wrong = [one for one in rules if urlsplit(one.tokens).scheme not in ("http", "https")]
    if wrong:
        raise FailedPrecondition(f"The server's {SETTINGS}: tokens come from a web address.")
    SIGNER.use({one.hosts.lower(): one for one in rules})
