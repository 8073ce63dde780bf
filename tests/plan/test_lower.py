"""Lowered plans against the plans that algorithms make: the same pixels, fewer reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.transform import from_origin

from ecumene import kernels
from ecumene.core.context import Context
from ecumene.core.pixel_type import PixelType, of_dtype
from ecumene.core.projection import Grid, Window
from ecumene.core.raster import RasterBand
from ecumene.plan.executor import Executor, evaluate
from ecumene.plan.nodes import (
    Cast,
    Constant,
    Elementwise,
    Fold,
    MaskOf,
    Source,
    Tabulated,
    Unmask,
    UpdateMask,
)
from ecumene.plan.optimise import prepare
from ecumene.storage.blocks import BlockStore
from ecumene.storage.gate import Gate
from tests.calls import call

SIZE = 90
UTM = Grid("EPSG:32633", (10.0, 0.0, 500_000.0, 0.0, -10.0, 5_000_000.0))
HALF = Grid("EPSG:32633", (20.0, 0.0, 500_000.0, 0.0, -20.0, 5_000_000.0))
DEGREES = Grid("EPSG:4326", (1e-4, 0.0, 15.0, 0.0, -1e-4, 45.155))
BYTE, SHORT, FLOAT, BOOLEAN = (
    of_dtype("uint8"),
    of_dtype("uint16"),
    PixelType("float"),
    PixelType("int", 0, 1),
)


def write(path: Path, values: np.ndarray, metres: float) -> str:
    height, width = values.shape
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=height, width=width, dtype=values.dtype, crs="EPSG:32633",
        transform=from_origin(500_000, 5_000_000, metres, metres), tiled=True, blockxsize=32, blockysize=32,
        compress="deflate",
    ) as out:  # fmt: skip
        out.write(values, 1)
    return str(path)


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> tuple[Context, list[tuple[Source, Source]]]:
    """Five scenes: 16-bit values with no data 0, and a class of each 2 × 2 pixels."""
    folder = tmp_path_factory.mktemp("scenes")
    rng = np.random.default_rng(11)
    scenes = []
    for k in range(5):
        values = rng.integers(0, 3 if k == 4 else 5000, (SIZE, SIZE)).astype("uint16")
        classes = rng.integers(0, 12, (SIZE // 2, SIZE // 2)).astype("uint8")
        if k == 3:
            classes[:] = 9  # cloud everywhere
        band = RasterBand(
            write(folder / f"v{k}.tif", values, 10), 1, SHORT, UTM, SIZE, SIZE, (0.0,)
        )
        mask = RasterBand(
            write(folder / f"c{k}.tif", classes, 20), 1, BYTE, HALF, SIZE // 2, SIZE // 2, (0.0,)
        )
        scenes.append(tuple(Source(b, "nearest", b.type) for b in (band, mask)))
    engine = Executor(BlockStore(2**26, Gate([folder])), threads=2)
    kernels.load()
    yield Context(pixels=engine), scenes
    engine.close()


def both(node, context, grid=UTM):
    """Pixels of a node as it is and lowered."""
    window = Window(-5, 7, SIZE, SIZE + 9)
    (plain,) = evaluate(prepare([node], lower=False), grid, window, context)
    (lowered,) = evaluate(prepare([node]), grid, window, context)
    np.testing.assert_array_equal(plain.valid(), lowered.valid())
    shown = plain.valid()
    a, b = (np.broadcast_to(p.values, window.shape)[shown] for p in (plain, lowered))
    assert a.dtype == b.dtype
    np.testing.assert_array_equal(a, b)
    for mask in (plain.mask, lowered.mask):
        if mask is not None and mask.dtype != bool:
            np.testing.assert_array_equal(
                np.ones(window.shape) if plain.mask is None else plain.mask,
                np.ones(window.shape) if lowered.mask is None else lowered.mask,
            )
    return plain, shown


def clear(classes: Source, bad: tuple[int, ...] = (0, 3, 8, 9, 10)):
    """Not one of the classes."""
    found = None
    for value in bad:
        equal = Elementwise("eq", (classes, Constant(value, BYTE)), (), BOOLEAN)
        found = equal if found is None else Elementwise("or", (found, equal), (), BOOLEAN)
    return Elementwise("not", (found,), (), BOOLEAN)


@pytest.mark.parametrize("grid", [UTM, HALF, DEGREES], ids=["own", "coarser", "degrees"])
@pytest.mark.parametrize(
    "name", ["median", "mean", "sum", "min", "max", "count", "stdDev", "mode", "first"]
)
def test_masked_folds(archive, grid, name):
    context, scenes = archive
    images = tuple(UpdateMask(v, clear(c), v.type) for v, c in scenes)
    reducer = call(f"Reducer.{name}")
    kind = reducer.types([SHORT])[0]
    _, shown = both(Fold(reducer, (images,), 0, kind), context, grid)
    assert shown.any()


def test_partial_masks_stay_partial(archive):
    context, scenes = archive
    fractions = [Elementwise("divide", (c, Constant(12, BYTE)), (), FLOAT) for _, c in scenes]
    images = tuple(UpdateMask(v, f, v.type) for (v, _), f in zip(scenes, fractions, strict=True))
    both(Fold(call("Reducer.mean"), (images,), 0, PixelType("double")), context)
    both(images[0], context)


def test_a_mask_is_one_table_for_all_bands(archive):
    context, scenes = archive
    value, classes = scenes[0]
    other = Source(replace(scenes[1][0].band), "nearest", SHORT)
    mask = clear(classes)
    folds = [
        Fold(call("Reducer.median"), ((UpdateMask(v, mask, v.type),),), 0, SHORT)
        for v in (value, other)
    ]
    plan = prepare(folds)
    tables = [node for node in plan.nodes if isinstance(node, Tabulated)]
    assert len(tables) == 1
    assert tables[0].shows
    assert plan.uses[id(tables[0])] == 2


def test_scenes_that_are_hidden_are_not_read(archive):
    context, scenes = archive
    value, classes = scenes[3]
    image = UpdateMask(value, clear(classes), value.type)
    before = context.pixels.store.stats.misses
    window = Window(
        64, 64, 20, 20
    )  # blocks that no other test read first would do; count only this file's
    context.pixels.store.cache.clear()
    evaluate(prepare([Fold(call("Reducer.median"), ((image,),), 0, SHORT)]), UTM, window, context)
    assert context.pixels.store.stats.misses - before <= 4  # blocks of classes, none of values
    assert not any(key[0] == value.band.path for key in context.pixels.store.cache._held.items)


OPS = st.sampled_from(["add", "multiply", "eq", "lt", "max", "and", "bitwiseAnd"])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_formula_of_one_band_is_its_table(archive, data):
    context, scenes = archive
    node = scenes[data.draw(st.integers(0, 4))][1]
    for _ in range(data.draw(st.integers(1, 7))):
        step = data.draw(st.sampled_from(["op", "mask", "unmask", "maskof", "cast"]))
        constant = Constant(data.draw(st.integers(0, 13)), BYTE)
        if step == "op":
            node = Elementwise(
                data.draw(OPS), (node, constant), (), PixelType("int", -(2**31), 2**31 - 1)
            )
        elif step == "mask":
            node = UpdateMask(node, Elementwise("gt", (node, constant), (), BOOLEAN), node.type)
        elif step == "unmask":
            node = Unmask(node, constant, None, node.type)
        elif step == "maskof":
            node = MaskOf(node, FLOAT)
        else:
            node = Cast(node, FLOAT)
    plan = prepare([node])
    assert isinstance(plan.roots[0], Tabulated)
    both(node, context, data.draw(st.sampled_from([UTM, HALF, DEGREES])))
