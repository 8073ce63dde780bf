"""``table:import``: files of rows into a table of the server's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import shapely

from ecumene.catalog.fileassets import table_record
from ecumene.catalog.ids import name_of
from ecumene.catalog.masks import with_times
from ecumene.catalog.records import TABLE
from ecumene.catalog.tablefiles import TableData
from ecumene.core.errors import RequestError
from ecumene.tasks.context import TaskContext
from ecumene.tasks.exports import assets
from ecumene.tasks.exports.destinations import put
from ecumene.tasks.exports.formats import write_columns
from ecumene.tasks.ingest import places, tables

FILE = "table.parquet"


def run(task: TaskContext) -> Any:
    """Reads all sources and writes them as one file."""
    assets.check(task, TABLE)
    payload = task.payload
    sources = payload["sources"]
    parts = []
    for number, source in enumerate(sources):
        task.cancel.check()
        uri = source["uris"][0]
        beside = task.scratch.path / "sources" / str(number)
        path, *_ = (_found(task, one, beside) for one in source["uris"])
        parts.append(tables.read(path, uri, source, payload["kinds"]))
        task.progress(0.7 * (number + 1) / len(sources))
    whole = tables.joined(parts)
    _check_places(whole, sources[0]["uris"][0])
    write_columns(whole.columns, list(whole.shapes), task.scratch.path / FILE)
    return {"table": FILE, "geodesic": not tables.is_planar(sources[0])}


def _found(task: TaskContext, uri: str, beside: Path) -> Path:
    path, root = places.fetched(task.around.data, task.account, uri, beside)
    task.around.catalog.gate.allow(root)
    return path


def _check_places(data: TableData, name: str) -> None:
    """Raises RequestError where shapes do not lie on Earth: the CRS is another one's."""
    if not len(data.shapes):
        raise RequestError(f"'{name}' has no rows.")
    west, south, east, north = shapely.total_bounds(data.shapes)
    if south < -90.001 or north > 90.001 or west < -540.001 or east > 540.001:
        raise RequestError(
            f"Geometries of '{name}' do not lie on Earth (to {south:g} … {north:g} degrees of latitude): is the CRS the right one?"
        )


def publish(task: TaskContext, made: Mapping[str, Any]) -> list[str]:
    """Moves the file and makes the asset visible."""
    payload, catalog = task.payload, task.around.catalog
    path = assets.folder_of(task) / made["table"]
    put(task.scratch.path / made["table"], path, task.operation.id)
    found = table_record(catalog, payload["asset"], path, geodesic=made["geodesic"])
    found = replace(found, start=payload["start"], end=payload["end"])
    assets.register(task, with_times(found, dict(payload["properties"])))
    return [name_of(payload["asset"])]
