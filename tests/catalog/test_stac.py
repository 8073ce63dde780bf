"""STAC items, files and APIs become images under a dataset definition."""

from __future__ import annotations

import copy
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from ecumene.catalog import datasets, ingest
from ecumene.catalog.stacapi import add_api
from ecumene.core.errors import PermissionDenied, RequestError, Unavailable
from ecumene.core.pixel_type import FLOAT, UINT8, UINT16
from ecumene.core.raster import MaskRule
from ecumene.storage.blocks import BlockStore

S2 = "COPERNICUS/S2_SR_HARMONIZED"


def raster(path: Path, *, dtype: str = "uint16", count: int = 1, nodata=None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", width=20, height=10, count=count, dtype=dtype, nodata=nodata,
        crs="EPSG:32633", transform=from_origin(500000, 5000000, 10, 10),
    ) as target:  # fmt: skip
        target.write(np.arange(200 * count, dtype=dtype).reshape(count, 10, 20))


def sentinel_item(folder: Path | None = None, **properties) -> dict:
    """An item as Earth Search makes them; with files if a folder is given."""
    assets = {}
    for key in ("blue", "green", "scl", "visual"):
        if folder is not None:
            raster(folder / f"{key}.tif", dtype="uint16" if key in ("blue", "green") else "uint8",
                   count=3 if key == "visual" else 1)  # fmt: skip
        assets[key] = {
            "href": f"./{key}.tif",
            "type": "image/tiff; application=geotiff; profile=cloud-optimized",
            "proj:shape": [10, 20],
            "proj:transform": [10, 0, 500000, 0, -10, 5000000],
        }
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": "S2B_33TWL_20230820_0_L2A",
        "collection": "sentinel-2-l2a",
        "geometry": {
            "type": "Polygon",
            "coordinates": [
                [[15, 45.15], [15.003, 45.15], [15.003, 45.16], [15, 45.16], [15, 45.15]]
            ],
        },
        "bbox": [15, 45.15, 15.003, 45.16],
        "properties": {
            "datetime": "2023-08-20T09:58:11.072Z",
            "proj:epsg": 32633,
            "platform": "sentinel-2b",
            "eo:cloud_cover": 4.5,
            "s2:processing_baseline": "05.09",
            "s2:product_uri": "S2B_MSIL2A_20230820T094549_N0509_R079_T33TWL_20230820T130104.SAFE",
            "s2:datastrip_id": "S2B_OPER_MSI_L2A_DS_2BPS_20230820T130104_S20230820T095651_N05.09",
            "s2:generation_time": "2023-08-20T13:01:04.000Z",
            **properties,
        },
        "assets": assets,
        "links": [],
    }


def add(catalog, folder: Path, item: dict, dataset=None) -> int:
    folder.mkdir(exist_ok=True)
    path = folder / "item.json"
    path.write_text(json.dumps(item))
    return ingest.add_path(catalog, path, dataset)


@pytest.fixture
def image(catalog, tmp_path):
    add(catalog, tmp_path / "s2", sentinel_item(tmp_path / "s2"))
    return catalog.load_collection(S2).first()


def test_id_and_properties_are_earth_engines(image):
    assert image.id == f"{S2}/20230820T094549_20230820T095651_T33TWL"
    expected = {
        "system:index": "20230820T094549_20230820T095651_T33TWL",
        "system:time_start": 1692525491072,
        "CLOUDY_PIXEL_PERCENTAGE": 4.5,
        "MGRS_TILE": "33TWL",
        "SPACECRAFT_NAME": "Sentinel-2B",
        "PROCESSING_BASELINE": "05.09",
        "SENSING_ORBIT_NUMBER": 79,
        "PRODUCT_ID": "S2B_MSIL2A_20230820T094549_N0509_R079_T33TWL_20230820T130104",
        "GENERATION_TIME": 1692536464000,
    }
    assert {name: image.get(name) for name in expected} == expected


def test_bands_in_the_definitions_order(image):
    assert image.band_names == ["B2", "B3", "SCL", "TCI_R", "TCI_G", "TCI_B"]
    assert [b.node.band.index for b in image.bands] == [1, 1, 1, 1, 2, 3]
    assert [b.type for b in image.bands] == [UINT16] * 2 + [UINT8] * 4
    assert image.bands[2].node.band.missing == (0,)
    assert image.bands[0].projection.transform == (10, 0, 500000, 0, -10, 5000000)
    assert image.bands[0].projection.crs == "EPSG:32633"
    assert image.bands[0].dimensions == (20, 10)


@pytest.mark.parametrize(
    ("properties", "offset"),
    [
        ({}, -1000),
        ({"s2:processing_baseline": "03.01"}, 0),
        ({"s2:processing_baseline": "04.00"}, -1000),
        ({"earthsearch:boa_offset_applied": True}, 0),
        ({"earthsearch:boa_offset_applied": False}, -1000),
    ],
    ids=["05.09", "03.01", "04.00", "applied", "not applied"],
)
def test_harmonising_shift(catalog, tmp_path, properties, offset):
    add(catalog, tmp_path / "s2", sentinel_item(tmp_path / "s2", **properties))
    bands = catalog.load_collection(S2).first().bands
    assert bands[0].node.band.offset == offset
    assert bands[0].node.band.floor == (0 if offset else None)
    assert bands[0].type == UINT16
    assert bands[2].node.band.offset == 0


def test_grid_from_the_file_where_the_item_is_silent(catalog, tmp_path):
    item = sentinel_item(tmp_path / "s2")
    del item["properties"]["proj:epsg"]
    del item["geometry"]
    for asset in item["assets"].values():
        del asset["proj:shape"], asset["proj:transform"]
    add(catalog, tmp_path / "s2", item)
    image = catalog.load_collection(S2).first()
    assert image.bands[0].projection.crs == "EPSG:32633"
    assert image.bands[0].projection.transform == (10, 0, 500000, 0, -10, 5000000)
    assert image.bands[0].dimensions == (20, 10)
    west, south, east, north = image.footprint.shape.bounds
    assert west == pytest.approx(15, abs=1e-6)
    assert 45 < south < north < 46
    assert east - west == pytest.approx(0.00254, abs=1e-5)


def test_items_without_files_are_described_but_not_read(catalog, tmp_path):
    add(catalog, tmp_path / "s2", sentinel_item())
    band = catalog.load_collection(S2).first().bands[0].node.band
    with pytest.raises(Unavailable):
        BlockStore(2**20, catalog.gate).header(band.path)


@pytest.mark.parametrize("href", ["../secret.tif", "/etc/passwd", "file:///etc/passwd"])
def test_hrefs_do_not_leave_the_folder(catalog, tmp_path, href):
    raster(tmp_path / "secret.tif")
    item = sentinel_item(tmp_path / "s2")
    item["assets"] = {"blue": {**item["assets"]["blue"], "href": href}}
    with pytest.raises(PermissionDenied):
        add(catalog, tmp_path / "s2", item)
    assert catalog.get(S2) is None


def test_other_places_may_be_allowed(catalog, tmp_path):
    raster(tmp_path / "elsewhere" / "blue.tif")
    item = sentinel_item()
    item["assets"] = {"blue": {**item["assets"]["blue"], "href": "../elsewhere/blue.tif"}}
    catalog.allow(tmp_path / "elsewhere")
    assert add(catalog, tmp_path / "s2", item) == 1


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"collection": "unheard-of"}, "definition"),
        ({"assets": {}}, "none of the bands"),
    ],
    ids=["collection", "assets"],
)
def test_items_that_cannot_be_registered(catalog, tmp_path, change, match):
    with pytest.raises(RequestError, match=match):
        add(catalog, tmp_path / "s2", {**sentinel_item(tmp_path / "s2"), **change})


def test_one_bad_item_among_good_ones_is_left_out(catalog, tmp_path, caplog):
    good = sentinel_item(tmp_path / "s2")
    bad = {**copy.deepcopy(good), "id": "bad", "assets": {}}
    path = tmp_path / "s2" / "items.json"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [good, bad]}))
    assert ingest.add_path(catalog, path) == 1
    assert "1 items were left out" in caplog.text


DEFINITION = """
id: projects/sample/assets/own
bands:
  - {id: temperature, asset: data, band: 2, scaled: true, scale: 0.5, offset: -10,
     mask: {band: quality, bits: 3}}
  - {id: quality, asset: data, band: 1, type: uint8, missing: [], policy: MODE}
properties:
  CLOUDS: {source: [none, eo:cloud_cover], as: number}
  YEAR: {source: datetime, pattern: "^(\\\\d{4})", as: number}
  SENSOR: {value: thermometer}
constants: {owner: me}
"""


def test_own_definition(catalog, tmp_path):
    raster(tmp_path / "own" / "x.tif", dtype="uint8", count=2, nodata=255)
    item = {
        "type": "Feature", "id": "day one", "geometry": None, "collection": "c",
        "properties": {"datetime": None, "start_datetime": "2020-01-01T00:00:00Z",
                       "end_datetime": "2020-01-02T00:00:00Z", "eo:cloud_cover": "12"},
        "assets": {"data": {"href": "x.tif"}},
    }  # fmt: skip
    add(catalog, tmp_path / "own", item, datasets.decode(DEFINITION))
    image = catalog.load_collection("projects/sample/assets/own").first()
    assert image.id == "projects/sample/assets/own/day_one"
    assert image.band_names == ["temperature", "quality"]
    band = image.bands[0].node.band
    assert (band.scale, band.offset, band.type, band.missing) == (0.5, -10, FLOAT, (255,))
    assert band.masks == (MaskRule(band.path, 1, (), 3),)
    assert image.bands[1].node.band.policy == "MODE"
    assert image.bands[1].node.band.missing == ()
    assert {n: image.get(n) for n in ("CLOUDS", "YEAR", "SENSOR", "owner")} == {
        "CLOUDS": 12, "YEAR": None, "SENSOR": "thermometer", "owner": "me",
    }  # fmt: skip
    assert image.get("system:time_start") == 1577836800000
    assert image.get("system:time_end") == 1577923200000


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ("id: a b\nbands: [{id: x}]", "not an asset id"),
        ("id: a\nbands: []", "no bands"),
        ("id: a\nbands: [{id: x}, {id: x}]", "same id"),
        ("id: a\nbands: [{id: x, type: complex64}]", "complex64"),
        ("id: a\nbands: [{id: x, policy: BEST}]", "BEST"),
        ("id: a\nbands: [{id: x, band: 0}]", "start at 1"),
        ("id: a\nbands: [{id: x, mask: {band: y}}]", "no band 'y'"),
        ("id: a\nbands: [{id: x, colour: red}]", "colour"),
        ("id: a\ntype: TABLE\nbands: [{id: x}]", "TABLE"),
        ("bands: [{id: x}]", "id"),
        ("[1, 2", "definition"),
    ],
)
def test_definitions_are_checked(change, match):
    with pytest.raises(RequestError, match=match):
        datasets.decode(change)


def test_shipped_definitions_cover_the_documented_datasets():
    shipped = datasets.shipped()
    assert [b.id for b in shipped[S2].bands][:12] == [
        "B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B11", "B12",
    ]  # fmt: skip
    assert [b.id for b in shipped["COPERNICUS/S2"].bands] == [
        "B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12", "QA60",
    ]  # fmt: skip
    assert [b.id for b in shipped["LANDSAT/LC08/C02/T1_L2"].bands][:9] == [
        "SR_B1", "SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7", "SR_QA_AEROSOL", "ST_B10",
    ]  # fmt: skip
    assert datasets.load("USDA/NAIP/DOQQ").band("N").band == 4
    with pytest.raises(RequestError):
        datasets.load("NO/SUCH")


def test_single_rasters(catalog, tmp_path):
    raster(tmp_path / "r" / "a.tif", count=2, nodata=0)
    ingest.add_path(catalog, tmp_path / "r" / "a.tif", asset_id="users/u/a", start=5)
    image = catalog.load_image("projects/earthengine-legacy/assets/users/u/a")
    assert image.band_names == ["b1", "b2"]
    assert image.get("system:time_start") == 5
    assert image.bands[1].node.band.missing == (0,)
    assert catalog.asset_type("users/u") == "FOLDER"
    with pytest.raises(RequestError, match="asset id"):
        ingest.add_path(catalog, tmp_path / "r" / "a.tif")


def test_alpha_masks_the_other_bands(catalog, tmp_path):
    path = tmp_path / "r" / "rgba.tif"
    path.parent.mkdir()
    with rasterio.open(
        path, "w", driver="GTiff", width=20, height=10, count=4, dtype="uint8", photometric="RGB",
        alpha="yes", crs="EPSG:32633", transform=from_origin(500000, 5000000, 10, 10),
    ) as target:  # fmt: skip
        target.write(np.ones((4, 10, 20), "uint8"))
    ingest.add_path(catalog, path, asset_id="users/u/rgba")
    image = catalog.load_image("users/u/rgba")
    assert image.band_names == ["b1", "b2", "b3"]
    assert {b.node.band.masks for b in image.bands} == {(MaskRule(str(path), 4, (0.0,)),)}


def test_a_mask_in_the_file_masks_all_bands(catalog, tmp_path):
    path = tmp_path / "r" / "a.tif"
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        raster(path)
        with rasterio.open(path, "r+") as target:
            target.write_mask(np.eye(10, 20, dtype=bool))
    ingest.add_path(catalog, path, asset_id="users/u/a")
    (band,) = catalog.load_image("users/u/a").bands
    assert band.node.band.masks == (MaskRule(str(path), 0, (0.0,)),)


def test_the_data_folder_can_move(tmp_path):
    archive = tmp_path / "one" / "archive"
    raster(archive / "a.tif")
    with ingest.open_catalog(tmp_path / "one") as catalog:
        ingest.add_path(catalog, archive / "a.tif", asset_id="users/u/a")
    (tmp_path / "one").rename(tmp_path / "two")
    with ingest.open_catalog(tmp_path / "two") as catalog:
        band = catalog.load_image("users/u/a").bands[0].node.band
        assert band.path == str(tmp_path / "two" / "archive" / "a.tif")
        assert BlockStore(2**20, catalog.gate).header(band.path).width == 20


def test_a_running_server_sees_what_another_process_registers(tmp_path):
    raster(tmp_path / "r" / "a.tif")
    with ingest.open_catalog(tmp_path / "d") as server, ingest.open_catalog(tmp_path / "d") as cli:
        store = BlockStore(2**20, server.gate)
        assert server.load_image("users/u/a") is None
        ingest.add_path(cli, tmp_path / "r" / "a.tif", asset_id="users/u/a")
        band = server.load_image("users/u/a").bands[0].node.band
        assert store.header(band.path).width == 20
        first = server.load_image("users/u/a").version
        ingest.add_path(cli, tmp_path / "r" / "a.tif", asset_id="users/u/a", start=9)
        again = server.load_image("users/u/a")
        assert again.get("system:time_start") == 9
        assert again.version > first


def test_removing_forgets_everything_below(catalog, tmp_path):
    add(catalog, tmp_path / "s2", sentinel_item(tmp_path / "s2"))
    assert ingest.remove(catalog, f"projects/earthengine-public/assets/{S2}") == 2
    assert catalog.load_collection(S2) is None
    assert (tmp_path / "s2" / "blue.tif").exists()


class _Api(BaseHTTPRequestHandler):
    items: list[dict] = []

    def do_GET(self):
        base = f"http://{self.headers['Host']}"
        self._send(
            {
                "type": "Catalog", "id": "api", "description": "", "stac_version": "1.0.0",
                "conformsTo": ["https://api.stacspec.org/v1.0.0/core",
                               "https://api.stacspec.org/v1.0.0/item-search"],
                "links": [
                    {"rel": "self", "href": f"{base}/", "type": "application/json"},
                    {"rel": "root", "href": f"{base}/", "type": "application/json"},
                    {"rel": "search", "href": f"{base}/search", "method": "POST",
                     "type": "application/geo+json"},
                ],
            }
        )  # fmt: skip

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = [i for i in self.items if i["collection"] in asked["collections"]]
        self._send({"type": "FeatureCollection", "features": found, "links": []})

    def _send(self, document):
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def api():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Api)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_stac_api(catalog, api):
    item = sentinel_item()
    for key, asset in item["assets"].items():
        asset["href"] = f"https://data.example.com/s2/{key}.tif"
    _Api.items = [item]
    assert add_api(catalog, api, "sentinel-2-l2a", bbox=[14, 45, 16, 46]) == 1
    image = catalog.load_collection(S2).first()
    assert image.bands[0].node.band.path == "https://data.example.com/s2/blue.tif"
    assert "https://data.example.com/" in catalog.gate.roots
    assert image.get("system:asset_size") is None
    with pytest.raises(RequestError):
        add_api(catalog, api, "nothing")


def test_an_api_cannot_point_at_local_files(catalog, api, tmp_path):
    catalog.allow(tmp_path)
    raster(tmp_path / "blue.tif")
    item = sentinel_item()
    item["assets"] = {"blue": {**item["assets"]["blue"], "href": f"file://{tmp_path}/blue.tif"}}
    _Api.items = [item]
    with pytest.raises(PermissionDenied):
        add_api(catalog, api, "sentinel-2-l2a")


def test_an_api_that_does_not_answer(catalog):
    with pytest.raises(Unavailable):
        add_api(catalog, "http://127.0.0.1:9/", "sentinel-2-l2a")
