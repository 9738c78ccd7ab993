"""Locks where other machines see the file system, too: what looks free or held, and is not; whose it is by now."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from fsjob_core import errors
from fsjob_core.host import REAL
from fsjob_core.lease import Judgement, Lease, acquire, judge, look, take_over
from fsjob_core.lease.sight import OWNER_ATTRIBUTE
from fsjob_core.store import JobStore

from .lying import Machine, failure


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def store(tmp_path: Path, machine: Machine) -> JobStore:
    return JobStore(tmp_path / "store", durability="process", _host=machine.host())


def listed(directory: str) -> set[str]:
    return set(os.listdir(directory))


def lock(store: JobStore, job_id: str = "x") -> Lease:
    return acquire(store.host, store.ground.place("work", job_id), "worker", local=False)


def replace_lock(path: str) -> None:
    os.rmdir(path)
    os.mkdir(path)


def test_a_successor_is_seen_though_lstat_shows_ones_own(store: JobStore, machine: Machine) -> None:
    lease = lock(store)
    own = os.lstat(lease.place.path)
    machine.calls.before = lambda name, *args: own if name == "lstat" else None
    assert lease.prove()
    replace_lock(lease.place.path)
    assert not lease.prove()
    lease.release()
    assert os.path.isdir(lease.place.path), "the successor's"


def test_a_successor_is_seen_in_the_listing_where_even_an_open_is_old(tmp_path: Path) -> None:
    machine = Machine(fstype="fuse.juicefs")
    store = JobStore(tmp_path / "store", _host=machine.host())
    lease = lock(store)
    path = lease.place.path
    held = os.open(path, os.O_RDONLY)
    machine.calls.before = lambda name, *args: os.dup(held) if name == "open" and args[0] == path else None
    assert lease.prove()
    replace_lock(path)
    assert not lease.prove() and lease.compromised
    os.close(held)


def test_a_proof_without_an_answer_neither_holds_nor_loses(tmp_path: Path) -> None:
    machine = Machine(fstype="fuse.juicefs")
    store = JobStore(tmp_path / "store", _host=machine.host())
    lease = lock(store)
    other = os.open(store.layout.tmp, os.O_RDONLY)
    machine.calls.before = lambda name, *args: (
        os.dup(other) if name == "open" and args[0] == lease.place.path else None
    )
    with pytest.raises(OSError, match="lists another"):
        lease.prove()
    assert not lease.compromised
    machine.calls.before = None
    os.close(other)
    assert lease.prove()
    lease.release()


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO, errno.ENOENT])
def test_a_beat_that_fails_is_none_and_the_watchdog_declares_the_loss(
    store: JobStore, machine: Machine, number: int
) -> None:
    lease = lock(store)

    def fails(name: str, *args: Any) -> None:
        if name == "utime":
            raise failure(number)

    machine.calls.before = fails
    proven = lease.proven_at
    lease.beat()
    assert lease.proven_at == proven and not lease.compromised
    machine.ahead += 9
    machine.heart.watch(store.host.monotonic())
    assert lease.compromised


def test_a_number_used_again_does_not_deceive(store: JobStore) -> None:
    lease = lock(store)
    seen = look(REAL, lease.place.path)
    assert seen is not None and seen.owner is not None and lease.prove()
    os.setxattr(lease.place.path, OWNER_ATTRIBUTE, seen.owner._replace(token="another's").to_bytes())
    assert not lease.prove()


def without_attributes(name: str, *args: Any) -> None:
    if name in ("getxattr", "setxattr"):
        raise failure(errno.ENOTSUP)


def test_without_attributes_the_beat_tells(store: JobStore, machine: Machine) -> None:
    machine.calls.before = without_attributes
    lease = lock(store)
    assert look(store.host, lease.place.path).owner is None  # type: ignore[union-attr]
    lease.beat()
    assert lease.prove()
    os.utime(lease.place.path, (1, 1))
    assert not lease.prove(), "the same directory by its number, but not one that we have beaten"


def test_a_job_lives_without_attributes(store: JobStore, machine: Machine) -> None:
    machine.calls.before = without_attributes
    job = store.create(1)
    work = store.pull_work()
    assert work is not None
    work.begin()
    work.fulfill(b"value")
    work.release()
    assert store.read_value(job.id) == b"value"
    assert listed(store.layout.pending) == set() and listed(store.layout.jobs) == {job.id}


def test_a_free_lock_may_look_held_for_a_second(store: JobStore, machine: Machine) -> None:
    ends = machine.ahead + 1.0

    def exists(name: str, *args: Any) -> None:
        if name == "mkdir" and machine.ahead < ends:
            raise failure(errno.EEXIST, args[0])

    machine.calls.before = exists
    lock(store).release()
    os.mkdir(store.layout.work_lock("x"))
    before = machine.ahead
    with pytest.raises(errors.JobLocked):
        lock(store)
    assert machine.ahead == before, "one that is listed is held"


def test_a_beat_may_be_seen_two_seconds_late(store: JobStore, machine: Machine) -> None:
    path = store.layout.work_lock("x")
    os.mkdir(path)
    os.utime(path, (1, 1))

    def judged(ahead: float) -> Judgement:
        while machine.ahead < ahead:
            machine.ahead += 0.5
            judge(store.host, path, look(store.host, path), local=False)  # type: ignore[arg-type]
        return judge(store.host, path, look(store.host, path), local=False)  # type: ignore[arg-type]

    began = machine.ahead
    assert judged(began + 11.5) is Judgement.HELD
    assert judged(began + 13) is Judgement.STALE


@pytest.mark.parametrize("old", ["listing", "open"])
def test_a_lock_that_two_answers_disagree_on_is_not_taken_over(tmp_path: Path, old: str) -> None:
    machine = Machine(fstype="fuse.mfs")
    store = JobStore(tmp_path / "store", _host=machine.host())
    path = store.layout.work_lock("x")
    os.mkdir(path)
    seen = look(store.host, path)
    held = os.open(path, os.O_RDONLY)
    replace_lock(path)
    os.utime(path, ns=(seen.mtime_ns, seen.mtime_ns))  # type: ignore[union-attr]

    def before(name: str, *args: Any) -> Any:
        if name == "open" and args[0] == path:
            return os.dup(held)
        if old == "listing" and name == "scandir" and args[0] == store.layout.pending:
            return os.scandir(store.layout.jobs)
        return None

    machine.calls.before = before
    assert take_over(store.host, store.ground.place("work", "x"), seen, "taker") is None  # type: ignore[arg-type]
    os.close(held)
    assert os.path.isdir(path)


def test_a_release_that_cannot_be_made_leaves_the_lock_to_go_stale(store: JobStore, machine: Machine) -> None:
    job = store.create(1)

    def fails(name: str, *args: Any) -> None:
        if name == "rmdir":
            raise failure(errno.EIO, args[0])

    machine.calls.before = fails
    store.fulfill(job.id, b"value")
    assert store.read_value(job.id) == b"value"
    assert os.path.isdir(store.layout.state_lock(job.id))
