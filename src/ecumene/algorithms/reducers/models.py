"""Reducers that fit something: regressions, correlation, the geometric median."""

from __future__ import annotations

from collections.abc import Callable

from ecumene.algorithms.reducers.kinds import Types, at_least_one, given
from ecumene.core.errors import EvaluationError
from ecumene.core.pixel_type import PixelType
from ecumene.core.reducer import Reducer
from ecumene.core.registry import algorithm
from ecumene.core.wire import Float, Integer
from ecumene.numerics.reducers import regression as r


def _coefficients(outputs: int) -> Callable[[Types], list[PixelType]]:
    kinds = [PixelType("double", dimensions=axes) for axes in (2, 1, 1)]
    return lambda types: kinds[:outputs]


@algorithm("Reducer.linearRegression")
def linear_regression(num_x: Integer, num_y: Integer = 1) -> Reducer:
    """Least squares of y on x without intercept: coefficients (x by y) and root mean square residuals.

    Parameters
    ----------
    num_x : number of independent inputs, which come first.
    num_y : number of dependent inputs.
    """
    at_least_one("Reducer.linearRegression", numX=num_x, numY=num_y)
    return Reducer(
        "Reducer.linearRegression", ("coefficients", "residuals"), r.linear_regression(num_x, num_y),
        (True,) * (num_x + num_y), {"numX": num_x, "numY": num_y}, output_types=_coefficients(2),
    )  # fmt: skip


@algorithm("Reducer.ridgeRegression", wire_names={"lambda_": "lambda"})
def ridge_regression(num_x: Integer, num_y: Integer = 1, lambda_: Float = 0.1) -> Reducer:
    """Ridge regression with intercept: coefficients, root mean square residuals, and p-values of F-tests, one for each y.

    Parameters
    ----------
    num_x : number of independent inputs, which come first.
    num_y : number of dependent inputs.
    lambda_ : penalty.
    """
    at_least_one("Reducer.ridgeRegression", numX=num_x, numY=num_y)
    return Reducer(
        "Reducer.ridgeRegression", ("coefficients", "residuals", "pValue"), r.linear_regression(num_x, num_y, lambda_),
        (True,) * (num_x + num_y), {"numX": num_x, "numY": num_y, "lambda": lambda_}, output_types=_coefficients(3),
    )  # fmt: skip


@algorithm("Reducer.robustLinearRegression")
def robust_linear_regression(
    num_x: Integer, num_y: Integer = 1, beta: Float | None = None
) -> Reducer:
    """Least squares that leaves out outliers (Talwar's weights): coefficients and root mean square residuals.

    Parameters
    ----------
    num_x : number of independent inputs, which come first.
    num_y : number of dependent inputs.
    beta : root mean square of a sample's residuals beyond which it is left out; 2.795 robust standard deviations if missing.
    """
    at_least_one("Reducer.robustLinearRegression", numX=num_x, numY=num_y)
    return Reducer(
        "Reducer.robustLinearRegression", ("coefficients", "residuals"), r.robust_regression(num_x, num_y, beta),
        (False,) * (num_x + num_y), given(numX=num_x, numY=num_y, beta=beta), output_types=_coefficients(2),
    )  # fmt: skip


@algorithm("Reducer.kendallsCorrelation")
def kendalls_correlation(num_inputs: Integer = 1) -> Reducer:
    """Kendall's tau-b, of one input with its order or of two inputs.

    Parameters
    ----------
    num_inputs : 1 or 2.
    """
    if num_inputs not in (1, 2):
        raise EvaluationError("Reducer.kendallsCorrelation: 'numInputs' must be 1 or 2.")
    return Reducer(
        "Reducer.kendallsCorrelation", ("tau", "p-value"), r.kendall(num_inputs), (False,) * num_inputs,
        {"numInputs": num_inputs},
    )  # fmt: skip


@algorithm("Reducer.geometricMedian")
def geometric_median(num_x: Integer, eta: Float = 0.001, initial_step_size: Float = 10) -> Reducer:
    """The point with the smallest sum of distances to all samples.

    Parameters
    ----------
    num_x : number of inputs (dimensions).
    eta : tolerance of the solution.
    initial_step_size : accepted for compatibility.
    """
    at_least_one("Reducer.geometricMedian", numX=num_x)
    names = (
        ("median",)
        if num_x == 1
        else tuple("median" if k == 0 else f"median_{k}" for k in range(num_x))
    )
    return Reducer(
        "Reducer.geometricMedian",
        names,
        r.geometric_median(num_x, eta),
        (False,) * num_x,
        {"numX": num_x, "eta": eta},
    )
