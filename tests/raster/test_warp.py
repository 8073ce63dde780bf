"""Nearest lookups against pyproj at every pixel."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest

from ecumene.core import crs
from ecumene.core.projection import Grid, Window, apply, invert
from ecumene.raster import warp

UTM = Grid("EPSG:32610", (10.0, 0, 600000.0, 0, -10.0, 4300020.0))
SINUSOIDAL = Grid("SR-ORG:6974", (231.656, 0, -1.1e7, 0, -231.656, 4.5e6))
CASES = [
    pytest.param(
        UTM, Grid("EPSG:4326", (1e-4, 0, -121.9, 0, -1e-4, 38.8)), Window(0, 0, 400, 300),
        id="degrees-to-utm",
    ),
    pytest.param(
        UTM, Grid("EPSG:3857", (9.554628535647032, 0, -13570000.0, 0, -9.554628535647032, 4690000.0)),
        Window(-37, 11, 600, 300), id="mercator-to-utm",
    ),
    pytest.param(
        UTM, Grid("EPSG:3857", (2445.98, 0, -20037508.34, 0, -2445.98, 20037508.34)),
        Window(2000, 5000, 256, 256), id="mercator-overview-to-utm",
    ),
    pytest.param(SINUSOIDAL, UTM, Window(5, 9, 300, 300), id="utm-to-sinusoidal"),
    pytest.param(
        Grid("EPSG:4326", (1e-3, 0, -180, 0, -1e-3, 90)),
        Grid("EPSG:32601", (500.0, 0, 160000.0, 0, -500.0, 7000000.0)),
        Window(-100, 0, 400, 300), id="across-the-antimeridian",
    ),
]  # fmt: skip


def every_pixel(source: Grid, target: Grid, window: Window) -> tuple[np.ndarray, np.ndarray]:
    x, y = (np.ascontiguousarray(axis) for axis in window.centres(target))
    to_source = pyproj.Transformer.from_crs(
        crs.parse(target.crs), crs.parse(source.crs), always_xy=True
    )
    return apply(invert(source.transform), *to_source.transform(x, y))


@pytest.mark.parametrize(("source", "target", "window"), CASES)
def test_nearest_is_the_exact_transform_at_every_pixel(source, target, window):
    u, v = every_pixel(source, target, window)
    found = warp.nearest(source, target, window)
    np.testing.assert_array_equal(found.cols, np.floor(u + warp.TIE))
    np.testing.assert_array_equal(found.rows, np.floor(v + warp.TIE))


@pytest.mark.parametrize(("source", "target", "window"), CASES)
def test_positions_keep_their_bound(source, target, window):
    u, v = every_pixel(source, target, window)
    found = warp.positions(source, target, window)
    assert max(np.abs(found.cols - u).max(), np.abs(found.rows - v).max()) <= warp.CLOSE


@pytest.mark.parametrize(("source", "target", "window"), CASES)
@pytest.mark.parametrize("lookup", [warp.nearest, warp.positions], ids=["nearest", "positions"])
def test_a_part_is_the_part_of_the_whole_bit_for_bit(lookup, source, target, window):
    whole = lookup(source, target, window)
    cols, rows = (np.broadcast_to(part, window.shape) for part in (whole.cols, whole.rows))
    for dx, dy, width, height in ((3, 7, 8, 5), (33, 1, 40, 3), (0, 20, 1, 9)):
        width, height = min(width, window.width - dx), min(height, window.height - dy)
        if width <= 0 or height <= 0:
            continue
        part = Window(window.col + dx, window.row + dy, width, height)
        found = lookup(source, target, part)
        place = np.s_[dy : dy + height, dx : dx + width]
        np.testing.assert_array_equal(np.broadcast_to(found.cols, part.shape), cols[place])
        np.testing.assert_array_equal(np.broadcast_to(found.rows, part.shape), rows[place])


def test_places_that_cannot_be_transformed_are_outside():
    world = Grid("EPSG:4326", (1.0, 0, -180, 0, -1.0, 90))
    orthographic = Grid("EPSG:3995", (2e6, 0, -4e7, 0, -2e6, 4e7))
    found = warp.nearest(orthographic, world, Window(0, 0, 360, 180))
    u, v = every_pixel(orthographic, world, Window(0, 0, 360, 180))
    impossible = ~(np.isfinite(u) & np.isfinite(v))
    marked = np.zeros_like(impossible) if found.outside is None else found.outside
    np.testing.assert_array_equal(marked, impossible)
