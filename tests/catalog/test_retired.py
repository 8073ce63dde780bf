"""Retired ids of the public catalogue resolve to successors that are there."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from ecumene.catalog import ingest, retired
from ecumene.catalog.datasets import decode
from ecumene.catalog.ids import name_of
from ecumene.core.errors import NotFound

NEW, OLD = "LANDSAT/LC08/C02/T1_TOA", "LANDSAT/LC08/C01/T1_TOA"


def add(
    catalog, folder, dataset: str, index: str = "LC08_044034_20140318", bands=("B4", "QA_PIXEL")
):
    """One image in a collection."""
    place = folder / dataset.replace("/", "_")
    place.mkdir()
    assets = {}
    for number, band in enumerate(bands, 1):
        with rasterio.open(
            place / f"{band}.tif", "w", driver="GTiff", width=4, height=4, count=1, dtype="uint16",
            crs="EPSG:32610", transform=from_origin(500000, 4000000, 30, 30),
        ) as target:  # fmt: skip
            target.write(np.full((1, 4, 4), number, "uint16"))
        assets[band] = {"href": str(place / f"{band}.tif")}
    rules = "".join(f"  - {{id: {band}, type: uint16}}\n" for band in bands)
    item = {"type": "Feature", "id": index, "geometry": None, "assets": assets,
            "properties": {"datetime": "2014-03-18T18:46:32Z"}}  # fmt: skip
    catalog.allow(place)
    ingest.add_stac_items(
        catalog, [item], str(place / "item.json"), decode(f"id: {dataset}\nbands:\n{rules}")
    )


def test_the_table_is_consistent():
    rules = retired.table()
    assert len(rules) > 100
    for old, rule in rules.items():
        assert old != rule.successor
        assert rule.bands is None or rule.bands
        seen = {old}
        while rule is not None:
            assert rule.successor not in seen, "a circle"
            seen.add(rule.successor)
            rule = rules.get(rule.successor)
        assert len(seen) <= retired.MOST_STEPS


@pytest.mark.parametrize(
    ("asked", "there", "found"),
    [
        ("MODIS/006/MOD13Q1", {"MODIS/061/MOD13Q1"}, "MODIS/061/MOD13Q1"),
        ("projects/earthengine-public/assets/MODIS/006/MOD13Q1", {"MODIS/061/MOD13Q1"}, "MODIS/061/MOD13Q1"),
        ("MODIS/006/MOD13Q1", {"MODIS/061/MOD13Q1", "MODIS/006/MOD13Q1"}, None),
        ("MODIS/006/MOD13Q1", set(), None),
        ("MODIS/MOD13Q1", {"MODIS/061/MOD13Q1"}, "MODIS/061/MOD13Q1"),
        ("MODIS/MOD13Q1", {"MODIS/061/MOD13Q1", "MODIS/006/MOD13Q1"}, "MODIS/006/MOD13Q1"),
        ("MODIS/006/MOD13Q1/x", {"MODIS/061/MOD13Q1", "MODIS/061/MOD13Q1/x"}, "MODIS/061/MOD13Q1/x"),
        ("MODIS/006/MOD13Q1/x", {"MODIS/061/MOD13Q1"}, None),
        ("MODIS/006/MOD13Q1/x", {"MODIS/006/MOD13Q1", "MODIS/061/MOD13Q1", "MODIS/061/MOD13Q1/x"}, None),
        ("MODIS/MOD13Q1/x", {"MODIS/061/MOD13Q1", "MODIS/061/MOD13Q1/x"}, None),
        ("JRC/GSW1_0/GlobalSurfaceWater", {"JRC/GSW1_4/GlobalSurfaceWater"}, "JRC/GSW1_4/GlobalSurfaceWater"),
        ("COPERNICUS/S2_HARMONIZED", {"COPERNICUS/S2"}, None),
        ("LANDSAT/LC08/C01/T1_SR", {"LANDSAT/LC08/C02/T1_L2"}, None),
        ("TIGER/2016/States", {"TIGER/2018/States"}, "TIGER/2018/States"),
        ("projects/p/assets/x", {"MODIS/061/MOD13Q1"}, None),
        ("", set(), None),
    ],
)  # fmt: skip
def test_the_nearest_successor_that_exists(asked, there, found):
    after = retired.successor(asked, there.__contains__)
    assert (None if after is None else after.id) == found


def test_bands_through_successors():
    through = retired.successor("LANDSAT/LC8_L1T_TOA", {NEW}.__contains__)
    assert through is not None
    assert list(through.bands) == [f"B{n}" for n in range(1, 12)]
    renamed = retired.successor("NASA/GPM_L3/IMERG_V06", {"NASA/GPM_L3/IMERG_V07"}.__contains__)
    assert renamed is not None and renamed.bands["precipitationCal"] == "precipitation"


def test_images_and_collections_with_the_bands_that_mean_the_same(catalog, tmp_path):
    assert catalog.load_collection(OLD) is None
    add(catalog, tmp_path, NEW)
    image = catalog.load_image(f"{OLD}/LC08_044034_20140318")
    assert image.band_names == ["B4"]
    assert image.id == f"{NEW}/LC08_044034_20140318"
    assert image.get("system:index") == "LC08_044034_20140318"
    first = catalog.load_collection(OLD).first()
    assert first == image
    assert catalog.load_collection(OLD).size() == 1
    assert catalog.load_image(f"{NEW}/LC08_044034_20140318").band_names == ["B4", "QA_PIXEL"]
    assert catalog.seen_by("anybody").load_collection(OLD).first() == image


def test_bands_under_their_retired_names(catalog, tmp_path):
    add(catalog, tmp_path, "NASA/GPM_L3/IMERG_V07", "i", ("precipitation", "randomError"))
    image = catalog.load_image("NASA/GPM_L3/IMERG_V06/i")
    assert image.band_names == ["precipitationCal", "randomError"]
    band = image.bands[0]
    new = catalog.load_image("NASA/GPM_L3/IMERG_V07/i").bands[0]
    assert band == dataclasses.replace(new, name="precipitationCal")


def test_what_is_there_wins_and_what_goes_is_gone(catalog, tmp_path):
    add(catalog, tmp_path, NEW)
    add(catalog, tmp_path, OLD, bands=("B4", "BQA"))
    assert catalog.successor(OLD) is None
    assert catalog.load_collection(OLD).first().band_names == ["B4", "BQA"]
    ingest.remove(catalog, OLD)
    assert catalog.successor(OLD) == NEW
    assert catalog.load_collection(OLD).first().band_names == ["B4"]
    ingest.remove(catalog, NEW)
    assert catalog.load_collection(OLD) is None


def test_resources_are_the_successors(catalog, tmp_path):
    with pytest.raises(NotFound):
        catalog.get_asset(OLD)
    add(catalog, tmp_path, NEW)
    assert catalog.get_asset(name_of(OLD))["name"] == name_of(NEW)
    listed = catalog.list_assets(OLD)["assets"]
    assert [one["id"] for one in listed] == [f"{NEW}/LC08_044034_20140318"]


def test_registering_a_retired_dataset_makes_it_a_collection_of_its_own(catalog, tmp_path):
    add(catalog, tmp_path, "COPERNICUS/S2_HARMONIZED", "i", ("B4",))
    add(catalog, tmp_path, "COPERNICUS/S2", "i", ("B4",))
    assert catalog.index_type("COPERNICUS/S2") == "IMAGE_COLLECTION"
    assert catalog.load_collection("COPERNICUS/S2").first().id == "COPERNICUS/S2/i"
