"""Random numbers and places that depend on seeds only."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely

from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.element import INDEX, Feature
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.geometry import ErrorMargin, Geometry
from ecumene.core.registry import algorithm
from ecumene.core.wire import Integer, Long
from ecumene.vector.degrees import TOLERANCE
from ecumene.vector.scatter import spread
from ecumene.vector.transform import metres

_CHUNK = 4096
HUNDRED = {"type": "ErrorMargin", "unit": "meters", "value": 100.0}


def _uniform(seed: int, text: str) -> float:
    digest = hashlib.blake2b(f"{seed}/{text}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) * 2.0**-53


@algorithm("Collection.randomColumn")
def random_column(
    collection: Collection, column_name: str = "random", seed: Long = 0, distribution: str = "uniform",
    row_keys: list[str] = ["system:index"],  # noqa: B006 - the listed default
) -> Collection:  # fmt: skip
    """A random number for every element, a hash of some of its properties and the seed.

    Parameters
    ----------
    collection : the elements.
    column_name : name of the property.
    seed : another seed gives other numbers.
    distribution : ``uniform`` (0 to 1) or ``normal``.
    row_keys : properties that identify an element.
    """
    if distribution not in ("uniform", "normal"):
        raise EvaluationError(f"Collection.randomColumn: Unknown distribution '{distribution}'.")

    def numbered(element: Any) -> Any:
        text = repr([element.get(name) for name in row_keys])
        value = _uniform(seed, text)
        if distribution == "normal":
            other = _uniform(seed, f"{text}/2")
            value = math.sqrt(-2 * math.log(max(value, 1e-300))) * math.cos(2 * math.pi * other)
        return element.set(column_name, value)

    return collection.map(numbered, collection.kind)


@algorithm("FeatureCollection.randomPoints")
def random_points(
    region: Geometry, points: Integer = 1000, seed: Long = 0, max_error: ErrorMargin = HUNDRED,  # type: ignore[assignment]
    *, context: Context,
) -> Collection:  # fmt: skip
    """Points spread evenly over the area of a region, along its lines if it has no area, or chosen among its points.

    Of parts of different dimensions those of the highest count. The same seed gives the same points.

    Parameters
    ----------
    region : where.
    points : how many.
    seed : another seed gives other points.
    max_error : how far edges may stray where they are approximated.
    """
    name = "FeatureCollection.randomPoints"
    if points > context.limits.list_elements // 10:
        raise LimitExceeded(
            f"{name}: At most {context.limits.list_elements // 10} points are allowed."
        )
    draw = spread(region, metres(max_error, TOLERANCE))
    if draw is None:
        raise EvaluationError(f"{name}: The region is empty.")
    count = max(points, 0)

    def produce() -> Iterator[Feature]:
        source = np.random.default_rng(seed & 0xFFFFFFFFFFFFFFFF)
        for first in range(0, count, _CHUNK):
            context.cancel.check()
            for k, place in enumerate(draw(source, _CHUNK)[: count - first].tolist(), first):
                yield Feature({INDEX: str(k)}, geometry=Geometry(shapely.Point(place)))

    return Collection.lazy(produce, "Feature", lambda: count)
