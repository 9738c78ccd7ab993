"""One job's life, create + pull + fulfill + release, against bare calls: `python -m tests.benchmarks.lifecycle [DIR]`.

Prints one JSON line: how many times as long the store takes as the layout's own steps made by bare `os` calls, and as
the whole protocol (locks with owners, proofs, fence, guard) made by naked calls; microseconds a job of each. The three
take turns in chunks on one file system, so that what else the machine does falls on all; ratios are medians over the
chunks. DIR: /dev/shm. JOBS (200) a chunk, CHUNKS (30), DURABILITY ("process"; "full" syncs in all three).
"""

from __future__ import annotations

import fcntl
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable

from fsjob_core import JobStore

from .machine import machine

JOBS = int(os.environ.get("JOBS", "200"))
CHUNKS = int(os.environ.get("CHUNKS", "30"))
DURABILITY = os.environ.get("DURABILITY", "process")

REQUEST, VALUE = {"calculate": "3+3"}, b"6"
PENDING = b'{"version":0,"state":1,"waiting":[],"request":{"calculate":"3+3"}}'
FULFILLED = PENDING.replace(b'"state":1', b'"state":2')
PARTS = ("jobs", "pending", "waiting", "parked", "tmp")
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
OWNER = b'{"host":"%s","worker":"benchmark","since":0.0,"token":"0123456789ab"}' % (b"x" * 140)


class Bare:
    """The steps without which a job in this layout is not made, had by one worker, and done; one process at a time.

    A directory staged and renamed, a link; the links listed, a lock made, the state read; under a second lock the
    state read again, value and state staged and renamed, the link removed; both locks removed.
    """

    def __init__(self, root: str, durable: bool) -> None:
        self.root, self.durable = root, durable
        self.number = 0
        self.found: list[str] = []
        for part in ("", *PARTS):
            os.mkdir(f"{root}/{part}")

    def sync(self, fd: int) -> None:
        if self.durable:
            os.fsync(fd)

    def sync_directory(self, path: str) -> None:
        if self.durable:
            fd = os.open(path, FOLDER)
            os.fsync(fd)
            os.close(fd)

    def write(self, path: str, data: bytes) -> None:
        fd = os.open(path, NEW)
        os.write(fd, data)
        self.sync(fd)
        os.close(fd)

    def create(self) -> None:
        self.number += 1
        root, name = self.root, f"{self.number:020}"
        staging = f"{root}/tmp/{name}"
        os.mkdir(staging)
        self.write(f"{staging}/state.json", PENDING)
        self.sync_directory(staging)
        os.rename(staging, f"{root}/jobs/{name}")
        self.sync_directory(f"{root}/jobs")
        os.symlink(f"../jobs/{name}", f"{root}/pending/{name}")
        self.sync_directory(f"{root}/pending")

    def pull(self) -> str:
        """The oldest job, of a listing that is used up before the next."""
        if not self.found:
            self.found = sorted(os.listdir(f"{self.root}/pending"), reverse=True)
        return self.found.pop()

    def read(self, job: str) -> None:
        fd = os.open(f"{job}/state.json", READ)
        os.read(fd, 1 << 16)
        os.close(fd)

    def work(self) -> None:
        root, name = self.root, self.pull()
        job = f"{root}/jobs/{name}"
        work_lock, state_lock = f"{root}/pending/{name}.lock", f"{job}.lock"
        os.mkdir(work_lock)
        self.read(job)
        os.mkdir(state_lock)
        self.read(job)
        self.write(f"{job}/staged-value", VALUE)
        os.rename(f"{job}/staged-value", f"{job}/value")
        self.sync_directory(job)
        self.write(f"{job}/staged-state", FULFILLED)
        os.rename(f"{job}/staged-state", f"{job}/state.json")
        self.sync_directory(job)
        os.unlink(f"{root}/pending/{name}")
        os.rmdir(state_lock)
        os.rmdir(work_lock)


class Naked(Bare):
    """The same with everything that the protocol asks for: what locks, proofs and the fence cost in any program."""

    def __init__(self, root: str, durable: bool) -> None:
        super().__init__(root, durable)
        self.guard = os.open(f"{root}/guard", os.O_RDWR | os.O_CREAT, 0o666)

    def take(self, path: str) -> tuple[int, int]:
        now()
        os.mkdir(path)
        fd = os.open(path, FOLDER)
        now()
        os.setxattr(fd, "user.fsjob.owner", OWNER)
        inode = os.fstat(fd).st_ino
        now()
        return fd, inode

    def prove(self, path: str, inode: int) -> None:
        now()
        assert os.lstat(path).st_ino == inode
        now()

    def step(self, call: Callable[[str], None], target: str, path: str, inode: int) -> None:
        """One call that only the lock's holder may make: lock proven and call made under the shared guard."""
        os.fstat(self.guard)
        fcntl.flock(self.guard, fcntl.LOCK_SH | fcntl.LOCK_NB)
        self.prove(path, inode)
        call(target)
        fcntl.flock(self.guard, fcntl.LOCK_UN)

    def read(self, job: str) -> None:
        os.lstat(job)
        fd = os.open(f"{job}/state.json", READ)
        os.read(fd, os.fstat(fd).st_size + 1)
        os.close(fd)

    def work(self) -> None:
        root, name = self.root, self.pull()
        job = f"{root}/jobs/{name}"
        work_lock, state_lock = f"{root}/pending/{name}.lock", f"{job}.lock"
        absent(f"{root}/paused")
        work_fd, work_inode = self.take(work_lock)
        self.read(job)
        state_fd, state_inode = self.take(state_lock)
        value, state = os.open(f"{job}/staged-value", NEW), os.open(f"{job}/staged-state", NEW)
        os.listdir(job)
        self.prove(work_lock, work_inode)
        self.prove(state_lock, state_inode)
        self.read(job)
        os.write(value, VALUE)
        self.sync(value)
        now()
        os.rename(f"{job}/staged-value", f"{job}/value")
        self.sync_directory(job)
        os.write(state, FULFILLED)
        self.sync(state)
        now()
        os.rename(f"{job}/staged-state", f"{job}/state.json")
        self.sync_directory(job)
        self.step(os.unlink, f"{root}/pending/{name}", state_lock, state_inode)
        absent(f"{root}/parked/{name}")
        os.close(value)
        os.close(state)
        self.step(os.rmdir, state_lock, state_lock, state_inode)
        os.close(state_fd)
        self.step(os.rmdir, work_lock, work_lock, work_inode)
        os.close(work_fd)


def now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def absent(path: str) -> None:
    try:
        os.lstat(path)
    except FileNotFoundError:
        return
    raise AssertionError(path)


class Ours:
    """The same by the store."""

    def __init__(self, root: str, durability: str) -> None:
        self.store = JobStore(root, durability=durability)

    def create(self) -> None:
        self.store.create(REQUEST)

    def work(self) -> None:
        work = self.store.pull_work()
        assert work is not None
        work.fulfill(VALUE)
        work.release()


def one_by_one(contender: Ours | Bare) -> float:
    """Microseconds a job, each made and worked off before the next is made."""
    began = time.perf_counter()
    for _ in range(JOBS):
        contender.create()
        contender.work()
    return (time.perf_counter() - began) / JOBS * 1e6


def all_at_once(contender: Ours | Bare) -> float:
    """Microseconds a job, a whole chunk made before it is worked off."""
    began = time.perf_counter()
    for _ in range(JOBS):
        contender.create()
    for _ in range(JOBS):
        contender.work()
    return (time.perf_counter() - began) / JOBS * 1e6


def play(contenders: dict[str, Ours | Bare], chunk: Callable[[Ours | Bare], float]) -> dict[str, object]:
    took: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(CHUNKS):
        for name in (*contenders, *contenders)[turn % 3 : turn % 3 + 3]:
            took[name].append(chunk(contenders[name]))
    against = {name: [ours / theirs for ours, theirs in zip(took["fsjob"], took[name], strict=True)] for name in took}
    return {
        "to_bare": round(statistics.median(against["bare"]), 3),
        "to_naked_protocol": round(statistics.median(against["naked"]), 3),
        "microseconds": {name: round(statistics.median(times), 1) for name, times in took.items()},
    }


def main() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else "/dev/shm") as folder:
        durable = DURABILITY == "full"
        contenders: dict[str, Ours | Bare] = {
            "fsjob": Ours(f"{folder}/store", DURABILITY),
            "bare": Bare(f"{folder}/bare", durable),
            "naked": Naked(f"{folder}/naked", durable),
        }
        single, many = play(contenders, one_by_one), play(contenders, all_at_once)
        print(json.dumps({
            "ratio": single["to_bare"],
            "what": "create + pull + fulfill + release, times the layout's own steps as bare calls",
            "one_by_one": single,
            "all_at_once": many,
            "durability": DURABILITY,
            "jobs": JOBS * CHUNKS,
            **machine(folder),
        }))  # fmt: skip


if __name__ == "__main__":
    main()
