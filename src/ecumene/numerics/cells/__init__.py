"""Operators on cells that are padded by a halo.

Each is ``op(cell, values, valid, *params)`` with lists of padded arrays ``(side + 2·halo, side + 2·halo)`` and of their
validity, and returns values ``(side, side)`` or ``(side, side, n)`` and validity ``(side, side)``.
"""

from __future__ import annotations

from ecumene.numerics.cells import clusters, shapes, superpixels, surfaces
from ecumene.numerics.cells.common import Cell, CellOp

__all__ = ["CELL_OPS", "Cell"]

CELL_OPS: dict[str, CellOp] = {**clusters.OPS, **shapes.OPS, **superpixels.OPS, **surfaces.OPS}
