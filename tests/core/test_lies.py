"""Refusals of what was done: each operation, each of its changes, each lie about it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from fsjob_core import errors
from fsjob_core.layout import LOCK
from fsjob_core.lease import acquire
from fsjob_core.store import JobStore

from ..conftest import scale
from .lying import Lie, Machine, lies_of

EACH = scale(3, 1)
"""Of so many lies about one call one is told."""


# ── each operation, each change, each lie ──


class Operation(NamedTuple):
    prepare: Callable[[JobStore], str]
    act: Callable[[JobStore, str], object]
    holds: Callable[[JobStore, str], object]
    """Whether what was acknowledged is so."""


def names(directory: str) -> set[str]:
    return set(os.listdir(directory))


def pending(store: JobStore) -> str:
    return store.create("request").id


def fulfilled(store: JobStore) -> str:
    job = store.create("request")
    store.fulfill(job.id, b"old")
    return job.id


def parked(store: JobStore) -> str:
    job = store.create("request")
    store.park(job.id, "broken")
    return job.id


def awaited(store: JobStore) -> str:
    job = store.create("request")
    store.queue(job.id, "target")
    return job.id


def told(store: JobStore) -> str:
    job = awaited(store)
    store.fulfill(job, b"value")
    return job


def abandoned(store: JobStore) -> str:
    job = store.create("request")
    os.mkdir(store.layout.work_lock(job.id))
    os.utime(store.layout.work_lock(job.id), (1, 1))
    return job.id


def work(store: JobStore, job_id: str) -> None:
    lease = store.pull_work()
    if lease is None:
        raise errors.JobLocked("its own lock, of which it was told that it is another's")
    with lease:
        lease.begin()
        lease.fulfill(b"value")


def take_from_the_dead(store: JobStore, job_id: str) -> None:
    lease = acquire(store.host, store.ground.place("work", job_id), "taker", local=False, seconds=20)
    lease.require()
    lease.release()


def deliver(store: JobStore, job_id: str) -> None:
    note = store.pull_notification()
    if note is None:
        raise errors.JobLocked("its own lock, of which it was told that it is another's")
    assert note.value == b"value"
    note.done(None, note.waiting)


def led_elsewhere(store: JobStore) -> str:
    job = store.create("request")
    os.unlink(store.layout.pending_link(job.id))
    os.symlink("/elsewhere", store.layout.pending_link(job.id))
    return job.id


def blocked(store: JobStore) -> str:
    job = store.create("request")
    Path(store.layout.work_lock(job.id)).touch()
    os.utime(store.layout.work_lock(job.id), (1, 1))
    return job.id


def mend(store: JobStore, job_id: str) -> None:
    for problem in store.doctor():
        if not store.repair(problem).done:
            raise errors.JobLocked("its own lock, of which it was told that it is another's")


def is_pending(store: JobStore, job_id: str, version: int) -> bool:
    record = store.get(job_id)
    linked = job_id in names(store.layout.pending) and job_id not in names(store.layout.parked)
    return (record.state, record.version) == (1, version) and linked


def is_done(store: JobStore, job_id: str) -> bool:
    return store.read_value(job_id) == b"value"


def is_parked(store: JobStore, job_id: str) -> bool:
    return job_id in names(store.layout.parked) and bool(store.get(job_id).ours["parked"])


def is_gone(store: JobStore, job_id: str) -> bool:
    layout = store.layout
    return all(job_id not in names(part) for part in (layout.jobs, layout.pending, layout.waiting, layout.parked))


OPERATIONS = {
    "create": Operation(
        lambda store: "",
        lambda store, _: store.create("request"),
        lambda store, _: any(is_pending(store, job_id, 0) for job_id in names(store.layout.jobs)),
    ),
    "fulfill": Operation(pending, lambda store, job_id: store.fulfill(job_id, b"value"), is_done),
    "work": Operation(pending, work, is_done),
    "queue": Operation(
        pending,
        lambda store, job_id: store.queue(job_id, "target"),
        lambda store, job_id: store.get(job_id).waiting == ["target"] and job_id in names(store.layout.waiting),
    ),
    "unqueue": Operation(
        awaited,
        lambda store, job_id: store.unqueue(job_id, "target"),
        lambda store, job_id: store.get(job_id).waiting == [] and job_id not in names(store.layout.waiting),
    ),
    "notify": Operation(told, deliver, lambda store, job_id: store.get(job_id).waiting == []),
    "update": Operation(
        pending,
        lambda store, job_id: store.update(job_id, 0, "changed"),
        lambda store, job_id: is_pending(store, job_id, 1) and store.get(job_id).request == "changed",
    ),
    "requeue": Operation(fulfilled, lambda store, job_id: store.requeue(job_id), lambda s, j: is_pending(s, j, 1)),
    "unpark": Operation(parked, lambda store, job_id: store.requeue(job_id), lambda s, j: is_pending(s, j, 1)),
    "park": Operation(pending, lambda store, job_id: store.park(job_id, "broken"), is_parked),
    "delete": Operation(pending, lambda store, job_id: store.delete(job_id), is_gone),
    "label": Operation(
        pending, lambda store, _: store.label("name"), lambda store, _: store.views.label().name == "name"
    ),
    "relink": Operation(
        led_elsewhere, mend, lambda store, job_id: os.path.isdir(store.layout.pending_link(job_id))
    ),
    "move a lock away": Operation(
        blocked, mend, lambda store, job_id: not os.path.lexists(store.layout.work_lock(job_id))
    ),
    "take over": Operation(abandoned, take_from_the_dead, lambda store, job_id: is_pending(store, job_id, 0)),
}


def assert_whole(store: JobStore) -> None:
    """Whatever was said: every job is whole, and what is to be done can be found."""
    for name in names(store.layout.jobs):
        if name.endswith(LOCK):
            continue
        record = store.get(name)
        if record.fulfilled:
            assert Path(store.layout.value(name)).read_bytes() in (b"old", b"value")
        elif not record.ours.get("parked"):
            assert name in names(store.layout.pending), "nobody would find it"
        if record.waiting:
            assert name in names(store.layout.waiting), "nobody would be told"


def assert_works_on(store: JobStore) -> None:
    """Once the locks that were left are stale, everything goes on."""
    for part in (store.layout.pending, store.layout.waiting, store.layout.jobs):
        for name in names(part):
            if name.endswith(LOCK):
                os.rmdir(f"{part}/{name}")
    for job_id in names(store.layout.jobs):
        record = store.get(job_id)
        if record.fulfilled or record.ours.get("parked"):
            store.requeue(job_id)
    while (lease := store.pull_work()) is not None:
        lease.fulfill(b"value")
        lease.release()
    for job_id in names(store.layout.jobs):
        assert is_done(store, job_id)
    assert names(store.layout.pending) == set()


def run(directory: Path, operation: Operation, at: int, lie: Lie) -> tuple[list[str], bool]:
    """One operation with one lie; gives the changes it made, and whether it was acknowledged."""
    truthful = JobStore(directory, durability="process")
    job_id = operation.prepare(truthful)
    machine = Machine()
    lying = JobStore(directory, durability="process", _host=machine.host())
    lying.ground.ready()
    machine.calls.made.clear()
    machine.calls.at, machine.calls.lie = at, lie
    acknowledged = True
    try:
        operation.act(lying, job_id)
    except (errors.FsJobError, OSError):
        acknowledged = False
    machine.calls.at = -1
    made = list(machine.calls.made)
    if acknowledged:
        assert operation.holds(truthful, job_id)
    if operation is OPERATIONS["create"] and not acknowledged:
        link_what_was_not_acknowledged(truthful)
    if operation is not OPERATIONS["delete"] or acknowledged:
        assert_whole(truthful)
        assert_works_on(truthful)
    return made, acknowledged


def link_what_was_not_acknowledged(store: JobStore) -> None:
    for name in names(store.layout.jobs) - names(store.layout.pending):
        store.get(name)
        os.symlink(f"../jobs/{name}", store.layout.pending_link(name))


@pytest.mark.parametrize("name", OPERATIONS)
def test_whatever_is_said_of_a_change_the_answer_is_true(name: str, tmp_path: Path) -> None:
    operation = OPERATIONS[name]
    made, acknowledged = run(tmp_path / "plain", operation, -1, Lie(0, False))
    assert acknowledged and made
    for at, call in enumerate(made):
        for lie in lies_of(call)[at % EACH :: EACH]:
            _, acknowledged = run(tmp_path / f"{at}-{lie}", operation, at, lie)
            assert acknowledged or (call == "mkdir" and lie.made), "only of a lock nothing tells whose it is"
