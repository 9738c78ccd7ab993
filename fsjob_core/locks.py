"""An operator's hand on a lock: release what is dead, stale or beats for nothing; bar what is alive."""

from __future__ import annotations

from collections.abc import Callable

from . import steps
from .errors import CorruptJob, FsJobError, GuardBusy, JobLocked, JobNotFound
from .ground import Ground
from .journal import Outcome
from .lease import (
    BAR_SECONDS,
    STALE_AFTER,
    Bar,
    Judgement,
    LockPlace,
    Sighting,
    Sightings,
    bar,
    judge,
    look,
    remove,
    stale_after,
    unbar,
)
from .lease import describe as describe_lock
from .views import LockInfo

Wait = Callable[[float], bool]
"""Called about five times a second with the seconds that are left; True gives up."""

STEP = 0.2
_LEFT_BARRED = "it is barred still, until somebody pulls after a minute"


def _same(info: LockInfo, seen: Sighting) -> bool:
    return (seen.inode, seen.token) == (info.inode, info.token)


def release(ground: Ground, info: LockInfo, *, wait: Wait | None = None) -> Outcome:
    """Remove a lock whose holder is gone. Raises JobLocked where it may be alive, GuardBusy.

    A lock that may be stale is watched until it was seen unchanged for ten seconds, if `wait` is given; one that
    seems to be kept for nothing until that has been so for ten seconds.
    """
    ground.ready()
    place = ground.place(info.kind, info.id)
    host = ground.host
    never = host.event()
    leaked_since: float | None = None
    while True:
        seen = look(host, place.path)
        if seen is None:
            return Outcome(True, f"{place} is gone already", info.id)
        if not _same(info, seen):
            return Outcome(False, f"{place} has changed hands: it is {describe_lock(seen)}; left alone", info.id)
        now = host.monotonic()
        if not _is_leaked(ground, place):
            leaked_since = None
        elif leaked_since is None:
            leaked_since = now
        elif now - leaked_since > STALE_AFTER:
            return _end_bar(ground, bar(host, place, seen, "fsjob"), wait=wait)
        if judge(host, place.path, seen, local=ground.local) is not Judgement.HELD:
            return _read_back(ground, place, remove(host, place, seen))
        beaten = host.time() - seen.mtime_ns / 1e9 < STALE_AFTER
        moved = seen.mtime_ns != info.mtime_ns
        if leaked_since is None and (wait is None or seen.foreign is not None or (beaten and moved)):
            raise JobLocked(f"{place} is {describe_lock(seen)}; it may be alive: only force takes it away")
        left = leaked_since + STALE_AFTER - now if leaked_since is not None else _left(ground, place, seen)
        if wait is not None and wait(left):
            return Outcome(False, f"{place} was left alone", info.id)
        host.wait(never, STEP)


def _left(ground: Ground, place: LockPlace, seen: Sighting) -> float:
    watched = Sightings.of(ground.host).unchanged_for(place.path, seen)
    age = ground.host.time() - seen.mtime_ns / 1e9
    limit = stale_after(ground.local)
    return max(limit - watched, limit - age if age >= 0 else 0.0, 0.0)


def _is_leaked(ground: Ground, place: LockPlace) -> bool:
    """Whether a lock is kept for nothing: Node leaks these.

    For a moment that is so of whoever has just fulfilled or requeued a job, too: it must be seen for a while.
    """
    if place.kind == "state":
        return False
    try:
        _, record = ground.read(place.id)
    except JobNotFound:
        return not ground.disk.exists(ground.layout.link(_side(place), place.id))
    except CorruptJob:
        return False
    return record.fulfilled == (place.kind == "work")


def _side(place: LockPlace) -> str:
    return "pending" if place.kind == "work" else "waiting"


def take_away(
    ground: Ground,
    info: LockInfo,
    who: str,
    *,
    park: bool = False,
    wait: Wait | None = None,
    keep: steps.Keep | None = None,
) -> Outcome:
    """Bar and tell: take a live lock away so that its holder learns of it, then free or park the job.

    Takes seven seconds. `keep` writes down what parking replaces. Raises JobLocked if the lock is another's by
    now, GuardBusy.
    """
    ground.ready()
    place = ground.place(info.kind, info.id)
    seen = look(ground.host, place.path)
    reason = f"taken away by {who}"
    if seen is None:
        gone = f"{place} is gone already"
        if not park or place.kind != "work":
            return Outcome(True, gone, info.id)
        steps.park(ground, place.id, reason, keep=keep)
        return Outcome(True, f"{gone}, and the job is parked", info.id)
    if not _same(info, seen) or seen.bar is not None:
        raise JobLocked(f"{place} has changed hands: it is {describe_lock(seen)}")
    barred = bar(ground.host, place, seen, who)
    return _end_bar(ground, barred, park=park, reason=reason, wait=wait, keep=keep)


def _end_bar(
    ground: Ground,
    barred: Bar,
    *,
    park: bool = False,
    reason: str = "",
    wait: Wait | None = None,
    keep: steps.Keep | None = None,
) -> Outcome:
    """Let a bar stand for one beat of the holder and a margin, park under it if asked, and take it away."""
    host, place = ground.host, barred.place
    never = host.event()
    failed, parked = False, ""
    if park and place.kind == "work":
        try:
            steps.park(ground, place.id, reason, bar=barred, keep=keep)
            parked = ", and the job is parked"
        except (FsJobError, OSError) as error:  # the lock is taken away all the same, and must be set free
            failed, parked = True, f", but the job could not be parked: {error}"
    while (left := barred.set_at + BAR_SECONDS - host.monotonic()) > 0:
        if wait is not None and wait(left):
            return Outcome(False, f"{place} was taken away{parked}; {_LEFT_BARRED}", place.id)
        host.wait(never, min(left, STEP))
    try:
        removed = unbar(barred)
    except (GuardBusy, OSError) as error:
        return Outcome(False, f"{place} was taken away{parked}; {_LEFT_BARRED}: {error}", place.id)
    if not removed:
        return Outcome(False, f"{place} was taken away{parked}; its bar was removed by somebody else", place.id)
    done = _read_back(ground, place, True)
    return Outcome(done.done and not failed, done.what + parked, done.id)


def _read_back(ground: Ground, place: LockPlace, done: bool) -> Outcome:
    now = look(ground.host, place.path)
    if not done:
        return Outcome(False, f"{place} has changed meanwhile; left alone", place.id)
    if now is not None:
        return Outcome(True, f"{place} was released, and is {describe_lock(now)} now", place.id)
    return Outcome(True, f"{place} is released", place.id)
