"""Deliberate bugs, each with a sweep that must find it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from fsjob_core import steps
from fsjob_core.change import Change
from fsjob_core.errors import named
from fsjob_core.fs import Disk
from fsjob_core.ground import Ground
from fsjob_core.lease import lock, takeover
from fsjob_core.record import JobRecord
from fsjob_core.store import JobStore

from ..sim.mutants import SYNCS, without_sync

Patch = Callable[[pytest.MonkeyPatch], None]


def commit_before_the_link(patch: pytest.MonkeyPatch) -> None:
    """Whatever makes a link under a change makes it after its commit: queue, requeue, park."""
    link, commit = Disk.link, Change.commit_prepared
    later: list[tuple[Disk, str, str]] = []

    def waits(disk: Disk, text: str, path: str) -> bool:
        later.append((disk, text, path))
        return True

    def commits(change: Change, **how: bool) -> None:
        commit(change, **how)
        while later:
            link(*later.pop())

    patch.setattr(Disk, "link", waits)
    patch.setattr(Change, "commit_prepared", commits)


def state_before_value(patch: pytest.MonkeyPatch) -> None:
    put, commit = Change.put_value, Change.commit
    kept: list[bytes | BinaryIO] = []

    def first(change: Change, record: JobRecord, **how: bool) -> None:
        commit(change, record, **how)
        if kept:
            put(change, kept.pop())

    patch.setattr(Change, "put_value", lambda change, content: kept.append(content))
    patch.setattr(Change, "commit", first)


def acknowledged_before_the_link(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(steps, "_link", lambda ground, made: None)


def waiting_link_removed_first(patch: pytest.MonkeyPatch) -> None:
    commit = Change.commit_prepared

    def late(change: Change, **how: bool) -> None:
        record = change._prepared[1]
        if not record.waiting and change.record.waiting:
            change.unlink(change._ground.layout.waiting_link(record.id))
        commit(change, **how)

    patch.setattr(Change, "commit_prepared", late)


def death_not_believed(patch: pytest.MonkeyPatch) -> None:
    """The locks of the dead are then in the way for ten seconds."""
    patch.setattr(takeover, "judge", lambda *_, **__: takeover.Judgement.HELD)


def failed_sync_ignored(patch: pytest.MonkeyPatch) -> None:
    def syncs(disk: Disk, fd: int, path: str) -> None:
        try:
            disk.calls.fsync(fd)
        except OSError:
            return

    patch.setattr(Disk, "sync", syncs)


def failed_sync_tried_again(patch: pytest.MonkeyPatch) -> None:
    link = steps._link

    def links(ground: Ground, made: list[JobRecord]) -> None:
        try:
            link(ground, made)
        except OSError:
            link(ground, made)

    patch.setattr(steps, "_link", links)


def short_write_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Disk, "fill", lambda disk, fd, path, data: disk.calls.write(fd, data))


def link_named_by_its_text(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Disk, "link", lambda disk, text, path: disk.calls.symlink(text, path))


def lock_kept_where_staging_fails(patch: pytest.MonkeyPatch) -> None:
    def leaves(change: Change, *left: object) -> None:
        change.withdraw()
        if left:
            change.lock.release()

    patch.setattr(Change, "__exit__", leaves)


def failed_release_denies_the_act(patch: pytest.MonkeyPatch) -> None:
    def removes(lease: lock.Lease) -> bool:
        with lease.host.guard(lease.place.guard, True):
            lease.require()
            lease.heart.drop(lease)
            lease.host.calls.rmdir(lease.place.path)
        lease.close()
        return True

    patch.setattr(lock.Lease, "_remove", removes)


def lock_left_where_taking_fails(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lock, "_give_back", lambda *_: None)


def descriptor_leaked(patch: pytest.MonkeyPatch) -> None:
    def writes(disk: Disk, path: str, data: bytes) -> None:
        fd = disk.create(path)
        disk.fill(fd, path, data)
        disk.sync(fd, path)
        try:
            disk.calls.close(fd)
        except OSError as error:
            raise named(error, path) from None

    patch.setattr(Disk, "write_new", writes)


def write_beside_the_seam(patch: pytest.MonkeyPatch) -> None:
    def pauses(store: JobStore, reason: str = "") -> None:
        Path(store.layout.paused).write_text(reason)

    patch.setattr(JobStore, "pause", pauses)


FOUND_BY: tuple[tuple[Patch, str, str], ...] = (
    (commit_before_the_link, "kill", "queue"),
    (commit_before_the_link, "kill", "requeue-fulfilled"),
    (commit_before_the_link, "trace", "requeue-fulfilled"),
    (commit_before_the_link, "kill", "park"),
    (state_before_value, "kill", "work"),
    (acknowledged_before_the_link, "kill", "create"),
    (waiting_link_removed_first, "kill", "notify"),
    (death_not_believed, "kill", "park"),
    (failed_sync_ignored, "fail", "update"),
    (failed_sync_tried_again, "fail", "create-many"),
    (short_write_ignored, "fail", "fulfill"),
    (link_named_by_its_text, "fail", "create"),
    (lock_kept_where_staging_fails, "fail", "update"),
    (failed_release_denies_the_act, "fail", "update"),
    (lock_left_where_taking_fails, "fail", "update"),
    (descriptor_leaked, "fail", "create"),
    (write_beside_the_seam, "trace", "pause-and-resume"),
)
"""The mutant, and the kind of sweep and the operation that find it."""
LEFT_OUT = [without_sync(caller, what) for caller, what, _ in SYNCS]
"""Every sync that the simulation finds left out: power cuts on real file systems must find them, too."""
PATCHES = {patch.__name__: patch for patch in (*(patch for patch, _, _ in FOUND_BY), *LEFT_OUT)}
