"""Reducers of whole distributions: percentiles, modes, histograms."""

from __future__ import annotations

import math

from ecumene.algorithms.reducers.kinds import fixed, given, mean_type, same
from ecumene.core.errors import EvaluationError
from ecumene.core.pixel_type import PixelType
from ecumene.core.reducer import Reducer
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean, Float, Integer, Number
from ecumene.numerics.reducers import distributions as d
from ecumene.numerics.reducers.distributions import RAW, Limits
from ecumene.numerics.reducers.histograms import FixedGrid, FixedHistogram, Range

TABLE = PixelType("double", dimensions=2)


def _limits(name: str, buckets: int | None, width: float | None, raw: int | None) -> Limits:
    """How a distribution is kept, as the arguments say."""
    if buckets is not None and buckets < 1:
        raise EvaluationError(f"{name}: 'maxBuckets' must be positive, got {buckets}.")
    if width is not None and not (width >= 0 and math.isfinite(width)):
        raise EvaluationError(f"{name}: 'minBucketWidth' must not be negative, got {width}.")
    if raw is not None and raw < 0:
        raise EvaluationError(f"{name}: 'maxRaw' must not be negative, got {raw}.")
    return Limits(buckets, width or 0.0, RAW if raw is None else raw)


@algorithm("Reducer.median")
def median(
    max_buckets: Integer | None = None,
    min_bucket_width: Float | None = None,
    max_raw: Integer | None = None,
) -> Reducer:
    """Middle value, or the mean of the middle two; of very many values, from a histogram.

    A list, a column or a region of more than ``maxRaw`` values (1,048,576 if missing) is kept as a histogram of up to
    65,536 buckets, or of ``maxBuckets``; each bucket stands for the mean of its values. Integers of 8 and 16 bits
    stay exact unless a limit is given. Per pixel all values are kept.

    Parameters
    ----------
    max_buckets : most buckets of the histogram, rounded up to a power of two.
    min_bucket_width : smallest width of a bucket; any power of two if missing.
    max_raw : how many values are answered exactly.
    """
    name = "Reducer.median"
    limits = _limits(name, max_buckets, min_bucket_width, max_raw)
    settings = given(maxBuckets=max_buckets, minBucketWidth=min_bucket_width, maxRaw=max_raw)
    found = d.percentiles([50.0], limits)
    return Reducer(name, ("median",), found, (True,), settings, output_types=mean_type)


@algorithm("Reducer.mode")
def mode(
    max_buckets: Integer | None = None,
    min_bucket_width: Float | None = None,
    max_raw: Integer | None = None,
) -> Reducer:
    """Most frequent value, of several the smallest; of very many values, from a histogram (see ``median``).

    Parameters
    ----------
    max_buckets : most buckets of the histogram, rounded up to a power of two.
    min_bucket_width : smallest width of a bucket; any power of two if missing.
    max_raw : how many values are answered exactly.
    """
    name = "Reducer.mode"
    limits = _limits(name, max_buckets, min_bucket_width, max_raw)
    settings = given(maxBuckets=max_buckets, minBucketWidth=min_bucket_width, maxRaw=max_raw)
    return Reducer(name, ("mode",), d.mode(limits), (True,), settings, output_types=same)


@algorithm("Reducer.percentile")
def percentile(
    percentiles: list[Number], output_names: list[str] | None = None, max_buckets: Integer | None = None,
    min_bucket_width: Float | None = None, max_raw: Integer | None = None,
) -> Reducer:  # fmt: skip
    """Percentiles, linear between order statistics; outputs ``p5``, ``p50``, … unless named.

    Very many values are kept as a histogram (see ``median``).

    Parameters
    ----------
    percentiles : numbers from 0 to 100.
    output_names : names of the outputs.
    max_buckets : most buckets of the histogram, rounded up to a power of two.
    min_bucket_width : smallest width of a bucket; any power of two if missing.
    max_raw : how many values are answered exactly.
    """
    name = "Reducer.percentile"
    if not percentiles:
        raise EvaluationError(f"{name}: At least one percentile is needed.")
    if any(not 0 <= p <= 100 for p in percentiles):
        raise EvaluationError(f"{name}: Percentiles must be between 0 and 100.")
    names = output_names or [f"p{int(p) if float(p).is_integer() else p}" for p in percentiles]
    if len(names) != len(percentiles):
        raise EvaluationError(f"{name}: There must be as many output names as percentiles.")
    limits = _limits(name, max_buckets, min_bucket_width, max_raw)
    return Reducer(
        name, tuple(names), d.percentiles([float(p) for p in percentiles], limits), (True,),
        given(percentiles=list(percentiles), outputNames=output_names, maxBuckets=max_buckets,
              minBucketWidth=min_bucket_width, maxRaw=max_raw),
        output_types=lambda types: mean_type(types) * len(names),
    )  # fmt: skip


@algorithm("Reducer.intervalMean")
def interval_mean(
    min_percentile: Float, max_percentile: Float, max_buckets: Integer | None = None,
    min_bucket_width: Float | None = None, max_raw: Integer | None = None,
) -> Reducer:  # fmt: skip
    """Mean of the values between two percentiles, inclusive; of very many, from a histogram (see ``median``).

    Parameters
    ----------
    min_percentile : lower end, 0 to 100.
    max_percentile : upper end, 0 to 100.
    max_buckets : most buckets of the histogram, rounded up to a power of two.
    min_bucket_width : smallest width of a bucket; any power of two if missing.
    max_raw : how many values are answered exactly.
    """
    name = "Reducer.intervalMean"
    if not 0 <= min_percentile <= max_percentile <= 100:
        raise EvaluationError(f"{name}: Percentiles must be between 0 and 100, in order.")
    limits = _limits(name, max_buckets, min_bucket_width, max_raw)
    settings = {"minPercentile": min_percentile, "maxPercentile": max_percentile} | given(
        maxBuckets=max_buckets, minBucketWidth=min_bucket_width, maxRaw=max_raw
    )
    accumulator = d.interval_mean(min_percentile, max_percentile, limits)
    return Reducer(name, ("mean",), accumulator, (True,), settings, output_types=mean_type)


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
    max_raw : how many values are kept before buckets are; the result is the same.
    """
    name = "Reducer.histogram"
    limits = _limits(name, max_buckets, min_bucket_width, max_raw)
    settings = given(maxBuckets=max_buckets, minBucketWidth=min_bucket_width, maxRaw=max_raw)
    return Reducer(name, ("histogram",), d.histogram(limits), (True,), settings)


@algorithm("Reducer.histogramCombiner", hidden=True)
def histogram_combiner(
    max_buckets: Integer | None = None, min_bucket_width: Float | None = None
) -> Reducer:
    """One histogram of many, all as ``Reducer.histogram`` gives them.

    Each bucket counts as so many values of its mean; the result's buckets are at least as wide as the widest.

    Parameters
    ----------
    max_buckets : most buckets of the result, rounded up to a power of two; 256 if missing.
    min_bucket_width : smallest width of a bucket.
    """
    name = "Reducer.histogramCombiner"
    limits = _limits(name, max_buckets, min_bucket_width, None)
    settings = given(maxBuckets=max_buckets, minBucketWidth=min_bucket_width)
    return Reducer(name, ("histogram",), d.combined_histograms(limits), (False,), settings)


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
    max_raw : how many values are kept before buckets are; the result is the same.
    cumulative : counts of all values up to and including the bucket.
    """
    name = "Reducer.autoHistogram"
    limits = _limits(name, max_buckets, min_bucket_width, max_raw)
    settings = given(
        maxBuckets=max_buckets, minBucketWidth=min_bucket_width, maxRaw=max_raw, cumulative=cumulative or None
    )  # fmt: skip
    found = d.auto_histogram(limits, cumulative)
    return Reducer(name, ("histogram",), found, (True,), settings, output_types=fixed(TABLE))


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
    name = "Reducer.fixedHistogram"
    axis = _axis(name, min, max, steps)
    settings = {"min": min, "max": max, "steps": steps} | given(cumulative=cumulative or None)
    found = FixedHistogram(axis, cumulative)
    return Reducer(name, ("histogram",), found, (True,), settings, output_types=fixed(TABLE))


def _axis(name: str, low: float, high: float, steps: int) -> Range:
    if not 1 <= steps <= 1_000_000 or not high > low:
        raise EvaluationError(f"{name}: Steps must be positive and the maximum above the minimum.")
    return Range(low, high, steps)


@algorithm("Reducer.fixed2DHistogram")
def fixed_2d_histogram(
    x_min: Float, x_max: Float, x_steps: Integer, y_min: Float, y_max: Float, y_steps: Integer
) -> Reducer:
    """Counts of pairs in equal cells over two ranges, with the starts of the cells; never weighted.

    Parameters
    ----------
    x_min : lower end of x, inclusive.
    x_max : upper end of x, exclusive.
    x_steps : cells in x.
    y_min : lower end of y, inclusive.
    y_max : upper end of y, exclusive.
    y_steps : cells in y.
    """
    name = "Reducer.fixed2DHistogram"
    x, y = _axis(name, x_min, x_max, x_steps), _axis(name, y_min, y_max, y_steps)
    settings = {
        "xMin": x_min, "xMax": x_max, "xSteps": x_steps, "yMin": y_min, "yMax": y_max, "ySteps": y_steps,
    }  # fmt: skip
    line = PixelType("double", dimensions=1)
    return Reducer(
        name, ("histogram", "xAxis", "yAxis"), FixedGrid(x, y), (False, False), settings,
        output_types=fixed(TABLE, line, line),
    )  # fmt: skip
