"""Jobs that read more than the cache holds: every stored block once, nobody else's pushed out."""

from __future__ import annotations

import numpy as np
import pytest

from ecumene.core.context import Context
from ecumene.core.pixel_type import of_dtype
from ecumene.core.projection import Grid, Window
from ecumene.core.raster import RasterBand
from ecumene.plan.executor import Executor
from ecumene.plan.layout import phase, split, squared
from ecumene.plan.nodes import Source
from ecumene.plan.optimise import prepare
from ecumene.storage.blocks import BlockStore
from ecumene.storage.gate import Gate
from tests.storage.test_blocks import write

BLOCK, ACROSS, DOWN = 512, 4, 5
UTM = Grid("EPSG:32633", (10.0, 0.0, 500_000.0, 0.0, -10.0, 5_000_000.0))
SHIFTED = Grid("EPSG:32633", (10.0, 0.0, 500_000.0 - 1370, 0.0, -10.0, 5_000_000.0 + 900))
STORED = np.random.default_rng(2).integers(
    0, 9999, (1, BLOCK * DOWN, BLOCK * ACROSS), dtype="uint16"
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    found = tmp_path_factory.mktemp("large") / "a.tif"
    write(found, STORED, tiled=True, blockxsize=BLOCK, blockysize=BLOCK, compress="deflate")
    return found


@pytest.mark.parametrize(
    ("grid", "col", "row"),
    [pytest.param(UTM, 0, 0, id="own"), pytest.param(SHIFTED, 137, 90, id="shifted")],
)
def test_every_block_is_decoded_once(path, grid, col, row):
    capacity = 8 * BLOCK * BLOCK * 2  # of 20 blocks; those that pass share two
    store = BlockStore(capacity, Gate([path.parent]))
    engine = Executor(store, threads=2)
    band = RasterBand(str(path), 1, of_dtype("uint16"), UTM, STORED.shape[2], STORED.shape[1])
    out = np.zeros(STORED.shape[1:], "uint16")
    window = Window(col, row, out.shape[1], out.shape[0])
    try:
        nodes = [Source(band, "nearest", band.type)]
        for block, (pixels,) in engine.blocks(nodes, grid, window, Context(pixels=engine)):
            y, x = block.row - row, block.col - col
            out[y : y + block.height, x : x + block.width] = pixels.values
    finally:
        engine.close()
    np.testing.assert_array_equal(out, STORED[0])
    assert store.stats.misses == ACROSS * DOWN
    assert store.stats.bytes <= capacity // 4


def test_jobs_begin_where_stored_blocks_do():
    band = RasterBand("a.tif", 1, of_dtype("uint16"), UTM, 100, 100)
    plan = prepare([Source(band, "nearest", band.type)])
    assert phase(plan, SHIFTED) == (90, 137)
    assert phase(plan, Grid("EPSG:32633", (20.0, 0.0, 500_000.0, 0.0, -20.0, 5e6))) == (0, 0)
    assert phase(plan, Grid("EPSG:4326", UTM.transform)) == (0, 0)


@pytest.mark.parametrize("shape", [(256, 1024), (64, 1024), (100, 37)])
def test_squares_hold_no_more_pixels(shape):
    height, width = squared(shape)
    assert height * width <= shape[0] * shape[1]
    assert height * width > 0.9 * shape[0] * shape[1]


@pytest.mark.parametrize("origin", [None, (0, 0), (90, 137), (-5000, 7)])
def test_pieces_cover_a_window_once(origin):
    window = Window(-37, 11, 300, 200)
    seen = np.zeros(window.shape, int)
    for piece in split(window, (64, 90), origin):
        assert piece.width > 0
        assert piece.height > 0
        y, x = piece.row - window.row, piece.col - window.col
        seen[y : y + piece.height, x : x + piece.width] += 1
        if origin is not None:
            assert (piece.row - origin[0]) // 64 == (piece.row + piece.height - 1 - origin[0]) // 64
            assert (piece.col - origin[1]) // 90 == (piece.col + piece.width - 1 - origin[1]) // 90
    assert (seen == 1).all()
