"""The faults of the simulation's Node process: what proper-lockfile and fs-job-store do on a clock of our own."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from .memfs import MemFs, OpenFile
from .node import Aborted, Node, NodeError
from .properlock import Lock, Lockfile

PARTS = ("jobs", "pending", "waiting")


class Clock:
    """A wall clock that waits move on; `then` runs after the waits, in turn, and the last of them ends the loop."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.then: list[Callable[[], None]] = []

    def time(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds
        if self.then:
            self.then.pop(0)()


class Ended(Exception):
    """Nobody looks any further."""


def end() -> None:
    raise Ended


FILE = "/store/pending/a"
LOCK = FILE + ".lock"
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fs(clock: Clock) -> MemFs:
    made = MemFs(lambda: int(clock.now * 1e9))
    for path in ("/tmp", "/store", *(f"/store/{part}" for part in PARTS)):
        made.mkdir(path)
    return made


@pytest.fixture
def locks(fs: MemFs, clock: Clock) -> Lockfile:
    return Lockfile(fs, clock.time, clock.wait, lambda run: None)


@pytest.fixture
def worker(fs: MemFs, clock: Clock) -> Node:
    return Node("/store", fs, clock.time, clock.wait, Random(1), lambda run: None, tmp="/tmp")


def ignored(error: object) -> None:
    """What a holder is told, where a test does not care."""


def opened(fs: MemFs, path: str = LOCK) -> OpenFile:
    return fs.open(path, DIRECTORY)


def beats(locks: Lockfile, lock: Lock, clock: Clock, *between: Callable[[], None]) -> None:
    """Run its beats, with these things done before each."""
    clock.then = [*between, end]
    with pytest.raises(Ended):
        locks.beat_loop(lock)


def test_a_fresh_lock_is_asked_for_fifteen_seconds(fs: MemFs, locks: Lockfile, clock: Clock) -> None:
    fs.mkdir(LOCK)
    clock.then = [lambda: fs.utimes(LOCK, int(clock.now * 1e9))] * 4
    with pytest.raises(NodeError, match="ELOCKED"):
        locks.lock(FILE, ignored)
    assert clock.now == 1015.0


def test_a_stale_lock_is_taken(fs: MemFs, locks: Lockfile, clock: Clock) -> None:
    fs.mkdir(LOCK)
    held = opened(fs)
    clock.now += 10.5
    locks.lock(FILE, ignored)
    assert fs.fstat(held).st_nlink == 0
    assert clock.now == 1010.5


@pytest.mark.parametrize(
    ("stands", "code"),
    [("something in it", errno.ENOTEMPTY), ("a file", errno.ENOTDIR), ("a link to nothing", None)],
)
def test_what_it_cannot_take(fs: MemFs, locks: Lockfile, clock: Clock, stands: str, code: int | None) -> None:
    if stands == "something in it":
        fs.mkdir(LOCK)
        fs.mkdir(LOCK + "/owner")
    elif stands == "a file":
        fs.close(fs.open(LOCK, os.O_WRONLY | os.O_CREAT))
    else:
        fs.symlink("nobody", LOCK)
    clock.now += 11
    with pytest.raises(NodeError if code is None else OSError) as found:
        locks.lock(FILE, ignored)
    assert getattr(found.value, "errno", None) == code


def test_a_beat_keeps_a_lock_fresh(fs: MemFs, locks: Lockfile, clock: Clock) -> None:
    lock = locks.lock(FILE, ignored)
    beats(locks, lock, clock, ignored_now, ignored_now)
    assert fs.lstat(LOCK).st_mtime == 1010.0
    assert clock.now == 1015.0


def ignored_now() -> None:
    """Nothing happens before a beat."""


def test_it_learns_that_it_was_robbed_only_where_nothing_stands(fs: MemFs, locks: Lockfile, clock: Clock) -> None:
    errors: list[object] = []
    lock = locks.lock(FILE, errors.append)

    def rob() -> None:
        fs.rmdir(LOCK)
        fs.mkdir(LOCK)

    def take_away() -> None:
        assert fs.lstat(LOCK).st_mtime == 1005.0, "it beats its successor's lock"
        assert not errors
        fs.rmdir(LOCK)

    clock.then = [rob, take_away]
    locks.beat_loop(lock)
    assert [getattr(error, "errno", None) for error in errors] == [errno.ENOENT]
    assert lock.released and not locks.held


def test_its_release_removes_whatever_lock_stands_there(fs: MemFs, locks: Lockfile) -> None:
    lock = locks.lock(FILE, ignored)
    fs.rmdir(LOCK)
    fs.mkdir(LOCK)
    locks.unlock(lock)
    assert fs.lookup(LOCK) is None


@pytest.mark.parametrize(("stopped", "told"), [(13.0, True), (24.0, False)])
def test_stopped_it_touches_once_and_is_told_only_up_to_twenty_seconds(
    fs: MemFs, locks: Lockfile, clock: Clock, stopped: float, told: bool
) -> None:
    errors: list[object] = []
    lock = locks.lock(FILE, errors.append)
    clock.then = [lambda: setattr(clock, "now", 1000.0 + stopped), end]
    try:
        locks.beat_loop(lock)
    except Ended:
        assert not told
    assert fs.lstat(LOCK).st_mtime == 1000.0 + stopped
    assert bool(errors) == told


def test_its_exit_removes_its_locks(fs: MemFs, locks: Lockfile) -> None:
    locks.lock(FILE, ignored)
    locks.exit()
    assert fs.lookup(LOCK) is None


def test_a_pull_keeps_the_lock_of_a_link_to_nothing(fs: MemFs, worker: Node) -> None:
    fs.symlink("/store/jobs/gone", "/store/pending/gone")
    with pytest.raises(NodeError):
        worker.pull_job()
    assert fs.lookup("/store/pending/gone.lock") is not None
    assert list(worker.locks.held) == ["/store/pending/gone"]


def test_looking_for_notifications_keeps_locks_of_unfulfilled_jobs(fs: MemFs, worker: Node) -> None:
    for number in range(3):
        worker.queue(worker.create(number), "somebody")
    assert worker.pull_notification() is None
    assert len(worker.locks.held) == 2, "all but the last one looked at"


def test_a_delivered_target_is_not_taken_off_by_its_flush(fs: MemFs, clock: Clock) -> None:
    delivered = []

    def respond(target: Any, job_id: str, value: bytes) -> bool:
        delivered.append((target, value))
        return True

    worker = Node("/store", fs, clock.time, clock.wait, Random(1), lambda run: None, tmp="/tmp", respond=respond)
    job_id = worker.create("n")
    worker.queue(job_id, "somebody")
    worker.fulfill(job_id, b"value")
    assert delivered == [("somebody", b"value")]
    note = worker.pull_notification()
    assert note is not None and note.waiting == ["somebody"]


def test_an_operation_whose_lock_is_compromised_leaves_everything(fs: MemFs, worker: Node) -> None:
    job_id = worker.create("n")
    rename = fs.rename

    def compromised(old: str, new: str) -> None:
        rename(old, new)
        lock = worker.locks.held[f"/store/jobs/{job_id}"]
        lock.released = True
        lock.compromised(NodeError("ECOMPROMISED"))

    fs.rename = compromised  # type: ignore[method-assign]
    with pytest.raises(Aborted):
        worker.fulfill(job_id, b"value")
    assert sorted(fs.listdir("/store/jobs")) == [job_id, f"{job_id}.lock"]
    assert fs.lookup(f"/store/jobs/{job_id}/value") is not None
    assert worker.pull_job().id == job_id, "its state was not written"
