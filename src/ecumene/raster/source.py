"""Pixels of a stored band on any grid: level, lookup, gather, missing values, scale."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core import caches
from ecumene.core.profile import loading
from ecumene.core.projection import Grid, Window, compose
from ecumene.core.raster import MaskRule, RasterBand
from ecumene.numerics.layers import Layer
from ecumene.numerics.resample import bicubic, bilinear
from ecumene.raster import warp
from ecumene.storage.blocks import BlockKey, BlockStore

Gathered = tuple[NDArray[Any], NDArray[np.bool_] | None]
LARGE = 1 << 22
KEPT = 1 << 19
"""Pixels of the windows whose placed lookups are kept."""


def ratio(band: RasterBand, grid: Grid) -> float:
    """Source pixels per target pixel, both at the point of true scale."""
    return grid.nominal_scale / band.grid.nominal_scale


def level_of(store: BlockStore, band: RasterBand, grid: Grid) -> tuple[int, Grid, int, int]:
    """``(level, its grid, width, height)``: the coarsest level not coarser than the request.

    Files are not opened where the request is finer than twice the stored pixels.
    """
    wanted = ratio(band, grid)
    if wanted * (1 + 1e-6) < 2:
        return 0, band.grid, band.width, band.height
    header = store.header(band.path)
    best, factor = 0, 1.0
    for number, level in enumerate(header.levels):
        coarser = header.width / level.width
        rounded = round(coarser) if abs(coarser - round(coarser)) < 0.02 * coarser else coarser
        if rounded <= wanted * (1 + 1e-6) and coarser >= factor:
            best, factor = number, coarser
    level = header.levels[best]
    if best == 0:
        return 0, band.grid, band.width, band.height
    x, y = header.width / level.width, header.height / level.height
    scaled = Grid(band.grid.crs, compose(band.grid.transform, (x, 0, 0, 0, y, 0)))
    return best, scaled, level.width, level.height


def touches(band: RasterBand, grid: Grid, window: Window, margin: int = 2) -> bool:
    """Whether a window needs any pixel of the band; no file is opened to tell."""
    c0, r0, c1, r1 = warp.nearest(band.grid, grid, window).bounds
    return (
        c1 >= -margin and r1 >= -margin and c0 < band.width + margin and r0 < band.height + margin
    )


@dataclass(frozen=True, slots=True)
class Needed:
    """The pixels of a level that a window very likely needs: columns and rows from the first to the last."""

    level: int
    left: int
    top: int
    right: int
    bottom: int

    def blocks(self, store: BlockStore, band: RasterBand) -> list[BlockKey]:
        """The blocks that hold them."""
        size = store.header(band.path).levels[self.level]
        across = range(self.left // size.block_width, self.right // size.block_width + 1)
        down = range(self.top // size.block_height, self.bottom // size.block_height + 1)
        return [BlockKey(band.path, band.index, self.level, bx, by) for by in down for bx in across]


def needed(store: BlockStore, band: RasterBand, grid: Grid, window: Window) -> Needed | None:
    """What a window very likely needs of a band (for preparing it early); None = nothing, or it cannot be told."""
    level, level_grid, width, height = level_of(store, band, grid)
    bounds = _kept_outline(level_grid, grid, window)
    if bounds is None:
        return None
    c0, r0, c1, r1 = bounds
    if c1 < 0 or r1 < 0 or c0 >= width or r0 >= height:
        return None
    return Needed(
        level, max(int(c0), 0), max(int(r0), 0), min(int(c1), width - 1), min(int(r1), height - 1)
    )


_kept_outline = lru_cache(maxsize=64)(warp.outline)


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    """A lookup on a level of known size: the stored window that it needs, and what to take from it.

    ``index`` is into the flattened window; where the lookup is separable it is None and ``rows`` and ``cols``
    are the indices of each axis. ``inside`` None means every pixel exists.
    """

    box: tuple[int, int, int, int]
    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    index: NDArray[np.int64] | None
    inside: NDArray[np.bool_] | None

    @property
    def unmoved(self) -> bool:
        """Whether pixels are the stored window's, one for one."""
        shape = self.rows.shape[0], self.cols.shape[1]
        return (
            self.index is None
            and self.inside is None
            and (self.box[3], self.box[2]) == shape
            and self.rows[0, 0] == 0
            and self.cols[0, 0] == 0
        )


def _place(lookup: warp.Lookup, width: int, height: int, shape: tuple[int, int]) -> _Placed | None:
    """None if no index is inside."""
    cols, rows = lookup.cols, lookup.rows
    inside: NDArray[np.bool_] | None = None
    c0, r0, c1, r1 = lookup.bounds
    if lookup.outside is not None or c0 < 0 or r0 < 0 or c1 >= width or r1 >= height:
        col_ok, row_ok = (cols >= 0) & (cols < width), (rows >= 0) & (rows < height)
        inside = np.broadcast_to(col_ok & row_ok, shape)
        if lookup.outside is not None:
            inside = inside & ~lookup.outside
        if not inside.any():
            return None
        if inside.all():
            inside = None
    left, top = max(int(c0), 0), max(int(r0), 0)
    across, down = min(int(c1), width - 1) - left + 1, min(int(r1), height - 1) - top + 1
    cols, rows = np.clip(cols - left, 0, across - 1), np.clip(rows - top, 0, down - 1)
    separable = rows.shape[1] == 1 and cols.shape[0] == 1
    index = None if separable else rows * across + cols
    return _Placed((left, top, across, down), rows, cols, index, inside)


_kept_place = lru_cache(maxsize=24)(_place)
"""Scenes of a series share grid and size, so a block places its lookup once for all of them."""


@lru_cache(maxsize=24)
def _flat(place: _Placed, shape: tuple[int, int]) -> NDArray[np.int32]:
    """The index of a placed lookup as kernels read it: int32, one per pixel."""
    if place.index is not None:
        return place.index.astype(np.int32).reshape(-1)
    across = place.box[2]
    flat = np.broadcast_to(place.rows * across + place.cols, shape)
    return np.ascontiguousarray(flat, np.int32).reshape(-1)


@lru_cache(maxsize=24)
def _flat_inside(place: _Placed) -> NDArray[np.bool_] | None:
    """Which pixels exist, flat."""
    inside = place.inside
    return None if inside is None else np.ascontiguousarray(inside).reshape(-1)


for _name, _function in (
    ("outlines", _kept_outline), ("placed_lookups", _kept_place), ("flat_lookups", _flat),
):  # fmt: skip
    caches.share(_name, caches.of_function(_function))


def _far_apart(place: _Placed, pixels: int) -> bool:
    """Whether the stored window is much larger than what is taken from it."""
    stored = place.box[2] * place.box[3]
    return stored > LARGE and stored > 16 * pixels


def _placed(lookup: warp.Lookup, size: tuple[int, int], window: Window) -> _Placed | None:
    small = window.width * window.height <= KEPT
    return (_kept_place if small else _place)(lookup, *size, window.shape)


def _gather(
    store: BlockStore,
    path: str,
    index: int,
    level: int,
    lookup: warp.Lookup,
    size: tuple[int, int],
    window: Window,
) -> Gathered | None:
    """Values at looked-up indices and where they exist; None if no index is inside."""
    place = _placed(lookup, size, window)
    if place is None:
        return None
    left, top, across, down = place.box
    if _far_apart(place, window.width * window.height):
        cols = np.broadcast_to(place.cols + left, window.shape)
        rows = np.broadcast_to(place.rows + top, window.shape)
        return _sparse(store, path, index, level, cols, rows), place.inside
    data = store.window(path, index, level, left, top, across, down)
    if place.unmoved:
        values = data
    elif place.index is None:
        values = data[place.rows[:, 0]][:, place.cols[0]]
    elif data.flags.c_contiguous:
        values = data.take(place.index)
    else:
        values = data[place.rows, place.cols]
    return values, place.inside


def plain(band: RasterBand) -> bool:
    """Whether stored values are served as they are, hidden at most by one value of their own."""
    return (
        band.scale == 1.0
        and band.offset == 0.0
        and band.floor is None
        and not band.masks
        and len(band.missing) <= 1
        and band.type.dtype.kind in "iu"
    )


@loading
def layer(store: BlockStore, band: RasterBand, grid: Grid, window: Window) -> Layer | None:
    """A ``plain`` band's nearest pixels, not gathered yet; None = nothing there.

    Files whose type is not the declared one give gathered values instead.
    """
    if not touches(band, grid, window):
        return None
    level, level_grid, width, height = level_of(store, band, grid)
    place = _placed(warp.nearest(level_grid, grid, window), (width, height), window)
    if place is None:
        return None
    missing = band.missing[0] if band.missing else None
    if not _far_apart(place, window.width * window.height):
        left, top, across, down = place.box
        data = store.window(band.path, band.index, level, left, top, across, down)
        if data.dtype == band.type.dtype and (missing is None or _exact(data.dtype, missing)):
            data = np.ascontiguousarray(data)
            return Layer(data, _flat(place, window.shape), _flat_inside(place), missing)
    found = read(store, band, grid, window)
    return None if found is None else Layer.of(*found, band.type.dtype)


@dataclass(frozen=True, slots=True, eq=False)
class Codes:
    """Stored values of a window and where each pixel finds its own.

    ``values`` is contiguous, ``index`` (None: pixels are the values) points into it flattened, one per pixel;
    ``valid`` None means that every pixel exists and no other band hides any.
    """

    values: NDArray[Any]
    index: NDArray[np.int32] | None
    valid: NDArray[np.bool_] | None


@loading
def codes(store: BlockStore, band: RasterBand, grid: Grid, window: Window) -> Codes | None:
    """Nearest stored values as they are: not scaled, none hidden by its value; None = nothing there."""
    if not touches(band, grid, window):
        return None
    level, level_grid, width, height = level_of(store, band, grid)
    place = _placed(warp.nearest(level_grid, grid, window), (width, height), window)
    if place is None:
        return None
    valid = place.inside
    for rule in band.masks:
        valid = _and(valid, _ruled(store, band, rule, grid, window))
    left, top, across, down = place.box
    if _far_apart(place, window.width * window.height):
        cols = np.broadcast_to(place.cols + left, window.shape)
        rows = np.broadcast_to(place.rows + top, window.shape)
        return Codes(_sparse(store, band.path, band.index, level, cols, rows), None, valid)
    data = store.window(band.path, band.index, level, left, top, across, down)
    return Codes(np.ascontiguousarray(data), _flat(place, window.shape), valid)


def decoded(band: RasterBand, stored: NDArray[Any]) -> Gathered:
    """What stored values are served as, and which of them are not hidden by their value."""
    return served(band, stored), _missing(stored, band.missing)


def _exact(dtype: np.dtype[Any], value: float) -> bool:
    return bool(np.isfinite(value)) and value == int(value) and _fits(dtype, value)


def _sparse(
    store: BlockStore, path: str, index: int, level: int, cols: NDArray[Any], rows: NDArray[Any]
) -> NDArray[Any]:
    """Few pixels far apart: block by block instead of the window that holds them all."""
    header = store.header(path)
    size = header.levels[level]
    bx, by = cols // size.block_width, rows // size.block_height
    which = by * size.across + bx
    out = np.empty(cols.shape, header.dtypes[index - 1])
    for number in np.unique(which).tolist():
        here = which == number
        block = store.block(path, index, level, number % size.across, number // size.across)
        out[here] = block[rows[here] % size.block_height, cols[here] % size.block_width]
    return out


def _missing(values: NDArray[Any], missing: tuple[float, ...]) -> NDArray[np.bool_] | None:
    """Where values are present; None if all are."""
    bad: NDArray[np.bool_] | None = None
    for value in missing:
        if np.isnan(value):
            found = np.isnan(values) if values.dtype.kind == "f" else None
        elif values.dtype.kind in "iu" and value != int(value):
            found = None
        else:
            found = values == values.dtype.type(value) if _fits(values.dtype, value) else None
        if found is not None:
            bad = found if bad is None else bad | found
    if values.dtype.kind == "f":
        nan = np.isnan(values)
        bad = nan if bad is None else bad | nan
    if bad is None or not bad.any():
        return None
    return ~bad


def _fits(dtype: np.dtype[Any], value: float) -> bool:
    if dtype.kind not in "iu":
        return True
    info = np.iinfo(dtype)
    return bool(info.min <= value <= info.max)


def _and(a: NDArray[np.bool_] | None, b: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    if a is None or b is None:
        return a if b is None else b
    return a & b


def _ruled(
    store: BlockStore, band: RasterBand, rule: MaskRule, grid: Grid, window: Window
) -> NDArray[np.bool_] | None:
    """Where a mask band lets pixels through."""
    number = _level_of_mask(store, band, rule, grid)
    level = store.header(rule.path).levels[number]
    size = level.width, level.height
    x, y = band.width / size[0], band.height / size[1]
    own = Grid(band.grid.crs, compose(band.grid.transform, (x, 0, 0, 0, y, 0)))
    lookup = warp.nearest(own, grid, window)
    found = _gather(store, rule.path, rule.index, number, lookup, size, window)
    if found is None:
        return np.zeros(window.shape, bool)
    values, inside = found
    if rule.bits:
        good = (values & values.dtype.type(rule.bits)) == 0
    else:
        good = ~np.isin(values, np.asarray(rule.invalid, values.dtype))
    return _and(good, inside)


def _level_of_mask(store: BlockStore, band: RasterBand, rule: MaskRule, grid: Grid) -> int:
    """The level that belongs to the band's: a file of its own with the same pyramid has one for each.

    All other masks (of other pixels, of bits, in the band's file) have only their full resolution.
    """
    header = store.header(rule.path)
    whole = header.width, header.height
    if rule.bits or rule.path == band.path or whole != (band.width, band.height):
        return 0
    level, _, width, height = level_of(store, band, grid)
    if level >= len(header.levels):
        return 0
    own = header.levels[level]
    return level if (own.width, own.height) == (width, height) else 0


def served(band: RasterBand, values: NDArray[Any]) -> NDArray[Any]:
    """Stored values as they are served: scaled, floored, in the band's type."""
    dtype = band.type.dtype
    if band.scale != 1.0 or band.offset != 0.0:
        values = values.astype("float64") * band.scale + band.offset
    if band.floor is not None:
        values = np.maximum(values, values.dtype.type(band.floor))
    if values.dtype == dtype:
        return values
    if dtype.kind in "iu" and values.dtype.kind == "f":
        values = np.rint(values)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        values = np.clip(values, info.min, info.max)
    return values.astype(dtype)


@loading
def read(
    store: BlockStore, band: RasterBand, grid: Grid, window: Window, method: str = "nearest"
) -> Gathered | None:
    """Values of a window on a grid and where they are valid (None = everywhere); None = nothing there."""
    if not touches(band, grid, window):
        return None
    level, level_grid, width, height = level_of(store, band, grid)
    if method != "nearest":
        return _smooth(store, band, level, level_grid, (width, height), grid, window, method)
    lookup = warp.nearest(level_grid, grid, window)
    found = _gather(store, band.path, band.index, level, lookup, (width, height), window)
    if found is None:
        return None
    values, inside = found
    valid = _and(inside, _missing(values, band.missing))
    for rule in band.masks:
        valid = _and(valid, _ruled(store, band, rule, grid, window))
    return served(band, values), valid


def _smooth(
    store: BlockStore,
    band: RasterBand,
    level: int,
    level_grid: Grid,
    size: tuple[int, int],
    grid: Grid,
    window: Window,
    method: str,
) -> Gathered | None:
    lookup = warp.positions(level_grid, grid, window)
    c0, r0, c1, r1 = lookup.bounds
    margin = 2 if method == "bilinear" else 3
    left, top = max(int(np.floor(c0)) - margin, 0), max(int(np.floor(r0)) - margin, 0)
    right, bottom = min(int(np.ceil(c1)) + margin, size[0]), min(int(np.ceil(r1)) + margin, size[1])
    if left >= right or top >= bottom:
        return None
    data = store.window(band.path, band.index, level, left, top, right - left, bottom - top)
    valid = _missing(data, band.missing)
    own = Window(left, top, right - left, bottom - top)
    for rule in band.masks:
        valid = _and(valid, _ruled(store, band, rule, level_grid, own))
    smooth = bilinear if method == "bilinear" else bicubic
    values, good = smooth(served(band, data), valid, lookup.cols, lookup.rows, left, top)
    if lookup.outside is not None:
        good = good & ~lookup.outside
    return values, None if good.all() else good
