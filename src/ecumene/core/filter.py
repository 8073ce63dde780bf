"""Filters as values. Concrete filters are declared in ``algorithms.filters``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from ecumene.core.query import Condition, Query


class Filter(ABC):
    """A condition on one element, or (in joins) on a pair."""

    @abstractmethod
    def matches(self, left: Any, right: Any = None) -> bool:
        """Whether the element (or pair) satisfies the filter."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Earth Engine's description: ``{"type": "Filter.eq", …arguments}``."""

    def query(self) -> tuple[Query | None, bool]:
        """``(query, exact)``: what an index can answer (None = nothing) and whether that is all."""
        return None, False

    def condition(self) -> Condition | None:
        """Exactly what the filter asks of an element, for sources that test rows without making elements of them."""
        return None

    def parts(self) -> Sequence[Filter]:
        """Filters that must all pass."""
        return (self,)
