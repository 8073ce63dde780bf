"""Geometries as values: a Shapely shape, its CRS, and how its edges run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry


class Keeper:
    """Holds forms of a value that are asked for again and again; no part of the value."""

    __slots__ = ("_kept",)
    _kept: dict[Any, Any]

    def keep(self, key: Any, make: Callable[[], Any]) -> Any:
        """What ``make`` gives, kept under a key for as long as the value lives."""
        try:
            kept = self._kept
        except AttributeError:
            kept = {}
            object.__setattr__(self, "_kept", kept)
        if key not in kept:
            kept[key] = make()
        return kept[key]


@dataclass(frozen=True, slots=True, eq=False)
class Geometry(Keeper):
    """A shape in a CRS.

    ``geodesic``: edges are shortest paths on the spheroid, else straight in the CRS.
    ``unbounded``: the whole world (the footprint of a constant image); ``shape`` is then its
    rectangle of longitudes and latitudes.
    """

    shape: BaseGeometry
    crs: str = "EPSG:4326"
    geodesic: bool = True
    even_odd: bool = True
    unbounded: bool = False

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Geometry)
            and self.crs == other.crs
            and self.geodesic == other.geodesic
            and bool(shapely.equals_exact(self.shape, other.shape))
        )

    def __hash__(self) -> int:
        return hash((self.shape.wkb, self.crs, self.geodesic))

    def with_shape(self, shape: Any) -> Geometry:
        """Another shape in the same CRS with the same kind of edges."""
        return Geometry(shape, self.crs, self.geodesic, self.even_odd)


UNBOUNDED = Geometry(shapely.box(-180, -90, 180, 90), geodesic=False, unbounded=True)


@dataclass(frozen=True, slots=True)
class ErrorMargin:
    """A tolerance: ``unit`` is ``meters``, ``projected`` or ``infinite``."""

    value: float
    unit: str = "meters"
    projection: Any = None
