"""What must hold, whatever happened: what was acknowledged, against what the disk holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fsjob_core.errors import CorruptJob
from fsjob_core.layout import Layout
from fsjob_core.lease.sight import OWNER_ATTRIBUTE
from fsjob_core.record import JobRecord, from_bytes

from .memfs import Inode, MemFs
from .sched import Proc


class Violation(AssertionError):
    """An invariant does not hold."""


@dataclass
class Oracle:
    """Remembers what was acknowledged, and checks a file system against it."""

    layout: Layout
    created: dict[str, Any] = field(default_factory=dict)
    """Request of each job whose create was acknowledged."""
    given: dict[tuple[str, int], set[bytes]] = field(default_factory=dict)
    """Values that somebody tried to give to a version of a job."""
    fulfilled: dict[tuple[str, int], bytes] = field(default_factory=dict)
    """Values whose fulfill was acknowledged."""
    requeue_unknown: set[str] = field(default_factory=set)
    """Jobs that a requeue or park was begun on: what it left is not known where it did not return."""
    waiting: dict[str, list[Any]] = field(default_factory=dict)
    """Targets whose queue was acknowledged, and that nobody was told to take off."""

    # ── what the actors tell ──

    def acknowledge_fulfill(self, job_id: str, version: int, value: bytes) -> None:
        before = self.fulfilled.get((job_id, version))
        if before is not None:
            raise Violation(f"job {job_id} version {version} was fulfilled twice: {before!r} and {value!r}")
        self.fulfilled[job_id, version] = value

    def give(self, job_id: str, version: int, value: bytes) -> None:
        self.given.setdefault((job_id, version), set()).add(value)

    # ── what the disk must hold ──

    def check(self, fs: MemFs) -> None:
        """Every acknowledged step is there, before any repair."""
        for job_id, request in self.created.items():
            self._check_job(fs, job_id, request)

    def _check_job(self, fs: MemFs, job_id: str, request: Any) -> None:
        record = read_record(fs, self.layout, job_id)
        if record.request != request:
            raise Violation(f"job {job_id} has the request {record.request!r}, not {request!r}")
        for (fulfilled_id, version), value in self.fulfilled.items():
            if fulfilled_id == job_id and version == record.version:
                if not record.fulfilled:
                    raise Violation(f"job {job_id} version {version}: its acknowledged fulfill is gone")
                if read(fs, self.layout.value(job_id)) != value:
                    raise Violation(f"job {job_id}: its value is not the acknowledged one")
        if record.fulfilled:
            self._check_value(fs, record)
        elif not self._has(fs, self.layout.parked_link(job_id)) and not self._has(fs, self.layout.pending_link(job_id)):
            raise Violation(f"job {job_id} is pending and has no link: nobody finds it")
        for target in self.waiting.get(job_id, []):
            if target not in record.waiting:
                raise Violation(f"job {job_id}: the acknowledged target {target!r} is gone")
            if not self._has(fs, self.layout.waiting_link(job_id)):
                raise Violation(f"job {job_id}: somebody waits, and no link says so")

    def _check_value(self, fs: MemFs, record: JobRecord) -> None:
        value = read(fs, self.layout.value(record.id))
        if value is None or value not in self.given.get((record.id, record.version), set()):
            raise Violation(f"job {record.id} is fulfilled with {value!r:.60}, which nobody gave to it")

    def _has(self, fs: MemFs, path: str) -> bool:
        return lookup(fs, path) is not None


def lookup(fs: MemFs, path: str) -> Inode | None:
    try:
        return fs._walk(path)[2]
    except OSError:
        return None


def read(fs: MemFs, path: str) -> bytes | None:
    inode = lookup(fs, path)
    return inode.data if inode is not None else None


def read_record(fs: MemFs, layout: Layout, job_id: str) -> JobRecord:
    data = read(fs, layout.state(job_id))
    if data is None:
        raise Violation(f"job {job_id} is gone")
    try:
        return from_bytes(job_id, data)
    except CorruptJob as error:
        raise Violation(str(error)) from None


def foreign_hands(fs: MemFs, holds_guard: Callable[[Proc], bool]) -> Callable[[Proc, str, tuple[Any, ...]], None]:
    """Checked at each call: nobody removes a lock that is not his, but under the guard."""

    def check(proc: Proc, name: str, args: tuple[Any, ...]) -> None:
        if name != "rmdir" or not str(args[0]).endswith(".lock") or holds_guard(proc):
            return
        inode = lookup(fs, args[0])
        owner = inode.xattrs.get(OWNER_ATTRIBUTE) if inode is not None else None
        if owner is not None and json.loads(owner)["pid"] != proc.pid:
            raise Violation(f"{proc.name} removes {args[0]}, which is another's")

    return check
