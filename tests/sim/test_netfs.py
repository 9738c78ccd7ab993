"""A machine's view of a shared file system, and the store on two machines that each have one."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest

from fsjob_core import errors
from fsjob_core.host import REAL, Host, Identity
from fsjob_core.lease import Heart
from fsjob_core.store import JobStore

from ..conftest import scale
from .ahead import played
from .memfs import MemFs
from .netfs import PROFILES, Mount, NetFile

EPOCH = 1_790_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def ns(self) -> int:
        return int((EPOCH + self.now) * 1e9)


def two(profile: str, lies: float = 0.0, seed: int = 1) -> tuple[Clock, MemFs, Mount, Mount]:
    clock = Clock()
    fs = MemFs(clock.ns)
    one, other = (Mount(fs, lambda: clock.now, Random(seed + n), PROFILES[profile], lies) for n in range(2))
    return clock, fs, one, other


def refused(call: Callable[..., object], *args: object) -> int | None:
    try:
        call(*args)
    except OSError as error:
        return error.errno
    return None


def write(mount: Mount, path: str, data: bytes) -> None:
    file = mount.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    mount.write(file, data)
    mount.close(file)
    mount.rename(path + ".new", path)


def read(mount: Mount, path: str) -> bytes:
    return mount.read(mount.open(path, os.O_RDONLY), 100)


def test_nfs_remembers_that_a_name_was_absent() -> None:
    clock, _, one, other = two("nfs")
    assert refused(other.lstat, "/x") == errno.ENOENT
    one.mkdir("/x")
    assert refused(other.lstat, "/x") == errno.ENOENT and refused(other.open, "/x", os.O_DIRECTORY) == errno.ENOENT
    assert refused(other.rmdir, "/x") == errno.ENOENT
    assert other.listdir("/") == ["x"]
    assert refused(other.mkdir, "/x") == errno.EEXIST, "the server is asked"
    assert other.lstat("/x")
    one.rmdir("/x")
    assert other.lstat("/x"), "for three seconds"
    clock.now += 3
    assert refused(other.lstat, "/x") == errno.ENOENT


def test_gluster_refuses_a_name_that_is_gone_and_reads_a_file_that_was_replaced() -> None:
    clock, _, one, other = two("gluster")
    one.mkdir("/x")
    assert other.lstat("/x")
    one.rmdir("/x")
    assert refused(other.mkdir, "/x") == errno.EEXIST
    clock.now += 1
    other.mkdir("/x")
    write(one, "/file", b"old")
    assert read(other, "/file") == b"old"
    write(one, "/file", b"new")
    listed = {entry.name: entry.inode() for entry in other.scandir("/")}
    assert read(other, "/file") == b"old" and read(one, "/file") == b"new"
    assert other.fstat(other.open("/file", os.O_RDONLY)).st_ino != listed["file"]
    clock.now += 1
    assert read(other, "/file") == b"new"


def test_juicefs_tells_zeros_and_opens_a_directory_that_was_replaced() -> None:
    _, _, one, other = two("juicefs")
    write(one, "/file", b"old")
    read(other, "/file")
    write(one, "/file", b"new")
    seen: set[bytes | int] = set()
    for _ in range(30):
        try:
            seen.add(read(other, "/file"))
        except FileNotFoundError:
            seen.add(errno.ENOENT)
    assert seen == {b"\0\0\0", errno.ENOENT}


def test_without_attributes_there_are_none() -> None:
    _, _, one, _ = two("noxattr")
    one.mkdir("/x")
    file = one.open("/x", os.O_DIRECTORY)
    assert refused(one.setxattr, file, "user.x", b"") == errno.ENOTSUP


def test_a_change_that_was_made_may_be_refused() -> None:
    _, fs, one, _ = two("nfs", lies=1.0)
    seen = set()
    for number in range(40):
        code = refused(one.mkdir, f"/{number}")
        seen.add((code, str(number) in fs.listdir("/")))
    assert seen == {(errno.EEXIST, True), (errno.ESTALE, False)}


# ── the store on two machines ──


class NetCalls:
    """The calls of a machine's one process, with numbers for its open files."""

    def __init__(self, mount: Mount) -> None:
        self._mount = mount
        self._files: dict[int, NetFile] = {}
        self._last = 2

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self._mount, name)
        if name not in ("close", "read", "write", "fsync", "fstat", "getxattr", "setxattr"):
            return call  # type: ignore[no-any-return]

        def on_file(fd: int, *args: Any) -> Any:
            return call(self._files.pop(fd) if name == "close" else self._files[fd], *args)

        return on_file

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:
        file = self._mount.open(path, flags, mode)
        self._last += 1
        self._files[self._last] = file
        return self._last

    def utime(self, fd: int, *, ns: tuple[int, int]) -> None:
        self._mount.utime(self._files[fd], ns[1])


class Machines:
    """Two machines with one process each that take turns, so that what one does the other sees late."""

    def __init__(self, profile: str, seed: int, lies: float) -> None:
        self.random = Random(seed)
        self.clock, self.fs, *self.mounts = two(profile, lies, seed)
        self.fs.mkdir("/store")
        self.hosts = [self._host(f"machine-{n}", mount, n) for n, mount in enumerate(self.mounts)]
        self.stores = [JobStore("/store", respond=None, _host=host) for host in self.hosts]

    def _host(self, name: str, mount: Mount, number: int) -> Host:
        return Host(
            calls=NetCalls(mount),  # type: ignore[arg-type]
            time=lambda: EPOCH + self.clock.now,
            monotonic=lambda: self.clock.now,
            wait=self._wait,
            spawn=lambda run, thread: None,  # type: ignore[arg-type,return-value]
            event=REAL.event,
            mutex=REAL.mutex,
            token=lambda: "".join(self.random.choice("0123456789abcdefghjkmnpqrstvwxyz") for _ in range(12)),
            me=Identity(name, name, 1, number, 1),
            alive=lambda other: None,
            guard=self._guard,
            fstype=lambda path: mount.profile.fstype,
        )

    @contextmanager
    def _guard(self, path: str, shared: bool) -> Iterator[None]:
        yield

    def _wait(self, event: Any, seconds: float) -> bool:
        self.pass_time(seconds)
        return False

    def pass_time(self, seconds: float) -> None:
        before = int(self.clock.now)
        self.clock.now += seconds
        if int(self.clock.now) > before:
            for host in self.hosts:
                Heart.of(host).beat()
                Heart.of(host).watch(self.clock.now)

    def truth(self, job_id: str) -> dict[str, Any]:
        file = self.fs.open(f"/store/jobs/{job_id}/state.json", os.O_RDONLY)
        found: dict[str, Any] = json.loads(self.fs.read(file, 1 << 20))
        return found

    def value(self, job_id: str) -> bytes:
        return self.fs.read(self.fs.open(f"/store/jobs/{job_id}/value", os.O_RDONLY), 1 << 20)

    def names(self, part: str) -> set[str]:
        return {name for name in self.fs.listdir(f"/store/{part}") if not name.endswith(".lock")}


class Told:
    """What was acknowledged of one job: what its state may be."""

    def __init__(self) -> None:
        self.version = 0
        self.value: bytes | None = None
        self.parked = False
        self.certain = True
        """False after an error: what was asked may have been done."""


def take_turns(machines: Machines, steps: int) -> tuple[int, int]:
    """Random operations on few jobs from both machines; gives how many were acknowledged and refused."""
    random = machines.random
    jobs: dict[str, Told] = {}
    done = failed = 0
    for step in range(steps):
        store = random.choice(machines.stores)
        machines.pass_time(random.choice((0.001, 0.01, 0.1, 1.0)))
        job_id = random.choice(sorted(jobs)) if jobs else ""
        told = jobs.get(job_id, Told())
        act = random.choice(("create", "fulfill", "work", "requeue", "park", "update", "queue", "read", "pull"))
        value = f"value {step}".encode()
        try:
            if act == "create" and len(jobs) < 2:
                jobs[store.create(step).id] = Told()
            elif act == "fulfill" and job_id:
                store.fulfill(job_id, value)
                assert told.value is None or not told.certain, "fulfilled twice"
                told.value, told.parked, told.certain = value, False, True
                told.version = machines.truth(job_id)["version"]
            elif act in ("work", "pull"):
                work = store.pull_work()
                if work is not None:
                    job_id, told = work.id, jobs.setdefault(work.id, Told())
                    try:
                        if act == "work":
                            work.fulfill(value)
                            told.value, told.certain = value, True
                            told.version = work.version
                    finally:
                        work.release()
            elif act == "requeue" and job_id:
                told.version = store.requeue(job_id).version
                told.value, told.parked, told.certain = None, False, True
            elif act == "park" and job_id:
                store.park(job_id, "why")
                told.parked, told.certain = True, told.value is None
            elif act == "update" and job_id:
                told.version = store.update(job_id, machines.truth(job_id)["version"], step).version
            elif act == "queue" and job_id:
                store.queue(job_id, step)
                assert step in machines.truth(job_id)["waiting"] and job_id in machines.names("waiting")
            elif act == "read" and job_id and told.value is not None and told.certain:
                assert read_value(store, job_id) == told.value, "an old value was told"
            done += 1
        except errors.AlreadyFulfilled:
            assert not job_id or told.value is not None or not told.certain
            done += 1
        except errors.JobLocked:
            failed += 1
        except (errors.FsJobError, OSError):
            failed += 1
            told.certain = False
        check(machines, jobs)
    return done, failed


def read_value(store: JobStore, job_id: str) -> bytes:
    """As `store.read_value` does, without a Python file: these descriptors are not the kernel's."""
    data = b""
    while not data.strip(b"\0"):
        fd = store.ground.disk.open_current(store.layout.value(job_id))
        data = store.host.calls.read(fd, 1 << 20)
        store.host.calls.close(fd)
        store.host.wait(store.host.event(), 0.1)
    return data


def check(machines: Machines, jobs: dict[str, Told]) -> None:
    pending, parked = machines.names("pending"), machines.names("parked")
    for job_id, told in jobs.items():
        state = machines.truth(job_id)
        if state["state"] == 1 and not state.get("fsjob", {}).get("parked"):
            assert job_id in pending, "nobody would find it"
        if state["state"] == 2:
            assert machines.value(job_id)
        if told.certain:
            assert state["version"] >= told.version, "an update was lost"
            assert (state["state"] == 2) == (told.value is not None), "a fulfill or a requeue was lost"
            if told.value is not None:
                assert machines.value(job_id) == told.value
            assert (job_id in parked) == told.parked, "who is parked is not pulled, who is not is"


def take_many_turns(profile: str, lies: float) -> None:
    for seed in range(scale(6, 300)):
        machines = Machines(profile, seed, lies)
        done, failed = take_turns(machines, 120)
        assert done > failed


@played(take_many_turns)
@pytest.mark.parametrize("lies", [0.0, 0.05])
@pytest.mark.parametrize("profile", PROFILES)
def test_two_machines_lose_nothing(profile: str, lies: float, outcome: None) -> None:
    assert outcome is None
