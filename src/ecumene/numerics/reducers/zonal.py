"""Statistics of many zones of a block at once, from runs of pixels.

Compiled kernels read the block where it lies; the plain path takes the pixels of all runs out of it. Results agree
to rounding (sums are made in another order).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene import kernels
from ecumene.numerics.runs import Runs

COMPILED = frozenset(("uint8", "int16", "uint16", "int32", "float32", "float64"))
"""Types that kernels take."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One band over a window, and which pixels of it belong to which zone with which weight.

    Parameters
    ----------
    values : ``(height, width)``.
    mask : None (all valid), bool, or float32 from 0 to 1: weights are at most that.
    runs : with zones from 0 to ``zones`` - 1.
    zones : their number.
    """

    values: NDArray[Any]
    mask: NDArray[Any] | None
    runs: Runs
    zones: int

    def samples(self) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[np.int32]]:
        """Values, weights and zones of the pixels that count."""
        place, run = self.runs.pixels(self.values.shape[1])
        values = self.values.reshape(-1)[place]
        weights = self.runs.weight[run].astype("float64")
        if self.mask is not None:
            mask = self.mask.reshape(-1)[place]
            weights = (
                np.where(mask, weights, 0) if mask.dtype == bool else np.minimum(weights, mask)
            )
        keep = weights > 0
        if values.dtype.kind == "f":
            keep &= ~np.isnan(values)
        return values[keep], weights[keep], self.runs.zone[run][keep]

    @property
    def whole(self) -> bool:
        """Whether values are integers that each count once."""
        plain = self.mask is None or self.mask.dtype == bool
        return plain and self.values.dtype.kind in "iu" and bool((self.runs.weight == 1).all())

    def _arguments(self) -> tuple[Any, ...] | None:
        """What kernels are called with; None where only the plain path serves."""
        if self.values.dtype.name not in COMPILED:
            return None
        shown, hidden = np.zeros((1, 1), np.uint8), self.mask is not None
        if self.mask is not None:
            if self.mask.dtype != bool:
                return None
            shown = np.ascontiguousarray(self.mask).view(np.uint8)
        runs = self.runs
        return (
            np.ascontiguousarray(self.values), shown, hidden, runs.zone, runs.row, runs.start,
            runs.stop, runs.weight,
        )  # fmt: skip

    def moments(self, order: int) -> list[NDArray[np.float64]]:
        """Sum of weights, mean, and central sums of the second to fourth power (0 above ``order``) by zone."""
        out = [np.zeros(self.zones) for _ in range(5)]
        kernel, arguments = kernels.ready("regions.moments"), self._arguments()
        if kernel is not None and arguments is not None:
            kernel(*arguments, order, *out)
            return out
        values, weights, zone = self.samples()
        values = values.astype("float64")
        out[0][:] = np.bincount(zone, weights, minlength=self.zones)
        safe = np.where(out[0] > 0, out[0], 1)
        out[1][:] = np.bincount(zone, weights * values, minlength=self.zones) / safe
        delta = values - out[1][zone]
        for power in range(2, order + 1):
            out[power][:] = np.bincount(zone, weights * delta**power, minlength=self.zones)
        return out

    def extremes(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
        """Smallest and largest value (arbitrary where there is none) and number of values by zone."""
        dtype = self.values.dtype
        if dtype.kind == "f":
            worst = np.inf, -np.inf
        else:
            info = np.iinfo(dtype)
            worst = info.max, info.min
        low, high = (np.full(self.zones, v, dtype) for v in worst)
        count = np.zeros(self.zones, np.int64)
        kernel, arguments = kernels.ready("regions.extremes"), self._arguments()
        if kernel is not None and arguments is not None:
            kernel(*arguments, low, high, count)
            return low, high, count
        values, _, zone = self.samples()
        np.minimum.at(low, zone, values)
        np.maximum.at(high, zone, values)
        count += np.bincount(zone, minlength=self.zones)
        return low, high, count


def placed(whole: Any, zones: NDArray[Any], part: Any, count: int) -> Any:
    """A state of ``count`` zones with that of some of them in its place; None = empty."""
    if isinstance(part, np.ndarray):
        if whole is None:
            whole = np.zeros(count, part.dtype)
        elif whole.dtype != np.result_type(whole, part):
            whole = whole.astype(np.result_type(whole, part))
        whole[zones] = part
        return whole
    if isinstance(part, list | tuple):
        before = [None] * len(part) if whole is None else whole
        return type(part)(placed(a, zones, b, count) for a, b in zip(before, part, strict=True))
    names = [field.name for field in fields(part)]
    found = {n: placed(getattr(whole, n, None), zones, getattr(part, n), count) for n in names}
    return type(part)(**found)


def taken(state: Any, zones: NDArray[Any]) -> Any:
    """The state of some zones."""
    if isinstance(state, np.ndarray):
        return state[zones]
    if isinstance(state, list | tuple):
        return type(state)(taken(part, zones) for part in state)
    return type(state)(**{f.name: taken(getattr(state, f.name), zones) for f in fields(state)})
