"""Displacements and registered images against known warps and scikit-image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.projection import Projection, Window
from tests.algorithms.scenes import GRID, image, read
from tests.algorithms.test_tiles import UTM, check_parts
from tests.calls import call

H, W = 200, 220
WHOLE = Window(0, 0, W, H)
INNER = np.s_[40:-40, 40:-40]
ROWS, COLS = np.mgrid[:H, :W].astype("float64")
DOWN, ACROSS = 3 + 2 * np.sin(COLS / 40), -2 + 1.5 * np.cos(ROWS / 50)
"""Rows and columns from each pixel of the reference to its place in the image."""


@pytest.fixture(scope="module")
def scene() -> tuple[np.ndarray, np.ndarray]:
    """A reference, and an image that shows the same displaced, with noise."""
    rng = np.random.default_rng(3)
    picture = ndimage.gaussian_filter(rng.normal(size=(H, W)), 2) * 1000
    reference = ndimage.map_coordinates(
        picture, [ROWS + DOWN, COLS + ACROSS], order=3, mode="reflect"
    )
    return reference.astype("float32"), (picture + rng.normal(0, 10, (H, W))).astype("float32")


def test_smooth_warps_are_found(scene) -> None:
    reference, moved = scene
    found = call(
        "Image.displacement", image({"v": moved}), image({"v": reference}), 80.0, None, 200.0, 3.0
    )
    assert found.band_names == ["dx", "dy", "confidence"]
    pixels = read(found, WHOLE)
    dx, dy = pixels["dx"][0][INNER] / 10, -pixels["dy"][0][INNER] / 10
    assert np.sqrt(np.mean((dx - ACROSS[INNER]) ** 2 + (dy - DOWN[INNER]) ** 2)) < 0.35
    assert pixels["confidence"][0][INNER].min() > 0.5


def test_shifts_as_scikit_image(scene) -> None:
    registration = pytest.importorskip("skimage.registration")
    reference, _ = scene
    moved = ndimage.shift(reference, (2.3, -4.6), order=3, mode="reflect").astype("float32")
    expected, _, _ = registration.phase_cross_correlation(
        moved[INNER], reference[INNER], upsample_factor=20, normalization=None
    )
    pixels = read(
        call("Image.displacement", image({"v": moved}), image({"v": reference}), 80.0, None, 200.0),
        WHOLE,
    )
    assert -np.median(pixels["dy"][0][INNER]) / 10 == pytest.approx(expected[0], abs=0.1)
    assert np.median(pixels["dx"][0][INNER]) / 10 == pytest.approx(expected[1], abs=0.1)


def test_registered_images_fit(scene) -> None:
    reference, moved = scene
    before = np.corrcoef(moved[INNER].ravel(), reference[INNER].ravel())[0, 1]
    found = read(
        call("Image.register", image({"v": moved}), image({"v": reference}), 80.0, 200.0, 3.0),
        WHOLE,
    )["v"]
    assert found[1][INNER].all()
    after = np.corrcoef(found[0][INNER].ravel(), reference[INNER].ravel())[0, 1]
    assert before < 0.4
    assert after > 0.97


def test_false_matches_are_rejected(scene) -> None:
    reference, moved = scene
    moved = moved.copy()
    other = np.roll(reference, (6, 6), (0, 1))  # a place that moved otherwise
    moved[90:102, 100:112] = other[90:102, 100:112]
    error = {}
    for stiffness in (0.0, 8.0):
        pixels = read(
            call(
                "Image.displacement",
                image({"v": moved}),
                image({"v": reference}),
                80.0,
                None,
                160.0,
                stiffness,
            ),
            WHOLE,
        )
        dx, dy = pixels["dx"][0][INNER] / 10, -pixels["dy"][0][INNER] / 10
        error[stiffness] = np.abs(np.hypot(dx - ACROSS[INNER], dy - DOWN[INNER])).max()
    assert error[8.0] < 0.4
    assert error[0.0] > 1


def test_working_scale_is_the_coarsest(scene) -> None:
    reference, moved = scene
    coarse = Projection("EPSG:32633", (20.0, 0.0, 500_000.0, 0.0, -20.0, 5_000_000.0))
    found = call(
        "Image.displacement", image({"v": moved}), image({"v": reference}), 80.0, coarse, 400.0
    )
    assert found.bands[0].projection == coarse
    assert found.bands[0].node.projection.nominal_scale == pytest.approx(20)
    pixels = read(found, Window(0, 0, W // 2, H // 2), coarse)
    assert np.median(pixels["dx"][0][30:-30, 30:-30]) / 10 == pytest.approx(
        np.median(ACROSS), abs=0.7
    )


def test_masked_where_nothing_is_found() -> None:
    flat = image({"v": np.zeros((H, W), "float32")})
    assert not read(call("Image.displacement", flat, flat, 50.0), WHOLE)["dx"][1].any()


def test_refused(scene) -> None:
    one, two = image({"v": scene[0]}), image({"v": scene[0], "w": scene[0]})
    for match, arguments in {
        "same number": (one, two, 50.0), "maxOffset": (one, one, 0.0), "stiffness": (one, one, 9.0, None, None, 11.0),
    }.items():  # fmt: skip
        with pytest.raises(EvaluationError, match=match):
            call("Image.displacement", *arguments)
    with pytest.raises(LimitExceeded, match="coarser"):
        call("Image.displacement", one, one, 1e5)


TILES: dict[str, Any] = {
    "displacement": lambda reference, moved: call(
        "Image.displacement", moved, reference, 60.0, None, 120.0
    ),
    "register": lambda reference, moved: call("Image.register", moved, reference, 60.0, 120.0),
}


@pytest.mark.parametrize("grid", [GRID, UTM], ids=["own grid", "another grid"])
@pytest.mark.parametrize("name", TILES)
def test_parts_are_parts_of_the_whole(scene, name: str, grid: Projection) -> None:
    reference, moved = (image({"v": values}) for values in scene)
    check_parts(TILES[name](reference, moved), grid)
