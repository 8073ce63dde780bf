"""Reading table files into columns: GeoParquet, GeoJSON, CSV, zipped Shapefile, GeoPackage.

Geometries come out in longitudes and latitudes. What a file is, is told from its content, never
left to a driver's guess: formats that refer to other files are not opened.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray

from ecumene.core.errors import RequestError, Unavailable

_LONGITUDES = ("longitude", "lon", "lng", "long", "x")
_LATITUDES = ("latitude", "lat", "y")
_DAMAGE = (
    OSError,
    ValueError,
    KeyError,
    zipfile.BadZipFile,
    pa.ArrowException,
    pyogrio.errors.DataSourceError,
    shapely.errors.ShapelyError,
)
_WKT = ("wkt", "geometry", "geom", "the_geom")


@dataclass(frozen=True, slots=True, eq=False)
class TableData:
    """Columns without geometry, and one shape per row (None where a row has none)."""

    columns: pa.Table
    shapes: NDArray[Any]

    @property
    def nbytes(self) -> int:
        """An estimate of the memory held."""
        coordinates = int(shapely.get_num_coordinates(self.shapes).sum())
        return int(self.columns.nbytes) + 16 * coordinates + 200 * len(self.shapes)


def read(path: str) -> TableData:
    """The rows of a table file that has passed the gate.

    Raises RequestError if the format is not one of ours, Unavailable if the file is missing or
    damaged.
    """
    name = os.path.basename(path)
    try:
        reader = _reader(path)
    except OSError as error:
        raise Unavailable(f"The table '{name}' cannot be read.") from error
    if reader is None:
        raise RequestError(
            f"'{name}' is not a GeoJSON, GeoParquet, CSV, GeoPackage or zipped Shapefile."
        )
    try:
        data = reader(path)
    except _DAMAGE as error:
        raise Unavailable(f"The table '{name}' is damaged: {str(error)[:200]}") from error
    return TableData(_plain_columns(data.columns), data.shapes)


def _reader(path: str) -> Callable[[str], TableData] | None:
    with open(path, "rb") as file:
        head = file.read(64)
    if head.startswith(b"PAR1"):
        return _parquet
    if head.startswith(b"PK"):
        return _shapefile
    if head.startswith(b"SQLite format 3\x00"):
        return _ogr
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return _geojson
    if path.lower().endswith((".csv", ".tsv", ".txt")):
        return _csv
    return None


def _to_degrees(shapes: NDArray[Any], crs: str | None) -> NDArray[Any]:
    """Vertices from another CRS to longitudes and latitudes."""
    if crs is None:
        return shapes
    source = pyproj.CRS.from_user_input(crs)
    if source.is_geographic and source.datum == pyproj.CRS("EPSG:4326").datum:
        return shapes
    to = pyproj.Transformer.from_crs(source, "EPSG:4326", always_xy=True)

    def move(coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(to.transform(coordinates[:, 0], coordinates[:, 1]))

    return np.asarray(shapely.transform(shapes, move), object)


def _parquet(path: str) -> TableData:
    table = pa.parquet.ParquetFile(path).read()
    geo = json.loads((table.schema.metadata or {}).get(b"geo", b"{}"))
    primary = geo.get("primary_column", "geometry")
    if primary not in table.column_names:
        return _from_columns(table)
    described = geo.get("columns", {}).get(primary, {})
    if described.get("encoding", "WKB") != "WKB":
        raise ValueError("geometries are not encoded as WKB")
    crs = described.get("crs")
    shapes = shapely.from_wkb(table.column(primary).to_numpy())
    columns = table.drop_columns([primary])
    return TableData(columns, _to_degrees(shapes, json.dumps(crs) if crs else None))


def _geojson(path: str) -> TableData:
    with open(path, "rb") as file:
        document = json.load(file)
    if document.get("type") == "Feature":
        document = {"features": [document]}
    features = document["features"]
    texts = [json.dumps(f["geometry"]) if f.get("geometry") else None for f in features]
    shapes = np.asarray(shapely.from_geojson(texts), object)
    rows = [dict(f.get("properties") or {}) for f in features]
    for row, feature in zip(rows, features, strict=True):
        if feature.get("id") is not None:
            row.setdefault("system:index", str(feature["id"]))
    names = list(dict.fromkeys(name for row in rows for name in row))
    arrays = [_array([row.get(name) for row in rows]) for name in names]
    crs = (document.get("crs") or {}).get("properties", {}).get("name")
    return TableData(pa.table(dict(zip(names, arrays, strict=True))), _to_degrees(shapes, crs))


def _array(values: list[Any]) -> pa.Array:
    """One column; values of mixed kinds become text, objects their JSON."""
    try:
        found = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        found = None
    if found is not None and not pa.types.is_struct(found.type):
        return found
    return pa.array(
        [v if v is None or isinstance(v, str) else json.dumps(v) for v in values], pa.string()
    )


def _shapefile(path: str) -> TableData:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.lower().endswith(".shp")]
        if len(names) != 1 or ".." in names[0].split("/"):
            raise ValueError("a zipped Shapefile holds exactly one .shp")
        with archive.open(names[0]) as member:
            if member.read(4) != b"\x00\x00\x27\x0a":
                raise ValueError("the .shp is no Shapefile")
    return _ogr(f"/vsizip/{path}/{names[0]}")


def _ogr(path: str) -> TableData:
    meta, table = pyogrio.read_arrow(path)
    geometry = meta["geometry_name"] or "wkb_geometry"
    shapes = shapely.from_wkb(table.column(geometry).to_numpy())
    return TableData(table.drop_columns([geometry]), _to_degrees(shapes, meta["crs"]))


def _csv(path: str) -> TableData:
    options = pa.csv.ConvertOptions(strings_can_be_null=True)
    return _from_columns(pa.csv.read_csv(path, convert_options=options))


def _from_columns(table: pa.Table) -> TableData:
    """Geometry from ``.geo`` (GeoJSON), a WKT column, or longitude and latitude columns."""
    names = {name.lower(): name for name in reversed(table.column_names)}
    if ".geo" in names:
        texts = table.column(names[".geo"]).to_pylist()
        shapes = np.asarray(shapely.from_geojson(texts, on_invalid="ignore"), object)
        return TableData(table.drop_columns([names[".geo"]]), shapes)
    for name in _WKT:
        if name in names and pa.types.is_string(table.column(names[name]).type):
            texts = table.column(names[name]).to_pylist()
            return TableData(
                table.drop_columns([names[name]]),
                np.asarray(shapely.from_wkt(texts, on_invalid="ignore"), object),
            )
    x = next((names[name] for name in _LONGITUDES if name in names), None)
    y = next((names[name] for name in _LATITUDES if name in names), None)
    shapes = np.full(table.num_rows, None, object)
    if x is not None and y is not None:
        lon, lat = (
            np.asarray(pc.cast(table.column(name), pa.float64(), safe=False), "float64")
            for name in (x, y)
        )
        known = np.isfinite(lon) & np.isfinite(lat)
        shapes[known] = shapely.points(lon[known], lat[known])
    return TableData(table, shapes)


def _plain_columns(table: pa.Table) -> pa.Table:
    """Columns as properties; structures and binary columns are left out."""
    columns: dict[str, Any] = {}
    for name in table.column_names:
        column = _plain_column(table.column(name).combine_chunks())
        if column is not None:
            columns[name] = column
    return pa.table(columns) if columns else pa.table({"": pa.nulls(table.num_rows)}).select([])


def _plain_column(column: Any) -> Any:
    """Dates as ms, booleans as integers, decimals as floats, no NaN; None if not a property."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_struct(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return None
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return pc.cast(pc.cast(column, pa.timestamp("ms"), safe=False), pa.int64())
    if pa.types.is_boolean(kind):
        return pc.cast(column, pa.int64())
    if pa.types.is_decimal(kind):
        return pc.cast(column, pa.float64())
    if pa.types.is_floating(kind):
        return pc.if_else(pc.is_nan(column), pa.scalar(None, kind), column)
    if pa.types.is_large_string(kind) or pa.types.is_time(kind) or pa.types.is_null(kind):
        return pc.cast(column, pa.string())
    return column
