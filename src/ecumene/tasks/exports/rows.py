"""Rows of a table on the disk, written once and read by whatever makes a file of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import shapely

from ecumene.catalog.tablefiles import assembled
from ecumene.core.errors import RequestError

INDEX, GEO = "system:index", ".geo"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """Plain GeoJSON features in a file, one a line.

    ``names`` are their properties in the order in which they are met; ``selectors``, where a request gives them,
    choose and order the columns.
    """

    path: Path
    names: tuple[str, ...]
    count: int
    selectors: tuple[str, ...] | None = None

    def __iter__(self) -> Iterator[Row]:
        decoder = msgspec.json.Decoder()
        with self.path.open("rb") as file:
            for line in file:
                yield decoder.decode(line)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of a flat file: the selectors, else the index, the properties, the geometry."""
        return (INDEX, *self.names, GEO) if self.selectors is None else self.selectors

    @property
    def properties(self) -> tuple[str, ...]:
        """The properties among the columns, and the index where it is asked for."""
        return tuple(name for name in self.columns if name != GEO)

    def values(self, row: Row) -> Iterator[Any]:
        """The properties of a row; None where it lacks one."""
        for name in self.properties:
            yield row.get("id") if name == INDEX else row["properties"].get(name)


def collected(features: Iterable[Row], path: Path, selectors: Sequence[str] | None = None) -> Rows:
    """Writes features to a file."""
    names: dict[str, None] = {}
    count = 0
    with path.open("wb") as file:
        for row in features:
            names.update(dict.fromkeys(sorted(row["properties"])))
            file.write(msgspec.json.encode(row) + b"\n")
            count += 1
    return Rows(path, tuple(names), count, tuple(selectors) if selectors else None)


def text(value: Any) -> Any:
    """A value in a cell of text: lists and objects as JSON."""
    if value is None:
        return ""
    if isinstance(value, Mapping | list):
        return json.dumps(value)
    return value


def arrow(rows: Rows) -> tuple[pa.Table, list[Any]]:
    """The properties as columns, and the shapes. What has no type of a column is JSON text."""
    names = rows.properties
    cells: list[list[Any]] = [[] for _ in names]
    shapes: list[Any] = []
    for row in rows:
        geometry = row["geometry"]
        shapes.append(None if geometry is None else shapely.geometry.shape(geometry))
        for column, value in zip(cells, rows.values(row), strict=True):
            column.append(value)
    arrays = [_column(column) for column in cells]
    return assembled(dict(zip(names, arrays, strict=True)), len(shapes)), shapes


def _column(values: list[Any]) -> pa.Array:
    try:
        found = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if v is None else str(text(v)) for v in values], pa.string())
    if pa.types.is_struct(found.type):
        return pa.array([None if v is None else json.dumps(v) for v in values], pa.string())
    if pa.types.is_null(found.type):
        return found.cast(pa.string())
    return found


def one_kind(shapes: Sequence[Any], what: str) -> tuple[str, list[Any]]:
    """The geometry type that all shapes share, made multiple where some are.

    Raises RequestError where there is none: ``what`` says which format needs it.
    """
    kinds = {shape.geom_type for shape in shapes if shape is not None}
    single = {kind.removeprefix("Multi") for kind in kinds}
    if len(single) > 1 or "GeometryCollection" in single:
        raise RequestError(
            f"{what} files hold geometries of one type; found {', '.join(sorted(kinds))}."
        )
    if len(kinds) < 2:
        return next(iter(kinds), "Unknown"), list(shapes)
    kind = next(iter(single))
    made = {
        "Point": shapely.MultiPoint, "LineString": shapely.MultiLineString, "Polygon": shapely.MultiPolygon,
    }[kind]  # fmt: skip
    whole = [s if s is None or s.geom_type != kind else made([s]) for s in shapes]
    return f"Multi{kind}", whole
