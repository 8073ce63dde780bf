"""Costs, shadows and filled pits against scikit-image, SciPy and geometry."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod, Transformer

from ecumene import kernels
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.projection import Projection, Window
from ecumene.numerics.cells import surfaces
from ecumene.plan.nodes import celled
from tests.algorithms.scenes import CRS, GRID, image, read
from tests.algorithms.test_tiles import CLASSES, HEIGHT, SPECTRA, UTM, check_parts
from tests.calls import call

H, W = 60, 80
WHOLE = Window(0, 0, W, H)


@pytest.fixture(scope="module", autouse=True)
def loaded():
    kernels.load()
    yield
    kernels.unload()


@pytest.fixture(scope="module")
def scene() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(6)
    source = np.zeros((H, W), "uint8")
    source[[10, 40, 41], [70, 20, 20]] = 1
    return {
        "cost": rng.integers(1, 9, (H, W)).astype("uint8"),
        "source": source,
        "free": rng.random((H, W)) > 0.15,
        "pits": rng.integers(0, 60, (H, W)).astype("int16"),
    }


def test_costs_as_scikit_image(scene) -> None:
    graph = pytest.importorskip("skimage.graph")
    free = scene["free"] | (scene["source"] > 0)
    costs = np.where(free, scene["cost"], np.inf)
    expected, _ = graph.MCP_Geometric(costs, sampling=(10, 10)).find_costs(
        np.argwhere(scene["source"])
    )
    picture = image({"c": scene["cost"]}, free)
    found, valid = read(
        call("Image.cumulativeCost", picture, image({"s": scene["source"]}), 1200.0, False), WHOLE
    )["cumulative_cost"]
    np.testing.assert_array_equal(valid, np.isfinite(expected))
    np.testing.assert_allclose(found[valid], expected[valid], rtol=1e-12)


def test_costs_follow_the_sphere(scene) -> None:
    ones = image({"c": np.ones((H, W), "uint8")})
    source = np.zeros((H, W), "uint8")
    source[30, 40] = 1
    found, valid = read(call("Image.cumulativeCost", ones, image({"s": source}), 250.0), WHOLE)[
        "cumulative_cost"
    ]
    x, y = 500_005.0 + 10 * np.arange(W), np.full(W, 5_000_000 - 305.0)
    lon, lat = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform(x, y)
    _, _, metres = Geod(a=6378137, f=0).inv(np.full(W, lon[40]), np.full(W, lat[40]), lon, lat)
    near = metres <= 250
    np.testing.assert_array_equal(valid[30], near)
    np.testing.assert_allclose(found[30][near], metres[near], rtol=1e-6)


def test_costs_end_at_the_distance_and_at_masked_pixels(scene) -> None:
    wall = np.ones((H, W), bool)
    wall[:, 50] = False
    source = image({"s": scene["source"]})
    found, valid = read(
        call("Image.cumulativeCost", image({"c": scene["cost"]}, wall), source, 900.0, False),
        WHOLE,
    )["cumulative_cost"]
    assert not valid[:, 50].any()
    assert valid.sum() == H * (W - 1)
    assert (found[valid & (scene["source"] > 0)] == 0).all()
    alone = np.where(np.arange(W) < 50, scene["source"], 0)
    _, valid = read(
        call(
            "Image.cumulativeCost",
            image({"c": scene["cost"]}, wall),
            image({"s": alone}),
            900.0,
            False,
        ),
        WHOLE,
    )["cumulative_cost"]
    assert valid[:, :50].all()
    assert not valid[:, 50:].any()


def test_further_bands_decide_between_equal_costs() -> None:
    ones = np.ones((5, 9), "uint8")
    toll = np.zeros((5, 9), "uint8")
    toll[2, 4] = 50
    source = np.zeros((5, 9), "uint8")
    source[2, 0] = 1
    found = read(
        call(
            "Image.cumulativeCost",
            image({"way": ones, "toll": toll}),
            image({"s": source}),
            999.0,
            False,
        ),
        Window(0, 0, 9, 5),
    )
    assert list(found) == ["way", "toll"]
    assert found["toll"][0][1, 8] == 0
    assert found["way"][0][1, 8] == pytest.approx(70 + 10 * np.sqrt(2))
    assert found["toll"][0][2, 8] > 0  # the straight way is shorter, whatever it tolls


def test_costs_reach_far_enough_where_pixels_are_narrow() -> None:
    """On a grid of degrees far in the north a pixel is half as wide as high."""
    grid = Projection("EPSG:4326", (0.001, 0.0, 15.0, 0.0, -0.001, 60.0))
    source = call(
        "Image.lt",
        call(
            "Image.abs",
            call(
                "Image.subtract",
                call("Image.select", call("Image.pixelLonLat"), ["longitude"]),
                call("Image.constant", 15.0005),
            ),
        ),
        call("Image.constant", 0.0001),
    )
    found = call("Image.cumulativeCost", call("Image.constant", 2), source, 6_000.0)
    values, valid = read(found, Window(0, 0, 150, 1), grid)["cumulative_cost"]
    width = 6378137 * np.radians(0.001) * np.cos(np.radians(59.9995))
    assert valid.sum() == int(6_000 / width) + 1
    np.testing.assert_allclose(values[0, :90], 2 * width * np.arange(90), rtol=1e-4)


def test_far_costs_are_computed_coarsely(monkeypatch) -> None:
    """Where the distance is many pixels, a coarser grid gives nearly the same."""
    smooth = np.add.outer(np.sin(np.arange(H) / 9), np.cos(np.arange(W) / 11)) + 3
    source = np.zeros((H, W), "uint8")
    source[:2, :2] = 1
    costs = call("Image.cumulativeCost", image({"c": smooth}), image({"s": source}), 2000.0, False)
    exact, valid = read(costs, WHOLE)["cumulative_cost"]
    assert valid.all()
    monkeypatch.setattr(celled, "FAR", 100)
    assert costs.bands[0].node.input.coarse(GRID).transform[0] == 20
    coarse, shown = read(costs, WHOLE)["cumulative_cost"]
    assert shown[2:-2, 2:-2].all()
    inner = np.s_[10:-2, 10:-2]
    np.testing.assert_allclose(coarse[inner], exact[inner], rtol=0.08)
    check_parts(costs, GRID)


def test_pits_are_filled_as_by_scikit_image(scene) -> None:
    morphology = pytest.importorskip("skimage.morphology")
    pits = scene["pits"]
    seed = np.full_like(pits, pits.max())
    seed[[0, -1]], seed[:, [0, -1]] = pits[[0, -1]], pits[:, [0, -1]]
    expected = morphology.reconstruction(seed, pits, method="erosion")
    found, valid = read(call("Terrain.fillMinima", image({"v": pits})), WHOLE)["v"]
    assert valid.all()
    assert found.dtype == np.int16
    np.testing.assert_array_equal(found, expected)
    high, _ = read(call("FMask.fillMinima", image({"v": pits}), 40), WHOLE)["v"]
    seed = np.where(seed == pits, np.maximum(pits, 40), seed)
    np.testing.assert_array_equal(
        high[1:-1, 1:-1],
        np.maximum(morphology.reconstruction(np.maximum(seed, pits), pits, method="erosion"), 0)[
            1:-1, 1:-1
        ],
    )


def test_water_leaves_at_masked_pixels() -> None:
    bowl = np.full((9, 9), 50, "int16")
    bowl[2:7, 2:7] = 10
    shown = np.ones((9, 9), bool)
    found, _ = read(call("FMask.fillMinima", image({"v": bowl}, shown)), Window(0, 0, 9, 9))["v"]
    assert (found == 50).all()
    shown[4, 4] = False
    found, valid = read(call("FMask.fillMinima", image({"v": bowl}, shown)), Window(0, 0, 9, 9))[
        "v"
    ]
    np.testing.assert_array_equal(found[valid], bowl[valid])


@pytest.mark.parametrize(
    ("azimuth", "dy", "dx"), [(0, 1, 0), (90, 0, -1), (180, -1, 0), (270, 0, 1), (45, 1, -1)]
)
def test_a_tower_casts_a_shadow_of_its_length(azimuth: float, dy: int, dx: int) -> None:
    ground = np.zeros((H, W), "float32")
    ground[30, 40] = 100.0
    found, _ = read(call("HillShadow", image({"h": ground}), float(azimuth), 60.0), WHOLE)["shadow"]
    dark = np.argwhere(found == 0)
    step = 10 * np.hypot(dy, dx)
    length = int(np.ceil(100 * np.tan(np.radians(60)) / step)) - 1
    expected = [(30 + k * dy, 40 + k * dx) for k in range(1, length + 1)]
    assert {(int(r), int(c)) for r, c in dark} == set(expected)


def test_shadows_of_a_ridge_between_directions() -> None:
    ground = np.zeros((H, W), "float32")
    ground[:, 40] = 80.0
    found, _ = read(call("Terrain.hillShadow", image({"h": ground}), 250.0, 45.0), WHOLE)["shadow"]
    inner = found[:40]
    reach = 80 * np.sin(np.radians(70)) / 10  # of the ridge's shadow across it, in pixels
    assert (inner[:, 41 : 41 + int(reach)] == 0).all()
    assert (inner[:, 42 + int(reach) :] == 1).all()
    assert (inner[:, :40] == 1).all()


def test_light_from_above_and_from_below() -> None:
    rough = image({"h": np.random.default_rng(0).normal(0, 50, (H, W))})
    assert (read(call("HillShadow", rough, 10.0, 0.0), WHOLE)["shadow"][0] == 1).all()
    assert (read(call("HillShadow", rough, 10.0, 95.0), WHOLE)["shadow"][0] == 0).all()
    plain = read(call("HillShadow", rough, 130.0, 70.0), WHOLE)["shadow"][0]
    closed = read(call("HillShadow", rough, 130.0, 70.0, 0, True), WHOLE)["shadow"][0]
    assert (closed <= plain).all()
    assert (closed < plain).any()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12), st.integers(1, 2))
def test_kernels_as_plain(seed: int, height: int, width: int, bands: int) -> None:
    rng = np.random.default_rng(seed)
    cost = rng.integers(0, 3, (bands, height, width)).astype("float64")
    free = rng.random((height, width)) > 0.2
    start = (rng.random((height, width)) > 0.9) & free
    steps = rng.integers(1, 3, (4, height, width)).astype("float64")
    surface = rng.integers(0, 9, (height, width)).astype("float64")
    levels = np.where(rng.random((height, width)) > 0.8, surface, np.inf)
    angle = rng.uniform(0, 2 * np.pi)
    down, across = np.sin(angle), np.cos(angle)
    down, across = (v / max(abs(down), abs(across)) for v in (down, across))
    rise = rng.uniform(0.1, 3, height)

    def computed() -> list[np.ndarray]:
        return [
            surfaces.spread(cost, free, start, steps, 9.0),
            surfaces.filled(surface, free, levels.copy())[free],
            surfaces.shadowed(np.where(free, surface, -np.inf), rise, down, across),
        ]

    fast = computed()
    try:
        kernels.unload()
        plain = computed()
    finally:
        kernels.load()
    for a, b in zip(fast, plain, strict=True):
        np.testing.assert_array_equal(a, b)


def test_refused() -> None:
    flat = image({"v": np.zeros((3, 3))})
    with pytest.raises(EvaluationError, match="maxDistance"):
        call("Image.cumulativeCost", flat, flat, 0.0)
    with pytest.raises(EvaluationError, match="integer"):
        call("FMask.fillMinima", flat)
    with pytest.raises(EvaluationError, match="neighborhoodSize"):
        call("HillShadow", flat, 0.0, 45.0, 5000)
    polar = Projection("EPSG:4326", (0.001, 0.0, 15.0, 0.0, -0.001, 80.0))
    with pytest.raises(LimitExceeded, match="coarser"):
        read(call("Image.cumulativeCost", call("Image.constant", 1), flat, 70_000.0), WHOLE, polar)


HIGH = call("Image.gt", HEIGHT, call("Image.constant", 1600))
TILES: dict[str, Any] = {
    "costs": lambda: call(
        "Image.cumulativeCost", call("Image.add", CLASSES, call("Image.constant", 1)), HIGH, 300.0
    ),
    "costs in the plane": lambda: call("Image.cumulativeCost", SPECTRA, HIGH, 100.0, False),
    "cast shadows": lambda: call("HillShadow", HEIGHT, 200.0, 70.0, 9, True),
    "filled pits": lambda: call("FMask.fillMinima", SPECTRA, None, 5),
}


@pytest.mark.parametrize("grid", [GRID, UTM], ids=["own grid", "another grid"])
@pytest.mark.parametrize("name", TILES)
def test_parts_are_parts_of_the_whole(name: str, grid: Projection) -> None:
    check_parts(TILES[name](), grid)
