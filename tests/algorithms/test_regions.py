"""Statistics of regions against shapely's areas and numpy; many regions at once as each alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely

from ecumene.core.collection import Collection
from ecumene.core.element import Feature
from ecumene.core.geometry import Geometry
from tests.algorithms.scenes import CRS, image, rectangle
from tests.calls import call, call_json

H, W = 70, 90


def shaped(shape: Any) -> Geometry:
    """Pixel coordinates of the scene's grid as a geometry."""
    moved = shapely.transform(
        shape, lambda p: np.column_stack([500_000 + 10 * p[:, 0], 5_000_000 - 10 * p[:, 1]])
    )
    return Geometry(moved, CRS, geodesic=False)


def fields(seed: int, count: int) -> list[Any]:
    """Shapes of many sizes in pixel coordinates, some beyond the edge of the scene."""
    rng = np.random.default_rng(seed)
    out: list[Any] = []
    for _ in range(count):
        x, y = rng.uniform(0, W), rng.uniform(0, H)
        out.append(shapely.Point(x, y).buffer(rng.uniform(0.3, 25), quad_segs=5))
    return out


def weights(shape: Any) -> np.ndarray:
    """Covered part of every pixel of the scene, by intersecting every one."""
    cols, rows = np.meshgrid(np.arange(W), np.arange(H))
    found = shapely.area(shapely.intersection(shapely.box(cols, rows, cols + 1, rows + 1), shape))
    return np.where(found < 0.005, 0, found)


def centred(shape: Any) -> np.ndarray:
    cols, rows = np.meshgrid(np.arange(W) + 0.5, np.arange(H) + 0.5)
    return shapely.contains_xy(shape, cols, rows)


@pytest.fixture(scope="module")
def scene() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    return {
        "value": rng.normal(10, 4, (H, W)),
        "height": rng.integers(0, 3000, (H, W)).astype("int16"),
        "class": rng.integers(0, 4, (H, W)).astype("uint8"),
        "shown": rng.random((H, W)) < 0.8,
    }


def pictured(scene: dict[str, np.ndarray], *names: str) -> Any:
    return image({name: scene[name] for name in names}, scene["shown"])


WEIGHTED: dict[str, Any] = {
    "Reducer.mean": lambda v, w: np.average(v, weights=w),
    "Reducer.sum": lambda v, w: (v * w).sum(),
    "Reducer.variance": lambda v, w: np.average((v - np.average(v, weights=w)) ** 2, weights=w),
}
CENTRED: dict[str, Any] = {
    "Reducer.count": np.size, "Reducer.min": np.min, "Reducer.max": np.max,
    "Reducer.anyNonZero": lambda v: int(np.any(v)), "Reducer.countDistinct": lambda v: np.unique(v).size,
}  # fmt: skip


@pytest.mark.parametrize("name", [*WEIGHTED, *CENTRED])
@pytest.mark.parametrize("band", ["value", "height"])
def test_statistics_as_numpy_with_areas_from_shapely(scene, name: str, band: str) -> None:
    for shape in fields(1, 8):
        found = call("Image.reduceRegion", pictured(scene, band), call(name), shaped(shape))[band]
        if name in WEIGHTED:
            w = weights(shape) * scene["shown"]
            values, expected = scene[band][w > 0], None
            if values.size:
                expected = WEIGHTED[name](values, w[w > 0])
        else:
            values = scene[band][centred(shape) & scene["shown"]]
            expected = CENTRED[name](values) if values.size else None
        if expected is None:
            assert not found
        else:
            assert found == pytest.approx(expected, rel=1e-6)


def reducers() -> dict[str, Any]:
    mean, count = call("Reducer.mean"), call("Reducer.count")
    both = call("Reducer.combine", mean, count, sharedInputs=True)
    return {
        "mean": mean, "count": count, "list": call("Reducer.toList"),
        "quartiles": call("Reducer.percentile", [25, 50, 75]),
        "both": both,
        "renamed": call("Reducer.setOutputs", both, ["average", ""]),
        "extremes": call("Reducer.minMax"), "frequencies": call("Reducer.frequencyHistogram"),
        "unweighted": call("Reducer.unweighted", mean),
    }  # fmt: skip


@pytest.mark.parametrize("name", list(reducers()))
@pytest.mark.parametrize("bands", [("value",), ("height", "value")], ids=["one", "two"])
def test_many_regions_at_once_as_each_alone(scene, name: str, bands: tuple[str, ...]) -> None:
    reducer = reducers()[name]
    shapes = [*fields(2, 25), shapely.Point(300, 300).buffer(5), shapely.Point(20.5, 30.5)]
    features = [Feature({"k": k}, geometry=shaped(s)) for k, s in enumerate(shapes)]
    features.insert(4, Feature({"k": "nowhere"}))
    picture = pictured(scene, *bands)
    found = list(call("Image.reduceRegions", picture, Collection.of(features, "Feature"), reducer))
    assert [f.get("k") for f in found] == [f.get("k") for f in features]
    for feature, given in zip(found, features, strict=True):
        extra = {k: v for k, v in feature.properties.items() if k != "k"}
        if given.outline is None:
            assert not extra
            continue
        alone = call("Image.reduceRegion", picture, reducer, given.outline)
        if len(bands) == 1:
            names = reducer.output_names
            alone = dict(zip(names, alone.values(), strict=True))
        expected = {k: v for k, v in alone.items() if v is not None}
        if name == "list":  # in the order of blocks, which are cut otherwise
            extra, expected = ({k: sorted(v) for k, v in d.items()} for d in (extra, expected))
        if name == "frequencies":
            assert extra == expected
        else:
            assert extra == {k: pytest.approx(v, rel=1e-12) for k, v in expected.items()}


def test_groups_count_what_the_whole_counts(scene) -> None:
    picture = pictured(scene, "value", "class")
    for shape in fields(4, 6):
        region = shaped(shape)
        whole = call("Image.reduceRegion", pictured(scene, "value"), call("Reducer.sum"), region)
        grouped = call("Reducer.group", call("Reducer.sum"), 1, "class")
        groups = call("Image.reduceRegion", picture, grouped, region)["groups"]
        assert [g["class"] for g in groups] == sorted({g["class"] for g in groups})
        assert sum(g["sum"] for g in groups) == pytest.approx(whole["value"] or 0)


def test_parts_of_a_group_keep_their_own_rule_at_the_edge(scene) -> None:
    both = call("Reducer.combine", call("Reducer.mean"), call("Reducer.count"), sharedInputs=True)
    shape = fields(9, 1)[0]
    grouped = call("Reducer.group", both, 1, "class")
    groups = call("Image.reduceRegion", pictured(scene, "value", "class"), grouped, shaped(shape))
    w, inside = weights(shape) * scene["shown"], centred(shape) & scene["shown"]
    for group in groups["groups"]:
        mine = scene["class"] == group["class"]
        assert group["count"] == (inside & mine).sum()
        values = scene["value"][mine & (w > 0)]
        assert group["mean"] == pytest.approx(
            np.average(values, weights=w[mine & (w > 0)]), rel=1e-6
        )


def test_a_partial_mask_is_a_weight_for_weighted_reducers_only() -> None:
    values = np.array([[2.0, 4.0, 6.0]])
    mask = np.array([[1.0, 0.5, 0.0]], "float32")
    picture = image({"v": values}, mask)
    region = rectangle(0, 0, 3, 1)
    assert call("Image.reduceRegion", picture, call("Reducer.mean"), region) == {
        "v": pytest.approx((2 + 2) / 1.5)
    }
    assert call("Image.reduceRegion", picture, call("Reducer.count"), region) == {"v": 2}
    half = rectangle(0.5, 0, 0.75, 1)  # half of the first pixel, a quarter of the second
    assert call("Image.reduceRegion", picture, call("Reducer.sum"), half) == {
        "v": pytest.approx(2 * 0.5 + 4 * 0.25)
    }


def test_integers_that_count_once_sum_to_an_integer() -> None:
    picture = image({"v": np.array([[3, 4, 5]], "uint8")})
    assert call_json("Image.reduceRegion", picture, call("Reducer.sum"), rectangle(0, 0, 2, 1)) == {
        "v": 7
    }
    assert call_json(
        "Image.reduceRegion", picture, call("Reducer.sum"), rectangle(0, 0, 1.5, 1)
    ) == {"v": 5}


def test_more_regions_than_fit_in_a_pass(scene, monkeypatch) -> None:
    from ecumene.algorithms.regions import reduce

    features = [Feature({}, geometry=shaped(s)) for s in fields(6, 11)]
    given = Collection.of(features, "Feature", number=True)
    picture, mean = pictured(scene, "value"), call("Reducer.mean")
    once = [f.get("mean") for f in call("Image.reduceRegions", picture, given, mean)]
    monkeypatch.setattr(reduce, "BATCH", 3)
    again = [f.get("mean") for f in call("Image.reduceRegions", picture, given, mean)]
    assert again == pytest.approx(once, rel=1e-12)
