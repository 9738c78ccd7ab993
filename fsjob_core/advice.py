"""What follows from a lock's verdict: what releasing it would start, and what not. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from .clock import SECONDS, time_of_day
from .crew import Member
from .facts import LockInfo, Verdict


def what_follows(
    lock: LockInfo, now: float, crew: Sequence[Member], *, pulled: float | None, paused: bool, unchanged: float
) -> str:
    """One sentence. `pulled`: when work was last seen to be taken; `unchanged`: since when it was watched unbeaten."""
    if lock.verdict is Verdict.BARRED:
        return "the bar goes by itself" if lock.bar is not None else "6 tells what repair would do with it"
    if lock.verdict is Verdict.LEAKED:
        return "releasing bars it for 7 s, so that its holder is told at its next beat"
    if lock.verdict is Verdict.GHOST:
        return (
            "x takes it away, for nobody works on it: barred for 7 s, whoever beats it finds no lock, learns that it "
            "was robbed, and stops; else it would keep the lock of the next one fresh, too, even once that one is dead"
        )
    if lock.verdict in (Verdict.LATE, Verdict.FUTURE):
        silent = now - lock.last_beat
        left = lock.stale_after - min(now - unchanged, silent if silent >= 0 else lock.stale_after)
        return f"stale in {max(left, 0.0):.1f} s, unless it beats"
    if lock.verdict is Verdict.LONG:
        return "it may hang: as long as it beats nobody else takes the job, and releasing asks for a typed word"
    if lock.verdict is Verdict.LIVE:
        return "nothing is to be done"
    return _released(lock, now, crew, pulled, paused)


def _released(
    lock: LockInfo, now: float, crew: Sequence[Member], pulled: float | None, paused: bool
) -> str:
    """What becomes of a job whose lock is released."""
    if lock.kind == "state":
        return "whoever next changes the job takes it over"
    if lock.kind == "notification":
        idle = sum(each.kind == "notifier" and each.state in ("idle", "busy") for each in crew)
        return "a notifier takes the job over" if idle else "no notifier is signed in: releasing alone tells nobody"
    if paused:
        return "the store is paused: releasing alone starts nothing"
    idle = sum(each.kind == "worker" and each.state == "idle" for each in crew)
    if idle:
        return f"{idle} {'worker is' if idle == 1 else 'workers are'} idle: one takes the job at once"
    if any(each.kind in ("worker", "node") and each.state == "busy" for each in crew):
        return "all workers are busy: released, the job waits for its turn"
    if pulled is None:
        return "nobody was seen to pull: releasing alone starts nothing"
    return f"nobody has pulled since {time_of_day(pulled, now, SECONDS)}: releasing alone starts nothing"
