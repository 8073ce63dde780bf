"""Pixels of regions as features and tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely

from ecumene.core.collection import Collection
from ecumene.core.element import Feature
from ecumene.core.errors import LimitExceeded
from ecumene.core.projection import Projection
from tests.algorithms.scenes import CRS, GRID, collection, image, rectangle
from tests.algorithms.test_regions import H, W, centred, fields, pictured, scene, shaped
from tests.calls import call

__all__ = ["scene"]

NATIVE = {"crs": Projection(CRS), "crsTransform": list(GRID.transform)}


def drawn(found: Collection) -> list[dict[str, Any]]:
    return [dict(feature.properties) for feature in found]


def test_a_sample_is_every_valid_pixel_whose_centre_is_inside(scene) -> None:
    shape = fields(3, 1)[0]
    found = list(call("Image.sample", pictured(scene, "value"), shaped(shape), geometries=True))
    inside = centred(shape) & scene["shown"]
    assert sorted(f.get("value") for f in found) == sorted(scene["value"][inside].tolist())
    assert [f.index for f in found] == [str(k) for k in range(len(found))]
    assert not found[0].geometry.geodesic
    x, y = np.nonzero(inside)[1] + 0.5, np.nonzero(inside)[0] + 0.5
    expected = shapely.MultiPoint(np.column_stack([500_000 + 10 * x, 5_000_000 - 10 * y]))
    import pyproj

    back = pyproj.Transformer.from_crs("EPSG:4326", CRS, always_xy=True)
    points = shapely.MultiPoint([back.transform(f.geometry.shape.x, f.geometry.shape.y) for f in found])  # fmt: skip
    assert shapely.hausdorff_distance(points, expected) < 1e-3


def test_about_as_many_pixels_as_asked_for(scene) -> None:
    picture = image({"value": scene["value"]})
    disc = shaped(shapely.Point(45, 35).buffer(30))
    for seed in range(4):
        found = drawn(call("Image.sample", picture, disc, numPixels=400, seed=seed))
        assert 320 < len(found) < 480
    share = drawn(call("Image.sample", picture, disc, factor=0.5))
    assert 1200 < len(share) < 1630
    assert drawn(call("Image.sample", picture, disc, factor=0.5)) == share


def test_nulls_are_kept_on_demand(scene) -> None:
    picture = pictured(scene, "value")
    whole = rectangle(0, 0, W, H)
    found = drawn(call("Image.sample", picture, whole, dropNulls=False))
    assert len(found) == W * H
    assert sum("value" in f for f in found) == scene["shown"].sum()


def test_samples_of_regions_come_feature_by_feature_and_row_by_row(scene) -> None:
    shapes = [*fields(8, 12), shapely.MultiPoint([(3.5, 4.5), (40.5, 2.5)]), shapely.Polygon()]
    features = [Feature({"k": k, "system:secret": 1}, geometry=shaped(s)) for k, s in enumerate(shapes)]  # fmt: skip
    features.insert(2, Feature({"k": -1}))
    given = Collection.of(features, "Feature", number=True)
    picture = pictured(scene, "value", "class")
    found = drawn(call("Image.sampleRegions", picture, given))
    expected = []
    for feature in given:
        if feature.geometry is None:
            continue
        shape = shapes[feature.get("k")]
        inside = centred(shape) if shape.geom_type != "MultiPoint" else np.zeros((H, W), bool)
        if shape.geom_type == "MultiPoint":
            inside[4, 3] = inside[2, 40] = True
        for number, (row, col) in enumerate(np.argwhere(inside & scene["shown"]).tolist()):
            expected.append(
                {
                    "system:index": f"{feature.index}_{number}", "k": feature.get("k"),
                    "value": scene["value"][row, col], "class": scene["class"][row, col],
                }
            )  # fmt: skip
    assert found == expected
    named = drawn(call("Image.sampleRegions", picture, given, ["system:secret"]))
    assert set(named[0]) == {"system:index", "system:secret", "value", "class"}


def test_more_samples_than_are_held_at_once(scene, monkeypatch) -> None:
    from ecumene.algorithms.regions import sample

    features = [Feature({}, geometry=shaped(s)) for s in fields(8, 12)]
    given = Collection.of(features, "Feature", number=True)
    picture = pictured(scene, "value")
    once = drawn(call("Image.sampleRegions", picture, given))
    for held, chunk in ((500, 5000), (10**6, 3)):
        monkeypatch.setattr(sample, "HELD", held)
        monkeypatch.setattr(sample, "CHUNK", chunk)
        again = drawn(call("Image.sampleRegions", picture, given))
        assert len(again) == len(once)
        assert sorted(f["value"] for f in again) == sorted(f["value"] for f in once)


def test_strata_have_as_many_points_as_asked_for(scene) -> None:
    picture = pictured(scene, "class", "value")
    region = rectangle(0, 0, W, H)
    found = drawn(call("Image.stratifiedSample", picture, 20, "class", region, classValues=[1, 3], classPoints=[0, 10_000]))  # fmt: skip
    classes = [f["class"] for f in found]
    assert classes == sorted(classes)
    counts = {k: classes.count(k) for k in set(classes)}
    assert counts == {0: 20, 2: 20, 3: int((scene["shown"] & (scene["class"] == 3)).sum())}
    other = drawn(call("Image.stratifiedSample", picture, 20, "class", region, seed=9))
    assert [f["value"] for f in other] != [f["value"] for f in found][: len(other)]


def series() -> Collection:
    images = []
    for k in range(3):
        values = np.arange(12).reshape(3, 4) + 100 * k
        shown = np.ones((3, 4), bool)
        shown[1, k] = False
        images.append(
            image({"a": values, "b": values * 2}, shown, **{"system:time_start": 1000 * k})
        )
    far = image({"a": np.zeros((3, 4), int), "b": np.zeros((3, 4), int)})
    from dataclasses import replace

    images.append(replace(far, footprint=rectangle(500, 500, 4, 3)))
    return collection(images)


def test_a_table_through_time(monkeypatch) -> None:
    from ecumene.algorithms.regions import get_region

    region = rectangle(0, 1, 3, 2)
    table = call("ImageCollection.getRegion", series(), region, **NATIVE)
    assert table[0] == ["id", "longitude", "latitude", "time", "a", "b"]
    rows = [(row[0], row[3], row[4], row[5]) for row in table[1:]]
    expected = []
    for k in range(3):
        for row, col in ((1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)):
            value = None if (row, col) == (1, k) else row * 4 + col + 100 * k
            expected.append((str(k), 1000 * k, value, None if value is None else 2 * value))
    assert rows == expected
    monkeypatch.setattr(get_region, "TOGETHER", 1)
    assert call("ImageCollection.getRegion", series(), region, **NATIVE) == table


def test_pixels_outside_an_image_are_not_in_its_table() -> None:
    found = call("ImageCollection.getRegion", series(), rectangle(2, 0, 9, 1), **NATIVE)
    assert len(found) == 1 + 3 * 2


def test_a_table_that_is_too_large_is_refused_before_it_is_read() -> None:
    disc = shaped(shapely.Point(0, 0).buffer(300))
    with pytest.raises(
        LimitExceeded, match=r"Too many values: 282\d\d\d points x 2 bands x 3 images > 1048576\."
    ):
        call("ImageCollection.getRegion", series(), disc, **NATIVE)
    with pytest.raises(LimitExceeded, match="Too many values"):
        call("ImageCollection.getRegion", series(), rectangle(-(10**6), 0, 10**6 + 1, 10**6), **NATIVE)  # fmt: skip


def test_a_rectangle_of_pixels(scene) -> None:
    found = call("Image.sampleRectangle", pictured(scene, "height"), rectangle(3, 2, 5, 4), defaultValue=-9)  # fmt: skip
    expected = np.where(scene["shown"], scene["height"], -9)[2:6, 3:8]
    assert found.get("height").values.tolist() == expected.tolist()
