"""The blocks that a plan reads of each stored band, found without reading one.

Windows are followed from the request to the stored bands as ``plan.reach`` tells them, so what is found is an
upper bound up to the curvature of projections. Headers of files are opened where nothing else tells the
overview or the blocks, and only so many; what is not opened is estimated.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from ecumene.core.projection import Grid, Window, apply, compose, invert
from ecumene.core.raster import RasterBand
from ecumene.plan.nodes import Source
from ecumene.plan.optimise import Prepared
from ecumene.plan.reach import Demand, inner
from ecumene.raster import source as stored
from ecumene.raster import warp
from ecumene.storage.blocks import BlockStore, Header, Level
from ecumene.storage.survey import Box, Survey, around, spans, survey

MOST_HEADERS = 64
MOST_CHECKS = 20_000
MOST_DEMANDS = 16
"""Windows of one node that are followed; more are taken for the first ones."""

TYPICAL = 512
"""Side of blocks where a file is not opened."""

MARGINS = {"nearest": 0, "bilinear": 2, "bicubic": 3}


@dataclass(frozen=True, slots=True)
class Read:
    """Blocks of one level of one file, for one asset.

    ``bands`` are decoded together; ``mask`` says that they only hide others. ``levels`` is None and
    ``estimated`` set where the file was not opened. ``scale`` is metres per pixel of the level.
    """

    asset: str
    file: str
    bands: tuple[int, ...]
    mask: bool
    dtype: str
    level: int
    levels: int | None
    scale: float
    cost: Survey
    estimated: bool


def demands(plan: Prepared, grid: Grid, window: Window) -> dict[int, set[Demand]]:
    """What each node (by its ``id``) is asked for when a window is requested."""
    whole = Demand(grid, window, (float(window.height), float(window.width)))
    found: dict[int, set[Demand]] = {id(node): set() for node in plan.nodes}
    for root in plan.roots:
        found[id(root)].add(whole)
    for node in reversed(plan.nodes):
        children = plan.children[id(node)]
        for demand in found[id(node)] if children else ():
            below = inner(node, demand)
            for child in children:
                if len(found[id(child)]) < MOST_DEMANDS:
                    found[id(child)].add(below)
    return found


@lru_cache(maxsize=512)
def covered(source: Grid, target: Grid, window: Window) -> tuple[float, float, float, float] | None:
    """About where the pixels of a target window lie in a source grid; None where that cannot be told."""
    if source.crs != target.crs:
        return warp.outline(source, target, window)
    inside = compose(invert(source.transform), target.transform)
    left, top = window.col + 0.5, window.row + 0.5
    right, bottom = left + window.width - 1, top + window.height - 1
    x, y = zip(
        *(apply(inside, col, row) for col in (left, right) for row in (top, bottom)), strict=True
    )
    return float(min(x)), float(min(y)), float(max(x)), float(max(y))


def box_of(source: Grid, size: tuple[int, int], demand: Demand, margin: int = 0) -> Box | None:
    """The pixels of a raster of ``(width, height)`` that a demand needs; None if there are none."""
    if demand.whole is None:
        return None
    bounds = covered(source, demand.grid, demand.whole)
    width, height = size
    if bounds is None:
        return Box(0, 0, width - 1, height - 1)
    left, top, right, bottom = (math.floor(max(-1e9, min(v + warp.TIE, 1e9))) for v in bounds)
    box = Box(
        max(left - margin, 0), max(top - margin, 0), min(right + margin, width - 1), min(bottom + margin, height - 1),
    )  # fmt: skip
    return None if box.left > box.right or box.top > box.bottom else box


@dataclass(slots=True)
class _Unit:
    """What is wanted of one set of blocks."""

    band: RasterBand
    header: Header | None
    index: int
    level: int
    grid: Grid
    size: tuple[int, int]
    mask: bool
    bands: set[int] = field(default_factory=set)
    boxes: set[Box] = field(default_factory=set)


class Reads:
    """Collects what bands are asked for, and what that costs."""

    def __init__(self, store: BlockStore) -> None:
        self.store = store
        self.opened = 0
        self._units: dict[tuple[str, int, int], _Unit] = {}

    def add(self, source: Source, demand: Demand) -> bool:
        """Notes what a demand needs of a band and its masks; False if that is nothing."""
        band, margin = source.band, MARGINS[source.method]
        if box_of(band.grid, (band.width, band.height), demand, margin) is None:
            return False
        level, grid, size = self._level(band, demand.grid)
        box = box_of(grid, size, demand, margin)
        if box is None:
            return False
        header = self._header(band.path)
        self._note(band, header, band.index, level, grid, size, box, mask=False)
        for rule in band.masks:
            self._add_mask(band, rule.path, rule.index, demand, margin)
        return True

    def _add_mask(
        self, band: RasterBand, path: str, index: int, demand: Demand, margin: int
    ) -> None:
        """A mask is read from full resolution (see ``raster.source``)."""
        header = self._header(path)
        width, height = (header.width, header.height) if header else (band.width, band.height)
        own = Grid(
            band.grid.crs,
            compose(band.grid.transform, (band.width / width, 0, 0, 0, band.height / height, 0)),
        )
        box = box_of(own, (width, height), demand, margin)
        if box is not None:
            named = RasterBand(path, index, band.type, own, width, height, asset=band.asset)
            self._note(named, header, index, 0, own, (width, height), box, mask=True)

    def _note(
        self,
        band: RasterBand,
        header: Header | None,
        index: int,
        level: int,
        grid: Grid,
        size: tuple[int, int],
        box: Box,
        *,
        mask: bool,
    ) -> None:
        together = index != 0 and header is not None and header.layout is not None
        plane = -1 if together and header.layout.interleaved else index  # type: ignore[union-attr]
        unit = self._units.setdefault(
            (band.path, level, plane), _Unit(band, header, index, level, grid, size, mask)
        )
        unit.mask = unit.mask and mask
        unit.bands.add(index)
        unit.boxes.add(box)

    def _header(self, path: str) -> Header | None:
        """The header of a file; None where it is not known and no more may be opened."""
        known = self.store.known(path)
        if known is None and self.opened < MOST_HEADERS:
            self.opened += 1
            known = self.store.header(path)
        return known

    def _level(self, band: RasterBand, grid: Grid) -> tuple[int, Grid, tuple[int, int]]:
        """Which level is read, its grid and size; guessed (each half of the one before) without a header."""
        if stored.ratio(band, grid) < 2 or self._header(band.path) is not None:
            level, own, width, height = stored.level_of(self.store, band, grid)
            return level, own, (width, height)
        level = math.floor(math.log2(stored.ratio(band, grid)))
        factor = 2.0**level
        own = Grid(band.grid.crs, compose(band.grid.transform, (factor, 0, 0, 0, factor, 0)))
        return level, own, (math.ceil(band.width / factor), math.ceil(band.height / factor))

    def rows(self) -> Iterator[Read]:
        """What is read, in the order in which it was found."""
        checks = MOST_CHECKS
        for unit in self._units.values():
            band, header = unit.band, unit.header
            if header is None:
                cost = _guessed(unit)
            else:
                cost = survey(
                    self.store, header, unit.index, unit.level, unit.boxes, max(checks, 0)
                )
                checks -= cost.blocks
            yield Read(
                band.asset,
                os.path.basename(band.path),
                tuple(sorted(unit.bands)),
                unit.mask,
                _dtype(unit),
                unit.level,
                None if header is None else len(header.levels),
                unit.grid.nominal_scale,
                cost,
                header is None,
            )


def _dtype(unit: _Unit) -> str:
    if unit.index == 0:
        return "uint8"
    found = unit.band.type.dtype if unit.header is None else unit.header.dtypes[unit.index - 1]
    return str(found)


def _guessed(unit: _Unit) -> Survey:
    """Of a file that was not opened: blocks of a usual size under the box around all boxes."""
    size = Level(*unit.size, TYPICAL, TYPICAL)
    down, across = spans(size, around(unit.boxes))
    width = min(across.stop * TYPICAL, size.width) - across.start * TYPICAL
    height = min(down.stop * TYPICAL, size.height) - down.start * TYPICAL
    decoded = width * height * unit.band.type.dtype.itemsize
    blocks = (down.stop - down.start) * (across.stop - across.start)
    return Survey(blocks, decoded, None, 0, decoded)
