"""Places of the workloads lie in the archive, and the references find what GDAL finds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from rasterio.warp import transform_bounds

from benchmarks import exact, expressions
from benchmarks import workloads as w

SIZE = 4096
BOX = (w.WEST, w.NORTH - 10 * SIZE, w.WEST + 10 * SIZE, w.NORTH)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    (folder / "size.json").write_text(json.dumps(SIZE))
    return folder


@pytest.mark.parametrize("k", range(5))
def test_places_lie_in_the_archive(archive: Path, k: int) -> None:
    columns, rows = exact.degrees(archive, k)
    assert columns.shape == (640, 640)
    assert min(columns.min(), rows.min()) >= 0 and max(columns.max(), rows.max()) < SIZE
    shape = shapely.geometry.shape(w.polygon(archive, k))
    assert shape.is_valid and shapely.box(*BOX).contains(shape)
    assert 1.4e6 < shape.area / 100 < 1.7e6


@pytest.mark.parametrize("zoom", [14, 11])
@pytest.mark.parametrize("k", range(3))
def test_tiles_meet_the_archive(archive: Path, zoom: int, k: int) -> None:
    scale, _, west, _, _, north = w.tile_transform(zoom, *w.tile(archive, k, zoom))
    bounds = (west, north - 256 * scale, west + 256 * scale, north)
    tile = shapely.box(*transform_bounds("EPSG:3857", f"EPSG:{w.CRS}", *bounds))
    assert tile.intersects(shapely.box(*BOX))


def test_tiles_of_a_load_differ(archive: Path) -> None:
    found = {(k % 4, x, y) for k, x, y in w.tiles(archive, 0, 14)}
    assert len(found) == w.LOAD


@pytest.mark.parametrize(("shape", "cells"), [("circle", 81), ("square", 121)])
def test_footprints(shape: str, cells: int) -> None:
    assert w.footprint(shape).sum() == cells


def test_an_expression_keeps_its_shape_with_other_constants() -> None:
    tree = expressions.shape(np.random.default_rng(3))
    bands = {name: np.linspace(100 + 40 * i, 4000, 50) for i, name in enumerate(expressions.BANDS)}

    def value(constants: int) -> np.ndarray:
        def leaf(what: str | float) -> expressions.Operand:
            return expressions.Operand(bands[what] if isinstance(what, str) else what)

        return np.asarray(expressions.expression(tree, leaf, constants).values)

    assert str(tree).count("(") == expressions.SIZE
    assert np.abs(value(1)).max() <= 1
    assert np.array_equal(value(1), value(1)) and not np.allclose(value(1), value(2))
