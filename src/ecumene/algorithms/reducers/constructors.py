"""The reducers: names, outputs, which inputs are weighted, types of pixel results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ecumene.core.errors import EvaluationError
from ecumene.core.pixel_type import BOOLEAN, DOUBLE, INT64, PixelType, of_range
from ecumene.core.reducer import Reducer
from ecumene.core.registry import REGISTRY, Algorithm, algorithm
from ecumene.core.wire import Boolean, Float, Integer, Number
from ecumene.numerics.reducers import collected as c
from ecumene.numerics.reducers import moments as m
from ecumene.numerics.reducers import regression as r

Types = Sequence[PixelType]
COUNTS = of_range(0, 2**31 - 1)


def _double(types: Types) -> list[PixelType]:
    return [DOUBLE]


def _same(types: Types) -> list[PixelType]:
    return [types[0]]


def _mean_type(types: Types) -> list[PixelType]:
    return [PixelType("double", types[0].min, types[0].max)]


def _spread_type(types: Types) -> list[PixelType]:
    return [DOUBLE]


def _sum_type(types: Types) -> list[PixelType]:
    return [INT64 if types[0].is_int else DOUBLE]


def _fixed(*kinds: PixelType) -> Callable[[Types], list[PixelType]]:
    return lambda types: list(kinds)


# name: (outputs, accumulator, weighted, types, words)
SIMPLE: dict[str, tuple[tuple[str, ...], Any, bool, Any, str]] = {
    "mean": (("mean",), m.MEAN, True, _mean_type, "Weighted mean."),
    "sum": (("sum",), m.Total(), True, _sum_type, "Weighted sum."),
    "count": (
        ("count",),
        m.Counting(),
        False,
        _fixed(COUNTS),
        "Number of values that are not null.",
    ),
    "countEvery": (
        ("count",),
        m.Counting(every=True),
        False,
        _fixed(COUNTS),
        "Number of values, null ones included.",
    ),
    "product": (("product",), m.PRODUCT, False, _double, "Product."),
    "stdDev": (("stdDev",), m.STD_DEV, True, _spread_type, "Standard deviation of the population."),
    "variance": (("variance",), m.VARIANCE, True, _spread_type, "Variance of the population."),
    "sampleStdDev": (
        ("stdDev",),
        m.SAMPLE_STD_DEV,
        True,
        _spread_type,
        "Standard deviation of a sample (n - 1).",
    ),
    "sampleVariance": (
        ("variance",),
        m.SAMPLE_VARIANCE,
        True,
        _spread_type,
        "Variance of a sample (n - 1).",
    ),
    "skew": (("skew",), m.SKEW, True, _double, "Third standardised moment."),
    "kurtosis": (
        ("kurtosis",),
        m.KURTOSIS,
        True,
        _double,
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
        _same,
        "The first value, even if it is null.",
    ),
    "firstNonNull": (
        ("first",),
        m.Ends(last=False, present=True),
        False,
        _same,
        "The first value that is not null.",
    ),
    "last": (
        ("last",),
        m.Ends(last=True, present=False),
        False,
        _same,
        "The last value, even if it is null.",
    ),
    "lastNonNull": (
        ("last",),
        m.Ends(last=True, present=True),
        False,
        _same,
        "The last value that is not null.",
    ),
    "allNonZero": (("all",), m.ALL, False, _fixed(BOOLEAN), "1 if no value is 0, else 0."),
    "anyNonZero": (("any",), m.ANY, False, _fixed(BOOLEAN), "1 if some value is not 0, else 0."),
    "bitwiseAnd": (("bitwiseAnd",), m.BIT_AND, False, _same, "Bits that are one in all values."),
    "bitwiseOr": (("bitwiseOr",), m.BIT_OR, False, _same, "Bits that are one in some value."),
    "circularMean": (
        ("mean",),
        r.Circular("mean"),
        True,
        _double,
        "Mean direction of angles in radians.",
    ),
    "circularVariance": (
        ("variance",),
        r.Circular("variance"),
        True,
        _double,
        "Circular variance of angles in radians.",
    ),
    "circularStddev": (
        ("stdDev",),
        r.Circular("stdDev"),
        True,
        _double,
        "Circular deviation of angles in radians.",
    ),
    "frequencyHistogram": (
        ("histogram",),
        c.FREQUENCY,
        True,
        _double,
        "How often each value occurs, by its text.",
    ),
    "countDistinct": (
        ("count",),
        c.COUNT_DISTINCT,
        False,
        _fixed(COUNTS),
        "Number of different values, null included.",
    ),
    "countDistinctNonNull": (
        ("count",),
        c.COUNT_DISTINCT_NON_NULL,
        False,
        _fixed(COUNTS),
        "Number of different values.",
    ),
    "countRuns": (
        ("count",),
        c.COUNT_RUNS,
        False,
        _fixed(COUNTS),
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
        ("centeredCovariance", False, "Covariance matrix of vectors (n)."),
    ):
        kind = PixelType("double", dimensions=2)
        reducer = Reducer(
            f"Reducer.{name}",
            ("covariance",),
            r.covariance(sample),
            (False,),
            output_types=_fixed(kind),
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
    if count < 1:
        raise EvaluationError(f"Reducer.{kind}: 'numInputs' must be at least 1, got {count}.")
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


def given(**values: Any) -> dict[str, Any]:
    """The settings that were given."""
    return {key: value for key, value in values.items() if value is not None}


@algorithm("Reducer.median")
def median(
    max_buckets: Integer | None = None,
    min_bucket_width: Float | None = None,
    max_raw: Integer | None = None,
) -> Reducer:
    """Middle value, or the mean of the middle two; exact however many values there are.

    Parameters
    ----------
    max_buckets : accepted for compatibility; no histogram is used.
    min_bucket_width : accepted for compatibility.
    max_raw : accepted for compatibility.
    """
    settings = given(maxBuckets=max_buckets, minBucketWidth=min_bucket_width, maxRaw=max_raw)
    return Reducer(
        "Reducer.median", ("median",), c.MEDIAN, (True,), settings, output_types=_mean_type
    )


@algorithm("Reducer.mode")
def mode(
    max_buckets: Integer | None = None,
    min_bucket_width: Float | None = None,
    max_raw: Integer | None = None,
) -> Reducer:
    """Most frequent value; of several the smallest.

    Parameters
    ----------
    max_buckets : accepted for compatibility; no histogram is used.
    min_bucket_width : accepted for compatibility.
    max_raw : accepted for compatibility.
    """
    settings = given(maxBuckets=max_buckets, minBucketWidth=min_bucket_width, maxRaw=max_raw)
    return Reducer("Reducer.mode", ("mode",), c.MODE, (True,), settings, output_types=_same)


@algorithm("Reducer.percentile")
def percentile(
    percentiles: list[Number], output_names: list[str] | None = None, max_buckets: Integer | None = None,
    min_bucket_width: Float | None = None, max_raw: Integer | None = None,
) -> Reducer:  # fmt: skip
    """Percentiles, linear between order statistics; outputs ``p5``, ``p50``, … unless named.

    Parameters
    ----------
    percentiles : numbers from 0 to 100.
    output_names : names of the outputs.
    max_buckets : accepted for compatibility; no histogram is used.
    min_bucket_width : accepted for compatibility.
    max_raw : accepted for compatibility.
    """
    if not percentiles or any(not 0 <= p <= 100 for p in percentiles):
        raise EvaluationError("Reducer.percentile: Percentiles must be between 0 and 100.")
    names = output_names or [f"p{int(p) if float(p).is_integer() else p}" for p in percentiles]
    if len(names) != len(percentiles):
        raise EvaluationError(
            "Reducer.percentile: There must be as many output names as percentiles."
        )
    return Reducer(
        "Reducer.percentile", tuple(names), c.percentiles([float(p) for p in percentiles]), (True,),
        given(percentiles=list(percentiles), outputNames=output_names),
        output_types=lambda types: _mean_type(types) * len(names),
    )  # fmt: skip


@algorithm("Reducer.intervalMean")
def interval_mean(
    min_percentile: Float, max_percentile: Float, max_buckets: Integer | None = None,
    min_bucket_width: Float | None = None, max_raw: Integer | None = None,
) -> Reducer:  # fmt: skip
    """Mean of the values between two percentiles, inclusive.

    Parameters
    ----------
    min_percentile : lower end, 0 to 100.
    max_percentile : upper end, 0 to 100.
    max_buckets : accepted for compatibility; no histogram is used.
    min_bucket_width : accepted for compatibility.
    max_raw : accepted for compatibility.
    """
    settings = {"minPercentile": min_percentile, "maxPercentile": max_percentile}
    accumulator = c.interval_mean(min_percentile, max_percentile)
    return Reducer(
        "Reducer.intervalMean", ("mean",), accumulator, (True,), settings, output_types=_mean_type
    )


@algorithm("Reducer.histogram")
def histogram(
    max_buckets: Integer | None = None,
    min_bucket_width: Float | None = None,
    max_raw: Integer | None = None,
) -> Reducer:
    """A histogram with a power-of-two bucket width, as a dictionary.

    Parameters
    ----------
    max_buckets : most buckets, rounded up to a power of two; 256 if missing.
    min_bucket_width : smallest width of a bucket.
    max_raw : accepted for compatibility.
    """
    settings = given(maxBuckets=max_buckets, minBucketWidth=min_bucket_width, maxRaw=max_raw)
    return Reducer(
        "Reducer.histogram",
        ("histogram",),
        c.histogram(max_buckets or 256, min_bucket_width),
        (True,),
        settings,
    )


@algorithm("Reducer.autoHistogram")
def auto_histogram(
    max_buckets: Integer | None = None, min_bucket_width: Float | None = None, max_raw: Integer | None = None,
    cumulative: Boolean = False,
) -> Reducer:  # fmt: skip
    """A histogram with a power-of-two bucket width, as an array of bucket starts and counts.

    Parameters
    ----------
    max_buckets : most buckets, rounded up to a power of two; 256 if missing.
    min_bucket_width : smallest width of a bucket.
    max_raw : accepted for compatibility.
    cumulative : counts of all values up to and including the bucket.
    """
    settings = given(maxBuckets=max_buckets, minBucketWidth=min_bucket_width, maxRaw=max_raw)
    accumulator = c.auto_histogram(max_buckets or 256, min_bucket_width, cumulative)
    return Reducer("Reducer.autoHistogram", ("histogram",), accumulator, (True,), settings)


@algorithm("Reducer.fixedHistogram")
def fixed_histogram(min: Float, max: Float, steps: Integer, cumulative: Boolean = False) -> Reducer:
    """Counts in equal buckets over a range, as an array of bucket starts and counts.

    Parameters
    ----------
    min : lower end of the range, inclusive.
    max : upper end, exclusive.
    steps : number of buckets.
    cumulative : counts of all values up to and including the bucket.
    """
    if steps < 1 or steps > 1_000_000 or not max > min:
        raise EvaluationError(
            "Reducer.fixedHistogram: 'steps' must be positive and 'max' larger than 'min'."
        )
    settings = {"min": min, "max": max, "steps": steps}
    accumulator = c.fixed_histogram(min, max, steps, cumulative)
    return Reducer("Reducer.fixedHistogram", ("histogram",), accumulator, (True,), settings)


@algorithm("Reducer.toList")
def to_list(tuple_size: Integer | None = None, num_optional: Integer = 0) -> Reducer:
    """All values as a list, or tuples of several inputs.

    Parameters
    ----------
    tuple_size : number of inputs; values themselves are listed if missing.
    num_optional : how many of the last inputs may be null.
    """
    size = tuple_size or 1
    accumulator = c.to_list(tuple_size, num_optional or None)
    settings = given(tupleSize=tuple_size, numOptional=num_optional or None)
    return Reducer("Reducer.toList", ("list",), accumulator, (False,) * size, settings)
