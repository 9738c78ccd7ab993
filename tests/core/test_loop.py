"""Workers and notifiers on a job that they may read but not write: it holds nobody up, and is told of once."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fsjob_core.handlers import PythonHandler, PythonTeller
from fsjob_core.host import REAL
from fsjob_core.loop import Loop
from fsjob_core.notifier import Notifier
from fsjob_core.options import WorkerEvent
from fsjob_core.store import JobStore
from fsjob_core.worker import Worker

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
