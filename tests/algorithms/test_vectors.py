"""``reduceToVectors`` against GDAL's polygonize, in one piece and in many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio import features
from rasterio.transform import Affine
from scipy import ndimage

from ecumene import kernels
from ecumene.algorithms.regions import segments
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.geometry import Geometry
from ecumene.core.projection import Projection, Window
from ecumene.numerics import rings
from ecumene.numerics.labels import EIGHT, FOUR, components
from ecumene.plan import executor
from ecumene.plan.node import Pixels
from ecumene.raster.coverage import Zones
from tests.algorithms.scenes import CRS, image, rectangle
from tests.calls import call, call_json

TRANSFORM = Affine(10, 0, 500_000, 0, -10, 5_000_000)
H, W = 41, 53


def scene(seed: int, values: int = 3, sigma: float = 1.2, shown: float = 0.9) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.normal(size=(H, W)), sigma) * 4 * sigma
    return np.clip(np.rint(smooth), 0, values).astype("uint8"), rng.random((H, W)) < shown


@pytest.fixture(
    params=[None, (7, 9), (512, 6), (1, 512)], ids=["whole", "tiles", "columns", "rows"]
)
def pieces(request, monkeypatch):
    """Pieces that the scene is cut into."""
    if request.param:
        monkeypatch.setattr(executor, "block_shape", lambda *a: (request.param, None))
        monkeypatch.setattr(executor, "pieces_of", lambda plan, grid, shape: (shape, (0, 0)))


def vectors(
    picture: Any, *args: Any, name: str = "Image.reduceToVectors", **kwargs: Any
) -> list[Any]:
    return list(call(name, picture, *args, geometryInNativeProjection=True, **kwargs))


def gdal(values: Any, shown: Any, connectivity: int) -> list[tuple[int, Any]]:
    found = features.shapes(values, mask=shown, connectivity=connectivity, transform=TRANSFORM)
    return [
        (int(value), shapely.make_valid(shapely.geometry.shape(shape))) for shape, value in found
    ]


def told(value: int, shape: Any) -> tuple[int, str]:
    """A form that does not depend on where a ring begins, nor on points along straight edges."""
    return value, shapely.normalize(shapely.union_all([shapely.simplify(shape, 0)])).wkt


@pytest.mark.parametrize("eight", [False, True], ids=["four", "eight"])
@pytest.mark.parametrize("seed", range(3))
def test_polygons_are_those_of_gdal(pieces, seed: int, eight: bool) -> None:
    values, shown = scene(seed)
    picture = image({"class": values}, shown)
    found = vectors(picture, eightConnected=eight)
    expected = gdal(values, shown, 8 if eight else 4)
    assert shapely.is_valid([f.geometry.shape for f in found]).all()
    assert sorted(told(f.get("label"), f.geometry.shape) for f in found) == sorted(
        told(*pair) for pair in expected
    )
    assert [f.get("count") for f in found] == [round(f.geometry.shape.area / 100) for f in found]


def test_noise_touches_at_every_corner(pieces) -> None:
    values, shown = scene(9, 2, 0.3, 0.7)
    picture = image({"class": values}, shown)
    for eight in (False, True):
        found = vectors(picture, eightConnected=eight)
        assert sorted(told(f.get("label"), f.geometry.shape) for f in found) == sorted(
            told(*pair) for pair in gdal(values, shown, 8 if eight else 4)
        )


def test_order_and_indexes_are_of_first_pixels(pieces) -> None:
    values, shown = scene(4)
    labels, count = components(values, shown, EIGHT), 0
    names = []
    for row, col in np.argwhere(shown).tolist():
        if labels[row, col] == count:
            names.append(f"{col:+d}{row:+d}")
            count += 1
    picture = image({"class": values}, shown)
    assert [f.index for f in vectors(picture)] == names
    streamed = vectors(picture, name="Image.reduceToVectorsStreaming")
    assert sorted(f.index for f in streamed) == sorted(names)


REDUCERS: dict[str, Any] = {
    "mean": np.mean, "sum": np.sum, "max": np.max, "median": np.median, "stdDev": np.std,
    "count": np.size, "first": lambda v: v[0], "product": lambda v: np.prod(v, dtype="float64"),
}  # fmt: skip


@pytest.mark.parametrize("name", REDUCERS)
def test_statistics_of_each_group(pieces, name: str) -> None:
    values, shown = scene(2)
    height = np.random.default_rng(8).uniform(0.8, 1.2, (H, W))
    picture = image({"class": values, "h": height}, shown)
    found = vectors(picture, call(f"Reducer.{name}"), eightConnected=False)
    labels = components(values, shown, FOUR)
    expected = [REDUCERS[name](height[labels == k]) for k in range(labels.max() + 1)]
    if name == "first":  # which of the pixels depends on the pieces
        assert all(f.get(name) in height[labels == k] for k, f in enumerate(found))
        return
    np.testing.assert_allclose([f.get(name) for f in found], expected, rtol=1e-12)


def test_names_of_outputs() -> None:
    values, shown = scene(2)
    ramp = np.add.outer(np.arange(H), np.arange(W)).astype("int16")
    picture = image({"class": values, "a": ramp, "b": ramp + 1}, shown)
    mean, both = (
        call("Reducer.mean"),
        call("Reducer.combine", call("Reducer.mean"), call("Reducer.max"), "", True),
    )
    assert set(vectors(picture, mean)[0].properties) == {"system:index", "label", "a", "b"}
    assert set(vectors(picture, both)[0].properties) == {
        "system:index",
        "label",
        "a_mean",
        "a_max",
        "b_mean",
        "b_max",
    }
    fit = call("Reducer.linearFit")
    assert {"scale", "offset", "zone"} <= set().union(
        *(f.properties for f in vectors(picture, fit, labelProperty="zone"))
    )


def test_masked_inputs_weigh_nothing() -> None:
    values = np.zeros((4, 6), "uint8")
    height = np.arange(24, dtype="float64").reshape(4, 6)
    part = np.linspace(0, 1, 24, dtype="float32").reshape(4, 6)
    picture = image({"class": values, "h": height}, {"class": None, "h": part})
    (found,) = vectors(picture, call("Reducer.mean"))
    assert found.get("mean") == pytest.approx(np.average(height, weights=part))
    (found,) = vectors(picture, call("Reducer.count"))
    assert found.get("count") == 23


def test_region_cuts_at_pixels_whose_centre_is_inside(pieces) -> None:
    values, shown = scene(3)
    picture = image({"class": values}, shown)
    region = Geometry(
        shapely.transform(shapely.Point(25, 18).buffer(13.3), lambda p: p * [10, -10] + [500_000, 5_000_000]),
        CRS, geodesic=False,
    )  # fmt: skip
    cols, rows = np.meshgrid(np.arange(W) + 0.5, np.arange(H) + 0.5)
    inside = shapely.contains_xy(shapely.Point(25, 18).buffer(13.3), cols, rows)
    found = vectors(picture, geometry=region)
    assert sorted(told(f.get("label"), f.geometry.shape) for f in found) == sorted(
        told(*pair) for pair in gdal(values, shown & inside, 8)
    )


def test_boxes_and_centroids() -> None:
    values, shown = scene(5)
    picture = image({"class": values}, shown)
    labels = components(values, shown, EIGHT)
    boxes = vectors(picture, geometryType="bb")
    points = vectors(picture, geometryType="centroid")
    for k, (rows, cols) in enumerate(ndimage.find_objects(labels + 1)):
        west, south, east, north = boxes[k].geometry.shape.bounds
        assert (west, north) == (500_000 + 10 * cols.start, 5_000_000 - 10 * rows.start)
        assert (east, south) == (500_000 + 10 * cols.stop, 5_000_000 - 10 * rows.stop)
    centres = ndimage.center_of_mass(shown, labels + 1, np.arange(labels.max() + 1) + 1)
    np.testing.assert_allclose(
        [((f.geometry.shape.x - 500_000) / 10 - 0.5, (5_000_000 - f.geometry.shape.y) / 10 - 0.5) for f in points],
        [(col, row) for row, col in centres],
    )  # fmt: skip


def test_degrees_follow_the_grid_closely() -> None:
    values = np.zeros((900, 900), "uint8")
    values[:, 450:] = 1
    picture = image({"class": values})
    found = list(call("Image.reduceToVectors", picture))
    back = Transformer.from_crs("EPSG:4326", CRS, always_xy=True)
    for feature, left in zip(found, (0, 450), strict=True):
        assert (feature.geometry.crs, feature.geometry.geodesic) == ("EPSG:4326", False)
        outline = shapely.segmentize(feature.geometry.shape, 1e-4)
        x, y = back.transform(*shapely.get_coordinates(outline).T)
        strayed = shapely.distance(
            shapely.points((x - 500_000) / 10, (5_000_000 - y) / 10),
            shapely.box(left, 0, left + 450, 900).exterior,
        )
        assert strayed.max() < 0.06
    assert found[0].geometry.shape.intersection(found[1].geometry.shape).area == 0


def test_antimeridian() -> None:
    ones = call("Image.constant", 1)
    crs = Projection("EPSG:32601", (10_000.0, 0.0, 0.0, 0.0, -10_000.0, 0.0))
    region = Geometry(shapely.box(150_000, 0, 450_000, 200_000), "EPSG:32601", geodesic=False)
    (feature,) = list(call("Image.reduceToVectors", ones, None, region, crs=crs))
    west, _, east, _ = feature.geometry.shape.bounds
    assert 2 < east - west < 3
    assert feature.get("count") == 30 * 20


def test_json() -> None:
    values = np.array([[1, 1, 2], [1, 2, 2]], "uint8")
    found = call_json(
        "Image.reduceToVectors", image({"class": values}), geometryInNativeProjection=True
    )
    assert found["columns"]["label"] == "Integer"
    assert [f["id"] for f in found["features"]] == ["+0+0", "+2+0"]
    assert found["features"][0]["geometry"]["coordinates"] == [
        [[500_000, 5_000_000], [500_000, 4_999_980], [500_010, 4_999_980], [500_010, 4_999_990],
         [500_020, 4_999_990], [500_020, 5_000_000], [500_000, 5_000_000]]
    ]  # fmt: skip


def test_refused() -> None:
    values, shown = scene(1)
    picture = image({"class": values}, shown)
    with pytest.raises(EvaluationError, match=r"Found 2173, but maxPixels allows only 100"):
        vectors(picture, maxPixels=100)
    assert sum(f.get("count") for f in vectors(picture, maxPixels=600, bestEffort=True)) < 600
    with pytest.raises(EvaluationError, match=r"Need 1\+1 bands for Reducer.mean, image has 1"):
        vectors(picture, call("Reducer.mean"))
    with pytest.raises(EvaluationError, match="geometryType"):
        vectors(picture, geometryType="circle")
    with pytest.raises(EvaluationError, match="integer"):
        vectors(image({"h": values.astype("float32")}))


def test_nothing_where_all_is_masked() -> None:
    values, shown = scene(1)
    assert vectors(image({"class": values}, np.zeros_like(shown))) == []
    assert vectors(image({"class": values}, shown), geometry=rectangle(0.1, 0.1, 0.2, 0.2)) == []


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12), st.integers(1, 3))
def test_kernels_as_plain(seed: int, height: int, width: int, most: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.pad(rng.integers(0, most + 1, (height, width)), 1, constant_values=-1)
    kernels.load()
    valid = values >= 0
    try:
        fast = [components(values, valid, offsets) for offsets in (FOUR, EIGHT)]
        found = rings.corners(fast[0], values, 0, 0)
        walked = rings.rings(found)
    finally:
        kernels.unload()
    for offsets, labels in zip((FOUR, EIGHT), fast, strict=True):
        np.testing.assert_array_equal(components(values, valid, offsets), labels)
    plain = rings.rings(rings.corners(fast[0], values, 0, 0))
    for name in ("ring", "row", "col", "group"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(walked, name))


def test_open_segments_are_bounded() -> None:
    values, shown = scene(9, 2, 0.3, 0.7)
    piece = Window(0, 0, W, H)
    zones = Zones([shapely.box(0, 0, W, H)], Projection())
    assembly = segments.Assembly(piece, [], True, True, 100.0)
    assembly.add(segments.labelled(piece, [Pixels(values, shown)], zones, []))
    with pytest.raises(LimitExceeded, match="memory limit"):
        assembly.completed()


def test_land_cover_of_a_file_as_gdal(shared_data) -> None:
    files = sorted((shared_data / "nlcd2011-zion" / "data").glob("*.tif"))
    if not files:
        pytest.skip("no land cover of Zion in the shared data")
    with rasterio.open(files[0]) as source:
        values = source.read(1)[:400, :500]
    shown = values != source.nodata if source.nodata is not None else np.ones(values.shape, bool)
    held = image({"class": values.astype("uint8")}, shown)
    found = vectors(held, eightConnected=False)
    expected = features.shapes(
        values.astype("uint8"), mask=shown, connectivity=4, transform=TRANSFORM
    )
    assert sorted(told(f.get("label"), f.geometry.shape) for f in found) == sorted(
        told(int(value), shapely.geometry.shape(shape)) for shape, value in expected
    )


def test_regions_apart_of_which_the_first_is_masked(pieces) -> None:
    values, _ = scene(6)
    shown = np.zeros((H, W), bool)
    shown[10:] = True
    two = shapely.MultiPolygon([shapely.box(2, 3, 6, 5), shapely.box(12, 10, 20, 20)])
    region = Geometry(
        shapely.transform(two, lambda p: p * [10, -10] + [500_000, 5_000_000]), CRS, geodesic=False
    )
    rows, cols = np.mgrid[:H, :W]
    inside = shown & shapely.contains_xy(two, cols + 0.5, rows + 0.5)
    found = vectors(image({"class": values}, shown), geometry=region)
    assert sorted(told(f.get("label"), f.geometry.shape) for f in found) == sorted(
        told(*pair) for pair in gdal(values, inside, 8)
    )
