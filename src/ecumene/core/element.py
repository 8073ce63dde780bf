"""Elements of collections: anything with properties. Features are here, images in ``image``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from ecumene.core.geometry import Geometry

INDEX = "system:index"


@dataclass(frozen=True)
class Element:
    """Base of Feature and Image. ``properties`` holds plain values by name; ``id`` the asset id."""

    properties: Mapping[str, Any] = field(default_factory=dict)
    id: str | None = None
    version: int | None = None

    def get(self, name: str) -> Any:
        """A property, None if missing."""
        return self.properties.get(name)

    def with_properties(self, properties: Mapping[str, Any]) -> Self:
        """The same element with exactly these properties."""
        return replace(self, properties=dict(properties))

    def set(self, name: str, value: Any) -> Self:
        """The same element with one property replaced (None removes it)."""
        merged = dict(self.properties)
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = value
        return replace(self, properties=merged)

    @property
    def index(self) -> str | None:
        """``system:index``."""
        found = self.properties.get(INDEX)
        return None if found is None else str(found)

    @property
    def outline(self) -> Geometry | None:
        """The geometry that filters test: a feature's geometry, an image's footprint."""
        return None


@dataclass(frozen=True)
class Feature(Element):
    """A geometry (or none) with properties."""

    geometry: Geometry | None = None

    @property
    def outline(self) -> Geometry | None:
        """The geometry."""
        return self.geometry

    def get(self, name: str) -> Any:
        """A property; ``.geo`` is the geometry."""
        if name == ".geo":
            return self.geometry
        return self.properties.get(name)
