"""Elements of collections as plain GeoJSON features."""

from __future__ import annotations

from typing import Any

from ecumene.core.context import Context
from ecumene.core.element import INDEX, Element
from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import Geometry
from ecumene.engine.service import Engine
from ecumene.vector.geojson import encode_plain


def feature(element: Any, engine: Engine, context: Context) -> dict[str, Any]:
    """An element as plain GeoJSON: degrees, straight edges."""
    if not isinstance(element, Element):
        raise EvaluationError(
            "The collection holds something that is neither a feature nor an image."
        )
    outline: Geometry | None = element.outline
    properties = {k: v for k, v in element.properties.items() if k != INDEX}
    out: dict[str, Any] = {
        "type": "Feature",
        "geometry": None if outline is None else encode_plain(outline),
        "properties": engine.to_json(properties, context),
    }
    if element.index is not None:
        out["id"] = element.index
    return out
