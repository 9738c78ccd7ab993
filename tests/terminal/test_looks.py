"""What the views say beyond a row: problems and their repair, errors, who works, the proof of a lock, who waits."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from fsjob_core import JobStore
from fsjob_core.ledger import Tries

from .conftest import Open
from .test_acts import audit, hold_and_die, holder

MORE_THAN_ARE_LISTED = 203
"""Problems of a group of which only a part is told one by one: the others are found anew."""


def test_a_moved_store_is_one_problem_whose_repair_is_shown_before_and_audited(
    store: JobStore, open_console: Open
) -> None:
    ids = [store.create(number).id for number in range(MORE_THAN_ARE_LISTED)]
    for job_id in ids:
        link = Path(store.layout.pending_link(job_id))
        link.unlink()
        link.symlink_to(f"/old/place/jobs/{job_id}")
    lost = store.create("lost").id
    os.unlink(store.layout.state(lost))
    console = open_console()
    console.until(f"6 Prob {len(ids) + 1}")
    for _ in range(5):  # one of what `!` goes to
        console.press("!")
        console.read(0.3)
        if console.shows(f"{len(ids)} links lead elsewhere, to /old/"):
            break
    console.until(f"{len(ids)} links lead elsewhere, to /old/")
    console.until("would replace pending/")
    console.press("R")
    console.until(f"and so {len(ids) - 1} more times")
    console.until("doctor --repair --kind link-elsewhere")
    console.press("y\r")
    console.read(0.3)
    first = os.readlink(store.layout.pending_link(ids[0]))
    assert first.startswith("/old"), "of more than a hundred the number is typed"
    console.press(f"\x7f{len(ids)}\r")
    console.until(f"done {len(ids)}, skipped 0, failed 0", 60)
    assert {os.readlink(store.layout.pending_link(job_id)) for job_id in ids} == {f"../jobs/{job_id}" for job_id in ids}
    assert [(line["act"], line["done"]) for line in audit(store)] == [("repair", True)] * len(ids)
    console.until("6 Prob 1 7")

    console.until("state-missing")
    console.press("R")
    console.until("REPAIR BY FORCE")
    console.press("y\r")
    console.read(0.3)
    assert os.path.isdir(store.layout.job(lost)), "what is for an operator needs its word"
    console.press("\x7f\x7f")
    console.press("state-missing\r")
    console.until("lies in the trash")
    assert not os.path.exists(store.layout.job(lost))
    console.until("6 Prob 0")


def test_what_failed_alike_is_run_again_together(store: JobStore, open_console: Open) -> None:
    parked: dict[str, list[str]] = {"open": [], "exit": []}
    for number in range(5):
        text = f"open '/srv/{number}.js': no such file" if number else "exit 137: Killed"
        parked[text[:4]].append(store.create(number).id)
        store.park(parked[text[:4]][-1], text)
    console = open_console()
    console.press("5")
    console.until("4 open '…': no such file")
    console.until("1 exit 137: Killed")
    console.until("5 all of them")
    console.press("\r")
    console.until("open '/srv/4.js'")
    assert "exit 137" not in console.text
    console.press("\x1b")
    console.until("5 all of them")
    console.press("r")
    console.until("4 jobs")
    console.press("y")
    console.until("done 4, skipped 0, failed 0")
    console.until("5 Park 1")
    assert [entry.id for entry in store.views.entries("parked")] == parked["exit"]
    console.until("1 exit 137: Killed")


def test_who_works_is_told_by_locks_too_and_enter_shows_them(store: JobStore, open_console: Open) -> None:
    mine, nodes = store.create(1), [store.create(number) for number in range(2, 4)]
    dead = holder(store)
    for job in nodes:
        os.mkdir(store.layout.work_lock(job.id))
    console = open_console(columns=110, lines=30)
    console.press("7")
    console.until("bundler-3")
    console.until("no owner")
    console.until("7 Workers 2, busy 2")
    dead.kill()
    dead.wait()
    console.until("enter: 1 lock")
    console.press("\r")
    console.until("what bundler-3 holds")
    console.until(mine.id)
    assert nodes[0].id not in console.text
    console.until("is gone on this host")
    console.press("\x1b")
    console.until("no owner")


def test_a_lock_shows_its_proof_and_what_follows(store: JobStore, open_console: Open) -> None:
    job = store.create(1)
    hold_and_die(store)
    console = open_console(columns=120, lines=30)
    console.press("2")
    console.until("dead 1")
    console.until("nobody has pulled since")
    console.until("releasing alone starts nothing")
    console.until("hearts")
    store.create(2)
    console.until("offset between host and file system")
    console.until("within 0.")

    def beaten() -> bool:
        os.utime(store.layout.work_lock(job.id))
        return console.shows("hearts two: bundler-3")

    console.until(beaten)
    console.until("ghost 1")
    console.until("barred for 7 s, whoever beats it finds no lock")


@pytest.fixture
def given_up(store: JobStore) -> str:
    """A fulfilled job one of whose targets was given up."""
    job = store.create(1)
    store.queue(job.id, {"mail": "ops", "password": "hunter2"})
    store.queue(job.id, "other")
    store.fulfill(job.id, b"forty-two")
    note = store.pull_notification()
    assert note is not None
    note.settle([], [Tries(note.waiting[0], 3, "no route to host", time.time(), None)])
    note.release()
    return job.id


def test_who_waits_is_told_anew_after_a_look_at_what_and_taken_off(
    store: JobStore, open_console: Open, given_up: str
) -> None:
    console = open_console(columns=120, lines=34)
    console.press("3")
    console.until("given up: t tells it again")
    console.until("no route to host")
    assert "hunter2" not in console.text
    console.press("t")
    console.until("WHO WAITS")
    console.until("other")
    console.press("\r")
    console.until("TELL AGAIN")
    console.until("forty-two")
    console.press("t\r")
    console.read(0.3)
    assert not os.path.exists(store.layout.audit), "neither the asking key nor enter confirms"
    console.press("y")
    console.until("1 target is told anew")
    console.press("t")
    console.until("WHO WAITS")
    console.press("j\r")
    console.until("TELL AGAIN")
    console.press("u")
    console.until("1 target waits")
    assert [line["act"] for line in audit(store)] == ["tell again", "unqueue"]
    assert [target["mail"] for target in store.get(given_up).waiting if isinstance(target, dict)] == ["ops"]
