"""A job's life as bare system calls: the layout's own steps, and the whole protocol, without a library."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable

VALUE = b"6"
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

    def __init__(self, root: str, durable: bool, number: int = 0) -> None:
        """`number`: which process on one directory this is; it works on its own jobs."""
        self.root, self.durable = root, durable
        self.process, self.number = f"{number:04}", 0
        self.found: list[str] = []
        for part in ("", *PARTS):
            os.makedirs(f"{root}/{part}", exist_ok=True)

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
        root, name = self.root, f"{self.process}{self.number:016}"
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
            names = (name for name in os.listdir(f"{self.root}/pending") if name.startswith(self.process))
            self.found = sorted(names, reverse=True)
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
