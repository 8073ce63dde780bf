"""Projections and error margins."""

from __future__ import annotations

import math
import re
from typing import Any

from ecumene.core import crs as crs_
from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import ErrorMargin
from ecumene.core.projection import IDENTITY, Projection, affine
from ecumene.core.registry import algorithm
from ecumene.core.wire import Float, Object

_PARAMETER = re.compile(r'PARAMETER\[\s*"elt_(\d)_(\d)"\s*,\s*([-+0-9.eE]+)\s*\]', re.IGNORECASE)


def _from_wkt(text: str) -> Any:
    if "affine" not in text.lower():
        raise EvaluationError("Projection: The transform must be a WKT of an affine transform.")
    found = list(IDENTITY)
    for row, col, value in _PARAMETER.findall(text):
        if int(row) < 2 and int(col) < 3:
            found[int(row) * 3 + int(col)] = float(value)
    return affine(found)


@algorithm("Projection")
def projection(
    crs: Object, transform: list[Object] | None = None, transform_wkt: str | None = None
) -> Projection:
    """A coordinate reference system with an affine transform from pixels to it.

    Parameters
    ----------
    crs : a code such as ``EPSG:4326``, WKT, or a projection.
    transform : ``[xScale, xShear, xTranslate, yShear, yScale, yTranslate]``.
    transform_wkt : the transform as WKT; excludes ``transform``.
    """
    if transform is not None and transform_wkt is not None:
        raise EvaluationError(
            "Projection: Only one of 'transform' and 'transformWkt' may be given."
        )
    base = crs if isinstance(crs, Projection) else _parsed(crs)
    if transform is not None:
        if len(transform) != 6 or not all(isinstance(v, int | float) for v in transform):
            raise EvaluationError("Projection: 'transform' must be a list of 6 numbers.")
        return Projection(base.crs, affine(transform))
    if transform_wkt is not None:
        return Projection(base.crs, _from_wkt(transform_wkt))
    return base


def _parsed(crs: Any) -> Projection:
    if not isinstance(crs, str):
        raise EvaluationError(f"Projection: The CRS must be a string, got {crs}.")
    crs_.parse(crs)
    return Projection(crs_.canonical(crs))


algorithm("Proj", deprecated="Use Projection().")(projection)


@algorithm("Projection.atScale")
def at_scale(projection: Projection, meters: Float) -> Projection:
    """The CRS with square pixels of a nominal size, its origin at that of the CRS.

    Parameters
    ----------
    projection : whose CRS to use.
    meters : nominal size of a pixel.
    """
    return projection.at_scale(meters)


@algorithm("Projection.crs")
def crs(projection: Projection) -> str | None:
    """The code of the CRS, null if it has none.

    Parameters
    ----------
    projection : the projection.
    """
    return projection.crs if crs_.is_code(projection.crs) else None


@algorithm("Projection.nominalScale")
def nominal_scale(proj: Projection) -> Float:
    """Metres in a pixel at the point of true scale.

    Parameters
    ----------
    proj : the projection.
    """
    return proj.nominal_scale


@algorithm("Projection.scale")
def scale(projection: Projection, x: Float, y: Float) -> Projection:
    """The projection with pixels scaled in both directions.

    Parameters
    ----------
    projection : the projection.
    x : factor of the width of a pixel.
    y : factor of the height of a pixel.
    """
    return projection.scaled(x, y)


@algorithm("Projection.translate")
def translate(projection: Projection, x: Float, y: Float) -> Projection:
    """The projection moved by pixels.

    Parameters
    ----------
    projection : the projection.
    x : pixels in x.
    y : pixels in y.
    """
    return projection.translated(x, y)


def _text(value: float) -> str:
    return repr(float(value))


@algorithm("Projection.transform")
def transform(projection: Projection) -> str:
    """The affine transform as WKT, elements of the identity left out.

    Parameters
    ----------
    projection : the projection.
    """
    lines = ['PARAM_MT["Affine"', '  PARAMETER["num_row", 3]', '  PARAMETER["num_col", 3]']
    for place, (value, usual) in enumerate(zip(projection.transform, IDENTITY, strict=True)):
        if value != usual:
            lines.append(f'  PARAMETER["elt_{place // 3}_{place % 3}", {_text(value)}]')
    return ", \n".join(lines) + "]"


@algorithm("Projection.wkt")
def wkt(projection: Projection) -> str:
    """The CRS as WKT.

    Parameters
    ----------
    projection : the projection.
    """
    return crs_.wkt(projection.crs)


@algorithm("ErrorMargin")
def error_margin(value: Float | None = None, unit: str = "meters") -> ErrorMargin:
    """A tolerance of a geometric operation.

    Parameters
    ----------
    value : how much; ignored for an infinite margin.
    unit : ``meters``, ``projected`` or ``infinite``.
    """
    if unit not in ("meters", "projected", "infinite"):
        raise EvaluationError(f"ErrorMargin: Unknown unit '{unit}'.")
    if unit == "infinite":
        return ErrorMargin(0.0, "infinite")
    metres = abs(value or 0.0)
    if math.isnan(metres):
        raise EvaluationError("ErrorMargin: The value must be a number, got NaN.")
    if unit == "meters" and metres >= 2.0e7:
        return ErrorMargin(metres, "infinite")
    return ErrorMargin(metres, unit)
