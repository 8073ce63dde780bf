"""Kernels as values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Kernel:
    """Weights around a focus. ``units`` is ``pixels`` or ``meters`` (then ``sized`` rebuilds it).

    ``weights`` is ``(rows, columns)``; ``focus`` is ``(x, y)`` of the centre cell from the top left.
    """

    name: str
    weights: NDArray[np.float64]
    focus: tuple[int, int]
    units: str = "pixels"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    sized: Any = None
    """For metre kernels: ``metres_per_pixel -> Kernel`` in pixels."""

    @cached_property
    def plan_token(self) -> bytes:
        """A digest that is equal for equal kernels; found once, however many nodes use the kernel."""
        words = (self.name, self.focus, self.units, self.weights.shape, repr(self.sized))
        return hashlib.blake2b(
            repr(words).encode() + self.weights.tobytes(), digest_size=16
        ).digest()
