"""Real imagery against figures that numpy, rasterio and gdaldem computed from the same files."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.samples.figures import CLOSE, at, figures, native, planar, same, whole

S2 = "COPERNICUS/S2_SR_HARMONIZED"


@pytest.mark.parametrize("item", range(10))
def test_each_scene_of_sentinel_2(client, golden, index_of, item) -> None:
    ee = client
    name, expected = sorted(golden["s2-sr-33tw"]["per_item"].items())[item]
    image = ee.Image(f"{S2}/{index_of[name]}")
    bands = [band for band in expected if not band.endswith("histogram")]
    found = figures(ee, image.select(bands))
    for band in bands:
        same(found[band], expected[band])
    histogram = (
        image.select("SCL")
        .unmask(0)
        .reduceRegion(ee.Reducer.frequencyHistogram(), whole(ee, image.select("SCL")))
    )
    counted = {k: v for k, v in histogram.getInfo()["SCL"].items() if v}
    wanted = expected["SCL_histogram"]
    assert {k: round(v) for k, v in counted.items()} == wanted


def scenes(ee: Any, tile: str) -> Any:
    return ee.ImageCollection(S2).filter(ee.Filter.eq("MGRS_TILE", tile))


def clear(ee: Any, image: Any) -> Any:
    classes = image.select("SCL")
    return image.updateMask(classes.gte(4).And(classes.lte(7)))


@pytest.mark.parametrize("tile", ["33TWL", "33TWM"])
@pytest.mark.parametrize("which", ["all", "clear"])
def test_medians_of_a_tile(client, golden, tile, which) -> None:
    ee = client
    collection = scenes(ee, tile)
    if which == "clear":
        collection = collection.map(lambda image: clear(ee, image))
    bands = ["B2", "B3", "B4", "B8"]
    first = scenes(ee, tile).first().select("B2")
    composite = native(collection.select(bands).median(), first)
    found = figures(ee, composite, whole(ee, first))
    for band in bands:
        same(found[band], golden["s2-sr-33tw"][f"median_composite_{tile}"][band][which])


def test_medians_at_points(client, golden) -> None:
    ee = client
    for point in golden["s2-sr-33tw"]["points"]:
        collection = scenes(ee, point["tile"])
        first = collection.first().select("B2")
        every = at(ee, native(collection.median(), first), point["lonlat"])
        good = at(
            ee, native(collection.map(lambda i: clear(ee, i)).median(), first), point["lonlat"]
        )
        for band in ("B2", "B3", "B4", "B8"):
            assert every[band] == point[band]["median_all"]
            if point[band]["n_clear"]:
                assert good[band] == point[band]["median_clear"]


def test_vegetation_index_in_a_polygon(client, golden, index_of) -> None:
    ee = client
    given = golden["s2-sr-33tw"]["ndvi_polygon"]
    region = ee.Geometry.Polygon(given["coordinates"], given["crs"], False)
    reducer = ee.Reducer.mean().unweighted().combine(ee.Reducer.count(), "", True)
    for name, both in given["values"].items():
        image = ee.Image(f"{S2}/{index_of[name]}")
        for which, expected in both.items():
            chosen = clear(ee, image) if which == "clear" else image
            ndvi = chosen.normalizedDifference(["B8", "B4"]).rename("v")
            found = ndvi.reduceRegion(reducer, region).getInfo()
            assert found["v_count"] == expected["centre_count"]
            assert found["v_mean"] == pytest.approx(expected["centre_mean"], rel=1e-5)
            weighted = ndvi.reduceRegion(ee.Reducer.mean(), region).getInfo()["v"]
            assert weighted == pytest.approx(expected["fraction_mean"], rel=2e-5)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("CLOUDY_PIXEL_PERCENTAGE < 10", "CLOUDY_PIXEL_PERCENTAGE<10"),
        ("MGRS_TILE == '33TWM'", "MGRS_TILE=33TWM"),
        ("SPACECRAFT_NAME == 'Sentinel-2B'", "SPACECRAFT_NAME=Sentinel-2B"),
    ],
)
def test_filters(client, golden, text, name) -> None:
    count = client.ImageCollection(S2).filter(text).size().getInfo()
    assert count == golden["s2-sr-33tw"]["filters"][name]


def test_a_moving_mean(client, golden, index_of) -> None:
    ee = client
    given = golden["s2-sr-33tw"]["conv"]
    image = ee.Image(f"{S2}/{index_of[given['item']]}").select(given["band"])
    moved = image.reduceNeighborhood(ee.Reducer.mean(), ee.Kernel.square(1))
    convolved = image.convolve(ee.Kernel.square(1))
    a, _, c, _, e, f = image.projection().getInfo()["transform"]
    for place, expected in given["values"].items():
        col, row = map(int, place.split(","))
        point = ee.Geometry.Point(
            [c + a * (col + 0.5), f + e * (row + 0.5)], image.projection().getInfo()["crs"]
        )
        for result in (moved, convolved):
            (found,) = result.reduceRegion(ee.Reducer.first(), point).getInfo().values()
            assert found == pytest.approx(expected, rel=1e-6)


def test_level_1_scenes_and_their_median(client, golden, index_of) -> None:
    ee = client
    given = golden["s2-l1c-slovenia"]
    names = [name for name in given if name.startswith("S2A_33TVL")]
    for name in names:
        image = ee.Image(f"COPERNICUS/S2/{index_of[name]}")
        bands = [band for band in given[name] if band.startswith("B")]
        found = figures(ee, image.select(bands))
        for band in bands:
            same(found[band], given[name][band])
    collection = ee.ImageCollection("COPERNICUS/S2").filterDate("2015-07-01", "2015-10-01")
    first = collection.first().select("B2")
    median = at(ee, native(collection.median(), first), given["lonlat_50_50"])
    for band, value in given["median_pixel_50_50"].items():
        assert median[band] == value


def test_best_vegetation_of_each_pixel(client, golden, index_of) -> None:
    ee = client
    given = golden["s2-l1c-slovenia"]["qualityMosaic_NDVI"]["pixel"]
    collection = ee.ImageCollection("COPERNICUS/S2").filterDate("2015-07-01", "2015-10-01")
    scored = collection.map(
        lambda i: i.addBands(i.normalizedDifference(["B8", "B4"]).rename("score"))
    )
    first = collection.first().select("B2")
    mosaic = native(scored.qualityMosaic("score"), first)
    projection = first.projection().getInfo()
    a, _, c, _, e, f = projection["transform"]
    for place, expected in given.items():
        col, row = map(int, place.split(","))
        point = ee.Geometry.Point([c + a * (col + 0.5), f + e * (row + 0.5)], projection["crs"])
        found = mosaic.reduceRegion(ee.Reducer.first(), point).getInfo()
        assert found["B8"] == expected["B8"]
        assert found["score"] == pytest.approx(expected["NDVI"], rel=1e-6)


def test_elevation_by_class(client, golden) -> None:
    ee = client
    given = golden["static-slovenia"]
    image = ee.Image("projects/sample/assets/static_slovenia")
    same(figures(ee, image.select("elevation"))["elevation"], given["elevation"])
    reducer = (
        ee.Reducer.mean().combine(ee.Reducer.stdDev(), "", True).combine(ee.Reducer.count(), "", True)
        .group(1, "class")
    )  # fmt: skip
    groups = (
        image.select(["elevation", "LULC"])
        .unmask(0)
        .reduceRegion(reducer, whole(ee, image.select("elevation")))
    )
    found = {str(int(g["class"])): g for g in groups.getInfo()["groups"]}
    for name, expected in given["by_LULC"].items():
        assert found[name]["count"] == expected["count"]
        assert found[name]["mean"] == pytest.approx(expected["elevation_mean"], rel=CLOSE)
        assert found[name]["stdDev"] == pytest.approx(expected["elevation_stddev"], rel=1e-5)


def test_a_series_of_vegetation(client, golden) -> None:
    ee = client
    given = golden["mod13q1-mato-grosso"]
    collection = ee.ImageCollection("MODIS/006/MOD13Q1")
    assert collection.size().getInfo() == given["count"]
    first = collection.first().select("NDVI")
    composite = native(collection.select(["NDVI", "EVI", "sur_refl_b01"]).median(), first)
    for pixel in given["pixels"].values():
        found = at(ee, composite, pixel["lonlat"])
        for band in ("NDVI", "EVI", "sur_refl_b01"):
            assert found[band] == pixel[band]["median"]
    region = whole(ee, first)
    named = (
        collection.limit(6)
        .select("NDVI")
        .map(
            lambda i: ee.Feature(None, i.reduceRegion(ee.Reducer.mean(), region)).set(
                "index", i.get("system:index")
            )
        )
    )
    for feature in ee.FeatureCollection(named).getInfo()["features"]:
        properties = feature["properties"]
        expected = given["ndvi_dn_mean"][properties["index"]]
        assert properties["NDVI"] == pytest.approx(expected, rel=CLOSE)


def test_samples_of_a_series(client, golden) -> None:
    ee = client
    given = golden["mod13q1-mato-grosso"]
    mean = ee.ImageCollection("MODIS/006/MOD13Q1").select("NDVI").mean()
    first = ee.ImageCollection("MODIS/006/MOD13Q1").first().select("NDVI")
    table = ee.FeatureCollection("projects/sample/assets/training_crops_mato_grosso")
    samples = native(mean, first).sampleRegions(table, ["label"])
    assert samples.size().getInfo() == given["samples_inside_raster"]
    grouped = samples.reduceColumns(
        ee.Reducer.mean().combine(ee.Reducer.count(), "", True).group(1, "label"), ["NDVI", "label"]
    ).getInfo()["groups"]
    for group in grouped:
        expected = given["mean_ndvi_dn_by_label"][group["label"]]
        assert group["count"] == expected["n"]
        assert group["mean"] == pytest.approx(expected["mean"], rel=CLOSE)


def test_landsat(client, golden, index_of) -> None:
    ee = client
    given = golden["l8-p020r039"]
    for which, asset in (("toa", "LANDSAT/LC08/C02/T1_TOA"), ("raw", "LANDSAT/LC08/C02/T1")):
        image = ee.Image(f"{asset}/LC08_020039_20150804")
        bands = [b for b in given[which] if b not in ("B8", "BQA")]
        found = figures(ee, image.select(bands))
        for band in bands:
            same(found[band], given[which][band], rel=1e-5)
        for point in given["points"]:
            pixel = at(ee, image.select(bands), point["lonlat"])
            for band in bands:
                assert pixel[band] == pytest.approx(point[which][band], rel=1e-4)


@pytest.mark.parametrize("number", range(10))
def test_aerial_photographs(client, golden, number) -> None:
    ee = client
    name, expected = sorted(golden["naip-nd-4709963se"].items())[number]
    image = ee.Image(f"USDA/NAIP/DOQQ/{name}")
    found = figures(ee, image)
    for band in "RGBN":
        same(found[band], expected[band])
    ratio = image.normalizedDifference(["N", "R"]).rename("v").unmask(0)
    mean = ratio.reduceRegion(ee.Reducer.mean(), whole(ee, image), maxPixels=1e9).getInfo()["v"]
    assert mean == pytest.approx(expected["ndvi_mean"], rel=1e-4, abs=1e-6)


def test_heights(client, golden) -> None:
    ee = client
    given = golden["srtm-zion"]
    image = ee.Image("CGIAR/SRTM90_V4").select("elevation")
    same(figures(ee, image)["elevation"], given["elevation"])
    for point in given["points"]:
        assert at(ee, image, point["lonlat"])["elevation"] == point["elevation"]
    park = planar(ee, ee.FeatureCollection("projects/sample/assets/zion_boundary"))
    expected = given["zion_boundary"]
    reducer = (
        ee.Reducer.mean().unweighted().combine(ee.Reducer.count(), "", True).combine(ee.Reducer.minMax(), "", True)
    )  # fmt: skip
    found = image.reduceRegion(reducer, park).getInfo()
    assert found["elevation_count"] == expected["centre_count"]
    assert found["elevation_mean"] == pytest.approx(expected["centre_mean"], rel=CLOSE)
    assert (found["elevation_min"], found["elevation_max"]) == (
        expected["centre_min"], expected["centre_max"],
    )  # fmt: skip
    weighted = image.reduceRegion(ee.Reducer.mean(), park).getInfo()["elevation"]
    assert weighted == pytest.approx(expected["fraction_mean"], rel=1e-6)


@pytest.mark.parametrize("asset", ["dem_mongon", "static_slovenia"])
def test_terrain_is_that_of_four_neighbours(client, golden, asset) -> None:
    ee = client
    given = golden[f"terrain_{'dem-mongon' if asset == 'dem_mongon' else 'static-slovenia-dem'}"]
    heights = ee.Image(f"projects/sample/assets/{asset}").select("elevation")
    terrain = ee.Terrain.slope(heights).addBands(ee.Terrain.aspect(heights))
    shaded = ee.Terrain.hillshade(heights, 270, 45)
    for place, lonlat in given["lonlat"].items():
        found = at(ee, terrain.addBands(shaded), lonlat)
        expected = given["ZevenbergenThorne"]
        assert found["slope"] == pytest.approx(expected["slope"]["points"][place], abs=0.02)
        if found["slope"] > 0.1:
            turn = found["aspect"] - expected["aspect"]["points"][place]
            assert abs((turn + 180) % 360 - 180) < 0.1
        assert math.isclose(found["hillshade"], expected["hillshade"]["points"][place], abs_tol=2)


def test_land_cover(client, golden) -> None:
    ee = client
    given = golden["nlcd2011-zion"]
    image = ee.Image("USGS/NLCD_RELEASES/2016_REL/2011").select("landcover")
    counted = image.reduceRegion(ee.Reducer.frequencyHistogram(), whole(ee, image), maxPixels=1e9)
    found = {k: round(v) for k, v in counted.getInfo()["landcover"].items()}
    assert found == given["histogram"]
    park = planar(ee, ee.FeatureCollection("projects/sample/assets/zion_boundary"))
    inside = image.reduceRegion(ee.Reducer.frequencyHistogram().unweighted(), park, maxPixels=1e9)
    found = inside.getInfo()["landcover"]
    assert {k: round(v) for k, v in found.items()} == given["histogram_zion_boundary_centre"]
    mode = image.reduceRegion(ee.Reducer.mode(), park, maxPixels=1e9).getInfo()
    assert mode["landcover"] == given["mode_zion"]


@pytest.mark.parametrize("state", ["Colorado", "Kansas", "Rhode Island", "Florida"])
def test_temperature_of_states(client, golden, state) -> None:
    ee = client
    image = ee.Image("IDAHO_EPSCOR/GRIDMET/20190121").select("tmmx")
    table = ee.FeatureCollection("TIGER/2018/States").filter(ee.Filter.eq("NAME", state))
    expected = golden["gridmet-tmmx-20190121"]["states"][state]
    region = planar(ee, table)
    weighted = image.reduceRegion(ee.Reducer.mean(), region).getInfo()["tmmx"]
    assert weighted == pytest.approx(expected["fraction_mean"], rel=1e-5)
    geodesic = image.reduceRegions(table, ee.Reducer.mean()).first().get("mean").getInfo()
    assert geodesic == pytest.approx(expected["fraction_mean"], rel=1e-4)
    counted = image.reduceRegion(
        ee.Reducer.count()
        .combine(ee.Reducer.max(), "", True)
        .combine(ee.Reducer.mean().unweighted(), "", True),
        region,
        maxPixels=1e9,
    ).getInfo()
    assert counted["tmmx_count"] == expected["centre_count"]
    assert counted["tmmx_mean"] == pytest.approx(expected["centre_mean"], rel=CLOSE)
    assert counted["tmmx_max"] == pytest.approx(expected["max"], rel=1e-6)


def test_radar(client, golden) -> None:
    ee = client
    image = ee.ImageCollection("COPERNICUS/S1_GRD").first().select("VV")
    same(figures(ee, image)["VV"], golden["s1-grd-20150309"]["VV_dB"], rel=1e-5)
    dark = image.lt(-15).reduceRegion(ee.Reducer.sum(), whole(ee, image), maxPixels=1e9)
    assert dark.getInfo()["VV"] == golden["s1-grd-20150309"]["lt_-15dB"]
    linear = ee.Image(10).pow(image.divide(10)).rename("v")
    mean = linear.reduceRegion(ee.Reducer.mean(), whole(ee, image), maxPixels=1e9).getInfo()["v"]
    assert mean == pytest.approx(golden["s1-grd-20150309"]["VV_linear_mean"], rel=1e-5)


def test_monthly_composites(client, golden) -> None:
    ee = client
    given = golden["multisensor-monthly-be"]
    collection = ee.ImageCollection("projects/sample/assets/multisensor_monthly_be")
    first = collection.first().select("B2")
    assert collection.first().bandNames().getInfo() == given["bands"]
    composite = native(collection.median(), first)
    for point in given["points"]:
        found = at(ee, composite, point["lonlat"])
        for band, value in point["median"].items():
            assert found[band] == value


def test_climate_months(client, golden) -> None:
    ee = client
    collection = ee.ImageCollection("projects/sample/assets/bcsd_obs_1999")
    for month, expected in golden["bcsd-obs-1999"].items():
        if not month.isdigit():
            continue
        image = ee.Image(collection.filter(ee.Filter.eq("system:index", month)).first())
        found = figures(ee, image)
        for band in ("pr", "tas"):
            same(found[band], expected[band], rel=1e-5)
