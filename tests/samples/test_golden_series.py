"""Series of real images: every date, trends, percentiles, pixels."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.samples.figures import CLOSE, at, by_date, figures, native, planar, same, whole

S2 = "COPERNICUS/S2_SR_HARMONIZED"


def ndvi_series(ee: Any) -> Any:
    return ee.ImageCollection("projects/sample/assets/s2_ndvi_slovenia")


def without_clouds(image: Any) -> Any:
    return image.updateMask(image.select("CLM").eq(0))


def test_vegetation_of_68_dates(client, golden) -> None:
    ee = client
    given = golden["s2-ndvi-slovenia"]
    series = ndvi_series(ee)
    assert series.size().getInfo() == given["count"]
    first = series.first().select("NDVI")
    region = whole(ee, first)
    every = by_date(ee, series.select("NDVI"), region)
    assert set(every) == set(given["patch_mean"])
    for index, expected in given["patch_mean"].items():
        assert every[index]["NDVI"] == pytest.approx(expected, rel=1e-5), index
    clear = by_date(ee, series.map(without_clouds).select("NDVI"), region)
    for index, expected in given["patch_mean_clear"].items():
        found = clear[index].get("NDVI")
        assert (found is None) == (expected is None), index
        if expected is not None:
            assert found == pytest.approx(expected, rel=1e-5), index


def test_trends_of_vegetation(client, golden) -> None:
    """Medians, linear fits and a harmonic fit against years since 1970."""
    ee = client
    given = golden["s2-ndvi-slovenia"]
    years = 86400000 * 365.25

    def timed(image: Any) -> Any:
        t = ee.Image(ee.Number(image.get("system:time_start")).divide(years)).rename("t").double()
        angle = t.multiply(2 * math.pi)
        return (
            ee.Image(1).rename("one").double().addBands(t).addBands(angle.cos().rename("c"))
            .addBands(angle.sin().rename("s")).addBands(image.select("NDVI"))
            .updateMask(image.select("NDVI").mask())
        )  # fmt: skip

    first = ndvi_series(ee).first().select("NDVI")
    every = ndvi_series(ee).select("NDVI").map(timed)
    clear = ndvi_series(ee).map(without_clouds).map(timed)
    linear = every.select(["t", "NDVI"]).reduce(ee.Reducer.linearFit())
    linear_clear = clear.select(["t", "NDVI"]).reduce(ee.Reducer.linearFit())
    harmonic = (
        clear.select(["one", "t", "c", "s", "NDVI"])
        .reduce(ee.Reducer.linearRegression(4, 1))
        .select("coefficients")
        .arrayProject([0])
        .arrayFlatten([["one", "t", "c", "s"]])
    )
    values = (
        every.select("NDVI").median().rename("median")
        .addBands(clear.select("NDVI").median().rename("median_clear"))
        .addBands(clear.select("NDVI").count().rename("n_clear"))
        .addBands(every.select("NDVI").max().rename("max"))
    )  # fmt: skip
    for pixel in given["pixel"].values():
        point = pixel["lonlat"]
        same(at(ee, native(values, first), point), {k: pixel[k] for k in ("median", "median_clear", "n_clear", "max")}, rel=1e-5)  # fmt: skip
        for fit, name in ((linear, "linear_fit_all"), (linear_clear, "linear_fit_clear")):
            found = at(ee, native(fit, first), point)
            assert found["scale"] == pytest.approx(pixel[name]["scale_per_year"], rel=1e-4)
            assert found["offset"] == pytest.approx(pixel[name]["offset_at_epoch"], rel=1e-4)
        found = at(ee, native(harmonic, first), point)
        expected = pixel["harmonic_clear_[1,t,cos2pit,sin2pit]"]
        assert [found[k] for k in ("one", "t", "c", "s")] == pytest.approx(expected, rel=1e-4)


def test_every_date_of_the_vegetation_index(client, golden) -> None:
    ee = client
    given = golden["mod13q1-mato-grosso"]
    collection = ee.ImageCollection("MODIS/006/MOD13Q1")
    first = collection.first().select("NDVI")
    region = whole(ee, first)
    found = by_date(ee, collection.select("NDVI"), region)
    assert len(found) == len(given["ndvi_dn_mean"])
    for index, expected in given["ndvi_dn_mean"].items():
        assert found[index]["NDVI"] == pytest.approx(expected, rel=CLOSE), index


def test_masked_pixels_percentiles_and_years(client, golden) -> None:
    ee = client
    given = golden["mod13q1-mato-grosso"]
    collection = ee.ImageCollection("MODIS/006/MOD13Q1")
    first = collection.first().select("NDVI")
    missing = collection.map(lambda i: i.mask().eq(0)).sum()
    found = native(missing, first).reduceRegion(ee.Reducer.sum(), whole(ee, first)).getInfo()
    for band, expected in given["masked_pixels"].items():
        assert found[band] == expected, band
    bands = ["NDVI", "EVI", "sur_refl_b01", "sur_refl_b02", "sur_refl_b03", "sur_refl_b07"]
    middle = native(collection.select(bands).median(), first)
    years = {
        str(y): native(collection.select("NDVI").filter(ee.Filter.calendarRange(y, y, "year")).mean(), first)
        for y in range(2007, 2014)
    }  # fmt: skip
    for pixel in given["pixels"].values():
        medians = at(ee, middle, pixel["lonlat"])
        for band in bands:
            assert medians[band] == pixel[band]["median"], band
        for year, expected in pixel["ndvi_year_mean"].items():
            assert at(ee, years[year], pixel["lonlat"])["NDVI"] == pytest.approx(
                expected, rel=CLOSE
            )


def test_pixels_of_the_first_samples(client, golden) -> None:
    ee = client
    image = ee.Image("MODIS/006/MOD13Q1/2007_09_14").select("NDVI")
    info = image.projection().getInfo()
    a, _, c, _, e, f = info["transform"]
    for sample in golden["mod13q1-mato-grosso"]["first3_samples"]:
        col, row = sample["pixel"]
        point = ee.Geometry.Point([c + a * (col + 0.5), f + e * (row + 0.5)], info["crs"])
        found = image.reduceRegion(ee.Reducer.first(), point).getInfo()["NDVI"]
        assert found == sample["NDVI_2007_09_14"]


def test_nineteen_scenes_on_grids_of_their_own(client, golden) -> None:
    ee = client
    given = dict(golden["l8-newyork-2018"])
    point = given.pop("point_B5")
    collection = ee.ImageCollection("projects/sample/assets/l8_newyork_2018")
    assert collection.size().getInfo() == len(given)
    for index, expected in given.items():
        image = ee.Image(collection.filter(ee.Filter.eq("system:index", index)).first()).select(
            "B5"
        )
        height, width = expected["shape"]
        assert image.getInfo()["bands"][0]["dimensions"] == [width, height]
        same(figures(ee, image)["B5"], expected["B5_valid"])
        assert at(ee, image, point["lonlat"])["B5"] == point["values"][index]
    first = collection.first().select("B5")
    composite = native(collection.select("B5").median(), first)
    assert at(ee, composite, point["lonlat"])["B5"] == point["median"]


def test_months_of_several_sensors(client, golden) -> None:
    ee = client
    given = golden["multisensor-monthly-be"]
    collection = ee.ImageCollection("projects/sample/assets/multisensor_monthly_be")
    region = whole(ee, collection.first().select("B2"))
    means = by_date(ee, collection, region)
    shares = by_date(ee, collection.map(lambda i: i.mask()), region)
    for month, bands in given["monthly_mean"].items():
        for band, expected in bands.items():
            found = means[month].get(band)
            assert (found is None) == (expected is None), (month, band)
            if expected is not None:
                assert found == pytest.approx(expected, rel=1e-6), (month, band)
            share = given["valid_fraction"][month][band]
            assert shares[month][band] == pytest.approx(share, abs=1e-9)


def test_values_of_every_date_and_overlaps(client, golden, index_of) -> None:
    ee = client
    given = golden["s2-sr-33tw"]
    for point in given["points"]:
        for number, item in enumerate(point["items"]):
            image = ee.Image(f"{S2}/{index_of[item]}").select(["B2", "B3", "B4", "B8", "SCL"])
            found = at(ee, image, point["lonlat"])
            for band in ("B2", "B3", "B4", "B8"):
                assert found[band] == (point[band]["values"][number] or None)
            assert found["SCL"] == (point["SCL"][number] or None)
    for point in given["overlap_points"]:
        for item in [key for key in point if key.startswith("S2")]:
            image = ee.Image(f"{S2}/{index_of[item]}").select(["B8", "B4"])
            here = ee.Geometry.Point(point["utm"], "EPSG:32633")  # on the edge of a pixel
            found = image.reduceRegion(ee.Reducer.first(), here).getInfo()
            assert (found["B8"], found["B4"]) == (point[item]["B8"], point[item]["B4"])


def percentiles(ee: Any, image: Any, region: Any, ranks: list[int]) -> dict[str, float]:
    found = image.rename("v").reduceRegion(ee.Reducer.percentile(ranks), region, maxPixels=1e9)
    return {str(rank): found.getInfo()[f"v_p{rank}"] for rank in ranks}


def test_percentiles_of_large_samples(client, golden, index_of) -> None:
    """The figures interpolate between samples; with so many the neighbours hardly differ."""
    ee = client
    given = golden["srtm-zion"]["percentiles_linear"]
    image = ee.Image("CGIAR/SRTM90_V4").select("elevation")
    found = percentiles(ee, image, whole(ee, image), [int(rank) for rank in given])
    assert found == pytest.approx(given, abs=1)
    given = golden["l8-p020r039"]["ndvi_percentiles_linear"]
    image = ee.Image("LANDSAT/LC08/C02/T1_TOA/LC08_020039_20150804").normalizedDifference(
        ["B5", "B4"]
    )
    region = whole(ee, ee.Image("LANDSAT/LC08/C02/T1_TOA/LC08_020039_20150804").select("B4"))
    # A negative reflectance would be masked; this scene has none.
    same(figures(ee, image, region)["nd"], golden["l8-p020r039"]["ndvi"], rel=1e-5)
    found = percentiles(ee, image, region, [int(rank) for rank in given])
    assert found == pytest.approx(given, abs=1e-4)
    green = image.gt(0.5).reduceRegion(ee.Reducer.sum(), region, maxPixels=1e9).getInfo()["nd"]
    # One pixel is 0.5 but for the last bit of single precision.
    assert green == pytest.approx(golden["l8-p020r039"]["ndvi_gt_0.5_pixels"], abs=1)
    polygon = golden["s2-sr-33tw"]["ndvi_polygon"]
    region = ee.Geometry.Polygon(polygon["coordinates"], polygon["crs"], False)
    for item, both in polygon["values"].items():
        image = ee.Image(f"{S2}/{index_of[item]}").normalizedDifference(["B8", "B4"])
        expected = both["all"]
        inside = image.reduceRegion(
            ee.Reducer.percentile([10, 50, 90]).unweighted(), region
        ).getInfo()
        for rank, value in expected["centre_p"].items():
            assert inside[f"nd_p{rank}"] == pytest.approx(value, abs=2e-3)
        weight = ee.Image(1).updateMask(image.mask()).reduceRegion(ee.Reducer.sum(), region, crs="EPSG:32633", crsTransform=ee.Image(f"{S2}/{index_of[item]}").select("B8").projection().getInfo()["transform"])  # fmt: skip
        # Pixels of which less than half a per cent is covered do not count here.
        assert weight.getInfo()["constant"] == pytest.approx(expected["fraction_weight"], rel=1e-4)


def test_quality_band(client, golden) -> None:
    ee = client
    image = ee.Image("LANDSAT/LC08/C02/T1/LC08_020039_20150804").select("BQA")
    counted = image.reduceRegion(ee.Reducer.frequencyHistogram(), whole(ee, image), maxPixels=1e9)
    found = {k: round(v) for k, v in counted.getInfo()["BQA"].items()}
    assert found == golden["l8-p020r039"]["BQA_histogram"]


def test_water_in_aerial_photographs(client, golden) -> None:
    ee = client
    for name, expected in golden["naip-nd-4709963se"].items():
        image = ee.Image(f"USDA/NAIP/DOQQ/{name}")
        wet = image.normalizedDifference(["G", "N"]).gt(0).rename("v").unmask(0)
        count = wet.reduceRegion(ee.Reducer.sum(), whole(ee, image), maxPixels=1e9).getInfo()["v"]
        assert count == expected["ndwi_gt0_pixels"]


def test_temperature_and_the_year(client, golden) -> None:
    ee = client
    image = ee.Image("IDAHO_EPSCOR/GRIDMET/20190121").select("tmmx")
    same(figures(ee, image)["tmmx"], golden["gridmet-tmmx-20190121"]["kelvin"], rel=1e-5)
    collection = ee.ImageCollection("projects/sample/assets/bcsd_obs_1999")
    first = collection.first().select("pr")
    rain = native(collection.select("pr").sum(), first)
    warmth = native(collection.select("tas").mean(), first)
    given = golden["bcsd-obs-1999"]
    same(figures(ee, rain, whole(ee, first))["pr"], given["annual_pr_sum"], rel=1e-5)
    same(figures(ee, warmth, whole(ee, first))["tas"], given["annual_tas_mean"], rel=1e-5)


@pytest.mark.parametrize("asset", ["dem_mongon", "static_slovenia"])
def test_statistics_of_terrain(client, golden, asset) -> None:
    """Away from the edge, where the tools differ in what they take for missing neighbours.

    gdaldem works in single precision and measures pixels in the projection, as we do.
    """
    ee = client
    name = f"terrain_{'dem-mongon' if asset == 'dem_mongon' else 'static-slovenia-dem'}"
    expected = golden[name]["ZevenbergenThorne"]["slope"]["stats"]
    heights = ee.Image(f"projects/sample/assets/{asset}").select("elevation")
    found = figures(ee, ee.Terrain.slope(heights), whole(ee, heights, border=1))["slope"]
    assert found["count"] == expected["count"]
    for figure in ("mean", "stddev", "max"):
        assert found[figure] == pytest.approx(expected[figure], rel=2e-3)


def test_area_of_land_cover_pixels(client, golden) -> None:
    ee = client
    image = ee.Image("USGS/NLCD_RELEASES/2016_REL/2011").select("landcover")
    a, b, _, d, e, _ = image.projection().getInfo()["transform"]
    assert abs(a * e - b * d) == pytest.approx(golden["nlcd2011-zion"]["pixel_area_m2"], rel=1e-6)
    park = planar(ee, ee.FeatureCollection("projects/sample/assets/zion_boundary"))
    heights = ee.Image("CGIAR/SRTM90_V4").select("elevation")
    weight = ee.Image(1).updateMask(heights.mask()).reduceRegion(
        ee.Reducer.sum(), park, crs=heights.projection(), maxPixels=1e9
    )  # fmt: skip
    expected = golden["srtm-zion"]["zion_boundary"]["fraction_weight"]
    assert weight.getInfo()["constant"] == pytest.approx(expected, rel=1e-6)


def test_one_pixel_of_every_level_1_scene(client, golden, index_of) -> None:
    ee = client
    given = golden["s2-l1c-slovenia"]
    for name in [key for key in given if key.startswith("S2A_33TVL")]:
        image = ee.Image(f"COPERNICUS/S2/{index_of[name]}")
        expected = given[name]["pixel_50_50"]
        bands = [band for band in expected if band.startswith("B")]
        found = at(ee, image.select(bands), given["lonlat_50_50"])
        assert {band: found[band] for band in bands} == {band: expected[band] for band in bands}


def test_ninetieth_percentile_of_every_date(client, golden) -> None:
    """Between the samples that linear interpolation lies between."""
    ee = client
    given = golden["mod13q1-mato-grosso"]["pixels"]
    collection = ee.ImageCollection("MODIS/006/MOD13Q1")
    first = collection.first().select("NDVI")
    bands = ["NDVI", "EVI", "sur_refl_b01", "sur_refl_b02", "sur_refl_b03", "sur_refl_b07"]
    high = native(collection.select(bands).reduce(ee.Reducer.percentile([90])), first)
    listed = native(collection.select(bands).reduce(ee.Reducer.toList()), first)
    for pixel in given.values():
        found, samples = (at(ee, image, pixel["lonlat"]) for image in (high, listed))
        for band in bands:
            ordered = sorted(samples[f"{band}_list"])
            rank = 0.9 * (len(ordered) - 1)
            low, up = ordered[math.floor(rank)], ordered[math.ceil(rank)]
            assert low <= pixel[band]["p90_linear"] <= up
            assert low <= found[f"{band}_p90"] <= up


def test_quality_and_index_at_points(client, golden) -> None:
    ee = client
    given = golden["l8-p020r039"]
    raw = ee.Image("LANDSAT/LC08/C02/T1/LC08_020039_20150804")
    same(figures(ee, raw.select("BQA"))["BQA"], given["raw"]["BQA"])
    index = ee.Image("LANDSAT/LC08/C02/T1_TOA/LC08_020039_20150804").normalizedDifference(
        ["B5", "B4"]
    )
    for point in given["points"]:
        assert at(ee, raw.select("BQA"), point["lonlat"])["BQA"] == point["raw"]["BQA"]
        assert at(ee, index, point["lonlat"])["nd"] == pytest.approx(point["ndvi"], rel=1e-5)
