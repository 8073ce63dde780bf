"""Calls algorithms: finds the entry, checks and coerces the arguments, injects the context."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

from ecumene.core.context import Context
from ecumene.core.errors import BindingError, Cancelled, EvaluationError, NotImplementedYet
from ecumene.core.registry import Algorithm, Registry
from ecumene.engine.coerce import Mismatch, coerce, shown, type_name


def find(registry: Registry, name: str) -> Algorithm:
    """The implemented entry of a name; errors for unknown and for planned ones."""
    entry = registry.get(name)
    if entry is None:
        near = difflib.get_close_matches(name, registry.entries, n=3)
        hint = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
        raise BindingError(f"Unknown function: '{name}' is not a known algorithm.{hint}")
    if not entry.implemented:
        raise NotImplementedYet(name)
    return entry


def invoke(
    entry: Algorithm, arguments: dict[str, Any], context: Context, registry: Registry
) -> Any:
    """The value of a call with arguments by their names on the wire."""
    bound: dict[str, Any] = {}
    names = {argument.name for argument in entry.arguments}
    for name in arguments:
        if name not in names:
            raise BindingError(
                f"{entry.name}: Unknown argument '{name}'. It takes: {', '.join(a.name for a in entry.arguments) or 'none'}."
            )
    for argument in entry.arguments:
        value = arguments.get(argument.name)
        if argument.name in entry.lazy and argument.name in arguments:
            bound[argument.parameter] = value
            continue
        if value is None:
            if not argument.optional:
                raise BindingError(f"{entry.name}: Parameter '{argument.name}' is required.")
            value = argument.default
            if value is None:
                bound[argument.parameter] = None
                continue
        try:
            bound[argument.parameter] = coerce(argument.type, value, context, registry)
        except Mismatch as found:
            raise BindingError(
                f"{entry.name}, argument '{argument.name}': Invalid type.\nExpected type: {found.expected}.\n"
                f"Actual type: {type_name(found.value)}.\nActual value: {shown(found.value)}"
            ) from None
    if entry.inject is not None:
        bound[entry.inject] = context
    assert entry.function is not None
    try:
        return entry.function(**bound)
    except Cancelled:
        raise
    except EvaluationError as error:
        raise EvaluationError(prefixed(entry.name, error.message)) from error


def prefixed(name: str, message: str) -> str:
    """The message with the algorithm's name in front, unless it names one already or stands alone."""
    first = message.split("\n", 1)[0]
    head = first.split(":", 1)[0]
    if message.startswith("Error in map("):
        return f"{name}: {message}"
    if (
        message.startswith(_ALONE)
        or (":" in first and " " not in head.strip())
        or f"{name}," in head
    ):
        return message
    return f"{name}: {message}"


_ALONE = (
    "The default WGS84 projection",
    "User memory limit",
    "Computation timed out",
    "Total request size",
)


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
        return self.call_named(dict(zip(self.argument_names, arguments, strict=False)))

    def call_named(self, arguments: dict[str, Any]) -> Any:
        """The value of a call by names."""
        return invoke(self.entry, arguments, self.context, self.registry)
