"""Statistics of the properties of collections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ecumene.algorithms.reducers.apply import reduce_rows
from ecumene.algorithms.reducers.constructors import get
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.dates import Date
from ecumene.core.errors import EvaluationError
from ecumene.core.reducer import Reducer
from ecumene.core.registry import REGISTRY, Algorithm, Argument, algorithm
from ecumene.core.wire import Object
from ecumene.numerics.reducers.collected import key_text


def values_of(collection: Collection, name: str, context: Context) -> Iterator[Any]:
    """A property of every element that has it."""
    for element in collection:
        context.cancel.check()
        value = element.outline if name == ".geo" else element.get(name)
        if value is not None:
            yield value


def _numbers(collection: Collection, name: str, context: Context) -> Iterator[Any]:
    for value in values_of(collection, name, context):
        if isinstance(value, bool):
            yield int(value)
        elif isinstance(value, Date):
            yield value.millis
        elif isinstance(value, int | float):
            yield value
        else:
            raise EvaluationError(f"Property '{name}' is not numeric: {value}.")


def _reduced(reducer_name: str) -> Callable[..., Any]:
    def run(collection: Collection, property: str, context: Context) -> Any:
        rows = ((value,) for value in _numbers(collection, property, context))
        return next(iter(reduce_rows(get(reducer_name), rows).values()))

    return run


def _extreme(pick: Callable[..., Any]) -> Callable[..., Any]:
    def run(collection: Collection, property: str, context: Context) -> Any:
        values = values_of(collection, property, context)
        try:
            return pick(values, default=None)
        except TypeError:
            raise EvaluationError(
                f"Property '{property}' has values that cannot be compared."
            ) from None

    return run


def _array(collection: Collection, property: str, context: Context) -> list[Any]:
    return list(values_of(collection, property, context))


def _first(collection: Collection, property: str, context: Context) -> Any:
    element = collection.first()
    return None if element is None else element.get(property)


def _count(collection: Collection, property: str, context: Context) -> int:
    return sum(1 for _ in values_of(collection, property, context))


def _distinct(collection: Collection, property: str, context: Context) -> int:
    return len({repr(value) for value in values_of(collection, property, context)})


def _histogram(collection: Collection, property: str, context: Context) -> dict[str, int]:
    counts: dict[str, int] = {}
    for value in values_of(collection, property, context):
        key = key_text(value)
        counts[key] = counts.get(key, 0) + 1
    return counts


def _stats(collection: Collection, property: str, context: Context) -> dict[str, Any]:
    total = 0
    values: list[float] = []
    for element in collection:
        context.cancel.check()
        total += 1
        value = element.get(property)
        if isinstance(value, int | float) and not isinstance(value, bool):
            values.append(value)
    n = len(values)
    out: dict[str, Any] = {"total_count": total, "valid_count": n, "weight_sum": n}
    if not n:
        return {**out, "sum": 0, "sum_sq": 0, "weighted_sum": 0}
    found = {key: reduce_rows(get(name), ((v,) for v in values)) for key, name in _STATS.items()}
    summed = next(iter(found["sum"].values()))
    out |= {key: next(iter(result.values())) for key, result in found.items()}
    out |= {
        "min": min(values),
        "max": max(values),
        "sum_sq": sum(v * v for v in values),
        "weighted_sum": summed,
    }
    return {key: value for key, value in out.items() if value is not None}


_STATS = {
    "mean": "mean", "sum": "sum", "sample_sd": "sampleStdDev", "sample_var": "sampleVariance", "total_sd": "stdDev",
    "total_var": "variance",
}  # fmt: skip

_TABLE: dict[str, tuple[Callable[..., Any], str, str]] = {
    "array": (_array, "List<Object>", "All values of a property that are not null."),
    "first": (_first, "<any>", "The property of the first element."),
    "count": (_count, "Number", "Number of values that are not null."),
    "min": (_extreme(min), "<any>", "Smallest value, or the first in order of texts."),
    "max": (_extreme(max), "<any>", "Largest value, or the last in order of texts."),
    "mean": (_reduced("mean"), "Number", "Mean of a property."),
    "product": (_reduced("product"), "Number", "Product of a property."),
    "sum": (_reduced("sum"), "Number", "Sum of a property."),
    "sample_sd": (
        _reduced("sampleStdDev"),
        "Number",
        "Standard deviation of a property as a sample.",
    ),
    "sample_var": (_reduced("sampleVariance"), "Number", "Variance of a property as a sample."),
    "total_sd": (_reduced("stdDev"), "Number", "Standard deviation of a property as a population."),
    "total_var": (_reduced("variance"), "Number", "Variance of a property as a population."),
    "stats": (
        _stats,
        "Dictionary<Object>",
        "Sums, mean, extremes, variances and counts of a property.",
    ),
    "histogram": (_histogram, "Dictionary<Object>", "How often each value of a property occurs."),
    "count_distinct": (_distinct, "Number", "Number of different values of a property."),
}


def _declare() -> None:
    arguments = (
        Argument("collection", "FeatureCollection", "the elements", parameter="collection"),
        Argument("property", "String", "the property", parameter="property"),
    )
    for name, (function, returns, words) in _TABLE.items():
        REGISTRY.add(
            Algorithm(
                f"AggregateFeatureCollection.{name}",
                arguments,
                returns,
                words,
                function,
                inject="context",
            )
        )


_declare()


@algorithm("Collection.reduceColumns")
def reduce_columns(
    collection: Collection,
    reducer: Reducer,
    selectors: list[str],
    weight_selectors: list[str] | None = None,
    *,
    context: Context,
) -> dict[str, Object]:
    """A reducer over properties of all elements; one selector for each of its inputs.

    Parameters
    ----------
    collection : the elements.
    reducer : what to compute.
    selectors : properties; ``.geo`` is the geometry.
    weight_selectors : properties that hold the weights of the weighted inputs.
    """
    if len(selectors) != reducer.inputs:
        raise EvaluationError(
            f"Collection.reduceColumns: Need {reducer.inputs} input selectors for this reducer, got {len(selectors)}."
        )

    def row(element: Any, names: list[str]) -> list[Any]:
        return [element.outline if n == ".geo" else element.get(n) for n in names]

    elements = list(collection) if weight_selectors else collection
    weights = None
    if weight_selectors:
        weights = (_weights(row(e, weight_selectors), reducer) for e in elements)
    return reduce_rows(reducer, (row(e, selectors) for e in elements), weights)


def _weights(found: list[Any], reducer: Reducer) -> list[Any]:
    given = iter(found)
    return [
        next(given, 1.0) if weighted or len(found) == reducer.inputs else 1.0
        for weighted in reducer.input_weighted
    ]
