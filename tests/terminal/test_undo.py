"""D and z in a real terminal: what is hit is named, done after y, and comes back where nothing has changed."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from fsjob_core import JobStore
from fsjob_core.operator import Operator

from .conftest import Open


def audit(store: JobStore) -> list[tuple[str, bool]]:
    return [(line["act"], line["done"]) for line in map(json.loads, Path(store.layout.audit).read_text().splitlines())]


def test_a_deleted_job_comes_back(store: JobStore, open_console: Open) -> None:
    job = store.create({"type": "resize"})
    console = open_console()
    console.until("resize")
    console.press("z")
    console.until("nothing of yours to undo")
    console.press("D")
    console.until("DELETE")
    console.until(job.id)
    console.press("D\r")
    console.read(0.4)
    assert store.counts().pending == 1, "neither the asking key nor enter confirms"
    console.press("y")
    console.until("is in the trash")
    assert os.listdir(store.layout.jobs) == []
    console.press("z")
    console.until("UNDO")
    console.until(job.id)
    console.until("it comes back out of the trash")
    console.press("z\r")
    console.read(0.4)
    assert store.counts().pending == 0
    console.press("y")
    console.until("is there again, pending")
    assert store.get(job.id).request == {"type": "resize"} and store.counts().pending == 1
    assert audit(store) == [("delete", True), ("undo", True)]


def test_a_set_comes_back_but_for_what_has_changed(store: JobStore, open_console: Open) -> None:
    jobs = [store.create({"n": n}) for n in range(3)]
    console = open_console()
    console.until(jobs[2].id[-4:])
    console.press("a")
    console.until("3 marked")
    console.press("p")
    console.until("3 jobs")
    console.press("y")
    console.until("park: done 3, skipped 0, failed 0")
    store.requeue(jobs[1].id)
    console.press("z")
    console.until("parked: it is pending again")
    console.until("undo ")
    console.press("y")
    console.until("done 2, skipped 1")
    console.until("at version 1 by now")
    assert store.counts().pending == 3
    console.until("the park was not undone")


def test_nobody_undoes_in_a_guarded_store_before_writing_is_opened(store: JobStore, open_console: Open) -> None:
    job = Operator(store).create({"type": "resize"})
    store.label("main", "prod")
    console = open_console()
    console.until("guarded")
    for key in ("z", "D"):
        console.press(key)
        console.until("W opens writing")
    console.press("W")
    console.until("OPEN WRITING")
    console.press("y")
    console.until("WRITING")
    console.press("z")
    console.until("it goes to the trash")
    console.until("--write")
    console.press("y")
    console.until("is in the trash")
    assert not os.path.exists(store.layout.job(job.id))


def test_what_is_old_is_removed_for_good_once_it_was_shown(store: JobStore, open_console: Open) -> None:
    old, young = store.create({"n": "old"}).id, store.create({"n": "young"}).id
    for job_id in (old, young):
        store.fulfill(job_id, b"done")
    month = time.time() - 40 * 86_400
    os.utime(store.layout.state(old), (month, month))
    console = open_console()
    console.until("Fulfilled 2")
    console.press(":")
    console.until("🔎")
    console.press("purge")
    console.until("purge: make room")
    console.press("\r")
    console.until("h  an hour  1 fulfilled, 0 deleted")
    console.until("m  30 days  1 fulfilled, 0 deleted")
    console.press("m")
    console.until(f"1 fulfilled job: {old}")
    console.press("\r")
    console.read(0.4)
    assert sorted(os.listdir(store.layout.jobs)) == sorted((old, young)), "enter does not confirm"
    console.press("y")
    console.until("1 was removed for good")
    assert os.listdir(store.layout.jobs) == [young] and not os.listdir(store.layout.trash)
    assert audit(store) == [("purge", True)]
