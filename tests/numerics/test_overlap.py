"""Areas of input pixels under output pixels against Shapely; statistics weighted by them against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from ecumene import kernels
from ecumene.numerics import overlap

MOST = 400
SIZE = 40, 40


@pytest.fixture(scope="module", autouse=True)
def loaded():
    kernels.load()


def lattice(width: int, height: int, scale: float, turn: float, flip: int, x: float, y: float):
    """Corners of a turned, scaled, perhaps mirrored and slightly bent grid."""
    i, j = np.mgrid[0.0 : height + 1, 0.0 : width + 1]
    cols = x + scale * (np.cos(turn) * j - np.sin(turn) * i) + 0.05 * scale * np.sin(i)
    rows = y + flip * scale * (np.sin(turn) * j + np.cos(turn) * i)
    return cols, rows


@st.composite
def grids(draw):
    """Corners of few pixels, finer and coarser than the input; some of an exact factor."""
    width, height = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    if draw(st.booleans()):
        factor, flip = draw(st.integers(1, 7)), draw(st.sampled_from([-1, 1]))
        i, j = np.mgrid[0.0 : height + 1, 0.0 : width + 1]
        return factor * j + draw(st.integers(-3, 9)), flip * factor * i + draw(st.integers(5, 30))
    return lattice(
        width, height, draw(st.floats(0.2, 7)), draw(st.floats(-4, 4)),
        draw(st.sampled_from([-1, 1])), draw(st.floats(-5, 30)), draw(st.floats(-5, 30)),
    )  # fmt: skip


def shares(found: overlap.Quads) -> np.ndarray:
    """The share of every input pixel in every output pixel, ``(rows, cols, h, w)``."""
    height, width = found.boxes.shape[:2]
    out = np.zeros((SIZE[0] * SIZE[1], height, width))
    for rows, index, share in overlap.listed(found, SIZE, 0, 0):
        for places, part in zip(index, share, strict=True):
            i, j = np.mgrid[rows, 0:width]
            np.add.at(out, (places, i, j), part)
    return out.reshape(*SIZE, height, width)


@settings(max_examples=40, deadline=None)
@given(grids())
def test_shares_are_areas_of_intersections(corners):
    found = overlap.quads(*corners, MOST)
    rows, cols = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    cells = shapely.box(cols, rows, cols + 1, rows + 1)
    x, y = found.x, found.y
    share = shares(found)
    for i, j in np.ndindex(*found.boxes.shape[:2]):
        ring = [(i, j), (i, j + 1), (i + 1, j + 1), (i + 1, j)]
        quad = shapely.Polygon([(x[p], y[p]) for p in ring])
        expected = shapely.area(shapely.intersection(cells, quad)) / quad.area
        np.testing.assert_allclose(share[:, :, i, j], expected, atol=1e-7)


def test_pixels_of_an_exact_factor_have_equal_shares():
    """Rounding of transforms must not let slivers of neighbours in."""
    i, j = np.mgrid[0.0:4, 0.0:4]
    noise = np.random.default_rng(0).normal(0, 1e-9, (2, 4, 4))
    found = overlap.quads(3 * j + 2 + noise[0], 3 * i + 1 + noise[1], MOST)
    share = shares(found)
    assert ((share > 0).sum(axis=(0, 1)) == 9).all()
    assert set(share[share > 0].tolist()) == {1 / 9}


@settings(max_examples=40, deadline=None)
@given(grids(), st.integers(0, 2**32 - 1), st.sampled_from(["none", "holes", "partial"]))
def test_statistics_are_those_of_the_listed(corners, seed, kind):
    rng = np.random.default_rng(seed)
    data = rng.normal(size=SIZE)
    data[rng.random(SIZE) < 0.1] = np.nan
    mask = {"none": None, "holes": rng.random(SIZE) < 0.7}.get(kind, rng.random(SIZE))
    mask = mask if mask is None or mask.dtype == bool else mask.astype("float32")
    found = overlap.quads(*corners, MOST)
    share = (
        shares(found) * np.where(np.isnan(data), 0, 1 if mask is None else mask)[..., None, None]
    )
    some = share.sum(axis=(0, 1))
    values = np.nan_to_num(data)[..., None, None]
    expected = {
        "sum": (share * values).sum(axis=(0, 1)),
        "mean": (share * values).sum(axis=(0, 1)) / np.where(some > 0, some, 1),
        "count": (share > 0).sum(axis=(0, 1)),
        "min": np.where(share > 0, values, np.inf).min(axis=(0, 1)),
        "max": np.where(share > 0, values, -np.inf).max(axis=(0, 1)),
    }
    for name, wanted in expected.items():
        got, good = overlap.pooled(data, mask, found, 0, 0, name, weighted=True)
        np.testing.assert_array_equal(good, some > 0)
        np.testing.assert_allclose(got[good], wanted[good], rtol=1e-9, atol=1e-12)
    got, good = overlap.pooled(data, mask, found, 0, 0, "sum", weighted=False)
    wanted = np.where(share > 0, values, 0).sum(axis=(0, 1))
    np.testing.assert_allclose(got[good], wanted[good], rtol=1e-9, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(grids(), st.integers(0, 2**32 - 1), st.sampled_from([None, 0.3, 1.0]))
def test_compiled_is_plain_bit_for_bit(corners, seed, shown):
    rng = np.random.default_rng(seed)
    data = rng.normal(size=SIZE)
    data[rng.random(SIZE) < 0.05] = np.nan
    mask = None if shown is None else (rng.random(SIZE) * shown).astype("float32")
    x, y = corners
    if rng.random() < 0.3:
        x.reshape(-1)[rng.integers(x.size)] = np.nan
    found = overlap.quads(x, y, MOST if rng.random() < 0.7 else 4)
    for name in overlap.POOLED:
        for weighted in (True, False):
            values, good = overlap.pooled(data, mask, found, 3, -2, name, weighted)
            kernels.unload()
            try:
                plain, also = overlap.pooled(data, mask, found, 3, -2, name, weighted)
            finally:
                kernels.load()
            np.testing.assert_array_equal(good, also)
            np.testing.assert_array_equal(values[good], plain[good])


def test_corners_that_do_not_exist_and_pixels_torn_apart():
    x, y = np.meshgrid(np.array([0.0, 2, 4, 300]), np.array([0.0, 2, 4]))
    x[0, 0] = np.nan
    found = overlap.quads(x, y, MOST)
    kinds = [[overlap.NOTHING, overlap.QUAD, overlap.TORN], [overlap.QUAD] * 2 + [overlap.TORN]]
    assert found.boxes[..., 4].tolist() == kinds
    data = np.arange(1600.0).reshape(SIZE)
    values, good = overlap.pooled(data, None, found, 0, 0, "mean", weighted=True)
    assert good.tolist() == [[False, True, True], [True, True, True]]
    assert values[:, 2].tolist() == [data[0, 4], data[2, 4]]
