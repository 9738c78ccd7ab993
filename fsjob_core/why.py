"""Why a job is not done, in one sentence: what was read of it, put into words. Pure: no disk, no clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .clock import time_of_day
from .facts import JobDetail, LockInfo, Verdict, WorkerInfo
from .health import RELEASABLE, duration, elapsed, many
from .ledger import given_up
from .record import JobRecord

AHEAD = 2.0
"""Seconds by which a time may be ahead of the clock without a word about it."""
NOBODY = "no worker is signed in (Node workers are seen only while they hold a lock)"
ERROR_SHOWN = 80
_NOBODYS = RELEASABLE | {Verdict.GHOST}
_MEND = "`fsjob doctor --repair`"


@dataclass(frozen=True, slots=True)
class Around:
    """What is around a job. `workers`: of all that pull work, gone ones included; times in seconds since 1970."""

    now: float
    paused: str | None
    """The reason of a pause; None where work is taken."""
    workers: Sequence[WorkerInfo]
    disk_full: bool = False


def why_not_done(detail: JobDetail, around: Around) -> str:
    """One sentence: why is this job not done?"""
    record = detail.record
    if not detail.found:
        return _missing(detail, around.now)
    if record is None:
        return f"it cannot be read: {detail.problem}"
    if record.fulfilled:
        return _fulfilled(detail, record, around.now)
    if detail.parked:
        return _parked(detail, record, around.now)
    lock = next((lock for lock in detail.locks if lock.kind == "work"), None)
    made = detail.made
    age = f"pending {duration(elapsed(around.now, made))}" if made is not None else "pending"
    if made is not None and made - around.now > AHEAD:
        age = f"pending, made {duration(made - around.now)} ahead of this host's clock"
    return f"{age}: {', '.join(_reasons(detail, record, lock, around))}{_also(detail, lock)}"


# ── what is not to be done any more, or not by a worker ──


def _missing(detail: JobDetail, now: float) -> str:
    if detail.trash is None:
        return "there is no such job: it was never made, or was deleted and purged"
    since, group = detail.trash
    undo = f"`fsjob undo {group}` brings it back" if group else "no undo brings it back: move it out by hand"
    return f"there is no such job: it lies in the trash since {time_of_day(since, now)}; {undo}"


def _fulfilled(detail: JobDetail, record: JobRecord, now: float) -> str:
    if detail.value_size is None:
        return "it is marked fulfilled, but its value is missing: run it again"
    finished = detail.finished
    told = f"it is done: fulfilled {duration(elapsed(now, finished))} ago" if finished is not None else "it is done"
    if record.waiting:
        told += f"; {many(len(record.waiting), 'target waits', 'targets wait')} to be told"
        gone = len(given_up(record))
        told += f", {gone:,} of them given up: `fsjob queue --again` tries them again" if gone else ""
        if not detail.waiting_link:
            told += f", but it has no link in waiting/, so no notifier finds it: {_MEND} links it"
    if detail.pending:
        told += f"; its link in pending/ was left, so Node workers do it again: {_MEND} removes it"
    return told + _also(detail)


def _parked(detail: JobDetail, record: JobRecord, now: float) -> str:
    meant = record.ours.get("parked")
    if detail.pending:
        says = "parked, so no worker of ours takes it" if meant else "pending, so a worker takes it"
        cut = "a park or a run again was cut off"
        return f"parked and pending at once, for {cut}: its state says {says}; {_MEND} removes the wrong link"
    at = meant.get("at") if isinstance(meant, dict) else None
    when = f" {duration(elapsed(now, at))} ago" if isinstance(at, (int, float)) and 0 < at < now + 1e9 else ""
    tries = int(record.number("attempts"))
    after = f" after {many(tries, 'try', 'tries')}" if tries > 0 else ""
    return f"parked{when}{after}{_reason(record)}: nobody works on it until it is run again{_also(detail)}"


def _reason(record: JobRecord) -> str:
    reason = record.parked_for.strip()
    return f" ({_first_line(reason)})" if reason else ""


def _also(detail: JobDetail, but: LockInfo | None = None) -> str:
    """What is wrong beside: locks that hold nothing up now but would, links that are not true any more."""
    locks = [lock for lock in detail.locks if lock is not but and lock.verdict in _NOBODYS | {Verdict.BARRED}]
    told = "".join(f"; its {lock.kind} lock is {lock.verdict}: {lock.proof}" for lock in locks)
    if not detail.elsewhere:
        return told
    where = " and ".join(f"{side}/" for side in detail.elsewhere)
    moved = "leads elsewhere (was the store moved?), so Node workers fail on it"
    return f"{told}; its link in {where} {moved}: {_MEND} mends it"


# ── what keeps a pending job from being done ──


def _reasons(detail: JobDetail, record: JobRecord, lock: LockInfo | None, around: Around) -> Iterator[str]:
    """One after the other, as they happened; what makes all else meaningless ends them."""
    tries = _tries(record, lock)
    if tries:
        yield tries
    if lock is not None:
        yield _held(lock, around.now)
        if lock.verdict not in _NOBODYS:
            return
    if record.is_parked:
        but = "but it has no link in parked/, so no list shows it"
        yield f"its state says parked{_reason(record)}, {but}: {_MEND} links it, or run it again"
    elif not detail.pending:
        yield "it has no link in pending/, so no worker finds it: an act on it was cut off; run it again"
    elif around.paused is not None:
        yield f"the store is paused{': ' + _first_line(around.paused) if around.paused else ''}"
    elif (due := record.number("not_before")) > around.now:
        yield f"its next try is due in {duration(due - around.now)}"
    elif around.disk_full:
        yield "the disk is full, so that no worker can keep what it does"
    else:
        yield _who_could(around)


def _tries(record: JobRecord, lock: LockInfo | None) -> str:
    """The tries that are over: the one that runs, or whose worker died, is the lock's to tell."""
    times = int(record.number("attempts"))
    if lock is not None and lock.since is not None and record.number("started") >= lock.since:
        times -= 1
    if times <= 0:
        return ""
    where, error = record.text("failed_on"), _first_line(record.text("last_error"))
    on = f"{' on' if times == 1 else ', last on'} {where}" if where else ""
    told = {1: "once", 2: "twice"}.get(times, f"{times} times")
    return f"tried {told}{on}{f' ({error})' if error else ''}"


def _held(lock: LockInfo, now: float) -> str:
    if lock.verdict in _NOBODYS:
        beats = lock.verdict in (Verdict.GHOST, Verdict.LEAKED)
        return f"lock {lock.verdict}{'' if beats else ' ' + duration(now - lock.last_beat)} ({lock.proof})"
    if lock.verdict is Verdict.BARRED:
        return f"its lock is barred: {lock.proof}"
    held = f" for {duration(now - lock.since)}" if lock.since is not None else ""
    if lock.verdict is Verdict.LONG:
        held = ""  # its proof says that
    return f"{lock.whose} has it{held}: {lock.verdict}, {lock.proof}"


def _who_could(around: Around) -> str:
    here = [worker for worker in around.workers if worker.state != "gone"]
    if not here:
        last = max(around.workers, key=lambda worker: worker.beat, default=None)
        if last is None:
            return NOBODY
        return f"no free worker since {time_of_day(last.beat, around.now)}: {last.name} was the last, and is gone"
    draining = [worker for worker in here if worker.state == "draining"]
    full = [worker for worker in here if worker.state == "busy" and worker.full_since]
    free = len(here) - len(draining) - len(full)
    if free:
        return f"{many(free, 'worker is free and has', 'workers are free and have')} not taken it yet"
    if not full:
        return "all workers that are signed in are draining: they take nothing more"
    since = time_of_day(max(worker.full_since for worker in full), around.now)
    also = f", {len(draining):,} draining" if draining else ""
    return f"no free worker since {since} ({len(full):,} at work{also})"


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "")[:ERROR_SHOWN]
