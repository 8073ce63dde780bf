"""Files put together from tiles, read by GDAL."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.windows import Window as Part

from ecumene.core.projection import Grid, Window
from ecumene.raster import tiff
from ecumene.tasks.exports.levels import Level, joined

GRID = Grid("EPSG:32610", (20.0, 0.0, 400_000.0, 0.0, -20.0, 5_000_000.0))
DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]


def filled(level: Level, values: np.ndarray) -> None:
    """Stores the tiles of an image in an order of their own."""
    side = level.form.side
    order = np.random.default_rng(1).permutation(level.across * level.down).tolist()
    for place in order:
        row, col = (side * n for n in divmod(place, level.across))
        tile = np.zeros(level.shape, values.dtype)
        part = values[row : row + side, col : col + side]
        tile[: part.shape[0], : part.shape[1]] = part
        level.append([place], [level.encode(tile)])


def form_of(
    dtype: str, bands: int, side: int, *, big: bool, nodata: float | None = None
) -> tiff.Format:
    kind = np.dtype(dtype)
    names = [f"band {k}" for k in range(bands)]
    placed = tiff.placed_tags(names, kind, GRID, Window(3, 5, 1, 1), nodata)
    return tiff.Format(kind, bands, side, placed, big)


@given(
    st.sampled_from(DTYPES),
    st.integers(1, 5),
    st.integers(1, 70),
    st.integers(1, 70),
    st.sampled_from([16, 32]),
    st.booleans(),
)
def test_gdal_reads_what_was_stored(
    tmp_path_factory: pytest.TempPathFactory, dtype: str, bands: int, width: int, height: int, side: int, big: bool
) -> None:  # fmt: skip
    rng = np.random.default_rng(width * 71 + height)
    values = (rng.random((height, width, bands)) * 250 - 100 * (dtype[0] != "u")).astype(dtype)
    folder = tmp_path_factory.mktemp("tiff")
    level = Level(folder / "level", form_of(dtype, bands, side, big=big), (width, height))
    filled(level, values)
    path = level.finish()
    level.close()
    with rasterio.open(path, driver="GTiff") as file:
        assert (np.moveaxis(file.read(), 0, 2) == values).all()
        assert file.crs.to_epsg() == 32610 and file.transform[2] == 400_060
        assert file.transform[5] == 4_999_900 and file.descriptions[-1] == f"band {bands - 1}"
        corner = file.read(1, window=Part(width - 1, height - 1, 1, 1))
        assert corner[0, 0] == values[-1, -1, 0]


@pytest.mark.parametrize("big", [False, True])
def test_overviews_are_found_in_front_of_the_pixels(tmp_path: Path, big: bool) -> None:
    form = form_of("int16", 2, 16, big=big, nodata=-5)
    rng = np.random.default_rng(2)
    levels, images = [], []
    for number, (width, height) in enumerate([(70, 50), (35, 25), (18, 13)]):
        values = rng.integers(0, 99, (height, width, 2)).astype("int16")
        level = Level(tmp_path / f"level{number}", form, (width, height))
        filled(level, values)
        levels.append(level)
        images.append(values)
    path = joined(tmp_path / "cog.tif", levels, form)
    with rasterio.open(path) as file:
        assert file.overviews(1) == [2, 4] and file.nodata == -5
        assert (np.moveaxis(file.read(), 0, 2) == images[0]).all()
    for number in (0, 1):
        with rasterio.open(path, overview_level=number) as file:
            assert (np.moveaxis(file.read(), 0, 2) == images[number + 1]).all()


def test_usual_tiles_take_no_room_until_the_file_is_made(tmp_path: Path) -> None:
    form = tiff.Format(np.dtype("uint8"), 1, 16, ())
    level = Level(tmp_path / "mask", form, (64, 64), usual=255)
    values = np.full((64, 64, 1), 255, "uint8")
    values[20, 20] = 0
    filled(level, values)
    assert sum(size > 0 for _, size in level.blocks) == 1
    assert (level.tile(0) == 255).all() and level.tile(5).min() == 0
    with rasterio.open(level.finish()) as file:
        assert (file.read(1) == values[..., 0]).all()


def test_what_an_interrupted_attempt_wrote_is_overwritten(tmp_path: Path) -> None:
    form = form_of("uint16", 1, 16, big=False)
    values = np.arange(32 * 16, dtype="uint16").reshape(16, 32, 1)
    first = Level(tmp_path / "level", form, (32, 16))
    known = first.append([0], [first.encode(values[:, :16])])
    first.append([1], [b"garbage that no journal knows of" * 10])
    first.close()
    again = Level(tmp_path / "level", form, (32, 16))
    again.restore([0], known)
    again.append([1], [again.encode(values[:, 16:])])
    with rasterio.open(again.finish()) as file:
        assert (file.read(1) == values[..., 0]).all()
