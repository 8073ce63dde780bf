"""The reducers: names, outputs, which inputs are weighted, types of pixel results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ecumene.algorithms.reducers.kinds import (
    COUNTS,
    at_least_one,
    double,
    fixed,
    given,
    mean_type,
    same,
    sum_type,
)
from ecumene.core.errors import EvaluationError
from ecumene.core.pixel_type import BOOLEAN, PixelType
from ecumene.core.reducer import Reducer
from ecumene.core.registry import REGISTRY, Algorithm, algorithm
from ecumene.core.wire import Integer
from ecumene.numerics.reducers import collected as c
from ecumene.numerics.reducers import moments as m
from ecumene.numerics.reducers import regression as r

# name: (outputs, accumulator, weighted, types, words)
SIMPLE: dict[str, tuple[tuple[str, ...], Any, bool, Any, str]] = {
    "mean": (("mean",), m.MEAN, True, mean_type, "Weighted mean."),
    "sum": (("sum",), m.Total(), True, sum_type, "Weighted sum."),
    "count": (
        ("count",),
        m.Counting(),
        False,
        fixed(COUNTS),
        "Number of values that are not null.",
    ),
    "countEvery": (
        ("count",),
        m.Counting(every=True),
        False,
        fixed(COUNTS),
        "Number of values, null ones included.",
    ),
    "product": (("product",), m.PRODUCT, False, double, "Product."),
    "stdDev": (("stdDev",), m.STD_DEV, True, double, "Standard deviation of the population."),
    "variance": (("variance",), m.VARIANCE, True, double, "Variance of the population."),
    "sampleStdDev": (
        ("stdDev",),
        m.SAMPLE_STD_DEV,
        True,
        double,
        "Standard deviation of a sample (n - 1).",
    ),
    "sampleVariance": (
        ("variance",),
        m.SAMPLE_VARIANCE,
        True,
        double,
        "Variance of a sample (n - 1).",
    ),
    "skew": (("skew",), m.SKEW, True, double, "Third standardised moment."),
    "kurtosis": (
        ("kurtosis",),
        m.KURTOSIS,
        True,
        double,
        "Fourth standardised moment less three.",
    ),
    "minMax": (
        ("min", "max"),
        m.Extremes(("min", "max")),
        False,
        lambda t: [t[0], t[0]],
        "Smallest and largest value.",
    ),
    "first": (
        ("first",),
        m.Ends(last=False, present=False),
        False,
        same,
        "The first value, even if it is null.",
    ),
    "firstNonNull": (
        ("first",),
        m.Ends(last=False, present=True),
        False,
        same,
        "The first value that is not null.",
    ),
    "last": (
        ("last",),
        m.Ends(last=True, present=False),
        False,
        same,
        "The last value, even if it is null.",
    ),
    "lastNonNull": (
        ("last",),
        m.Ends(last=True, present=True),
        False,
        same,
        "The last value that is not null.",
    ),
    "allNonZero": (("all",), m.ALL, False, fixed(BOOLEAN), "1 if no value is 0, else 0."),
    "anyNonZero": (("any",), m.ANY, False, fixed(BOOLEAN), "1 if some value is not 0, else 0."),
    "bitwiseAnd": (("bitwiseAnd",), m.BIT_AND, False, same, "Bits that are one in all values."),
    "bitwiseOr": (("bitwiseOr",), m.BIT_OR, False, same, "Bits that are one in some value."),
    "circularMean": (
        ("circularMean",),
        r.Circular("mean"),
        True,
        double,
        "Mean direction of angles in radians.",
    ),
    "circularVariance": (
        ("circularVariance",),
        r.Circular("variance"),
        True,
        double,
        "Circular variance of angles in radians.",
    ),
    "circularStddev": (
        ("circularStdDev",),
        r.Circular("stdDev"),
        True,
        double,
        "Circular deviation of angles in radians.",
    ),
    "frequencyHistogram": (
        ("histogram",),
        c.FREQUENCY,
        True,
        double,
        "How often each value occurs, by its text.",
    ),
    "countDistinct": (
        ("count",),
        c.COUNT_DISTINCT,
        False,
        fixed(COUNTS),
        "Number of different values, null included.",
    ),
    "countDistinctNonNull": (
        ("count",),
        c.COUNT_DISTINCT_NON_NULL,
        False,
        fixed(COUNTS),
        "Number of different values.",
    ),
    "countRuns": (
        ("count",),
        c.COUNT_RUNS,
        False,
        fixed(COUNTS),
        "Number of runs of equal values.",
    ),
}
PAIRED: dict[str, tuple[tuple[str, ...], Any, bool, str]] = {
    "linearFit": (
        ("scale", "offset"),
        r.LINEAR_FIT,
        True,
        "Slope and intercept of y on x (inputs x, y).",
    ),
    "pearsonsCorrelation": (
        ("correlation", "p-value"),
        r.PEARSON,
        False,
        "Pearson's product-moment correlation.",
    ),
    "spearmansCorrelation": (
        ("correlation", "p-value"),
        r.SPEARMAN,
        False,
        "Spearman's rank correlation.",
    ),
    "sensSlope": (
        ("slope", "offset"),
        r.SENS_SLOPE,
        False,
        "Sen's slope: the median of pairwise slopes (inputs x, y).",
    ),
}


def _declare() -> None:
    def maker(reducer: Reducer) -> Callable[[], Reducer]:
        return lambda: reducer

    for name, (outputs, accumulator, weighted, types, words) in SIMPLE.items():
        reducer = Reducer(f"Reducer.{name}", outputs, accumulator, (weighted,), output_types=types)
        REGISTRY.add(Algorithm(reducer.name, (), "Reducer", words, maker(reducer)))
    for name, (outputs, accumulator, weighted, words) in PAIRED.items():
        reducer = Reducer(f"Reducer.{name}", outputs, accumulator, (weighted, weighted))
        REGISTRY.add(Algorithm(reducer.name, (), "Reducer", words, maker(reducer)))
    for name, target in (("and", "allNonZero"), ("or", "anyNonZero")):
        found = REGISTRY.entries[f"Reducer.{target}"]
        old = replace(found, name=f"Reducer.{name}", deprecated=f"{found.name} does the same.")
        REGISTRY.add(old)
    for name, sample, words in (
        ("covariance", True, "Covariance matrix of vectors (n - 1)."),
        ("centeredCovariance", False, "Covariance matrix of vectors whose mean is 0 (n)."),
    ):
        kind = PixelType("double", dimensions=2)
        reducer = Reducer(
            f"Reducer.{name}",
            ("covariance",),
            r.covariance(sample),
            (False,),
            output_types=fixed(kind),
            of_arrays=True,
        )
        REGISTRY.add(Algorithm(reducer.name, (), "Reducer", words, maker(reducer)))


_declare()


def get(name: str) -> Reducer:
    """A reducer without arguments, by the last part of its name."""
    entry = REGISTRY.entries[f"Reducer.{name}"]
    assert entry.function is not None
    found: Reducer = entry.function(**{a.parameter: a.default for a in entry.arguments})
    return found


def _extreme(kind: str, count: int) -> Reducer:
    at_least_one(f"Reducer.{kind}", numInputs=count)
    outputs = (kind, *(f"{kind}{k}" for k in range(1, count)))
    return Reducer(
        f"Reducer.{kind}", outputs, m.Extremes((kind,), count - 1), (False,) * count,
        {} if count == 1 else {"numInputs": count}, output_types=lambda types: list(types),
    )  # fmt: skip


@algorithm("Reducer.min")
def minimum(num_inputs: Integer = 1) -> Reducer:
    """Smallest value of the first input, with the other inputs of the same sample.

    Parameters
    ----------
    num_inputs : number of inputs.
    """
    return _extreme("min", num_inputs)


@algorithm("Reducer.max")
def maximum(num_inputs: Integer = 1) -> Reducer:
    """Largest value of the first input, with the other inputs of the same sample.

    Parameters
    ----------
    num_inputs : number of inputs.
    """
    return _extreme("max", num_inputs)


@algorithm("Reducer.toList")
def to_list(tuple_size: Integer | None = None, num_optional: Integer = 0) -> Reducer:
    """All values as a list, or tuples of several inputs.

    Parameters
    ----------
    tuple_size : number of inputs; values themselves are listed if missing.
    num_optional : how many of the last inputs may be null.
    """
    at_least_one("Reducer.toList", tupleSize=tuple_size)
    size = tuple_size or 1
    if not 0 <= num_optional <= size:
        raise EvaluationError(
            f"Reducer.toList: 'numOptional' must be between 0 and {size}, got {num_optional}."
        )
    accumulator = c.to_list(tuple_size, num_optional or None)
    settings = given(tupleSize=tuple_size, numOptional=num_optional or None)
    axes = 1 if tuple_size is None else 2
    return Reducer(
        "Reducer.toList", ("list",), accumulator, (False,) * size, settings,
        output_types=fixed(PixelType("double", dimensions=axes)),
    )  # fmt: skip
