"""The ledger of a job's notifications: tries for each target, kept on the job."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fsjob_core import JobStore
from fsjob_core.ledger import Tries, due_targets, entry_of, given_up, next_due, read_ledger, with_tries
from fsjob_core.record import JobRecord, Json

NOW = 1000.0


def job(*targets: Json) -> JobRecord:
    return JobRecord("j", None, state=2, waiting=list(targets))


def test_those_that_were_never_tried_come_first_and_those_given_up_never() -> None:
    record = job("late", "soon", "fresh", "lost", "due")
    for target, due in (("late", NOW + 5), ("soon", NOW - 1), ("lost", None), ("due", NOW - 9)):
        record = with_tries(record, Tries(target, 1, "no", NOW, due))
    assert due_targets(record, NOW) == ["fresh", "due", "soon"]
    assert due_targets(record, NOW + 6) == ["fresh", "due", "soon", "late"]
    assert given_up(record) == ["lost"]
    assert next_due(record, NOW) == 0.0
    assert next_due(with_tries(job("lost"), Tries("lost", 3, "no", NOW, None)), NOW) == float("inf")


def test_a_next_try_that_a_clock_set_far_ahead_has_put_off_is_due() -> None:
    record = with_tries(job("a"), Tries("a", 1, "no", NOW + 86_400, NOW + 86_402))
    assert due_targets(record, NOW) == ["a"] and next_due(record, NOW) == 0.0
    assert due_targets(record, NOW + 86_400) == []


def test_targets_are_told_apart_as_json_values() -> None:
    record = with_tries(job(1, True, {"a": 1, "b": 2}), Tries({"b": 2.0, "a": 1}, 2, "no", NOW, None))
    assert entry_of(read_ledger(record), {"a": 1, "b": 2}) is not None
    assert entry_of(read_ledger(with_tries(record, Tries(1, 1, "no", NOW, NOW))), True) is None


@pytest.mark.parametrize("bad", [None, 7, "x", {}, [None, 3, {}, {"count": 2}], [{"target": 1, "count": "x"}]])
def test_what_is_no_ledger_is_passed_over(bad: Json) -> None:
    record = job(1).with_ours(tries=bad)
    assert due_targets(record, NOW) == [1]
    assert with_tries(record, Tries(1, 1, "no", NOW, None)).ours["tries"][-1]["given_up"] is True


def kept(store: JobStore, job_id: str) -> list[Tries]:
    return read_ledger(store.get(job_id))


def test_an_entry_lives_as_long_as_its_target_waits(store: JobStore) -> None:
    job_id = store.create(1).id
    for target in ("a", "b", "c"):
        store.queue(job_id, target)
    store.fulfill(job_id, "v")
    with store.pull_due_notification() as note:  # type: ignore[union-attr]
        note.settle(["a"], [Tries("b", 1, "no", NOW, None), Tries("c", 4, "no", NOW, NOW)])
    assert [(entry.target, entry.count, entry.given_up) for entry in kept(store, job_id)] == [
        ("b", 1, True),
        ("c", 4, False),
    ]
    assert store.get(job_id).waiting == ["b", "c"]
    store.queue(job_id, "b")  # who asks again is told anew
    assert [entry.target for entry in kept(store, job_id)] == ["c"]
    store.unqueue_all(job_id, ["c", "b", "b"])
    assert kept(store, job_id) == []
    assert "tries" not in store.get(job_id).ours
    assert not Path(store.layout.waiting_link(job_id)).is_symlink()


def test_given_up_targets_are_told_again_when_somebody_says_so(store: JobStore) -> None:
    job_id = store.create(1).id
    store.queue(job_id, "a")
    store.queue(job_id, "b")
    store.fulfill(job_id, "v")
    with store.pull_due_notification() as note:  # type: ignore[union-attr]
        note.settle([], [Tries(target, 1, "no", NOW, None) for target in ("a", "b")])
    assert store.pull_due_notification() is None
    assert store.tell_again(job_id, ["nobody"]) == []
    assert store.tell_again(job_id, ["a"]) == ["a"]
    assert store.tell_again(job_id) == ["b"]
    assert kept(store, job_id) == []


def test_a_notification_that_is_not_due_is_left_and_comes_when_it_is(store: JobStore) -> None:
    job_id = store.create(1).id
    store.queue(job_id, "a")
    store.fulfill(job_id, "v")
    due = store.host.time() + 1.2
    with store.pull_due_notification() as note:  # type: ignore[union-attr]
        note.settle([], [Tries("a", 1, "no", NOW, due)])
    assert JobStore(store.directory).pull_due_notification() is None
    while store.next_notification_due() is None:
        assert store.pull_due_notification() is None
    assert store.next_notification_due() == due
    assert store.pull_due_notification(among=()) is None
    while store.host.time() < due:
        store.host.wait(store.host.event(), 0.05)
    found = store.pull_due_notification(among=())
    assert found is not None and found.id == job_id
    found.release()
    assert json.loads(Path(store.layout.state(job_id)).read_text())["fsjob"]["tries"][0]["next"] == due


def test_a_job_is_noticed_once_it_is_fulfilled_whenever_that_was(store: JobStore) -> None:
    job_id = store.create(1).id
    store.queue(job_id, "a")
    assert store.pull_due_notification() is None  # and remembers that
    store.fulfill(job_id, "v")
    note = store.pull_due_notification()
    assert note is not None and note.due_targets() == ["a"]
    note.release()


def test_a_pull_that_is_given_little_time_goes_on_the_next_time(store: JobStore) -> None:
    ids = [store.create(n).id for n in range(30)]
    for _ in ids[:-1]:
        with store.pull_work() as work:  # type: ignore[union-attr]
            work.begin()
            work.fail("no", retry_in=3600)
    fresh = JobStore(store.directory, durability="process")
    looks = 0
    while (work := fresh.pull_work(seconds=0.0)) is None:
        assert fresh.pull_is_unfinished()
        looks += 1
    with work:
        assert work.id == ids[-1] and 1 < looks < 60
    assert fresh.pull_work() is None and not fresh.pull_is_unfinished()
