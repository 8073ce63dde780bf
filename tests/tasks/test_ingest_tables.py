"""Ingestion of tables: formats, geometry, types, and what is wrong with files."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
import pytest
import shapely

from ecumene.core.errors import EcumeneError
from ecumene.tasks.exports.records import example, framed
from tests.tasks.test_ingest_images import A, bucket, ingest, made

__all__ = ["made"]

SHAPES = [shapely.Point(10, 50), shapely.box(11, 51, 12, 52), shapely.LineString([(0, 0), (5, 5)])]
NAMES = iter(f"{A}/t{k}" for k in range(10_000))


def table(made: Any, *uris: str, **source: Any) -> Any:
    more = {key: source.pop(key) for key in ("columnDataTypeOverrides", "properties", "startTime") if key in source}  # fmt: skip
    sources = [{"uris": [uri], **source} for uri in uris]
    manifest = {"name": next(NAMES), "sources": sources, **more}
    return ingest(made, manifest, "table:import", "tableManifest")


def rows(made: Any, record: Any) -> list[tuple[dict[str, Any], Any]]:
    found = made.catalog.load_table(record.id)
    return [(dict(f.properties), None if f.geometry is None else f.geometry.shape) for f in found]


def plain(found: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in found.items() if k != "system:index"}


def write(made: Any, name: str, text: str | bytes) -> str:
    data = text.encode() if isinstance(text, str) else text
    (bucket(made) / name).write_bytes(data)
    return f"gs://mine/{name}"


def geojson() -> str:
    features = [
        {"type": "Feature", "properties": {"n": k, "t": f"x{k}"}, "geometry": json.loads(shapely.to_geojson(shape))}
        for k, shape in enumerate(SHAPES)
    ]  # fmt: skip
    return json.dumps({"type": "FeatureCollection", "features": features})


def shapefile(folder: Path, crs: str = "EPSG:4326") -> None:
    points = np.array([shapely.Point(500_000, 4_000_000), shapely.Point(500_100, 4_000_000)], object)  # fmt: skip
    pyogrio.raw.write(
        folder / "s.shp", shapely.to_wkb(points), field_data=[np.array([1, 2])], fields=["n"],
        geometry_type="Point", crs=crs, driver="ESRI Shapefile",
    )  # fmt: skip


def zipped(folder: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name)
    return out.getvalue()


def test_geojson_with_properties_and_times(made: Any):
    uri = write(made, "a.geojson", geojson())
    record = table(made, uri, properties={"k": 1, "system:time_end": 5}, startTime="1970-01-01T00:00:01Z")  # fmt: skip
    assert (record.start, record.end, record.properties, record.count) == (1000, 5, {"k": 1}, 3)
    found = rows(made, record)
    assert [(p["n"], p["t"]) for p, _ in found] == [(0, "x0"), (1, "x1"), (2, "x2")]
    assert all(one.equals(other) for (_, one), other in zip(found, SHAPES, strict=True))


def test_geojson_of_nothing_but_shapes(made: Any):
    document = json.loads(geojson())
    for feature in document["features"]:
        feature["properties"] = None
    found = rows(made, table(made, write(made, "bare.geojson", json.dumps(document))))
    assert [plain(p) for p, _ in found] == [{}] * 3
    assert all(one.equals(other) for (_, one), other in zip(found, SHAPES, strict=True))


def test_a_property_that_is_called_geometry(made: Any):
    document = geojson().replace('"t":', '"geometry":')
    found = rows(made, table(made, write(made, "named.geojson", document)))
    assert [(p["geometry"], s.equals(one)) for (p, s), one in zip(found, SHAPES, strict=True)] == [
        (f"x{k}", True) for k in range(3)
    ]


@pytest.mark.parametrize("form", ["wkt", "geojson"])
def test_csv_with_a_geometry_column(made: Any, form: str):
    texts = [s.wkt if form == "wkt" else shapely.to_geojson(s).replace('"', '""') for s in SHAPES]
    lines = "\n".join(f'{k},"{text}",{k / 2}, a b ' for k, text in enumerate(texts))
    uri = write(made, "g.csv", f"id,shape,half,word\n{lines}\n9,,,\n")
    found = rows(made, table(made, uri))
    assert [plain(p) for p, _ in found[:2]] == [
        {"id": 0, "half": 0.0, "word": " a b "}, {"id": 1, "half": 0.5, "word": " a b "},
    ]  # fmt: skip
    assert [s is None for _, s in found] == [False, False, False, True]
    assert all(one.equals(other) for (_, one), other in zip(found, SHAPES, strict=False))


def test_csv_by_coordinates_in_another_crs(made: Any):
    uri = write(made, "u.csv", "e;n;v\n500000;4000000;1\n500100;4000000;2\n;;3\n")
    found = rows(made, table(made, uri, xColumn="e", yColumn="n", crs="EPSG:32633", csvDelimiter=";"))  # fmt: skip
    to = pyproj.Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True)
    for (_, shape), x in zip(found, (500_000, 500_100), strict=False):
        assert (shape.x, shape.y) == pytest.approx(to.transform(x, 4_000_000), abs=1e-9)
    assert found[2][1] is None


def test_csv_by_longitude_and_latitude_and_other_names_not(made: Any):
    uri = write(made, "l.csv", "longitude,latitude,a\n10,50,1\n")
    assert rows(made, table(made, uri))[0][1].equals(shapely.Point(10, 50))
    uri = write(made, "l.csv", "lon,lat,a\n10,50,1\n")
    assert rows(made, table(made, uri))[0][1] is None


def test_csv_types_dates_and_charsets(made: Any):
    text = "i,f,s,d,forced,mixed\n1,1.5,01x,02/01/2020,7,1\n2,2,y,03/01/2020,8,b\n"
    uri = write(made, "d.csv", (text + "3,3,é,04/01/2020,9,c\n").encode("latin-1"))
    kinds = {"forced": "COLUMN_DATA_TYPE_STRING", "i": "COLUMN_DATA_TYPE_NUMERIC"}
    record = table(made, uri, charset="latin-1", dateFormat="dd/MM/yyyy", columnDataTypeOverrides=kinds)  # fmt: skip
    first, _, last = (plain(p) for p, _ in rows(made, record))
    assert first == {"i": 1.0, "f": 1.5, "s": "01x", "d": 1577923200000, "forced": "7", "mixed": "1"}  # fmt: skip
    assert isinstance(first["i"], float)
    assert last["s"] == "é"


def test_several_sources_are_one_table(made: Any):
    one = write(made, "one.csv", "a,longitude,latitude\n1,1,2\n")
    two = write(made, "two.csv", "a,longitude,latitude\nx,3,4\n")
    found = rows(made, table(made, one, two))
    assert [(plain(p)["a"], s.x) for p, s in found] == [("1", 1.0), ("x", 3.0)]


@pytest.mark.parametrize("archive", [True, False])
def test_shapefiles(made: Any, tmp_path: Path, archive: bool):
    folder = tmp_path if archive else bucket(made)
    shapefile(folder, "EPSG:32633")
    uri = write(made, "s.zip", zipped(tmp_path)) if archive else "gs://mine/s.shp"
    found = rows(made, table(made, uri))
    to = pyproj.Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True)
    assert [p["n"] for p, _ in found] == [1, 2]
    assert (found[1][1].x, found[1][1].y) == pytest.approx(to.transform(500_100, 4_000_000), abs=1e-9)  # fmt: skip


def test_geoparquet(made: Any):
    first = table(made, write(made, "a.geojson", geojson()))
    uri = write(made, "a.parquet", Path(first.table["path"]).read_bytes())
    assert [p["n"] for p, _ in rows(made, table(made, uri))] == [0, 1, 2]


@pytest.mark.parametrize("packed", [True, False])
def test_tfrecords(made: Any, packed: bool):
    records = b"".join(
        framed(example({"longitude": float(k), "latitude": 2.0, "name": f"n{k}".encode(), "v": [1.0, float(k)]}))
        for k in range(3)
    )  # fmt: skip
    name = "r.tfrecord.gz" if packed else "r.tfrecord"
    found = rows(made, table(made, write(made, name, gzip.compress(records) if packed else records)))  # fmt: skip
    assert [(p["name"], list(p["v"]), s.x) for p, s in found] == [
        (f"n{k}", [1.0, float(k)], float(k)) for k in range(3)
    ]


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("s.shp", b"\x00\x00\x27\x0a" + b"\0" * (80 << 20))
    return out.getvalue()


def damaged_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("s.shp", b"\x00\x00\x27\x0a" + b"\0" * 1000)
    return out.getvalue()[:600]


BROKEN: dict[str, Any] = {
    "text": ("x.json", b"no table", {}, "is not a GeoJSON"),
    "truncated zip": ("x.zip", damaged_zip(), {}, "Failed to read .*(zip|damaged)"),
    "zip bomb": ("x.zip", bomb(), {}, "unpacks to"),
    "truncated geojson": ("x.geojson", geojson()[:200].encode(), {}, "damaged"),
    "ragged csv": ("x.csv", b"a,b\n1,2\n1,2,3\n", {}, "Failed to read"),
    "no rows": ("x.csv", b"a,b\n", {}, "no rows"),
    "empty": ("x.csv", b"", {}, "Failed to read"),
    "charset": ("x.csv", b"a\n\xff\xfe\n", {}, "Failed to read"),
    "unknown charset": ("x.csv", b"a\n1\n", {"charset": "klingon"}, "Failed to read"),
    "unknown crs": ("x.csv", b"longitude,latitude\n1,2\n", {"crs": "EPSG:999999"}, "EPSG:999999"),
    "foreign crs": ("x.csv", b"longitude,latitude\n500000,4000000\n", {}, "do not lie on Earth"),
    "no column": ("x.csv", b"a\n1\n", {"xColumn": "x", "yColumn": "y"}, "no column 'x'"),
    "no number": ("x.csv", b"x,y\n1,a\n", {"xColumn": "x", "yColumn": "y"}, "no number"),
    "no geometry": ("x.csv", b"a,b\n1,2\n", {"primaryGeometryColumn": "a"}, "holds no geometries"),
    "bad geometry": ("x.csv", b"a,b\nPOINT(1 2),2\nPOINT(1,2\n", {}, "row 2: 'a' holds no geometry|Failed to read"),
    "lone shp": ("x.shp", b"\x00\x00\x27\x0a" + b"\0" * 200, {}, "needs its .shx and .dbf"),
    "tfrecord": ("x.tfrecord", framed(b"\x0a\x05")[:-2], {}, "no file of TFRecords"),
    "tfrecord checksum": ("x.tfrecord", framed(example({"a": 1.0}))[:-1] + b"x", {}, "no file of TFRecords"),
    "not a number": ("x.csv", b"a\nx\n", {"columnDataTypeOverrides": {"a": "COLUMN_DATA_TYPE_LONG"}}, "no number"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_fail_with_the_reason_and_leave_nothing(made: Any, case: str):
    name, data, source, words = BROKEN[case]
    uri = write(made, name, data)
    root = Path(made.operations.around.data)
    before = {p for p in root.rglob("*") if "sqlite" not in p.name}
    with pytest.raises(EcumeneError, match=words):
        table(made, uri, **source)
    assert {p for p in root.rglob("*") if "sqlite" not in p.name} == before


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ({"sources": []}, "at least one source"),
        ({"sources": [{"uris": ["gs://mine/none.csv"]}]}, "does not exist"),
        ({"sources": [{"uris": ["gs://hers/none.csv"]}]}, "does not have storage"),
        ({"sources": [{"uris": ["gs://mine/a"], "csvDelimiter": ";;"}]}, "single character"),
        ({"sources": [{"uris": ["gs://mine/a"]}], "columnDataTypeOverrides": {"a": "BLOB"}}, "Invalid data type"),
        ({"sources": [{"uris": ["gs://mine/a"]}], "columnDataTypeOverrides": ["a"]}, "must be an object"),
        ({"sources": [{"uris": ["gs://mine/a"], "csvDelimiter": "é"}]}, "single character"),
        ({"sources": [{"uris": ["gs://mine/a"], "xColumn": ["a"]}]}, "'xColumn' must be a string"),
        ({"sources": [{"uris": ["gs://mine/a"]}], "properties": {"a": {"b": 1}}}, "unsupported type"),
    ],
)  # fmt: skip
def test_manifests_that_are_refused(made: Any, manifest: dict[str, Any], words: str):
    with pytest.raises(EcumeneError, match=words):
        ingest(made, {"name": next(NAMES), **manifest}, "table:import", "tableManifest")
