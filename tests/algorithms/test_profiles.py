"""The forms in which clients get profiles."""

from __future__ import annotations

import pytest

from ecumene.algorithms.profiles import table
from ecumene.core.context import Context
from ecumene.core.errors import BindingError, EvaluationError
from ecumene.core.profile import Entry
from ecumene.core.profiles import Profiles
from ecumene.engine.bind import find, invoke
from tests.calls import engine

ENTRIES = [
    Entry("Algorithm Image.reduceRegions", 0.2671, peak=59_300, count=6),
    Entry("Loading assets: projects/google/charts", 0.1839, peak=559_000, count=84),
    Entry("(plumbing)", 0.1, peak=999_950, count=947),
    Entry("Reprojecting pixels", 0.00049, peak=200, count=72),
    Entry("Loading assets: A/B", 12.5, peak=0, count=1, read=1_200_000, decoded=48_000_000),
    Entry("Algorithm Image.eq", 0.0, count=3, within=("Algorithm Image.updateMask",)),
]


def test_the_text_is_earth_engines_table():
    """The first four lines are laid out as published outputs of the service are."""
    assert table(ENTRIES).splitlines() == [
        " EECU·s PeakMem Count  Description",
        "  0.267     59k     6  Algorithm Image.reduceRegions",
        "  0.184    559k    84  Loading assets: projects/google/charts",
        "  0.100    1.0M   947  (plumbing)",
        "  0.000     200    72  Reprojecting pixels",
        " 12.500       0     1  Loading assets: A/B [1.2MB read, 48MB decoded]",
        "  0.000       0     3  Algorithm Image.eq [pixels within Algorithm Image.updateMask]",
    ]


def answer(kept: Profiles, **arguments):
    registry = engine().registry
    context = Context(account="me", profiles=kept)
    return invoke(find(registry, "Profile.getProfiles"), arguments, context, registry)


@pytest.fixture
def kept() -> tuple[Profiles, list[str]]:
    store = Profiles()
    ids = []
    for labels in (("Loading assets: A/B/1", "x"), ("Loading assets: A/B/2", "x")):
        profile = store.start("me")
        for label in labels:
            with profile.clock().inside(label):
                pass
        profile.finish()
        ids.append(profile.id)
    return store, ids


def test_json_has_everything(kept):
    store, ids = kept
    rows = answer(store, ids=ids, format="json")
    assert {row["description"]: row["count"] for row in rows} == {
        "Loading assets: A/B/1": 1, "Loading assets: A/B/2": 1, "x": 2,
    }  # fmt: skip
    assert set(rows[0]) == {
        "description", "seconds", "elapsedSeconds", "peakMemoryBytes", "count", "bytesRead", "bytesDecoded",
        "pixelsWithin",
    }  # fmt: skip
    fewer = answer(store, ids=ids, format="json", maxEntries=2)
    assert sorted(row["description"] for row in fewer) == ["Loading assets: A/B/(...)", "x"]


def test_the_same_id_twice_counts_once(kept):
    store, ids = kept
    once = answer(store, ids=ids)
    assert answer(store, ids=[*ids, ids[0]]) == once


def test_nothing_profiled_is_a_bare_table(kept):
    assert answer(kept[0], ids=[]) == table([])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"ids": ["none"]}, EvaluationError, "Profile 'none' not found"),
        ({"ids": [], "format": "xml"}, EvaluationError, "Unknown profile format 'xml'"),
        ({"ids": [], "maxEntries": 0}, EvaluationError, "'maxEntries' must be positive"),
        ({}, BindingError, "Parameter 'ids' is required"),
    ],
)
def test_refused(kept, arguments, error, message):
    with pytest.raises(error, match=message):
        answer(kept[0], **arguments)
