"""Signatures of all algorithms that the public clients know, as tables by theme.

Each ``.txt`` file here has one declaration a line, sorted by name::

    [hidden] [deprecated "reason"] Name(argument: Type, optional: Type = default, …) -> Type # words

Types are the listing's own text and defaults are JSON. An algorithm that is implemented elsewhere shadows
its line; the others are listed and answer that they are not there yet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator
from importlib import resources

from ecumene.core.registry import REQUIRED, Algorithm, Argument

_LINE = re.compile(
    r'^(?P<hidden>hidden )?(?:deprecated (?P<reason>"(?:[^"\\]|\\.)*") )?(?P<name>[\w./]+)'
    r"\((?P<arguments>.*)\) -> (?P<returns>[^#]+?) # (?P<words>.*)$"
)

_HEAD = re.compile(r'^(?:hidden )?(?:deprecated "(?:[^"\\]|\\.)*" )?([\w./]+)\(')
_ARGUMENT = re.compile(r"(\w+): ([^=,]+?)(?= = |, \w+: |$)")


def _arguments(text: str) -> Iterator[Argument]:
    decoder = json.JSONDecoder()
    position = 0
    while position < len(text):
        match = _ARGUMENT.match(text, position)
        if match is None:
            raise ValueError(f"bad argument in {text!r} at {position}")
        name, kind = match.groups()
        position = match.end()
        default = REQUIRED
        if text.startswith(" = ", position):
            default, position = decoder.raw_decode(text, position + 3)
        yield Argument(name, kind, default=default, parameter=name)
        position += 2  # the comma and the blank between arguments


def parse(line: str) -> Algorithm:
    """The planned entry of one line."""
    match = _LINE.match(line)
    if match is None:
        raise ValueError(f"bad declaration: {line!r}")
    reason = match["reason"]
    return Algorithm(
        name=match["name"],
        arguments=tuple(_arguments(match["arguments"])),
        returns=match["returns"],
        description=match["words"],
        hidden=match["hidden"] is not None,
        deprecated=None if reason is None else json.loads(reason),
    )


def entries(known: Container[str] = ()) -> Iterator[Algorithm]:
    """All lines of the tables but those of ``known`` names."""
    for table in sorted(resources.files(__package__).iterdir(), key=lambda path: path.name):
        if not table.name.endswith(".txt"):
            continue
        for line in table.read_text("utf-8").splitlines():
            if not line or line.startswith("#"):
                continue
            head = _HEAD.match(line)
            if head is None or head[1] not in known:  # parse says what is wrong with a bad line
                yield parse(line)
