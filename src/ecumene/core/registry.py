"""The registry: one declaration per algorithm feeds binding, listing, documentation and tests.

An algorithm is a typed function::

    @algorithm("Terrain.hillshade")
    def hillshade(input: Image, azimuth: Float = 270, elevation: Float = 45) -> Image:
        '''Brightness of a surface lit from one direction, 0 (dark) to 255.

        Parameters
        ----------
        input : first band is height in metres.
        azimuth, elevation : degrees clockwise from north; degrees above the horizon.
        '''

Parameter names are snake_case here and camelCase on the wire (a trailing underscore escapes a
keyword; ``wire_names`` gives the exceptions). A default makes an argument optional and is the
listing's ``defaultValue``. A parameter annotated ``Context`` is injected, never listed.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ecumene.core.context import Context
from ecumene.core.wire import wire_text

F = TypeVar("F", bound=Callable[..., Any])

REQUIRED: Any = inspect.Parameter.empty
"""Marks an argument without default."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: ``name`` on the wire, ``parameter`` in Python, type text, default, words.

    ``gaps``: members of the list that it takes may be null.
    """

    name: str
    type: str
    description: str = ""
    default: Any = REQUIRED
    parameter: str = ""
    gaps: bool = False

    @property
    def optional(self) -> bool:
        """Whether it has a default."""
        return self.default is not REQUIRED


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One entry. ``function`` is None while the algorithm is only planned.

    ``inject`` names the parameter that receives the Context.
    """

    name: str
    arguments: tuple[Argument, ...]
    returns: str
    description: str
    function: Callable[..., Any] | None = None
    inject: str | None = None
    hidden: bool = False
    deprecated: str | None = None
    details: str = ""
    lazy: frozenset[str] = frozenset()

    @property
    def implemented(self) -> bool:
        """Whether it can be called."""
        return self.function is not None

    def listing(self) -> dict[str, Any]:
        """The entry of ``GET …/algorithms``."""
        out: dict[str, Any] = {
            "name": f"algorithms/{self.name}",
            "description": self.description,
            "returnType": self.returns,
        }
        arguments = []
        for argument in self.arguments:
            item: dict[str, Any] = {
                "argumentName": argument.name,
                "type": argument.type,
                "description": argument.description,
            }
            if argument.optional:
                item["optional"] = True
                item["defaultValue"] = argument.default
            arguments.append(item)
        if arguments:
            out["arguments"] = arguments
        if self.hidden:
            out["hidden"] = True
        if self.deprecated is not None:
            out["deprecated"] = True
            out["deprecationReason"] = self.deprecated
        return out


@dataclass(slots=True)
class Registry:
    """Algorithms by name. A name may be declared once; a planned entry may be replaced once."""

    entries: dict[str, Algorithm] = field(default_factory=dict)

    def add(self, entry: Algorithm) -> None:
        """Adds an entry; a second implementation of a name is a programming error."""
        known = self.entries.get(entry.name)
        if known is not None and known.implemented and entry.implemented:
            raise RuntimeError(f"algorithm {entry.name} is declared twice")
        if known is None or entry.implemented:
            self.entries[entry.name] = entry

    def get(self, name: str) -> Algorithm | None:
        """The entry of this name."""
        return self.entries.get(name)

    def __iter__(self) -> Iterator[Algorithm]:
        return iter(self.entries.values())

    def __len__(self) -> int:
        return len(self.entries)


REGISTRY = Registry()
"""The process's registry, filled when ``ecumene.algorithms`` is imported."""


def camel(name: str) -> str:
    """``class_property`` → ``classProperty``; a trailing underscore is dropped."""
    head, *rest = name.rstrip("_").split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


_PARAMETER = re.compile(r"^(\w+(?:, \w+)*) ?:(?: |$)(.*)$")


def parse_docstring(text: str | None) -> tuple[str, dict[str, str], str]:
    """``(description, words per parameter, everything after the parameters)`` of a docstring."""
    lines = inspect.cleandoc(text or "").splitlines()
    try:
        start = lines.index("Parameters")
    except ValueError:
        head, _, tail = "\n".join(lines).partition("\n\n")
        return " ".join(head.split()), {}, tail
    words: dict[str, str] = {}
    current: list[str] = []
    end = len(lines)
    for position in range(start + 2, len(lines)):
        line = lines[position]
        match = _PARAMETER.match(line)
        if match:
            current = match.group(1).split(", ")
            words.update(dict.fromkeys(current, match.group(2)))
        elif line.startswith(" ") and current:
            for name in current:
                words[name] = f"{words[name]} {line.strip()}".strip()
        elif not line.strip() and position + 1 < len(lines) and lines[position + 1].startswith(" "):
            continue
        else:
            end = position
            break
    head, _, tail = "\n".join(lines[:start]).partition("\n\n")
    details = "\n".join([tail, *lines[end:]]).strip()
    return " ".join(head.split()), words, details


def _has_gaps(hint: Any) -> bool:
    """Whether an annotation is of a list whose members may be None."""
    members = typing.get_args(hint)
    return typing.get_origin(hint) is list and type(None) in typing.get_args(members[0])


def describe(
    name: str,
    function: Callable[..., Any],
    *,
    wire_names: Mapping[str, str] | None = None,
    returns: str | None = None,
    hidden: bool = False,
    deprecated: str | None = None,
    lazy: Iterable[str] = (),
) -> Algorithm:
    """The entry that a typed function declares."""
    hints = typing.get_type_hints(function, include_extras=True)
    description, words, details = parse_docstring(function.__doc__)
    arguments, inject = [], None
    for parameter in inspect.signature(function).parameters.values():
        hint = hints[parameter.name]
        if hint is Context:
            inject = parameter.name
            continue
        wire = (wire_names or {}).get(parameter.name) or camel(parameter.name)
        arguments.append(
            Argument(
                wire,
                wire_text(hint),
                words.get(parameter.name, ""),
                parameter.default,
                parameter.name,
                _has_gaps(hint),
            )
        )
    return Algorithm(
        name=name,
        arguments=tuple(arguments),
        returns=returns or wire_text(hints["return"]),
        description=description,
        function=function,
        inject=inject,
        hidden=hidden,
        deprecated=deprecated,
        details=details,
        lazy=frozenset(lazy),
    )


def algorithm(*names: str, **options: Any) -> Callable[[F], F]:
    """Declares a function as the algorithm of these names (aliases share everything).

    Options: ``wire_names={parameter: wireName}``, ``returns="List<Object>"`` (type text where the
    annotation cannot say it), ``hidden=True``, ``deprecated="reason"``, ``lazy=("trueCase",)``
    (arguments handed over as zero-argument callables, evaluated when called).
    """

    def declare(function: F) -> F:
        for name in names:
            REGISTRY.add(describe(name, function, **options))
        return function

    return declare
