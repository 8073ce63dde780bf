"""Superpixels and clusters of pixels against SciPy and scikit-learn."""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, stats

from ecumene import kernels
from ecumene.core.errors import EvaluationError
from ecumene.core.projection import Projection, Window
from ecumene.numerics.cells import clusters
from ecumene.numerics.cells.superpixels import grown, lattice
from ecumene.plan.nodes import Celled, Registered, Windowed
from tests.algorithms.scenes import GRID, image, read
from tests.algorithms.test_tiles import SPECTRA, UTM, check_parts
from tests.calls import call, context

H, W = 96, 120
WHOLE = Window(0, 0, W, H)


@pytest.fixture(scope="module", autouse=True)
def loaded():
    kernels.load()
    yield
    kernels.unload()


@pytest.fixture(scope="module")
def fields() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Four fields with noise, which is which, and what is shown."""
    rng = np.random.default_rng(4)
    rows, cols = np.mgrid[:H, :W]
    field = (cols > 40 + rows / 4).astype(int) + 2 * (rows > 50 + 6 * np.sin(cols / 9))
    values = np.array([30.0, 90, 150, 220])[field] + rng.normal(0, 4, (H, W))
    return values, field, rng.random((H, W)) > 0.03


def test_superpixels_keep_to_edges_and_are_connected(fields) -> None:
    values, field, shown = fields
    found = read(call("Image.Segmentation.SNIC", image({"v": values}, shown), 10, 10.0), WHOLE)
    names, valid = found["clusters"]
    assert list(found) == ["clusters", "v_mean", "seeds"]
    assert (valid <= shown).all()
    assert valid.sum() > 0.999 * shown.sum()
    different, number = np.unique(names[valid], return_inverse=True)
    assert 100 <= different.size <= 120
    labels = np.zeros((H, W), int)
    labels[valid] = number + 1
    for k in range(1, different.size + 1):
        assert ndimage.label(labels == k, np.ones((3, 3)))[1] == 1
    own = np.stack(
        [np.bincount(labels[valid & (field == f)], minlength=different.size + 1) for f in range(4)]
    )
    assert own.max(axis=0).sum() / own.sum() > 0.99  # pixels in the field of most of their cluster
    means = ndimage.mean(values, labels, np.arange(different.size + 1))
    np.testing.assert_allclose(found["v_mean"][0][valid], means[labels[valid]], rtol=1e-6)
    rows, cols = np.nonzero(found["seeds"][0])
    assert set(rows % 10) == set(cols % 10) == {5}
    at_seeds = names[rows, cols][valid[rows, cols]]
    assert set(at_seeds) == set(((rows << 16) | cols)[valid[rows, cols]])


def test_equal_values_leave_squares_around_the_seeds() -> None:
    found = read(call("Image.Segmentation.SNIC", image({"v": np.full((H, W), 7.0)}), 8, 1.0), WHOLE)
    rows, cols = np.mgrid[:H, :W]
    seeds = np.argwhere(lattice(0, 0, (H, W), 8, False))
    far = (rows[..., None] - seeds[:, 0]) ** 2 + (cols[..., None] - seeds[:, 1]) ** 2
    clear = np.diff(np.sort(far, axis=2)[..., :2], axis=2)[..., 0] > 12
    nearest = seeds[far.argmin(axis=2)]
    names = (nearest[..., 0] << 16) | nearest[..., 1]
    assert clear.mean() > 0.5
    np.testing.assert_array_equal(found["clusters"][0][clear], names[clear])


def test_compactness_and_seeds(fields) -> None:
    values, _, _ = fields
    seeds = np.zeros((H, W), "uint8")
    seeds[20, 20:24] = 1  # touching seeds are of one cluster
    seeds[70, 100] = seeds[71, 101] = 1
    picture = image({"v": values})
    eight = read(
        call("Image.Segmentation.SNIC", picture, 5, 0.0, 8, 64, image({"s": seeds})), WHOLE
    )
    four = read(call("Image.Segmentation.SNIC", picture, 5, 0.0, 4, 64, image({"s": seeds})), WHOLE)
    assert set(np.unique(eight["clusters"][0])) == {20 << 16 | 20, 70 << 16 | 100}
    assert set(np.unique(four["clusters"][0])) == {20 << 16 | 20, 70 << 16 | 100, 71 << 16 | 101}
    assert list(eight) == ["clusters", "v_mean"]


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 14),
    st.integers(1, 14),
    st.booleans(),
    st.sampled_from([0.0, 1.0]),
)
def test_kernel_as_plain(seed: int, height: int, width: int, eight: bool, weight: float) -> None:
    rng = np.random.default_rng(seed)
    bands = rng.integers(0, 4, (2, height, width)).astype("float64")
    good = rng.random((height, width)) > 0.2
    seeds = np.where((rng.random((height, width)) > 0.8) & good, 0, -1).astype("int32")
    seeds[seeds == 0] = np.arange((seeds == 0).sum())
    fast = grown(bands, good, seeds, weight, eight)
    try:
        kernels.unload()
        plain = grown(bands, good, seeds, weight, eight)
    finally:
        kernels.load()
    np.testing.assert_array_equal(plain, fast)


def test_seed_grids() -> None:
    square = read(call("Image.Segmentation.seedGrid", 6), Window(-7, -9, 40, 30))["seeds"][0]
    rows, cols = np.nonzero(square)
    assert set((rows - 9) % 6) == set((cols - 7) % 6) == {3}
    assert len(rows) == square.size // 36 + 1 or square.sum() in range(30, 37)
    hexagons = read(call("Image.Segmentation.seedGrid", 6, "hex"), Window(0, 0, 60, 60))["seeds"][0]
    assert hexagons.sum() == 100
    assert set(np.nonzero(hexagons[3])[0] % 6) == {3}
    assert set(np.nonzero(hexagons[9])[0] % 6) == {0}


def test_k_means_as_scikit_learn(fields) -> None:
    cluster = pytest.importorskip("sklearn.cluster")
    values, field, shown = fields
    second = np.random.default_rng(1).normal(0, 20, (H, W))
    rows = np.stack([values[shown], second[shown]], axis=1)
    start = clusters.first_centres(rows, 6)
    model = cluster.KMeans(6, init=start, n_init=1, max_iter=500, tol=0, algorithm="lloyd").fit(
        rows
    )
    labels, centres, settled = clusters.lloyd(rows, start, 500)
    assert settled
    np.testing.assert_array_equal(labels, model.labels_)
    np.testing.assert_allclose(centres, model.cluster_centers_, rtol=1e-9)
    found, valid = read(
        call("Image.Segmentation.KMeans", image({"v": values}, shown), 4, 100), WHOLE
    )["clusters"]
    np.testing.assert_array_equal(valid, shown)
    for k in range(4):  # each field is a cluster
        assert stats.mode(found[shown & (field == k)]).count > 0.99 * (shown & (field == k)).sum()


def test_g_means_finds_how_many_there_are(fields) -> None:
    values, field, _ = fields
    found, _ = read(call("Image.Segmentation.GMeans", image({"v": values}), 20, 5.0), WHOLE)[
        "clusters"
    ]
    assert np.unique(found).size == 4
    for k in range(4):
        assert stats.mode(found[field == k]).count == (field == k).sum()


def test_anderson_darling_as_scipy() -> None:
    rng = np.random.default_rng(0)
    for sample in (rng.normal(3, 2, 500), rng.uniform(0, 1, 500), rng.exponential(1, 60)):
        with np.testing.suppress_warnings() as quiet:
            quiet.filter(FutureWarning)
            expected = stats.anderson(sample, "norm").statistic
        n = sample.size
        assert clusters.anderson_darling(sample) == pytest.approx(
            expected * (1 + 4 / n - 25 / n**2), rel=1e-9
        )


def test_labels_by_cell_and_partial_masks(fields) -> None:
    values, _, _ = fields
    part = np.ones((H, W), "float32")
    part[:5] = 0.5
    picture = image({"v": values}, part)
    plain, valid = read(
        call("Image.Segmentation.KMeans", picture, 2, 20, 0, 32, False, False), WHOLE
    )["clusters"]
    assert set(np.unique(plain[valid])) == {0, 1}
    np.testing.assert_array_equal(valid, part == 1)
    unique, _ = read(call("Image.Segmentation.KMeans", picture, 2, 20, 0, 32), WHOLE)["clusters"]
    rows, cols = np.mgrid[:H, :W]
    assert np.unique(unique[valid]).size == np.unique((rows // 32 * 4 + cols // 32)[valid]).size * 2


REFUSED: dict[str, tuple[Any, ...]] = {
    "connectivity": ("SNIC", {"connectivity": 6}), "compactness": ("SNIC", {"compactness": -1.0}),
    "size": ("SNIC", {"size": 0}), "numClusters": ("KMeans", {"numClusters": 0}),
    "gridSize": ("KMeans", {"gridSize": 9, "neighborhoodSize": 3}), "numIterations": ("GMeans", {"numIterations": 0}),
}  # fmt: skip


@pytest.mark.parametrize("key", REFUSED)
def test_refused(key: str) -> None:
    name, arguments = REFUSED[key]
    with pytest.raises(EvaluationError, match=key):
        call(f"Image.Segmentation.{name}", image({"v": np.zeros((3, 3))}), **arguments)


def test_no_convergence(fields) -> None:
    with pytest.raises(EvaluationError, match="no convergence"):
        read(
            call(
                "Image.Segmentation.KMeans", image({"v": fields[0]}), 20, 1, forceConvergence=True
            ),
            WHOLE,
        )


TILES: dict[str, Any] = {
    "superpixels": lambda: call("Image.Segmentation.SNIC", SPECTRA, 7, 3.0),
    "superpixels from seeds": lambda: call(
        "Image.Segmentation.SNIC",
        SPECTRA,
        7,
        0.0,
        4,
        20,
        call("Image.Segmentation.seedGrid", 9, "hex"),
    ),
    "clusters": lambda: call("Image.Segmentation.KMeans", SPECTRA, 4, 5, 3),
    "clusters of a grid": lambda: call("Image.Segmentation.KMeans", SPECTRA, 3, 20, 0, 16),
    "as many clusters as needed": lambda: call(
        "Image.Segmentation.GMeans", SPECTRA, 5, 20.0, 0, 40
    ),
}


@pytest.mark.parametrize("grid", [GRID, UTM], ids=["own grid", "another grid"])
@pytest.mark.parametrize("name", TILES)
def test_parts_are_parts_of_the_whole(name: str, grid: Projection) -> None:
    check_parts(TILES[name](), grid)


@pytest.mark.parametrize(
    "name", ["KMeans", "GMeans", "CrossCorrelation", "displacement", "medialAxis"]
)
def test_long_work_can_be_cancelled(fields, name: str) -> None:
    """The token is looked at again and again while one cell or window is computed."""
    picture = image({"v": (fields[0] * 9).astype("int16")})
    made = {
        "KMeans": lambda: call("Image.Segmentation.KMeans", picture, 8, 50),
        "GMeans": lambda: call("Image.Segmentation.GMeans", picture, 50, 1.0),
        "CrossCorrelation": lambda: call("CrossCorrelation", picture, picture, 3, 5),
        "displacement": lambda: call("Image.displacement", picture, picture, 250.0, None, 300.0),
        "medialAxis": lambda: call("Image.medialAxis", call("Image.gt", picture, 300), 90),
    }
    surroundings = context()
    looked = 0

    def check() -> None:
        nonlocal looked
        looked += 1

    node = made[name]().bands[0].node
    while not isinstance(node, Celled | Windowed | Registered):
        node = node.input
    with mock.patch.object(type(surroundings.cancel), "check", lambda self: check()):
        surroundings.pixels.read([node], GRID, WHOLE, surroundings)
    plain = 4  # of the executor, between nodes
    assert looked > plain
