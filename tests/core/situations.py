"""Situations of a job, made in a real store: by acts, processes that die, and by hand where others left it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from fsjob_core.handlers import PythonHandler
from fsjob_core.host import REAL, Host
from fsjob_core.lease import Owner
from fsjob_core.lease.sight import OWNER_ATTRIBUTE
from fsjob_core.ledger import Tries
from fsjob_core.operator import Operator
from fsjob_core.record import MAX_STATE, JobRecord
from fsjob_core.signin import SignIn
from fsjob_core.store import JobStore
from fsjob_core.views import Views
from fsjob_core.worker import Worker

from ..crash.test_full_disk import ROOM, fill, mounted
from .conftest import Holder

HOLDS = "work = store.pull_work(); "


class Scene:
    """One store in which a situation is made, and the sentence about one of its jobs."""

    def __init__(self, store: JobStore, tmp_path: Path) -> None:
        self.tmp_path = tmp_path
        self.ending = ExitStack()
        self.move_to(store)

    def move_to(self, store: JobStore) -> None:
        self.store, self.layout, self.views = store, store.layout, store.views
        self.operator = Operator(store, "ann")

    def other(self, name: str) -> JobStore:
        """The same store as another worker has it."""
        return JobStore(self.store.directory, durability="process", worker_name=name)

    def holder(self, lines: str) -> Holder:
        """Another process, which has run some lines."""
        holder = Holder(self.store.directory, f"{lines}; print(flush=True)")
        self.ending.callback(holder.close)
        return holder

    def job(self) -> str:
        return self.store.create({"type": "render"}).id

    def signed_in(self, name: str) -> SignIn:
        sign = SignIn(self.store, name, "render")
        self.ending.callback(sign.out)
        return sign

    def nodes_lock(self, job_id: str, beaten: float) -> str:
        """A lock as Node makes it, last beaten so many seconds ago."""
        lock = self.layout.work_lock(job_id)
        os.mkdir(lock)
        os.utime(lock, (REAL.time() - beaten,) * 2)
        return lock

    def write(self, record: JobRecord) -> None:
        Path(self.layout.state(record.id)).write_bytes(record.to_bytes())


# ── nobody has it ──


def fresh(it: Scene) -> str:
    return it.job()


def paused(it: Scene) -> str:
    it.store.pause("")
    return it.job()


def paused_with_a_reason(it: Scene) -> str:
    it.store.pause("upgrade of render-07\nuntil noon")
    return it.job()


def waits_for_its_next_try(it: Scene) -> str:
    job_id = it.job()
    for name, error, pause in (("render-06", "exit 1", 0.0), ("render-07", "exit 137\nKilled", 3600.0)):
        with it.other(name).pull_work() as work:  # type: ignore[union-attr]
            work.begin()
            work.fail(error, pause)
    return job_id


def one_is_idle(it: Scene) -> str:
    it.signed_in("render-1")
    return it.job()


def one_is_busy_but_could_take_more(it: Scene) -> str:
    it.signed_in("render-1").beat(REAL.monotonic() + 9, "busy", 1, 0, 0, full=False)
    return it.job()


def all_are_busy(it: Scene) -> str:
    for name in ("render-1", "render-2"):
        it.signed_in(name).beat(REAL.monotonic() + 9, "busy", 1, 0, 0, full=True)
    it.signed_in("render-3").beat(REAL.monotonic() + 9, "draining", 1, 0, 0, full=True)
    return it.job()


def all_drain(it: Scene) -> str:
    it.signed_in("render-1").beat(REAL.monotonic() + 9, "draining", 1, 0, 0, full=True)
    return it.job()


def all_are_gone(it: Scene) -> str:
    it.holder("from fsjob_core.signin import SignIn; SignIn(store, 'render-9', 'render')").kill()
    return it.job()


def full_disk(it: Scene) -> str:
    disk = it.ending.enter_context(mounted(it.tmp_path / "disk", "-t", "tmpfs", "-o", ROOM, "fsjob-test"))
    it.move_to(JobStore(disk / "store", durability="process"))
    job_id = it.job()
    fill(disk)
    return job_id


def made_ahead_of_the_clock(it: Scene) -> str:
    job = os.path.join(it.layout.jobs, "job-of-node")
    os.rename(it.layout.job(it.job()), job)
    os.symlink(job, it.layout.pending_link("job-of-node"))
    os.utime(it.layout.pending_link("job-of-node"), (REAL.time() + 330,) * 2, follow_symlinks=False)
    return "job-of-node"


def moved_store(it: Scene) -> str:
    job_id = it.job()
    os.unlink(it.layout.pending_link(job_id))
    os.symlink(it.layout.job(job_id), it.layout.pending_link(job_id))  # as Node does
    os.rename(it.store.directory, it.tmp_path / "moved")
    it.move_to(JobStore(it.tmp_path / "moved"))
    return job_id


# ── somebody has it, or had ──


def live(it: Scene) -> str:
    job_id = it.job()
    it.holder(f"{HOLDS}work.begin()")
    return job_id


def late(it: Scene) -> str:
    job_id = it.job()
    it.nodes_lock(job_id, 7)
    return job_id


def dead(it: Scene) -> str:
    job_id = it.job()
    with it.other("render-06").pull_work() as work:  # type: ignore[union-attr]
        work.begin()
        work.fail("exit 1", 0.0)
    it.holder(f"{HOLDS}work.begin()").kill()
    return job_id


def dead_while_paused(it: Scene) -> str:
    job_id = dead(it)
    it.store.pause("upgrade")
    return job_id


def stale(it: Scene) -> str:
    job_id, offset = it.job(), [0.0]
    it.nodes_lock(job_id, 60)
    host = hosted(replace(REAL, monotonic=lambda: REAL.monotonic() + offset[0], services={}))
    it.views = Views(host, it.layout)
    for _ in range(6):
        it.views.why(job_id)
        offset[0] += 2.0
    return job_id


def hosted(host: Host) -> Host:
    """A host whose threads end at once: its clock is set by hand."""
    return replace(host, spawn=lambda run, name: REAL.spawn(lambda: None, name))


def leaked(it: Scene) -> str:
    job_id = done(it)
    it.nodes_lock(job_id, 1)
    return job_id


def barred(it: Scene) -> str:
    job_id = it.job()
    os.symlink("fsjob-bar token by ann at 1", it.layout.work_lock(job_id))
    return job_id


def foreign(it: Scene) -> str:
    job_id = it.job()
    Path(it.layout.work_lock(job_id)).write_text("")
    return job_id


def long(it: Scene) -> str:
    for _ in range(3):
        it.job()
        with it.store.pull_work() as work:  # type: ignore[union-attr]
            work.begin()
            work.fulfill("done")
    job_id = live(it)
    lock = it.layout.work_lock(job_id)
    owner = Owner.from_bytes(os.getxattr(lock, OWNER_ATTRIBUTE))
    assert owner is not None
    os.setxattr(lock, OWNER_ATTRIBUTE, owner._replace(since=owner.since - 7200).to_bytes())
    return job_id


def ahead(it: Scene) -> str:
    job_id = it.job()
    it.nodes_lock(job_id, -330)
    return job_id


def ghost(it: Scene) -> str:
    job_id = dead(it)
    it.views.why(job_id)
    it.views.why(job_id)
    os.utime(it.layout.work_lock(job_id))  # by path, without proof: as Node beats
    return job_id


# ── given up ──


def parked_by_hand(it: Scene) -> str:
    job_id = it.job()
    it.operator.park(job_id, "crashes render-07")
    return job_id


def parked_without_a_reason(it: Scene) -> str:
    job_id = it.job()
    it.operator.park(job_id)
    return job_id


def parked_after_tries(it: Scene) -> str:
    job_id = it.job()
    run(it, lambda request: 1 / 0)
    return job_id


def poison(it: Scene) -> str:
    job_id = it.job()
    it.holder(f"{HOLDS}work.begin()").kill()
    run(it, lambda request: "never called")
    return job_id


def run(it: Scene, handler: Callable[[object], object]) -> None:
    """A worker that gives up after the first try."""
    Worker(it.store, PythonHandler(handler), name="render-1", max_attempts=1, until_empty=True).run()


def parked_and_pending(it: Scene) -> str:
    job_id = it.job()
    os.symlink(it.layout.link_text(job_id), it.layout.parked_link(job_id))
    return job_id


def pending_and_parked(it: Scene) -> str:
    job_id = parked_by_hand(it)
    os.symlink(it.layout.link_text(job_id), it.layout.pending_link(job_id))
    return job_id


def parked_link_lost(it: Scene) -> str:
    job_id = parked_by_hand(it)
    os.rename(it.layout.parked_link(job_id), it.layout.pending_link(job_id))
    return job_id


# ── done ──


def done(it: Scene) -> str:
    job_id = it.job()
    it.store.fulfill(job_id, b"value")
    return job_id


def done_and_awaited(it: Scene) -> str:
    job_id = it.job()
    it.store.queue(job_id, "a")
    it.store.queue(job_id, "b")
    it.store.fulfill(job_id, b"value")
    return job_id


def done_and_given_up(it: Scene) -> str:
    job_id = done_and_awaited(it)
    with it.store.pull_notification() as note:  # type: ignore[union-attr]
        note.settle([], [Tries("a", 5, "exit 1", REAL.time(), None)])
    return job_id


def done_and_not_listed(it: Scene) -> str:
    job_id = done_and_awaited(it)
    os.unlink(it.layout.waiting_link(job_id))
    return job_id


def value_lost(it: Scene) -> str:
    job_id = done(it)
    os.unlink(it.layout.value(job_id))
    return job_id


def done_and_pending(it: Scene) -> str:
    job_id = done(it)
    os.symlink(it.layout.link_text(job_id), it.layout.pending_link(job_id))
    return job_id


# ── broken ──


def broken(it: Scene) -> str:
    job_id = it.job()
    Path(it.layout.state(job_id)).write_bytes(b'{"version": 0, "sta')
    return job_id


def absent(it: Scene) -> str:
    job_id = it.job()
    os.unlink(it.layout.state(job_id))
    return job_id


def too_big(it: Scene) -> str:
    job_id = it.job()
    os.truncate(it.layout.state(job_id), MAX_STATE + 1)
    return job_id


def cut_off(it: Scene) -> str:
    job_id = it.job()
    os.unlink(it.layout.pending_link(job_id))
    return job_id


def dangling(it: Scene) -> str:
    os.symlink(it.layout.link_text("job-1"), it.layout.pending_link("job-1"))
    return "job-1"


def in_the_trash(it: Scene) -> str:
    job_id = it.job()
    it.operator.delete(job_id)
    return job_id


def in_the_trash_by_hand(it: Scene) -> str:
    job_id = cut_off(it)
    os.rename(it.layout.job(job_id), it.layout.in_trash(f"{job_id}.moved"))
    return job_id


def never_made(it: Scene) -> str:
    it.job()
    return "1k10fpnzygbavvy724km"
