"""Acts of a person and their undo, on a real disk: put back where nothing has changed, else said what has."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from fsjob_core import errors
from fsjob_core.journal import Group, Outcome
from fsjob_core.operator import Operator
from fsjob_core.record import JobRecord
from fsjob_core.store import JobStore

from .conftest import Holder


def links(store: JobStore, job_id: str) -> set[str]:
    return {name for name in ("pending", "waiting", "parked") if os.path.lexists(f"{store.directory}/{name}/{job_id}")}


def content(record: JobRecord) -> tuple[Any, ...]:
    """All of a job but its version."""
    return record.request, record.state, record.waiting, record.extra


def undone(operator: Operator) -> Outcome:
    (outcome,) = operator.undo()
    return outcome


def fulfilled(store: JobStore) -> str:
    job_id = store.create({"n": 1}).id
    store.queue(job_id, {"mail": "a"})
    store.fulfill(job_id, b"value")
    return job_id


def parked(store: JobStore) -> str:
    job_id = store.create({"n": 1}).id
    with store.pull_work() as work:  # type: ignore[union-attr]
        work.begin()
        work.fail("exit 1", 0.0)
    store.park(job_id, "gave up")
    return job_id


def pending(store: JobStore) -> str:
    job_id = store.create({"n": 1}).id
    store.queue(job_id, "a")
    store.queue(job_id, "b")
    return job_id


class Act(Protocol):
    def __call__(self, operator: Operator, job_id: str) -> object: ...


ACTS: dict[str, tuple[Callable[[JobStore], str], Act]] = {
    "requeue a fulfilled job": (fulfilled, lambda operator, job_id: operator.requeue(job_id)),
    "requeue a parked job": (parked, lambda operator, job_id: operator.requeue(job_id)),
    "requeue a pending job": (pending, lambda operator, job_id: operator.requeue(job_id)),
    "park": (pending, lambda operator, job_id: operator.park(job_id, "by hand")),
    "edit": (pending, lambda operator, job_id: operator.edit(job_id, 0, {"n": 2})),
    "edit a parked job": (parked, lambda operator, job_id: operator.edit(job_id, 0, {"n": 2})),
    "unqueue": (pending, lambda operator, job_id: operator.unqueue(job_id, "a")),
    "unqueue the last": (fulfilled, lambda operator, job_id: operator.unqueue(job_id, {"mail": "a"})),
    "delete a pending job": (pending, lambda operator, job_id: operator.delete(job_id)),
    "delete a parked job": (parked, lambda operator, job_id: operator.delete(job_id)),
    "delete a fulfilled job": (fulfilled, lambda operator, job_id: operator.delete(job_id)),
}


@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize("durability", ["full", "process"])
def test_an_act_is_put_back(tmp_path: Path, name: str, durability: str) -> None:
    store = JobStore(tmp_path / "s", durability=durability)
    make, act = ACTS[name]
    job_id = make(store)
    before, stood, entries = store.get(job_id), links(store, job_id), sorted(os.listdir(store.layout.jobs))
    operator = Operator(store, "ann")
    act(operator, job_id)
    assert not os.path.exists(store.layout.job(job_id)) or store.get(job_id) != before
    version = before.version if name.startswith("delete") else store.get(job_id).version
    assert undone(operator).done
    after = store.get(job_id)
    assert content(after) == content(before) and links(store, job_id) == stood
    assert after.version == version + (version > before.version), "versions only go up"
    assert sorted(os.listdir(store.layout.jobs)) == entries
    if before.fulfilled:
        assert store.read_value(job_id) == b"value"
    line = [json.loads(line) for line in Path(store.layout.audit).read_text().splitlines()][-1]
    assert (line["act"], line["id"], line["done"], line["who"]) == ("undo", job_id, True, "ann")
    assert operator.undo() == [], "once"


def test_a_created_job_goes_to_the_trash(store: JobStore, operator: Operator) -> None:
    job = operator.create({"n": 1})
    assert undone(operator).what == f"job {job.id} is in the trash"
    assert os.listdir(store.layout.jobs) == os.listdir(store.layout.pending) == []
    assert len(os.listdir(store.layout.trash)) == 1


@pytest.mark.parametrize(
    ("touch", "what"),
    [
        (lambda store, job_id: store.fulfill(job_id, b""), "it was fulfilled"),
        (lambda store, job_id: store.park(job_id), "it was parked"),
        (lambda store, job_id: store.queue(job_id, "t"), "somebody waits for it"),
        (lambda store, job_id: store.update(job_id, 0, "other"), "its request was changed"),
        (lambda store, job_id: store.pull_work().begin(), "held by"),
        (lambda store, job_id: (store.fulfill(job_id, b""), store.requeue(job_id)), "it was run again"),
        (lambda store, job_id: (store.park(job_id), Operator(store, "bert").requeue(job_id)), "it was run again"),
    ],
)
def test_a_created_job_that_was_touched_stays(
    store: JobStore, operator: Operator, touch: Callable[[JobStore, str], None], what: str
) -> None:
    job = operator.create({"n": 1})
    touch(store, job.id)
    outcome = undone(operator)
    assert not outcome.done and what in outcome.what
    assert os.path.isdir(store.layout.job(job.id))


@pytest.mark.parametrize(
    ("name", "change", "what"),
    [
        ("requeue a parked job", lambda store, job_id: store.fulfill(job_id, b"new"), "it was fulfilled since"),
        ("requeue a fulfilled job", lambda store, job_id: store.fulfill(job_id, b"new"), "it was fulfilled since"),
        ("requeue a fulfilled job", lambda store, job_id: run_twice(store, job_id), "it was fulfilled since"),
        ("requeue a fulfilled job", lambda store, job_id: store.update(job_id, 1, 9), "version 2 by now"),
        ("requeue a fulfilled job", lambda store, job_id: store.park(job_id), "it was parked since"),
        ("requeue a parked job", lambda store, job_id: attempt(store), "a worker has tried it since"),
        ("requeue a parked job", lambda store, job_id: store.queue(job_id, "t"), "its waiting list has changed since"),
        ("requeue a pending job", lambda store, job_id: written_anew(store, job_id), "written anew since"),
        ("park", lambda store, job_id: store.requeue(job_id), "version 1 by now"),
        ("park", lambda store, job_id: store.fulfill(job_id, b""), "it was fulfilled since"),
        ("edit", lambda store, job_id: store.update(job_id, 1, 9), "version 2 by now"),
        ("unqueue", lambda store, job_id: store.unqueue(job_id, "b"), "its waiting list has changed since"),
        ("edit", lambda store, job_id: store.delete(job_id), "is not there any more"),
        ("delete a parked job", lambda store, job_id: store.purge(0), "it was purged"),
        ("delete a parked job", lambda store, job_id: os.mkdir(store.layout.job(job_id)), "another one was made since"),
    ],
)
def test_what_has_changed_since_is_said_and_left_alone(
    store: JobStore, operator: Operator, name: str, change: Callable[[JobStore, str], None], what: str
) -> None:
    make, act = ACTS[name]
    job_id = make(store)
    act(operator, job_id)
    change(store, job_id)
    state = Path(store.layout.state(job_id))
    before = state.read_bytes() if state.exists() else b"", links(store, job_id)
    outcome = undone(operator)
    assert not outcome.done and what in outcome.what
    assert (state.read_bytes() if state.exists() else b"", links(store, job_id)) == before
    assert operator.undo() == [], "it will not do later either: the act before it is next"


def attempt(store: JobStore) -> None:
    with JobStore(store.directory).pull_work() as work:  # type: ignore[union-attr]
        work.begin()


def run_twice(store: JobStore, job_id: str) -> None:
    """The same content but for the version, and another value."""
    store.requeue(job_id)
    store.fulfill(job_id, b"new")


def written_anew(store: JobStore, job_id: str) -> None:
    """What Node does to a job that it changes to and fro: the same content in another file."""
    state = Path(store.layout.state(job_id))
    scratch = state.with_name("scratch")
    scratch.write_bytes(state.read_bytes() + b" ")
    scratch.rename(state)


def test_a_value_written_since_the_requeue_keeps_the_job_pending(store: JobStore, operator: Operator) -> None:
    job_id = fulfilled(store)
    operator.requeue(job_id)
    value = Path(store.layout.value(job_id))
    value.unlink()
    value.write_bytes(b"of a fulfill that was killed before its commit")
    outcome = undone(operator)
    assert not outcome.done and "another value since" in outcome.what
    assert not store.get(job_id).fulfilled


def test_a_held_job_is_left_for_later(
    store: JobStore, operator: Operator, holding: Callable[[str], Holder]
) -> None:
    job_id = parked(store)
    operator.requeue(job_id)
    holder = holding("work = store.pull_work(); print(work.id, flush=True)")
    outcome = undone(operator)
    assert not outcome.done and "held by holder on" in outcome.what
    holder.kill()
    assert undone(operator).done
    assert links(store, job_id) == {"parked"}


def test_who_pulled_the_job_in_between_cannot_fulfill_it(store: JobStore, operator: Operator) -> None:
    job_id = fulfilled(store)
    operator.requeue(job_id)
    work = store.pull_work()
    assert work is not None
    work.release()
    assert undone(operator).done
    with pytest.raises(errors.VersionMismatch):
        store.fulfill(job_id, b"late", version=work.version)
    operator.requeue(job_id)
    with pytest.raises(errors.VersionMismatch):
        store.fulfill(job_id, b"late", version=work.version)
    assert store.get(job_id).version == 3


def test_acts_on_one_job_are_undone_one_after_the_other(store: JobStore, operator: Operator) -> None:
    job = operator.create({"n": 1})
    operator.edit(job.id, 0, {"n": 2})
    operator.park(job.id, "no")
    operator.requeue(job.id)
    operator.edit(job.id, 2, {"n": 3})
    assert [undone(operator).done for _ in range(5)] == [True] * 5
    assert not os.path.exists(store.layout.job(job.id))
    assert operator.undo() == []


def test_an_older_act_is_not_undone_over_a_younger_one(store: JobStore, operator: Operator) -> None:
    job_id = pending(store)
    operator.park(job_id)
    first = operator.last()
    operator.requeue(job_id)
    (outcome,) = operator.undo(first)
    assert not outcome.done and "version 1 by now" in outcome.what
    assert undone(operator).done, "the younger one still can be"
    assert links(store, job_id) == {"parked", "waiting"}


def test_a_set_is_undone_together_each_job_judged_again(store: JobStore, operator: Operator) -> None:
    ids = [parked(store) for _ in range(6)]
    with operator.together():
        for job_id in ids:
            operator.requeue(job_id)
    store.fulfill(ids[2], b"quick")
    group = operator.last()
    assert group is not None and (group.count, group.ids, group.first.jobs[0].act) == (6, ids[:3], "requeue")
    told: list[Outcome] = []
    outcomes = operator.undo(group, told.append)
    assert told == outcomes and [outcome.id for outcome in outcomes] == ids[::-1]
    assert [outcome.done for outcome in outcomes] == [True, True, True, False, True, True]
    assert store.counts().parked == 5
    assert operator.last() is None


def test_a_set_can_be_stopped_and_gone_on_with(store: JobStore, operator: Operator) -> None:
    ids = [parked(store) for _ in range(4)]
    with operator.together():
        for job_id in ids:
            operator.requeue(job_id)
    assert len(operator.undo(told=lambda outcome: outcome.id == ids[2])) == 2
    assert [outcome.id for outcome in operator.undo()] == [ids[1], ids[0]]
    assert store.counts().parked == 4


def test_jobs_made_of_one_file_are_undone_together(store: JobStore, operator: Operator) -> None:
    made = [job.id for job in operator.create_many({"n": n} for n in range(600))]
    store.fulfill(made[7], b"quick")
    group = operator.last()
    assert group is not None and (group.count, group.ids, len(group.names)) == (600, made[:3], 3)
    outcomes = operator.undo()
    assert sum(outcome.done for outcome in outcomes) == 599
    assert os.listdir(store.layout.jobs) == [made[7]]
    assert operator.undo() == []


def test_everybody_undoes_his_own_and_may_name_anothers(store: JobStore, operator: Operator) -> None:
    one, two = pending(store), pending(store)
    other = Operator(store, "bob")
    operator.park(one)
    other.park(two)
    assert undone(operator).id == one and operator.undo() == []
    (group,) = operator.undoable()
    assert group.first.who == "bob"
    assert [outcome.id for outcome in operator.undo(group)] == [two]
    assert other.undo() == []


def test_what_a_release_parked_is_put_back(
    store: JobStore, operator: Operator, holding: Callable[[str], Holder]
) -> None:
    job = store.create(1)
    holding("work = store.pull_work(); print(work.id, flush=True)").kill()
    (lock,) = store.locks()
    assert operator.release(lock, park=True).done and links(store, job.id) == {"parked"}
    assert undone(operator).done and links(store, job.id) == {"pending"}


def test_nothing_is_undone_where_nothing_may_be_changed(store: JobStore, operator: Operator) -> None:
    operator.create(1)
    store.label("main", "prod")
    with pytest.raises(errors.ReadOnly):
        operator.undo()
    with pytest.raises(errors.ReadOnly):
        Operator(JobStore(store.directory, read_only=True), "ann").undo()
    assert store.counts().pending == 1


def test_a_deleted_job_that_cannot_be_read_comes_back_as_it_was(store: JobStore, operator: Operator) -> None:
    job_id = pending(store)
    Path(store.layout.state(job_id)).write_text("no json")
    operator.delete(job_id)
    assert links(store, job_id) == set()
    assert undone(operator).done
    assert Path(store.layout.state(job_id)).read_text() == "no json"
    assert links(store, job_id) == {"pending", "waiting"}


def test_a_file_that_somebody_else_wrote_harms_nobody(store: JobStore, operator: Operator) -> None:
    job_id = pending(store)
    operator.delete(job_id)
    group = operator.last()
    assert group is not None
    path = Path(store.layout.journal_entry(group.name, group.names[0]))
    whole = json.loads(path.read_text())
    bad: list[object] = [
        "", "[]", "{", {**whole, "jobs": []}, {**whole, "jobs": [{**whole["jobs"][0], "id": "../x"}]},
        {**whole, "jobs": [{**whole["jobs"][0], "trash": "../../jobs"}]}, {**whole, "jobs": [7]}, "\0" * 40,
        "[" * 100_000, {**whole, "at": 1e300}, {**whole, "at": -1}, {**whole, "jobs": [], "at": float("nan")},
    ]  # fmt: skip
    for data in bad:
        path.write_text(data if isinstance(data, str) else json.dumps(data))
        assert operator.last() is None
        assert operator.undo(group) == []
    Path(store.layout.journal_entry(group.name, group.names[0].replace("-1-", "-²-"))).write_text("")
    path.write_text(json.dumps({**whole, "jobs": [{**whole["jobs"][0], "act": "format c:"}]}))
    assert not undone(operator).done
    assert os.listdir(store.layout.jobs) == []


def test_the_journal_does_not_grow_for_ever(
    store: JobStore, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fsjob_core import journal

    monkeypatch.setattr(journal, "KEPT_GROUPS", 5)
    for number in range(9):
        operator.create(number)
    assert len(os.listdir(store.layout.journal)) == 5
    monkeypatch.setattr(journal, "KEPT_SECONDS", -1.0)
    operator.create(9)
    assert len(os.listdir(store.layout.journal)) == 1
    with operator.together():
        for number in range(4):
            operator.create(number)
    monkeypatch.setattr(journal, "PRUNED_AT_ONCE", 3)
    operator.create(9)
    assert len(os.listdir(store.layout.journal)) == 2, "a part of it at a time"
    operator.create(9)
    assert len(os.listdir(store.layout.journal)) == 1


def test_groups_are_listed_youngest_first(store: JobStore, operator: Operator) -> None:
    ids = [operator.create(n).id for n in range(3)]
    groups: list[Group] = operator.undoable(2)
    assert [group.ids for group in groups] == [[ids[2]], [ids[1]]]


def test_who_waits_again_is_told_again(store: JobStore) -> None:
    job_id = fulfilled(store)
    told: list[object] = []
    operator = Operator(JobStore(store.directory, "process", respond=lambda target, what: told.append(target)), "ann")
    operator.unqueue(job_id, {"mail": "a"})
    assert undone(operator).done and told == [{"mail": "a"}]
    assert store.get(job_id).waiting == []
