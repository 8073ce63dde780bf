"""Files written block by block, read back by GDAL."""

from __future__ import annotations

import numpy as np
import pytest
from rasterio.io import MemoryFile

from ecumene.core.projection import Grid, Window
from ecumene.raster.geotiff import GeoTiff

UTM = Grid("EPSG:32610", (10.0, 0.0, 600_000.0, 0.0, -10.0, 4_300_000.0))
WINDOW = Window(-3, 7, 613, 401)
RNG = np.random.default_rng(8)
ARRAYS = [RNG.integers(0, 250, WINDOW.shape).astype(t) for t in ("uint8", "int16", "uint16")]
MASKS = [
    RNG.random(WINDOW.shape) > 0.2,
    None,
    (RNG.random(WINDOW.shape) * 2 - 1).clip(0).astype("float32"),
]


def written(shape, masks, arrays=ARRAYS):
    file = GeoTiff(["a", "b", "c"][: len(arrays)], [a.dtype for a in arrays], UTM, WINDOW)
    for top in range(0, WINDOW.height, shape[0]):
        for left in range(0, WINDOW.width, shape[1]):
            place = np.s_[top : top + shape[0], left : left + shape[1]]
            height, width = arrays[0][place].shape
            file.write(
                Window(WINDOW.col + left, WINDOW.row + top, width, height),
                [array[place] for array in arrays],
                [None if mask is None else mask[place] for mask in masks],
            )
    content = file.finish()
    file.close()
    return content


@pytest.mark.parametrize("shape", [(401, 613), (256, 256), (100, 613), (37, 91)])
def test_blocks_of_any_shape(shape):
    with MemoryFile(written(shape, MASKS)) as memory, memory.open() as found:
        assert found.descriptions == ("a", "b", "c")
        assert found.crs.to_epsg() == 32610
        assert tuple(found.transform)[:6] == (10, 0, 600_000 - 30, 0, -10, 4_300_000 - 70)
        assert set(found.dtypes) == {"int32"}  # the smallest that holds int16 and uint16
        for number, array in enumerate(ARRAYS, start=1):
            np.testing.assert_array_equal(found.read(number), array)
        np.testing.assert_array_equal(found.dataset_mask() > 0, MASKS[0] & (MASKS[2] > 0))


def test_no_mask_where_everything_is_valid():
    with MemoryFile(written((64, 64), [None] * 3)) as memory, memory.open() as found:
        assert all("per_dataset" not in str(flags) for flags in found.mask_flag_enums)
        assert (found.dataset_mask() == 255).all()


def test_a_mask_that_appears_in_one_block_leaves_the_others_valid():
    late = np.ones(WINDOW.shape, bool)
    late[390:, 600:] = False
    file = GeoTiff(["a"], [ARRAYS[0].dtype], UTM, WINDOW)
    upper = Window(WINDOW.col, WINDOW.row, WINDOW.width, 300)
    lower = Window(WINDOW.col, WINDOW.row + 300, WINDOW.width, WINDOW.height - 300)
    file.write(upper, [ARRAYS[0][:300]], [None])
    file.write(lower, [ARRAYS[0][300:]], [late[300:]])
    with MemoryFile(file.finish()) as memory, memory.open() as found:
        np.testing.assert_array_equal(found.dataset_mask() > 0, late)


def test_one_number_for_a_whole_block():
    file = GeoTiff(["a"], [np.dtype("float32")], UTM, WINDOW)
    file.write(WINDOW, [np.broadcast_to(np.float32(2.5), WINDOW.shape)], [None])
    with MemoryFile(file.finish()) as memory, memory.open() as found:
        assert (found.read(1) == 2.5).all()
