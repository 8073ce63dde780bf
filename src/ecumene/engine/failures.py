"""What callers are told of an exception, wherever it is caught last."""

from __future__ import annotations

import logging

from shapely.errors import ShapelyError

from ecumene.core.errors import EcumeneError, LimitExceeded, RequestError

log = logging.getLogger("ecumene")

INTERNAL = "An internal error has occurred."


def told(error: BaseException) -> EcumeneError:
    """The error of ours that stands for an exception; defects of ours are logged and stay generic outside."""
    if isinstance(error, EcumeneError):
        return error
    if isinstance(error, ArithmeticError | ShapelyError):  # what libraries say to impossible values
        log.info("refused by a library", exc_info=error)
        return RequestError(f"The computation is impossible with these values: {error}"[:500])
    if isinstance(error, RecursionError):
        return LimitExceeded("The computation is nested too deeply.")
    if isinstance(error, MemoryError):
        return LimitExceeded("User memory limit exceeded.")
    log.error("internal error", exc_info=error)
    return EcumeneError(INTERNAL)
