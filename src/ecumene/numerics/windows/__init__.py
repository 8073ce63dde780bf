"""Operators on blocks that are padded by a halo.

Each is ``op(values, valid, halo, *params)`` with lists of padded arrays ``(h + 2·halo, w + 2·halo, …)`` and of
their validity (None = all), and returns values ``(h, w)`` or ``(h, w, n)`` and validity ``(h, w)``.
"""

from __future__ import annotations

from ecumene.numerics.windows import (
    correlation,
    distances,
    edges,
    formulas,
    matrices,
    spectral,
    texture,
)
from ecumene.numerics.windows.common import WindowOp

LONG = frozenset(correlation.OPS)
"""Operators that take ``check``: called now and then, it raises where their work is no longer wanted."""

WINDOW_OPS: dict[str, WindowOp] = {
    **correlation.OPS, **distances.OPS, **edges.OPS, **formulas.OPS, **matrices.OPS, **spectral.OPS, **texture.OPS,
}  # fmt: skip
