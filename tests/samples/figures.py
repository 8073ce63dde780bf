"""Ways to ask for the figures: whole images, points, planar regions."""

from __future__ import annotations

from typing import Any

import pytest

CLOSE = 1e-6
"""Relative; the figures have nine digits."""


def whole(ee: Any, image: Any, border: int = 0) -> Any:
    """The rectangle of an image's first band in its own CRS, without so many pixels at the edge."""
    band = image.getInfo()["bands"][0]
    width, height = band["dimensions"]
    a, _, c, _, e, f = band["crs_transform"]
    col, row = band.get("origin", [0, 0])
    x = sorted((c + a * (col + border), c + a * (col + width - border)))
    y = sorted((f + e * (row + border), f + e * (row + height - border)))
    return ee.Geometry.Rectangle([x[0], y[0], x[1], y[1]], band["crs"], False)


def planar(ee: Any, table: Any) -> Any:
    """The geometry of a table with edges straight in degrees, as the figures take it."""
    shape = table.geometry().getInfo()
    kind = ee.Geometry.Polygon if shape["type"] == "Polygon" else ee.Geometry.MultiPolygon
    return kind(shape["coordinates"], None, False)


def figures(ee: Any, image: Any, region: Any = None) -> dict[str, dict[str, float]]:
    """count, min, max, mean, population deviation and sum of every band."""
    reducer = ee.Reducer.count()
    for other in (ee.Reducer.minMax(), ee.Reducer.mean(), ee.Reducer.stdDev(), ee.Reducer.sum()):
        reducer = reducer.combine(other, "", True)
    found = image.reduceRegion(reducer, region or whole(ee, image), maxPixels=1e9).getInfo()
    bands = {key.rpartition("_")[0] for key in found}
    names = {"stddev": "stdDev"}
    return {
        band: {n: found[f"{band}_{names.get(n, n)}"] for n in ("count", "min", "max", "mean", "stddev", "sum")}
        for band in bands
    }  # fmt: skip


def same(found: dict[str, float], expected: dict[str, float], rel: float = CLOSE) -> None:
    """Figures agree, each relative to its size."""
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=rel, abs=1e-6), name


def at(ee: Any, image: Any, lonlat: list[float], scale: float | None = None) -> dict[str, Any]:
    """The pixel under a point, on the first band's own grid."""
    info: dict[str, Any] = image.reduceRegion(
        ee.Reducer.first(), ee.Geometry.Point(lonlat), scale
    ).getInfo()
    return info


def native(image: Any, like: Any) -> Any:
    """A composite on the grid of one of its scenes."""
    return image.setDefaultProjection(like.projection())


def by_date(
    ee: Any, collection: Any, region: Any, reducer: Any = None
) -> dict[str, dict[str, Any]]:
    """A statistic of every image over a region, by ``system:index``, in one request."""
    chosen = reducer or ee.Reducer.mean()
    table = collection.map(
        lambda image: ee.Feature(None, image.reduceRegion(chosen, region, maxPixels=1e9)).set(
            "index", image.get("system:index")
        )
    )
    features = ee.FeatureCollection(table).getInfo()["features"]
    return {f["properties"]["index"]: f["properties"] for f in features}
