"""Databases that several processes open: tables made by whoever comes first, writers that wait."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, MetaData, Table, event
from sqlalchemy.schema import CreateIndex, CreateTable

PATIENCE = 30.0
"""Seconds that a writer waits for another one."""


def ensure(tables: MetaData | Sequence[Table], engine: Engine) -> None:
    """Creates what is not there yet; several processes may do so at once."""
    wanted = tables.sorted_tables if isinstance(tables, MetaData) else tables
    with engine.begin() as connection:
        for table in wanted:
            connection.execute(CreateTable(table, if_not_exists=True))
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                connection.execute(CreateIndex(index, if_not_exists=True))


def tuned(engine: Engine, *pragmas: str) -> None:
    """SQLite's connections have readers and one writer at once, who waits rather than failing.

    ``pragmas`` are more of its settings. Other databases are left alone.
    """
    if engine.dialect.name != "sqlite":
        return

    def tune(connection: Any, _record: Any) -> None:
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(f"PRAGMA busy_timeout={int(1000 * PATIENCE)}")
            _log_ahead(cursor)
            for pragma in pragmas:
                cursor.execute(f"PRAGMA {pragma}")

    event.listen(engine, "connect", tune)


def _log_ahead(cursor: Any) -> None:
    """Changing the journal needs the file alone, and SQLite does not wait for that."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return
