"""Sets of selectors: which properties and geometry of an object are to be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import Geometry
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean, Float, Object, Wire

Rectangle = Annotated[Geometry, Wire("Rectangle")]

MOST = 10_000
"""Paths of a set."""


@dataclass(frozen=True, slots=True)
class SelectorSet:
    """A constructor's name and its arguments: a description, nothing is read."""

    name: str
    arguments: dict[str, Any] = field(hash=False)

    def to_json(self) -> dict[str, Any]:
        """Type and arguments."""
        return {"type": self.name, **self.arguments}


@algorithm("SelectorSet", hidden=True)
def selector_set(paths: Object) -> SelectorSet:
    """The properties at some paths.

    Parameters
    ----------
    paths : a path such as ``a.b``, or a list of paths.
    """
    if isinstance(paths, SelectorSet):
        return paths
    found = [paths] if isinstance(paths, str) else paths
    if not isinstance(found, list) or not all(isinstance(path, str) for path in found):
        raise EvaluationError("SelectorSet: 'paths' must be a list of strings.")
    if len(found) > MOST:
        raise EvaluationError(f"SelectorSet: At most {MOST} paths are allowed.")
    return SelectorSet("SelectorSet", {"paths": sorted(set(found))})


@algorithm("SelectorSet.Object", hidden=True, wire_names={"sets": "map"})
def of_object(sets: dict[str, SelectorSet]) -> SelectorSet:
    """The selectors of each property.

    Parameters
    ----------
    sets : sets of selectors by the names of properties.
    """
    return SelectorSet("SelectorSet.Object", {"map": sets})


@algorithm("SelectorSet.Geometry", hidden=True)
def of_geometry(error_meters: Float, region: Rectangle) -> SelectorSet:
    """A geometry, to an accuracy and within a region.

    Parameters
    ----------
    error_meters : largest error in metres.
    region : where.
    """
    return SelectorSet("SelectorSet.Geometry", {"errorMeters": error_meters, "region": region})


@algorithm("SelectorSet.Simple", hidden=True)
def simple(all: Boolean) -> SelectorSet:
    """A whole object, or nothing of it.

    Parameters
    ----------
    all : the whole object.
    """
    return SelectorSet("SelectorSet.Simple", {"all": all})
