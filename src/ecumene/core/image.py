"""Images as values: descriptions of bands. No pixel is read by anything here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ecumene.core.element import Element
from ecumene.core.geometry import UNBOUNDED, Geometry
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import DEFAULT_PROJECTION, Projection


class Node:
    """Base of plan nodes (``ecumene.plan``): what produces the pixels of one band."""

    __slots__ = ()
    type: PixelType


@dataclass(frozen=True, slots=True)
class Band:
    """Name, default projection, producing node and, where known, the extent in pixels.

    ``dimensions`` is ``(width, height)`` and ``origin`` ``(col, row)`` in the projection's pixels.
    """

    name: str
    node: Any  # a Node; typed by the room above, which knows its own nodes
    projection: Projection = DEFAULT_PROJECTION
    dimensions: tuple[int, int] | None = None
    origin: tuple[int, int] = (0, 0)

    @property
    def type(self) -> PixelType:
        """Type of the pixels."""
        kind: PixelType = self.node.type
        return kind

    def renamed(self, name: str) -> Band:
        """The same band under another name."""
        return replace(self, name=name)

    def computed(self, node: Node, *, keep_extent: bool = False) -> Band:
        """A band of the same name and projection, made by another node."""
        if keep_extent:
            return replace(self, node=node)
        return Band(self.name, node, self.projection)


@dataclass(frozen=True)
class Image(Element):
    """Bands with properties and a footprint (unbounded for constants)."""

    bands: tuple[Band, ...] = ()
    footprint: Geometry = UNBOUNDED

    COMPUTED: ClassVar[tuple[str, ...]] = ("system:id", "system:version", "system:footprint")

    @property
    def outline(self) -> Geometry | None:
        """The footprint."""
        return self.footprint

    @property
    def band_names(self) -> list[str]:
        """Names in order."""
        return [band.name for band in self.bands]

    def get(self, name: str) -> Any:
        """A property, or one of the computed ``system:`` ones; None if missing."""
        if name in self.properties:
            return self.properties[name]
        if name == "system:id":
            return self.id
        if name == "system:version":
            return self.version
        if name in ("system:footprint", ".geo"):
            return self.footprint
        if name == "system:band_names":
            return self.band_names
        return None

    def with_bands(self, bands: tuple[Band, ...] | list[Band]) -> Image:
        """Other bands; properties and footprint kept, asset id dropped."""
        return replace(self, bands=tuple(bands), id=None, version=None)
