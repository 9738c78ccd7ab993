"""What is wrong with a lock. One that somebody holds and needs is no problem."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..facts import LockInfo, Verdict
from ..ground import Ground
from ..layout import LOCK, is_job_id
from ..lease import BAR_OLD, STALE_AFTER, Judgement, judge, look
from ..views import Views
from .looks import mtime
from .problems import Kind, Problem

LEAKED_FOR = 60.0
"""Seconds after a job was settled for which a lock on it may still be in use: a worker delivers before it releases."""
FOREIGN_FOR = 60.0
PAUSE = 1.0
"""Seconds after which a lock without a job is looked at again: Node's create takes the lock first."""


def is_lock(name: str) -> bool:
    """Whether a name in a directory is that of a lock."""
    return name.endswith(LOCK) and is_job_id(name[: -len(LOCK)])


def lock_problems(
    ground: Ground, views: Views, kind: str, names: Iterable[str], jobless: list[Problem]
) -> Iterator[Problem]:
    """What is wrong with the locks of one directory. Those that need a second look go into `jobless`."""
    for name in names:
        info = views.lock(kind, name[: -len(LOCK)]) if is_lock(name) else None
        problem = lock_problem(ground, info) if info is not None else None
        if problem is not None and problem.kind is Kind.LEAKED_LOCK and problem.since is None:
            jobless.append(problem)
        elif problem is not None:
            yield problem


def still_jobless(ground: Ground, views: Views, jobless: list[Problem]) -> Iterator[Problem]:
    """The second look at locks without a job."""
    if not jobless:
        return
    ground.host.wait(ground.host.event(), PAUSE)
    for before in jobless:
        again = lock_at(ground, views, before)
        if again is not None and again.kind is before.kind:
            yield again


def lock_at(ground: Ground, views: Views, problem: Problem) -> Problem | None:
    """What is wrong now with the lock of a problem; None where nothing is, or it is another's by now."""
    info = lock_info(views, problem)
    if info is None or info.inode != problem.mark:
        return None
    return lock_problem(ground, info)


def lock_info(views: Views, problem: Problem) -> LockInfo | None:
    """The lock that stands now where a problem was found."""
    return views.lock(lock_kind(problem), problem.id)


def lock_kind(problem: Problem) -> str:
    """Which of a job's locks a problem is about."""
    side = problem.path.rsplit("/", 2)[1]
    return {"pending": "work", "waiting": "notification"}.get(side, "state")


def lock_problem(ground: Ground, lock: LockInfo) -> Problem | None:
    """What is wrong with a lock that was looked at; None for one that somebody holds and needs."""

    def problem(kind: Kind, since: float | None = lock.last_beat) -> Problem:
        text = f"the {lock.kind} lock of job {lock.id} ({lock.whose}): {kind.explanation} ({lock.proof})"
        return Problem(kind, lock.id, lock.path, since, text, lock.inode)

    age = ground.host.time() - lock.last_beat
    if lock.verdict is Verdict.BARRED:
        if lock.bar is None:
            return problem(Kind.FOREIGN_LOCK) if abs(age) > FOREIGN_FOR else None
        return problem(Kind.OLD_BAR) if age > BAR_OLD else None
    if lock.verdict is Verdict.GHOST:
        return problem(Kind.GHOST_LOCK)
    alive = ground.host.alive(lock.owner.identity) if ground.local and lock.owner else None
    silent = abs(age) > STALE_AFTER
    if alive is False or silent:
        if _is_filled(ground, lock.path):
            return problem(Kind.FILLED_LOCK)
        return problem(Kind.DEAD_LOCK if alive is False else Kind.SILENT_LOCK)
    if lock.verdict is Verdict.LEAKED and not alive:
        settled = mtime(ground, ground.layout.state(lock.id))
        if settled is None or abs(ground.host.time() - settled) > LEAKED_FOR:
            return problem(Kind.LEAKED_LOCK, settled)
    return None


def _is_filled(ground: Ground, path: str) -> bool:
    try:
        return bool(ground.disk.list_directory(path))
    except OSError:  # something else by now, or not ours to read
        return False


def is_held(ground: Ground, job_id: str) -> bool:
    """Whether somebody may be changing the job right now: its state lock is held, and beats."""
    place = ground.place("state", job_id)
    seen = look(ground.host, place.path)
    if seen is None or seen.foreign is not None:
        return False
    if judge(ground.host, place.path, seen, local=ground.local) is not Judgement.HELD:
        return False
    return seen.bar is not None or abs(ground.host.time() - seen.mtime_ns / 1e9) <= STALE_AFTER
