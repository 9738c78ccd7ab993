"""Deleting: a job goes into the trash by one rename; what lies in the trash for long is purged."""

from __future__ import annotations

from contextlib import suppress

from .change import Change
from .errors import FsJobError, GuardBusy
from .ground import Ground
from .layout import is_job_id
from .steps import holding


def delete(ground: Ground, job_id: str) -> str:
    """Move a job into the trash; gives the path there. Raises JobLocked, JobNotFound.

    Killed in between, the job is whole and has no link, which is told as a problem: the delete was never acknowledged.
    """
    ground.ready()
    ground.require_job(job_id)
    layout, disk = ground.layout, ground.disk
    with (
        holding(ground, job_id, "work", "notification") as leases,
        Change(ground, job_id, leases=leases, readable=False) as change,
    ):
        for link in (layout.pending_link(job_id), layout.waiting_link(job_id), layout.parked_link(job_id)):
            if disk.exists(link):
                change.unlink(link)
        for directory in (layout.pending, layout.waiting, layout.parked):
            disk.sync_directory(directory)
        change.withdraw()
        there = layout.trashed(job_id, ground.host.token())
        if not change.lock.step(lambda path: disk.calls.rename(path, there), layout.job(job_id)):
            raise GuardBusy(f"job {job_id} was not deleted: the store's guard is busy; its links are gone, try again")
        disk.sync_directory(layout.jobs)
        disk.sync_directory(layout.trash)
    return there


def purge(ground: Ground, older_than: float) -> int:
    """Remove fulfilled jobs, and what lies in the trash, for longer than `older_than` seconds; gives how many.

    A job with targets that were not told stays, and so does one that somebody holds.
    """
    ground.ready()
    before = ground.host.time() - older_than
    count = 0
    pending = set(ground.disk.list_directory(ground.layout.pending))
    for job_id in ground.disk.list_directory(ground.layout.jobs):
        if is_job_id(job_id) and job_id not in pending and _is_due(ground, job_id, before):
            with suppress(FsJobError):  # locked, or gone, or run again meanwhile: it stays
                _discard(ground, delete(ground, job_id))
                count += 1
    for name in ground.disk.list_directory(ground.layout.trash):
        path = f"{ground.layout.trash}/{name}"
        with suppress(FileNotFoundError):
            if ground.disk.calls.lstat(path).st_ctime < before:  # the rename into the trash set it
                _discard(ground, path)
                count += 1
    return count


def _is_due(ground: Ground, job_id: str, before: float) -> bool:
    try:
        if ground.disk.calls.lstat(ground.layout.state(job_id)).st_mtime >= before:
            return False
        _, record = ground.read(job_id)
    except (FsJobError, OSError):
        return False
    return record.fulfilled and not record.waiting


def _discard(ground: Ground, path: str) -> None:
    """Remove one entry of the trash: files, and directories of files."""
    calls = ground.disk.calls
    if not ground.disk.is_directory(path):  # a link to one is not followed
        calls.unlink(path)
        return
    for name in calls.listdir(path):
        _discard(ground, f"{path}/{name}")
    calls.rmdir(path)
