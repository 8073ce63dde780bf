"""Tokens that were good a moment ago: checked again whenever the accounts have changed."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

from ecumene.api import auth
from ecumene.api.accounts import REVISION, Accounts
from ecumene.core.caches import Report, of_lru
from ecumene.core.lru import Lru
from ecumene.storage.revision import Revision

MOST = 10_000


@dataclass(frozen=True, slots=True)
class _Known:
    account: str
    until: float
    revision: int


class Tokens:
    """Whose a request is, asked of the database only after something in it has changed.

    A key that is revoked, by this process or another, is refused from the next request on. Where the database
    cannot tell whether it has changed, nothing is remembered. Tokens are held as hashes.

    Parameters
    ----------
    accounts : keys and tokens; None lets everybody in as anonymous.
    anonymous : let requests without a token in.
    """

    def __init__(self, accounts: Accounts | None, anonymous: bool = False) -> None:
        self.accounts, self.anonymous = accounts, anonymous
        self._revision = None if accounts is None else Revision(accounts.engine, REVISION)
        self._known: Lru[_Known] = Lru(MOST)

    def recall(self, authorization: str | None) -> str | None:
        """The account of an ``Authorization`` header, if it can be told at once; else None: ``ask``."""
        if self.accounts is None or (not authorization and self.anonymous):
            return "anonymous"
        if not authorization or self._revision is None:
            return None
        known = self._known.get(_hash(authorization))
        if known is None or known.until <= time.time() or known.revision != self._revision.now():
            return None
        return known.account

    def ask(self, authorization: str | None) -> str:
        """The account of an ``Authorization`` header; Unauthenticated if there must be one and is not.

        Reads the database, and may check a signature.
        """
        before = None if self._revision is None else self._revision.now()
        found = auth.holder_of(self.accounts, authorization, self.anonymous)
        if before is not None and authorization and found.until is not None:
            self._known.put(_hash(authorization), _Known(found.account, found.until, before))
        return found.account

    def caches(self) -> dict[str, Report]:
        """Counters."""
        return {"tokens": of_lru(self._known)}


def _hash(authorization: str) -> bytes:
    return hashlib.sha256(authorization.encode()).digest()
