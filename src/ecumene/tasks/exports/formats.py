"""Rows as files: CSV, GeoJSON, KML, KMZ, Shapefile, TFRecord, GeoParquet."""

from __future__ import annotations

import csv
import gzip
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pyogrio
import shapely

from ecumene.catalog.tablefiles import assembled
from ecumene.core.errors import RequestError
from ecumene.tasks.exports import records
from ecumene.tasks.exports.rows import GEO, INDEX, Rows, arrow, one_kind, text

Files = dict[str, str]
"""Names of files in a folder, and the endings of their published names."""

FORMATS: Mapping[str, str] = {
    "CSV": "CSV", "GEO_JSON": "GEO_JSON", "JSON": "GEO_JSON", "KML": "KML", "KMZ": "KMZ", "SHP": "SHP",
    "TF_RECORD_TABLE": "TF_RECORD_TABLE", "PARQUET": "PARQUET",
}  # fmt: skip
"""Formats by their names in requests; ``PARQUET`` (GeoParquet) is ours."""

MEDIA = {
    "CSV": "text/csv", "GEO_JSON": "application/json", "KML": "application/vnd.google-earth.kml+xml",
    "KMZ": "application/vnd.google-earth.kmz", "SHP": "application/zip",
    "TF_RECORD_TABLE": "application/octet-stream", "PARQUET": "application/vnd.apache.parquet",
}  # fmt: skip

_EPOCH = (1980, 1, 1, 0, 0, 0)
_SHAPEFILE = ("shp", "shx", "dbf", "prj", "cpg")


def write(kind: str, rows: Rows, folder: Path) -> Files:
    """Writes rows in a format: the same bytes for the same rows."""
    return _WRITERS[kind](rows, folder)


def archived(folder: Path, files: Files, stem: str) -> bytes:
    """Several files as one ZIP."""
    path = folder / "archive.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, ending in files.items():
            archive.writestr(
                zipfile.ZipInfo(f"{stem}{ending}", _EPOCH), (folder / name).read_bytes(), zipfile.ZIP_DEFLATED
            )  # fmt: skip
    return path.read_bytes()


def _csv(rows: Rows, folder: Path) -> Files:
    columns = rows.columns
    with (folder / "table.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in rows:
            special = {INDEX: row.get("id"), GEO: row["geometry"]}
            found = [special[n] if n in special else row["properties"].get(n) for n in columns]
            writer.writerow([text(value) for value in found])
    return {"table.csv": ".csv"}


def _geojson(rows: Rows, folder: Path) -> Files:
    kept = None if rows.selectors is None else rows.properties
    with (folder / "table.geojson").open("w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        for number, row in enumerate(rows):
            if kept is not None:
                found = row["properties"]
                row["properties"] = {n: found[n] for n in kept if n in found}
            file.write(("," if number else "") + "\n" + json.dumps(row))
        file.write("\n]}\n")
    return {"table.geojson": ".geojson"}


def _ogr(
    rows: Rows, path: Path, driver: str, kind: str, shapes: list[Any], table: pa.Table, **options: str
) -> None:  # fmt: skip
    plain = {name: _ogr_column(table.column(name)) for name in table.column_names}
    whole, column = _with_shapes(assembled(plain, len(shapes)), shapes)
    try:
        pyogrio.write_arrow(
            whole, path, driver=driver, geometry_type=kind, geometry_name=column,
            crs="EPSG:4326", layer_options=options,
        )  # fmt: skip
    except pyogrio.errors.DataSourceError as error:
        raise RequestError(f"The table cannot be written as {driver}: {error}"[:400]) from None


def _with_shapes(table: pa.Table, shapes: Sequence[Any]) -> tuple[pa.Table, str]:
    """A column of shapes beside others, and its name, which gives way to a property of that name."""
    name = "geometry"
    while name in table.column_names:
        name = f"_{name}"
    return table.append_column(name, pa.array(shapely.to_wkb(shapes), pa.binary())), name


def _ogr_column(column: Any) -> Any:
    if pa.types.is_list(column.type):
        return pa.array([None if v is None else json.dumps(v) for v in column.to_pylist()])
    return column.combine_chunks()


def _kml(rows: Rows, folder: Path) -> Files:
    table, shapes = arrow(rows)
    _ogr(rows, folder / "table.kml", "LIBKML", "Unknown", shapes, table)
    return {"table.kml": ".kml"}


def _kmz(rows: Rows, folder: Path) -> Files:
    _kml(rows, folder)
    with zipfile.ZipFile(folder / "table.kmz", "w") as archive:
        data = (folder / "table.kml").read_bytes()
        archive.writestr(zipfile.ZipInfo("doc.kml", _EPOCH), data, zipfile.ZIP_DEFLATED)
    return {"table.kmz": ".kmz"}


def _shapefile(rows: Rows, folder: Path) -> Files:
    table, shapes = arrow(rows)
    kind, whole = one_kind(shapes, "Shapefile")
    options = {"ENCODING": "UTF-8", "DBF_DATE_LAST_UPDATE": "1980-01-01"}
    _ogr(rows, folder / "table.shp", "ESRI Shapefile", kind, whole, table, **options)
    return {
        f"table.{ending}": f".{ending}"
        for ending in _SHAPEFILE
        if (folder / f"table.{ending}").exists()
    }


def _tfrecord(rows: Rows, folder: Path) -> Files:
    with (
        (folder / "table.tfrecord.gz").open("wb") as file,
        gzip.GzipFile("", "wb", 6, file, mtime=0) as out,
    ):
        for row in rows:
            pairs = zip(rows.properties, rows.values(row), strict=True)
            features = {name: _tensor(value) for name, value in pairs if value is not None}
            out.write(records.framed(records.example(features)))
    return {"table.tfrecord.gz": ".tfrecord.gz"}


def _tensor(value: Any) -> Any:
    """Numbers, and (nested) lists of them, as floats; anything else as text."""
    flat, stack = [], [value]
    while stack:
        one = stack.pop()
        if isinstance(one, list):
            stack.extend(reversed(one))
        elif isinstance(one, bool | int | float):
            flat.append(float(one))
        else:
            return str(text(value)).encode()
    return flat


def _parquet(rows: Rows, folder: Path) -> Files:
    write_parquet(rows, folder / "table.parquet")
    return {"table.parquet": ".parquet"}


def write_parquet(rows: Rows, path: Path) -> None:
    """GeoParquet 1.1 in longitudes and latitudes."""
    write_columns(*arrow(rows), path)


def write_columns(table: pa.Table, shapes: Sequence[Any], path: Path) -> None:
    """Columns and their shapes as GeoParquet 1.1."""
    whole, column = _with_shapes(table, shapes)
    kinds = sorted({shape.geom_type for shape in shapes if shape is not None})
    about = {
        "version": "1.1.0",
        "primary_column": column,
        "columns": {column: {"encoding": "WKB", "geometry_types": kinds}},
    }
    whole = whole.replace_schema_metadata({"geo": json.dumps(about)})
    pa.parquet.write_table(whole, path, compression="zstd")


_WRITERS: Mapping[str, Callable[[Rows, Path], Files]] = {
    "CSV": _csv, "GEO_JSON": _geojson, "KML": _kml, "KMZ": _kmz, "SHP": _shapefile,
    "TF_RECORD_TABLE": _tfrecord, "PARQUET": _parquet,
}  # fmt: skip
