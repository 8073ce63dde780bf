from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from ecumene.catalog import ingest
from ecumene.catalog.conditions import holds
from ecumene.catalog.tablefiles import TableData
from ecumene.catalog.tablerows import boxes_meet
from ecumene.catalog.tables import LoadedTable, TableSource
from ecumene.core.collection import sort_elements
from ecumene.core.element import Element
from ecumene.core.errors import PermissionDenied, RequestError, Unavailable
from ecumene.core.query import Comparison, Query

SHAPES = [shapely.Point(10, 50), shapely.box(11, 51, 12, 52), None]
NAMES = ["one", "two", "drei ü"]
NUMBERS = [1.5, None, -3.0]


def features() -> dict:
    listed = [
        {
            "type": "Feature",
            "geometry": None if shape is None else shapely.geometry.mapping(shape),
            "properties": {"name": name, "number": number},
        }
        for shape, name, number in zip(SHAPES, NAMES, NUMBERS, strict=True)
    ]
    return {"type": "FeatureCollection", "features": listed}


def write_geojson(folder: Path) -> Path:
    path = folder / "t.geojson"
    path.write_text(json.dumps(features()))
    return path


def arrow() -> pa.Table:
    wkb = [None if shape is None else shape.wkb for shape in SHAPES]
    return pa.table({"name": NAMES, "number": NUMBERS, "geometry": pa.array(wkb, pa.binary())})


def write_geoparquet(folder: Path, crs: dict | None = None) -> Path:
    path = folder / "t.parquet"
    geo = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": [], "crs": crs}},
    }
    pq.write_table(arrow().replace_schema_metadata({"geo": json.dumps(geo)}), path)
    return path


def write_csv_wkt(folder: Path) -> Path:
    path = folder / "t.csv"
    rows = ["name,number,WKT"]
    for shape, name, number in zip(SHAPES, NAMES, NUMBERS, strict=True):
        text = "" if shape is None else f'"{shape.wkt}"'
        rows.append(f"{name},{'' if number is None else number},{text}")
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def write_csv_geo(folder: Path) -> Path:
    path = folder / "t.csv"
    rows = ["name,number,.geo"]
    for shape, name, number in zip(SHAPES, NAMES, NUMBERS, strict=True):
        text = "" if shape is None else json.dumps(shapely.geometry.mapping(shape))
        quoted = '"' + text.replace('"', '""') + '"' if text else ""
        rows.append(f"{name},{'' if number is None else number},{quoted}")
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def write_gpkg(folder: Path) -> Path:
    path = folder / "t.gpkg"
    write_ogr(path, "GPKG", [0, 1, 2], SHAPES)
    return path


def write_ogr(path: Path, driver: str, rows: list[int], shapes, crs: str = "EPSG:4326") -> None:
    wkb = np.array([None if s is None else shapely.to_wkb(s) for s in shapes], object)
    pyogrio.raw.write(
        path, wkb, [np.array([NAMES[i] for i in rows], object),
                    np.array([np.nan if NUMBERS[i] is None else NUMBERS[i] for i in rows])],
        ["name", "number"], driver=driver, geometry_type="Unknown" if driver == "GPKG" else "Polygon",
        crs=crs, encoding="UTF-8",
    )  # fmt: skip


@pytest.mark.parametrize(
    "write", [write_geojson, write_geoparquet, write_csv_wkt, write_csv_geo, write_gpkg]
)
def test_formats_give_the_same_features(tmp_path, catalog, write):
    path = write(tmp_path)
    ingest.add_path(catalog, path, asset_id="users/u/t")
    found = list(catalog.load_table("users/u/t"))
    assert [f.get("name") for f in found] == NAMES
    assert [f.get("number") for f in found] == NUMBERS
    assert "number" not in found[1].properties
    assert [f.index for f in found] == ["0", "1", "2"]
    assert [f.id for f in found] == ["0", "1", "2"]
    for feature, shape in zip(found, SHAPES, strict=True):
        if shape is None:
            assert feature.geometry is None
        else:
            assert shapely.equals(feature.geometry.shape, shape)
            assert feature.geometry.geodesic
            assert feature.geometry.crs == "EPSG:4326"


def test_zipped_shapefile_in_another_crs(tmp_path, catalog):
    folder = tmp_path / "shp"
    folder.mkdir()
    write_ogr(
        folder / "t.shp", "ESRI Shapefile", [1], [shapely.box(500000, 0, 500100, 100)], "EPSG:32633"
    )
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    ingest.add_path(catalog, path, asset_id="users/u/t")
    (feature,) = catalog.load_table("users/u/t")
    west, south, east, north = feature.geometry.shape.bounds
    assert (west, south) == pytest.approx((15, 0), abs=1e-9)
    # 100 m / 0.9996 on the equator of WGS84: radii 6378137 m along it, 6335439.327 m across it
    metres = 100 / 0.9996
    degrees = np.degrees([metres / 6378137, metres / 6335439.327])
    assert (east - 15, north) == pytest.approx(tuple(degrees), abs=1e-10)


@pytest.mark.parametrize("names", [("longitude", "latitude"), ("LON", "Lat"), ("x", "y")])
def test_csv_with_longitude_and_latitude(tmp_path, catalog, names):
    path = tmp_path / "t.csv"
    path.write_text(f"{names[0]},{names[1]},v\n10,50,7\n,,8\n-10.5,-3,9\n")
    ingest.add_path(catalog, path, asset_id="users/u/t")
    found = list(catalog.load_table("users/u/t"))
    assert [f.get("v") for f in found] == [7, 8, 9]
    assert [None if f.geometry is None else f.geometry.shape.coords[0] for f in found] == [
        (10, 50), None, (-10.5, -3),
    ]  # fmt: skip
    assert found[0].get(names[0]) == 10


def test_values_become_properties(tmp_path, catalog):
    path = tmp_path / "t.parquet"
    moment = datetime(2020, 1, 2, tzinfo=UTC)
    table = pa.table(
        {
            "when": [moment],
            "day": [moment.date()],
            "yes": [True],
            "nan": [float("nan")],
            "word": pa.array(["a"]).dictionary_encode(),
            "list": [[1, 2]],
            "nested": [{"a": 1}],
        }
    )
    pq.write_table(table, path)
    ingest.add_path(catalog, path, asset_id="users/u/t")
    (feature,) = catalog.load_table("users/u/t")
    assert feature.properties == {
        "when": 1577923200000, "day": 1577923200000, "yes": 1, "word": "a", "list": [1, 2],
        "system:index": "0",
    }  # fmt: skip


def test_own_indices_are_kept(tmp_path, catalog):
    path = tmp_path / "t.geojson"
    document = features()
    for number, feature in enumerate(document["features"]):
        feature["id"] = f"f{number}"
    path.write_text(json.dumps(document))
    ingest.add_path(catalog, path, asset_id="users/u/t")
    assert [f.index for f in catalog.load_table("users/u/t")] == ["f0", "f1", "f2"]


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("t.geojson", b'{"type": "FeatureCollection"}', Unavailable),
        ("t.geojson", b"<OGRVRTDataSource><OGRVRTLayer/></OGRVRTDataSource>", RequestError),
        ("t.parquet", b"PAR1 broken", Unavailable),
        ("t.zip", b"PK\x03\x04 broken", Unavailable),
        ("t.csv.geojson", b"", RequestError),
    ],
)
def test_what_is_no_table(tmp_path, catalog, name, content, error):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(error):
        ingest.add_path(catalog, path, asset_id="users/u/t")
    assert catalog.get("users/u/t") is None


def test_tables_pass_the_gate(tmp_path, catalog):
    path = write_geojson(tmp_path)
    with pytest.raises(PermissionDenied):
        ingest.add_table(catalog, "users/u/t", path)


def test_a_changed_table_is_read_again(tmp_path, catalog):
    path = write_geojson(tmp_path)
    ingest.add_path(catalog, path, asset_id="users/u/t")
    document = features()
    document["features"][0]["properties"]["name"] = "changed, and longer"
    path.write_text(json.dumps(document))
    assert catalog.load_table("users/u/t").first().get("name") == "changed, and longer"


def test_the_cache_is_bounded(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    with ingest.Catalog(tmp_path / "data", table_bytes=1) as catalog:
        for number in range(3):
            path = folder / f"{number}.geojson"
            path.write_text(json.dumps(features()))
            ingest.add_path(catalog, path, asset_id=f"users/u/t{number}")
        assert len(catalog.tables._held) == 1
        assert catalog.load_table("users/u/t0").first().get("name") == "one"


def test_a_million_is_not_counted_by_reading(tmp_path, catalog, monkeypatch):
    ingest.add_path(catalog, write_geojson(tmp_path), asset_id="users/u/t")
    monkeypatch.setattr(catalog.tables, "get", lambda path: pytest.fail("read"))
    assert catalog.load_table("users/u/t").size() == 3


WORDS = st.none() | st.sampled_from(["a", "b", "B", ""])
FIGURES = st.none() | st.integers(-2, 2)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(WORDS, FIGURES), min_size=1, max_size=8),
    st.sampled_from(["word", "figure", "system:index", "absent"]),
    st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
    st.sampled_from(["a", "", "1", 0, 1, -0.5]),
    st.none() | st.tuples(st.sampled_from(["word", "figure"]), st.booleans()),
)
def test_queries_equal_brute_force(rows, name, op, value, order):
    columns = pa.table(
        {
            "word": pa.array([r[0] for r in rows], pa.string()),
            "figure": pa.array([r[1] for r in rows], pa.int64()),
        }
    )
    table = LoadedTable(TableData(columns, np.full(len(rows), None, object)))
    source = TableSource(SimpleNamespace(get=lambda path: table), "", True, None)
    query = Query(comparisons=(Comparison(name, op, value),), order=order)
    expected = []
    for number, (word, figure) in enumerate(rows):
        found = {"word": word, "figure": figure, "system:index": str(number)}
        if holds(query.comparisons[0], found):
            expected.append(Element(found, str(number)))
    if order is not None:
        expected = sort_elements(expected, *order)
    assert [e.id for e in source.elements(query)] == [e.id for e in expected]


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((0, 0, 1, 1), [True, False, False]),
        ((179, 0, 181, 1), [False, True, False]),
        ((-181, 0, -179, 1), [False, True, False]),
        ((-180, -90, 180, 90), [True, True, False]),
        ((1, 1, 2, 2), [True, False, False]),
    ],
    ids=["plain", "across 180", "across -180", "world", "touching"],
)
def test_boxes_on_the_circle(bounds, expected):
    shapes = [shapely.box(0, 0, 1, 1), shapely.box(-180, 0, -179.5, 1), shapely.Point()]
    assert boxes_meet(shapely.bounds(shapes), bounds).tolist() == expected
