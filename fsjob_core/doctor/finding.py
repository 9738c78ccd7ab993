"""Finding problems: each directory is listed once, each job looked at once. Takes no lock, changes nothing.

What somebody is at work on is no problem: a job whose state lock is held, or whose state changed a moment ago, is
passed over. What was seen is looked at again where another process may have been between two looks.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Iterator

from ..errors import CorruptJob, JobNotFound, Unsettled
from ..ground import Ground
from ..layout import STAGED, is_job_id
from ..record import JobRecord
from ..views import Views
from .links import foreign_name, link_problem, link_problems
from .locks import is_held, is_lock, lock_at, lock_problems, still_jobless
from .looks import lstat, mtime
from .problems import LOCK_KINDS, Kind, Links, Problem, drift

IN_PROGRESS = 10.0
"""Seconds after a change of a job within which its links may not have followed: a create takes no lock."""
LITTER_AFTER = 3600.0
"""Seconds after which something of a process that cannot be checked from here is litter."""


def find(
    ground: Ground, views: Views, names: Callable[[str], Iterable[str]] | None = None, *, locked: bool = True
) -> Iterator[Problem]:
    """Every problem of a store, lazily: first locks and links, then litter, then the jobs themselves.

    `names` gives what lies in a directory, again each time it is gone through; without it all of it at once, in order.
    Without `locked` locks are left out: for whoever watches them anyway.
    """
    jobless: list[Problem] = []
    layout, disk = ground.layout, ground.disk
    listed = names or (lambda directory: sorted(disk.list_directory(directory)))
    for directory, kind in ((layout.pending, "work"), (layout.waiting, "notification"), (layout.parked, "")):
        there = listed(directory)
        if kind and locked:
            yield from lock_problems(ground, views, kind, there, jobless)
        yield from link_problems(ground, directory, there)
    there = listed(layout.jobs)
    if locked:
        yield from lock_problems(ground, views, "state", there, jobless)
    yield from _litter(ground)
    yield from _gone_workers(ground, views)
    for name in there:
        if is_job_id(name):
            yield from job_problems(ground, views, name)
        elif not is_lock(name):
            yield foreign_name(ground, layout.jobs, name)
    yield from still_jobless(ground, views, jobless)


def look_again(ground: Ground, views: Views, problem: Problem) -> Problem | None:
    """What is left of a problem that was found: the same as it is now, or None where it is none any more."""
    kind, job_id = problem.kind, problem.id
    if kind is Kind.FOREIGN_NAME:
        return problem if ground.disk.exists(problem.path) else None
    if kind is Kind.STAGING_LITTER:
        return litter_problem(ground, problem.path)
    if kind is Kind.GONE_WORKER:
        return gone_problem(ground, problem.path.rpartition("/")[2])
    if kind in (Kind.LINK_ELSEWHERE, Kind.DANGLING_LINK, Kind.NOT_A_LINK):
        found = link_problem(ground, problem.path.rsplit("/", 2)[1], job_id)
        return found if found is not None and found.kind is kind else None
    if kind in LOCK_KINDS:
        found = lock_at(ground, views, problem)
        return found if found is not None and found.kind is kind else None
    found_now = job_problems(ground, views, job_id)
    return next((each for each in found_now if (each.kind, each.path) == (kind, problem.path)), None)


# ── jobs ──


def job_problems(ground: Ground, views: Views, job_id: str) -> list[Problem]:
    """What is wrong with one job that nobody is changing."""
    for _ in range(3):  # it may change between the looks
        before = views.marks(job_id)
        found, staged = look_at_job(ground, job_id), staged_files(ground, job_id)
        if not (found or staged) or is_held(ground, job_id):
            return []
        if views.marks(job_id) != before:
            continue
        if before.inode and abs(ground.host.time() - before.mtime_ns / 1e9) < IN_PROGRESS:
            return []
        return [*found, *_left(ground, job_id, staged)]
    return []


def look_at_job(ground: Ground, job_id: str) -> list[Problem]:
    """What is wrong with one job as it stands, whoever is at work on it. For whoever holds its state lock."""
    try:
        record = ground.read(job_id)[1]
    except JobNotFound:
        return []
    except CorruptJob as error:
        return [_unusable(ground, job_id, str(error))]
    except (OSError, Unsettled) as error:
        why = error.strerror if isinstance(error, OSError) else error
        text = f"job {job_id}: {Kind.JOB_NOT_READABLE.explanation}: {why}"
        return [Problem(Kind.JOB_NOT_READABLE, job_id, ground.layout.job(job_id), None, text)]
    since = mtime(ground, ground.layout.state(job_id))
    lost = _value_problem(ground, record, since)
    found = [lost] if lost is not None else []
    for drifted in drift(record, links_of(ground, job_id)):
        if lost is not None and drifted.kind in (Kind.FULFILLED_AND_PENDING, Kind.FULFILLED_AND_PARKED):
            continue  # it is to be run again
        path = ground.layout.link(drifted.side, job_id)
        text = f"job {job_id}: {drifted.kind.explanation}"
        found.append(Problem(drifted.kind, job_id, path, since, text))
    return found


def links_of(ground: Ground, job_id: str) -> Links:
    """Which links a job has, whatever they say."""
    exists, layout = ground.disk.exists, ground.layout
    return Links(
        exists(layout.pending_link(job_id)), exists(layout.waiting_link(job_id)), exists(layout.parked_link(job_id))
    )


def _unusable(ground: Ground, job_id: str, why: str) -> Problem:
    path = ground.layout.state(job_id)
    if not ground.disk.is_directory(ground.layout.job(job_id)):
        kind, path = Kind.JOB_NOT_A_DIRECTORY, ground.layout.job(job_id)
    elif not ground.disk.exists(path):
        kind = Kind.STATE_MISSING
    else:
        kind = Kind.STATE_CORRUPT
    return Problem(kind, job_id, path, mtime(ground, path), f"job {job_id}: {kind.explanation} ({why})")


def _value_problem(ground: Ground, record: JobRecord, since: float | None) -> Problem | None:
    if not record.fulfilled:
        return None
    path = ground.layout.value(record.id)
    try:
        kind = Kind.VALUE_NOT_A_FILE
        if stat.S_ISREG(ground.disk.calls.lstat(path).st_mode):
            return None
    except FileNotFoundError:
        kind = Kind.VALUE_MISSING
    return Problem(kind, record.id, path, since, f"job {record.id}: {kind.explanation}")


def staged_files(ground: Ground, job_id: str) -> list[str]:
    """Names of what was prepared in a job's directory, whoever did."""
    try:
        names = ground.disk.list_directory(ground.layout.job(job_id))
    except OSError:  # no directory, or none that we may read: told as such
        return []
    return sorted(name for name in names if name.startswith(STAGED))


def _left(ground: Ground, job_id: str, staged: list[str]) -> Iterator[Problem]:
    """Of staged files that were seen before the lock was found free, those that still stand: nobody's any more."""
    for name in staged:
        path = f"{ground.layout.job(job_id)}/{name}"
        found = lstat(ground, path)
        if found is not None:
            text = f"job {job_id}: {Kind.STAGED_FILE.explanation}"
            yield Problem(Kind.STAGED_FILE, job_id, path, found.st_mtime, text, found.st_ino)


# ── litter ──


def _litter(ground: Ground) -> Iterator[Problem]:
    for name in sorted(ground.disk.list_directory(ground.layout.tmp)):
        problem = litter_problem(ground, ground.layout.staging(name))
        if problem is not None:
            yield problem


def litter_problem(ground: Ground, path: str) -> Problem | None:
    """Whether something in `.fsjob/tmp/` was left by a process that is gone."""
    found = lstat(ground, path)
    if found is None:
        return None
    name = path.rpartition("/")[2]
    whose = ground.host.me.of_tag(name.rpartition(".")[0])
    alive = ground.host.alive(whose) if ground.local and whose is not None else None
    if alive or (alive is None and ground.host.time() - found.st_mtime < LITTER_AFTER):
        return None
    detail = f"pid {whose.pid} is gone" if whose is not None and alive is False else "it is over an hour old"
    text = f".fsjob/tmp/{name}: {Kind.STAGING_LITTER.explanation} ({detail})"
    return Problem(Kind.STAGING_LITTER, "", path, found.st_mtime, text, found.st_ino)


def _gone_workers(ground: Ground, views: Views) -> Iterator[Problem]:
    names = sorted(ground.disk.list_directory(ground.layout.workers))
    if names:
        signed_in = {worker.name for worker in views.workers() if worker.state != "gone"}
        for name in names:
            problem = None if name in signed_in else gone_problem(ground, name)
            if problem is not None:
                yield problem


def gone_problem(ground: Ground, name: str) -> Problem | None:
    """Whether a sign-in that is no living worker's was left for over an hour."""
    path = ground.layout.worker(name)
    found = lstat(ground, path)
    if found is None or ground.host.time() - found.st_mtime < LITTER_AFTER:
        return None
    text = f"worker {name}: {Kind.GONE_WORKER.explanation}"
    return Problem(Kind.GONE_WORKER, "", path, found.st_mtime, text, found.st_ino)
