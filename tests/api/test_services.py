"""Requests that are kept under names: what they weigh."""

from __future__ import annotations

from typing import Any

import pytest

from ecumene.api.services import UNSEEN, Capabilities
from ecumene.core.context import Context

SMALL = {"result": "0", "values": {"0": {"constantValue": 1}}}
MANY = 200_000


@pytest.mark.parametrize(
    ("project", "body", "least"),
    [
        ("projects/p", {"expression": SMALL | {"x": "y" * MANY}}, MANY),
        ("projects/p", {"expression": SMALL, "anything": "y" * MANY}, MANY),
        ("projects/p", {"expression": SMALL, "grid": [[0] * (MANY // 2)]}, MANY),
        ("projects/" + "p" * MANY, {"expression": SMALL}, MANY),
        ("projects/p", {"expression": SMALL, "anything": "\ud800"}, UNSEEN),
    ],
    ids=["expression", "another field", "numbers", "name", "what cannot be written"],
)
def test_everything_that_is_kept_is_weighed(project: str, body: dict[str, Any], least: int):
    made = Capabilities().made(project, "maps", body, Context())
    assert least < made.size < least + 10_000


def test_the_least_used_go_when_requests_are_large():
    kept = Capabilities(4 * MANY)
    bodies = [{"expression": SMALL, "anything": "y" * MANY} for _ in range(5)]
    names = []
    for body in bodies:
        stored = kept.made("projects/p", "maps", body, Context())
        kept.add(stored)
        names.append(stored.name)
    assert len(kept) == 3
    assert kept.get(names[-1]).request["anything"] == "y" * MANY
