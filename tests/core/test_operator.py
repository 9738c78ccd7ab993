"""The acts of a person that change, take away or name something; how they are undone is `test_undo`'s."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from fsjob_core import errors
from fsjob_core.host import REAL
from fsjob_core.operator import Operator
from fsjob_core.store import JobStore

from .conftest import Holder
from .lying import LyingCalls, failure
from .test_undo import links


def test_who_parks_a_parked_job_is_told_and_why_it_is_parked_stays(store: JobStore) -> None:
    job_id = store.create(1).id
    store.park(job_id, "exit 3: boom")
    for again in (lambda: store.park(job_id), lambda: Operator(store).park(job_id, "seen")):
        with pytest.raises(errors.VersionMismatch, match="is parked already"):
            again()
    assert store.get(job_id).ours["parked"]["reason"] == "exit 3: boom"
    os.symlink(f"../jobs/{job_id}", store.layout.pending_link(job_id))  # as a park leaves it that was cut off
    assert Operator(store).park(job_id, "again").done
    assert not os.path.lexists(store.layout.pending_link(job_id))


def test_an_edit_wants_the_version(store: JobStore, operator: Operator) -> None:
    job = store.create("old")
    with pytest.raises(errors.VersionMismatch):
        operator.edit(job.id, 1, "new")
    assert operator.edit(job.id, 0, "new").what == f"job {job.id} is at version 1"
    assert store.get(job.id).request == "new"
    store.fulfill(job.id, b"")
    with pytest.raises(errors.AlreadyFulfilled):
        operator.edit(job.id, 1, "late")


def _interrupted() -> Iterator[int]:
    yield from range(3)
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("requests", "taken", "said"),
    [
        (_interrupted, 3, "3 jobs are pending, {} the first"),
        (lambda: range(5), 1, "5 jobs are pending, {} the first"),
        (lambda: range(1), 9, "1 job is pending, {} the first"),
    ],
    ids=["interrupted", "left", "one"],
)
def test_the_audit_counts_what_was_made_of_many_however_it_ends(
    store: JobStore, operator: Operator, requests: Callable[[], Iterable[int]], taken: int, said: str
) -> None:
    """Whoever is interrupted, or takes only some, has not seen all that were made with them."""
    made = operator.create_many(requests())
    with suppress(KeyboardInterrupt):
        list(islice(made, taken))
    made.close()  # type: ignore[attr-defined]
    pending = sorted(entry.id for entry in store.views.entries("pending"))
    assert [line["what"] for line in operator.audit(9)] == [said.format(pending[0])]
    assert said.startswith(f"{len(pending)} ")


def test_a_live_lock_refuses_a_delete(store: JobStore, operator: Operator, holding: Callable[[str], Holder]) -> None:
    job = store.create(1)
    holding("work = store.pull_work(); print(work.id, flush=True)")
    with pytest.raises(errors.JobLocked, match="held by holder on"):
        operator.delete(job.id)
    assert links(store, job.id) == {"pending"}


def test_a_purge_removes_what_was_shown_and_is_still_due(store: JobStore, operator: Operator) -> None:
    told, waited, other = (store.create(n).id for n in range(3))
    store.queue(waited, "t")
    for job_id in (told, waited, other):
        store.fulfill(job_id, b"v")
    operator.delete(store.create(4).id)
    shown, older = operator.due_each((-1, 3600))
    assert operator.due(-1) == shown and older == ((), ())
    assert shown.jobs == tuple(sorted((told, other))) and len(shown.trash) == 1
    store.requeue(other)
    later = store.create(5).id
    store.fulfill(later, b"v")
    assert operator.purge(0, shown).what == "2 were removed for good"
    assert sorted(os.listdir(store.layout.jobs)) == sorted((waited, other, later))
    assert os.listdir(store.layout.trash) == os.listdir(store.layout.tmp) == []
    assert operator.purge(3600).what == "0 were removed for good"


@pytest.mark.parametrize("ended", [None, KeyboardInterrupt], ids=["refused", "interrupted"])
def test_what_a_purge_cannot_remove_keeps_nothing_behind_it(
    store: JobStore, ended: type[BaseException] | None
) -> None:
    """Another account's; and the audit has how many were removed, however it ends."""
    jobs = [store.create(n).id for n in range(6)]
    for job_id in jobs:
        store.fulfill(job_id, b"v")
    trashed = [store.create(n).id for n in range(2)]
    for job_id in trashed:
        store.delete(job_id)
    name = next(name for name in os.listdir(store.layout.trash) if trashed[0] in name)
    calls = LyingCalls()

    def refuse(call: str, *args: object) -> None:
        if call == "rename" and args[0] in (store.layout.job(jobs[2]), store.layout.in_trash(name)):
            raise failure(errno.EACCES, args[0])
        if call == "rename" and args[0] == store.layout.job(jobs[4]) and ended is not None:
            raise ended

    there = JobStore(store.directory, durability="process", _host=replace(REAL, calls=calls, services={}))
    operator = Operator(there, "ann")
    calls.before = refuse
    if ended is None:
        outcome = operator.purge(0)
        assert not outcome.done
        assert outcome.what == (
            f"6 were removed for good; 2 could not be, the first is {jobs[2]}: Permission denied"
        )
        assert os.listdir(store.layout.jobs) == [jobs[2]] and os.listdir(store.layout.trash) == [name]
        with pytest.raises(PermissionError):
            there.purge(0)
    else:
        with pytest.raises(ended):
            operator.purge(0)
        assert os.listdir(store.layout.tmp) == [] and len(os.listdir(store.layout.jobs)) == 3
    (line,) = operator.audit(9)
    removed = "6 were removed" if ended is None else "3 were removed"
    assert (line["act"], line["done"]) == ("purge", False) and str(line["what"]).startswith(removed)


def test_a_label_keeps_what_it_does_not_know(store: JobStore, operator: Operator) -> None:
    Path(store.layout.about).write_text('{"name": "old", "theirs": 1}')
    assert operator.label(klass="staging").what == "the store is named old and is of class staging"
    assert operator.label("new", "prod").what == "the store is named new and is of class prod, guarded"
    with pytest.raises(errors.ReadOnly):
        operator.label("", "")
    assert Operator(store, write=True).label("", "").what == "the store carries no name and no class"
    assert json.loads(Path(store.layout.about).read_text())["theirs"] == 1


@pytest.mark.parametrize("content", [b'{"name": "main"', b"[1]", b"\xff"])
def test_a_store_json_that_cannot_be_used_is_not_written_over(store: JobStore, content: bytes) -> None:
    Path(store.layout.about).write_bytes(content)
    with pytest.raises(errors.InvalidRequest, match=r"store\.json"):
        store.label("new")
    assert Path(store.layout.about).read_bytes() == content


def test_a_store_whose_label_cannot_be_used_is_guarded(store: JobStore, operator: Operator) -> None:
    """Nobody knows that it is none of class prod."""
    job = store.create(1)
    Path(store.layout.about).write_bytes(b"\0" * 20)
    with pytest.raises(errors.ReadOnly, match="guarded"):
        operator.delete(job.id)
    assert links(store, job.id) == {"pending"}
