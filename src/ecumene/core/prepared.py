"""Prepared shapes that several threads share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

_alone = threading.Lock()


def asked(test: Callable[..., Any], shape: Any, *others: Any) -> Any:
    """``test(shape, *others)`` while no other thread asks a prepared shape.

    GEOS keeps what a test works with in the prepared shape, so two tests of one shape at the same time end
    the process. Every test of a shape that is both prepared (``shapely.prepare``) and kept where other threads
    find it goes through here.
    """
    with _alone:
        return test(shape, *others)
