"""Images made of points and lines of tables: distances to them, values between them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ecumene.algorithms.image.drawing import elements
from ecumene.algorithms.reducers.apply import reduce_rows
from ecumene.core.context import Context
from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import Geometry
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import DOUBLE
from ecumene.core.reducer import Reducer
from ecumene.core.registry import algorithm
from ecumene.core.wire import CollectionArg, Float
from ecumene.numerics.interpolation import SHAPES, Semivariogram
from ecumene.plan.nodes import Away, Estimated
from ecumene.vector.degrees import WORLD, simple_parts
from ecumene.vector.edges import check_edges
from ecumene.vector.shapes import centroid
from ecumene.vector.transform import with_edges

ESTIMATE = "estimate"
_FLAT = ("Point", "MultiPoint")


@algorithm("Collection.distance")
def distance(
    features: CollectionArg, search_radius: Float = 100_000.0, max_error: Float = 100.0,
    *, context: Context,
) -> Image:  # fmt: skip
    """Metres from each pixel's centre to the nearest point, line or boundary of the features, on a sphere.

    Distances are measured to boundaries inside of polygons too. Pixels further than the radius from everything
    are masked. The band is called ``distance``; it has no projection of its own.

    Parameters
    ----------
    features : the features.
    search_radius : largest distance in metres.
    max_error : metres that edges may stray where they are no shortest paths already; 0 refuses such edges.
    """
    name = "Collection.distance"
    if not search_radius >= 0 or not max_error >= 0:
        raise EvaluationError(f"{name}: 'searchRadius' and 'maxError' must not be negative.")
    points: list[Any] = []
    lines: list[Any] = []
    for element in elements(features, context):
        parts = simple_parts(_geodesic(name, element.outline, max_error).shape)
        points += [part for part in parts if part.geom_type == "Point"]
        lines += [part for part in parts if part.geom_type in ("LineString", "LinearRing")]
        lines += shapely.get_rings([p for p in parts if p.geom_type == "Polygon"]).tolist()
    node = Away(
        shapely.get_coordinates(points).reshape(-1, 2), _arcs(lines), float(search_radius), DOUBLE
    )
    return Image(bands=(Band("distance", node),))


def _geodesic(name: str, geometry: Geometry, max_error: float) -> Geometry:
    """The geometry in degrees with edges that are shortest paths."""
    if geometry.crs == WORLD and (geometry.geodesic or geometry.shape.geom_type in _FLAT):
        return geometry
    if max_error == 0:
        raise EvaluationError(
            f"{name}: Unable to perform this geometry operation. Please specify a non-zero error margin."
        )
    return with_edges(geometry, WORLD, True, max_error)


def _arcs(lines: list[Any]) -> NDArray[np.float64]:
    """Both ends of every edge, ``(n, 4)`` degrees."""
    points, line = shapely.get_coordinates(lines, return_index=True)
    check_edges(len(points))
    inner = line[1:] == line[:-1]
    return np.column_stack([points[:-1][inner], points[1:][inner]]).reshape(-1, 4)


@algorithm("FeatureCollection.kriging")
def kriging(
    collection: CollectionArg, property_name: str, shape: str, range: Float, sill: Float, nugget: Float,
    max_distance: Float | None = None, reducer: Reducer | None = None, *, context: Context,
) -> Image:  # fmt: skip
    """At each pixel the estimate of a property by ordinary kriging from the features around it.

    The semivariogram is 0 at no distance, ``nugget + (sill − nugget) · s(h / range)`` elsewhere, with
    s(x) = 1 − exp(−3x), 1 − exp(−3x²), or 1.5x − 0.5x³ up to 1: it has reached its sill, or 95 % of its
    rise, at the range. Distances are those on a sphere. Pixels without a feature around them are masked. Earth
    Engine documents the parameters alone; the system and the shapes are the textbook's, and the band's name
    (``estimate``) is ours. Features that are no points count at their centroids.

    Parameters
    ----------
    collection : the features.
    property_name : a numeric property; features without it are left out.
    shape : ``exponential``, ``gaussian`` or ``spherical``.
    range : distance in metres at which values have nothing in common any more.
    sill : the semivariance from there on.
    nugget : the semivariance of places next to each other.
    max_distance : metres around a pixel within which features count; the range if missing.
    reducer : of the values of features at one place; their mean if missing.
    """
    name = "FeatureCollection.kriging"
    if shape not in SHAPES:
        raise EvaluationError(f"{name}: Unknown semivariogram shape '{shape}'.")
    reach = range if max_distance is None else max_distance
    if not (0 < range < math.inf and 0 <= nugget <= sill < math.inf and 0 < reach < math.inf):
        raise EvaluationError(
            f"{name}: 'range' and 'maxDistance' must be positive, and 0 <= nugget <= sill."
        )
    points, values = _known(name, collection, property_name, reducer, context)
    model = Semivariogram(shape, float(range), float(sill), float(nugget))
    node = Estimated(points, values, float(reach), model, 0.0, 1.0, DOUBLE)
    return Image(bands=(Band(ESTIMATE, node),))


@algorithm("FeatureCollection.inverseDistance")
def inverse_distance(
    collection: CollectionArg, range: Float, property_name: str, mean: Float, std_dev: Float,
    gamma: Float = 1.0, reducer: Reducer | None = None, *, context: Context,
) -> Image:  # fmt: skip
    """At each pixel the estimate of a property by inverse distances from the features around it.

    Values are taken as deviations from the mean in units of the standard deviation, averaged with the weights
    ``range / d − 1``, and the average fades with the distance d of the nearest feature by
    ``(1 − d / range)^gamma`` to the global mean. At a feature the estimate is its value; pixels further than the
    range from all features are masked. Earth Engine documents the parameters alone ("how quickly the estimates
    tend towards the global mean"); this is a rule with their meaning, and the band's name (``estimate``) is
    ours. Distances are those on a sphere; features that are no points count at their centroids.

    Parameters
    ----------
    collection : the features.
    range : metres around a pixel within which features count.
    property_name : a numeric property; features without it are left out.
    mean : the mean that estimates tend to.
    std_dev : the standard deviation, positive; the average of deviations does not depend on it.
    gamma : how quickly estimates fade; 0 not at all.
    reducer : of the values of features at one place; their mean if missing.
    """
    name = "FeatureCollection.inverseDistance"
    if not (0 < range < math.inf and std_dev > 0 and 0 <= gamma < math.inf and math.isfinite(mean)):
        raise EvaluationError(
            f"{name}: 'range' and 'stdDev' must be positive, and 'gamma' not negative."
        )
    points, values = _known(name, collection, property_name, reducer, context)
    node = Estimated(points, values, float(range), None, float(mean), float(gamma), DOUBLE)
    return Image(bands=(Band(ESTIMATE, node),))


def _known(
    name: str, collection: CollectionArg, prop: str, reducer: Reducer | None, context: Context
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places ``(n, 2)`` in degrees and one value for each."""
    if reducer is not None and (reducer.inputs != 1 or len(reducer.output_names) != 1):
        raise EvaluationError(f"{name}: The reducer must have one input and one output.")
    found: dict[tuple[float, float], list[float]] = {}
    for element in elements(collection, context):
        value = element.get(prop)
        if isinstance(value, int | float) and math.isfinite(value):
            found.setdefault(_place(element.outline), []).append(value)
    values = [_single(reducer, held) for held in found.values()]
    places = np.array(list(found), float).reshape(-1, 2)
    keep = np.array([value is not None for value in values], bool)
    kept = np.array([value for value in values if value is not None], float)
    return places[keep], kept


def _single(reducer: Reducer | None, values: list[float]) -> float | None:
    if reducer is None:
        return float(np.mean(values))
    found = next(iter(reduce_rows(reducer, ((value,) for value in values)).values()))
    return float(found) if isinstance(found, int | float) else None


def _place(geometry: Geometry) -> tuple[float, float]:
    if geometry.crs != WORLD or geometry.shape.geom_type != "Point":
        geometry = with_edges(centroid(geometry, None, None), WORLD, True, 0.1)
    return float(geometry.shape.x), float(geometry.shape.y)
