"""Placed lookups: what is taken from where, against plain indexing."""

from __future__ import annotations

import numpy as np
import pytest

from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Window, apply, invert
from ecumene.core.raster import RasterBand
from ecumene.raster import source

UTM = Grid("EPSG:32610", (10.0, 0.0, 600_000.0, 0.0, -10.0, 4_300_000.0))
UINT16 = PixelType("int", 0, 65535)
WIDTH, HEIGHT = 300, 200
STORED = np.random.default_rng(3).integers(1, 60_000, (HEIGHT, WIDTH)).astype("uint16")


class Store:
    """A file of one level in memory."""

    def __init__(self):
        self.windows = []

    def window(self, path, index, level, col, row, width, height):
        assert col >= 0
        assert row >= 0
        assert col + width <= WIDTH
        assert row + height <= HEIGHT
        self.windows.append((col, row, width, height))
        return np.ascontiguousarray(STORED[row : row + height, col : col + width])


def turned(degrees: float) -> Grid:
    c, s = 8 * np.cos(np.radians(degrees)), 8 * np.sin(np.radians(degrees))
    return Grid("EPSG:32610", (c, s, 600_300.0, s, -c, 4_299_500.0))


BAND = RasterBand("memory.tif", 1, UINT16, UTM, WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("grid", "window"),
    [
        pytest.param(UTM, Window(0, 0, WIDTH, HEIGHT), id="all"),
        pytest.param(UTM, Window(20, 30, 40, 50), id="part"),
        pytest.param(UTM, Window(-10, 150, 400, 100), id="over-three-edges"),
        pytest.param(UTM, Window(WIDTH, 0, 10, 10), id="beside"),
        pytest.param(UTM, Window(-500, -500, 20, 20), id="far-away"),
        pytest.param(turned(0), Window(0, 0, 64, 64), id="finer"),
        pytest.param(turned(20), Window(-30, -30, 90, 120), id="turned"),
        pytest.param(turned(45), Window(-400, -400, 800, 800), id="turned-over-edges"),
    ],
)
def test_every_pixel_is_the_one_that_holds_its_centre(grid, window):
    x, y = window.centres(grid)
    cols, rows = apply(invert(UTM.transform), x, y)
    cols, rows = np.floor(cols + 1e-7).astype(int), np.floor(rows + 1e-7).astype(int)
    inside = (cols >= 0) & (cols < WIDTH) & (rows >= 0) & (rows < HEIGHT)
    found = source.read(Store(), BAND, grid, window)
    if not inside.any():
        assert found is None
        return
    values, valid = found
    np.testing.assert_array_equal(np.ones(window.shape, bool) if valid is None else valid, inside)
    np.testing.assert_array_equal(values[inside], STORED[rows[inside], cols[inside]])


def test_scenes_of_different_sizes_do_not_share_a_placed_lookup():
    """The same grid and window, but the second file ends earlier."""
    small = RasterBand("memory.tif", 1, UINT16, UTM, 30, 40)
    window = Window(0, 0, 60, 60)
    _, first = source.read(Store(), BAND, UTM, window)
    _, second = source.read(Store(), small, UTM, window)
    assert first is None
    assert second.sum() == 30 * 40


def test_only_the_window_that_is_needed_is_read():
    store = Store()
    source.read(store, BAND, UTM, Window(20, 30, 40, 50))
    assert store.windows == [(20, 30, 40, 50)]
