"""Images that cannot meet a request are left out of its plan: the pixels stay, their files stay closed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecumene.core.context import Context
from ecumene.core.pixel_type import PixelType
from ecumene.core.profile import Profile
from ecumene.core.projection import Grid, Window
from ecumene.plan import places
from ecumene.plan.executor import Executor, evaluate
from ecumene.plan.nodes import (
    ArrayOp,
    Cast,
    Constant,
    Displaced,
    Elementwise,
    Fold,
    Gather,
    Mosaic,
    QualityMosaic,
    Reproject,
    Resample,
    Source,
    Unmask,
    UpdateMask,
)
from ecumene.plan.optimise import prepare
from ecumene.plan.planner import Planner
from ecumene.plan.presence import outline
from tests.plan.archive import SIDE, UINT16, source, store, write
from tests.plan.test_estimate import focal, reducer

FLOAT, DOUBLE = PixelType("float"), PixelType("double")
WEST, NORTH = 500_000.0, 5_000_000.0  # the centre of zone 33 near 45° N, 15° E
DEGREE = 1e-4

GRIDS = [
    *(Grid("EPSG:32633", (10.0, 0, WEST + 1000.0 * k, 0, -10.0, NORTH + 700.0 * (k % 3))) for k in range(5)),
    *(Grid("EPSG:4326", (DEGREE, 0, 15.0 + 0.01 * k, 0, -DEGREE, 45.16)) for k in range(3)),
    Grid("EPSG:32633", (7.0, 7.0, WEST + 2000.0, 7.0, -7.0, NORTH)),  # turned by 45 degrees
    Grid("EPSG:32632", (20.0, 0, 971_000.0, 0, -20.0, 5_012_000.0)),  # the neighbouring zone
    Grid("EPSG:3857", (15.0, 0, 1_669_800.0, 0, -15.0, 5_641_000.0)),
    Grid("SR-ORG:6974", (30.0, 0, 1_179_000.0, 0, -30.0, 5_021_000.0)),
]  # fmt: skip
"""Twelve scenes around 45.15° N, 15.01° E that meet each other partly or not at all."""


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    found = []
    for k, grid in enumerate(GRIDS):
        rng = np.random.default_rng(k)
        path = folder / f"{k}.tif"
        write(path, rng.integers(1, 9000, (SIDE, SIDE), dtype="uint16"), GRIDS[0])
        found.append(source(path, UINT16, f"A/{k}", grid))
    return folder, tuple(found)


@pytest.fixture(scope="module")
def executor(scenes):
    made = Executor(store(scenes[0]), threads=2)
    yield made
    made.close()


def dark(node):
    keep = Elementwise("lt", (node, Constant(6000, UINT16)), (), PixelType("int", 0, 255))
    return UpdateMask(node, keep, node.type)


def fold(nodes, name="median", kind=FLOAT):
    return Fold(reducer(name), (tuple(nodes),), 0, kind)


def halves(nodes):
    return [
        Elementwise("multiply", (Cast(node, FLOAT), Constant(0.5, FLOAT)), (), FLOAT)
        for node in nodes
    ]


def array(rows):
    gathered = Gather(tuple(rows), DOUBLE.with_dimensions(2))
    total = reducer("sum")
    return ArrayOp("arrayReduce", (gathered,), (total, (0,), None), DOUBLE.with_dimensions(2))


PLANS = {
    "median": lambda s: fold(map(dark, s)),
    "mean of products": lambda s: fold(halves(s), "mean", DOUBLE),
    "count": lambda s: fold(s, "count", PixelType("long")),
    "types that differ": lambda s: fold([Cast(s[0], DOUBLE), *s[1:]], "sum", DOUBLE),
    "two inputs": lambda s: Fold(reducer("linearFit"), (tuple(s), tuple(halves(s))), 0, DOUBLE),
    "mode": lambda s: fold(s, "mode", UINT16),
    "first": lambda s: fold(s, "first", UINT16),
    "mosaic": lambda s: Mosaic(tuple(map(dark, s)), UINT16),
    "quality": lambda s: QualityMosaic(tuple(halves(s)), tuple(s), UINT16),
    "filled images": lambda s: fold(
        [Unmask(node, Constant(7, UINT16), None, UINT16) for node in s], "mean", DOUBLE
    ),
    "one composite from another": lambda s: Elementwise(
        "subtract", (fold(s, "max", UINT16), fold(halves(s), "min")), (), FLOAT
    ),
    "images less their composite": lambda s: (
        lambda whole: fold(
            [Elementwise("subtract", (node, whole), (), FLOAT) for node in s], "max"
        )
    )(fold(s, "min", UINT16)),
    "under a kernel": lambda s: focal(fold(s, "max", UINT16), 31),
    "pinned to a grid": lambda s: Reproject(
        fold(s, "max", UINT16), Grid("EPSG:32633", (300.0, 0, WEST, 0, -300.0, NORTH)), UINT16
    ),
    "interpolated": lambda s: fold(
        [Source(node.band, "bicubic", FLOAT) for node in s], "mean", DOUBLE
    ),
    "resampled": lambda s: Resample(
        fold(s, "max", UINT16), "bilinear", Grid("EPSG:4326", (2e-4, 0, 15, 0, -2e-4, 45)), FLOAT
    ),
    "moved": lambda s: Displaced(
        fold(s, "max", UINT16), Constant(700.0, DOUBLE), Constant(500.0, DOUBLE), "EPSG:32633", None,
        "nearest", UINT16,
    ),
}  # fmt: skip

REQUESTS = {
    "utm": Grid("EPSG:32633", (10.0, 0, WEST, 0, -10.0, NORTH)),
    "degrees": Grid("EPSG:4326", (DEGREE, 0, 15.0, 0, -DEGREE, 45.16)),
    "mercator": Grid("EPSG:3857", (14.0, 0, 1_669_792.0, 0, -14.0, 5_642_000.0)),
    "coarse": Grid("EPSG:32633", (60.0, 0, WEST - 3000, 0, -60.0, NORTH + 4000)),
}


@pytest.mark.parametrize("name", PLANS)
@settings(max_examples=12, deadline=None)
@given(
    request=st.sampled_from(sorted(REQUESTS)),
    corner=st.tuples(st.integers(-60, 500), st.integers(-300, 300)),
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
)
def test_the_pixels_are_those_of_the_whole_plan(executor, scenes, name, request, corner, size):
    grid, window = REQUESTS[request], Window(*corner, *size)
    root = PLANS[name](scenes[1])
    context = Context(pixels=executor)
    (whole,) = evaluate(prepare([root]), grid, window, context)
    (part,) = evaluate(Planner().plan([root], grid, window), grid, window, context)
    np.testing.assert_array_equal(part.valid(), whole.valid())
    shown = whole.valid()
    if whole.values.shape[2:] == part.values.shape[2:]:
        np.testing.assert_array_equal(part.values[shown], whole.values[shown])
    else:
        assert not shown.any()


def used(root, grid, window):
    """Which scenes a plan reads."""
    return {source.band.path for source in Planner().plan([root], grid, window).sources}


@pytest.mark.parametrize("name", [n for n in PLANS if n not in ("filled images", "moved")])
def test_few_images_are_left_for_a_small_window(scenes, name):
    """In the first scene's upper left corner lie that scene and the one of the neighbouring zone."""
    root = PLANS[name](scenes[1])
    grid, window = REQUESTS["utm"], Window(2, 2, 8, 8)
    assert str(scenes[0] / "0.tif") in used(root, grid, window)
    assert len(used(root, grid, window)) <= 7


@pytest.mark.parametrize("name", ["filled images", "moved"])
def test_images_stay_where_it_cannot_be_told(scenes, name):
    assert len(used(PLANS[name](scenes[1]), REQUESTS["utm"], Window(2, 2, 8, 8))) == len(GRIDS)


def test_a_request_beside_all_of_them(executor, scenes):
    grid, window = REQUESTS["utm"], Window(50_000, 0, 8, 8)
    (found,) = executor.read([PLANS["median"](scenes[1])], grid, window, Context(pixels=executor))
    assert found.values.dtype == np.float32
    assert not found.valid().any()


def test_files_that_the_request_does_not_meet_are_never_opened(scenes):
    """Half of the files do not even exist."""
    folder, real = scenes
    far = [
        Source(replace(node.band, path=str(folder / f"none{k}.tif"),
                       grid=Grid("EPSG:32633", (10.0, 0, WEST + 9e4 + 1000 * k, 0, -10.0, NORTH))), "nearest", UINT16)
        for k, node in enumerate(real)
    ]  # fmt: skip
    made = store(folder)
    opened = []
    inner = made.header
    made.header = lambda path: opened.append(path) or inner(path)
    executor = Executor(made, threads=2)
    context = Context(pixels=executor)
    window = Window(0, 0, 200, 200)
    for name in ("median", "mosaic", "quality"):
        root = PLANS[name]([node for pair in zip(far, real, strict=True) for node in pair])
        blocks = list(executor.blocks([root], REQUESTS["utm"], window, context))
        assert any(pixels.valid().any() for _, (pixels,) in blocks)
    executor.close()
    assert opened
    assert set(opened) <= {node.band.path for node in real}
    assert str(folder / "11.tif") not in opened or len(set(opened)) < len(real)


def test_one_plan_for_all_tiles_of_the_same_images(scenes):
    planner, root = Planner(), PLANS["median"](scenes[1])
    first = planner.plan([root], REQUESTS["utm"], Window(2, 2, 8, 8))
    again = planner.plan([root], REQUESTS["utm"], Window(3, 2, 8, 8))
    other = planner.plan([root], REQUESTS["utm"], Window(420, 2, 8, 8))
    assert again is first
    assert other is not first
    assert (planner.stats.hits, planner.stats.misses) == (1, 2)


def test_equal_plans_are_one(scenes):
    """Made twice, by two requests: the content decides."""
    planner = Planner()
    one, two = (PLANS["median"](scenes[1]) for _ in range(2))
    window = Window(2, 2, 8, 8)
    assert planner.plan([one], REQUESTS["utm"], window) is planner.plan(
        [two], REQUESTS["utm"], window
    )


def test_the_common_type_stays(scenes):
    """The only image of doubles does not meet the window; another computation would be made without it."""
    root = PLANS["types that differ"](scenes[1])
    (found,) = Planner().plan([root], REQUESTS["utm"], Window(420, 2, 8, 8)).roots
    assert {node.type for node in found.stacks[0]} == {DOUBLE, UINT16}
    assert len(found.stacks[0]) < len(GRIDS)


def test_small_collections_are_left_alone(scenes):
    root = fold(scenes[1][:5])
    assert outline([root]).roots_for(REQUESTS["utm"], Window(0, 0, 9, 9)) == (root,)


def test_profiles_know_the_nodes_that_were_made_from_others(scenes):
    root = Cast(PLANS["median"](scenes[1]), DOUBLE)
    profile = Profile("p", "a")
    profile.mark((root.input.digest,), "Algorithm reduce.median")
    profile.mark((root.digest,), "Algorithm Image.double")
    plan = Planner().plan([root], REQUESTS["utm"], Window(2, 2, 8, 8), profile)
    (cast,) = plan.roots
    assert cast.digest != root.digest
    assert profile.origins[cast.digest] == "Algorithm Image.double"
    assert profile.origins[cast.input.digest] == "Algorithm reduce.median"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param((0, 0, 1, 1), (1, 1, 2, 2), True, id="corner"),
        pytest.param((0, 0, 1, 1), (1.1, 0, 2, 1), False, id="beside"),
        pytest.param((0, 0, 1, 1), (0, 1.1, 1, 2), False, id="above"),
        pytest.param((179, 0, 181, 1), (-180, 0, -179.5, 1), True, id="across-180"),
        pytest.param((359, 0, 361, 1), (0.5, 0, 2, 1), True, id="a-turn-further"),
        pytest.param((-721, 0, -719, 1), (0.5, 0, 2, 1), True, id="two-turns-back"),
        pytest.param((179, 0, 181, 1), (-178.9, 0, -170, 1), False, id="beyond-180"),
        pytest.param((-180, -90, 180, 90), (77, 3, 78, 4), True, id="the-earth"),
        pytest.param((77, 3, 78, 4), (-180, -90, 180, 90), True, id="of-the-earth"),
        pytest.param((-100, 0, 100, 1), (99, 0, 259, 1), True, id="wide"),
    ],
)
def test_boxes_meet(one, other, expected):
    assert places.meet(np.asarray([one], float), other).tolist() == [expected]


@pytest.mark.parametrize("metres", [0.1, 10.0, 150.0])
@pytest.mark.parametrize("angle", [0.0, 0.05, 0.8, 2.0])
@pytest.mark.parametrize(
    ("crs", "lon", "lat"),
    [("EPSG:32633", 15, 70), ("EPSG:3857", 179.99, 10), ("EPSG:4326", -30, 60), ("EPSG:4326", 179.9, 0),
     ("EPSG:3035", 10, 70), ("EPSG:3031", 10, -89), ("EPSG:3031", 170, -82), ("EPSG:3413", -45, 82),
     ("EPSG:3413", 135, 75), ("ESRI:54008", 150, 40), ("EPSG:2056", 8, 46)],
)  # fmt: skip
def test_boxes_hold_every_pixel(crs, lon, lat, angle, metres):
    """Points of a window of 16,000 × 16,000 pixels, turned at will, are in the window's box."""
    there = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    x, y = there.transform(lon, lat)
    step = metres / 111_320 if crs == "EPSG:4326" else metres
    cos, sin = step * np.cos(angle), step * np.sin(angle)
    grid, window = Grid(crs, (cos, sin, x, sin, -cos, y)), Window(-8000, -8000, 16000, 16000)
    west, south, east, north = places.box(grid, window)
    col, row = np.meshgrid(np.linspace(-8000, 8000, 77), np.linspace(-8000, 8000, 77))
    px, py = cos * col + sin * row + x, sin * col - cos * row + y
    found_lon, found_lat = there.transform(px, py, direction="INVERSE")
    good = np.isfinite(found_lon) & np.isfinite(found_lat)
    found_lon, found_lat = found_lon[good], found_lat[good]
    assert ((south <= found_lat) & (found_lat <= north)).all()
    turns = [found_lon + turn for turn in (-360, 0, 360)]
    assert np.any([(west <= one) & (one <= east) for one in turns], axis=0).all()
