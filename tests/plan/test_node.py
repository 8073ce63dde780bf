"""Content hashes of nodes, and depth."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from ecumene.core.context import Context
from ecumene.core.geometry import Geometry
from ecumene.core.kernel import Kernel
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Window
from ecumene.plan.executor import Executor
from ecumene.plan.nodes import Cast, Clip, Constant, Elementwise, Neighborhood

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
