"""Calls of algorithms on the clock of a profile, and the plan nodes that they made marked as theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ecumene.core.image import Image
from ecumene.core.profile import Profile
from ecumene.plan.node import PlanNode
from ecumene.plan.nodes import Source

MOST_ITEMS = 10_000
"""Elements of a list that are looked through for images."""


def label_of(name: str) -> str:
    """What the work of an algorithm is called."""
    return f"Algorithm {name}"


def timed_call(profile: Profile, name: str, call: Callable[[], Any]) -> Any:
    """The value of a call of an algorithm; its time, without that of calls within, is charged to its name."""
    label = label_of(name)
    with profile.clock().inside(label):
        value = call()
    mark(profile, value, label)
    return value


def mark(profile: Profile, value: Any, label: str) -> None:
    """Nodes of the images in a value that no label has yet belong to this one.

    Stored bands are nobody's: reading them is charged to their assets.
    """
    waiting = [band.node for image in _images(value) for band in image.bands]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, PlanNode) or isinstance(node, Source):
            continue
        if node.digest not in profile.origins:
            profile.mark((node.digest,), label)
            waiting.extend(node.inputs())


def _images(value: Any) -> Iterator[Image]:
    if isinstance(value, Image):
        yield value
    elif isinstance(value, list | tuple):
        yield from (item for item in value[:MOST_ITEMS] if isinstance(item, Image))
    elif isinstance(value, dict):
        yield from (item for item in list(value.values())[:MOST_ITEMS] if isinstance(item, Image))
