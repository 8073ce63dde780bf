"""``table:export``: a collection into files of a format, or a table asset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import shapely
from shapely.geometry import mapping

from ecumene.catalog.records import TABLE
from ecumene.core.documents import pick
from ecumene.core.errors import RequestError
from ecumene.engine.features import feature
from ecumene.tasks.context import TaskContext
from ecumene.tasks.exports import assets, files, formats, requests
from ecumene.tasks.exports.rows import INDEX, Row, collected
from ecumene.vector.pieces import limited

_DESTINATIONS = (
    "fileExportOptions", "assetExportOptions", "featureViewExportOptions", "bigqueryExportOptions",
)  # fmt: skip


def accepted(body: Mapping[str, Any]) -> requests.Payload:
    """The payload of an ``ExportTableRequest``."""
    payload = requests.common(body)
    given = [name for name in _DESTINATIONS if pick(body, name) is not None]
    if len(given) != 1:
        raise RequestError(f"Exactly one of {', '.join(_DESTINATIONS)} must be specified.")
    payload["vertices"] = requests.integer(body, "maxVertices", 0, 0)
    payload["selectors"] = selectors(pick(body, "selectors"))
    if given == ["fileExportOptions"]:
        return payload | requests.file_options(body, formats.FORMATS, "CSV")
    if given == ["assetExportOptions"]:
        return payload | requests.asset(requests.member(body, "assetExportOptions"))
    raise RequestError(f"Exports by {given[0]} are not implemented by this server yet.")


def selectors(given: Any) -> list[str] | None:
    """Names of columns; None or nothing means all."""
    if not given:
        return None
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise RequestError("'selectors' must be a list of strings.")
    return given


def run(task: TaskContext) -> Any:
    """Writes the rows, then the files."""
    if "asset" in task.payload:
        assets.check(task, TABLE)
    rows = collected(_features(task), task.scratch.path / "rows", task.payload["selectors"])
    task.progress(0.7)
    if "asset" not in task.payload:
        return files.manifest(formats.write(task.payload["format"], rows, task.scratch.path))
    if rows.selectors is not None and INDEX not in rows.selectors:
        rows = collected(iter(rows), rows.path.with_suffix(".all"), [INDEX, *rows.selectors])
    formats.write_parquet(rows, task.scratch.path / "table.parquet")
    return {"table": "table.parquet"}


def _features(task: TaskContext) -> Iterator[Row]:
    engine, context = task.around.engine, task.evaluation()
    found = engine.as_collection(engine.evaluate(task.payload["expression"], context), context)
    vertices = task.payload.get("vertices", 0)
    for number, element in enumerate(context.cancel.each(found)):
        row = feature(element, engine, context)
        if vertices and row["geometry"] is not None:
            whole = shapely.geometry.shape(row["geometry"])
            row["geometry"] = mapping(limited(whole, vertices))
        yield row
        if number % 1000 == 999:  # how many there are is not known: nearer and nearer
            task.progress(0.7 * (1 - 1000 / (number + 1000)))


def publish(task: TaskContext, made: Any) -> list[str]:
    """Puts files in place, or registers the table."""
    if "asset" in task.payload:
        return assets.publish_table(task, made)
    return files.publish(task, made)
