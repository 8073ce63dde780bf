"""Images that expressions came to, remembered: an image is evaluated once for all of its tiles and stretches.

An image is a description; what it shows is read when pixels are asked for. So it stays right for as long as the
catalogue's records stay as they are and its evaluation looked at nothing else: one that read pixels, a table or a
profile is remembered for the map that it was made for only. What an account may see decides what an
expression means, so memories are of one account each.
"""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from ecumene.core.caches import Report, of_lru
from ecumene.core.context import Catalog, Context, PixelEngine
from ecumene.core.image import Image
from ecumene.core.lru import Lru
from ecumene.core.profiles import Profiles

MOST_STEPS = 500_000
"""Steps of evaluation behind all remembered images; each made a few plan nodes of some hundred bytes."""

STEP_BYTES = 512
"""Of an expression's text, which may be in its image (coordinates, for instance): they weigh as much as a step."""

DERIVED = 32
"""Pictures of one image (bands and stretches) that are kept with it."""


class Written(NamedTuple):
    """An expression as text, and a hash of it."""

    text: bytes
    digest: bytes


def written(expression: Any) -> Written | None:
    """The canonical text of a decoded ``Expression`` document; None where it has none."""
    if isinstance(expression, Written):
        return expression
    try:
        text = msgspec.json.encode(expression)
    except (TypeError, ValueError, RecursionError, UnicodeEncodeError):
        return None
    return Written(text, hashlib.blake2b(text, digest_size=16).digest())


class Key(NamedTuple):
    """What an expression's meaning depends on: ``what`` is its hash, or a name that stands for it."""

    account: str
    revision: int
    what: bytes | str


@dataclass(slots=True, eq=False, weakref_slot=True)
class _Remembered:
    image: Image
    steps: int
    superseded: Mapping[str, str] = field(default_factory=dict)
    derived: Lru[Any] = field(default_factory=lambda: Lru(DERIVED))


class Memory:
    """Evaluated images by account, state of the catalogue and expression. Thread-safe, bounded."""

    def __init__(self, most_steps: int = MOST_STEPS) -> None:
        self._held: Lru[_Remembered] = Lru(most_steps, lambda one: one.steps)
        self._by_image: weakref.WeakValueDictionary[int, _Remembered] = (
            weakref.WeakValueDictionary()
        )

    def recall(self, key: Key, superseded: dict[str, str] | None = None) -> Image | None:
        """The image of an expression; None if it must be evaluated.

        The retired ids that others answered for when it was evaluated are added to ``superseded``.
        """
        found = self._held.get(key)
        if found is None:
            return None
        if superseded is not None:
            superseded.update(found.superseded)
        return found.image

    def keep(
        self, key: Key, image: Image, steps: int, superseded: Mapping[str, str] | None = None
    ) -> None:
        """Remembers an image that took so many steps to evaluate."""
        made = _Remembered(image, max(steps, 1), dict(superseded or {}))
        self._by_image[id(image)] = made
        self._held.put(key, made)

    def derived(self, image: Image, key: Any, make: Callable[[], Any]) -> Any:
        """What is made of an image: once, if the image is a remembered one."""
        entry = self._by_image.get(id(image))
        if entry is None or entry.image is not image:
            return make()
        found = entry.derived.get(key)
        if found is None:
            found = make()
            entry.derived.put(key, found)
        return found

    def caches(self) -> dict[str, Report]:
        """Counters; the size is in steps."""
        return {"expressions": of_lru(self._held)}


class Witness:
    """A context that notices whether an evaluation depends on more than records of images."""

    def __init__(self, context: Context) -> None:
        self.pure = True
        pixels = None if context.pixels is None else _Watched(context.pixels, self, ())
        profiles = None if context.profiles is None else _Watched(context.profiles, self, ())
        records = ("load_image", "load_collection", "load_classifier", "successor")
        self.context = replace(
            context,
            catalog=cast(Catalog, _Watched(context.catalog, self, records)),
            pixels=cast(PixelEngine | None, pixels),
            profiles=cast(Profiles | None, profiles),
            file=None if context.file is None else self._noticing(context.file),
        )

    def _noticing(self, find: Callable[[str], Path]) -> Callable[[str], Path]:
        """Files change, and who may read them, without the catalogue's knowing."""

        def file(uri: str) -> Path:
            self.pure = False
            return find(uri)

        return file


class _Watched:
    """Anything, of which only some attributes may be used unnoticed."""

    def __init__(self, target: Any, witness: Witness, harmless: tuple[str, ...]) -> None:
        self._target, self._witness, self._harmless = target, witness, harmless

    def __getattr__(self, name: str) -> Any:
        if name not in self._harmless:
            self._witness.pure = False
        return getattr(self._target, name)
