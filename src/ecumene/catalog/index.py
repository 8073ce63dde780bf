"""The catalogue's index: reading, writing and searching asset records in SQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from ecumene.catalog.conditions import Properties, holds
from ecumene.catalog.ids import ancestors, leaf_of, parent_of
from ecumene.catalog.records import FOLDER, AssetRecord
from ecumene.catalog.schema import assets, holdings, open_engine, policies, roots
from ecumene.core.query import Query

_BATCH = 400
_WRITERS = 7341
"""Number of the lock that writers of a PostgreSQL catalogue take in turn."""


class Index:
    """Asset records in a database. Thread-safe; several processes may share one."""

    def __init__(self, path_or_url: str | Path) -> None:
        self.engine, self.base = open_engine(path_or_url)
        self.properties = Properties(self.engine.dialect.name)
        self._turn = threading.Lock()

    def close(self) -> None:
        """Gives back the connections."""
        self.engine.dispose()

    # -- reading ---------------------------------------------------------------------------------

    def get(self, asset_id: str) -> AssetRecord | None:
        """The record of a canonical id."""
        with self.engine.connect() as connection:
            return self.fetch(connection, asset_id)

    def fetch(self, connection: Connection, asset_id: str) -> AssetRecord | None:
        """The record of a canonical id, as a connection's transaction sees it."""
        row = connection.execute(select(assets).where(assets.c.id == asset_id)).first()
        return None if row is None else self.record(row)

    def many(self, asset_ids: Sequence[str]) -> dict[str, AssetRecord]:
        """The records of these ids that exist."""
        found: dict[str, AssetRecord] = {}
        with self.engine.connect() as connection:
            for start in range(0, len(asset_ids), _BATCH):
                chosen = select(assets).where(assets.c.id.in_(asset_ids[start : start + _BATCH]))
                for row in connection.execute(chosen):
                    record = self.record(row)
                    found[record.id] = record
        return found

    def search(
        self, parent: str, query: Query, *, kind: str | None = None
    ) -> list[tuple[str, int]]:
        """``(id, version)`` of the children that answer the query, in its order (else by id)."""
        conditions, rest = self._where(parent, query, kind)
        columns: list[Any] = [assets.c.id, assets.c.updated_us]
        if rest:
            columns.append(assets.c.properties)
        chosen = select(*columns).where(*conditions)
        if query.order is None:
            chosen = chosen.order_by(assets.c.id)
        else:
            chosen = chosen.order_by(*self.properties.order(*query.order))
        if query.limit is not None and not rest:
            chosen = chosen.limit(query.limit)
        with self.engine.connect() as connection:
            rows = connection.execute(chosen).all()
        if rest:
            rows = [row for row in rows if all(holds(one, row[2]) for one in rest)]
        return [(row[0], row[1]) for row in rows[: query.limit]]

    def children(
        self,
        parent: str,
        query: Query,
        *,
        kind: str | None = None,
        after: str | None = None,
        most: int,
        brief: bool = False,
    ) -> list[AssetRecord]:
        """The records of at most so many children that answer the query, by id, behind ``after``.

        Reads on from ``after`` in the index and stops when it has enough: pages cost the same wherever they are.
        ``brief`` ones have id, type and footprint only.
        """
        conditions, rest = self._where(parent, query, kind)
        columns: list[Any] = [assets]
        if brief:
            columns = [assets.c.id, assets.c.type, *([assets.c.properties] if rest else [])]
            columns += [] if query.bounds is None else [assets.c.footprint]
        found: list[AssetRecord] = []
        with self.engine.connect() as connection:
            while len(found) < most:
                chosen = select(*columns).where(*conditions).order_by(assets.c.id).limit(most)
                if after is not None:
                    chosen = chosen.where(assets.c.id > after)
                rows = connection.execute(chosen).all()
                found += [
                    _briefly(row) if brief else self.record(row)
                    for row in rows
                    if all(holds(one, row.properties) for one in rest)
                ]
                if len(rows) < most:
                    break
                after = rows[-1].id
        return found[:most]

    def count(self, parent: str, query: Query, *, kind: str | None = None) -> int:
        """How many children answer the query."""
        conditions, rest = self._where(parent, query, kind)
        if rest:
            return len(self.search(parent, query, kind=kind))
        with self.engine.connect() as connection:
            found = connection.execute(
                select(func.count()).select_from(assets).where(*conditions)
            ).scalar_one()
        return int(found)

    def extent(self, parent: str) -> tuple[int | None, int | None]:
        """First start and last end of the children."""
        row = assets.c
        with self.engine.connect() as connection:
            found = connection.execute(
                select(
                    func.min(row.start_ms), func.max(func.coalesce(row.end_ms, row.start_ms))
                ).where(row.parent == parent)
            ).one()
        return found[0], found[1]

    def boxes(self, parent: str) -> list[tuple[float, float, float, float]]:
        """West, south, east, north of the children that have bounds."""
        row = assets.c
        chosen = select(row.west, row.south, row.east, row.north)
        with self.engine.connect() as connection:
            found = connection.execute(
                chosen.where(row.parent == parent, row.west.is_not(None)).distinct()
            )
            return [(r[0], r[1], r[2], r[3]) for r in found]

    def top_folders(self) -> list[str]:
        """The roots of users and cloud projects that hold anything."""
        row = assets.c
        with self.engine.connect() as connection:
            found = connection.execute(
                select(row.id).where(
                    or_(row.parent.is_(None), row.parent == "users"), row.type == FOLDER
                )
            )
            return sorted(found.scalars())

    def _where(self, parent: str, query: Query, kind: str | None) -> tuple[list[Any], list[Any]]:
        conditions, rest = self.properties.where(query)
        conditions.insert(0, assets.c.parent == parent)
        if kind is not None:
            conditions.append(assets.c.type == kind)
        return conditions, rest

    # -- writing ---------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, alone in writing from its start: what it reads stays true until it commits.

        Threads of a process take turns before they take a connection: those that wait leave the others to readers.
        """
        with self._turn, self.engine.begin() as connection:
            if self.engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS})")
            yield connection

    def put(self, records: Iterable[AssetRecord]) -> int:
        """Adds or replaces records, with the folders above them; returns how many."""
        batch: list[AssetRecord] = []
        total = 0
        for record in records:
            batch.append(record)
            if len(batch) == _BATCH:
                total += self._put(batch)
                batch = []
        return total + (self._put(batch) if batch else 0)

    def _put(self, records: Sequence[AssetRecord]) -> int:
        unique = {record.id: record for record in records}
        now = time.time_ns() // 1000
        rows = [
            self.row(record if record.updated else replace(record, updated=now))
            for record in unique.values()
        ]
        with self.writing() as connection:
            above = {one for record in unique.values() for one in ancestors(record.id)}
            known = connection.execute(select(assets.c.id).where(assets.c.id.in_(above))).scalars()
            missing = above - set(known) - set(unique)
            rows += [self.row(AssetRecord(one, FOLDER, updated=now)) for one in sorted(missing)]
            connection.execute(delete(assets).where(assets.c.id.in_(list(unique))))
            connection.execute(insert(assets), rows)
        return len(unique)

    def change(self, asset_id: str, **columns: Any) -> None:
        """Sets columns of one asset."""
        with self.writing() as connection:
            connection.execute(update(assets).where(assets.c.id == asset_id).values(**columns))

    def remove(self, asset_id: str) -> int:
        """Removes an asset and everything below it; returns how many records went."""
        with self.writing() as connection:
            for table in (policies, holdings):
                column = table.c.id if table is policies else table.c.asset
                connection.execute(delete(table).where(under(column, asset_id)))
            gone = connection.execute(delete(assets).where(under(assets.c.id, asset_id)))
        return int(gone.rowcount)

    def add_root(self, root: str) -> None:
        """Registers a folder or URL prefix that may be read."""
        stored = self._relative(root)
        with self.writing() as connection:
            connection.execute(delete(roots).where(roots.c.root == stored))
            connection.execute(insert(roots), [{"root": stored}])

    def roots(self) -> list[str]:
        """All registered folders and URL prefixes."""
        with self.engine.connect() as connection:
            return [self._absolute(row[0]) for row in connection.execute(select(roots))]

    # -- rows ------------------------------------------------------------------------------------

    def _relative(self, path: str) -> str:
        """Paths below the database's own folder are stored relative to it, so that it can move."""
        if self.base is not None:
            base = str(self.base)
            if path == base:
                return "."
            if path.startswith(base + "/"):
                return path[len(base) + 1 :]
        return path

    def _absolute(self, path: str) -> str:
        if self.base is None or path.startswith("/") or "://" in path:
            return path
        return str(self.base) if path == "." else f"{self.base}/{path}"

    def row(self, record: AssetRecord) -> dict[str, Any]:
        """The columns of a record."""
        west, south, east, north = record.bounds or (None, None, None, None)
        return {
            "id": record.id,
            "parent": parent_of(record.id),
            "leaf": leaf_of(record.id),
            "type": record.type,
            "title": record.title,
            "description": record.description,
            "start_ms": record.start,
            "end_ms": record.end,
            "updated_us": record.updated,
            "properties": dict(record.properties),
            "west": west,
            "south": south,
            "east": east,
            "north": north,
            "footprint": record.footprint,
            "bands": [_moved(band, self._relative) for band in record.bands],
            "table_location": _moved(record.table, self._relative) if record.table else None,
            "size_bytes": record.size,
            "feature_count": record.count,
        }

    def record(self, row: Row[Any]) -> AssetRecord:
        """The record in a row."""
        bounds = None if row.west is None else (row.west, row.south, row.east, row.north)
        table = row.table_location
        return AssetRecord(
            row.id,
            row.type,
            row.title,
            row.description,
            row.start_ms,
            row.end_ms,
            row.updated_us,
            row.properties,
            bounds,
            row.footprint,
            tuple(_moved(band, self._absolute) for band in row.bands or ()),
            _moved(table, self._absolute) if table else None,
            row.size_bytes,
            row.feature_count,
        )


def _briefly(row: Row[Any]) -> AssetRecord:
    return AssetRecord(row.id, row.type, footprint=getattr(row, "footprint", None))


def under(column: Any, asset_id: str) -> ColumnElement[bool]:
    """Whether an id is this one or lies below it: two ranges that an index answers."""
    found: ColumnElement[bool] = or_(column == asset_id, below(column, asset_id))
    return found


def below(column: Any, asset_id: str) -> ColumnElement[bool]:
    """Whether an id lies below this one ("0" is what follows "/")."""
    found: ColumnElement[bool] = and_(column > f"{asset_id}/", column < f"{asset_id}0")
    return found


def _moved(stored: Any, change: Any) -> dict[str, Any]:
    """A band's or table's JSON with its paths changed."""
    path = change(stored["path"])
    masks = stored.get("masks")
    if path == stored["path"] and not masks:
        return dict(stored)
    out = {**stored, "path": path}
    if masks:
        out["masks"] = [[change(mask[0]), *mask[1:]] for mask in masks]
    return out
