"""Contents of stored objects as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Blob:
    """An object by its address, read when its contents are asked for; or bytes without an address."""

    url: str | None = None
    data: bytes | None = None

    def to_json(self) -> dict[str, Any]:
        """Type and address."""
        return {"type": "Blob"} if self.url is None else {"type": "Blob", "url": self.url}
