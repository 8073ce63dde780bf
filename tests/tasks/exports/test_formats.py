"""Rows as files: columns that are missing, and those that are called like the geometry's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyogrio
import pytest
import shapely

from ecumene.catalog import tablefiles
from ecumene.tasks.exports import formats
from ecumene.tasks.exports.rows import Rows, collected

POINTS = [(1.0, 2.0), (3.0, 4.0)]
FILES = {"PARQUET": "table.parquet", "KML": "table.kml", "SHP": "table.shp"}


def rows(folder: Path, properties: dict[str, Any], selectors: list[str] | None = None) -> Rows:
    made = (
        {
            "type": "Feature",
            "id": str(k),
            "geometry": {"type": "Point", "coordinates": list(point)},
            "properties": properties,
        }
        for k, point in enumerate(POINTS)
    )
    return collected(made, folder / "rows", selectors)


def read(kind: str, folder: Path) -> tuple[list[str], list[tuple[float, float]], dict[str, Any]]:
    """Names of columns, points, and values by column."""
    path = folder / FILES[kind]
    if kind == "PARQUET":
        found = tablefiles.read(str(path))
        columns, shapes = found.columns, found.shapes
    else:
        about, table = pyogrio.read_arrow(path)
        name = about["geometry_name"] or "wkb_geometry"
        columns, shapes = table.drop_columns([name]), shapely.from_wkb(table.column(name))
    return columns.column_names, [(s.x, s.y) for s in shapes], columns.to_pydict()


@pytest.mark.parametrize("kind", FILES)
def test_geometries_alone_are_a_table(tmp_path: Path, kind: str) -> None:
    formats.write(kind, rows(tmp_path, {"a": 1}, [".geo"]), tmp_path)
    names, points, _ = read(kind, tmp_path)
    assert points == POINTS and "a" not in names


@pytest.mark.parametrize("kind", FILES)
def test_a_property_may_be_called_geometry(tmp_path: Path, kind: str) -> None:
    formats.write(kind, rows(tmp_path, {"geometry": "round"}), tmp_path)
    _, points, values = read(kind, tmp_path)
    assert (points, values["geometry"]) == (POINTS, ["round", "round"])
