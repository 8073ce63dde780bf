"""Operations from acceptance to end: order, idempotence, cancelling, failing, taking over."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ecumene.core.errors import RateLimited, Unavailable
from ecumene.tasks import service as service_
from ecumene.tasks import store as store_
from ecumene.tasks import workers as workers_
from ecumene.tasks.operation import Operation
from ecumene.tasks.owners import Owner
from ecumene.tasks.scratch import Busy, Scratch, locked, sweep
from ecumene.tasks.service import Operations
from tests.tasks.kinds import asked, gate, operations, until

STEPS = {"steps": 4}


@pytest.fixture
def made(tmp_path: Path, database: str) -> Iterator[Operations]:
    gate.clear()
    found = operations(tmp_path)
    yield found
    gate.set()
    found.stop()
    found.store.close()


def ended(made: Operations, identifier: str) -> Operation:
    def look() -> Operation | None:
        found = made.store.get(identifier)
        return found if found is not None and found.done else None

    found: Operation = until(look)
    return found


def test_an_operation_runs_and_tells(made: Operations) -> None:
    accepted = made.submit(asked(priority=7), STEPS)
    assert accepted.resource()["metadata"]["state"] == "PENDING"
    assert "done" not in accepted.resource()
    made.start(1)
    found = ended(made, accepted.id).resource()
    metadata = found["metadata"]
    assert found["done"] and "error" not in found and "response" in found
    assert metadata["state"] == "SUCCEEDED" and metadata["progress"] == 1.0
    assert metadata["attempt"] == 1 and metadata["priority"] == 7
    assert metadata["createTime"] <= metadata["startTime"] <= metadata["endTime"]
    (uri,) = metadata["destinationUris"]
    assert Path(uri).read_text() == "abcd\n"
    until(lambda: not any((made.around.data / "tasks" / "scratch").iterdir()))


def test_the_same_request_is_one_operation(made: Operations) -> None:
    first = made.submit(asked(request_id="r-1"), STEPS)
    again = made.submit(asked(request_id="r-1", description="other"), STEPS)
    other = made.submit(asked(request_id="r-1", account="you"), STEPS)
    assert again.id == first.id and other.id != first.id


@pytest.mark.parametrize(
    ("kind", "code", "text"),
    [
        ("refuse", 3, "Image.select: Band pattern 'B99' did not match any bands."),
        ("broken", 13, "An internal error has occurred."),
        ("unheard of", 13, "This server has no tasks of the kind 'unheard of'."),
    ],
)
def test_failures_are_told(made: Operations, kind: str, code: int, text: str) -> None:
    accepted = made.submit(asked(kind), STEPS)
    made.start(1)
    found = ended(made, accepted.id).resource()
    assert found["error"] == {"code": code, "message": text}
    assert found["metadata"]["state"] == "FAILED" and "response" not in found


def test_higher_priorities_run_first_then_the_oldest(made: Operations) -> None:
    ids = [made.submit(asked(priority=p), STEPS).id for p in (100, 5, 100, 900)]
    made.start(1)
    found = sorted((ended(made, i) for i in ids), key=lambda one: one.started or 0)
    assert [one.id for one in found] == [ids[3], ids[0], ids[2], ids[1]]


def test_what_waits_is_cancelled_at_once(made: Operations) -> None:
    accepted = made.submit(asked(), STEPS)
    made.cancel(accepted.id)
    found = made.store.get(accepted.id)
    assert found is not None
    assert found.resource()["error"] == {"code": 1, "message": "Cancelled."}
    made.start(1)
    assert made.store.claim("nobody", lambda one: True) is None


def test_what_runs_is_asked_to_stop(made: Operations) -> None:
    accepted = made.submit(asked(), STEPS | {"wait": 2})
    made.start(1)
    until(lambda: made.store.get(accepted.id).state == "RUNNING")  # type: ignore[union-attr]
    assert not made.store.delete(accepted.id)
    made.cancel(accepted.id)
    assert ended(made, accepted.id).state == "CANCELLED"
    assert not (made.around.data / "t.txt").exists()
    assert made.store.delete(accepted.id) and made.store.get(accepted.id) is None


def test_after_the_point_of_no_return_nothing_stops_it(made: Operations) -> None:
    made.submit(asked(), STEPS)
    held = made.store.claim("one", lambda one: False)
    assert held is not None and made.store.commit(held)
    made.cancel(held.id)
    assert made.store.get(held.id).state == "RUNNING"  # type: ignore[union-attr]
    assert made.store.release(held)
    made.cancel(held.id)
    assert made.store.get(held.id).state == "PENDING"  # type: ignore[union-attr]


def test_only_the_holder_ends_an_operation(made: Operations) -> None:
    made.submit(asked(), STEPS)
    first = made.store.claim("one", lambda one: False)
    assert first is not None and made.store.claim("two", lambda one: False) is None
    second = made.store.claim("two", lambda one: True)
    assert second is not None and second.attempt == 2 and second.strikes == 1
    assert not made.store.commit(first) and not made.store.finish(first, "SUCCEEDED")
    assert made.store.finish(second, "SUCCEEDED")
    assert not made.store.finish(second, "FAILED")


def test_a_stopped_worker_gives_back_and_the_next_one_goes_on(made: Operations) -> None:
    accepted = made.submit(asked(), STEPS | {"wait": 2})
    made.start(1)
    folder = made.around.data / "tasks" / "scratch" / accepted.id
    until(lambda: (folder / "out").exists() and (folder / "out").read_text() == "ab")
    made.stop()
    assert made.store.get(accepted.id).state == "PENDING"  # type: ignore[union-attr]
    gate.set()
    made.start(1)
    found = ended(made, accepted.id)
    assert found.attempt == 2 and (made.around.data / "t.txt").read_text() == "abcd\n"


def test_a_task_that_never_gets_on_is_given_up(made: Operations) -> None:
    accepted = made.submit(asked(), STEPS)
    killed = Owner(made.around.data / "tasks" / "owners")
    killed.close()
    for _ in range(11):
        assert made.store.claim(killed.name, lambda one: True) is not None
    made.start(1)
    assert "too many attempts" in str(ended(made, accepted.id).error_message)


def test_progress_renews_the_lease_and_forgives_strikes(made: Operations) -> None:
    made.submit(asked(), STEPS)
    made.store.claim("one", lambda one: True)
    held = made.store.claim("one", lambda one: True)
    assert held is not None and held.strikes == 1
    assert made.store.beat("one", [store_.Beat(held.id, 0.5, [], 1.0)]) == {held.id: "RUNNING"}
    found = made.store.get(held.id)
    assert found is not None and found.strikes == 0 and found.progress == 0.5
    assert (found.lease or 0) >= (held.lease or 0)
    assert made.store.beat("two", [store_.Beat(held.id, 0.9, [], 1.0)]) == {}


def test_an_owner_is_dead_once_its_process_lets_go(tmp_path: Path) -> None:
    one, two = Owner(tmp_path), Owner(tmp_path)
    assert not two.dead(one.name) and not one.dead(one.name)
    assert not two.dead("elsewhere:0123")
    one.close()
    assert two.dead(one.name)


def test_a_torn_line_of_the_journal_does_not_count(tmp_path: Path) -> None:
    first = Scratch(tmp_path / "a")
    with pytest.raises(Busy):
        Scratch(tmp_path / "a")
    first.done("one", {"x": 1})
    first.close()
    with (tmp_path / "a" / "journal").open("ab") as file:
        file.write(b'["two", n')
    again = Scratch(tmp_path / "a")
    assert again.steps == {"one": {"x": 1}}
    again.done("two")
    again.close()
    third = Scratch(tmp_path / "a")
    assert third.steps == {"one": {"x": 1}, "two": None}
    third.remove()
    assert not (tmp_path / "a").exists()


def test_directories_of_ended_operations_are_swept(tmp_path: Path) -> None:
    for name in ("kept", "gone", "held"):
        Scratch(tmp_path / name).close()
    lock = locked(tmp_path / "held" / "lock")
    sweep(tmp_path, {"kept"})
    assert {p.name for p in tmp_path.iterdir()} == {"kept", "held"}
    lock.close()


def test_what_was_asked_is_forgotten_with_the_end_and_the_rest_in_time(made: Operations) -> None:
    accepted = made.submit(asked("refuse"), {"expression": "x" * 1000})
    waiting = made.submit(asked(), STEPS)
    assert made.store.payload(accepted.id)["expression"].startswith("xx")
    held = made.store.claim("one", lambda one: False)
    assert held is not None and made.store.fail(held, 3, "no")
    assert made.store.payload(accepted.id) == {}
    assert made.store.prune(10**9) == 0
    assert made.store.prune(-1) == 1
    assert made.store.get(accepted.id) is None and made.store.get(waiting.id) is not None


def test_a_store_that_is_away_is_tried_again(
    made: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers_, "PATIENCE", 0.001)
    monkeypatch.setattr(workers_, "BEAT", 0.02)
    accepted = made.submit(asked("away"), {"times": 2})
    lasting = made.submit(asked("away"), {"times": 99})
    made.start(1)
    found = ended(made, accepted.id)
    assert found.state == "SUCCEEDED" and found.attempt == 3
    failed = ended(made, lasting.id)
    assert failed.attempt == 6 and failed.error_code == 14
    assert failed.error_message == "The server's storage failed: No space left on device."


def test_what_is_made_outlives_a_store_that_cannot_be_told(
    made: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers_, "BEAT", 0.02)
    monkeypatch.setattr(store_, "LEASE", 200_000)
    tell, left = made.store._change, ["finish", "release"]

    def away_twice(held: Operation, *conditions: Any, **values: Any) -> bool:
        if "state" in values and left:
            left.pop()
            raise Unavailable("The database is not available.")
        return tell(held, *conditions, **values)

    monkeypatch.setattr(made.store, "_change", away_twice)
    accepted = made.submit(asked("once"), {})
    made.start(1)
    found = ended(made, accepted.id)
    assert not left and (found.state, found.attempt) == ("SUCCEEDED", 2)


def test_nobody_fills_the_queue_of_others(
    made: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_, "QUEUE", 2)
    known = [made.submit(asked(request_id=f"r{k}"), STEPS) for k in range(2)]
    assert made.submit(asked(request_id="r1"), STEPS).id == known[1].id
    with pytest.raises(RateLimited):
        made.submit(asked(), STEPS)
    made.submit(asked(account="you"), STEPS)


def test_each_operation_is_claimed_once_however_many_ask(made: Operations) -> None:
    ids = {made.submit(asked(), STEPS).id for _ in range(40)}

    def claims(owner: str) -> list[str]:
        found = []
        while (held := made.store.claim(owner, lambda one: False)) is not None:
            found.append(held.id)
        return found

    with ThreadPoolExecutor(6) as pool:
        claimed = [one for some in pool.map(claims, "abcdef") for one in some]
    assert len(claimed) == 40 and set(claimed) == ids


def test_the_same_request_at_the_same_time_is_one_operation(made: Operations) -> None:
    with ThreadPoolExecutor(6) as pool:
        for k in range(5):
            same = [asked(request_id=f"r-{k}") for _ in range(6)]
            found = list(pool.map(lambda one: made.store.submit(one, STEPS), same))
            assert len({one.id for one, _ in found}) == 1
            assert [new for _, new in found].count(True) == 1


def test_cancelling_is_never_lost_while_a_worker_takes_and_gives_back(made: Operations) -> None:
    ids = [made.submit(asked(), STEPS).id for _ in range(20)]

    def work(owner: str) -> None:
        while (held := made.store.claim(owner, lambda one: False)) is not None:
            made.store.release(held)

    with ThreadPoolExecutor(3) as pool:
        workers = [pool.submit(work, owner) for owner in "ab"]
        for one in ids:
            made.store.cancel(one)
        for worker in workers:
            worker.result(60)
    states = [found.state for found in map(made.store.get, ids) if found is not None]
    assert len(states) == 20 and set(states) <= {"CANCELLED", "CANCELLING"}
