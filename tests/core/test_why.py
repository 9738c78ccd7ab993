"""Why a job is not done: of each situation the one sentence is true."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fsjob_core.errors import InvalidJobId
from fsjob_core.host import REAL
from fsjob_core.signin import SignIn
from fsjob_core.store import JobStore

from . import situations as at

HOST = re.escape(REAL.me.host)
WHOLE = r"holder on HOST \(pid \d+\)"
AGE = r"\d s"
TABLE: list[tuple[Callable[[at.Scene], str], str]] = [
    (at.fresh, r"pending AGE: no worker is signed in \(Node workers are seen only while they hold a lock\)"),
    (at.paused, "pending AGE: the store is paused"),
    (at.paused_with_a_reason, "pending AGE: the store is paused: upgrade of render-07"),
    (at.waits_for_its_next_try,
     r"pending AGE: tried twice, last on render-07 \(exit 137\), its next try is due in 59 min"),
    (at.one_is_idle, "pending AGE: 1 worker is free and has not taken it yet"),
    (at.one_is_busy_but_could_take_more, "pending AGE: 1 worker is free and has not taken it yet"),
    (at.all_are_busy, r"pending AGE: no free worker since \d\d:\d\d UTC \(2 at work, 1 draining\)"),
    (at.all_drain, "pending AGE: all workers that are signed in are draining: they take nothing more"),
    (at.all_are_gone, r"pending AGE: no free worker since \d\d:\d\d UTC: render-9 was the last, and is gone"),
    (at.full_disk, "pending AGE: the disk is full, so that no worker can keep what it does"),
    (at.made_ahead_of_the_clock, "pending, made 5 min ahead of this host's clock: no worker is signed in .*"),
    (at.moved_store,
     r"pending AGE: no worker .*; its link in pending/ leads elsewhere \(was the store moved\?\), so Node "
                     "workers fail on it: `fsjob doctor --repair` mends it"),
    (at.live, "pending AGE: WHOLE has it for AGE: live, its process is alive; last beat AGE ago"),
    (at.late, r"pending AGE: no owner \(Node\?\) has it: late, last beat 7 s ago, watched .*; no owner is written"),
    (at.dead, r"pending AGE: tried once on render-06 \(exit 1\), lock dead AGE \(WHOLE is gone on this host; .*\), "
              "no worker is signed in .*"),
    (at.dead_while_paused, "pending AGE: .*, lock dead AGE .*, the store is paused: upgrade"),
    (at.stale,
     r"pending AGE: lock stale 1 min \(last beat 1 min ago, and watched for \d\d s without one\), no worker .*"),
    (at.leaked, "it is done: .*; its work lock is leaked: its job is fulfilled: it is held for nothing .*"),
    (at.barred, "pending AGE: its lock is barred: an operator took it away and bars it for a moment: .* by ann at 1"),
    (at.foreign, "pending AGE: its lock is barred: a file stands here, no lock: nobody can take it, .* by hand"),
    (at.long, r"pending AGE: WHOLE has it: long, held for 2 h, ×\d+ of the usual .*; it beats"),
    (at.ahead, r"pending AGE: no owner \(Node\?\) has it: future, last beat 5 min ahead of this host's clock; .*"),
    (at.ghost,
     r"pending AGE: tried once .*, lock ghost \(WHOLE is gone, yet the lock beats: a Node .*\), no worker .*"),
    (at.parked_by_hand, r"parked AGE ago \(crashes render-07\): nobody works on it until it is run again"),
    (at.parked_without_a_reason, r"parked AGE ago \(by ann\): nobody works on it until it is run again"),
    (at.parked_after_tries, r"parked AGE ago after 1 try \(ZeroDivisionError: division by zero.*\): nobody works .*"),
    (at.poison,
     r"parked AGE ago after 1 try \(its worker died while it ran\): nobody works on it until it is run again"),
    (at.parked_and_pending, "parked and pending at once, .*: its state says pending, so a worker takes it; .*"),
    (at.pending_and_parked, "parked and pending at once, .*: its state says parked, so no worker of ours takes it; .*"),
    (at.parked_link_lost, r"pending AGE: its state says parked \(crashes render-07\), but it has no link in parked/.*"),
    (at.done, "it is done: fulfilled AGE ago"),
    (at.done_and_awaited, "it is done: fulfilled AGE ago; 2 targets wait to be told"),
    (at.done_and_given_up, "it is done: .*; 2 targets wait to be told, 1 of them given up: `fsjob queue --again` .*"),
    (at.done_and_not_listed, "it is done: .*; 2 targets wait to be told, but it has no link in waiting/, so no .*"),
    (at.value_lost, "it is marked fulfilled, but its value is missing: run it again"),
    (at.done_and_pending, "it is done: .*; its link in pending/ was left, so Node workers do it again: .*"),
    (at.broken, "it cannot be read: job .*: state.json is no JSON: .* line 1 column .*"),
    (at.absent, "it cannot be read: job .*: state.json is missing"),
    (at.too_big, "it cannot be read: job .*: .* 16,777,217 bytes.*"),
    (at.cut_off,
     "pending AGE: it has no link in pending/, so no worker finds it: an act on it was cut off; run it again"),
    (at.dangling,
     "it cannot be read: a link names it, but .*/jobs/job-1 does not exist: a create or delete was cut off"),
    (at.in_the_trash,
     r"there is no such job: it lies in the trash since \d\d:\d\d UTC; `fsjob undo \w+` brings it back"),
    (at.in_the_trash_by_hand, r"there is no such job: .* since \d\d:\d\d UTC; no undo brings it back: .*"),
    (at.never_made, "there is no such job: it was never made, or was deleted and purged"),
]  # fmt: skip


@pytest.fixture
def scene(store: JobStore, tmp_path: Path) -> Iterator[at.Scene]:
    scene = at.Scene(store, tmp_path)
    with scene.ending:
        yield scene


@pytest.mark.parametrize(("make", "says"), TABLE, ids=[make.__name__ for make, _ in TABLE])
def test_the_sentence_is_true(scene: at.Scene, make: Callable[[at.Scene], str], says: str) -> None:
    job_id = make(scene)
    found = scene.views.why(job_id)
    for word, meant in (("WHOLE", WHOLE), ("HOST", HOST), ("AGE", AGE)):
        says = says.replace(word, meant)
    assert re.fullmatch(says, found), found


def test_what_undo_is_said_to_bring_back_it_brings_back(scene: at.Scene) -> None:
    job_id = at.in_the_trash(scene)
    group = re.search(r"fsjob undo (\w+)", scene.views.why(job_id))
    assert group is not None
    scene.operator.undo(scene.operator.journal.group(group[1]))
    assert scene.views.why(job_id).startswith("pending")


def test_an_id_that_is_none_has_no_reason(store: JobStore) -> None:
    with pytest.raises(InvalidJobId, match="is no job id"):
        store.why("../jobs/x")


def test_a_job_is_done_since_its_value_was_written_whoever_is_to_be_told_later(store: JobStore) -> None:
    job_id = store.create(1).id
    store.fulfill(job_id, "done")
    os.utime(store.layout.value(job_id), (then := time.time() - 2.5 * 86_400, then))
    store.queue(job_id, "ops")
    assert store.why(job_id).startswith("it is done: fulfilled 2 d ago;")
    (entry,) = store.views.entries("fulfilled")
    assert abs(entry.since - then) < 1


@pytest.mark.parametrize(
    ("since", "says"), [("1700000000.0", "2023-11-14 22:13 UTC"), ("9e14", "900000000000000 s since 1970")]
)
def test_a_wait_of_days_tells_the_date(store: JobStore, since: str, says: str) -> None:
    sign = SignIn(store, "render-1", "render")
    sign.beat(REAL.monotonic() + 9, "busy", 1, 0, 0, full=True)
    job_id = store.create(1).id
    path = Path(store.layout.worker("render-1"))
    path.write_text(re.sub(r'"full_since": [\d.]+', '"full_since": ' + since, path.read_text()))
    assert store.why(job_id).endswith(f"no free worker since {says} (1 at work)")
    sign.out()
