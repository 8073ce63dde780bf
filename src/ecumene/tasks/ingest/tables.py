"""Reading the sources of tables: formats by their content, geometry and types as the manifest says."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import shapely
from numpy.typing import NDArray

from ecumene.catalog import tablefiles
from ecumene.catalog.tablefiles import TableData
from ecumene.core import crs as crs_
from ecumene.core.errors import EcumeneError, EvaluationError, LimitExceeded, RequestError
from ecumene.numerics.joda_parse import parse_pattern
from ecumene.tasks.ingest import examples

MOST_BYTES = 2**31
"""Of a source; GeoJSON and CSV are held in memory while they are read."""

MOST_VALUES = 5 * 10**7
"""Of the rows of a file of TFRecords, each of which counts too."""

MOST_EXPANSION = 200
"""Unpacked bytes for a byte of a ZIP, where there are more than ``LITTLE`` of them."""

LITTLE = 2**26
DEGREES = "EPSG:4326"
_SIDECARS = (".shx", ".dbf", ".prj", ".cpg")
GEOMETRY = "geometry"
Options = Mapping[str, Any]


def read(path: Path, name: str, options: Options, kinds: Mapping[str, str]) -> TableData:
    """The rows of a source: properties, and shapes in longitudes and latitudes.

    Raises RequestError for what is damaged or no table, LimitExceeded for what is too large.
    """
    if path.stat().st_size > MOST_BYTES:
        raise LimitExceeded(f"'{name}' has more than {MOST_BYTES} bytes.")
    try:
        return _read(path, name, options, kinds)
    except EcumeneError as error:
        raise RequestError(f"Failed to read '{name}': {error.message}") from None
    except tablefiles.DAMAGE as error:
        raise RequestError(f"Failed to read '{name}': {str(error)[:300]}") from None


def _read(path: Path, name: str, options: Options, kinds: Mapping[str, str]) -> TableData:
    lower = path.name.lower()
    with path.open("rb") as file:
        head = file.read(16)
    if head.startswith(b"PK"):
        _check_archive(path)
    if head.startswith(b"\x00\x00\x27\x0a") and lower.endswith(".shp"):
        return _shapefile(path)
    if lower.endswith((".tfrecord", ".tfrecord.gz")):
        return _located(_columns(_records(path, name)), options, kinds)
    if lower.endswith((".csv", ".tsv", ".txt")) and not head.startswith((b"PAR1", b"PK")):
        return _located(_texts(path, options), options, kinds)
    return tablefiles.read(str(path))


def is_planar(options: Options) -> bool:
    """Whether edges are straight: as the source says, else in projected systems."""
    if options["geodesic"] is not None:
        return not options["geodesic"]
    return bool(options["crs"]) and not crs_.is_geographic(crs_.canonical(options["crs"]))


# -- Shapefiles ----------------------------------------------------------------------------------


def _check_archive(path: Path) -> None:
    """Before anything is unpacked: whole, and not a bomb."""
    with zipfile.ZipFile(path) as archive:
        sizes = [info.file_size for info in archive.infolist()]
    total = sum(sizes)
    if total > LITTLE and (total > MOST_EXPANSION * path.stat().st_size or total > MOST_BYTES):
        raise LimitExceeded(f"it unpacks to {total} bytes, too much for an archive of its size.")


def _shapefile(path: Path) -> TableData:
    """A .shp with the files beside it, none of which leads elsewhere."""
    for suffix in _SIDECARS:
        beside = path.with_suffix(suffix)
        if beside.exists() and Path(os.path.realpath(beside)).parent != path.parent:
            raise RequestError(f"'{beside.name}' is a link to another place.")
    if not path.with_suffix(".shx").exists() or not path.with_suffix(".dbf").exists():
        raise RequestError("a .shp needs its .shx and .dbf beside it.")
    return tablefiles.ogr(str(path))


# -- columns -------------------------------------------------------------------------------------


def _texts(path: Path, options: Options) -> pa.Table:
    """The cells of a CSV file as texts; empty ones are null."""
    parsing = pa.csv.ParseOptions(
        delimiter=options["delimiter"], quote_char=options["qualifier"], newlines_in_values=True
    )
    try:
        reading = pa.csv.ReadOptions(encoding=options["charset"])
        with pa.csv.open_csv(path, reading, parsing) as reader:
            names = reader.schema.names
        converting = pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True
        )
        table = pa.csv.read_csv(path, pa.csv.ReadOptions(encoding=options["charset"]), parsing, converting)  # fmt: skip
    except LookupError:
        raise RequestError(f"unknown charset '{options['charset'][:40]}'.") from None
    if len(set(names)) != len(names):
        raise RequestError("two columns have the same name.")
    return table


def _records(path: Path, name: str) -> list[dict[str, Any]]:
    found, total = [], 0
    for row in examples.rows(path, name):
        plain = {
            k: v.tolist() if isinstance(v, np.ndarray | np.generic) else v for k, v in row.items()
        }
        total += 1 + sum(len(v) if isinstance(v, list) else 1 for v in plain.values())
        if total > MOST_VALUES:
            raise LimitExceeded(f"it holds more than {MOST_VALUES} values.")
        found.append(plain)
    return found


def _columns(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: _array([row.get(name) for row in rows]) for name in names}
    return tablefiles.assembled(columns, len(rows))


def _array(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if v is None else str(v) for v in values], pa.string())


def _located(table: pa.Table, options: Options, kinds: Mapping[str, str]) -> TableData:
    """Columns with their types, and shapes from a geometry column or from coordinates."""
    crs = crs_.canonical(options["crs"] or DEGREES)
    table, shapes = _geometry(table, options["geometry"])
    arrays = {
        name: _typed(name, table.column(name).combine_chunks(), kinds.get(name), options["dates"])
        for name in table.column_names
    }
    rows = table.num_rows
    if shapes is None:
        shapes = _points(arrays, options, rows, projected=not crs_.is_geographic(crs))
    if GEOMETRY in arrays:
        arrays[f"{GEOMETRY}_1"] = arrays.pop(GEOMETRY)
    whole = tablefiles.assembled(arrays, rows)
    return TableData(whole, tablefiles.to_degrees(shapes, None if crs == DEGREES else crs))


def _geometry(table: pa.Table, primary: str) -> tuple[pa.Table, NDArray[Any] | None]:
    """The table without its first column of geometries (or the one that is named), and its shapes."""
    if primary and primary not in table.column_names:
        raise RequestError(f"there is no column '{primary}'.")
    for name in [primary] if primary else table.column_names:
        column = table.column(name)
        if not pa.types.is_string(column.type):
            continue
        texts = column.to_pylist()
        first = next((text for text in texts if text), None)
        if first is None or _shape(first) is None:
            continue
        shapes = np.array([None if not text else _shape(text) for text in texts], object)
        for row, (text, found) in enumerate(zip(texts, shapes, strict=True)):
            if text and found is None:
                raise RequestError(f"row {row + 1}: '{name}' holds no geometry: '{text[:60]}'.")
        return table.drop_columns([name]), shapes
    if primary:
        raise RequestError(f"column '{primary}' holds no geometries.")
    return table, None


def _shape(text: str) -> Any:
    plain = text.strip()
    if plain.startswith("{"):
        return shapely.from_geojson(plain, on_invalid="ignore")
    if not plain[:2].isalpha() or "(" not in plain and "EMPTY" not in plain.upper():
        return None
    return shapely.from_wkt(plain, on_invalid="ignore")


def _typed(name: str, column: pa.Array, kind: str | None, dates: str) -> pa.Array:
    """Texts as numbers where all of them are; as the manifest says where it does."""
    if not pa.types.is_string(column.type):
        return pc.cast(column, pa.string()) if kind == "STRING" else column
    if kind == "STRING":
        return column
    trimmed = pc.utf8_trim_whitespace(column)
    for wanted in (pa.int64(), pa.float64()) if kind is None else (_KINDS[kind],):
        try:
            return pc.cast(trimmed, wanted)
        except pa.ArrowInvalid:
            continue
    if kind is not None:
        raise RequestError(f"column '{name}' holds what is no number.")
    return (_dated(trimmed, dates) if dates else None) or column


_KINDS = {"NUMERIC": pa.float64(), "LONG": pa.int64()}


def _dated(column: pa.Array, pattern: str) -> pa.Array | None:
    """Milliseconds, if all texts are dates of the pattern."""
    try:
        return pa.array(
            [None if v is None else parse_pattern(pattern, v) for v in column.to_pylist()],
            pa.int64(),
        )
    except EvaluationError:
        return None


def _points(
    arrays: Mapping[str, pa.Array], options: Options, rows: int, *, projected: bool
) -> NDArray[Any]:
    """Points of the coordinate columns; in degrees they are called longitude and latitude if nothing is said."""
    given = [options["x"], options["y"]]
    if given == [None, None] and not projected:
        given = ["longitude", "latitude"]
    elif any(given):
        for name in given:
            if name not in arrays:
                raise RequestError(f"there is no column '{name}'.")
            if not _is_number(arrays[name]):
                raise RequestError(f"column '{name}' holds what is no number.")
    shapes = np.full(rows, None, object)
    if all(name in arrays and _is_number(arrays[name]) for name in given):
        x, y = (np.asarray(pc.cast(arrays[name], pa.float64()), "float64") for name in given)
        known = np.isfinite(x) & np.isfinite(y)
        shapes[known] = shapely.points(x[known], y[known])
    return shapes


def _is_number(column: pa.Array) -> bool:
    return bool(pa.types.is_integer(column.type) or pa.types.is_floating(column.type))


# -- several sources -----------------------------------------------------------------------------


def joined(parts: Sequence[TableData]) -> TableData:
    """All rows, one source after the other; a number in one and a text in another becomes a text."""
    if len(parts) == 1:
        return parts[0]
    names = dict.fromkeys(name for part in parts for name in part.columns.column_names)
    columns = {name: _stacked([_column(part, name) for part in parts]) for name in names}
    rows = sum(part.columns.num_rows for part in parts)
    return TableData(
        tablefiles.assembled(columns, rows), np.concatenate([part.shapes for part in parts])
    )


def _column(part: TableData, name: str) -> Any:
    if name in part.columns.column_names:
        return part.columns.column(name).combine_chunks()
    return pa.nulls(part.columns.num_rows)


def _stacked(arrays: Sequence[Any]) -> Any:
    try:
        tables = [pa.table({"a": array}) for array in arrays]
        return pa.concat_tables(tables, promote_options="permissive").column("a")
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.chunked_array([pc.cast(array, pa.string()) for array in arrays], pa.string())
