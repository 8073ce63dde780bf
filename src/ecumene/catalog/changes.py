"""Changes of records inside one open transaction: subtrees, copies, files that nobody holds any more."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection, String, cast, delete, func, insert, literal, select, update

from ecumene.catalog.ids import leaf_of, parent_of
from ecumene.catalog.index import Index, below, under
from ecumene.catalog.records import AssetRecord
from ecumene.catalog.schema import assets, holdings, policies


def version(after: AssetRecord | None = None) -> int:
    """Now in µs, and later than the record that is replaced."""
    now = time.time_ns() // 1000
    return now if after is None else max(now, after.updated + 1)


def write(
    index: Index, connection: Connection, record: AssetRecord, old: AssetRecord | None = None
) -> AssetRecord:
    """Adds a record, or puts it in the place of the old one of the same id."""
    made = replace(record, updated=version(old))
    if old is not None:
        connection.execute(delete(assets).where(assets.c.id == old.id))
    connection.execute(insert(assets), [index.row(made)])
    return made


def has_children(connection: Connection, asset_id: str) -> bool:
    """Whether anything lies in a folder or collection."""
    found = connection.execute(select(assets.c.id).where(assets.c.parent == asset_id).limit(1))
    return found.first() is not None


def remove(connection: Connection, asset_id: str) -> list[str]:
    """Removes one record with its policy; returns the folders of files that nobody holds any more."""
    connection.execute(delete(assets).where(assets.c.id == asset_id))
    connection.execute(delete(policies).where(policies.c.id == asset_id))
    return release(connection, asset_id)


def hold(connection: Connection, asset_id: str, folders: Iterable[str]) -> None:
    """Notes that files in these folders belong to an asset."""
    rows = [{"folder": folder, "asset": asset_id} for folder in sorted(set(folders))]
    if rows:
        connection.execute(insert(holdings), rows)


def held(connection: Connection, asset_id: str) -> list[str]:
    """Folders of files that belong to an asset, by name."""
    chosen = select(holdings.c.folder).where(holdings.c.asset == asset_id)
    chosen = chosen.order_by(holdings.c.folder)
    return list(connection.execute(chosen).scalars())


def release(connection: Connection, asset_id: str) -> list[str]:
    """Forgets what an asset holds; returns the folders that no other asset holds."""
    folders = held(connection, asset_id)
    if not folders:
        return []
    connection.execute(delete(holdings).where(holdings.c.asset == asset_id))
    still = select(holdings.c.folder).where(holdings.c.folder.in_(folders))
    return sorted(set(folders) - set(connection.execute(still).scalars()))


def rename(index: Index, connection: Connection, record: AssetRecord, target: str) -> None:
    """Gives an asset and everything below it another id; policies and files go with them."""
    old = record.id
    behind = len(old) + 1

    def moved(column: object) -> object:
        return literal(target) + func.substr(column, behind)

    connection.execute(
        update(assets)
        .where(assets.c.id == old)
        .values(
            id=target, parent=parent_of(target), leaf=leaf_of(target), updated_us=version(record)
        )
    )
    connection.execute(
        update(assets)
        .where(below(assets.c.id, old))
        .values(id=moved(assets.c.id), parent=moved(assets.c.parent))
    )
    for column in (policies.c.id, holdings.c.asset):
        connection.execute(
            update(column.table)
            .where(under(column, old))
            .values({column.name: cast(moved(column), String)})
        )


def usage(connection: Connection, root: str) -> tuple[int, int]:
    """How many assets lie below a root, and the bytes of their files."""
    chosen = select(func.count(), func.coalesce(func.sum(assets.c.size_bytes), 0))
    row = connection.execute(chosen.where(below(assets.c.id, root))).one()
    return int(row[0]), int(row[1])
