"""A part of an image is the same pixels whether it is computed alone or within the whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ecumene.core.image import Image
from ecumene.core.projection import Projection, Window
from tests.algorithms.scenes import collection, image, read, rectangle
from tests.calls import call

H, W = 90, 110
RNG = np.random.default_rng(5)
SMOOTH = np.add.outer(np.sin(np.arange(H) / 7), np.cos(np.arange(W) / 9)) * 400 + 900
HEIGHT = image(
    {"h": (SMOOTH + RNG.normal(0, 3, (H, W))).astype("float32")}, RNG.random((H, W)) > 0.05
)
CLASSES = image({"c": RNG.integers(0, 4, (H, W), dtype="uint8")}, RNG.random((H, W)) > 0.1)
SPECTRA = image(
    {f"b{k}": RNG.integers(1, 4000, (H, W), dtype="uint16") for k in range(3)},
    RNG.random((H, W)) > 0.1,
)
SERIES = collection(
    [
        image({"v": RNG.integers(0, 99, (H, W), dtype="int16")}, RNG.random((H, W)) > 0.3)
        for _ in range(7)
    ]
)
SQUARE = call("Kernel.square", 2.0)
UTM = Projection("EPSG:32633", (7.0, 0.0, 500_003.0, 0.0, -7.0, 4_999_991.0))

CASES: dict[str, Callable[[], Image]] = {
    "median": lambda: call("reduce.median", SERIES),
    "mean": lambda: call("reduce.mean", SERIES),
    "mode": lambda: call("reduce.mode", SERIES),
    "percentile": lambda: call("ImageCollection.reduce", SERIES, call("Reducer.percentile", [10, 90])),
    "mosaic": lambda: call("ImageCollection.mosaic", SERIES),
    "quality mosaic": lambda: call("ImageCollection.qualityMosaic", SERIES, "v"),
    "arithmetic": lambda: call("Image.normalizedDifference", SPECTRA, ["b0", "b1"]),
    "expression": lambda: call("Image.multiply", call("Image.sqrt", HEIGHT), SPECTRA),
    "clip": lambda: call("Image.clip", SPECTRA, rectangle(20.3, 10.6, 61.7, 40.2)),
    "unmask": lambda: call("Image.unmask", CLASSES, 9),
    "remap": lambda: call("Image.remap", CLASSES, [0, 1, 2], [7, 8, 9], 1),
    "slope": lambda: call("Terrain.slope", HEIGHT),
    "aspect": lambda: call("Terrain.aspect", HEIGHT),
    "hillshade": lambda: call("Terrain.hillshade", HEIGHT),
    "convolve": lambda: call("Image.convolve", HEIGHT, call("Kernel.gaussian", 3.0)),
    "neighborhood mean": lambda: call("Image.reduceNeighborhood", HEIGHT, call("Reducer.mean"), SQUARE),
    "neighborhood deviation": lambda: call("Image.reduceNeighborhood", HEIGHT, call("Reducer.stdDev"), SQUARE),
    "neighborhood percentiles": lambda: call("Image.reduceNeighborhood", HEIGHT, call("Reducer.percentile", [10, 90]), SQUARE),
    "neighborhood skew": lambda: call("Image.reduceNeighborhood", HEIGHT, call("Reducer.skew"), SQUARE),
    "neighborhood mean by bell": lambda: call("Image.reduceNeighborhood", HEIGHT, call("Reducer.mean"), call("Kernel.gaussian", 5.0, 2.0)),
    "focal mean": lambda: call("Image.focalMean", HEIGHT, 4.0, "circle"),
    "focal median": lambda: call("Image.focalMedian", CLASSES, 2.0),
    "focal max": lambda: call("Image.focalMax", HEIGHT, 3.0, "circle"),
    "focal median of many": lambda: call("Image.focalMedian", HEIGHT, 8.0),
    "focal mode": lambda: call("Image.focalMode", CLASSES, 1.5),
    "focal min twice": lambda: call("Image.focalMin", HEIGHT, 1.0, "square", "pixels", 2),
    "entropy": lambda: call("Image.entropy", CLASSES, SQUARE),
    "texture": lambda: call("Image.glcmTexture", CLASSES, 1),
    "gradient": lambda: call("Image.gradient", HEIGHT),
    "derivative": lambda: call("Image.derivative", HEIGHT),
    "zero crossing": lambda: call("Image.zeroCrossing", call("Image.subtract", HEIGHT, call("Image.constant", 900))),
    "distance": lambda: call("Image.fastDistanceTransform", call("Image.eq", CLASSES, call("Image.constant", 0)), 20),
    "distance by kernel": lambda: call("Image.distance", call("Image.eq", CLASSES, call("Image.constant", 0)), call("Kernel.euclidean", 6.0)),
    "pixel count": lambda: call("Image.connectedPixelCount", CLASSES, 20, False),
    "neighbours as bands": lambda: call("Image.neighborhoodToBands", CLASSES, call("Kernel.square", 1.0)),
    "translate": lambda: call("Image.translate", HEIGHT, 33.0, -17.0),
    "bilinear": lambda: call("Image.resample", HEIGHT, "bilinear"),
    "bicubic": lambda: call("Image.resample", HEIGHT, "bicubic"),
    "reproject": lambda: call("Image.reproject", HEIGHT, Projection("EPSG:32633"), [23.0, 0, 500_001.0, 0, -23.0, 5_000_000.0]),
    "reduce resolution": lambda: call("Image.reduceResolution", HEIGHT, call("Reducer.mean"), False, 4096),
    "array fold": lambda: call("Image.arrayReduce", call("Image.toArray", SPECTRA), call("Reducer.mean"), [0]),
    "unmix": lambda: call("Image.unmix", SPECTRA, [[100.0, 900.0, 50.0], [2000.0, 10.0, 700.0]]),
    "edges": lambda: call("CannyEdgeDetector", HEIGHT, 20.0, 1.0),
    "paint": lambda: call("Image.paint", CLASSES, call("Collection", [call("Feature", rectangle(10, 9, 40.4, 33.3), {})]), 7),
    "random": lambda: call("Image.random", 3),
    "lon lat": lambda: call("Image.pixelLonLat"),
    "area": lambda: call("Image.pixelArea"),
    "visualize": lambda: call("Image.visualize", HEIGHT, None, None, None, [500], [1500], None, None, ["red", "00FF00", "blue"]),
}  # fmt: skip

ROUNDED = {"texture", "unmix"}
"""Sums whose order depends on the shape of a block: the last bits of doubles may differ."""

PARTS = [(0, 0, 37, 41), (5, 33, 64, 3), (61, 50, 1, 1), (70, 47, 40, 43)]


@pytest.mark.parametrize("grid", [None, UTM], ids=["own grid", "another grid"])
@pytest.mark.parametrize("name", CASES)
def test_parts_are_parts_of_the_whole(name: str, grid: Projection | None) -> None:
    check_parts(CASES[name](), grid or HEIGHT.bands[0].projection, rounded=name in ROUNDED)


def check_parts(result: Image, on: Projection, *, rounded: bool = False) -> None:
    """That parts of an image are the same pixels as in the whole."""
    whole = read(result, Window(0, 0, W, H), on)
    assert whole
    seen = False
    for col, row, width, height in PARTS:
        part = read(result, Window(col, row, width, height), on)
        for band, (values, valid) in part.items():
            place = np.s_[row : row + height, col : col + width]
            np.testing.assert_array_equal(valid, whole[band][1][place])
            expected: Any = np.broadcast_to(whole[band][0], (H, W, *np.shape(whole[band][0])[2:]))[
                place
            ]
            got = np.broadcast_to(values, expected.shape)
            if rounded:
                np.testing.assert_allclose(got[valid], expected[valid], rtol=1e-12)
            else:
                np.testing.assert_array_equal(got[valid], expected[valid])
            seen = seen or bool(valid.any())
    assert seen
