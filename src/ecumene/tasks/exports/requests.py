"""What export requests say, checked when they are accepted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecumene.catalog.ids import canonical
from ecumene.core.documents import pick, wrapped
from ecumene.core.errors import RequestError
from ecumene.tasks.exports import destinations

MAX_PIXELS = 10**8
Payload = dict[str, Any]


def common(body: Mapping[str, Any]) -> Payload:
    """The expression; RequestError if there is none."""
    expression = pick(body, "expression")
    if expression is None:
        raise RequestError("Missing required field: expression.")
    return {"expression": expression}


def integer(document: Any, name: str, default: int, low: int = 0, high: int = 2**63) -> int:
    """An integer member, bare, wrapped or as a string."""
    given = wrapped(pick(document, name))
    if given is None:
        return default
    try:
        number = int(float(given)) if not isinstance(given, str) else int(given)
    except (TypeError, ValueError, OverflowError):
        raise RequestError(f"Invalid value for '{name}': {given}") from None
    if not low <= number <= high:
        raise RequestError(f"'{name}' must be between {low} and {high}, got {number}.")
    return number


def number(document: Any, name: str, default: float) -> float:
    """A number, bare or wrapped."""
    given = wrapped(pick(document, name))
    try:
        return default if given is None else float(given)
    except (TypeError, ValueError):
        raise RequestError(f"Invalid value for '{name}': {given}") from None


def member(document: Any, name: str) -> Mapping[str, Any]:
    """An object member; empty if it is missing."""
    found = pick(document, name, {})
    if not isinstance(found, Mapping):
        raise RequestError(f"'{name}' must be an object.")
    return found


def dimensions(document: Any, name: str) -> tuple[int, int] | None:
    """``GridDimensions``: width and height."""
    if pick(document, name) is None:
        return None
    given = member(document, name)
    return integer(given, "width", 0, 0, 2**31), integer(given, "height", 0, 0, 2**31)


def file_options(body: Mapping[str, Any], formats: Mapping[str, str], default: str) -> Payload:
    """Format and destination of ``fileExportOptions``."""
    options = member(body, "fileExportOptions")
    named = pick(options, "fileFormat") or default
    kind = formats.get(default if str(named).endswith("UNSPECIFIED") else str(named))
    if kind is None:
        raise RequestError(
            f"Invalid or unsupported fileFormat '{named}'. Supported: {', '.join(formats)}."
        )
    description = str(pick(body, "description") or "")
    return {"format": kind, "destination": destinations.wanted(options, description)}


def asset(options: Mapping[str, Any]) -> Payload:
    """The asset of an ``EarthEngineDestination``."""
    given = member(options, "earthEngineDestination")
    name = str(pick(given, "name") or "")
    if not canonical(name):
        raise RequestError("Missing required field: earthEngineDestination.name.")
    return {"asset": canonical(name), "overwrite": bool(pick(given, "overwrite"))}
