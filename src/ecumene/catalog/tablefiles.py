"""Reading table files into columns: GeoParquet, GeoJSON, CSV, zipped Shapefile, GeoPackage.

Geometries come out in longitudes and latitudes. What a file is, is told from its content, never
left to a driver's guess: formats that refer to other files are not opened.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Mapping
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
DAMAGE = (
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
    except DAMAGE as error:
        raise Unavailable(f"The table '{name}' is damaged: {str(error)[:200]}") from error
    return TableData(plain_columns(data.columns), data.shapes)


def _reader(path: str) -> Callable[[str], TableData] | None:
    with open(path, "rb") as file:
        head = file.read(64)
    if head.startswith(b"PAR1"):
        return _parquet
    if head.startswith(b"PK"):
        return _shapefile
    if head.startswith(b"SQLite format 3\x00"):
        return ogr
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return _geojson
    if path.lower().endswith((".csv", ".tsv", ".txt")):
        return _csv
    return None


def to_degrees(shapes: NDArray[Any], crs: str | None) -> NDArray[Any]:
    """Vertices from another CRS to longitudes and latitudes."""
    to = None if crs is None else _mover(crs)
    if to is None:
        return shapes

    def move(coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(to.transform(coordinates[:, 0], coordinates[:, 1]))

    return np.asarray(shapely.transform(shapes, move), object)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the geometries of an Arrow table are.

    ``read`` are the columns that shapes and boxes are made of; ``covering`` are the paths of the columns
    that hold west, south, east and north of each row; ``points`` says that all shapes are points.
    """

    kind: str | None
    column: str = ""
    read: tuple[str, ...] = ()
    crs: str | None = None
    covering: tuple[tuple[str, ...], ...] | None = None
    points: bool = False

    @property
    def hidden(self) -> bool:
        """Whether the column is no property besides."""
        return self.kind in ("wkb", "geojson", "wkt")

    def shapes(self, table: pa.Table) -> NDArray[Any]:
        """One shape per row in the CRS of the file, None where there is none."""
        if self.kind == "wkb":
            return np.asarray(shapely.from_wkb(table.column(self.column).to_numpy()), object)
        if self.kind == "lonlat":
            return _from_lonlat(*(table.column(name) for name in self.read))
        if self.kind is None:
            return np.full(table.num_rows, None, object)
        decode = shapely.from_geojson if self.kind == "geojson" else shapely.from_wkt
        texts = table.column(self.column).to_pylist()
        return np.asarray(decode(texts, on_invalid="ignore"), object)


def place_of(schema: pa.Schema) -> Place:
    """Where geometries are: as GeoParquet says, else as the names of the columns tell."""
    geo = json.loads((schema.metadata or {}).get(b"geo", b"{}"))
    primary = geo.get("primary_column", "geometry")
    if primary not in schema.names:
        return _by_names(schema)
    described = geo.get("columns", {}).get(primary, {})
    if described.get("encoding", "WKB") != "WKB":
        raise ValueError("geometries are not encoded as WKB")
    crs = _unless_degrees(described.get("crs"))
    sides = described.get("covering", {}).get("bbox", {}) if crs is None else {}
    covering = tuple(tuple(sides[k]) for k in ("xmin", "ymin", "xmax", "ymax") if k in sides)
    if len(covering) != 4 or any(path[0] not in schema.names for path in covering):
        covering = ()
    read = dict.fromkeys((primary, *(path[0] for path in covering)))
    points = described.get("geometry_types") == ["Point"]
    return Place("wkb", primary, tuple(read), crs, covering or None, points)


def _unless_degrees(crs: Any) -> str | None:
    """A CRS as text, None if it is the one of longitudes and latitudes."""
    if not crs:
        return None
    known = crs.get("id", {}) if isinstance(crs, dict) else {}
    if (known.get("authority"), str(known.get("code"))) in (("OGC", "CRS84"), ("EPSG", "4326")):
        return None
    return json.dumps(crs)


def _mover(crs: str) -> pyproj.Transformer | None:
    source = pyproj.CRS.from_user_input(crs)
    if source.is_geographic and source.datum == pyproj.CRS("EPSG:4326").datum:
        return None
    return pyproj.Transformer.from_crs(source, "EPSG:4326", always_xy=True)


def _parquet(path: str) -> TableData:
    return _from_columns(pa.parquet.ParquetFile(path).read())


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
    columns = assembled(dict(zip(names, arrays, strict=True)), len(rows))
    return TableData(columns, to_degrees(shapes, crs))


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
    return ogr(f"/vsizip/{path}/{names[0]}")


def ogr(path: str) -> TableData:
    """The first layer of a file that GDAL reads; what it is has been told from its content."""
    meta, table = pyogrio.read_arrow(path)
    geometry = meta["geometry_name"] or "wkb_geometry"
    shapes = shapely.from_wkb(table.column(geometry).to_numpy())
    return TableData(table.drop_columns([geometry]), to_degrees(shapes, meta["crs"]))


def _csv(path: str) -> TableData:
    options = pa.csv.ConvertOptions(strings_can_be_null=True)
    return _from_columns(pa.csv.read_csv(path, convert_options=options))


def _from_columns(table: pa.Table) -> TableData:
    """Geometry from the column that GeoParquet names, ``.geo`` (GeoJSON), WKT, or longitude and latitude columns."""
    place = place_of(table.schema)
    columns = table.drop_columns([place.column]) if place.hidden else table
    return TableData(columns, to_degrees(place.shapes(table), place.crs))


def _by_names(schema: pa.Schema) -> Place:
    names = {name.lower(): name for name in reversed(schema.names)}
    if ".geo" in names:
        return Place("geojson", names[".geo"], (names[".geo"],))
    for name in _WKT:
        if name in names and pa.types.is_string(schema.field(names[name]).type):
            return Place("wkt", names[name], (names[name],))
    x = next((names[name] for name in _LONGITUDES if name in names), None)
    y = next((names[name] for name in _LATITUDES if name in names), None)
    return Place(None) if x is None or y is None else Place("lonlat", x, (x, y), points=True)


def _from_lonlat(x: Any, y: Any) -> NDArray[Any]:
    lon, lat = (
        np.asarray(pc.cast(column, pa.float64(), safe=False), "float64") for column in (x, y)
    )
    shapes = np.full(len(lon), None, object)
    known = np.isfinite(lon) & np.isfinite(lat)
    shapes[known] = shapely.points(lon[known], lat[known])
    return shapes


def plain_columns(table: pa.Table) -> pa.Table:
    """Columns as properties; structures and binary columns are left out."""
    columns: dict[str, Any] = {}
    for name in table.column_names:
        column = _plain_column(table.column(name).combine_chunks())
        if column is not None:
            columns[name] = column
    return assembled(columns, table.num_rows)


def assembled(columns: Mapping[str, Any], rows: int) -> pa.Table:
    """Columns as a table, which has its rows even where there are no columns."""
    return pa.table(dict(columns)) if columns else pa.table({"": pa.nulls(rows)}).select([])


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
    text = pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    if text or pa.types.is_time(kind) or pa.types.is_null(kind):
        return pc.cast(column, pa.string())
    return column


def large(path: str, most: int) -> bool:
    """Whether a file is Parquet with more bytes than this when its columns are decoded."""
    with open(path, "rb") as file:
        if file.read(4) != b"PAR1":
            return False
        file.seek(0)
        metadata = pa.parquet.ParquetFile(file).metadata
    groups = (metadata.row_group(g) for g in range(metadata.num_row_groups))
    return bool(sum(group.total_byte_size for group in groups) > most)
