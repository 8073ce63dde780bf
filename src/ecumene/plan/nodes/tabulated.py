"""Per-pixel work on one stored band of few different values, done once per value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core import caches
from ecumene.core.context import Context
from ecumene.core.lru import Lru
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import DEFAULT_PROJECTION, Grid, Window
from ecumene.numerics.lookup import taken
from ecumene.plan.given import evaluated
from ecumene.plan.node import Mask, Pixels, PlanNode, empty
from ecumene.plan.nodes.basic import as_mask
from ecumene.plan.nodes.sources import Source, store_of
from ecumene.raster import source

KEPT_BYTES = 64 * 2**20
OVERHEAD = 1000
"""Bytes of an entry besides its arrays, about."""


@dataclass(frozen=True, slots=True)
class Table:
    """Results for every stored value, and last for pixels that are hidden or do not exist."""

    values: NDArray[Any]
    mask: Mask

    @property
    def weight(self) -> int:
        """Bytes in memory, about."""
        return self.values.nbytes + (0 if self.mask is None else self.mask.nbytes) + OVERHEAD


_recent: Lru[Table] = Lru(KEPT_BYTES, lambda table: table.weight)
"""Tables by shape of the work and kind of stored band: a series of scenes shares one."""

caches.share("value_tables", caches.of_lru(_recent, in_bytes=True))


@dataclass(frozen=True, eq=False)
class Tabulated(PlanNode):
    """``body``, which depends on place through one stored 8- or 16-bit band only, by table.

    ``shape`` is a hash of the body without the band's identity. With ``shows`` the values are the body as
    a mask (see ``basic.as_mask``), themselves never masked: one lookup instead of two.
    """

    source: Source
    body: PlanNode
    shape: bytes
    type: PixelType
    shows: bool = False

    def inputs(self) -> Iterator[PlanNode]:
        """The stored band; the body is evaluated here."""
        yield self.source

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Pixels:
        """Each pixel's entry of the table."""
        found = source.codes(store_of(context), self.source.band, grid, window)
        if found is None:
            table = self._table(self.source.band.type.dtype, context)
            return self._nowhere(table, window)
        table = self._table(found.values.dtype, context)
        stored = found.values.view(np.dtype(f"uint{8 * found.values.dtype.itemsize}"))
        values = taken(table.values, stored, found.index, found.valid).reshape(window.shape)
        if table.mask is None:
            return Pixels(values)
        mask = taken(table.mask, stored, found.index, found.valid).reshape(window.shape)
        return Pixels(values, None if mask.dtype == bool and mask.all() else mask)

    def _nowhere(self, table: Table, window: Window) -> Pixels:
        """Where the band has nothing."""
        mask = None if table.mask is None else table.mask[-1]
        if mask is not None and not mask:
            return empty(window, self.type.dtype)
        whole = None if mask is None or mask >= 1 else np.broadcast_to(mask, window.shape)
        return Pixels(np.broadcast_to(table.values[-1], window.shape), whole)

    def _table(self, stored: np.dtype[Any], context: Context) -> Table:
        band = self.source.band
        key = (
            self.shape, stored.str, band.missing, band.scale, band.offset, band.floor,
            band.type, self.source.type, self.shows,
        )  # fmt: skip
        table = _recent.get(key)
        if table is None:
            table = self._computed(stored, context)
            _recent.put(key, table)
        return table

    def _computed(self, stored: np.dtype[Any], context: Context) -> Table:
        """The body on all values that the type can hold."""
        every = np.arange(1 << (8 * stored.itemsize), dtype=f"uint{8 * stored.itemsize}")
        served, present = source.decoded(self.source.band, every.view(stored))
        values = np.append(served, served[:1]).astype(self.source.type.dtype)[None, :]
        mask = np.append(np.ones(every.size, bool) if present is None else present, False)[None, :]
        window = Window(0, 0, values.shape[1], 1)
        known = {id(self.source): Pixels(values, mask)}
        found = evaluated(self.body, known, DEFAULT_PROJECTION, window, context)
        if self.shows:
            shown = as_mask(found)
            found = Pixels(np.ones(values.shape, bool) if shown is None else np.asarray(shown))
        table = np.broadcast_to(found.values, values.shape)[0].copy()
        return Table(table, None if found.mask is None else found.mask[0].copy())
