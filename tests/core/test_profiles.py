"""Profiles that are kept: for whom, how many, how they are put together."""

from __future__ import annotations

import pytest

from ecumene.core import profiles as module
from ecumene.core.errors import EvaluationError
from ecumene.core.profile import Entry
from ecumene.core.profiles import Profiles, condensed, merged


def finished(kept: Profiles, account: str = "me", *labels: str) -> str:
    profile = kept.start(account)
    for label in labels:
        with profile.clock().inside(label):
            pass
    profile.finish()
    return profile.id


def names(entries) -> list[str]:
    return [entry.description for entry in entries]


def test_a_profile_is_its_accounts_alone():
    kept = Profiles()
    own = finished(kept, "me", "a")
    assert names(kept.entries(own, "me")) == ["a"]
    for other in ("you", "anonymous", ""):
        with pytest.raises(EvaluationError, match=f"Profile '{own}' not found"):
            kept.entries(own, other)


def test_profiles_expire(monkeypatch):
    class Later:
        @staticmethod
        def monotonic():
            return later

    later = 0.0
    monkeypatch.setattr(module, "time", Later)
    kept = Profiles(seconds=60)
    own = finished(kept, "me")
    later = 59.0
    assert kept.entries(own, "me") == ()
    later = 61.0
    with pytest.raises(EvaluationError, match="has expired"):
        kept.entries(own, "me")


def test_the_oldest_go_first_and_nobody_pushes_others_out():
    kept = Profiles(most=10, most_of_account=4)
    mine = [finished(kept, "me") for _ in range(3)]
    yours = [finished(kept, "you") for _ in range(50)]
    assert [kept.entries(each, "me") for each in mine] == [()] * 3
    assert [kept.entries(each, "you") for each in yours[-4:]] == [()] * 4
    with pytest.raises(EvaluationError):
        kept.entries(yours[-5], "you")
    for number in range(20):
        finished(kept, f"account {number}")
    assert len(kept) == 10


def test_a_profile_of_a_request_that_runs_is_empty():
    kept = Profiles()
    profile = kept.start("me")
    assert kept.entries(profile.id, "me") == ()


def test_several_profiles_are_one():
    first = [Entry("a", 1.0, count=1), Entry("b", 5.0, peak=7, count=2)]
    second = [Entry("b", 0.5, peak=3, count=1), Entry("c", 9.0)]
    found = merged([first, second])
    assert [(e.description, e.seconds, e.count, e.peak) for e in found] == [
        ("c", 9.0, 0, 0), ("b", 5.5, 3, 7), ("a", 1.0, 1, 0),
    ]  # fmt: skip


MANY = [Entry(f"Loading assets: A/B/{k}", 1.0 + k, count=1) for k in range(5)] + [
    Entry(f"Algorithm {k}", k / 10, count=1) for k in range(4)
]


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (9, 9),
        (8, ["Loading assets: A/B/(...)", "Algorithm 3", "Algorithm 2", "Algorithm 1", "Algorithm 0"]),
        (5, ["Loading assets: A/B/(...)", "Algorithm 3", "Algorithm 2", "Algorithm 1", "Algorithm 0"]),
        (3, ["Loading assets: A/B/(...)", "Algorithm 3", "(...)"]),
        (1, ["(...)"]),
    ],
)  # fmt: skip
def test_condensed(most, expected):
    found = condensed(merged([MANY]), most)
    assert len(found) == 9 if expected == 9 else names(found) == expected
    assert sum(e.count for e in found) == 9
    assert sum(e.seconds for e in found) == pytest.approx(sum(e.seconds for e in MANY))
