"""Workers and notifiers in trouble: a job that they may not write holds nobody up, a silent store ends none."""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fsjob_core.command import CommandHandler
from fsjob_core.handlers import PythonHandler, PythonTeller
from fsjob_core.host import REAL
from fsjob_core.ledger import Tries
from fsjob_core.loop import Loop
from fsjob_core.notifier import Notifier, _Round
from fsjob_core.options import WorkerEvent
from fsjob_core.record import Json
from fsjob_core.store import JobStore
from fsjob_core.worker import ALONE_FOR, Worker

from .lying import LyingCalls, failure

Told = Callable[[WorkerEvent], None]


def worker(store: JobStore, tell: Told) -> Loop[Any]:
    return Worker(store, PythonHandler(str), name="w", report=tell, until_empty=True)


def notifier(store: JobStore, tell: Told) -> Loop[Any]:
    return Notifier(store, PythonTeller(lambda target, value: None), name="n", report=tell, until_empty=True)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS], ids=errno.errorcode.get)
@pytest.mark.parametrize("make", [worker, notifier])
def test_a_job_that_may_not_be_written_is_left_and_the_others_are_done(
    store: JobStore, make: Callable[[JobStore, Told], Loop[Any]], number: int
) -> None:
    first, *others = [store.create(n).id for n in range(3)]
    if make is notifier:
        for job_id in (first, *others):
            store.queue(job_id, "t")
            store.fulfill(job_id, b"v")
    calls = LyingCalls()

    def refuse(name: str, *args: Any) -> None:
        if name == "open" and args[1] & os.O_CREAT and str(args[0]).startswith(f"{store.layout.job(first)}/"):
            raise failure(number, args[0])

    calls.before = refuse
    events: list[WorkerEvent] = []
    there = JobStore(store.directory, durability="process", _host=replace(REAL, calls=calls, services={}))
    make(there, events.append).run()
    done = "done" if make is worker else "told"
    assert [event.id for event in events if event.kind == done] == others
    told = [event for event in events if event.kind == "error"]
    assert [event.id for event in told] == [first]
    assert store.layout.job(first) in told[0].text
    assert not [event for event in events if event.kind == "telling" and event.id == first], "it would be told for ever"
    assert not [lock for lock in store.locks() if lock.id == first]


def test_a_store_of_nodes_that_came_in_the_place_of_another_gets_the_parts_it_lacks(store: JobStore) -> None:
    events: list[WorkerEvent] = []
    there = JobStore(store.directory, durability="process")
    loop = Worker(there, CommandHandler(["cat"]), name="w", report=events.append)
    running = threading.Thread(target=loop.run, daemon=True)
    running.start()
    until(there.workers)
    shutil.rmtree(store.layout.own)
    os.mkdir(store.layout.job("node"))
    state = {"version": 0, "state": 1, "waiting": [], "request": 1}
    Path(store.layout.state("node")).write_text(json.dumps(state))
    os.symlink("../jobs/node", store.layout.pending_link("node"))
    until(lambda: any(event.kind == "done" for event in events))
    loop.stop()
    running.join()


@pytest.mark.parametrize("make", [worker, notifier])
@pytest.mark.parametrize("answers", ["pulls", "no pull"])
def test_a_store_that_does_not_answer_is_not_taken_for_gone(
    store: JobStore, make: Callable[[JobStore, Told], Loop[Any]], answers: str
) -> None:
    job = store.create(1)
    if make is notifier:
        store.queue(job.id, "t")
        store.fulfill(job.id, b"v")
    calls, silent = LyingCalls(), [answers == "no pull"]

    def be_silent(name: str, *args: Any) -> None:
        if silent[0] or (name == "lstat" and args[0] == store.layout.jobs):
            raise failure(errno.EIO, args[0])

    def wait(event: Any, seconds: float) -> bool:
        silent[0] = False
        return REAL.wait(event, seconds)

    events: list[WorkerEvent] = []
    host = replace(REAL, calls=calls, wait=wait, services={})
    loop = make(JobStore(store.directory, durability="process", _host=host), events.append)
    calls.before = be_silent
    loop.run()
    assert [event.kind for event in events].count("error") == (answers == "no pull")
    assert ("done" if make is worker else "told") in [event.kind for event in events]
    assert not loop.gone


def test_no_target_is_reported_told_that_could_not_be_recorded(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four threads have told one each; the second records what the last two wait to record, in vain."""
    job = store.create(1)
    for target in range(4):
        store.queue(job.id, target)
    store.fulfill(job.id, b"v")
    note = store.pull_due_notification()
    assert note is not None
    events, tried = list[WorkerEvent](), list[int]()
    notifier = Notifier(store, PythonTeller(lambda target, value: None), name="n", report=events.append, concurrency=4)
    of_the_job = _Round(notifier, note, note.due_targets(), REAL.event())

    def full(told: list[Json], failed: list[Tries]) -> None:
        tried.append(len(told))
        while len(tried) == 1 and len(of_the_job._told) < 3:
            time.sleep(0.001)
        raise failure(errno.ENOSPC)

    monkeypatch.setattr(note, "settle", full)
    with pytest.raises(OSError, match="No space"):
        of_the_job.run()
    assert {event.kind for event in events} == {"telling"} and tried == [1, 4, 4, 4]
    assert store.get(job.id).waiting == [0, 1, 2, 3]
    note.release()


@pytest.mark.parametrize("wants", [lambda store, job_id: store.queue(job_id, "ops"),
                                   lambda store, job_id: store.tell_again(job_id, ["ops"])])  # fmt: skip
def test_who_is_wanted_told_anew_while_his_last_try_fails_is_told_anew(
    store: JobStore, wants: Callable[[JobStore, str], object]
) -> None:
    job_id, events, told = store.create(1).id, list[WorkerEvent](), list[Json]()
    store.queue(job_id, "ops")
    store.fulfill(job_id, b"v")

    def tell(target: Json, value: bytes) -> None:
        told.append(target)
        if len(told) == 1:
            wants(store, job_id)
            raise RuntimeError("the mail server is down")

    notifying = Notifier(store, PythonTeller(tell), name="n", report=events.append, max_attempts=1, until_empty=True)
    notifying.run()
    assert len(told) > 1 and store.get(job_id).waiting == []
    assert [event.kind for event in events if event.kind in ("given up", "not told")] == ["not told"]


def test_who_is_taken_off_the_list_before_his_turn_is_not_told(store: JobStore) -> None:
    job_id, told = store.create(1).id, list[Json]()
    for target in ("a", "b"):
        store.queue(job_id, target)
    store.fulfill(job_id, b"v")

    def tell(target: Json, value: bytes) -> None:
        told.append(target)
        store.unqueue(job_id, "b")

    Notifier(store, PythonTeller(tell), name="n", until_empty=True, concurrency=1).run()
    assert told == ["a"] and store.get(job_id).waiting == []


def test_nobody_is_told_of_whom_a_full_disk_could_not_record_that(store: JobStore) -> None:
    job_id, events = store.create(1).id, list[WorkerEvent]()
    store.queue(job_id, "ops")
    store.fulfill(job_id, b"v")
    calls = LyingCalls()

    def fill_up(name: str, *args: Any) -> None:
        if name == "write" and os.readlink(f"/proc/self/fd/{args[0]}").endswith("-state"):
            raise failure(errno.ENOSPC, None)

    calls.before = fill_up
    there = JobStore(store.directory, durability="process", _host=replace(REAL, calls=calls, services={}))
    loop = Notifier(there, PythonTeller(lambda target, value: None), name="n", report=events.append)
    running = threading.Thread(target=loop.run, daemon=True)
    running.start()
    until(lambda: any(event.kind == "error" for event in events))
    loop.stop()
    running.join()
    assert not [event for event in events if event.kind in ("telling", "told")]


def test_a_suspect_that_ran_for_long_does_not_end_the_turn_of_the_next(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, begun, over, cancelled = [0.0], list[str](), threading.Event(), REAL.event()
    cancelled.set()
    host = replace(REAL, monotonic=lambda: now[0], services={})
    there = JobStore(store.directory, durability="process", _host=host)
    suspects = Worker(there, PythonHandler(str), name="w")
    alone: Any = suspects._attempt_alone  # ends unbegun where it is cancelled before its turn

    def attempt(name: str, *_: object) -> None:
        begun.append(name)
        if name == "first":
            now[0] += ALONE_FOR
            second.start()
            while len(begun) < 2:
                time.sleep(0.001)
        elif name == "second":
            over.wait()

    monkeypatch.setattr(suspects, "_attempt", attempt)
    second = threading.Thread(target=alone, args=("second", REAL.event(), 0.0))
    alone("first", cancelled, 0.0)
    alone("third", cancelled, 0.0)
    assert begun == ["first", "second"]
    over.set()
    second.join()
    alone("third", cancelled, 0.0)
    assert begun == ["first", "second", "third"]


def test_a_job_that_comes_back_while_its_lost_try_still_runs_is_at_work_twice(store: JobStore) -> None:
    job_id, ends, begun = store.create(1).id, [threading.Event(), threading.Event()], list[int]()

    def run(request: Json) -> str:
        begun.append(1)
        ends[len(begun) - 1].wait(20)
        return "done"

    loop = Worker(store, PythonHandler(run), name="w", report=lambda event: None, concurrency=2)

    def start(at: JobStore, running: int) -> None:
        work = at.pull_work()
        assert work is not None
        loop._start(work)
        until(lambda: len(begun) == running)

    start(store, 1)
    os.rmdir(store.layout.work_lock(job_id))  # as a robbed Node worker does it
    start(JobStore(store.directory, durability="process"), 2)
    assert len(loop._running) == 2
    ends[0].set()
    until(lambda: len(loop._running) == 1)
    ends[1].set()
    until(lambda: not loop._running)
    assert store.get(job_id).fulfilled


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
