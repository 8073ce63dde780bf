"""Tables exported and downloaded by the unmodified client; the files are read by other programs."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pyogrio
import pytest
import requests
import shapely

from tests.e2e.exporting import PROJECT, Exporting
from tests.e2e.test_export_images import floats, records

POINTS = [(10.0 + k, 50.0 - k) for k in range(7)]


def exported(exporting: Exporting, kind: str, **options: Any) -> list[Path]:
    name = f"table_{kind}"
    task = exporting.ee.batch.Export.table.toDrive(
        exporting.places(), name, "tables", fileFormat=kind, **options
    )
    uris = exporting.completed(task)
    return [exporting.drive / uri.removeprefix("drive://") for uri in uris]


def test_csv(exporting: Exporting) -> None:
    (path,) = exported(exporting, "CSV")
    rows = list(csv.DictReader(path.open()))
    assert list(rows[0]) == ["system:index", "half", "name", "rank", ".geo"]
    assert [row["name"] for row in rows] == [f"place {k}" for k in range(7)]
    assert [float(row["half"]) for row in rows] == [k / 2 for k in range(7)]
    assert [tuple(json.loads(row[".geo"])["coordinates"]) for row in rows] == POINTS
    (path,) = exported(exporting, "CSV", selectors=["rank", "name", "missing"])
    assert path.read_text().splitlines()[:2] == ["rank,name,missing", "0,place 0,"]


def test_geometries_of_many_vertices_are_cut(exporting: Exporting) -> None:
    table = exporting.places().limit(1).map(lambda f: f.buffer(5000, 1))
    export = exporting.ee.batch.Export.table.toDrive
    found = {}
    for name, options in (("whole", {}), ("cut", {"maxVertices": 12})):
        exporting.completed(export(table, name, fileFormat="GeoJSON", **options))
        text = (exporting.drive / f"{name}.geojson").read_text()
        found[name] = shapely.geometry.shape(json.loads(text)["features"][0]["geometry"])
    assert found["whole"].geom_type == "Polygon" and found["cut"].geom_type == "MultiPolygon"
    assert max(shapely.get_num_coordinates(part) for part in found["cut"].geoms) <= 12
    assert found["cut"].area == pytest.approx(found["whole"].area)


@pytest.mark.parametrize("kind", ["GeoJSON", "KML", "SHP"])
def test_formats_that_gdal_reads(exporting: Exporting, kind: str) -> None:
    path = exported(exporting, kind)[0]
    meta, _, shapes, fields = pyogrio.raw.read(path)
    found = dict(zip(meta["fields"], fields, strict=True))
    assert [(g.x, g.y) for g in shapely.from_wkb(shapes)] == POINTS
    assert list(found["rank"].astype(int)) == list(range(7))
    assert meta["crs"] == "EPSG:4326"


def test_kmz_holds_the_kml(exporting: Exporting) -> None:
    kml, kmz = exported(exporting, "KML")[0], exported(exporting, "KMZ")[0]
    with zipfile.ZipFile(kmz) as archive:
        assert archive.read("doc.kml") == kml.read_bytes()


def test_tfrecord(exporting: Exporting) -> None:
    (path,) = exported(exporting, "TFRecord")
    found = records(path)
    assert len(found) == 7 and path.name.endswith(".tfrecord.gz")
    assert floats(found[3], "half", 1) == np.float32(1.5)
    assert b"place 3" in found[3]


def test_geoparquet_is_ours(exporting: Exporting) -> None:
    options = {
        "fileFormat": "PARQUET", "cloudStorageDestination": {"bucket": "results", "filenamePrefix": "p"},
    }  # fmt: skip
    made = exporting.rest("table:export", exporting.places(), fileExportOptions=options)
    assert made == ["gs://results/p.parquet"]
    found = pyarrow.parquet.read_table(exporting.bucket / "p.parquet")
    assert found.column("rank").to_pylist() == list(range(7))
    assert [(g.x, g.y) for g in shapely.from_wkb(found.column("geometry").to_numpy())] == POINTS


def test_an_asset_is_a_table_like_any_other(exporting: Exporting) -> None:
    ee, name = exporting.ee, f"projects/{PROJECT}/assets/made_table"
    table = exporting.places().filter("rank > 2").map(lambda f: f.buffer(1000))
    assert exporting.completed(ee.batch.Export.table.toAsset(table, "t", name)) == [name]
    found, wanted = ee.FeatureCollection(name), table
    assert found.aggregate_array("name").getInfo() == [f"place {k}" for k in (3, 4, 5, 6)]
    assert found.aggregate_array("system:index").getInfo() == (
        wanted.aggregate_array("system:index").getInfo()
    )
    areas = [c.map(lambda f: f.set("a", f.area(1))).aggregate_array("a") for c in (found, wanted)]
    assert areas[0].getInfo() == pytest.approx(areas[1].getInfo(), rel=1e-6)


def test_geometries_of_several_kinds_are_no_shapefile(exporting: Exporting) -> None:
    ee = exporting.ee
    mixed = (
        exporting.places().limit(1).merge(exporting.places().limit(1).map(lambda f: f.buffer(9)))
    )
    status = exporting.ended(ee.batch.Export.table.toDrive(mixed, "mixed", fileFormat="SHP"))
    assert status["error_message"] == (
        "Shapefile files hold geometries of one type; found Point, Polygon."
    )


@pytest.mark.parametrize("kind", ["csv", "json", "kml", "kmz", "shp", "tfrecord"])
def test_downloads_are_the_files_that_exports_write(exporting: Exporting, kind: str) -> None:
    url = exporting.places().getDownloadURL(kind, ["name", "rank"], "my places")
    answer = requests.get(url, timeout=60)
    assert answer.status_code == 200 and "my_places" in answer.headers["content-disposition"]
    if kind == "shp":
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert {Path(n).suffix for n in archive.namelist()} >= {".shp", ".dbf", ".shx", ".prj"}
        return
    named = {"csv": "CSV", "json": "GeoJSON", "kml": "KML", "kmz": "KMZ", "tfrecord": "TFRecord"}
    (path,) = exported(exporting, named[kind], selectors=["name", "rank"])
    assert path.read_bytes() == answer.content
