"""Deleting: a job goes into the trash by one rename; what lies in the trash for long is purged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NamedTuple

from .change import Change
from .errors import FsJobError, GuardBusy, LeaseLost
from .ground import Ground
from .layout import is_job_id
from .lease import Lease
from .steps import holding

LINKS_GONE = "links of it are gone, and `fsjob doctor --repair` makes them again; "


def delete(ground: Ground, job_id: str, *, keep: Callable[[str], None] | None = None) -> str:
    """Move a job into the trash; gives its name there. Raises JobLocked, JobNotFound, GuardBusy.

    Killed in between, the job is whole and has no link, which is told as a problem: the delete was never acknowledged.
    `keep` is called with the name under the job's three locks, before anything is changed; what it raises ends it.
    """
    ground.ready()
    ground.require_job(job_id)
    layout, disk = ground.layout, ground.disk
    with (
        holding(ground, job_id, "work", "notification") as leases,
        Change(ground, job_id, leases=leases, readable=False) as change,
    ):
        name = layout.trash_name(job_id, ground.host.token())
        if keep is not None:
            keep(name)
        try:
            _move(ground, change, leases, name)
        except LeaseLost:
            raise LeaseLost(
                f"job {job_id} was not deleted, for a lock of it was lost; its links may be gone: "
                "`fsjob doctor --repair` makes them again"
            ) from None
        disk.sync_directory(layout.jobs)
        disk.sync_directory(layout.trash)
    return name


def _move(ground: Ground, change: Change, leases: Sequence[Lease], name: str) -> None:
    """Unlink a job and move it into the trash, its three locks held."""
    layout, disk, job_id = ground.layout, ground.disk, change.lock.place.id
    gone = ""
    for link in (layout.pending_link(job_id), layout.waiting_link(job_id), layout.parked_link(job_id)):
        if disk.exists(link):
            if not change.lock.step(disk.remove, link):
                raise GuardBusy(f"job {job_id} was not deleted: the store's guard is busy; {gone}try again")
            gone = LINKS_GONE
    for directory in (layout.pending, layout.waiting, layout.parked):
        disk.sync_directory(directory)
    change.withdraw()

    def move(job: str) -> None:
        for lease in leases:
            lease.require()
        disk.move(job, layout.in_trash(name))

    if not change.lock.step(move, layout.job(job_id)):
        raise GuardBusy(f"job {job_id} was not deleted: the store's guard is busy; {gone}try again")


# ── for good ──────────────────────────────────────────────────────────────────────────────────────────────


class Due(NamedTuple):
    """What a purge removes: ids of jobs, and names in the trash."""

    jobs: tuple[str, ...]
    trash: tuple[str, ...]


def due(ground: Ground, older_than: float) -> Due:
    """Fulfilled jobs that wait for nobody, and what lies in the trash, for longer than `older_than` seconds."""
    return due_each(ground, (older_than,))[0]


def due_each(ground: Ground, ages: Sequence[float]) -> list[Due]:
    """The same for each of several ages, with one look at every job."""
    now = ground.host.time()
    jobs, trash = sorted(_jobs_due(ground, now - min(ages))), sorted(_trash_due(ground, now - min(ages)))

    def older(found: Sequence[tuple[str, float]], age: float) -> tuple[str, ...]:
        return tuple(name for name, at in found if at < now - age)

    return [Due(older(jobs, age), older(trash, age)) for age in ages]


def _jobs_due(ground: Ground, before: float) -> Iterator[tuple[str, float]]:
    pending = set(ground.disk.list_directory(ground.layout.pending))
    for job_id in ground.disk.list_directory(ground.layout.jobs):
        if is_job_id(job_id) and job_id not in pending and (at := _due_since(ground, job_id, before)) is not None:
            yield job_id, at


def _due_since(ground: Ground, job_id: str, before: float) -> float | None:
    """When a job that is due was changed last; None for one that is not."""
    try:
        at = ground.disk.calls.lstat(ground.layout.state(job_id)).st_mtime
        if at >= before:
            return None
        _, record = ground.read(job_id)
    except (FsJobError, OSError):
        return None
    return float(at) if record.fulfilled and not record.waiting else None


def _trash_due(ground: Ground, before: float) -> Iterator[tuple[str, float]]:
    for name in ground.disk.list_directory(ground.layout.trash):
        with suppress(FileNotFoundError):
            at = ground.disk.calls.lstat(ground.layout.in_trash(name)).st_ctime  # set by the rename into it
            if at < before:
                yield name, at


@dataclass
class Purged:
    """What has become of a purge so far."""

    count: int = 0
    failed: int = 0
    first: OSError | None = None
    """Why the first of those failed that could not be removed."""
    _first_name: str = ""

    @contextmanager
    def going_on(self, name: str) -> Iterator[None]:
        """What cannot be removed, another account's perhaps, does not keep those behind it."""
        try:
            yield
        except OSError as error:
            self.failed += 1
            if self.first is None:
                self.first, self._first_name = error, name

    @property
    def told(self) -> str:
        """In a sentence."""
        removed = f"{self.count} {'was' if self.count == 1 else 'were'} removed for good"
        if self.first is None:
            return removed
        which = "1 could not be:" if self.failed == 1 else f"{self.failed} could not be, the first is"
        return f"{removed}; {which} {self._first_name}: {self.first.strerror or self.first}"


def purge(ground: Ground, older_than: float, what: Due | None = None, purged: Purged | None = None) -> Purged:
    """Remove for good what is due, or that part of it that `what` names; gives what came of it, kept in `purged`.

    A job with targets that were not told stays, and so does one that somebody holds, or that another account owns.
    """
    if not isinstance(older_than, (int, float)) or not older_than >= 0:
        raise ValueError(f"older_than is a number of seconds, 0 or more, not {older_than!r}")
    ground.ready()
    if what is None:
        what = due(ground, older_than)
    before = ground.host.time() - older_than
    purged = purged if purged is not None else Purged()
    for job_id in what.jobs:
        with suppress(FsJobError), purged.going_on(job_id):  # locked, or gone, or run again meanwhile: it stays
            purged.count += _discard(ground, _delete_if_due(ground, job_id, before))
    for name in what.trash:
        with purged.going_on(name):
            purged.count += _discard(ground, name)
    return purged


def _delete_if_due(ground: Ground, job_id: str, before: float) -> str:
    def judge_again(_: str) -> None:
        if _due_since(ground, job_id, before) is None:
            raise FsJobError(f"job {job_id} has changed meanwhile")

    return delete(ground, job_id, keep=judge_again)


def _discard(ground: Ground, name: str) -> bool:
    """Remove one entry of the trash, first out of the trash: an undo must get it whole or not at all."""
    aside = ground.layout.staging(ground.host.tagged_token())
    try:
        ground.disk.move(ground.layout.in_trash(name), aside)
    except FileNotFoundError:
        return False
    _remove(ground, aside)
    return True


def _remove(ground: Ground, path: str) -> None:
    """Remove a file, or a directory with all that is in it; a link is not followed."""
    calls = ground.disk.calls
    if not ground.disk.is_directory(path):
        calls.unlink(path)
        return
    for name in calls.listdir(path):
        _remove(ground, f"{path}/{name}")
    calls.rmdir(path)
