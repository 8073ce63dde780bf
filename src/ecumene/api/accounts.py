"""Keys of service accounts and access tokens, in SQL: what one process writes, a running server sees at once."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy.dialects import postgresql, sqlite

from ecumene.catalog import auditing
from ecumene.catalog.access import ANONYMOUS, DOMAIN, OPERATOR
from ecumene.catalog.schema import audit
from ecumene.core.errors import RequestError
from ecumene.storage.databases import located, opened
from ecumene.storage.tables import ensure

_NAME = re.compile(r"[^\W_][\w.-]{0,63}")
LIFETIME = 3599
"""Seconds that an access token lasts."""

REVISION = "accounts"
"""Changes of these tables are counted under this name (``storage.revision``)."""

_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_metadata = sa.MetaData()
_keys = sa.Table(
    "account_keys", _metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("email", sa.String(320), nullable=False, index=True),
    sa.Column("account", sa.String(128), nullable=False),
    sa.Column("public_key", sa.Text, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("revoked", sa.BigInteger),
)  # fmt: skip
_tokens = sa.Table(
    "account_tokens", _metadata,
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("key_id", sa.String(64), nullable=False, index=True),
    sa.Column("expires", sa.BigInteger, nullable=False, index=True),
)  # fmt: skip
_seen = sa.Table(
    "account_assertions", _metadata,
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("first", sa.BigInteger, nullable=False),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    """A registered public key."""

    id: str
    email: str
    account: str
    public_key: str
    created: int
    revoked: int | None


class Accounts:
    """The store of keys and tokens. Private keys are never kept, tokens only as hashes."""

    def __init__(self, url: str) -> None:
        self.engine = opened(url)
        ensure(_metadata, self.engine, REVISION)
        ensure([audit], self.engine)

    @staticmethod
    def of(data: Path) -> Accounts:
        """The store of a data folder."""
        return Accounts(located(data, "accounts.sqlite"))

    def create(self, account: str, base: str) -> dict[str, Any]:
        """A new key as the JSON that google-auth reads. The private key is only in this answer."""
        if not _NAME.fullmatch(account):
            raise RequestError(
                "An account's name has letters, digits, '-', '_' and '.', at most 64; a letter or digit first."
            )
        if account.lower() == ANONYMOUS:
            raise RequestError(
                f"'{account}' stands for requests without a key: choose another name."
            )
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        secret = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        identifier, email = secrets.token_hex(20), f"{account}@{DOMAIN}"
        with self.engine.begin() as connection:
            connection.execute(
                _keys.insert().values(
                    id=identifier,
                    email=email,
                    account=account,
                    public_key=public.decode(),
                    created=int(time.time()),
                )
            )
            auditing.note(connection, OPERATOR, "keys.create", email, key=identifier)
        return {
            "type": "service_account",
            "project_id": "ecumene-project",
            "private_key_id": identifier,
            "private_key": secret.decode(),
            "client_email": email,
            "client_id": identifier[:21],
            "token_uri": f"{base.rstrip('/')}/token",
            "url": base.rstrip("/"),
        }

    def listed(self) -> list[Key]:
        """All keys, the oldest first."""
        with self.engine.connect() as connection:
            rows = connection.execute(_keys.select().order_by(_keys.c.created, _keys.c.id)).all()
        return [Key(*row) for row in rows]

    def key(self, identifier: str) -> Key | None:
        """A key that has not been revoked."""
        with self.engine.connect() as connection:
            row = connection.execute(
                _keys.select().where(_keys.c.id == identifier, _keys.c.revoked.is_(None))
            ).first()
        return None if row is None else Key(*row)

    def keys_of(self, email: str) -> list[Key]:
        """Keys of an account that have not been revoked."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                _keys.select().where(_keys.c.email == email, _keys.c.revoked.is_(None))
            ).all()
        return [Key(*row) for row in rows]

    def revoke(self, identifier: str) -> int:
        """Revokes a key by its id (or its unique beginning), or all keys of an account; their tokens die with them."""
        with self.engine.begin() as connection:
            chosen = sa.or_(
                _keys.c.id == identifier, _keys.c.account == identifier, _keys.c.email == identifier
            )
            if len(identifier) >= 8:
                chosen = sa.or_(chosen, _keys.c.id.startswith(identifier, autoescape=True))
            ids = list(
                connection.execute(
                    sa.select(_keys.c.id).where(chosen, _keys.c.revoked.is_(None))
                ).scalars()
            )
            connection.execute(
                _keys.update().where(_keys.c.id.in_(ids)).values(revoked=int(time.time()))
            )
            connection.execute(_tokens.delete().where(_tokens.c.key_id.in_(ids)))
            for one in ids:
                auditing.note(connection, OPERATOR, "keys.revoke", identifier, key=one)
        return len(ids)

    def issue(self, key_id: str) -> str:
        """A new opaque token."""
        token = secrets.token_urlsafe(32)
        now = int(time.time())
        with self.engine.begin() as connection:
            connection.execute(_tokens.delete().where(_tokens.c.expires < now))
            connection.execute(
                _tokens.insert().values(
                    hash=_hash(token), key_id=key_id, expires=now + LIFETIME + 60
                )
            )
        return token

    def holder_of(self, token: str) -> tuple[str, int] | None:
        """The account of a valid token, and when it expires."""
        with self.engine.connect() as connection:
            row = connection.execute(
                sa.select(_keys.c.account, _tokens.c.expires)
                .select_from(_tokens.join(_keys, _tokens.c.key_id == _keys.c.id))
                .where(
                    _tokens.c.hash == _hash(token),
                    _tokens.c.expires > int(time.time()),
                    _keys.c.revoked.is_(None),
                )
            ).first()
        return None if row is None else (str(row[0]), int(row[1]))

    def first_seen(self, assertion: str) -> int:
        """When an assertion was first presented (now, if this is the first time)."""
        now = int(time.time())
        with self.engine.begin() as connection:
            connection.execute(_seen.delete().where(_seen.c.first < now - 7200))
            row = connection.execute(
                sa.select(_seen.c.first).where(_seen.c.hash == _hash(assertion))
            ).first()
            if row is not None:
                return int(row[0])
            here = _INSERTS[self.engine.dialect.name](_seen).on_conflict_do_nothing()
            connection.execute(here.values(hash=_hash(assertion), first=now))
        return now


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def write_key(path: Path, key: dict[str, Any]) -> None:
    """Writes a key file that only its owner may read; an existing file is never replaced."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(key, file, indent=2)
        file.write("\n")
