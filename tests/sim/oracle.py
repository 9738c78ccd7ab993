"""What must hold, whatever happened: what was acknowledged, against what the disk holds; who may touch which lock."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from fsjob_core.errors import (
    AlreadyFulfilled,
    CorruptJob,
    FsJobError,
    InvalidRequest,
    JobLocked,
    JobNotFound,
    LockTimeout,
    NotFulfilled,
    VersionMismatch,
)
from fsjob_core.layout import STAGED, Layout
from fsjob_core.lease import PROOF_LASTS, STALE_AFTER, Lease
from fsjob_core.lease.heart import Heart
from fsjob_core.lease.sight import OWNER_ATTRIBUTE
from fsjob_core.record import FULFILLED, from_bytes

from .history import Call, Effect, Model, created, explains, text
from .memfs import Inode, MemFs
from .sched import Proc
from .world import World

REFUSALS = (
    AlreadyFulfilled, VersionMismatch, JobLocked, JobNotFound, LockTimeout, NotFulfilled, InvalidRequest, CorruptJob
)  # fmt: skip
"""Errors that say that nothing was done."""
FOREIGN = "theirs"
"""A member of state.json that is nobody's of us, and must survive."""


class Violation(AssertionError):
    """An invariant does not hold."""


class Oracle:
    """Remembers what was asked and acknowledged, and checks file systems against it."""

    def __init__(self, world: World, layout: Layout) -> None:
        self.world = world
        self.layout = layout
        self.calls: dict[str, list[Call]] = {}
        self.foreign: set[str] = set()
        """Jobs that carry the foreign member."""
        self.told: set[tuple[str, str]] = set()
        """Targets whose delivery was acknowledged by `done`."""
        self.forced: set[str] = set()
        """Locks that an operator takes from whoever holds them."""
        self.nodes: list[Proc] = []
        """Node processes: what they do to locks is no fault of ours."""
        self.leases: dict[str, list[tuple[Proc, Lease]]] = {}
        self.losses: dict[int, tuple[Proc, Lease, list[int]]] = {}

    # ── what the actors tell ──

    @contextmanager
    def call(self, what: str, job_id: str, effect: Effect) -> Iterator[Call]:
        """One operation: acknowledged where the body ends, refused or unknown where it raises."""
        call = Call(what, effect, self.world.hub.steps)
        self.calls.setdefault(job_id, []).append(call)
        try:
            yield call
        except REFUSALS:
            call.refused, call.ended = True, self.world.hub.steps
            raise
        except (FsJobError, OSError):
            call.ended = math.inf
            raise
        if not call.unsure:
            call.acknowledged, call.ended = not call.refused, self.world.hub.steps

    def add_created(self, job_id: str, effect: Effect, began: int) -> None:
        """A create was acknowledged: only now its id is known."""
        calls = self.calls.setdefault(job_id, [])
        if calls and calls[0].what == "create":
            del calls[0]
        calls.insert(0, Call("create", effect, began, self.world.hub.steps, True))

    def discovered(self, job_id: str, request: Any) -> None:
        """A job was pulled: where its create was not acknowledged, it was made all the same."""
        if not any(call.what == "create" for call in self.calls.get(job_id, ())):
            self.calls.setdefault(job_id, []).insert(0, Call("create", created(request), 0))

    def after_power_cut(self, world: World) -> Oracle:
        """The same knowledge, for a world that was booted again: what was under way is unknown for ever."""
        after = Oracle(world, self.layout)
        after.calls = {job_id: [replace(call) for call in calls] for job_id, calls in self.calls.items()}
        after.foreign, after.told, after.forced = set(self.foreign), set(self.told), set(self.forced)
        return after

    def delivers(self, job_id: str, target: Any, value: bytes) -> None:
        """Somebody is told."""
        if (job_id, text(target)) in self.told:
            self.violated(f"job {job_id}: {target!r} is told again after it was acknowledged as told")
        if not any(call.what == f"fulfill {value!r}" for call in self.calls[job_id]):
            self.violated(f"job {job_id}: {target!r} is told {value!r}, which nobody gave to it")

    def violated(self, why: str) -> None:
        """End the run, whatever the code under test would make of an exception."""
        self.world.hub.fail(Violation(why))

    # ── leases ──

    def watch(self, lease: Lease, proc: Proc) -> None:
        """A lease was taken: nobody else may hold one that is proven."""
        now = self.world.hub.now
        if lease.proven_at + PROOF_LASTS < now:  # taken too slowly: it is given up at once
            return
        before = self.leases.setdefault(lease.place.path, [])
        for other, held in before:
            live = not (other.dead or held.dropped or held.compromised or held.place.path in self.forced)
            if live and held.proven_at + STALE_AFTER > now:
                self.violated(f"{proc.name} took {lease.place}, which {other.name} has proven to hold")
        before.append((proc, lease))

    def watch_loss(self, lease: Lease, proc: Proc) -> Callable[[object], None]:
        """What to give as `oncompromised`."""
        told: list[int] = []
        self.losses[id(lease)] = proc, lease, told
        return lambda _: told.append(1)

    def check_losses(self) -> None:
        """Who lost a lease was told once; who did not was not."""
        for proc, lease, told in self.losses.values():
            if len(told) > 1 or (told and not lease.compromised):
                raise Violation(f"{proc.name} was told {len(told)} times of the loss of {lease.place}")
            if lease.compromised and not told and not proc.dead and not lease.dropped:
                raise Violation(f"{proc.name} was never told of the loss of {lease.place}")

    def before_call(self, proc: Proc, name: str, args: tuple[Any, ...]) -> None:
        """Right before each call: nobody removes, replaces or refreshes a lock that is not his, but under the guard."""
        if proc in self.nodes:
            return
        if name == "rmdir":
            if args[0].endswith(".lock") and not self._is_own(proc, self.world.fs.lookup(args[0])):
                self._may_remove(proc, args[0])
        elif name == "rename":
            if args[1].endswith(".lock"):
                self.violated(f"{proc.name} renames something onto {args[1]}")
        elif name == "utime" and isinstance(args[0], str) and not self._is_own(proc, self.world.fs.lookup(args[0])):
            self.violated(f"{proc.name} refreshes {args[0]}, which is another's")

    def _is_own(self, proc: Proc, lock: Inode | None) -> bool:
        """Whether a lock is this process's; one without an owner may be anybody's."""
        owner = lock.xattrs.get(OWNER_ATTRIBUTE) if lock is not None else None
        return owner is None or bool(json.loads(owner)["pid"] == proc.pid)

    def _may_remove(self, proc: Proc, path: str) -> None:
        if not self.world.holds_guard(proc):
            self.violated(f"{proc.name} removes {path}, which is another's")
        if path in self.forced or self._is_kept_for_nothing(path):
            return
        now = self.world.hub.now
        lock = self.world.fs.lookup(path)
        for other, held in self.leases.get(path, []):
            there = lock is not None and held.owner.to_bytes() == lock.xattrs.get(OWNER_ATTRIBUTE)
            live = not (other.dead or held.dropped or held.compromised)
            if there and live and held.proven_at + STALE_AFTER > now:
                self.violated(f"{proc.name} removes {path}, which {other.name} has proven to hold")

    def _is_kept_for_nothing(self, path: str) -> bool:
        """A work lock of a fulfilled job, a notification lock of one that is not: these may be barred."""
        directory, _, name = path.removesuffix(".lock").rpartition("/")
        if name not in self.calls or directory == self.layout.jobs:
            return False
        seen = self._observe(self.world.fs, name)
        return seen.exists and (seen.state == FULFILLED) == (directory == self.layout.pending)

    # ── what the disk must hold ──

    def check(self, fs: MemFs) -> None:
        """Every acknowledged step is there, before any repair; raises Violation."""
        for job_id, calls in self.calls.items():
            seen = self._observe(fs, job_id)
            if not explains(calls, seen):
                told = "\n  ".join(map(str, calls))
                raise Violation(f"job {job_id}: no order of these explains {seen}:\n  {told}")
            if seen.exists:
                self._check_links(fs, job_id, seen)
            elif any(call.acknowledged for call in calls):
                self._check_deleted(fs, job_id)
        for job_id in names(fs, self.layout.jobs):
            if job_id not in self.calls and not job_id.endswith(".lock"):
                self._observe(fs, job_id)  # of a create that was cut off: whole, or absent

    def _observe(self, fs: MemFs, job_id: str) -> Model:
        if fs.lookup(self.layout.job(job_id)) is None:
            return Model()
        data = content(fs, self.layout.state(job_id))
        if data is None:
            raise Violation(f"job {job_id} has no state.json")
        try:
            record = from_bytes(job_id, data)
        except CorruptJob as error:
            raise Violation(str(error)) from None
        if job_id in self.foreign and FOREIGN not in record.extra:
            raise Violation(f"job {job_id} has lost a member of state.json that was not ours")
        value = content(fs, self.layout.value(job_id)) if record.state == FULFILLED else None
        waiting = tuple(map(text, record.waiting))
        is_parked = bool(record.ours.get("parked"))
        return Model(True, record.state, record.version, text(record.request), waiting, is_parked, value)

    def _check_links(self, fs: MemFs, job_id: str, seen: Model) -> None:
        unsure = [call for call in self.calls[job_id] if not call.acknowledged and not call.refused]
        if {call.what for call in unsure} & {"create", "delete", "undo delete", "undo create"}:
            return
        if seen.state != FULFILLED and not seen.parked and fs.lookup(self.layout.pending_link(job_id)) is None:
            raise Violation(f"job {job_id} is pending and has no link: nobody finds it")
        if seen.parked and fs.lookup(self.layout.parked_link(job_id)) is None:
            raise Violation(f"job {job_id} is parked and has no link: nobody finds it")
        if seen.waiting and fs.lookup(self.layout.waiting_link(job_id)) is None:
            if any(call.by_node for call in unsure):
                return  # Node's unqueue removes the link first: the doctor's to mend, where Node was cut off
            raise Violation(f"job {job_id}: somebody waits, and no link says so")

    def _check_deleted(self, fs: MemFs, job_id: str) -> None:
        """It lies in the trash, whole; where nothing of it is unknown, nothing else names it."""
        kept = [name for name in names(fs, self.layout.trash) if name.startswith(f"{job_id}.")]
        if not any(content(fs, f"{self.layout.trash}/{name}/state.json") for name in kept):
            raise Violation(f"job {job_id} is neither there nor whole in the trash")
        if all(call.acknowledged or call.refused for call in self.calls[job_id]):
            for link in (self.layout.pending_link, self.layout.waiting_link, self.layout.parked_link):
                if fs.lookup(link(job_id)) is not None:
                    raise Violation(f"job {job_id} is deleted, and {link(job_id)} still names it")

    def leftovers(self, fs: MemFs) -> list[str]:
        """Locks, bars, staging and staged files that nobody has removed."""
        layout = self.layout
        found = [
            f"{directory}/{name}"
            for directory in (layout.pending, layout.waiting, layout.jobs)
            for name in names(fs, directory)
            if name.endswith(".lock")
        ]
        found += [f"{layout.tmp}/{name}" for name in names(fs, layout.tmp)]
        for job_id in names(fs, layout.jobs):
            job = layout.job(job_id)
            found += [f"{job}/{name}" for name in names(fs, job) if name.startswith(STAGED)]
        return found

    def unsettled(self, fs: MemFs) -> list[str]:
        """Jobs that are neither fulfilled, parked nor deleted, or of which somebody waits to be told."""
        found = []
        for job_id in sorted(self.calls):
            seen = self._observe(fs, job_id)
            settled = not seen.waiting if seen.state == FULFILLED else seen.parked
            if seen.exists and not settled:
                found.append(job_id)
        return found


class WatchedHeart(Heart):
    """A heart that shows the oracle every lease that is taken."""

    def __init__(self, world: World, oracle: Oracle, proc: Proc) -> None:
        host = world.hosts[proc]
        super().__init__(host)
        self._oracle, self._proc = oracle, proc
        host.services[Heart] = self

    def add(self, lease: Lease) -> None:
        self._oracle.watch(lease, self._proc)
        super().add(lease)


def names(fs: MemFs, path: str) -> Iterable[str]:
    directory = fs.lookup(path)
    return sorted(directory.entries) if directory is not None and directory.is_directory else []


def content(fs: MemFs, path: str) -> bytes | None:
    inode = fs.lookup(path)
    return inode.data if inode is not None and not inode.is_directory else None
