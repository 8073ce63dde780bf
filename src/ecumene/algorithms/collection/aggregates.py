"""Statistics of the properties of collections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.algorithms.reducers.apply import Folding, input_of
from ecumene.algorithms.reducers.constructors import get
from ecumene.core import equality
from ecumene.core.collection import Collection, column_of
from ecumene.core.context import Context
from ecumene.core.dates import Date
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.query import Column
from ecumene.core.reducer import Reducer
from ecumene.core.registry import REGISTRY, Algorithm, Argument, algorithm
from ecumene.core.wire import Object
from ecumene.numerics.reducers.collected import key_text


def _runs(
    collection: Collection, names: Sequence[str], context: Context
) -> Iterator[Sequence[Column]]:
    """Properties of some thousand elements at a time."""
    for columns in collection.columns(names):
        context.cancel.check()
        yield columns


def _present(column: Column) -> NDArray[Any]:
    return column.values if column.present is None else column.values[column.present]


def _values(collection: Collection, name: str, context: Context) -> Iterator[NDArray[Any]]:
    """Values of a property that are there, in runs."""
    return (_present(column) for (column,) in _runs(collection, [name], context))


def _numbers(values: NDArray[Any], name: str) -> NDArray[Any]:
    """The same values; EvaluationError if some is no number."""
    if values.dtype.kind == "O":
        for value in values:
            if not isinstance(value, bool | int | float | Date):
                raise EvaluationError(f"Property '{name}' is not numeric: {value}.")
    return values


def _reduced(reducer_name: str) -> Callable[..., Any]:
    def run(collection: Collection, property: str, context: Context) -> Any:
        folding = Folding(get(reducer_name))
        for values in _values(collection, property, context):
            if len(values):
                folding.add([input_of(Column(_numbers(values, property)))[0]], [None])
        return next(iter(folding.finish().values()))

    return run


def _extreme(pick: Callable[..., Any]) -> Callable[..., Any]:
    def run(collection: Collection, property: str, context: Context) -> Any:
        found: list[Any] = []
        try:
            for values in _values(collection, property, context):
                if len(values):
                    numeric = values.dtype.kind != "O"
                    best = getattr(values, pick.__name__)().item() if numeric else pick(values)
                    found = [pick([*found, best])]
        except TypeError:
            raise EvaluationError(
                f"Property '{property}' has values that cannot be compared."
            ) from None
        return found[0] if found else None

    return run


def _array(collection: Collection, property: str, context: Context) -> list[Any]:
    found: list[Any] = []
    most = context.limits.list_elements
    for values in _values(collection, property, context):
        found += values.tolist()
        if len(found) > most:
            raise LimitExceeded(f"The list has too many elements; at most {most} are allowed.")
    return found


def _first(collection: Collection, property: str, context: Context) -> Any:
    element = collection.first()
    return None if element is None else element.get(property)


def _count(collection: Collection, property: str, context: Context) -> int:
    return sum(len(values) for values in _values(collection, property, context))


def _distinct(collection: Collection, property: str, context: Context) -> int:
    seen: set[Any] = set()
    for values in _values(collection, property, context):
        if values.dtype.kind == "O":
            seen.update(equality.key(value) for value in values)
        else:
            seen.update(np.unique(values).tolist())
        check_groups(len(seen), context)
    return len(seen)


def check_groups(count: int, context: Context) -> None:
    """LimitExceeded beyond what can be told apart in memory."""
    most = context.limits.list_elements
    if count > most:
        raise LimitExceeded(f"There are too many different values; at most {most} are told apart.")


def _histogram(collection: Collection, property: str, context: Context) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for values in _values(collection, property, context):
        if values.dtype.kind == "O":
            counts.update(key_text(value) for value in values)
        else:
            different, often = np.unique(values, return_counts=True)
            for value, count in zip(different.tolist(), often.tolist(), strict=True):
                counts[key_text(value)] += count
        check_groups(len(counts), context)
    return dict(counts)


def _plain_numbers(values: NDArray[Any]) -> NDArray[Any]:
    """The values that are numbers."""
    if values.dtype.kind == "O":
        kept = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
        values = input_of(column_of(kept))[0]
    return values


def _stats(collection: Collection, property: str, context: Context) -> dict[str, Any]:
    total = n = 0
    sum_sq, extremes = 0.0, [[], []]  # type: tuple[float, list[list[Any]]]
    foldings = {key: Folding(get(name)) for key, name in _STATS.items()}
    for (column,) in _runs(collection, [property], context):
        total += len(column.values)
        values = _plain_numbers(_present(column))
        if not len(values):
            continue
        n += len(values)
        inputs = [input_of(Column(values))[0]]
        for folding in foldings.values():
            folding.add(inputs, [None])
        sum_sq += float((inputs[0].astype("float64") ** 2).sum())
        extremes[0].append(values.min().item())
        extremes[1].append(values.max().item())
    out: dict[str, Any] = {"total_count": total, "valid_count": n, "weight_sum": n}
    if not n:
        return {**out, "sum": 0, "sum_sq": 0, "weighted_sum": 0}
    out |= {key: next(iter(folding.finish().values())) for key, folding in foldings.items()}
    out |= {
        "min": min(extremes[0]),
        "max": max(extremes[1]),
        "sum_sq": sum_sq,
        "weighted_sum": out["sum"],
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

    names = [*selectors, *(weight_selectors or ())]
    folding = Folding(reducer)
    for columns in _runs(collection, names, context):
        inputs = [input_of(column) for column in columns[: len(selectors)]]
        weights = _weights(columns[len(selectors) :], reducer)
        values = [value for value, _ in inputs]
        shares = zip(weights, (present for _, present in inputs), strict=True)
        folding.add(values, [_joined(weight, present) for weight, present in shares])
    return folding.finish()


def _weights(found: Sequence[Column], reducer: Reducer) -> list[Any]:
    """Weights of each input, None where it has none: one for each input, else for each weighted one."""
    given = iter(found)
    all_of = len(found) == reducer.inputs
    return [
        _shares(next(given, None)) if weighted or all_of else None
        for weighted in reducer.input_weighted
    ]


def _shares(column: Column | None) -> Any:
    """Weights as numbers, 0 where they are missing."""
    if column is None:
        return None
    try:
        weights = np.asarray(np.where(_known(column), column.values, 0.0), "float64")
    except (TypeError, ValueError):
        raise EvaluationError("Collection.reduceColumns: Weights must be numbers.") from None
    return weights


def _known(column: Column) -> Any:
    return True if column.present is None else column.present


def _joined(weights: Any, present: Any) -> Any:
    return present if weights is None else weights if present is None else weights * present
