"""Statistics of several inputs at once: covariances, correlations, regressions, slopes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from ecumene.core.errors import EvaluationError
from ecumene.numerics.reducers.moments import Output, numeric, presence

_TALWAR = 2.795
"""Robust standard deviations at which Talwar's weights are 95 % efficient."""

_ROUNDS = 20


@dataclass(slots=True)
class Joint:
    """Weight, number of samples, means ``(k, *cells)`` and sums of products of deviations ``(k, k, *cells)``."""

    weight: NDArray[np.float64]
    count: NDArray[np.int64]
    mean: NDArray[np.float64]
    products: NDArray[np.float64]

    def raw(self) -> NDArray[np.float64]:
        """Sums of products of the values themselves."""
        return self.products + self.weight * self.mean[:, None] * self.mean[None, :]


class CoMoments:
    """Joint moments of ``k`` inputs; a sample counts where all of them are present."""

    def __init__(self, inputs: int, finish: Callable[[Joint], Output]) -> None:
        self.inputs, self._finish = inputs, finish

    def start(self, shape: tuple[int, ...]) -> Joint:
        """No samples."""
        k = self.inputs
        return Joint(
            np.zeros(shape),
            np.zeros(shape, "int64"),
            np.zeros((k, *shape)),
            np.zeros((k, k, *shape)),
        )

    def add(self, state: Joint, inputs: Sequence[Any], weights: Sequence[Any]) -> Joint:
        """Moments of the new samples, merged with the old."""
        arrays = [numeric(v).astype("float64") for v in inputs]
        w = presence(arrays[0], weights[0])
        for array, weight in zip(arrays[1:], weights[1:], strict=True):
            w = np.minimum(w, presence(array, weight))
        values = np.stack([np.where(w > 0, a, 0.0) for a in arrays])
        total = w.sum(axis=0)
        mean = (values * w).sum(axis=1) / np.where(total == 0, 1, total)
        deviation = values - mean[:, None]
        products = np.einsum("an...,bn...,n...->ab...", deviation, deviation, w)
        return self.merge(state, Joint(total, (w > 0).sum(axis=0), mean, products))

    def merge(self, a: Joint, b: Joint) -> Joint:
        """Moments of both (Chan, Golub & LeVeque 1983)."""
        n = a.weight + b.weight
        safe = np.where(n == 0, 1, n)
        d = b.mean - a.mean
        products = a.products + b.products + d[:, None] * d[None, :] * (a.weight * b.weight / safe)
        return Joint(n, a.count + b.count, a.mean + d * (b.weight / safe), products)

    def finish(self, state: Joint) -> Output:
        """The statistic."""
        with np.errstate(all="ignore"):
            return self._finish(state)


def _fit(s: Joint) -> Output:
    xx, xy = s.products[0, 0], s.products[0, 1]
    good = (s.count >= 2) & (xx > 0)
    slope = xy / np.where(xx == 0, 1, xx)
    return [(slope, good), (s.mean[1] - slope * s.mean[0], good)]


LINEAR_FIT = CoMoments(2, _fit)


def _pearson(s: Joint) -> Output:
    spread = np.sqrt(s.products[0, 0] * s.products[1, 1])
    r = np.clip(s.products[0, 1] / np.where(spread == 0, 1, spread), -1, 1)
    freedom = s.count - 2
    t = r * np.sqrt(np.maximum(freedom, 0) / np.maximum(1 - r * r, 1e-300))
    p = 2 * scipy.stats.t.sf(np.abs(t), np.maximum(freedom, 1))
    good = (spread > 0) & (s.count >= 2)
    return [(r, good), (np.where(freedom > 0, p, np.nan), good & (freedom > 0))]


PEARSON = CoMoments(2, _pearson)


def _last(matrix: NDArray[Any]) -> NDArray[Any]:
    """Matrix axes behind the cells."""
    return np.moveaxis(matrix, (0, 1), (-2, -1))


class Columns(CoMoments):
    """Joint moments of one array-valued input: each sample is a vector.

    The state is the cells' shape until the first sample tells the length of the vectors.
    """

    def start(self, shape: tuple[int, ...]) -> Any:
        """The length of the vectors is known with the first sample."""
        return shape

    def add(self, state: Any, inputs: Sequence[Any], weights: Sequence[Any]) -> Any:
        """Vectors ``(n, *cells, k)``, or objects that hold one each. EvaluationError for anything else."""
        values = _vectors(inputs[0])
        cells = state if isinstance(state, tuple) else state.count.shape
        if values.ndim != 2 + len(cells):
            raise EvaluationError("Covariances are of 1-dimensional arrays of equal length.")
        columns = list(np.moveaxis(values, -1, 0))
        if not isinstance(state, tuple) and len(columns) != state.products.shape[0]:
            raise EvaluationError("Covariances are of 1-dimensional arrays of equal length.")
        inner = CoMoments(len(columns), self._finish)
        before = inner.start(cells) if isinstance(state, tuple) else state
        return inner.add(before, columns, [weights[0]] * len(columns))

    def merge(self, a: Any, b: Any) -> Any:
        """Moments of both."""
        if isinstance(a, tuple) or isinstance(b, tuple):
            return b if isinstance(a, tuple) else a
        return super().merge(a, b)

    def finish(self, state: Any) -> Output:
        """The matrix."""
        if isinstance(state, tuple):
            return [(None, np.asarray(False))]
        return super().finish(state)


def _vectors(given: Any) -> NDArray[np.float64]:
    """Samples as numbers; lists and arrays as objects are put side by side if they are equally long."""
    values = np.asarray(given)
    if values.dtype != object:
        return values.astype("float64")
    try:
        return np.asarray([np.asarray(getattr(v, "values", v), "float64") for v in values])
    except (TypeError, ValueError):
        return np.empty(0)


def covariance(sample: bool) -> Columns:
    """Covariance matrices ``(…, k, k)``: of samples (n − 1), or of vectors that are taken to have mean 0 (n)."""

    def finish(s: Joint) -> Output:
        divisor = s.weight - 1 if sample else s.weight
        products = s.products if sample else s.raw()
        return [(_last(products / np.where(divisor <= 0, 1, divisor)), divisor > 0)]

    return Columns(0, finish)


def linear_regression(num_x: int, num_y: int, ridge: float | None = None) -> CoMoments:
    """Least squares of y on x: coefficients ``(…, x, y)`` and root mean square residuals ``(…, y)``.

    Without ``ridge`` there is no intercept; with it, the coefficients are shrunk by the penalty and an intercept,
    which is not, comes last (as documented: "the intercept … in the last column").
    """

    def finish(s: Joint) -> Output:
        if ridge is not None:
            return _ridge(s, num_x, ridge)
        raw = _last(s.raw())
        xx, xy, yy = raw[..., :num_x, :num_x], raw[..., :num_x, num_x:], raw[..., num_x:, num_x:]
        good = s.count > num_x
        beta = np.matmul(np.linalg.pinv(np.where(np.isfinite(xx), xx, 0)), xy)
        explained = np.einsum("...ij,...ij->...j", beta, xy)
        rest = np.maximum(np.diagonal(yy, axis1=-2, axis2=-1) - explained, 0)
        residual = np.sqrt(rest / np.where(s.weight == 0, 1, s.weight)[..., None])
        return [(beta, good), (residual, good)]

    return CoMoments(num_x + num_y, finish)


def _ridge(s: Joint, num_x: int, penalty: float) -> Output:
    """Coefficients and intercepts, residuals, and for each y the p-value of the regression (an F-test)."""
    products = _last(s.products)
    mean = np.moveaxis(s.mean, 0, -1)
    xx, xy, yy = (
        products[..., :num_x, :num_x],
        products[..., :num_x, num_x:],
        products[..., num_x:, num_x:],
    )
    inverse = np.linalg.pinv(xx + penalty * np.eye(num_x))
    beta = np.matmul(inverse, xy)
    intercept = mean[..., num_x:] - np.einsum("...i,...ij->...j", mean[..., :num_x], beta)
    rest = np.diagonal(yy, axis1=-2, axis2=-1) - 2 * np.einsum("...ij,...ij->...j", beta, xy)
    rest = np.maximum(rest + np.einsum("...ij,...ik,...kj->...j", beta, xx, beta), 0)
    n = np.where(s.weight == 0, 1, s.weight)[..., None]
    whole = np.concatenate([beta, intercept[..., None, :]], axis=-2)
    good = s.count >= num_x + 1
    freedom = s.weight - num_x - 1
    total = np.diagonal(yy, axis1=-2, axis2=-1)
    ratio = (total - rest) / num_x / (rest / np.maximum(freedom, 1)[..., None])
    p = scipy.stats.f.sf(ratio, num_x, np.maximum(freedom, 1)[..., None])
    return [(whole, good), (np.sqrt(rest / n), good), (p, good & (freedom > 0))]


class Rows:
    """Keeps all samples of several inputs and hands each cell's rows ``(n, k)`` to a function."""

    def __init__(
        self, inputs: int, outputs: int, finish: Callable[[NDArray[Any]], list[Any]]
    ) -> None:
        self.inputs, self.outputs, self._finish = inputs, outputs, finish

    def start(self, shape: tuple[int, ...]) -> Any:
        """Nothing."""
        return shape, []

    def held(self, samples: float) -> float:
        """Bytes at most of a state of so many samples."""
        return 8 * (self.inputs + 1) * samples

    def add(self, state: Any, inputs: Sequence[Any], weights: Sequence[Any]) -> Any:
        """More samples."""
        arrays = [numeric(v).astype("float64") for v in inputs]
        w = np.minimum.reduce(
            [presence(a, weight) for a, weight in zip(arrays, weights, strict=True)]
        )
        return state[0], [*state[1], np.stack([*arrays, w])]

    def merge(self, left: Any, right: Any) -> Any:
        """Samples of both."""
        return left[0], [*left[1], *right[1]]

    def finish(self, state: Any) -> Output:
        """The statistic of every cell."""
        shape, parts = state
        if not parts:
            nothing = np.zeros(shape)
            return [(nothing, np.zeros(shape, bool))] * self.outputs
        data = np.concatenate(parts, axis=1)
        cells = data.reshape(*data.shape[:2], -1)
        found = []
        for cell in range(cells.shape[2]):
            rows = cells[:-1, cells[-1, :, cell] > 0, cell].T
            found.append(self._finish(rows) if len(rows) else [None] * self.outputs)
        out: Output = []
        for k in range(self.outputs):
            column = [row[k] for row in found]
            valid = np.asarray([v is not None for v in column]).reshape(shape)
            size = next((np.shape(v) for v in column if v is not None), ())
            filled = [np.zeros(size) if v is None else np.asarray(v, "float64") for v in column]
            out.append((np.stack(filled).reshape((*shape, *size)), valid))
        return out


def _sens(rows: NDArray[Any]) -> list[Any]:
    x, y = rows[:, 0], rows[:, 1]
    i, j = np.triu_indices(len(x), 1)
    dx = x[j] - x[i]
    keep = dx != 0
    if not keep.any():
        return [None, None]
    slope = float(np.median((y[j] - y[i])[keep] / dx[keep]))
    return [slope, float(np.median(y - slope * x))]


SENS_SLOPE = Rows(2, 2, _sens)


def _spearman(rows: NDArray[Any]) -> list[Any]:
    if len(rows) < 2 or not np.ptp(rows, axis=0).all():
        return [None, None]
    found = scipy.stats.spearmanr(rows[:, 0], rows[:, 1])
    return [v if np.isfinite(v) else None for v in (float(found.statistic), float(found.pvalue))]


SPEARMAN = Rows(2, 2, _spearman)


def kendall(inputs: int) -> Rows:
    """Kendall's tau-b; one input is correlated with its own order."""

    def finish(rows: NDArray[Any]) -> list[Any]:
        if len(rows) < 2:
            return [None, None]
        x = np.arange(len(rows)) if inputs == 1 else rows[:, 0]
        found = scipy.stats.kendalltau(x, rows[:, -1])
        return [
            v if np.isfinite(v) else None for v in (float(found.statistic), float(found.pvalue))
        ]

    return Rows(inputs, 2, finish)


def _root_mean_square(rows: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.sqrt((rows**2).mean(axis=1)))


def robust_regression(num_x: int, num_y: int, beta: float | None) -> Rows:
    """Iteratively reweighted least squares with Talwar's weights: 1 within a margin, else 0.

    A sample lies within if the root mean square of its residuals is at most ``beta``; without one, at most 2.795
    standard deviations as their median tells them (Holland & Welsch 1977).
    """

    def finish(rows: NDArray[Any]) -> list[Any]:
        x, y = rows[:, :num_x], rows[:, num_x:]
        if len(rows) < num_x:
            return [None, None]
        keep = np.ones(len(x), bool)
        for _ in range(_ROUNDS):
            found = np.linalg.lstsq(x[keep], y[keep], rcond=None)[0]
            rest = y - x @ found
            strays = _root_mean_square(rest)
            around = np.median(_root_mean_square(rest - np.median(rest, axis=0)))
            margin = _TALWAR * float(around) / 0.6745 if beta is None else beta
            fresh = strays <= max(margin, 1e-9 * float(np.abs(y).max()))
            if (fresh == keep).all() or fresh.sum() < num_x:
                break
            keep = fresh
        return [found, np.sqrt((rest[keep] ** 2).mean(axis=0))]

    return Rows(num_x + num_y, 2, finish)


def geometric_median(size: int, eta: float) -> Rows:
    """The point with the smallest sum of distances (Weiszfeld's iteration)."""

    def finish(rows: NDArray[Any]) -> list[Any]:
        point = np.median(rows, axis=0)
        for _ in range(200):
            distance = np.linalg.norm(rows - point, axis=1)
            weight = 1 / np.maximum(distance, 1e-12)
            fresh = (rows * weight[:, None]).sum(axis=0) / weight.sum()
            moved = float(np.linalg.norm(fresh - point))
            point = fresh
            if moved < eta * 1e-3:
                break
        return [float(v) for v in point]

    return Rows(size, size, finish)


class Circular:
    """Mean direction, variance and deviation of angles in radians."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def start(self, shape: tuple[int, ...]) -> Any:
        """Nothing."""
        return np.zeros(shape), np.zeros(shape), np.zeros(shape)

    def add(self, state: Any, inputs: Sequence[Any], weights: Sequence[Any]) -> Any:
        """More angles."""
        angles = numeric(inputs[0]).astype("float64")
        w = presence(angles, weights[0])
        safe = np.where(w > 0, angles, 0)
        return (
            state[0] + (w * np.cos(safe)).sum(axis=0),
            state[1] + (w * np.sin(safe)).sum(axis=0),
            state[2] + w.sum(axis=0),
        )

    def merge(self, left: Any, right: Any) -> Any:
        """Both."""
        return tuple(a + b for a, b in zip(left, right, strict=True))

    def finish(self, state: Any) -> Output:
        """The statistic."""
        c, s, n = state
        with np.errstate(all="ignore"):
            length = np.hypot(c, s) / np.where(n == 0, 1, n)
            values = {
                "mean": np.arctan2(s, c), "variance": 1 - length,
                "stdDev": np.sqrt(np.maximum(-2 * np.log(np.maximum(length, 1e-300)), 0)),
            }  # fmt: skip
        return [(values[self.kind], n > 0)]
