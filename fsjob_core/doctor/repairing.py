"""Repairs: each takes the job's own locks, judges again under them, acts, and reads back what became of it.

Killed at any call and run again, a repair ends in the same state. Links are removed only as proven steps and under
the state lock; whatever is more than a link goes into the trash by rename.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from .. import locks
from ..change import Change
from ..errors import (
    AlreadyFulfilled,
    CorruptJob,
    GuardBusy,
    JobLocked,
    JobNotFound,
    LeaseLost,
    LockTimeout,
    VersionMismatch,
)
from ..ground import STATE_LOCK_WAIT, Ground
from ..journal import Outcome
from ..layout import STAGED
from ..lease import STALE_AFTER, Judgement, Lease, Sighting, describe, judge, look, move_away, remove
from ..steps import holding, park, requeue
from ..views import Views
from .finding import gone_problem, links_of, litter_problem, look_at_job, staged_files
from .links import LOCK_BESIDE, link_problem
from .locks import lock_at, lock_info, lock_kind, lock_problem
from .problems import Drift, Kind, Problem, drift

NAME_KEPT = 240
"""Bytes of a name that are kept in the trash, where a token follows it."""
WATCHED_FOR = STALE_AFTER + 2.0
"""Seconds for which a lock is watched that was not seen beating."""
STEP = 0.2


def repair(ground: Ground, views: Views, problem: Problem, *, force: bool = False) -> Outcome:
    """Mend one problem, if it still is one. `force` does what is otherwise left for an operator.

    The outcome says where it was not done because somebody holds the job, or the guard is busy. Raises OSError.
    """
    ground.ready()
    mend = REPAIRS.get(problem.kind)
    if mend is None or not (force or problem.automatic):
        return Outcome(False, f"{problem.path} is left for an operator: {problem.remedy}", problem.id)
    try:
        return mend(ground, views, problem)
    except _InOrder:
        return Outcome(True, f"{problem.path} is no such problem any more: {problem.kind.value}", problem.id)
    except JobNotFound:
        return Outcome(True, f"job {problem.id} does not exist any more", problem.id)
    except (CorruptJob, GuardBusy, JobLocked, LeaseLost, LockTimeout) as error:
        return Outcome(False, str(error), problem.id)


class _InOrder(Exception):
    """Judged again under the locks, the problem is none any more."""


def _side(problem: Problem) -> str:
    return problem.path.rsplit("/", 2)[1]


# ── acting under the job's locks ──


@contextmanager
def _state_locked(ground: Ground, job_id: str) -> Iterator[Lease]:
    """Hold the state lock of a job, and take the right to commit from everybody who lost it."""
    lock = ground.lock("state", job_id, STATE_LOCK_WAIT)
    try:
        lock.require()
        for name in staged_files(ground, job_id):
            what = name.removeprefix(STAGED).rpartition("-")[2]
            with suppress(FileNotFoundError):
                _into_trash(ground, lock, f"{ground.layout.job(job_id)}/{name}", f"{job_id}.{what}")
        yield lock
    finally:
        lock.release()


def _prove(lock: Lease, call: Callable[[str], object], path: str) -> None:
    """A proven step, or GuardBusy."""
    if not lock.step(call, path):
        raise GuardBusy(f"{path} was left as it is: the store's guard is busy; try again")


def _trash(ground: Ground, name: str) -> str:
    kept = os.fsdecode(os.fsencode(name)[:NAME_KEPT])
    return ground.layout.in_trash(ground.layout.trash_name(kept, ground.host.token()))


def _into_trash(ground: Ground, lock: Lease, path: str, name: str) -> str:
    """Move something of a locked job into the trash; gives where it lies."""
    there = _trash(ground, name)
    _prove(lock, lambda path: ground.disk.move(path, there), path)
    _sync_move(ground, path)
    return there


def _sync_move(ground: Ground, path: str) -> None:
    ground.disk.sync_directory(ground.layout.trash)
    ground.disk.sync_directory(os.path.dirname(path))


# ── links of a job that is whole ──


def _mend_drift(ground: Ground, views: Views, problem: Problem) -> Outcome:
    with _state_locked(ground, problem.id) as lock:
        drifted = _drift_now(ground, problem)
        if drifted is None:
            raise _InOrder
        _make_last(ground, problem.id)
        text = ground.layout.link_text(problem.id)
        if drifted.link:
            _act_on_link(ground, lock, drifted.link, lambda path: ground.disk.link(text, path))
        if drifted.unlink:  # only once the other link is durable
            _act_on_link(ground, lock, drifted.unlink, ground.disk.remove)
        done = _drift_now(ground, problem) is None
    made = f"is linked in {drifted.link}/" if drifted.link else f"is not linked in {drifted.unlink}/ any more"
    return Outcome(done, f"job {problem.id} {made if done else 'is still ' + problem.kind.value}", problem.id)


def _note_parked(ground: Ground, views: Views, problem: Problem) -> Outcome:
    def judge_again(change: Change) -> None:
        if _drift_now(ground, problem) is None:
            raise _InOrder

    try:
        park(ground, problem.id, "no reason was left: its link was found in parked/", keep=judge_again)
    except (AlreadyFulfilled, VersionMismatch):
        raise _InOrder from None
    return Outcome(True, f"job {problem.id} is parked in its state too", problem.id)


def _act_on_link(ground: Ground, lock: Lease, side: str, call: Callable[[str], object]) -> None:
    path = ground.layout.link(side, lock.place.id)
    _prove(lock, call, path)
    ground.disk.sync_directory(os.path.dirname(path))


def _drift_now(ground: Ground, problem: Problem) -> Drift | None:
    record = ground.read(problem.id)[1]
    found = drift(record, links_of(ground, problem.id))
    return next((drifted for drifted in found if drifted.kind is problem.kind), None)


def _make_last(ground: Ground, job_id: str) -> None:
    """Sync all that the repair rests on: a link must not be gone for a state that a loss of power takes back."""
    ground.make_last(job_id)
    for directory in (ground.layout.jobs, ground.layout.pending, ground.layout.parked):
        ground.disk.sync_directory(directory)


# ── links that are wrong ──


def _relink(ground: Ground, views: Views, problem: Problem) -> Outcome:
    layout, disk, side = ground.layout, ground.disk, _side(problem)
    with _state_locked(ground, problem.id) as lock:
        again = link_problem(ground, side, problem.id)
        if again is None or again.kind is not problem.kind:
            raise _InOrder
        scratch = layout.staging(ground.host.tagged_token())
        disk.link(layout.link_text(problem.id), scratch)
        try:
            _prove(lock, lambda path: disk.rename_over(scratch, path), problem.path)
        except BaseException:
            disk.discard(scratch)
            raise
        disk.sync_directory(os.path.dirname(problem.path))
        done = link_problem(ground, side, problem.id) is None
    leads = "leads to its job" if done else "still leads elsewhere"
    return Outcome(done, f"{side}/{problem.id} {leads}", problem.id)


def _take_link_away(ground: Ground, views: Views, problem: Problem) -> Outcome:
    """A dangling link, or something that is no link."""
    side = _side(problem)
    with holding(ground, problem.id, LOCK_BESIDE[side]), _state_locked(ground, problem.id) as lock:
        again = link_problem(ground, side, problem.id, ours=True)
        if again is None or (again.kind, again.mark) != (problem.kind, problem.mark):
            raise _InOrder
        there = _into_trash(ground, lock, problem.path, f"{problem.id}.{side}")
    return _moved(ground, problem, there)


def _moved(ground: Ground, problem: Problem, there: str, path: str = "") -> Outcome:
    """What was moved into the trash: the problem's path, or the job around it."""
    done = ground.disk.exists(there)
    what = f"{path or problem.path} lies in the trash: {there}" if done else f"{there} is gone"
    return Outcome(done, what, problem.id)


# ── the job itself ──


def _run_again(ground: Ground, views: Views, problem: Problem) -> Outcome:
    value = ground.layout.value(problem.id)

    def judge_again(change: Change) -> None:
        if not change.record.fulfilled or ground.disk.exists(value):
            raise _InOrder

    record = requeue(ground, problem.id, keep=judge_again)
    return Outcome(True, f"job {problem.id} is pending, version {record.version}", problem.id)


def _take_value_away(ground: Ground, views: Views, problem: Problem) -> Outcome:
    with holding(ground, problem.id, "work", "notification"), _state_locked(ground, problem.id) as lock:
        if not _is_still(ground, problem):
            raise _InOrder
        there = _into_trash(ground, lock, problem.path, f"{problem.id}.value")
    return _moved(ground, problem, there)


def _bury(ground: Ground, views: Views, problem: Problem) -> Outcome:
    with holding(ground, problem.id, "work", "notification"), _state_locked(ground, problem.id) as lock:
        if not _is_still(ground, problem):
            raise _InOrder
        layout = ground.layout
        for side in LOCK_BESIDE:
            if ground.disk.exists(layout.link(side, problem.id)):
                _prove(lock, ground.disk.remove, layout.link(side, problem.id))
        for directory in (layout.pending, layout.waiting, layout.parked):
            ground.disk.sync_directory(directory)
        there = _into_trash(ground, lock, layout.job(problem.id), problem.id)
    return _moved(ground, problem, there, layout.job(problem.id))


def _is_still(ground: Ground, problem: Problem) -> bool:
    there = look_at_job(ground, problem.id)
    for found in there:
        if found.kind is Kind.JOB_NOT_READABLE:  # whether it is cannot be told
            raise CorruptJob(found.explanation)
    return any(found.kind is problem.kind for found in there)


# ── locks ──


def _watch(ground: Ground, views: Views, problem: Problem) -> Sighting:
    """Look at a lock until nobody can hold it: its holder is dead, or it was seen unbeaten for ten seconds."""
    host, place = ground.host, ground.place(lock_kind(problem), problem.id)
    never, ends = host.event(), host.monotonic() + WATCHED_FOR
    while True:
        again, seen = lock_at(ground, views, problem), look(host, place.path)
        if again is None or seen is None:
            raise _InOrder
        if seen.foreign is not None or judge(host, place.path, seen, local=ground.local) is not Judgement.HELD:
            return seen
        if host.monotonic() > ends:
            raise JobLocked(f"{place} is {describe(seen)}; it may be alive, and was left alone")
        host.wait(never, STEP)


def _release(ground: Ground, views: Views, problem: Problem) -> Outcome:
    place, seen = ground.place(lock_kind(problem), problem.id), _watch(ground, views, problem)
    done = remove(ground.host, place, seen)
    return Outcome(done, f"{place} {'is released' if done else 'has changed meanwhile; it was left alone'}", problem.id)


def _end_leak(ground: Ground, views: Views, problem: Problem) -> Outcome:
    """Bar what beats for nothing. A ghost is seen by whoever watches alone: its owner is judged again."""
    info = lock_info(views, problem)
    if info is None or info.inode != problem.mark:
        raise _InOrder
    if problem.kind is Kind.LEAKED_LOCK and lock_problem(ground, info) is None:
        raise _InOrder
    return locks.release(ground, info, wait=lambda left: False)


def _move_lock_away(ground: Ground, views: Views, problem: Problem) -> Outcome:
    """What nobody can take: no lock at all, or one with something in it that is not beaten any more."""
    place, seen = ground.place(lock_kind(problem), problem.id), _watch(ground, views, problem)
    there = _trash(ground, f"{problem.id}.lock")
    if not move_away(ground.host, place, seen, lambda path: ground.disk.move(path, there)):
        return Outcome(False, f"{place} has changed meanwhile; it was left alone", problem.id)
    _sync_move(ground, problem.path)
    return _moved(ground, problem, there)


# ── litter ──


def _take_staged_away(ground: Ground, views: Views, problem: Problem) -> Outcome:
    with _state_locked(ground, problem.id):
        left = ground.disk.exists(problem.path)
    return Outcome(not left, f"{problem.path} is {'still there' if left else 'not there any more'}", problem.id)


def _take_litter_away(ground: Ground, views: Views, problem: Problem) -> Outcome:
    again = litter_problem(ground, problem.path)
    if again is None or again.mark != problem.mark:
        raise _InOrder
    return _rename_away(ground, problem)


def _sign_out(ground: Ground, views: Views, problem: Problem) -> Outcome:
    name = os.path.basename(problem.path)
    with ground.host.guard(ground.layout.guard, False):  # a worker of this name may be signing in
        again = gone_problem(ground, name)
        alive = any(worker.name == name and worker.state != "gone" for worker in views.workers())
        if alive or again is None or again.mark != problem.mark:
            raise _InOrder
        there = _trash(ground, name)
        with suppress(FileNotFoundError):
            ground.disk.move(problem.path, there)
    _sync_move(ground, problem.path)
    return _moved(ground, problem, there)


def _rename_away(ground: Ground, problem: Problem) -> Outcome:
    there = _trash(ground, os.path.basename(problem.path))
    try:
        ground.disk.move(problem.path, there)
    except FileNotFoundError:  # another doctor was faster
        raise _InOrder from None
    _sync_move(ground, problem.path)
    return _moved(ground, problem, there)


REPAIRS: dict[Kind, Callable[[Ground, Views, Problem], Outcome]] = {
    Kind.PENDING_WITHOUT_LINK: _mend_drift,
    Kind.PARKED_WITHOUT_LINK: _mend_drift,
    Kind.PARKED_WITHOUT_REASON: _note_parked,
    Kind.WAITING_WITHOUT_LINK: _mend_drift,
    Kind.FULFILLED_AND_PENDING: _mend_drift,
    Kind.FULFILLED_AND_PARKED: _mend_drift,
    Kind.PARKED_AND_PENDING: _mend_drift,
    Kind.WAITING_FOR_NOTHING: _mend_drift,
    Kind.LINK_ELSEWHERE: _relink,
    Kind.DANGLING_LINK: _take_link_away,
    Kind.NOT_A_LINK: _take_link_away,
    Kind.VALUE_MISSING: _run_again,
    Kind.VALUE_NOT_A_FILE: _take_value_away,
    Kind.STATE_MISSING: _bury,
    Kind.STATE_CORRUPT: _bury,
    Kind.JOB_NOT_A_DIRECTORY: _bury,
    Kind.DEAD_LOCK: _release,
    Kind.SILENT_LOCK: _release,
    Kind.LEAKED_LOCK: _end_leak,
    Kind.GHOST_LOCK: _end_leak,
    Kind.OLD_BAR: _release,
    Kind.FOREIGN_LOCK: _move_lock_away,
    Kind.FILLED_LOCK: _move_lock_away,
    Kind.STAGED_FILE: _take_staged_away,
    Kind.STAGING_LITTER: _take_litter_away,
    Kind.GONE_WORKER: _sign_out,
}
