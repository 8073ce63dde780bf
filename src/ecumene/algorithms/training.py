"""What classifiers and clusterers share: rows of numbers out of features, bands by name, labelled features."""

from __future__ import annotations

import hashlib
from array import array
from typing import Any

import numpy as np

from ecumene.core.array import Array
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.image import Band, Image

MOST_ROWS, MOST_NUMBERS = 2_000_000, 50_000_000


def _share(seed: int, row: int) -> float:
    digest = hashlib.blake2b(f"{seed}/{row}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2.0**64


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def rows_of(
    name: str,
    features: Collection,
    properties: list[str],
    share: float,
    seed: int,
    context: Context,
) -> Any:
    """Rows ``(n, properties)`` of doubles; features with a value that is no finite number are left out.

    ``share`` in (0, 1] of the features is used, chosen by ``seed``.
    """
    if not 0 < share <= 1:
        raise EvaluationError(f"{name}: 'subsampling' must be within (0, 1]. Found {share}.")
    numbers, count = array("d"), 0
    for number, element in enumerate(features):
        context.cancel.check()
        if number >= MOST_ROWS:
            raise LimitExceeded(f"{name}: More than {MOST_ROWS} training features.")
        if share < 1 and _share(seed, number) >= share:
            continue
        values = [element.get(property) for property in properties]
        if all(map(_is_number, values)):
            numbers.extend(values)
            count += 1
            if len(numbers) > MOST_NUMBERS:
                raise LimitExceeded(f"{name}: More than {MOST_NUMBERS} numbers to train on.")
    rows = np.frombuffer(numbers, "float64").reshape(count, len(properties))
    return rows[np.isfinite(rows).all(axis=1)]


def input_names(
    name: str, features: Collection, given: list[str] | None, target: str | None
) -> list[str]:
    """The inputs: as given, else the collection's ``band_order``, else its numeric properties.

    EvaluationError if there are none.
    """
    if given:
        return list(given)
    order = features.properties.get("band_order")
    if isinstance(order, list) and order and all(isinstance(n, str) for n in order):
        found = [n for n in order if n != target]
    else:
        found = _numeric(name, features, target)
    if not found:
        raise EvaluationError(f"{name}: There are no numeric properties to use as inputs.")
    return found


def _numeric(name: str, features: Collection, target: str | None) -> list[str]:
    """The numeric properties of the first feature, by name."""
    first = features.first()
    if first is None:
        raise EvaluationError(f"{name}: No valid training data was found.")
    return sorted(
        k for k, v in first.properties.items()
        if _is_number(v) and not k.startswith("system:") and k != target
    )  # fmt: skip


def bands_of(name: str, image: Image, schema: tuple[str, ...]) -> list[Band]:
    """The bands with the inputs' names, in their order. Raises EvaluationError for one that is not there."""
    by_name = {band.name: band for band in image.bands}
    missing = [n for n in schema if n not in by_name]
    if missing:
        raise EvaluationError(
            f"{name}: Property '{missing[0]}' is missing. Available bands: [{', '.join(image.band_names)}]."
        )
    return [by_name[n] for n in schema]


def labelled(
    features: Collection, model: Any, output: str, several: tuple[str, ...] = ()
) -> Collection:
    """Features with a model's prediction as a property; those that lack an input are as they were.

    ``several`` are the names of the results of a model that has more than one for a row. ``model`` offers ``schema`` and ``predict(columns (n, inputs))``.
    """

    def predicted(element: Any) -> Any:
        values = [element.get(n) for n in model.schema]
        if not all(map(_is_number, values)):
            return element
        found = model.predict(np.asarray([values], "float64"))[0]
        if several:
            for name, value in zip(several, found.tolist(), strict=True):
                element = element.set(name, value)
            return element
        value = Array.of(np.asarray(found)) if np.ndim(found) else found.item()
        return element.set(output, value)

    return features.map(predicted, kind="Feature")
