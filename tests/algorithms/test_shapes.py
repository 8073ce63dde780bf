"""Lines, medial axes and windows found again, against scikit-image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from ecumene.core.errors import EvaluationError
from ecumene.core.projection import Projection, Window
from ecumene.numerics.cells import shapes
from tests.algorithms.scenes import GRID, image, read
from tests.algorithms.test_tiles import CLASSES, HEIGHT, SPECTRA, UTM, check_parts
from tests.calls import call

H, W = 70, 90
WHOLE = Window(0, 0, W, H)


def test_votes_as_scikit_image() -> None:
    transform = pytest.importorskip("skimage.transform")
    active = np.random.default_rng(3).random((40, 50)) > 0.9
    expected, _, distances = transform.hough_line(active, theta=shapes.turns())
    found, reach = shapes.votes(active)
    first = int(distances[0]) + reach
    np.testing.assert_array_equal(found[first : first + len(distances)], expected)
    assert found.sum() == expected.sum()


@pytest.mark.parametrize("smooth", [False, True])
def test_lines_are_drawn_through_their_cell(smooth: bool) -> None:
    values = np.zeros((H, W), "uint8")
    values[20, 5:60] = 200
    steps = np.arange(50)
    values[steps + 10, steps + 8] = 255
    values[60, 80] = 255
    threshold = 20.0 if smooth else 45.0
    picture = call(
        "HoughTransform", image({"v": values, "w": values}), 128, 64.0, threshold, smooth
    )
    assert picture.band_names == ["v_lines", "w_lines"]
    found = read(picture, WHOLE)["v_lines"][0]
    assert set(np.unique(found)) == {0, 255}
    assert (found[20] == 255).all()
    assert (found[steps + 10, steps + 8] == 255).all()
    assert found[60, 80] == 0
    assert (
        read(call("HoughTransform", image({"v": values}), 128, 64.0, 500.0), WHOLE)["v_lines"][
            0
        ].max()
        == 0
    )


def test_discs_of_the_axis_are_the_shape() -> None:
    rng = np.random.default_rng(5)
    solid = ndimage.gaussian_filter(rng.normal(size=(H, W)), 5) > 0.02
    found = read(call("Image.medialAxis", image({"v": solid.astype("uint8")}), 64), WHOLE)
    assert list(found) == ["medial", "coverage", "xlabel", "ylabel"]
    radius = found["medial"][0]
    inside = ~solid
    inside[[0, -1]] = inside[:, [0, -1]] = (
        False  # outside the image nothing is known, so discs end there
    )
    rows, cols = np.mgrid[:H, :W]
    covered = np.zeros((H, W), bool)
    for r, c in np.argwhere(radius > 0):
        covered |= (rows - r) ** 2 + (cols - c) ** 2 < radius[r, c] ** 2 - 1e-3
    np.testing.assert_array_equal(covered, ~solid)
    far = ndimage.distance_transform_edt(np.pad(~solid, 1))[1:-1, 1:-1]
    axis = radius > 0
    np.testing.assert_allclose(radius[axis], far[axis], rtol=1e-6)
    coverage = found["coverage"][0]
    assert coverage.sum() == (~solid).sum()
    y, x = rows + found["ylabel"][0], cols + found["xlabel"][0]
    assert (axis[y, x] | solid).all()
    np.testing.assert_array_equal(
        np.bincount((y * W + x)[~solid], minlength=H * W).reshape(H, W), coverage
    )


def test_axis_of_a_bar_as_scikit_image() -> None:
    morphology = pytest.importorskip("skimage.morphology")
    solid = np.ones((H, W), "uint8")
    solid[20:31, 10:80] = 0
    found = read(call("Image.medialAxis", image({"v": solid}), 64), WHOLE)["medial"][0]
    skeleton, far = morphology.medial_axis(solid == 0, return_distance=True)
    middle = skeleton & (far == far.max())
    np.testing.assert_array_equal(
        found[:, 16:74][middle[:, 16:74]], far[:, 16:74][middle[:, 16:74]]
    )
    assert (np.argwhere(found[:, 20:70] > 0)[:, 0] == 25).all()


def test_windows_are_found_as_by_scikit_image() -> None:
    feature = pytest.importorskip("skimage.feature")
    rng = np.random.default_rng(7)
    whole = ndimage.gaussian_filter(rng.normal(size=(H + 20, W + 20)), 1) * 100
    left = whole[10 : 10 + H, 10 : 10 + W].astype("float32")
    right = (whole[13 : 13 + H, 8 : 8 + W] + rng.normal(0, 3, (H, W))).astype("float32")
    found = read(call("CrossCorrelation", image({"v": left}), image({"w": right}), 5, 9), WHOLE)
    assert list(found) == ["deltaX", "deltaY", "distance", "correlation"]
    for row, col in [(20, 30), (40, 50), (33, 61)]:
        template = left[row - 4 : row + 5, col - 4 : col + 5]
        scores = feature.match_template(right[row - 9 : row + 10, col - 9 : col + 10], template)
        best = np.unravel_index(scores.argmax(), scores.shape)
        assert found["deltaY"][0][row, col] == best[0] - 5
        assert found["deltaX"][0][row, col] == best[1] - 5
        assert found["correlation"][0][row, col] == pytest.approx(scores.max(), abs=1e-5)
    inner = np.s_[12:-12, 12:-12]
    assert (found["deltaX"][0][inner] == 2).all()
    assert (found["deltaY"][0][inner] == -3).all()
    np.testing.assert_allclose(found["distance"][0][inner], np.sqrt(13), rtol=1e-6)
    assert found["deltaX"][1][inner].all()
    assert not found["deltaX"][1][:9].any()


def test_masked_parts_of_windows() -> None:
    values = np.random.default_rng(1).normal(size=(H, W)).astype("float32")
    shown = np.ones((H, W), bool)
    shown[35, 45] = False
    pair = image({"v": values}, shown), image({"v": values})
    strict = read(call("CrossCorrelation", *pair, 2, 5), WHOLE)["correlation"][1]
    loose = read(call("CrossCorrelation", *pair, 2, 5, 0.1), WHOLE)["correlation"]
    assert not strict[33:38, 43:48].any()
    assert loose[1][33:38, 43:48].all()
    np.testing.assert_allclose(loose[0][33:38, 43:48], 1, rtol=1e-6)
    flat = image({"v": np.zeros((H, W))})
    assert not read(call("CrossCorrelation", flat, flat, 1, 3), WHOLE)["correlation"][1].any()


def test_old_names_of_focal_filters() -> None:
    for name in ("max", "min", "mean", "median", "mode"):
        new = read(call(f"Image.focal{name.title()}", CLASSES, 2.0), WHOLE)["c"]
        old = read(call(f"Window.{name}", CLASSES, 2.0), WHOLE)["c"]
        np.testing.assert_array_equal(old[0], new[0])


def test_refused() -> None:
    one, two = image({"v": np.zeros((3, 3))}), image({"v": np.zeros((3, 3)), "w": np.zeros((3, 3))})
    with pytest.raises(EvaluationError, match="same number"):
        call("CrossCorrelation", one, two, 1, 3)
    with pytest.raises(EvaluationError, match="maxGap"):
        call("CrossCorrelation", one, one, 1000, 3)
    with pytest.raises(EvaluationError, match="gridSize"):
        call("HoughTransform", one, 0)
    with pytest.raises(EvaluationError, match="units"):
        call("Image.medialAxis", one, 10, "meters")


TILES: dict[str, Any] = {
    "lines": lambda: call("HoughTransform", CLASSES, 32, 2.0, 30.0),
    "medial axis": lambda: call(
        "Image.medialAxis", call("Image.gt", HEIGHT, call("Image.constant", 900)), 20
    ),
    "windows": lambda: call(
        "CrossCorrelation", SPECTRA, call("Image.translate", SPECTRA, 10.0, 20.0), 2, 4, 0.5
    ),
}


@pytest.mark.parametrize("grid", [GRID, UTM], ids=["own grid", "another grid"])
@pytest.mark.parametrize("name", TILES)
def test_parts_are_parts_of_the_whole(name: str, grid: Projection) -> None:
    check_parts(TILES[name](), grid)
