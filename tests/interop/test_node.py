"""The real fs-job-store 1.2.0 and this library on one store."""

from __future__ import annotations

import os
import signal
import time

import pytest

from fsjob_core import JobLocked, JobStore
from fsjob_core.facts import LockInfo

from .conftest import Start


def lock_of(store: JobStore, job_id: str) -> LockInfo:
    return next(lock for lock in store.locks() if lock.id == job_id and lock.kind == "work")


def pull_within(store: JobStore, seconds: float) -> tuple[str, float]:
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if work := store.pull_work():
            work.release()
            return work.id, time.monotonic() - began
        time.sleep(0.2)
    raise AssertionError("nothing was to be had")


def test_node_does_what_we_made_and_we_read_what_it_wrote(store: JobStore, node: Start) -> None:
    job = store.create({"calculate": "3+3"})
    node("work").until("fulfilled")
    assert store.read_value(job.id) == f"node:{job.id}".encode()
    assert store.counts().fulfilled == 1


def test_we_do_what_node_made(store: JobStore, node: Start) -> None:
    created = node("create", "3")
    created.until("end")
    ids = {line["created"] for line in created.said if "created" in line}
    assert len(ids) == 3 and store.counts().pending == 3
    done = set()
    while work := store.pull_work():
        assert work.request["type"] == "node"
        work.fulfill(b"ours")
        work.release()
        done.add(work.id)
    assert done == ids


def test_members_of_ours_survive_node_and_its_update(store: JobStore, node: Start) -> None:
    job = store.create({"type": "old"})
    with store.pull_work() as work:  # type: ignore[union-attr]
        work.begin()
    assert node("update", job.id).until("updated")["error"] is None
    record = store.get(job.id)
    assert record.request == {"type": "updated"} and record.version == 1
    assert record.ours["attempts"] == 1


def test_notifications_both_ways(store: JobStore, node: Start) -> None:
    job = store.create(1)
    assert node("queue", f"{job.id}:somebody").until("queued")["error"] is None
    store.queue(job.id, {"of": "ours"})
    store.fulfill(job.id, b"told")
    note = store.pull_notification()
    assert note is not None and note.waiting == ["somebody", {"of": "ours"}]
    note.done(None, ["somebody"])
    told = node("notify")
    assert told.until("value") == {"id": job.id, "value": "told", "waiting": [{"of": "ours"}]}
    told.until("done")
    assert store.get(job.id).waiting == []
    assert store.pull_notification() is None and store.counts().waiting == 0


def test_a_dead_node_workers_job_is_ours_after_ten_seconds(store: JobStore, node: Start) -> None:
    job = store.create(1)
    holder = node("hold")
    assert holder.until("pulled")["pulled"] == job.id
    assert store.pull_work() is None
    holder.kill()
    pulled, took = pull_within(store, 20)
    assert pulled == job.id and took < 17


def test_a_dead_python_workers_job_is_nodes_after_ten_seconds(store: JobStore, node: Start, python: Start) -> None:
    job = store.create(1)
    holder = python("hold")
    holder.until("pulled")
    holder.kill()
    began = time.monotonic()
    assert node("work").until("fulfilled", 30) == {"fulfilled": job.id, "error": None}
    assert time.monotonic() - began > 5


def test_a_live_node_workers_lock_is_barred_and_it_is_told(store: JobStore, node: Start) -> None:
    job = store.create(1)
    holder = node("hold")
    holder.until("pulled")
    lock = lock_of(store, job.id)
    assert lock.owner is None
    with pytest.raises(JobLocked):
        store.break_lock(lock)
    began = time.monotonic()
    outcome = store.break_lock(lock, force=True, park=True)
    assert outcome.done and 6 < time.monotonic() - began < 9
    assert holder.until("compromised", 1)["compromised"] == job.id
    assert store.counts().parked == 1 and not list(store.locks())


def test_our_worker_that_node_robbed_is_told_and_keeps_its_hands_off(
    store: JobStore, node: Start, python: Start
) -> None:
    job = store.create(1)
    holder = python("hold")
    holder.until("pulled")
    os.kill(holder.process.pid, signal.SIGSTOP)
    try:
        taken = node("hold")
        assert taken.until("pulled", 40)["pulled"] == job.id
    finally:
        os.kill(holder.process.pid, signal.SIGCONT)
    assert holder.until("compromised", 5)["compromised"] == job.id
    assert os.path.isdir(store.layout.work_lock(job.id)), "Node's lock stands"
