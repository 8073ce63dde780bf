"""Colours by name or hexadecimal text."""

from __future__ import annotations

from functools import lru_cache

from PIL import ImageColor

from ecumene.core.errors import EvaluationError


@lru_cache(maxsize=4096)
def rgba(text: str) -> tuple[int, int, int, int]:
    """Red, green, blue, alpha (0–255) of a CSS name, ``RRGGBB``, ``#RGB`` or ``RRGGBBAA``."""
    plain = text.strip()
    for candidate in (f"#{plain}", plain):
        try:
            found = ImageColor.getcolor(candidate, "RGBA")
        except ValueError:
            continue
        assert isinstance(found, tuple)
        r, g, b, a = found
        return r, g, b, a
    raise EvaluationError(f"Invalid color: '{text[:100]}'.")
