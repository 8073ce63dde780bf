"""Trends of series against NumPy and SciPy pixel by pixel; the cloud displacement index against SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage, stats

from ecumene.core.errors import EvaluationError
from ecumene.core.image import Band, Image
from ecumene.core.projection import Projection, Window
from tests.algorithms.scenes import CRS, GRID, collection, image, read, rectangle
from tests.algorithms.test_tiles import SERIES, UTM, check_parts
from tests.calls import call

N, H, W = 14, 6, 8
WHOLE = Window(0, 0, W, H)


@pytest.fixture(scope="module")
def series() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    values = np.cumsum(rng.normal(-0.3, 1, (N, H, W)), axis=0).astype("float32")
    shown = rng.random((N, H, W)) > 0.12
    shown[3:, 0, 0] = False
    return values, shown


def found(
    values: np.ndarray, shown: np.ndarray, *args: Any
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    images = [image({"v": v}, ok) for v, ok in zip(values, shown, strict=True)]
    return read(call("ImageCollection.formaTrend", collection(images), *args), WHOLE)


def hansen(t: np.ndarray, y: np.ndarray) -> float:
    """The statistic as the paper defines it, value after value."""
    line = np.polyfit(t, y, 1)
    e = y - np.polyval(line, t)
    f = np.array([e * t, e, e * e - np.mean(e * e)])
    total, running, moments = np.zeros(3), np.zeros((3, 3)), np.zeros((3, 3))
    for column in f.T:
        total = total + column
        running += np.outer(total, total)
        moments += np.outer(column, column)
    return float(np.trace(np.linalg.inv(len(t) * moments) @ running))


def test_trends_pixel_by_pixel(series) -> None:
    values, shown = series
    result = found(values, shown, None, 4)
    assert list(result) == ["long_trend", "short_trend", "t_test", "hansen"]
    for row, col in np.ndindex(H, W):
        ok = shown[:, row, col]
        t, y = np.arange(N)[ok].astype(float), values[ok, row, col].astype(float)
        if (row, col) == (0, 0):
            assert not result["hansen"][1][row, col]
            continue
        line = stats.linregress(t, y)
        assert result["long_trend"][0][row, col] == pytest.approx(line.slope, rel=1e-5)
        assert result["t_test"][0][row, col] == pytest.approx(line.slope / line.stderr, rel=1e-5)
        assert result["hansen"][0][row, col] == pytest.approx(hansen(t, y), rel=1e-4)
        slopes = [
            np.polyfit(np.arange(4), values[k : k + 4, row, col].astype(float), 1)[0]
            for k in range(N - 3)
            if shown[k : k + 4, row, col].all()
        ]
        assert result["short_trend"][1][row, col] == bool(slopes)
        if slopes:
            assert result["short_trend"][0][row, col] == pytest.approx(
                min(slopes), rel=1e-4, abs=1e-5
            )


def test_ratio_to_covariates(series) -> None:
    values, shown = series
    divisor = collection([image({"c": np.full((H, W), 2.0 + k)}) for k in range(N)])
    ratio = values / (2.0 + np.arange(N))[:, None, None]
    np.testing.assert_allclose(
        found(values, shown, divisor)["long_trend"][0],
        found(ratio, shown)["long_trend"][0],
        rtol=1e-5,
    )


def test_refused(series) -> None:
    values, shown = series
    with pytest.raises(EvaluationError, match="windowSize"):
        found(values, shown, None, 99)
    with pytest.raises(EvaluationError, match="as long as"):
        found(values, shown, collection([image({"c": values[0]})]))


@pytest.mark.parametrize("grid", [GRID, UTM], ids=["own grid", "another grid"])
def test_parts_are_parts_of_the_whole(grid: Projection) -> None:
    check_parts(call("ImageCollection.formaTrend", SERIES, None, 3), grid)


def test_displacement_index_as_scipy() -> None:
    rng = np.random.default_rng(8)
    coarse = Projection(CRS, (20.0, 0.0, 500_000.0, 0.0, -20.0, 5_000_000.0))
    fine = rng.integers(500, 5000, (80, 80)).astype("uint16")
    seven, narrow = (rng.integers(500, 5000, (40, 40)).astype("uint16") for _ in range(2))

    def stretched(values: np.ndarray) -> np.ndarray:
        return values.repeat(2, axis=0).repeat(2, axis=1)

    held = image({"B8": fine, "B7": stretched(seven), "B8A": stretched(narrow)})
    bands = [
        held.bands[0],
        *(Band(band.name, band.node, coarse, (40, 40)) for band in held.bands[1:]),
    ]
    scene = Image(bands=tuple(bands), footprint=rectangle(0, 0, 80, 80))
    index = call("Sentinel2.CDI", scene)
    assert (index.band_names, index.bands[0].projection) == (["cdi"], coarse)
    values, valid = read(index, Window(0, 0, 40, 40), coarse)["cdi"]

    def variance(ratio: np.ndarray) -> np.ndarray:
        mean = ndimage.uniform_filter(ratio, 7)
        return ndimage.uniform_filter(ratio**2, 7) - mean**2

    eight = fine.reshape(40, 2, 40, 2).mean(axis=(1, 3))
    a, b = variance(seven / narrow), variance(eight / narrow)
    inner = np.s_[3:-3, 3:-3]
    assert valid.all()
    np.testing.assert_allclose(values[inner], ((a - b) / (a + b))[inner], rtol=1e-4, atol=1e-5)
    elsewhere, _ = read(index, Window(0, 0, 80, 80))["cdi"]
    np.testing.assert_array_equal(elsewhere, stretched(values))
    with pytest.raises(EvaluationError, match="B8A"):
        call("Sentinel2.CDI", image({"B7": fine, "B8": fine}))


def test_a_series_without_images_has_no_bands() -> None:
    assert call("ImageCollection.formaTrend", collection([])).band_names == []
