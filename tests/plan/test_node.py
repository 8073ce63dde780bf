"""Content hashes of nodes, and depth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely

from ecumene.core.context import Context
from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import Geometry
from ecumene.core.kernel import Kernel
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Window
from ecumene.plan.executor import Executor
from ecumene.plan.nodes import (
    Cast,
    Clip,
    Constant,
    Elementwise,
    Neighborhood,
    ReplaceMask,
    UpdateMask,
)

DOUBLE = PixelType("double")
ONE = Constant(1, DOUBLE)


def clip(last: float) -> Clip:
    return Clip(ONE, Geometry(shapely.Polygon([(0, 0), (1, 0), (1, last)])), DOUBLE)


def focal(middle: float) -> Neighborhood:
    weights = np.ones((41, 41))
    weights[20, 20] = middle
    return Neighborhood(
        ONE, Kernel("Kernel.fixed", weights, (20, 20)), "convolve", None, (), 0, DOUBLE
    )


@pytest.mark.parametrize(
    ("first", "same", "other"),
    [
        pytest.param(clip(1.00001), clip(1.00001), clip(1.00002), id="close-geometries"),
        pytest.param(focal(1), focal(1), focal(5), id="large-kernels"),
        pytest.param(ONE, Constant(1, DOUBLE), Constant(2, DOUBLE), id="constants"),
    ],
)
def test_digest_is_content(first, same, other):
    assert first.digest == same.digest
    assert first.digest != other.digest


def test_chains_of_5000_nodes_evaluate():
    node = ONE
    for _ in range(5000):
        node = Cast(node, DOUBLE)
        node = Elementwise("add", (node, ONE), (), DOUBLE)
    grid, window = Grid(), Window(0, 0, 2, 2)
    (pixels,) = Executor(None, threads=1).read([node], grid, window, Context())
    np.testing.assert_array_equal(pixels.values, 5001)


@pytest.mark.parametrize("node", [UpdateMask, ReplaceMask])
def test_masks_are_numbers(node):
    matrix = Constant(np.eye(2), PixelType("double", dimensions=2))
    one = Constant(1, PixelType("int", 1, 1))
    with pytest.raises(EvaluationError, match="not an array"):
        node(one, matrix, one.type).check()
    node(matrix, one, matrix.type).check()


def test_equal_kernels_have_equal_tokens_found_once():
    a, b = (Kernel("fixed", np.arange(9.0).reshape(3, 3), (1, 1)) for _ in range(2))
    assert a.plan_token == b.plan_token
    assert a.plan_token is a.plan_token
    others = [
        replace(a, weights=a.weights + 1),
        replace(a, weights=a.weights.reshape(1, 9)),
        replace(a, focus=(0, 1)),
        replace(a, units="meters"),
        replace(a, sized=lambda scale: a),
    ]
    assert len({kernel.plan_token for kernel in [a, *others]}) == 6
