"""Values as JSON, in the shapes that ``getInfo`` prints."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import numpy as np
import shapely

from ecumene.core import crs as crs_
from ecumene.core.array import Array
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.dates import Date, DateRange
from ecumene.core.element import INDEX, Feature
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.filter import Filter
from ecumene.core.geometry import ErrorMargin, Geometry
from ecumene.core.image import Band, Image
from ecumene.core.kernel import Kernel
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Projection
from ecumene.core.reducer import Reducer
from ecumene.engine.types import type_name, type_text
from ecumene.vector.geojson import encode

DEEPEST = 200

MOST_WEIGHTS = 65_536
"""Weights of a kernel that are printed one by one."""


def number(value: float | int) -> Any:
    """Integral values without fraction, NaN and infinities as strings."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return int(value) if value.is_integer() and abs(value) < 1e17 else value


class Encoder:
    """Encodes one result, counting elements, depth and (roughly) bytes."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.elements = 0
        self.bytes = 0

    def spend(self, size: int) -> None:
        """Counts bytes of the response against the limit."""
        self.bytes += size
        limit = self.context.limits.result_bytes
        if self.bytes > limit:
            raise LimitExceeded(f"Response size exceeds limit of {limit} bytes.")

    def encode(self, value: Any, depth: int = 0) -> Any:
        """JSON of any value."""
        if depth > DEEPEST:
            raise LimitExceeded(f"The result is nested too deeply; at most {DEEPEST} levels.")
        self.spend(len(value) + 3 if isinstance(value, str) else 4)
        if value is None or isinstance(value, str | bool):
            return value
        if isinstance(value, int | float):
            return number(value)
        if isinstance(value, list | tuple):
            self.context.cancel.check()
            return [self.encode(item, depth + 1) for item in value]
        if isinstance(value, Mapping):
            self.spend(sum(len(str(key)) + 4 for key in value))
            return {str(key): self.encode(value[key], depth + 1) for key in sorted(value, key=str)}
        return self._object(value, depth)

    def _object(self, value: Any, depth: int) -> Any:
        if isinstance(value, np.generic):
            return self.encode(value.item(), depth)
        if isinstance(value, Array):
            self.spend(8 * int(value.values.size))
            return _array(value.values)
        if isinstance(value, Date):
            return {"type": "Date", "value": value.millis}
        if isinstance(value, DateRange):
            return {"type": "DateRange", "dates": [value.start, value.end]}
        if isinstance(value, Geometry):
            self.spend(16 * int(shapely.get_num_coordinates(value.shape)))
            return encode(value)
        if isinstance(value, Projection):
            described = value.to_json()
            return {**described, "transform": [number(v) for v in value.transform]}
        if isinstance(value, PixelType):
            return pixel_type(value)
        if isinstance(value, ErrorMargin):
            return error_margin(value)
        if isinstance(value, Image):
            return self.image(value, depth)
        if isinstance(value, Feature):
            return self.feature(value, depth)
        if isinstance(value, Collection):
            return self.collection(value, depth)
        return self._described(value, depth)

    def _described(self, value: Any, depth: int) -> Any:
        if isinstance(value, Filter):
            return self.encode(value.describe(), depth + 1)
        if isinstance(value, Reducer):
            return self.encode({"type": value.name, **value.arguments}, depth + 1)
        if isinstance(value, Kernel):
            return self.kernel(value, depth)
        if hasattr(value, "to_json"):
            return self.encode(value.to_json(), depth + 1)
        if isinstance(value, bytes):
            self.spend(len(value) * 4 // 3)
            return base64.b64encode(value).decode()
        if callable(value):
            return {"type": "Algorithm"}
        raise EvaluationError(f"A value of type {type(value).__name__} cannot be shown.")

    def kernel(self, value: Kernel, depth: int) -> dict[str, Any]:
        """Name, arguments, and the weights as text, one bracketed row per line."""
        height, width = value.weights.shape
        rows = f"\n  [{height} x {width} weights]"
        if height * width <= MOST_WEIGHTS:
            self.spend(8 * height * width)
            rows = "".join(
                f"\n  [{', '.join(str(number(float(v))) for v in row)}]" for row in value.weights
            )
        arguments = {
            k: self.encode(v, depth + 1) for k, v in value.arguments.items() if v is not None
        }
        return {"type": value.name, **arguments, "weights": rows, "center": list(value.focus)}

    def image(self, value: Image, depth: int) -> dict[str, Any]:
        """Bands without pixels; id and version only of unmodified assets."""
        out: dict[str, Any] = {"type": "Image", "bands": [band_json(band) for band in value.bands]}
        if value.id is not None:
            out["id"] = value.id
        if value.version is not None:
            out["version"] = value.version
        properties = self.encode(dict(value.properties), depth + 1)
        if properties:
            out["properties"] = properties
        return out

    def feature(self, value: Feature, depth: int) -> dict[str, Any]:
        """GeoJSON with the index as id."""
        shown = {k: v for k, v in value.properties.items() if k != INDEX}
        out: dict[str, Any] = {
            "type": "Feature",
            "geometry": self.encode(value.geometry, depth + 1),
        }
        if value.index is not None:
            out["id"] = value.index
        out["properties"] = self.encode(shown, depth + 1)
        return out

    def collection(self, value: Collection, depth: int) -> dict[str, Any]:
        """All elements, up to the limit."""
        limit = self.context.limits.elements
        found: list[Any] = []
        for element in islice(iter(value), limit + 1):
            self.context.cancel.check()
            found.append(element)
        self.elements += len(found)
        if self.elements > limit:
            raise EvaluationError(
                f"Collection query aborted after accumulating over {limit} elements."
            )
        is_images = value.kind == "Image" or (bool(found) and isinstance(found[0], Image))
        out: dict[str, Any] = {"type": "ImageCollection" if is_images else "FeatureCollection"}
        if is_images:
            out["bands"] = []
        else:
            out["columns"] = columns(found[:1])
        if value.id is not None and not value.steps:
            out["id"] = value.id
        if value.version is not None:
            out["version"] = value.version
        if value.properties:
            out["properties"] = self.encode(dict(value.properties), depth + 1)
        out["features"] = [self.member(element, depth + 1) for element in found]
        return out

    def member(self, value: Any, depth: int) -> Any:
        """An element of a collection: a collection among them is shown without its own elements."""
        if not isinstance(value, Collection):
            return self.encode(value, depth)
        kind = "ImageCollection" if value.kind == "Image" else "FeatureCollection"
        shown = {k: v for k, v in value.properties.items() if k != INDEX}
        out: dict[str, Any] = {"type": kind, "columns": {}}
        if INDEX in value.properties:
            out["id"] = value.properties[INDEX]
        if shown:
            out["properties"] = self.encode(shown, depth + 1)
        return out


def _array(values: Any) -> Any:
    if values.dtype.kind == "f":
        return _numbers(values.tolist())
    return values.tolist()


def _numbers(values: Any) -> Any:
    return [_numbers(item) for item in values] if isinstance(values, list) else number(values)


def pixel_type(value: PixelType) -> dict[str, Any]:
    """Precision, finite range, dimensions."""
    described = value.to_json()
    return {k: number(v) if isinstance(v, float) else v for k, v in described.items()}


def error_margin(value: ErrorMargin) -> dict[str, Any]:
    """Unit and value (none when infinite)."""
    if value.unit == "infinite":
        return {"type": "ErrorMargin", "unit": "infinite"}
    return {"type": "ErrorMargin", "unit": value.unit, "value": number(value.value)}


def band_json(band: Band) -> dict[str, Any]:
    """A band of ``getInfo``."""
    out: dict[str, Any] = {"id": band.name, "data_type": pixel_type(band.type)}
    if band.dimensions is not None:
        out["dimensions"] = list(band.dimensions)
        if band.origin != (0, 0):
            out["origin"] = list(band.origin)
    out["crs" if crs_.is_code(band.projection.crs) else "crs_wkt"] = band.projection.crs
    out["crs_transform"] = [number(v) for v in band.projection.transform]
    return out


def columns(elements: Iterable[Any]) -> dict[str, str]:
    """Names and types of properties, from the first element."""
    out: dict[str, str] = {}
    for element in elements:
        for name, value in getattr(element, "properties", {}).items():
            out[name] = column_type(value)
    return {name: out[name] for name in sorted(out)}


def column_type(value: Any) -> str:
    """The type text of a property."""
    if isinstance(value, list | dict):
        return type_text(value)
    if isinstance(value, Image):
        return f"Image<{len(value.bands)} bands>"
    return "Object" if value is None else type_name(value)
