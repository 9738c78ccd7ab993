from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fsjob_core import errors
from fsjob_core.guard import KEPT_OPEN
from fsjob_core.host import REAL
from fsjob_core.lease import Heart, Judgement, Lease, LockPlace, judge, look, remove, take_over
from fsjob_core.store import JobStore

from ..crash.machine import Clock, host_with
from .conftest import Holder

PULL = "work = store.pull_work(); print(work.id, flush=True)"


def eventually(true: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.02)


def place(store: JobStore, job_id: str = "x") -> LockPlace:
    return LockPlace.of(store.layout, "work", job_id)


def test_a_lock_is_an_empty_directory_that_says_whose_it_is(store: JobStore) -> None:
    job = store.create(1)
    work = store.pull_work()
    path = store.layout.work_lock(job.id)
    assert os.listdir(path) == []
    seen = look(REAL, path)
    assert seen is not None and seen.owner is not None
    assert (seen.owner.pid, seen.owner.worker) == (os.getpid(), store.worker_name)
    assert work is not None
    work.release()
    assert not os.path.exists(path)


def test_a_lock_of_a_process_that_was_killed_is_taken_at_once(
    store: JobStore, holding: Callable[[str], Holder]
) -> None:
    job = store.create(1)
    holder = holding(PULL)
    assert holder.line == job.id
    assert store.pull_work() is None
    os.kill(holder.process.pid, signal.SIGKILL)
    eventually(lambda: Path(f"/proc/{holder.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
    work = store.pull_work()  # it is a zombie still: killing it would succeed
    assert work is not None and work.id == job.id


def test_a_lock_without_an_owner_is_taken_when_it_was_seen_unchanged_for_ten_seconds(store: JobStore) -> None:
    clock = Clock()
    store = JobStore(store.directory, durability="process", _host=host_with(clock=clock))
    job = store.create(1)
    path = store.layout.work_lock(job.id)
    os.mkdir(path)
    os.utime(path, (time.time() - 3600,) * 2)
    while store.pull_work() is None:
        store.host.wait(store.host.event(), 0.5)
        assert clock.ahead < 12
    assert clock.ahead >= 9.9, "the pulls took their time, too"


def test_a_beaten_lock_is_never_judged_stale_whatever_its_clock_says(store: JobStore) -> None:
    path = store.layout.work_lock("x")
    os.mkdir(path)
    for hour in range(3):
        os.utime(path, (time.time() - 3600 * (9 - hour),) * 2)
        seen = look(REAL, path)
        assert seen is not None
        assert judge(REAL, path, seen, local=True) is Judgement.HELD


def test_two_who_judged_the_same_lock_dead_one_wins(store: JobStore, holding: Callable[[str], Holder]) -> None:
    job = store.create(1)
    holding(PULL).kill()
    lock = place(store, job.id)
    seen = look(REAL, lock.path)
    assert seen is not None and judge(REAL, lock.path, seen, local=True) is Judgement.DEAD
    winner = take_over(REAL, lock, seen, "first")
    assert winner is not None
    assert take_over(REAL, lock, seen, "second") is None
    assert not remove(REAL, lock, seen)
    assert winner.prove()
    winner.release()


def test_a_lease_that_lost_its_lock_says_so_once_and_touches_nothing(store: JobStore) -> None:
    job = store.create(1)
    work = store.pull_work()
    assert work is not None
    told: list[object] = []
    work.oncompromised = told.append
    path = store.layout.work_lock(job.id)
    os.rmdir(path)
    os.mkdir(path)
    for _ in range(2):
        with pytest.raises(errors.LeaseLost):
            work.fulfill(b"mine")
    eventually(lambda: told)
    assert told == [work] and work.compromised
    late: list[object] = []
    work.oncompromised = late.append
    assert late == [work], "set after the loss, it is called at once"
    work.release()
    assert os.path.isdir(path), "the successor's lock"
    assert not store.get(job.id).fulfilled and os.path.islink(store.layout.pending_link(job.id))


def test_the_heart_finds_out_that_a_lock_is_gone(store: JobStore) -> None:
    job = store.create(1)
    work = store.pull_work()
    assert work is not None
    told: list[object] = []
    work.oncompromised = told.append
    os.rmdir(store.layout.work_lock(job.id))
    eventually(lambda: told, 5)
    work.release()


def test_a_lock_is_beaten_through_its_descriptor(store: JobStore) -> None:
    job = store.create(1)
    work = store.pull_work()
    assert work is not None
    path = store.layout.work_lock(job.id)
    before = os.stat(path).st_mtime_ns
    eventually(lambda: os.stat(path).st_mtime_ns > before, 5)
    work.release()


def test_a_holder_whose_staged_file_was_taken_cannot_commit(store: JobStore) -> None:
    from fsjob_core.change import Change

    job = store.create(1)
    with Change(store.ground, job.id) as change:
        for name in os.listdir(store.layout.job(job.id)):
            if name.startswith(".fsjob-"):
                os.unlink(f"{store.layout.job(job.id)}/{name}")
        with pytest.raises(errors.LeaseLost):
            change.commit(change.record.with_ours(attempts=9))
    assert store.get(job.id).ours == {}
    assert os.listdir(store.layout.job(job.id)) == ["state.json"]


def test_a_child_of_fork_has_none_of_its_parents_leases(store: JobStore) -> None:
    job = store.create(1)
    work = store.pull_work()
    assert work is not None
    pid = os.fork()
    if pid == 0:
        try:
            work.release()
            os._exit(0 if work.compromised else 1)
        finally:
            os._exit(2)
    assert os.waitpid(pid, 0)[1] == 0
    work.prove()
    work.fulfill(b"")
    work.release()
    assert not os.path.exists(store.layout.work_lock(job.id))


def test_taking_fails_cleanly_without_descriptors(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    lock = place(store)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with REAL.guard(lock.guard, True):
        pass  # the guard's own descriptor is open
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        with pytest.raises(OSError, match="too many open files"):
            Lease.take(REAL, lock, "w")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert not os.path.exists(lock.path)


def test_a_thread_keeps_the_guards_of_its_latest_stores_open_and_no_others(tmp_path: Path) -> None:
    stores = [JobStore(tmp_path / str(number), durability="process") for number in range(40)]
    before = len(os.listdir("/proc/self/fd"))
    for store in stores:
        store.fulfill(store.create(1).id, b"")
    assert len(os.listdir("/proc/self/fd")) <= before + KEPT_OPEN


def test_the_guard_that_stands_at_the_path_is_held_although_another_was_before(store: JobStore) -> None:
    guard = place(store).guard
    with REAL.guard(guard, True):
        pass  # a descriptor of it is kept
    os.rename(store.directory, f"{store.directory}.before")
    JobStore(store.directory, durability="process").create(1)  # another store, from a backup perhaps
    with REAL.guard(guard, True):
        fd = os.open(guard, os.O_RDWR)
        try:
            with pytest.raises(BlockingIOError):
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(fd)


def test_an_interrupt_while_a_lock_is_taken_leaves_neither_it_nor_its_beats(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, heart, add = place(store), Heart.of(REAL), Heart.add
    beaten: list[Lease] = []

    def interrupted(heart: Heart, lease: Lease) -> None:
        add(heart, lease)
        beaten.append(lease)
        raise KeyboardInterrupt

    monkeypatch.setattr(Heart, "add", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Lease.take(REAL, lock, "w")
    assert not os.path.exists(lock.path)
    monkeypatch.undo()
    heart.beat()
    assert beaten[0].dropped and not beaten[0].compromised, "nothing was beaten by a number that is another's by now"


# ── what an operator does ──


def lock_of(store: JobStore, job_id: str) -> object:
    return next(lock for lock in store.locks() if lock.id == job_id)


def test_a_live_lock_is_not_released_but_barred_and_its_holder_told(
    store: JobStore, holding: Callable[[str], Holder], tmp_path: Path
) -> None:
    job = store.create(1)
    flag = tmp_path / "told"
    holder = holding(
        f"work = store.pull_work(); work.oncompromised = lambda lease: open({str(flag)!r}, 'w').close(); "
        "print(work.id, flush=True)"
    )
    assert holder.line == job.id
    lock = store.locks()[0]
    with pytest.raises(errors.JobLocked):
        store.break_lock(lock)
    left: list[float] = []

    def wait(seconds: float) -> bool:
        assert look(REAL, lock.path).bar is not None  # type: ignore[union-attr]
        assert store.pull_work() is None, "nobody takes a bar"
        left.append(seconds)
        return False

    outcome = store.break_lock(lock, force=True, park=True, who="ops", wait=wait)
    assert outcome.done and "released" in outcome.what and "parked" in outcome.what
    assert flag.exists(), "its holder learned of it at its next beat"
    assert 6 < left[0] <= 7 and not os.path.lexists(lock.path)
    assert store.counts().parked == 1


def test_a_dead_lock_is_released_and_one_that_changed_hands_is_left(
    store: JobStore, holding: Callable[[str], Holder]
) -> None:
    job = store.create(1)
    holding(PULL).kill()
    lock = store.locks()[0]
    assert lock.verdict == "dead"
    assert store.break_lock(lock).done
    work = store.pull_work()
    assert work is not None and work.id == job.id
    outcome = store.break_lock(lock)
    assert not outcome.done and "changed hands" in outcome.what
    work.prove()
    work.release()


def test_the_job_of_a_dead_lock_is_parked_where_that_is_asked(
    store: JobStore, holding: Callable[[str], Holder]
) -> None:
    job = store.create(1)
    holding(PULL).kill()
    outcome = store.break_lock(store.locks()[0], park=True, who="ops")
    assert outcome.done and outcome.what.endswith("and the job is parked")
    assert store.get(job.id).parked_for == "released by ops" and store.counts().locked == 0
