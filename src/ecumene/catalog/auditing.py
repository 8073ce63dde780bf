"""The log of changes: who did what to which resource. Written in the transaction of the change itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select
from sqlalchemy.engine import Engine

from ecumene.catalog.schema import audit

LONGEST = 2000
"""Characters of a text in an entry's detail."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One change; ``at`` is µs since 1970."""

    at: int
    account: str
    action: str
    resource: str
    detail: Mapping[str, Any]


def note(connection: Connection, account: str, action: str, resource: str, **detail: Any) -> None:
    """Adds an entry to the open transaction."""
    kept = {key: v[:LONGEST] if isinstance(v, str) else v for key, v in detail.items()}
    row = {
        "at_us": time.time_ns() // 1000,
        "account": account,
        "action": action,
        "resource": resource,
        "detail": kept,
    }
    connection.execute(insert(audit), [row])


def entries(engine: Engine, *, most: int = 100, resource: str = "") -> list[Entry]:
    """The latest entries, the newest first; those of one resource and below it where it is named."""
    chosen = select(
        audit.c.at_us, audit.c.account, audit.c.action, audit.c.resource, audit.c.detail
    ).order_by(audit.c.number.desc())
    if resource:
        chosen = chosen.where(
            (audit.c.resource == resource)
            | audit.c.resource.startswith(resource + "/", autoescape=True)
        )
    with engine.connect() as connection:
        return [Entry(*row) for row in connection.execute(chosen.limit(most))]
