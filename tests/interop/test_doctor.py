"""What the real Node package leaves, found and mended by the doctor while Node is at work beside it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from fsjob_core import JobStore
from fsjob_core.doctor import Kind

from .conftest import Process, Start


def aged(store: JobStore, number: int) -> str:
    job_id = store.create({"n": number}).id
    store.queue(job_id, "t")
    then = time.time() - 100
    os.utime(store.layout.state(job_id), (then, then))
    return job_id


def test_a_notification_lock_that_node_leaked_is_barred_and_gone(
    store: JobStore, node_driver: Callable[..., list[str]], tmp_path: Path
) -> None:
    """Its pullNotification keeps the locks of unfulfilled jobs that it looked at for as long as the process lives."""
    for number in range(2):
        aged(store, number)
    living = tmp_path / "living.js"
    living.write_text("setInterval(function () {}, 1000);")
    node, *arguments = node_driver("notify", store.directory, "")
    holder = Process([node, "-r", str(living), *arguments], tmp_path / "node-tmp")
    try:
        holder.until("error")
        problem, = store.doctor()
        assert problem.kind is Kind.LEAKED_LOCK and problem.path.startswith(store.layout.waiting)
        assert store.repair(problem).done
        assert list(store.doctor()) == [] and list(store.locks()) == []
    finally:
        holder.kill()


def test_node_at_work_is_no_problem(store: JobStore, node: Start) -> None:
    job_id = aged(store, 1)
    node("hold").until("pulled")
    assert list(store.doctor()) == []
    assert os.path.isdir(store.layout.work_lock(job_id))


def test_what_node_does_meanwhile_is_never_taken_for_a_crash(store: JobStore, node: Start) -> None:
    """Node creates and works, and rests nowhere long enough to be a problem."""
    maker, worker = node("create", "40"), node("work")
    while not any("end" in line for line in maker.said):
        assert list(store.doctor()) == []
    worker.until("fulfilled")
    assert list(store.doctor()) == []
