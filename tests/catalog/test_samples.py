"""The folder of sample data: everything loads, and the counts are those of its reference file."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import rasterio

from ecumene.catalog.listing import list_assets, list_features, list_images
from ecumene.core.pixel_type import FLOAT, INT16, UINT8, UINT16
from ecumene.core.query import Comparison, Query
from ecumene.storage.blocks import BlockStore


@pytest.fixture(scope="module")
def golden(shared_data: Path):
    return json.loads((shared_data / "golden.json").read_text())


@pytest.fixture(scope="module")
def entries(shared_data: Path):
    return json.loads((shared_data / "catalog.json").read_text())["ee:assets"]


def test_every_id_is_an_asset_of_its_type_and_size(sample, entries):
    for asset_id, listed in entries.items():
        record = sample.get(asset_id)
        assert record is not None, asset_id
        assert record.type == listed[0]["type"], asset_id
        if record.type == "TABLE":
            assert sample.load_table(asset_id).size() == listed[0]["count"]
        elif record.type == "IMAGE_COLLECTION":
            collection = sample.load_collection(asset_id)
            assert collection.size() == sum(entry["count"] for entry in listed), asset_id
        else:
            assert sample.load_image(asset_id).band_names == [b["id"] for b in listed[0]["bands"]]


def test_grids_and_types_are_those_of_the_files(sample, entries):
    for asset_id, listed in entries.items():
        if listed[0]["type"] != "IMAGE_COLLECTION":
            continue
        for stored in sample.load_collection(asset_id).first().bands:
            band = stored.node.band
            with rasterio.open(band.path) as source:
                assert (
                    (source.width, source.height) == stored.dimensions == (band.width, band.height)
                )
                t = source.transform
                np.testing.assert_allclose(
                    stored.projection.transform, (t.a, t.b, t.c, t.d, t.e, t.f), rtol=1e-12
                )
                if band.scale == 1:
                    assert np.dtype(source.dtypes[band.index - 1]) == band.type.dtype


def test_image_of_a_collection(sample):
    collection = sample.load_collection("COPERNICUS/S2_SR_HARMONIZED")
    index = "20230815T095031_20230815T095630_T33TWL"
    image = next(i for i in collection if i.index == index)
    assert image.id == f"COPERNICUS/S2_SR_HARMONIZED/{index}"
    assert image.band_names == ["B2", "B3", "B4", "B8", "SCL", "MSK_CLDPRB"]
    assert [b.type for b in image.bands] == [UINT16] * 4 + [UINT8] * 2
    assert image.get("system:time_start") == 1692093491662
    assert image.get("CLOUDY_PIXEL_PERCENTAGE") == 0.20399
    assert image.get("system:footprint").shape.geom_type == "LinearRing"
    assert image.version > 1_600_000_000_000_000
    assert sample.load_image(image.id).properties == image.properties
    assert image.bands[0].node.band.missing == (0,)
    assert image.bands[5].node.band.missing == ()


def test_single_images_have_no_index(sample):
    image = sample.load_image("projects/earthengine-public/assets/CGIAR/SRTM90_V4")
    assert image.id == "CGIAR/SRTM90_V4"
    assert image.index is None
    assert image.bands[0].type == INT16
    assert image.bands[0].dimensions == (465, 457)
    assert image.get("system:time_start") == 950227200000
    assert sample.load_image("projects/sample/assets/dem_be").get("system:time_start") is None


def test_only_gridmet_is_served_scaled(sample):
    band = sample.load_collection("IDAHO_EPSCOR/GRIDMET").first().bands[0].node.band
    assert (band.scale, band.offset, band.type, band.missing) == (0.1, 220.0, FLOAT, (32767.0,))
    for asset_id in ("MODIS/006/MOD13Q1", "COPERNICUS/S2", "LANDSAT/LC08/C02/T1"):
        for one in sample.load_collection(asset_id).first().bands:
            assert (one.node.band.scale, one.node.band.offset) == (1, 0)


def test_modis_grid_has_its_own_code(sample):
    image = sample.load_collection("MODIS/006/MOD13Q1").first()
    assert image.bands[0].projection.crs == "SR-ORG:6974"
    assert image.index == "2007_09_14"


def test_one_id_of_two_collections(sample):
    sizes = [
        sample.load_collection(i).size()
        for i in ("LANDSAT/LC08/C01/T1", "projects/sample/assets/l8_newyork_2018")
    ]
    assert sizes == [20, 19]


def test_wrong_kinds_are_none(sample):
    assert sample.load_image("COPERNICUS/S2") is None
    assert sample.load_collection("CGIAR/SRTM90_V4") is None
    assert sample.load_table("COPERNICUS/S2") is None
    assert sample.load_collection("NO/SUCH") is None


def test_pixels_are_the_reference_ones(sample, golden):
    store = BlockStore(2**26, sample.gate)
    per_item = golden["s2-sr-33tw"]["per_item"]["S2A_33TWL_20230815_0_L2A"]
    image = sample.load_image("COPERNICUS/S2_SR_HARMONIZED/20230815T095031_20230815T095630_T33TWL")
    for stored in image.bands[:4]:
        band = stored.node.band
        whole = store.window(band.path, band.index, 0, 0, 0, band.width, band.height)
        valid = whole[~np.isin(whole, band.missing)].astype("float64")
        expected = per_item[stored.name]
        assert valid.size == expected["count"]
        assert valid.sum() == expected["sum"]
        assert valid.mean() == pytest.approx(expected["mean"], abs=1e-8)


def test_table_counts(sample, golden):
    plants = list(sample.load_table("WRI/GPPD/power_plants"))
    assert len(plants) == golden["gppd-power-plants"]["count"]
    assert sum(f.get("capacitymw") for f in plants) == pytest.approx(
        golden["gppd-power-plants"]["capacitymw_sum"], abs=1e-4
    )
    by_fuel = Counter(f.get("fuel1") for f in plants)
    assert {k: v["count"] for k, v in golden["gppd-power-plants"]["by_fuel1"].items()} == by_fuel
    continents = Counter(f.get("CONTINENT") for f in sample.load_table("USDOS/LSIB_SIMPLE/2017"))
    assert continents == golden["ne-countries"]["by_continent"]
    counties = Counter(f.get("STATEFP") for f in sample.load_table("TIGER/2018/Counties"))
    assert counties == golden["us-counties"]["per_state"]


def test_table_queries_are_counted_without_features(sample, golden):
    source = sample.load_table("NOAA/NHC/HURDAT2/atlantic").source
    for status, count in golden["hurdat2-atlantic"]["status_counts"].items():
        assert source.count(Query(comparisons=(Comparison("status", "==", status),))) == count
    strong = Query(comparisons=(Comparison("id", "==", "AL092017"),), order=("max_wind_kts", False))
    points = list(source.elements(strong))
    assert len(points) == golden["hurdat2-atlantic"]["AL092017"]["points"]
    assert points[0].get("max_wind_kts") == golden["hurdat2-atlantic"]["AL092017"]["max_wind_kts"]
    year = (1104537600000, 1136073600000)
    assert source.count(Query(time=year)) == golden["hurdat2-atlantic"]["points_2005"]


def test_states_in_a_box(sample, golden):
    found = list_features(
        sample,
        "projects/earthengine-public/assets/TIGER/2018/States",
        region='{"type":"Polygon","coordinates":[[[-105,38],[-100,38],[-100,42],[-105,42],[-105,38]]]}',
    )
    names = sorted(f["properties"]["NAME"] for f in found["features"])
    assert names == golden["us-states"]["intersects_box_-105_38_-100_42"]


def test_quickstart_list_images(sample):
    """Start inclusive, end exclusive, a bare property name, a region that is met or not."""
    parent = "projects/earthengine-public/assets/COPERNICUS/S2_SR_HARMONIZED"
    every = list_images(sample, parent)["images"]
    times = sorted(image["startTime"] for image in every)
    point = '{"type":"Point", "coordinates":[15.3, 45.8]}'
    clear = list_images(
        sample,
        parent,
        start_time="2023-08-01T00:00:00.000Z",
        end_time="2023-09-01T00:00:00.000Z",
        region=point,
        filter_text="CLOUDY_PIXEL_PERCENTAGE < 10",
    )["images"]
    expected = {
        image["id"]
        for image in every
        if image["properties"]["CLOUDY_PIXEL_PERCENTAGE"] < 10 and image["id"].endswith("TWL")
    }
    assert {image["id"] for image in clear} == expected != set()
    inclusive = list_images(sample, parent, start_time=times[0], end_time=times[1])["images"]
    assert [image["startTime"] for image in inclusive] == [times[0]]
    assert list_images(sample, parent, region='{"type":"Point","coordinates":[0,0]}') == {}


def test_asset_on_the_wire(sample):
    asset = list_images(sample, "COPERNICUS/S2_SR_HARMONIZED", page_size=1)["images"][0]
    assert asset["type"] == "IMAGE"
    assert asset["name"] == f"projects/earthengine-public/assets/{asset['id']}"
    assert asset["bands"][0] == {
        "id": "B2",
        "dataType": {"precision": "INT", "range": {"max": 65535}},
        "grid": {
            "crsCode": "EPSG:32633",
            "dimensions": {"width": 400, "height": 300},
            "affineTransform": {
                "scaleX": 120, "shearX": 0, "translateX": 499980,
                "shearY": 0, "scaleY": -120, "translateY": 5100000,
            },
        },
        "pyramidingPolicy": "MEAN",
        "missingData": {"values": [0]},
    }  # fmt: skip
    assert "system:time_start" not in asset["properties"]
    assert asset["geometry"]["type"] == "Polygon"
    json.dumps(asset)


def test_folders_above_registered_ids(sample):
    root = list_assets(sample, "projects/earthengine-public/assets", view="BASIC")["assets"]
    assert {"type": "FOLDER", "name": "projects/earthengine-public/assets/LANDSAT",
            "id": "LANDSAT"} in root  # fmt: skip
    below = list_assets(sample, "LANDSAT/LC08/C01")["assets"]
    assert [a["id"] for a in below] == ["LANDSAT/LC08/C01/T1", "LANDSAT/LC08/C01/T1_TOA"]
    own = list_assets(sample, "projects/sample")["assets"]
    assert "projects/sample/assets/dem_be" in [a["id"] for a in own]


def test_pages(sample):
    pages, token = [], ""
    for _ in range(20):
        page = list_images(sample, "MODIS/006/MOD13Q1", page_size=30, page_token=token)
        pages.append([image["id"] for image in page["images"]])
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert [len(page) for page in pages] == [30, 30, 30, 30, 17]
    assert sum(pages, []) == sorted(sum(pages, []))


def test_feature_pages(sample):
    token, total = "", 0
    while True:
        page = list_features(sample, "TIGER/2018/Counties", page_size=1000, page_token=token)
        total += len(page["features"])
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert total == 3220


def test_property_filters(sample, golden):
    """The reference file's keys are the filters themselves: ``CLOUDY_PIXEL_PERCENTAGE<10``."""
    for text, count in golden["s2-sr-33tw"]["filters"].items():
        found = list_images(sample, "COPERNICUS/S2_SR_HARMONIZED", filter_text=text)["images"]
        assert len(found) == count, text


def test_every_band_has_its_reference_statistics(sample, golden):
    store = BlockStore(2**26, sample.gate)
    for key, asset_id in (("l8-newyork-2018", "projects/sample/assets/l8_newyork_2018"),):
        for image in sample.load_collection(asset_id):
            band = next(b for b in image.bands if b.name == "B5").node.band
            whole = store.window(band.path, band.index, 0, 0, 0, band.width, band.height)
            expected = golden[key][image.index]
            assert list(whole.shape) == expected["shape"]
            valid = whole[~np.isin(whole, band.missing)].astype("float64")
            assert valid.size == expected["B5_valid"]["count"]
            assert valid.mean() == pytest.approx(expected["B5_valid"]["mean"], abs=1e-8)


def test_table_columns(sample, golden):
    table = sample.load_table("NOAA/NHC/HURDAT2/atlantic")
    points = list(table)
    expected = golden["hurdat2-atlantic"]
    assert len({p.get("id") for p in points}) == expected["storms"]
    assert max(p.get("max_wind_kts") or 0 for p in points) == expected["max_wind_kts"]
    assert min(p.get("min_pressure") or 9999 for p in points) == expected["min_pressure"]
    names = Counter(
        f.get("LULC_NAME") or ""
        for f in sample.load_table("projects/sample/assets/training_lulc_slovenia")
    )
    assert names == golden["training-lulc-slovenia"]["by_LULC_NAME"]
