"""Kernels as values: the weight matrices of the documented samples (radius 3), and their algebra."""

from __future__ import annotations

import numpy as np
import pytest

from ecumene.core.errors import EvaluationError, LimitExceeded
from tests.calls import call, call_json

D = np.abs(np.arange(-3, 4))
X, Y = D[None, :], D[:, None]


def weights(name, *arguments, **named):
    return call(f"Kernel.{name}", *arguments, **named).weights


@pytest.mark.parametrize(
    ("name", "inside", "count"),
    [
        ("circle", X**2 + Y**2 <= 9, 29), ("square", (X + Y) >= 0, 49), ("diamond", X + Y <= 3, 25),
        ("plus", (X == 0) | (Y == 0), 13), ("cross", X == Y, 13), ("octagon", X + Y <= 4, 37),
    ],
)  # fmt: skip
def test_shapes_are_documented(name, inside, count):
    assert inside.sum() == count
    np.testing.assert_allclose(weights(name, 3), inside / count)
    np.testing.assert_array_equal(weights(name, 3, normalize=False, magnitude=2), inside * 2)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("euclidean", np.hypot(X, Y)), ("manhattan", X + Y), ("chebyshev", np.maximum(X, Y))],
)
def test_distances_are_documented(name, expected):
    np.testing.assert_allclose(weights(name, 3), expected)


def test_gaussian_is_documented():
    found = weights("gaussian", 3, 1)
    assert found.shape == (5, 5)
    assert found[2, 2] == pytest.approx(0.1621, abs=5e-5)
    assert found.sum() == pytest.approx(1)
    assert found[0, 0] / found[2, 2] == pytest.approx(np.exp(-4))


def test_rectangle_is_documented():
    np.testing.assert_allclose(weights("rectangle", 2, 1), np.full((3, 5), 1 / 15))


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("laplacian4", [[0, 1, 0], [1, -4, 1], [0, 1, 0]]), ("laplacian8", [[1, 1, 1], [1, -8, 1], [1, 1, 1]]),
        ("sobel", [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]), ("prewitt", [[1, 0, -1]] * 3), ("roberts", [[1, 0], [0, -1]]),
        ("kirsch", [[5, -3, -3], [5, 0, -3], [5, -3, -3]]), ("compass", [[1, 1, -1], [1, -2, -1], [1, 1, -1]]),
    ],
)  # fmt: skip
def test_edges_are_documented(name, rows):
    np.testing.assert_array_equal(weights(name), rows)
    np.testing.assert_array_equal(weights(name, 2), np.multiply(rows, 2))


@pytest.mark.parametrize(
    ("name", "radius", "shape", "cells"),
    [("circle", 1.5, (3, 3), 9), ("circle", 2.5, (5, 5), 21), ("square", 1.5, (3, 3), 9), ("circle", 0, (1, 1), 1), ("plus", 0.5, (1, 1), 1)],
)  # fmt: skip
def test_cells_beyond_a_fractional_radius_are_outside(name, radius, shape, cells):
    found = weights(name, radius, normalize=False)
    assert found.shape == shape
    assert found.sum() == cells


def test_metres_are_resized_for_each_scale():
    kernel = call("Kernel.circle", 30, "meters")
    np.testing.assert_allclose(kernel.sized(10).weights, weights("circle", 3))
    turned = call("Kernel.rotate", call("Kernel.inverse", kernel), 1)
    np.testing.assert_allclose(turned.sized(20).weights, np.full((3, 3), 9.0))
    added = call("Kernel.add", kernel, call("Kernel.square", 1, "pixels"))
    assert added.sized(10).weights.shape == (7, 7)


def test_gaussian_in_metres_is_the_same_bell():
    kernel = call("Kernel.gaussian", 30, 10, "meters")
    np.testing.assert_allclose(kernel.sized(10).weights, weights("gaussian", 3, 1))


def test_fixed_has_a_focus():
    kernel = call("Kernel.fixed", weights=[[1, 2, 3], [4, 5, 6]], x=0, y=1)
    assert kernel.focus == (0, 1)
    rotated = call("Kernel.rotate", kernel, 1)
    assert rotated.weights.tolist() == [[4, 1], [5, 2], [6, 3]]
    assert rotated.focus == (0, 0)
    back = call("Kernel.rotate", kernel, -1)
    assert back.weights.tolist() == [[3, 6], [2, 5], [1, 4]]
    for _ in range(4):
        rotated = call("Kernel.rotate", rotated, 1)
    assert rotated.focus == (0, 0)


def test_sums_align_the_centres():
    added = call(
        "Kernel.add",
        call("Kernel.square", 1, normalize=False),
        call("Kernel.plus", 2, normalize=False),
    )
    assert added.weights.tolist() == [[0, 0, 1, 0, 0], [0, 1, 2, 1, 0], [1, 2, 2, 2, 1], [0, 1, 2, 1, 0], [0, 0, 1, 0, 0]]  # fmt: skip


def test_inverse_keeps_zeros():
    np.testing.assert_allclose(
        call("Kernel.inverse", call("Kernel.sobel")).weights,
        [[-1, 0, 1], [-0.5, 0, 0.5], [-1, 0, 1]],
    )


def test_description():
    assert call_json("Kernel.roberts") == {
        "type": "Kernel.roberts", "magnitude": 1, "normalize": False, "weights": "\n  [1, 0]\n  [0, -1]", "center": [1, 1],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("circle", {"radius": -1}), ("circle", {"radius": float("nan")}), ("circle", {"radius": 1, "units": "feet"}),
        ("gaussian", {"radius": 1, "sigma": 0}), ("fixed", {"weights": []}), ("fixed", {"weights": [[1], [1, 2]]}),
        ("fixed", {"weights": [["a"]]}), ("fixed", {"weights": [[1]], "x": 5}), ("fixed", {"weights": [[1]], "width": 2}),
    ],
)  # fmt: skip
def test_kernels_that_cannot_be(name, arguments):
    with pytest.raises(EvaluationError):
        call(f"Kernel.{name}", **arguments)


def test_kernels_have_a_largest_size():
    with pytest.raises(LimitExceeded):
        call("Kernel.square", 1e9)
