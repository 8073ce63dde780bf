"""Calls algorithms: finds the entry, checks and coerces the arguments, injects the context."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import partial
from typing import Any

from shapely.errors import ShapelyError

from ecumene.core.context import Context
from ecumene.core.errors import BindingError, EvaluationError, NotImplementedYet
from ecumene.core.registry import Algorithm, Argument, Registry
from ecumene.core.typename import LongInteger
from ecumene.engine.coerce import CONVERSIONS, coerce
from ecumene.engine.profiling import timed_call
from ecumene.engine.types import Mismatch

SELECTORS = frozenset(
    ("bandSelectors", "keys", "names", "newNames", "newProperties", "percentiles", "properties",
     "propertySelectors", "selectors", "weightSelectors", "tmaskBands", "breakpointBands")
)  # fmt: skip
"""List arguments that take one name or number in place of a list of one."""

LONG = ("Number", "Long")
"""Return types whose integers are longs."""


def unknown(name: str, registry: Registry) -> str:
    """What is wrong with a function's name, and the nearest names that exist."""
    near = difflib.get_close_matches(name[:100], registry.entries, n=3)
    hint = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    return f"Unknown function '{name[:100]}'.{hint}"


def find(registry: Registry, name: str) -> Algorithm:
    """The implemented entry of a name; errors for unknown and for planned ones."""
    entry = registry.get(name)
    if entry is None:
        raise BindingError(unknown(name, registry))
    if not entry.implemented:
        raise NotImplementedYet(name)
    return entry


def _coerced(argument: Argument, value: Any, context: Context, registry: Registry) -> Any:
    """The value as the argument's type; null members of a list that may have them stay."""
    if not argument.gaps or not isinstance(value, list):
        return coerce(argument.type, value, context, registry)
    rest = iter(coerce(argument.type, [v for v in value if v is not None], context, registry))
    return [None if v is None else next(rest) for v in value]


def _bind(
    entry: Algorithm, argument: Argument, value: Any, context: Context, registry: Registry
) -> Any:
    """The value of one argument; null means the default."""
    if value is None:
        value = argument.default
        if not argument.optional:
            raise BindingError(f"{entry.name}: Parameter '{argument.name}' is required.")
        if value is None:
            return None
    if argument.name in SELECTORS and isinstance(value, str | int | float):
        value = [value]
    try:
        found = _coerced(argument, value, context, registry)
    except Mismatch as mismatch:
        raise BindingError(
            f"{entry.name}, argument '{argument.name}': {mismatch.words()}"
        ) from None
    if found is None and not argument.optional and argument.type not in ("Object", "<any>"):
        raise BindingError(f"{entry.name}: Parameter '{argument.name}' is required.")
    return found


def bind(
    entry: Algorithm, arguments: dict[str, Any], context: Context, registry: Registry
) -> dict[str, Any]:
    """Arguments by parameter name, checked and coerced; lazy ones are passed on as they are.

    Raises BindingError for a missing, surplus or mistyped argument.
    """
    bound: dict[str, Any] = {}
    used = 0
    for argument in entry.arguments:
        given = argument.name in arguments
        used += given
        if given and argument.name in entry.lazy:
            bound[argument.parameter] = arguments[argument.name]
            continue
        bound[argument.parameter] = _bind(
            entry, argument, arguments.get(argument.name), context, registry
        )
    if used < len(arguments):
        names = [argument.name for argument in entry.arguments]
        surplus = next(name for name in arguments if name not in names)
        raise BindingError(
            f"{entry.name}: Unknown argument '{surplus}'. It takes: {', '.join(names) or 'none'}."
        )
    if entry.inject is not None:
        bound[entry.inject] = context
    return bound


def invoke(
    entry: Algorithm, arguments: dict[str, Any], context: Context, registry: Registry
) -> Any:
    """The value of a call with arguments by their names on the wire."""
    if entry.function is None:
        raise NotImplementedYet(entry.name)
    bound = bind(entry, arguments, context, registry)
    try:
        if context.profile is not None:
            value = timed_call(context.profile, entry.name, partial(entry.function, **bound))
        else:
            value = entry.function(**bound)
        return LongInteger(value) if type(value) is int and entry.returns in LONG else value
    except EvaluationError as error:
        message = prefixed(entry.name, error.message)
        if message == error.message:
            raise
        found = EvaluationError(message)
        found.node = error.node
        raise found from error
    except ArithmeticError as error:
        raise EvaluationError(f"{entry.name}: Arithmetic error: {error}.") from error
    except ShapelyError as error:
        reason = str(error).strip().rstrip(".:")
        raise EvaluationError(
            f"{entry.name}: Unable to perform this geometry operation: {reason}."
        ) from error


_ALONE = (
    "The default WGS84 projection",
    "User memory limit",
    "Computation timed out",
    "Collection query aborted",
    "Total request size",
)
"""Beginnings of messages that stand without an algorithm's name."""


def prefixed(name: str, message: str) -> str:
    """The message with the algorithm's name in front, unless it names one already or stands alone.

    >>> prefixed("List.get", "no such index"), prefixed("List.get", "Image.select: no band")
    ('List.get: no such index', 'Image.select: no band')
    """
    if message.startswith("Error in map("):
        return f"{name}: {message}"
    first = message.partition("\n")[0]
    head, colon, _ = first.partition(":")
    named = bool(colon) and " " not in head.strip()
    if message.startswith(_ALONE) or named or ", argument '" in head:
        return message
    return f"{name}: {message}"


@dataclass(slots=True, eq=False)
class AlgorithmFunction:
    """An algorithm used as a value; positional arguments follow its declaration."""

    entry: Algorithm
    context: Context
    registry: Registry

    @property
    def argument_names(self) -> tuple[str, ...]:
        """Names on the wire."""
        return tuple(argument.name for argument in self.entry.arguments)

    def __call__(self, *arguments: Any) -> Any:
        """The value of a call."""
        names = self.argument_names
        if len(arguments) > len(names):
            raise BindingError(
                f"{self.entry.name}: takes {len(names)} arguments, got {len(arguments)}."
            )
        return self.call_named(dict(zip(names, arguments, strict=False)))

    def call_named(self, arguments: dict[str, Any]) -> Any:
        """The value of a call by names; arguments that are lazy arrive as callables."""
        for name in self.entry.lazy & arguments.keys():
            value = arguments[name]
            arguments = {**arguments, name: lambda value=value: value}
        return invoke(self.entry, arguments, self.context, self.registry)

    def to_json(self) -> dict[str, Any]:
        """A description."""
        return {"type": "Algorithm", "name": self.entry.name}


def as_function(value: Any, context: Context, registry: Registry) -> Any:
    """Functions as they are; the name of an algorithm as that algorithm."""
    if isinstance(value, str):
        return AlgorithmFunction(find(registry, value), context, registry)
    if callable(value):
        return value
    raise Mismatch("Algorithm", value)


CONVERSIONS["Algorithm"] = as_function  # the one row that needs calls, which need the table
