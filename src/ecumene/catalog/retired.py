"""Retired ids of the public catalogue: which id answers for them, and with which bands.

The table is ``datasets/retired.toml``. An asset that is there is never replaced, nor is anything in it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from typing import Any

from ecumene.catalog.ids import canonical, parent_of
from ecumene.catalog.source import CollectionSource
from ecumene.core.collection import Unindexed
from ecumene.core.image import Image
from ecumene.core.query import Query

MOST_STEPS = 16
"""Successors of successors that are tried."""

Bands = Mapping[str, str]
"""A retired dataset's bands, by their names the successor's."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What answers for one id. ``bands`` None: all of the successor's, under their own names."""

    successor: str
    bands: Bands | None = None
    members: bool = True


@dataclass(frozen=True, slots=True)
class Successor:
    """An asset that is there and answers for a retired id."""

    id: str
    bands: Bands | None = None

    def image(self, image: Image) -> Image:
        """The image with the bands that mean the same, as the retired one named them; ids are its own."""
        if self.bands is None:
            return image
        known = {band.name: band for band in image.bands}
        kept = [(old, known[new]) for old, new in self.bands.items() if new in known]
        return replace(image, bands=tuple(replace(band, name=old) for old, band in kept))


@lru_cache(maxsize=1)
def table() -> Mapping[str, Rule]:
    """The rules, by retired id."""
    text = (resources.files("ecumene.catalog.datasets") / "retired.toml").read_text()
    found: dict[str, Rule] = {}
    for entry in tomllib.loads(text)["rule"]:
        bands = entry.get("bands")
        names = bands if bands is None or isinstance(bands, dict) else {b: b for b in bands}
        for ending in [f"/{name}" for name in entry.get("each", ())] or [""]:
            rule = Rule(entry["successor"] + ending, names, entry.get("members", True))
            found[entry["retired"] + ending] = rule
    return found


def successor(asset_id: str, exists: Callable[[str], bool]) -> Successor | None:
    """What answers for an id: its nearest successor that exists. None where nothing must, or nothing can.

    Parameters
    ----------
    asset_id : in any form: of a retired dataset, or of an image in a retired collection.
    exists : whether there is an asset of a canonical id.
    """
    plain = canonical(asset_id)
    rules = table()
    held = parent_of(plain) or ""
    dataset = plain if plain in rules else held
    if dataset not in rules or exists(dataset) or (dataset == held and exists(plain)):
        return None
    tail = plain[len(dataset) :]
    bands: Bands | None = None
    for _ in range(MOST_STEPS):
        rule = rules.get(dataset)
        if rule is None or (tail and not rule.members):
            return None
        dataset, bands = rule.successor, _through(bands, rule.bands)
        if exists(dataset):
            return Successor(dataset + tail, bands) if not tail or exists(dataset + tail) else None
    return None


def _through(first: Bands | None, second: Bands | None) -> Bands | None:
    """Names of the first one's successor's successor."""
    if first is None or second is None:
        return second if first is None else first
    return {old: second[middle] for old, middle in first.items() if middle in second}


class Succeeding(Unindexed):
    """The images of a collection that answers for a retired one."""

    def __init__(self, source: CollectionSource, by: Successor) -> None:
        self._source, self._by = source, by

    def elements(self, query: Query) -> Iterator[Any]:
        """With the bands that mean the same."""
        return (self._by.image(image) for image in self._source.elements(query))

    def count(self, query: Query) -> int | None:
        """As many as there are."""
        return self._source.count(query)

    def can_order(self, name: str) -> bool:
        """As the source can."""
        return self._source.can_order(name)
