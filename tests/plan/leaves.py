"""Nodes for tests: they note what they are asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ecumene.core.pixel_type import PixelType
from ecumene.plan.node import Pixels, PlanNode

FLOAT = PixelType("float")


@dataclass(frozen=True, eq=False)
class Noise(PlanNode):
    """Random numbers of its own memory; a share of them masked. ``asked`` lists (grid, window)."""

    seed: int = 0
    masked: float = 0.0
    type: PixelType = FLOAT
    asked: list = field(default_factory=list, compare=False)

    @property
    def digest(self) -> bytes:
        return f"noise {self.seed} {self.masked} {self.type}".encode()

    def evaluate(self, grid, window, context):
        self.asked.append((grid, window))
        random = np.random.default_rng(self.seed)
        values = (random.random(window.shape) * 200).astype(self.type.dtype)
        if not self.masked:
            return Pixels(values)
        return Pixels(values, random.random(window.shape) >= self.masked)
