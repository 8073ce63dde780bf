"""Statistics of moving windows over a padded array, honouring masks.

Arguments are the padded values, their validity (None = all), kernel weights ``(rows, cols)`` and the shape
of the result; ``result[i, j]`` sees ``values[i : i + rows, j : j + cols]``. A result does not depend on where
a window is cut: every sum is taken in an order that the kernel alone decides.

Compiled kernels do the work once they are ready, NumPy until then; both give the same bits. A NaN is a value
to sums and means (whatever it meets becomes NaN) and missing to order statistics.
"""

from __future__ import annotations

from collections.abc import Callable

from ecumene.numerics.focal.moves import difference, kernel_distance, shift
from ecumene.numerics.focal.order import maximum, median, minimum, mode, percentile
from ecumene.numerics.focal.sums import convolve, count, mean, total, variance
from ecumene.numerics.focal.window import Result

__all__ = ["STATISTICS", "Result"]

STATISTICS: dict[str, Callable[..., Result]] = {
    "convolve": convolve, "mean": mean, "sum": total, "count": count, "variance": variance,
    "min": minimum, "max": maximum, "median": median, "percentile": percentile, "mode": mode,
    "shift": shift, "difference": difference, "distance": kernel_distance,
}  # fmt: skip
