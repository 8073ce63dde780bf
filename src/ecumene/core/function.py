"""Functions as values."""

from __future__ import annotations

from typing import Any, Protocol


class Function(Protocol):
    """A user-defined function or an algorithm passed as a value; called with positional values."""

    @property
    def argument_names(self) -> tuple[str, ...]:
        """Declared names, in order."""

    def __call__(self, *arguments: Any) -> Any:
        """The value of the body."""
