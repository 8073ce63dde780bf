"""Examples of algorithms in the language of the public Python client, as tables by theme.

Each ``.txt`` file here has a section a name, sorted, after a first line that says where the rules of the theme
come from::

    source: Earth Engine's reference of ee.String
    [String.cat]
    source: only where this one differs
    >>> ee.String("Sen").cat("tinel").getInfo()
    'Sentinel'

Sections are doctests: the reference shows them, and the tests run them through the unmodified client against a
server. What an algorithm refuses is shown as a traceback. Text before the first ``>>>`` explains.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

_HEAD = re.compile(r"^\[((?!None\]|True\]|False\])[A-Za-z][\w./]*)\]$", re.M)
_SOURCE = re.compile(r"^source: (.+)\n", re.M)


@dataclass(frozen=True, slots=True)
class Example:
    """What the reference shows of an algorithm: a doctest with words before it, and where its rule comes from."""

    name: str
    text: str
    source: str
    table: str


def parse(table: str, content: str) -> Iterator[Example]:
    """The sections of one table. Raises ValueError where it has no source or a name stands twice."""
    head, *sections = _HEAD.split(content)
    common = _SOURCE.match(head)
    if common is None:
        raise ValueError(f"{table}: the first line must name the source")
    seen: set[str] = set()
    for name, body in zip(sections[::2], sections[1::2], strict=True):
        if name in seen:
            raise ValueError(f"{table}: {name} stands twice")
        seen.add(name)
        own = _SOURCE.search(body)
        text = _SOURCE.sub("", body).strip("\n")
        yield Example(name, text, (own or common)[1], table)


def load() -> dict[str, Example]:
    """All examples by the name of their algorithm."""
    found: dict[str, Example] = {}
    for table in sorted(resources.files(__package__).iterdir(), key=lambda path: path.name):
        if table.name.endswith(".txt"):
            for example in parse(table.name, table.read_text("utf-8")):
                if example.name in found:
                    raise ValueError(f"{example.name} has two examples")
                found[example.name] = example
    return found
