"""Calling a function on the elements of a collection, with errors that say which element."""

from __future__ import annotations

from typing import Any

from ecumene.core.errors import Cancelled, EvaluationError, LimitExceeded, RequestError


def call_mapped(function: Any, element: Any, *more: Any) -> Any:
    """The function's result; an error inside is prefixed ``Error in map(ID=<system:index>):``."""
    try:
        return function(element, *more)
    except (Cancelled, LimitExceeded):
        raise
    except RequestError as error:
        index = getattr(element, "index", None)
        found = EvaluationError(f"Error in map(ID={index}):\n{error.message}")
        found.node = error.node
        raise found from error
