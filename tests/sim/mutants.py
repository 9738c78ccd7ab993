"""Deliberate bugs, each a patch on the code under test, with the scenarios that ought to find it."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

import pytest

from fsjob_core import change, steps, work
from fsjob_core.change import Change
from fsjob_core.delivery import Notification
from fsjob_core.errors import FsJobError, GuardBusy
from fsjob_core.fs import Disk
from fsjob_core.ground import Ground
from fsjob_core.host import Host
from fsjob_core.layout import Layout
from fsjob_core.lease import heart, takeover
from fsjob_core.lease.lock import Lease, LockPlace, fence
from fsjob_core.lease.lock import remove_staged as unlink_staged
from fsjob_core.lease.sight import DIRECTORY, Owner, Sighting, Sightings

from .world import GuardFile, World

Patch = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One deliberate bug."""

    number: int
    apply: Patch
    plans: tuple[str, ...]
    hint: int = 1
    """From which seed on CI looks: it finds the bug soon."""

    @property
    def name(self) -> str:
        return f"{self.number}-{self.apply.__name__}"


# ── 1 to 3: takeover ──


def takeover_without_the_guard(patch: pytest.MonkeyPatch) -> None:
    guard = World.guard

    @contextmanager
    def open_to_all(self: World, proc: Any, busy: dict[str, float], path: str, shared: bool) -> Iterator[None]:
        if shared:
            with guard(self, proc, busy, path, shared):
                yield
        else:
            yield

    patch.setattr(World, "guard", open_to_all)


def plain_rename_onto_the_lock(patch: pytest.MonkeyPatch) -> None:
    def renames(host: Host, place: LockPlace, seen: Sighting, worker: str, **_: Any) -> Lease | None:
        scratch = f"{place.guard.removesuffix('guard')}tmp/{host.token()}"
        began = host.monotonic()
        host.calls.mkdir(scratch)
        fd = host.calls.open(scratch, DIRECTORY)
        host.calls.rename(scratch, place.path)
        lease = Lease(host, place, Owner.of(host.me, worker, host.time(), host.token()), fd, began)
        lease.heart.add(lease)
        return lease

    patch.setattr(takeover, "take_over", renames)
    patch.setattr(sys.modules["fsjob_core.backlog"], "take_over", renames)


def judged_by_the_path_alone(patch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def same(host: Host, place: LockPlace, seen: Sighting, *, live: bool = False, **_: Any) -> Iterator[bool]:
        with host.guard(place.guard, False):
            if place.kind == "state":
                unlink_staged(host, place.job)
            yield True

    patch.setattr(takeover, "_same_under_guard", same)


# ── 4 to 6: clocks ──


def slept_and_asks_the_file_system(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Lease, "_fresh", lambda self: True)
    patch.setattr(heart, "PROOF_LASTS", math.inf)
    patch.setattr(heart.Heart, "watch", lambda self, now: 3.0)


def stale_by_the_wall_clock_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Sightings, "unchanged_for", lambda self, path, seen: 1e9)


def proof_counts_from_after_its_call(patch: pytest.MonkeyPatch) -> None:
    """A proof is good without a second look at the clock, and a beat counts from when it returned."""

    def prove(self: Lease) -> bool:
        if self._why or self.dropped or not self._fresh():
            return False
        try:
            found = self.host.calls.lstat(self.place.path)
        except FileNotFoundError:
            self.lose("it was taken away")
            return False
        if found.st_ino != self._inode:
            self.lose("somebody else has taken it over")
            return False
        self.proven_at = self.host.monotonic()
        return True

    patch.setattr(Lease, "prove", prove)


def proof_without_a_beat_counts(patch: pytest.MonkeyPatch) -> None:
    """A look at the lock carries the lease on, though whoever judges it by its beats does not see that."""
    prove = Lease.prove

    def counts(self: Lease) -> bool:
        began = self.host.monotonic()
        if proven := prove(self):
            self.proven_at = max(self.proven_at, began)
        return proven

    patch.setattr(Lease, "prove", counts)


# ── 7: releases ──


def release_without_proof(patch: pytest.MonkeyPatch) -> None:
    def removes(self: Lease) -> bool:
        with suppress(OSError):
            self.heart.drop(self)
            self.host.calls.rmdir(self.place.path)
        self.close()
        return True

    patch.setattr(Lease, "_remove", removes)


def release_outside_the_guard(patch: pytest.MonkeyPatch) -> None:
    guard = World.guard

    @contextmanager
    def not_shared(self: World, proc: Any, busy: dict[str, float], path: str, shared: bool) -> Iterator[None]:
        if shared:
            yield
        else:
            with guard(self, proc, busy, path, shared):
                yield

    patch.setattr(World, "guard", not_shared)


# ── 8: the fence ──


def no_fence(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(takeover, "remove_staged", lambda host, job, own="": None)
    patch.setattr(change, "fence", lambda host, lease: None)


def staged_after_the_read(patch: pytest.MonkeyPatch) -> None:
    stage = Change._stage

    def enter(self: Change) -> Change:
        self._ground.require_job(self._id)
        self.lock = self._ground.lock("state", self._id, self._seconds)
        try:
            fence(self._ground.host, self.lock)
            for lease in (*self._leases, self.lock):
                lease.require()
            if self._readable:
                self.data, self.record = self._read()
            if self._with_value:
                self._value = stage(self, "value")
            self._state = stage(self, "state")
        except BaseException:
            self.__exit__()
            raise
        return self

    patch.setattr(Change, "__enter__", enter)


def no_fence_on_a_free_lock(patch: pytest.MonkeyPatch) -> None:
    """Only who takes a lock over fences; but a live holder's may be gone by a bar, or by Node."""
    patch.setattr(change, "fence", lambda host, lease: None)


def taken_without_asking_the_clock(patch: pytest.MonkeyPatch) -> None:
    take = Lease.take.__func__  # type: ignore[attr-defined]

    def unhurried(cls: type[Lease], host: Host, place: LockPlace, worker: str, **options: Any) -> Lease | None:
        reading = host.monotonic()
        object.__setattr__(host, "monotonic", lambda: reading)
        try:
            lease: Lease | None = take(cls, host, place, worker, **options)
        finally:
            object.__setattr__(host, "monotonic", running)
        if lease is not None:
            lease.proven_at = running()
        return lease

    running: Callable[[], float] = lambda: 0.0  # noqa: E731

    def per_host(cls: type[Lease], /, host: Host, place: LockPlace, worker: str, **options: Any) -> Lease | None:
        nonlocal running
        running = host.services.setdefault(float, host.monotonic)
        return unhurried(cls, host, place, worker, **options)

    patch.setattr(Lease, "take", classmethod(per_host))


# ── 9 to 13: the order of steps ──


def state_before_value(patch: pytest.MonkeyPatch) -> None:
    put, commit = Change.put_value, Change.commit
    kept: dict[int, bytes | BinaryIO] = {}

    def later(self: Change, content: bytes | BinaryIO) -> int:
        kept[id(self)] = content
        return 0

    def first(self: Change, record: Any, *, last: bool = True) -> None:
        commit(self, record, last=last)
        if id(self) in kept:
            put(self, kept.pop(id(self)))

    patch.setattr(Change, "put_value", later)
    patch.setattr(Change, "commit", first)


def without_sync(caller: str, what: str) -> Patch:
    """One fsync left out: that of a path that ends so, asked for by this function."""

    def apply(patch: pytest.MonkeyPatch) -> None:
        for name in ("sync_directory", "sync_file", "sync"):
            patch.setattr(Disk, name, _unless(getattr(Disk, name), caller, what))

    apply.__name__ = f"no_sync_of_{what.strip('/-.').replace('.', '_') or 'it'}_in_{caller}"
    return apply


def _unless(sync: Callable[..., None], caller: str, what: str) -> Callable[..., None]:
    def skips(self: Disk, *args: Any) -> None:
        path = args[-1]
        if sys._getframe(1).f_code.co_name == caller and (path.endswith(what) or what == "*"):
            return
        sync(self, *args)

    return skips


def unlinked_before_the_state_lasts(patch: pytest.MonkeyPatch) -> None:
    sync_directory = Disk.sync_directory

    def early(self: Change, *, last: bool = True) -> None:
        self._rename(self._state[1], self._ground.layout.state(self._id), self._state_landed)
        if self._prepared[1].fulfilled:
            self.unlink(self._ground.layout.pending_link(self._id))
        if last:
            sync_directory(self._ground.disk, self._ground.layout.job(self._id))
        self.data, self.record = self._prepared

    patch.setattr(Change, "commit_prepared", early)


def state_not_read_again(patch: pytest.MonkeyPatch) -> None:
    read = Change._read
    patch.setattr(Change, "_read", lambda self: self._known if self._known is not None else read(self))


def requeue_unlinks_the_value(patch: pytest.MonkeyPatch) -> None:
    requeue = steps.requeue

    def unlinks(ground: Ground, job_id: str) -> Any:
        record = requeue(ground, job_id)
        ground.disk.discard(ground.layout.value(job_id))
        return record

    patch.setattr(steps, "requeue", unlinks)


def requeue_commits_before_the_link(patch: pytest.MonkeyPatch) -> None:
    prepare = Change.prepare

    def at_once(self: Change, record: Any) -> None:
        prepare(self, record)
        if sys._getframe(1).f_code.co_name == "requeue":
            commit_prepared(self)

    commit_prepared = Change.commit_prepared

    def once(self: Change, *, last: bool = True) -> None:
        if sys._getframe(1).f_code.co_name != "requeue":
            commit_prepared(self, last=last)

    patch.setattr(Change, "prepare", at_once)
    patch.setattr(Change, "commit_prepared", once)


# ── 14 to 17: telling, failing, foreign states ──


def done_releases_first(patch: pytest.MonkeyPatch) -> None:
    def done(self: Notification, error: object = None, delivered: Any = ()) -> None:
        self._lease.release()
        steps.unqueue(self._ground, self.id, delivered)

    patch.setattr(Notification, "done", done)


def waiting_link_goes_first(patch: pytest.MonkeyPatch) -> None:
    commit_prepared = Change.commit_prepared

    def after(self: Change, *, last: bool = True) -> None:
        if sys._getframe(1).f_code.co_name == "unqueue" and not self._prepared[1].waiting:
            self.unlink(self._ground.layout.waiting_link(self._id))
        commit_prepared(self, last=last)

    patch.setattr(Change, "commit_prepared", after)


def failed_sync_tried_again(patch: pytest.MonkeyPatch) -> None:
    sync = Disk.sync

    def again(self: Disk, fd: int, path: str) -> None:
        try:
            sync(self, fd, path)
        except OSError:
            sync(self, fd, path)

    patch.setattr(Disk, "sync", again)


def short_write_ignored(patch: pytest.MonkeyPatch) -> None:
    def once(self: Disk, fd: int, path: str, data: bytes) -> None:
        self.calls.write(fd, data)

    patch.setattr(Disk, "fill", once)


def foreign_state_not_synced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ground, "make_last", lambda self, job_id: None)


def unlinked_under_the_work_lock_alone(patch: pytest.MonkeyPatch) -> None:
    def unlinks(ground: Ground, lease: Lease) -> None:
        with suppress(FsJobError):
            ground.make_last(lease.place.id)
            lease.step(ground.disk.remove, ground.layout.pending_link(lease.place.id))

    patch.setattr(work, "_unlink_fulfilled", unlinks)


# ── 19 and 20: beats, bars, the guard ──


def heartbeat_by_path(patch: pytest.MonkeyPatch) -> None:
    def beat(self: Lease) -> None:
        if not self._why:
            now_ns = int(self.host.time() * 1e9)
            with suppress(OSError):
                self.host.calls.utime(self.place.path, ns=(now_ns, now_ns))
                self.prove()

    patch.setattr(Lease, "beat", beat)


def nothing_taken_off_is_not_synced(patch: pytest.MonkeyPatch) -> None:
    """Who finds a target taken off already does not sync the state that says so: its maker may be dead."""
    make_last = Ground.make_last

    def makes_last(ground: Ground, job_id: str) -> None:
        if sys._getframe(1).f_code.co_name != "unqueue":
            make_last(ground, job_id)

    patch.setattr(Ground, "make_last", makes_last)


def what_was_told_leaves_no_trace(patch: pytest.MonkeyPatch) -> None:
    """Who has told a target that is off the list already commits nothing: an undo puts it back, to be told again."""

    class Unseen(list[Any]):
        def __bool__(self) -> bool:
            return False

    unqueue = steps.unqueue

    def unqueues(*args: Any, leases: Any = (), **named: Any) -> Any:
        return unqueue(*args, leases=Unseen(leases), **named)

    patch.setattr(steps, "unqueue", unqueues)


def a_bar_that_nobody_removes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(takeover, "BAR_OLD", math.inf)


def two_threads_on_one_guard_descriptor(patch: pytest.MonkeyPatch) -> None:
    def drops_all(self: World, guard: GuardFile, actor: Any, shared: bool) -> None:
        guard.drop(actor.proc)

    patch.setattr(World, "unguard", drops_all)


FULFILLING = ("life", "killed", "stopped", "resolve")
SYNCS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("write_new", "state.json", ("life", "batch")),
    ("_settle", "*", ("life", "batch")),
    ("_link", "/jobs", ("batch", "life")),
    ("_link", "/pending", ("batch", "life")),
    ("put_value", "-value", FULFILLING),
    ("put_value", "", FULFILLING),
    ("prepare", "-state", FULFILLING),
    ("commit_prepared", "", FULFILLING),
    ("queue", "/waiting", ("told", "edited", "flushed")),
    ("requeue", "/pending", ("resolve", "parked", "contended")),
    ("park", "/parked", ("parked", "resolve")),
)

MUTANTS: tuple[Mutant, ...] = (
    Mutant(1, takeover_without_the_guard, ("takeover", "killed")),
    Mutant(2, plain_rename_onto_the_lock, ("takeover", "killed")),
    Mutant(3, judged_by_the_path_alone, ("takeover", "killed", "stopped")),
    Mutant(4, slept_and_asks_the_file_system, ("proof", "late-open", "stopped")),
    Mutant(5, stale_by_the_wall_clock_alone, ("clocks",)),
    Mutant(6, proof_counts_from_after_its_call, ("proof",)),
    Mutant(6, proof_without_a_beat_counts, ("late",)),
    Mutant(7, release_without_proof, ("removing",)),
    Mutant(7, release_outside_the_guard, ("removing",)),
    Mutant(8, no_fence, ("late",)),
    Mutant(8, staged_after_the_read, ("late-bar",)),
    Mutant(8, no_fence_on_a_free_lock, ("late-bar",), hint=1003495),
    Mutant(8, taken_without_asking_the_clock, ("taking",)),
    Mutant(9, state_before_value, FULFILLING),
    *(Mutant(10, without_sync(caller, what), plans) for caller, what, plans in SYNCS),
    Mutant(11, unlinked_before_the_state_lasts, ("cut",)),
    Mutant(12, state_not_read_again, ("resolve", "edited")),
    Mutant(13, requeue_unlinks_the_value, ("resolve", "contended", "parked")),
    Mutant(13, requeue_commits_before_the_link, ("resolve", "parked", "killed")),
    Mutant(14, done_releases_first, ("told",), hint=163),
    Mutant(15, waiting_link_goes_first, ("told", "flushed")),
    Mutant(16, failed_sync_tried_again, ("failing",), hint=127),
    Mutant(16, short_write_ignored, ("failing",)),
    Mutant(17, foreign_state_not_synced, ("unsynced",), hint=361),
    Mutant(17, nothing_taken_off_is_not_synced, ("taken-off",), hint=802),
    Mutant(14, what_was_told_leaves_no_trace, ("people",), hint=500801),
    Mutant(19, heartbeat_by_path, ("beating",), hint=874),
    Mutant(20, a_bar_that_nobody_removes, ("barred",)),
    Mutant(20, two_threads_on_one_guard_descriptor, ("paired",), hint=1495),
    Mutant(0, unlinked_under_the_work_lock_alone, ("late-requeue",)),
)  # fmt: skip

__all__ = ["MUTANTS", "GuardBusy", "Layout", "Mutant", "change"]
