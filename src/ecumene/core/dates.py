"""Instants and ranges of time. Calendar arithmetic is in ``algorithms.dates``."""

from __future__ import annotations

from dataclasses import dataclass

MIN_MS = -(2**63)
MAX_MS = 2**63 - 1


@dataclass(frozen=True, slots=True, order=True)
class Date:
    """Milliseconds since 1970-01-01T00:00:00Z."""

    millis: int

    @staticmethod
    def of_number(millis: float) -> Date:
        """A date from finite milliseconds; fractions are cut off, the ends of 64 bits are kept."""
        return Date(max(MIN_MS, min(int(millis), MAX_MS)))


@dataclass(frozen=True, slots=True)
class DateRange:
    """``[start, end)`` in milliseconds; unbounded at ``MIN_MS``/``MAX_MS``."""

    start: int
    end: int

    @property
    def is_empty(self) -> bool:
        """No instant is inside."""
        return self.start >= self.end

    def contains(self, millis: int | float) -> bool:
        """Whether an instant is inside."""
        return self.start <= millis < self.end
