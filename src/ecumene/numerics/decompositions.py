"""Matrix decompositions with the sign conventions of the service's linear algebra (see ``numerics.eigen``)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def householder_qr(values: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """``(Q, R)`` of matrices ``(…, m, n)``: Q square and orthogonal, R ``(…, m, n)`` upper triangular.

    Every column is reflected, so that each diagonal element of R has the opposite sign of the element that it
    comes from (EJML). LAPACK reflects alike but leaves columns alone that are zero below the diagonal, the last
    one of a square matrix above all: those are turned around here.
    """
    values = values.astype("float64")
    _, tau = np.linalg.qr(values, "raw")
    q, r = np.linalg.qr(values, "complete")
    count = tau.shape[-1]
    diagonal = np.diagonal(r, axis1=-2, axis2=-1)
    flip = np.where((tau == 0) & (diagonal != 0), -1.0, 1.0)
    q[..., :, :count] *= flip[..., None, :]
    r[..., :count, :] *= flip[..., :, None]
    return q, r
