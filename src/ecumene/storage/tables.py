"""Databases that several processes open: tables made by whoever comes first, writers that wait."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, Table, event
from sqlalchemy.schema import CreateIndex, CreateTable

PATIENCE = 30.0
"""Seconds that a writer waits for another one."""


_STARTERS = 7340
"""Number of the lock that those who make tables on PostgreSQL take in turn."""

_REVISIONS = (
    "CREATE TABLE IF NOT EXISTS revisions (name VARCHAR(64) PRIMARY KEY, number BIGINT NOT NULL)",
    """
    CREATE OR REPLACE FUNCTION ecumene_revise() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        noted text := 'ecumene.' || TG_ARGV[0];
        here text := pg_current_xact_id()::text;
    BEGIN
        IF current_setting(noted, true) IS DISTINCT FROM here THEN
            UPDATE revisions SET number = number + 1 WHERE name = TG_ARGV[0];
            PERFORM set_config(noted, here, true);
        END IF;
        RETURN NULL;
    END $$
    """,
)
"""Counts a transaction once, at its first change. The row's lock lets those who write take turns until they commit."""


def ensure(tables: MetaData | Sequence[Table], engine: Engine, revision: str = "") -> None:
    """Creates what is not there yet; several processes may do so at once.

    On PostgreSQL the transactions that write these tables are counted under the name ``revision``, if there is one.
    """
    wanted = tables.sorted_tables if isinstance(tables, MetaData) else tables
    with engine.begin() as connection:
        served = engine.dialect.name == "postgresql"
        present = _present(connection) if served else frozenset()
        for table in wanted:
            if table.name not in present:
                connection.execute(CreateTable(table, if_not_exists=True))
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                if str(index.name) not in present:
                    connection.execute(CreateIndex(index, if_not_exists=True))
        if served and revision:
            _count(connection, [table.name for table in wanted], revision, present)


def _present(connection: Connection) -> frozenset[str]:
    """Tables, indexes and triggers that are there. To make one again would wait for those who write."""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_STARTERS})")
    found = connection.exec_driver_sql(
        "SELECT relname FROM pg_class WHERE pg_table_is_visible(oid)"
        " UNION ALL SELECT tgname FROM pg_trigger WHERE pg_table_is_visible(tgrelid)"
    )
    return frozenset(str(name) for name in found.scalars())


def _count(
    connection: Connection, names: Sequence[str], revision: str, present: frozenset[str]
) -> None:
    if "revisions" not in present:
        for statement in _REVISIONS:
            connection.exec_driver_sql(statement)
    connection.exec_driver_sql(
        f"INSERT INTO revisions VALUES ('{revision}', 1) ON CONFLICT DO NOTHING"
    )
    for name in names:
        if f"{name}_revised" not in present:
            connection.exec_driver_sql(
                f"CREATE TRIGGER {name}_revised BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {name}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION ecumene_revise('{revision}')"
            )


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
