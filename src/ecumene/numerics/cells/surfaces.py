"""Costs of travel, filled pits and cast shadows over a cell.

Sources: E. Dijkstra, A note on two problems in connexion with graphs (1959); R. Barnes et al., Priority-flood (2014).
"""

from __future__ import annotations

import heapq
import math

import numpy as np
from numpy.typing import NDArray

from ecumene import kernels
from ecumene.numerics.cells.common import Cell, CellOp, Result, Valid, Values, all_of

Floats = NDArray[np.float64]

RADIUS = 6378137.0
"""Metres of the sphere on which geodetic distances are taken, as the service documents."""

STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Rows and columns to half of the neighbours."""


def _cost(
    cell: Cell, values: list[Values], valid: list[Valid], most: float, geodetic: bool
) -> Result:
    """Accumulated costs ``(side, side, bands)``; masked where no way of at most ``most`` metres leads.

    Values are the sources, the costs of each band, and (``geodetic``) longitude and latitude.
    """
    count = len(values) - (2 if geodetic else 0)
    cost = np.stack([v.astype("float64") for v in values[1:count]])
    free = all_of(valid[1:]) & (cost >= 0).all(axis=0)
    start = free & valid[0] & (values[0] != 0)
    steps = _arcs(values[count], values[count + 1]) if geodetic else _plane(cell, free.shape)
    state = spread(cost, free, start, steps, most)
    planes = np.moveaxis(state[:-1], 0, 2)
    reached = np.isfinite(state[0])
    return cell.inner(np.where(reached[..., None], planes, 0)), cell.inner(reached)


def _plane(cell: Cell, shape: tuple[int, int]) -> Floats:
    """Metres to the neighbours in the plane of the grid."""
    a, e = abs(cell.transform[0]), abs(cell.transform[4])
    height = float(cell.sizes[1])
    width = height * a / e
    found = (width, height, math.hypot(width, height), math.hypot(width, height))
    return np.broadcast_to(np.array(found)[:, None, None], (4, *shape)).copy()


def _arcs(lon: Values, lat: Values) -> Floats:
    """Metres to the neighbours along great circles of the sphere."""
    east, north = np.radians(lon.astype("float64")), np.radians(lat.astype("float64"))
    points = np.stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)])
    out = np.full((4, *lon.shape), np.inf)
    height, width = lon.shape
    for k, (dy, dx) in enumerate(STEPS):
        here = (slice(0, height - dy), slice(max(0, -dx), width - max(0, dx)))
        there = (slice(dy, height), slice(max(0, dx), width - max(0, -dx)))
        chord = np.sqrt(
            ((points[(slice(None), *there)] - points[(slice(None), *here)]) ** 2).sum(axis=0)
        )
        out[(k, *here)] = 2 * RADIUS * np.arcsin(np.minimum(chord / 2, 1))
    return out


def spread(cost: Floats, free: Valid, start: Valid, steps: Floats, most: float) -> Floats:
    """Least costs of each band from the nearest source and the length of the way, infinite where none leads.

    Bands are compared in order: the next ones decide between ways of equal cost. A step costs its metres times the mean
    cost of its two pixels.

    Parameters
    ----------
    cost : ``(bands, height, width)``.
    free, start : pixels that can be crossed, and the sources among them.
    steps : ``(4, height, width)``, metres to the neighbours of ``STEPS``.
    most : longest way in metres.

    Returns ``(bands + 1, height, width)``.
    """
    bands, height, width = cost.shape
    state = np.full((bands + 1, height * width), np.inf)
    state[:, start.ravel()] = 0
    kernel = kernels.ready("surfaces.spread")
    flat = np.ascontiguousarray(cost.reshape(bands, -1)), free.ravel(), steps.reshape(4, -1)
    if kernel is not None:
        kernel(flat[0], flat[1].astype(np.uint8), flat[2], width, float(most), state)
    else:
        _spread(*flat, width, most, state)
    return state.reshape(bands + 1, height, width)


def _spread(
    cost: Floats, free: Valid, steps: Floats, width: int, most: float, state: Floats
) -> None:
    """The same in plain Python: each step depends on all before."""
    bands, pixels = cost.shape
    height = pixels // width
    costs, metres, known = cost.T.tolist(), steps.tolist(), state.T.tolist()
    heap = [(*known[k], k) for k in np.flatnonzero(state[0] == 0).tolist()]
    heapq.heapify(heap)
    offsets = [*STEPS, *((-dy, -dx) for dy, dx in STEPS)]
    while heap:
        *now, place = heapq.heappop(heap)
        if now != known[place]:
            continue
        y, x = divmod(place, width)
        for n, (dy, dx) in enumerate(offsets):
            v, u = y + dy, x + dx
            if not (0 <= v < height and 0 <= u < width):
                continue
            other = v * width + u
            step = metres[n][place] if n < 4 else metres[n - 4][other]
            if not free[other] or now[-1] + step > most:
                continue
            there = [now[k] + step * (costs[place][k] + costs[other][k]) / 2 for k in range(bands)]
            there.append(now[-1] + step)
            if there < known[other]:
                known[other] = there
                heapq.heappush(heap, (*there, other))
    state[:] = np.array(known).T


def _filled(cell: Cell, values: list[Values], valid: list[Valid], border: float | None) -> Result:
    """Levels to which pits fill: water leaves at the sides of what is seen and where nothing is known."""
    good = valid[0]
    surface = values[0].astype("float64")
    around = np.pad(good, 1)
    open_ = good & ~np.logical_and.reduce(
        [around[1 + dy : around.shape[0] - 1 + dy, 1 + dx : around.shape[1] - 1 + dx]
         for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    )  # fmt: skip
    edge = surface if border is None else np.maximum(surface, border)
    found = filled(surface, good, np.where(open_, edge, np.inf))
    return cell.inner(np.where(good, found, 0)).astype(values[0].dtype), cell.inner(good)


def filled(surface: Floats, good: Valid, levels: Floats) -> Floats:
    """A surface whose pits are filled, water leaving where levels are finite."""
    kernel = kernels.ready("surfaces.filled")
    if kernel is not None:
        out = levels.copy()
        kernel(np.ascontiguousarray(surface), good.astype(np.uint8), out)
        return out
    out = levels
    while True:  # water falls until it lies still
        padded = np.pad(np.where(good, out, np.inf), 1, constant_values=np.inf)
        lowest = padded[1:-1, 1:-1]
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                lowest = np.minimum(
                    lowest,
                    padded[1 + dy : padded.shape[0] - 1 + dy, 1 + dx : padded.shape[1] - 1 + dx],
                )
        following = np.where(np.isfinite(levels), levels, np.maximum(lowest, surface))
        following = np.where(good, following, levels)
        if np.array_equal(following, out):
            return out
        out = following


def _shadow(
    cell: Cell,
    values: list[Values],
    valid: list[Valid],
    azimuth: float,
    zenith: float,
    closed: bool,
) -> Result:
    """1 in light, 0 in shadow."""
    good = valid[0]
    lit = np.ones(good.shape, np.uint8)
    if zenith >= 90:
        lit[:] = 0
    elif zenith > 0:
        lit = _lit(
            cell, np.where(good, values[0].astype("float64"), -np.inf), azimuth, zenith, closed
        )
    return cell.inner(lit), cell.inner(good)


def _lit(
    cell: Cell, height: Floats, azimuth: float, zenith: float, closed: bool
) -> NDArray[np.uint8]:
    turn = math.radians(azimuth)
    a, e = cell.transform[0], cell.transform[4]
    wide = np.broadcast_to(np.asarray(cell.sizes[0], "float64"), (height.shape[0], 1)).ravel()
    tall = float(cell.sizes[1])
    middle = float(wide[wide.size // 2])
    across = math.copysign(1, a) * math.sin(turn) / middle
    down = -math.copysign(1, -e) * math.cos(turn) / tall
    across, down = (0.0 if abs(v) * max(middle, tall) < 1e-12 else v for v in (across, down))
    largest = max(abs(across), abs(down))
    across, down = across / largest, down / largest
    rise = np.hypot(across * wide, down * tall) / math.tan(math.radians(zenith))
    lit = shadowed(height, rise, down, across)
    if closed:  # light between two shadows on one ray is closed
        dy, dx = round(down), round(across)
        dark = np.pad(lit == 0, 1)
        before = dark[1 + dy : dark.shape[0] - 1 + dy, 1 + dx : dark.shape[1] - 1 + dx]
        after = dark[1 - dy : dark.shape[0] - 1 - dy, 1 - dx : dark.shape[1] - 1 - dx]
        lit = np.where(before & after, np.uint8(0), lit)
    return lit


def shadowed(height: Floats, rise: Floats, down: float, across: float) -> NDArray[np.uint8]:
    """1 where a ray of steps ``(down, across)`` that rises by ``rise`` (by row) each meets nothing, else 0.

    Heights between two pixels of a row or column are interpolated; -infinite ones are no obstacle.
    """
    top = float(height.max())
    out = np.ones(height.shape, np.uint8)
    if not math.isfinite(top):
        return out
    kernel = kernels.ready("surfaces.shadowed")
    if kernel is not None:
        kernel(np.ascontiguousarray(height), rise, down, across, top, out)
        return out
    last_row, last_col = height.shape[0] - 1, height.shape[1] - 1
    k, going = 1, np.ones(height.shape, bool)
    while going.any():
        y, x = np.nonzero(going)
        ray = height[y, x] + k * rise[y]
        v, u = y + k * down, x + k * across
        inside = (ray < top) & (v >= 0) & (u >= 0) & (v <= last_row) & (u <= last_col)
        going[y[~inside], x[~inside]] = False
        y, x, ray, v, u = y[inside], x[inside], ray[inside], v[inside], u[inside]
        r, c = v.astype(int), u.astype(int)
        part = (v - r) + (u - c)
        beside = np.where(
            v > r, height[np.minimum(r + 1, last_row), c], height[r, np.minimum(c + 1, last_col)]
        )  # fmt: skip
        with np.errstate(invalid="ignore"):
            met = np.where(part == 0, height[r, c], height[r, c] * (1 - part) + beside * part)
        dark = met > ray
        out[y[dark], x[dark]] = 0
        going[y[dark], x[dark]] = False
        k += 1
    return out


OPS: dict[str, CellOp] = {"cost": _cost, "filled": _filled, "shadow": _shadow}
