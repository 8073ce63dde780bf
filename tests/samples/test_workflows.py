"""Collections as scripts use them, on real images, every pixel beside numpy's."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.samples.pixels import Files, fetched

S2, CLOUDS, NDVI = (
    "COPERNICUS/S2",
    "COPERNICUS/S2_CLOUD_PROBABILITY",
    "projects/sample/assets/s2_ndvi_slovenia",
)
SR, MODIS, MONTHS = (
    "COPERNICUS/S2_SR_HARMONIZED",
    "MODIS/006/MOD13Q1",
    "projects/sample/assets/multisensor_monthly_be",
)


@pytest.fixture(scope="module")
def files(shared_data: Path) -> Any:
    return lambda name: Files(shared_data / name)


def same(found: np.ndarray, expected: np.ndarray, rel: float = 1e-6, at: float = 1e-9) -> None:
    """Equal where both are valid, and valid at the same pixels, which are not all hidden."""
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    assert np.isfinite(expected).any()
    np.testing.assert_allclose(found, expected, rtol=rel, atol=at)


def days(files_: Files) -> np.ndarray:
    """``system:time_start`` of the items in milliseconds."""
    return np.array(
        [item["properties"]["ee:properties"]["system:time_start"] for item in files_.items],
        "float64",
    )


def test_clouds_by_scene_classes_and_a_median(client, files) -> None:
    """SCL: shadows, clouds of three kinds and cirrus are hidden."""
    ee, own = client, files("s2-sr-33tw")

    def clear(image: Any) -> Any:
        scl = image.select("SCL")
        bad = scl.eq(3).Or(scl.gte(7).And(scl.lte(10)))
        return (
            image.updateMask(bad.Not()).divide(10000).copyProperties(image, ["system:time_start"])
        )

    collection = ee.ImageCollection(SR).filter(ee.Filter.eq("MGRS_TILE", "33TWL"))
    image = collection.map(clear).select(["B4", "B8"]).median()
    items = [i for i in own.items if i["properties"]["ee:properties"]["MGRS_TILE"] == "33TWL"]
    assert len(items) == 5
    scl = np.stack([own.band(i, "SCL") for i in items])
    bad = (scl == 3) | ((scl >= 7) & (scl <= 10)) | np.isnan(scl) | (scl == 0)
    found = fetched(ee, image, Files(own.folder).grid_of(items[0], "B4"))
    for name in ("B4", "B8"):
        band = np.stack([own.band(i, name) for i in items])
        values = np.where(bad | (band == 0), np.nan, band / 10000)
        with np.errstate(all="ignore"):
            expected = nanmedian(values)
        same(found[name], expected)


def nanmedian(values: np.ndarray) -> np.ndarray:
    """Of the first axis; NaN without a word where nothing is."""
    held = np.isfinite(values).any(axis=0)
    return np.where(held, np.nanmedian(np.where(held, values, 0), axis=0), np.nan)


def test_clouds_by_bits_of_qa60(client, files) -> None:
    """As the script of the dataset's page does it; the band of bits is made from the sample's cloud mask."""
    ee, own = client, files("s2-l1c-slovenia")

    def with_bits(image: Any) -> Any:
        clouds = image.select("CLM")
        return image.addBands(
            clouds.multiply(1 << 10).add(clouds.Not().multiply(3)).uint16().rename("QA60")
        )

    def masked(image: Any) -> Any:
        qa = image.select("QA60")
        mask = qa.bitwiseAnd(1 << 10).eq(0).And(qa.bitwiseAnd(1 << 11).eq(0))
        return image.updateMask(mask).divide(10000)

    image = ee.ImageCollection(S2).map(with_bits).map(masked).select("B8").mean()
    clouds, band = own.stack("CLM"), own.stack("data", 8)
    assert 0 < clouds.mean() < 1
    values = np.where(clouds == 1, np.nan, band / 10000)
    seen = np.isfinite(values).any(axis=0)
    expected = np.where(
        seen, np.nansum(values, axis=0) / np.maximum(np.isfinite(values).sum(axis=0), 1), np.nan
    )
    same(fetched(ee, image, own.grid("data"))["B8"], expected)


def test_clouds_by_bits_of_the_quality_band(client, files) -> None:
    """Two-bit confidences, shifted down, of a Landsat scene."""
    ee, own = client, files("l8-toa-p020r039")
    scene = ee.ImageCollection("LANDSAT/LC08/C01/T1_TOA").first()
    qa = scene.select("BQA").int()
    clear = qa.rightShift(14).bitwiseAnd(3).lt(3).And(qa.rightShift(12).bitwiseAnd(3).lt(3))
    image = scene.updateMask(clear).normalizedDifference(["B5", "B4"])
    bits = own.band(own.items[0], "BQA").astype(int)
    red, near = (own.band(own.items[0], "data", n) for n in (4, 5))
    seen = ((bits >> 14 & 3) < 3) & ((bits >> 12 & 3) < 3) & (red >= 0) & (near >= 0)
    assert 0.1 < seen.mean() < 1
    same(
        fetched(ee, image, own.grid("data"))["nd"],
        np.where(seen, (near - red) / (near + red), np.nan),
    )


def test_cloud_probabilities_by_a_join(client, files) -> None:
    """The pattern of s2cloudless: saveFirst by index, the band of the joined image, a threshold, a mean."""
    ee, own, other = client, files("s2-l1c-slovenia"), files("s2-ndvi-slovenia")
    joined = ee.ImageCollection(ee.Join.saveFirst("s2cloudless").apply(
        ee.ImageCollection(S2), ee.ImageCollection(CLOUDS), ee.Filter.equals(leftField="system:index", rightField="system:index"),
    ))  # fmt: skip

    def masked(image: Any) -> Any:
        chance = ee.Image(image.get("s2cloudless")).select("probability")
        clouds = chance.gt(40).rename("clouds")
        grown = clouds.focalMin(1).focalMax(2)
        return image.addBands(chance).updateMask(grown.Not())

    image = joined.map(masked).select(["B4", "probability"]).mean()
    chances = {
        i["properties"]["ee:properties"]["system:index"]: other.band(i, "cloud")
        for i in other.items
    }
    chance = np.stack(
        [chances[i["properties"]["ee:properties"]["system:index"]] for i in own.items]
    )
    from scipy import ndimage

    rim, disk = circle(1), circle(2)
    clouds = [ndimage.grey_dilation(ndimage.grey_erosion((c > 40) * 1, footprint=rim, mode="nearest"), footprint=disk, mode="nearest") for c in chance]  # fmt: skip
    hidden = np.stack(clouds) > 0
    assert 0.01 < hidden.mean() < 0.9
    found = fetched(ee, image, own.grid("data"))
    for name, values in (("B4", own.stack("data", 4)), ("probability", chance)):
        seen = (~hidden).sum(axis=0)
        total = np.where(hidden, 0, values).sum(axis=0)
        same(found[name], np.where(seen > 0, total / np.maximum(seen, 1), np.nan))
    linked = ee.ImageCollection(S2).linkCollection(ee.ImageCollection(CLOUDS), ["probability"])
    again = fetched(ee, linked.select("probability").max(), own.grid("data"))
    same(again["probability"], chance.max(axis=0))


def circle(radius: int) -> np.ndarray:
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return np.asarray(x * x + y * y <= radius * radius)


def test_collections_are_combined_and_merged(client, files) -> None:
    ee, own = client, files("s2-ndvi-slovenia")
    clouds, green = (ee.ImageCollection(NDVI).limit(3).select(name) for name in ("CLM", "NDVI"))
    both = green.combine(clouds)
    assert both.first().bandNames().getInfo() == ["NDVI", "CLM"]
    assert both.size().getInfo() == 3
    stacked = both.toBands()
    indices = [i["properties"]["ee:properties"]["system:index"] for i in own.items[:3]]
    assert stacked.bandNames().getInfo() == [f"{k}_{b}" for k in indices for b in ("NDVI", "CLM")]
    found = fetched(ee, stacked, own.grid("NDVI"))
    for k, item in enumerate(own.items[:3]):
        same(found[f"{indices[k]}_NDVI"], own.band(item, "NDVI"))
        same(found[f"{indices[k]}_CLM"], own.band(item, "cloud", 2))
    merged = green.merge(
        ee.ImageCollection(NDVI).select("NDVI").sort("system:time_start", False).limit(2)
    )
    assert merged.size().getInfo() == 5
    values = np.concatenate([own.stack("NDVI")[:3], own.stack("NDVI")[-2:]])
    same(fetched(ee, merged.sum(), own.grid("NDVI"))["NDVI"], values.sum(axis=0))


def test_running_sums_by_iterate(client, files) -> None:
    """The guide's accumulation of anomalies."""
    ee, own = client, files("mod13q1-mato-grosso")
    series = ee.ImageCollection(MODIS).select("EVI")
    mean = series.filterDate("2007-09-01", "2009-09-01").mean()
    later = series.filterDate("2009-09-01", "2010-03-01").map(
        lambda i: i.subtract(mean).set("system:time_start", i.get("system:time_start"))
    )
    start = ee.List([ee.Image(0).set("system:time_start", 0).select([0], ["EVI"]).double()])

    def accumulate(image: Any, made: Any) -> Any:
        before = ee.Image(ee.List(made).get(-1)).unmask()
        return ee.List(made).add(
            image.add(before).set("system:time_start", image.get("system:time_start"))
        )

    running = ee.ImageCollection(ee.List(later.iterate(accumulate, start)))
    time, values = days(own), own.stack("data", 2)
    early = values[(time >= ms(2007, 9)) & (time < ms(2009, 9))]
    steps = values[(time >= ms(2009, 9)) & (time < ms(2010, 3))] - np.nanmean(early, axis=0)
    assert running.size().getInfo() == len(steps) + 1
    expected = np.zeros(steps.shape[1:])
    for step in steps:
        expected = np.where(np.isnan(expected), 0, expected) + step
    last = ee.Image(running.toList(100).get(-1))
    same(fetched(ee, last, own.grid("data"))["EVI"], expected)


def ms(year: int, month: int) -> float:
    return dt.datetime(year, month, 1, tzinfo=dt.UTC).timestamp() * 1000


def test_the_greenest_pixels(client, files) -> None:
    ee, own = client, files("s2-l1c-slovenia")

    def with_index(image: Any) -> Any:
        return image.addBands(image.normalizedDifference(["B8", "B4"]).rename("ndvi")).addBands(ee.Image(image.date().getRelative("day", "year")).rename("day").int16())  # fmt: skip

    image = ee.ImageCollection(S2).map(with_index).qualityMosaic("ndvi")
    red, near = own.stack("data", 4), own.stack("data", 8)
    index = (near - red) / (near + red)
    best = index.argmax(axis=0)
    clear = np.sort(index, axis=0)[-1] > np.sort(index, axis=0)[-2]
    day = np.array(
        [dt.datetime.fromtimestamp(t / 1000, dt.UTC).timetuple().tm_yday - 1 for t in days(own)]
    )
    found = fetched(ee, image, own.grid("data"))
    same(found["ndvi"], index.max(axis=0), 1e-6)
    np.testing.assert_array_equal(found["day"][clear], day[best][clear])
    same(found["B8"][clear], np.take_along_axis(near, best[None], 0)[0][clear])


def test_series_of_a_pixel(client, files) -> None:
    """getRegion: a row a date, with time and values."""
    ee, own = client, files("mod13q1-mato-grosso")
    row, col = 11, 20
    projection = ee.ImageCollection(MODIS).first().projection()
    point = ee.Geometry.Point([col + 0.5, row + 0.5], projection)
    table = (
        ee.ImageCollection(MODIS).select(["NDVI", "EVI"]).getRegion(point, crs=projection).getInfo()
    )
    assert table[0] == ["id", "longitude", "latitude", "time", "NDVI", "EVI"]
    assert [r[0] for r in table[1:]] == [i["id"] for i in own.items]
    np.testing.assert_array_equal([r[3] for r in table[1:]], days(own))
    for column, number in ((4, 1), (5, 2)):
        told = np.array([np.nan if r[column] is None else r[column] for r in table[1:]])
        same(told, own.stack("data", number)[:, row, col])


def test_monthly_composites_from_a_list(client, files) -> None:
    ee, own = client, files("mod13q1-mato-grosso")
    series = ee.ImageCollection(MODIS).select("NDVI")

    def of_month(month: Any) -> Any:
        chosen = series.filter(ee.Filter.calendarRange(month, month, "month"))
        return chosen.mean().set("month", month).set("count", chosen.size())

    months = ee.ImageCollection.fromImages(ee.List.sequence(1, 12).map(of_month))
    calendar = np.array([dt.datetime.fromtimestamp(t / 1000, dt.UTC).month for t in days(own)])
    assert months.aggregate_array("count").getInfo() == [
        int((calendar == m).sum()) for m in range(1, 13)
    ]
    values = own.stack("data")
    found = fetched(ee, months.toBands(), own.grid("data"))
    for m, name in enumerate(found, 1):
        same(found[name], np.nanmean(values[calendar == m], axis=0))


def predictors(time: np.ndarray) -> np.ndarray:
    years = (time - ms(2000, 1)) / (365.25 * 86_400_000)
    return np.stack(
        [np.ones_like(years), years, np.cos(2 * np.pi * years), np.sin(2 * np.pi * years)], axis=1
    )


def harmonic(ee: Any) -> Any:
    """The guide's: constant, time in years, one pair of harmonics and the NDVI of every image."""

    def prepared(image: Any) -> Any:
        years = image.date().difference(ee.Date("2000-01-01"), "day").divide(365.25)
        turn = ee.Image(years.multiply(2 * np.pi)).double()
        return ee.Image.cat(
            ee.Image(1).double().rename("constant"), ee.Image(years).double().rename("t"), turn.cos().rename("cos"), turn.sin().rename("sin"),
            image.select("NDVI").double(),
        ).updateMask(image.select("NDVI").mask())  # fmt: skip

    return ee.ImageCollection(MODIS).map(prepared)


def solved(time: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Least squares at every pixel by numpy ``(4, h, w)``."""
    x = predictors(time)
    out = np.empty((4, *values.shape[1:]))
    for row, col in np.ndindex(values.shape[1:]):
        y = values[:, row, col]
        good = np.isfinite(y)
        out[:, row, col] = np.linalg.lstsq(x[good], y[good], rcond=None)[0]
    return out


NAMES = ["constant", "t", "cos", "sin"]


def test_harmonics_by_the_reducer(client, files) -> None:
    ee, own = client, files("mod13q1-mato-grosso")
    trend = harmonic(ee).select([*NAMES, "NDVI"]).reduce(ee.Reducer.linearRegression(4, 1))
    image = trend.select("coefficients").arrayProject([0]).arrayFlatten([NAMES])
    found = fetched(ee, image, own.grid("data"))
    expected = solved(days(own), own.stack("data"))
    for k, name in enumerate(NAMES):
        same(found[name], expected[k], 1e-5, 1e-3)


def test_harmonics_by_arrays_of_all_dates(client, files) -> None:
    """Arrays of 137 dates and five columns at every pixel, cut, solved and turned to bands again."""
    ee, own = client, files("mod13q1-mato-grosso")
    array = harmonic(ee).toArray()
    x, y = array.arraySlice(1, 0, 4), array.arraySlice(1, 4)
    found_image = x.matrixSolve(y).arrayProject([0]).arrayFlatten([NAMES])
    fitted = x.matrixMultiply(x.matrixSolve(y))
    rmse = (
        fitted.subtract(y)
        .pow(2)
        .arrayReduce(ee.Reducer.mean(), [0])
        .sqrt()
        .arrayGet([0, 0])
        .rename("rmse")
    )
    found = fetched(ee, found_image.addBands(rmse), own.grid("data"))
    values = own.stack("data")
    expected = solved(days(own), values)
    for k, name in enumerate(NAMES):
        same(found[name], expected[k], 1e-5, 1e-3)
    missed = np.einsum("tk,khw->thw", predictors(days(own)), expected) - values
    same(found["rmse"], np.sqrt(np.nanmean(missed**2, axis=0)), 1e-6)


def test_greenness_lost_between_two_years(client, files) -> None:
    """Change of a vegetation index beyond two deviations, its area and its largest patch."""
    ee, own = client, files("mod13q1-mato-grosso")
    series = ee.ImageCollection(MODIS).select("NDVI")
    before, after = (
        series.filterDate("2007-09-01", "2009-09-01").median(),
        series.filterDate("2011-09-01", "2013-09-15").median(),
    )
    change = after.subtract(before)
    projection = series.first().projection()
    native = change.setDefaultProjection(projection)
    info = series.first().getInfo()["bands"][0]
    region = rectangle(ee, info)
    stats = native.reduceRegion(
        ee.Reducer.mean().combine(ee.Reducer.stdDev(), "", True), region
    ).getInfo()
    loss = change.lt(stats["NDVI_mean"] - 2 * stats["NDVI_stdDev"])
    time, values = days(own), own.stack("data")
    medians = [
        np.nanmedian(values[(time >= ms(a, 9)) & (time < ms(b, 9) + extra)], axis=0)
        for a, b, extra in ((2007, 2009, 0), (2011, 2013, 14 * 86_400_000))
    ]
    expected = medians[1] - medians[0]
    assert stats["NDVI_mean"] == pytest.approx(expected.mean(), rel=1e-6)
    assert stats["NDVI_stdDev"] == pytest.approx(expected.std(), rel=1e-6)
    lost = expected < expected.mean() - 2 * expected.std()
    assert lost.sum() > 5
    found = fetched(ee, loss.addBands(change.rename("change")), own.grid("data"))
    np.testing.assert_array_equal(found["NDVI"] == 1, lost)
    same(found["change"], expected)


def rectangle(ee: Any, band: dict[str, Any]) -> Any:
    a, _, c, _, e, f = band["crs_transform"]
    width, height = band["dimensions"]
    x, y = sorted((c, c + a * width)), sorted((f, f + e * height))
    return ee.Geometry.Rectangle([x[0], y[0], x[1], y[1]], band["crs"], False)
