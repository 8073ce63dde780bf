"""Whether a database has changed: what makes it safe to remember what was read from it."""

from __future__ import annotations

import sqlite3
import threading
import time
from typing import Any, Protocol

from sqlalchemy.engine import Engine

PAUSE = 1.0
"""Seconds before a server that was away is tried again."""


class _Look(Protocol):
    def now(self) -> int | None: ...

    def close(self) -> None: ...


class Revision:
    """The state of a database as a number that is another one after every commit, of any process.

    SQLite tells this from its header. On PostgreSQL triggers count the transactions that write a group of tables
    (``tables.ensure``), and the count is read anew whenever it is asked for: it is visible with the very commit that
    it counts, which a notification would follow. Other databases and databases in memory cannot tell, nor can a
    server that is away: nothing that was read from them may be remembered.

    Parameters
    ----------
    name : the group of tables, on PostgreSQL.
    """

    def __init__(self, engine: Engine, name: str = "") -> None:
        file = engine.url.database
        self._lock = threading.Lock()
        self._look: _Look | None = None
        if engine.dialect.name == "sqlite" and file not in (None, "", ":memory:"):
            self._look = _Header(str(file))
        elif engine.dialect.name == "postgresql":
            self._look = _Count(engine, name)

    def now(self) -> int | None:
        """A number that two calls share only if nothing was committed between them; None if unknown."""
        with self._lock:
            return None if self._look is None else self._look.now()

    def close(self) -> None:
        """Gives back the connection; nothing is known afterwards."""
        with self._lock:
            if self._look is not None:
                self._look.close()
                self._look = None


class _Header:
    """SQLite's ``PRAGMA data_version``, in about 20 µs, on a connection of its own that never writes."""

    def __init__(self, file: str) -> None:
        self._connection = sqlite3.connect(
            file, check_same_thread=False, isolation_level=None, timeout=10
        )

    def now(self) -> int | None:
        try:
            found: tuple[int] = self._connection.execute("PRAGMA data_version").fetchone()
        except sqlite3.OperationalError:  # busy: say nothing rather than something old
            return None
        return found[0]

    def close(self) -> None:
        self._connection.close()


class _Count:
    """A row of PostgreSQL's table ``revisions``, on a connection of its own that commits by itself."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._dialect, self._name = engine.dialect, name
        self._where = engine.dialect.create_connect_args(engine.url)
        self._connection: Any = None
        self._again = 0.0

    def now(self) -> int | None:
        driver: Any = self._dialect.loaded_dbapi
        try:
            if self._connection is None:
                if time.monotonic() < self._again:
                    return None
                places, named = self._where
                timeout = {"connect_timeout": 5, "tcp_user_timeout": 10_000}
                self._connection = driver.connect(
                    *places, **(timeout | dict(named)), autocommit=True
                )
            row = self._connection.execute(
                "SELECT number FROM revisions WHERE name = %s", (self._name,)
            ).fetchone()
        except driver.Error:
            self.close()
            self._again = time.monotonic() + PAUSE
            return None
        return None if row is None else int(row[0])

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
