"""Reducers as values: monoids with array-shaped ``add``. Constructors are in ``algorithms.reducers``.

A reducer consumes ``inputs`` columns at a time. Its accumulator works on *cells*: ``shape`` is
``()`` for a list, a column or a region, and ``(height, width)`` when a stack of images is reduced per
pixel. ``add`` takes ``n`` samples for every cell at once, each input ``(n, *shape)`` with a weight
array of the same shape (None = all valid with weight one; weight 0 = absent sample).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ecumene.core.pixel_type import PixelType

Samples = NDArray[Any]
Weights = NDArray[np.floating[Any]] | NDArray[np.bool_] | None


class Accumulator(Protocol):
    """``start · add · merge · finish``: associative, so tiles and threads need no further thought."""

    def start(self, shape: tuple[int, ...]) -> Any:
        """An empty state for these cells."""

    def add(self, state: Any, inputs: Sequence[Samples], weights: Sequence[Weights]) -> Any:
        """The state with ``n`` more samples per cell; one weight array per input."""

    def merge(self, left: Any, right: Any) -> Any:
        """The state of both, ``left`` first."""

    # Some have ``zonal(block) -> state``: all zones of a ``numerics.reducers.zonal.Block`` as cells.

    def finish(self, state: Any) -> list[tuple[Any, Any]]:
        """Per output ``(values, valid)``: arrays of the cells' shape (``valid`` None = all valid).

        For shape ``()`` values may be any object (lists, dictionaries, strings).
        """


@dataclass(frozen=True)
class Reducer:
    """A named reducer.

    ``input_weighted`` says for each input whether region reductions give it fractional weights;
    ``outputs`` are names (None = dropped); ``output_type(input types)`` gives pixel types.
    ``parts`` of a combined reducer are its reducers with the positions of their inputs, their outputs
    following each other: region reductions run each by itself, with its own weights. A ``mixed`` reducer
    holds a combined one whose parts differ in that; its accumulator is given both kinds of weights
    (``numerics.reducers.wrappers.Cover``). One ``of_arrays`` takes array pixels, others numbers only.
    """

    name: str
    outputs: tuple[str | None, ...]
    accumulator: Accumulator
    input_weighted: tuple[bool, ...] = (False,)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    output_types: Any = None
    repeats: int = 0
    parts: tuple[tuple[Reducer, tuple[int, ...]], ...] = ()
    mixed: bool = False
    of_arrays: bool = False

    @property
    def plan_token(self) -> bytes:
        """Equal for reducers that do the same: made by the same constructor from the same arguments."""
        return repr((self.name, self.outputs, self.input_weighted, _text(self.arguments))).encode()

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return len(self.input_weighted)

    @property
    def output_names(self) -> list[str]:
        """Names of the outputs that are kept."""
        return [name for name in self.outputs if name]

    def types(self, inputs: Sequence[PixelType]) -> list[PixelType]:
        """Pixel types of the outputs for input types."""
        if self.output_types is None:
            return [PixelType("double")] * len(self.outputs)
        return list(self.output_types(tuple(inputs)))


def _text(value: Any) -> str:
    """Arguments as text."""
    if isinstance(value, Reducer):
        return value.plan_token.decode()
    if isinstance(value, Mapping):
        return repr([(key, _text(item)) for key, item in value.items()])
    if isinstance(value, list | tuple):
        return repr([_text(item) for item in value])
    return repr(value)
